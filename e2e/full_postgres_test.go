//go:build !race

package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// TestFault12DiskFullPostgres fills the disk of the database before an intent, before an outcome and before a row. Each
// is refused with a sentence, leaves nothing half-written, and works when there is space again, without a restart.
func TestFault12DiskFullPostgres(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pg") // goes after the server that lives there
	p := ownServer(t)
	old := p.Dir
	if err := p.Rest(); err != nil {
		t.Fatal(err)
	}
	d := newDisk(t, dir, 128)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", old+"/.", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.Dir = dir
	if err := errors.Join(os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755), os.Chmod(filepath.Dir(dir), 0o755), os.RemoveAll(old), os.Remove(old+".log"), p.Start()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), URL: storeURL(p.Address), Organisation: "tiny-bank", Environment: dr.Test, Clock: app.SystemClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	body := []byte(`{"format":"switchman/slice/v1"}`)
	err = s.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertRun(t.Context(), dr.Run{ID: "r1", Plan: "p", Digest: dr.Digest(body), State: dr.Closed, Round: dr.Round{Number: 1, State: "used"}}, body); err != nil {
			return err
		}
		return tx.ReplaceSteps(t.Context(), "r1", []dr.StepRow{{Run: "r1", Step: "a", State: dr.StepReady}})
	})
	if err != nil {
		t.Fatal(err)
	}
	a := dr.Attempt{Run: "r1", Step: "a", N: 1, Token: "t1", Purpose: "do", Intent: dr.At(app.SystemClock().Now())}
	ok := a
	ok.State, ok.Outcome = dr.StepOK, a.Intent
	noise := make([]byte, 100<<10) // does not get smaller, so the database needs room for it
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	row := dr.Row{Run: "r1", Kind: dr.RowIntent, Data: []byte(`{"text":"` + hex.EncodeToString(noise) + `"}`)}
	for _, c := range []struct {
		name  string
		do    func(tx *store.Tx) error
		state dr.StepState // of the step while the disk is full
	}{
		{"intent", func(tx *store.Tx) error { tx.Journal(row); return tx.Intent(t.Context(), a) }, dr.StepReady},
		{"outcome", func(tx *store.Tx) error { tx.Journal(row); return tx.Outcome(t.Context(), ok, dr.StepOK) }, dr.StepIntent},
		{"row", func(tx *store.Tx) error { tx.Journal(row); return nil }, dr.StepOK},
	} {
		before := head(t, s)
		if err := d.fill(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			err := s.Write(t.Context(), c.do)
			var e *dr.Error
			if !errors.As(err, &e) || e.Kind != dr.Unavailable || e.ID != "disk_full" {
				t.Fatalf("%s on a full disk: %v", c.name, err)
			}
		}
		err := s.Read(t.Context(), func(r *store.Reader) error {
			step, err := r.Step(t.Context(), "r1", "a")
			if step.State != c.state {
				t.Errorf("%s: the step is %s, want %s", c.name, step.State, c.state)
			}
			return err
		})
		if now := head(t, s); err != nil || now != before {
			t.Errorf("%s was half-written: %d rows before, %d now, %v", c.name, before, now, err)
		}
		d.free(t)
		if err := s.Write(t.Context(), c.do); err != nil {
			t.Fatalf("%s with space again: %v", c.name, err)
		}
		if now := head(t, s); now != before+1 {
			t.Errorf("%s: %d rows, want %d", c.name, now, before+1)
		}
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func head(t *testing.T, s *store.Store) (n int64) {
	t.Helper()
	err := s.Read(t.Context(), func(r *store.Reader) error {
		h, err := r.Head(t.Context())
		n = h.Size
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFault12ReadOnlyPostgres has the database take no writes in mid-run, as one that was set so or is about to fail over. Whoever
// acts is told, nothing is sent that is not written, and when it takes writes again the run goes on by itself.
func TestFault12ReadOnlyPostgres(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.url = storetest.Postgres(t)
	s.fact("core-db-w.slow", "500ms")
	s.logs.mute(true) // a database that takes nothing is told of in many words
	s.open(nil)
	run := s.ready("move", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepIntent })
	takes := func(setting string) {
		c, err := pgx.Connect(t.Context(), s.url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context()) //nolint:errcheck // it has done its work
		var name string
		if err := c.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{"SET default_transaction_read_only = off", fmt.Sprintf("ALTER DATABASE %q SET default_transaction_read_only = %s", name, setting),
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"} {
			if _, err := c.Exec(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
	}
	takes("on")
	var err error
	s.eventually("whoever acts is told", func() bool {
		err = s.try("bob", run, dr.VerbPause, fsm.Args{})
		var e *dr.Error
		return errors.As(err, &e) && e.ID == "database_read_only"
	})
	if message, hint := locale.Error("en", err); dr.KindOf(err) != dr.Unavailable || message == "" || hint == "" {
		t.Errorf("told %q, hint %q: %v", message, hint, err)
	}
	allowed := []string{"cards-app-e.stopped", "core-app-e.stopped", "core-db-w.primary", "core-db-w.slow"}
	if made := s.made(); !slices.Equal(made, atMost(made, allowed)) {
		t.Errorf("effects %v while nothing can be written", made)
	}
	takes("off")
	s.arrives(run)
}
