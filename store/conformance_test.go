package store_test

import (
	"log/slog"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, clock dr.Clock) *store.Store {
		return open(t, store.Options{Dir: t.TempDir(), Clock: clock})
	})
}

func TestPostgres(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, clock dr.Clock) *store.Store {
		return open(t, store.Options{Dir: t.TempDir(), URL: storetest.Postgres(t), Clock: clock})
	})
}

// open opens a store of the sample organisation and closes it with the test.
func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := tryOpen(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(t testing.TB, o store.Options) (*store.Store, error) {
	t.Helper()
	if o.Organisation == "" && !o.ReadOnly {
		o.Organisation, o.Environment = "harbor-bank", dr.Sample
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	}
	s, err := store.Open(t.Context(), o)
	if s != nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
	return s, err
}
