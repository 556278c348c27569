package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// atSites opens a server at each site on one database.
func atSites(t *testing.T, url string, sites ...string) (all []*store.Store) {
	t.Helper()
	var key []byte
	for _, site := range sites {
		dir := t.TempDir()
		if key != nil {
			if err := os.WriteFile(filepath.Join(dir, "log.key"), key, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, open(t, store.Options{Dir: dir, URL: url, Clock: clock(), Site: site}))
		var err error
		if key, err = os.ReadFile(filepath.Join(dir, "log.key")); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestOnlyTheActiveSiteWorks: leases are taken, and runs moved, at one site. When another is made the active one,
// whoever held a lease at the first writes nothing more under it.
func TestOnlyTheActiveSiteWorks(t *testing.T) {
	all := atSites(t, storetest.Postgres(t), "east", "west", "")
	east, west, lost := all[0], all[1], all[2]
	insertRun(t, east, "r1")
	take := func(s *store.Store, who string) (epoch int64, held bool) {
		t.Helper()
		err := s.Write(t.Context(), func(tx *store.Tx) (err error) {
			epoch, held, err = tx.AcquireLease(t.Context(), "run:r1", who, time.Hour)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return epoch, held
	}
	fence := func(s *store.Store, who string, epoch int64) error {
		return s.Write(t.Context(), func(tx *store.Tx) error { return tx.Fence(t.Context(), "run:r1", who, epoch) })
	}
	lock := func(s *store.Store) string {
		err := s.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.LockRun(t.Context(), "r1"); return err })
		var no *dr.Error
		if errors.As(err, &no) {
			return no.ID
		}
		return ""
	}
	epoch, held := take(east, "one")
	if !held || fence(east, "one", epoch) != nil || lock(east) != "" {
		t.Fatal("the first site does not work")
	}
	if _, held := take(west, "two"); held || lock(west) != "site_passive" || lock(lost) != "site_unknown" {
		t.Errorf("another site works: %v %s %s", held, lock(west), lock(lost))
	}
	err := west.Write(t.Context(), func(tx *store.Tx) error {
		a, err := tx.LockSite(t.Context())
		if err == nil && (a.Site != "east" || a.Epoch != 1) {
			t.Errorf("the active site is %+v", a)
		}
		if err == nil {
			_, err = tx.MoveSite(t.Context(), a, "west")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := fence(east, "one", epoch); !errors.Is(err, store.ErrFenced) || lock(east) != "site_passive" {
		t.Errorf("the old site still writes: %v", err)
	}
	if later, held := take(west, "two"); !held || later <= epoch || fence(west, "two", later) != nil {
		t.Errorf("the new site does not work: %v, epoch %d after %d", held, later, epoch)
	}
}

// TestRowsOfAnotherServerWake: whoever watches one server is woken by what another writes.
func TestRowsOfAnotherServerWake(t *testing.T) {
	all := servers(t, storetest.Postgres(t), 2)
	wake, stop := all[1].Watch()
	defer stop()
	err := all[0].Write(t.Context(), func(tx *store.Tx) error {
		tx.Journal(dr.Row{Kind: dr.RowOrganisation, Data: []byte(`{}`)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-wake:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was woken")
	}
}

// TestDurability: a database without a standby says what it lacks, and a server of it is listed until it leaves.
func TestDurability(t *testing.T) {
	s := servers(t, storetest.Postgres(t), 1)[0]
	d, err := s.Durability(t.Context())
	if err != nil || d.Commit == "" || d.Lacks == "" {
		t.Errorf("%+v, %v", d, err)
	}
	list := func() (all []store.Replica) {
		t.Helper()
		if err := s.Read(t.Context(), func(r *store.Reader) (err error) { all, err = r.Replicas(t.Context()); return err }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.Beat(t.Context(), store.Replica{ID: "one", Version: "v1"}) }); err != nil {
		t.Fatal(err)
	}
	if all := list(); len(all) != 1 || all[0].ID != "one" || all[0].Seen.IsZero() {
		t.Errorf("%+v", all)
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.Leave(t.Context(), "one") }); err != nil {
		t.Fatal(err)
	}
	if all := list(); len(all) != 0 {
		t.Errorf("one that left is listed: %+v", all)
	}
}

// TestServersFade: a server that is not seen any more is listed for a minute, and forgotten after a day. The second one
// goes on saying that it is there.
func TestServersFade(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	s := open(t, store.Options{Dir: t.TempDir(), Clock: dr.Clock{Now: func() time.Time { return now }, After: time.After}})
	beat := func(id string) {
		t.Helper()
		if err := s.Write(t.Context(), func(tx *store.Tx) error {
			return tx.Beat(t.Context(), store.Replica{ID: id, Version: "v1", Started: dr.At(now)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	listed := func() (ids []string) {
		t.Helper()
		err := s.Read(t.Context(), func(r *store.Reader) error {
			all, err := r.Replicas(t.Context())
			for _, one := range all {
				ids = append(ids, one.ID)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	beat("gone")
	for second := 1; second <= 75; second++ {
		now = now.Add(time.Second)
		if second%15 == 0 {
			beat("here")
		}
		want := []string{"gone", "here"}
		switch {
		case second < 15:
			want = want[:1]
		case second >= 60:
			want = want[1:]
		}
		if got := listed(); !slices.Equal(got, want) {
			t.Errorf("after %d s: %v, want %v", second, got, want)
		}
	}
}
