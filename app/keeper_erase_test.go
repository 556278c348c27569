package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// evidenced is a store with one piece of evidence that no run names, kept at the clock's moment.
func evidenced(t *testing.T, c *handClock, url string) (*store.Store, dr.Blob) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), URL: url, Organisation: "tiny-bank", Clock: c.clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b, err := s.PutBlob(t.Context(), "output", "text/plain", "out", strings.NewReader("core-db-w is primary now"))
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func erasing(s *store.Store, c *handClock, instance string) *keeper {
	return newKeeper(s, &config.Config{RetentionDays: 7}, "tiny-bank", instance, c.clock(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

// there reports whether evidence can still be read.
func there(t *testing.T, s *store.Store, b dr.Blob) bool {
	t.Helper()
	err := s.Read(t.Context(), func(r *store.Reader) error {
		_, _, err := r.Blob(t.Context(), b.Digest)
		return err
	})
	if err != nil && dr.KindOf(err) != dr.NotFound {
		t.Fatal(err)
	}
	return err == nil
}

func TestEvidenceIsErasedInItsTime(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	s, b := evidenced(t, c, "")
	k := erasing(s, c, "here")
	c.now = c.now.Add(6 * 24 * time.Hour)
	k.round(t.Context())
	if !there(t, s, b) {
		t.Fatal("erased after 6 of 7 days")
	}
	c.now = c.now.Add(25 * time.Hour)
	k.round(t.Context())
	if there(t, s, b) {
		t.Fatal("kept for longer than 7 days")
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Errorf("the journal does not verify any more: %v", err)
	}
}

// TestNothingIsErasedWhileARunMoves: what a step is about to keep may be what was kept long ago.
func TestNothingIsErasedWhileARunMoves(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	s, b := evidenced(t, c, "")
	run := dr.Run{ID: "r1", Plan: "move", Digest: dr.Digest([]byte("{}")), Mode: dr.Drill, Direction: dr.Outbound, State: dr.Running, Version: 1, Clocks: dr.Clocks{Requested: c.clock().Time()}}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.InsertRun(t.Context(), run, []byte("{}")) }); err != nil {
		t.Fatal(err)
	}
	k := erasing(s, c, "here")
	c.now = c.now.Add(8 * 24 * time.Hour)
	k.round(t.Context())
	if !there(t, s, b) {
		t.Fatal("erased although a run was moving")
	}
	err := s.Write(t.Context(), func(tx *store.Tx) error {
		run, err := tx.LockRun(t.Context(), "r1")
		if err != nil {
			return err
		}
		run.State = dr.Failed
		return tx.UpdateRun(t.Context(), &run)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(eraseLater)
	k.round(t.Context())
	if there(t, s, b) {
		t.Error("kept although no run moves any more")
	}
}

// TestOneServerErases: of several servers on one database, the one with the lease does it.
func TestOneServerErases(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	s, b := evidenced(t, c, storetest.Postgres(t))
	var epoch int64
	err := s.Write(t.Context(), func(tx *store.Tx) (err error) {
		epoch, _, err = tx.AcquireLease(t.Context(), keeperLease, "another/1", time.Hour)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	k := erasing(s, c, "this/1")
	c.now = c.now.Add(8 * 24 * time.Hour)
	k.round(t.Context())
	if !there(t, s, b) {
		t.Fatal("erased without the lease")
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.ReleaseLease(t.Context(), keeperLease, "another/1", epoch) }); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(erasesEvery)
	k.round(t.Context())
	if there(t, s, b) {
		t.Error("kept although the lease is free")
	}
}

func TestNoCopiesOfPostgres(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)}
	s, _ := evidenced(t, c, storetest.Postgres(t))
	var said strings.Builder
	k := newKeeper(s, &config.Config{BackupPath: t.TempDir(), BackupEvery: time.Hour}, "tiny-bank", "this/1", c.clock(), slog.New(slog.NewTextHandler(&said, nil)), prometheus.NewRegistry())
	if k.dir != "" || !strings.Contains(said.String(), "PostgreSQL, which makes its own backups") {
		t.Errorf("copies into %q, said %q", k.dir, said.String())
	}
}
