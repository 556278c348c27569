package storetest

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func placements(b *bench) {
	err := b.s.Read(b.Context(), func(r *store.Reader) error { _, err := r.Placement(b.Context(), "ledger"); return err })
	if dr.KindOf(err) != dr.NotFound {
		b.Errorf("a system that was never moved: %v", err)
	}
	p := dr.Placement{System: "ledger", Site: "west", Since: b.time.time(), Run: "r1", Proven: b.time.time(), Previous: "east"}
	b.write(func(tx *store.Tx) error { return tx.SetPlacement(b.Context(), p) })
	p.Site, p.Previous = "east", "west"
	b.write(func(tx *store.Tx) error { return tx.SetPlacement(b.Context(), p) })
	b.read(func(r *store.Reader) error {
		one, err := r.Placement(b.Context(), "ledger")
		same(b, "placement", one, p)
		all, err2 := r.Placements(b.Context())
		same(b, "placements", all, []dr.Placement{p})
		return errors.Join(err, err2)
	})
}

func (b *bench) locks() string {
	b.Helper()
	got := ""
	b.read(func(r *store.Reader) error {
		locks, err := r.Locks(b.Context())
		for _, l := range locks {
			got += l.Name + "=" + l.Run + string(rune('0'+l.Refs)) + " "
		}
		return err
	})
	return got
}

func locks(b *bench) {
	b.insert("r1")
	b.insert("r2")
	take := func(run string, names ...string) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return tx.TakeLocks(b.Context(), run, names) }
	}
	b.write(take("r1", "ledger", "public-dns", "identity", "public-dns"))
	same(b, "locks", b.locks(), "identity=r11 ledger=r11 public-dns=r12 ")
	err := b.s.Write(b.Context(), take("r2", "cards", "ledger"))
	var e *dr.Error
	if !errors.As(err, &e) || e.ID != "lock_held" || e.Args["run"] != "r1" || e.Args["name"] != "ledger" {
		b.Fatalf("taking what another run holds: %v", err)
	}
	same(b, "all or none", b.locks(), "identity=r11 ledger=r11 public-dns=r12 ")
	b.write(func(tx *store.Tx) error { return tx.DropLocks(b.Context(), "r1", "identity", "public-dns") })
	same(b, "locks", b.locks(), "ledger=r11 public-dns=r11 ")
	b.write(func(tx *store.Tx) error { return tx.MoveLocks(b.Context(), "r1", "r2", []string{"ledger", "cards"}) })
	same(b, "locks", b.locks(), "ledger=r21 public-dns=r11 ")
	b.write(func(tx *store.Tx) error { return tx.DropLocks(b.Context(), "r1") })
	same(b, "locks", b.locks(), "ledger=r21 ")
	b.write(func(tx *store.Tx) error { return tx.DropLocks(b.Context(), "r1") })
}

// leases runs on the store's own clock: ours on SQLite, the database's on PostgreSQL, so that it
// lets leases run out by their length and not by waiting.
func leases(b *bench) {
	acquire := func(holder string, ttl time.Duration) (epoch int64, held bool) {
		b.Helper()
		b.write(func(tx *store.Tx) (err error) {
			epoch, held, err = tx.AcquireLease(b.Context(), "run:r1", holder, ttl)
			return err
		})
		return epoch, held
	}
	fence := func(holder string, epoch int64) error {
		return b.s.Write(b.Context(), func(tx *store.Tx) error { return tx.Fence(b.Context(), "run:r1", holder, epoch) })
	}
	if err := fence("one", 1); !errors.Is(err, store.ErrFenced) {
		b.Errorf("a lease nobody took fences with %v", err)
	}
	if epoch, held := acquire("one", time.Hour); !held || epoch != 1 {
		b.Fatalf("first: epoch %d, held %v", epoch, held)
	}
	if _, held := acquire("two", time.Hour); held {
		b.Fatal("a lease was taken from its holder")
	}
	if epoch, held := acquire("one", time.Hour); !held || epoch != 2 {
		b.Fatalf("the holder again: epoch %d, held %v", epoch, held)
	}
	if err := errors.Join(fence("one", 2), b.s.Write(b.Context(), func(tx *store.Tx) error {
		return tx.RenewLease(b.Context(), "run:r1", "one", 2, 0)
	})); err != nil {
		b.Fatalf("holding on: %v", err)
	}
	// It has run out now. The old holder is fenced from the moment another has it, not before.
	if err := fence("one", 2); err != nil {
		b.Errorf("run out, not taken: %v", err)
	}
	if epoch, held := acquire("two", time.Hour); !held || epoch != 3 {
		b.Fatalf("takeover: epoch %d, held %v", epoch, held)
	}
	for _, old := range []int64{1, 2, 3} {
		if err := fence("one", old); !errors.Is(err, store.ErrFenced) {
			b.Errorf("the old holder at epoch %d: %v", old, err)
		}
	}
	b.refused(dr.Conflict, "lease_lost", func(tx *store.Tx) error { return tx.RenewLease(b.Context(), "run:r1", "one", 2, time.Hour) })
	b.write(func(tx *store.Tx) error { return tx.ReleaseLease(b.Context(), "run:r1", "one", 2) }) // no longer its own: nothing
	b.read(func(r *store.Reader) error {
		l, err := r.Lease(b.Context(), "run:r1")
		if l.Holder != "two" || l.Epoch != 3 {
			b.Errorf("lease is %+v", l)
		}
		return err
	})
	b.write(func(tx *store.Tx) error { return tx.ReleaseLease(b.Context(), "run:r1", "two", 3) })
	var won atomic.Int64
	together(8, func(i int) {
		err := b.s.Write(b.Context(), func(tx *store.Tx) error {
			_, held, err := tx.AcquireLease(b.Context(), "run:r1", "racer"+string(rune('a'+i)), time.Hour)
			if held {
				won.Add(1)
			}
			return err
		})
		if err != nil {
			b.Errorf("racing: %v", err)
		}
	})
	if won.Load() != 1 {
		b.Errorf("%d of 8 have the lease", won.Load())
	}
}
