package storetest

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Opener opens a fresh, empty store that tells the time by the given clock. It is closed by Exercise.
type Opener func(t *testing.T, clock dr.Clock) *store.Store

// Exercise runs the conformance suite. Every part gets a store of its own.
func Exercise(t *testing.T, open Opener) {
	parts := []struct {
		name string
		run  func(*bench)
	}{
		{"run", runRoundTrip}, {"run moved on", runMovedOn}, {"runs filtered", runsFiltered}, {"unchanged parts", unchangedParts},
		{"rounds and votes", roundsAndVotes}, {"codes", codes}, {"sheets", sheets}, {"slices", slicesKept},
		{"steps", steps}, {"intent once", intentOnce}, {"outcome once", outcomeOnce}, {"undo", undo}, {"durations", durations},
		{"odd text", oddText}, {"placements", placements}, {"locks", locks}, {"leases", leases},
		{"journal", journalRows}, {"journal grows whole", journalGrowsWhole}, {"register", register}, {"proofs", proofs}, {"watch", watch},
		{"nothing half-written", nothingHalfWritten}, {"snapshot", snapshot}, {"cancelled", cancelled},
		{"blobs", blobs}, {"blob erased", blobErased}, {"blob broken off", blobBrokenOff},
		{"tokens", tokens}, {"sessions and nonces", sessionsAndNonces}, {"identities", identities}, {"cards", cards}, {"pruned", pruned}, {"notices", notices}, {"inbox and outbox", queues},
		{"votes at one instant", votesAtOneInstant}, {"intents at one instant", intentsAtOneInstant}, {"many writers", manyWriters},
		{"key rotation", keyRotation}, {"vectors", vectors}, {"runbooks", runbooks}, {"questions", questions},
		{"signals", signals}, {"signals at one instant", signalsAtOneInstant}, {"situations", situationsKept}, {"model use", modelUse},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			b := &bench{T: t, time: newHands()}
			b.s = open(t, b.time.clock())
			p.run(b)
			if _, err := b.s.Verify(b.Context()); err != nil {
				t.Errorf("the store does not verify afterwards: %v", err)
			}
			if err := b.s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
}

// hands is a clock moved by hand.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func newHands() *hands { return &hands{now: time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC)} }

func (h *hands) clock() dr.Clock {
	return dr.Clock{Now: func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }, After: time.After}
}

func (h *hands) forward(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hands) time() dr.Time { return h.clock().Time() }

// bench is one part's store and its helpers.
type bench struct {
	*testing.T
	s    *store.Store
	time *hands
}

// write must succeed.
func (b *bench) write(fn func(tx *store.Tx) error) {
	b.Helper()
	if err := b.s.Write(b.Context(), fn); err != nil {
		b.Fatalf("writing: %v", err)
	}
}

// refused must fail with a kind and a sentence.
func (b *bench) refused(kind dr.ErrKind, id string, fn func(tx *store.Tx) error) {
	b.Helper()
	err := b.s.Write(b.Context(), fn)
	var e *dr.Error
	if !errors.As(err, &e) || e.Kind != kind || e.ID != id {
		b.Fatalf("got %v, want a %s error %q", err, kind, id)
	}
}

// read must succeed.
func (b *bench) read(fn func(r *store.Reader) error) {
	b.Helper()
	if err := b.s.Read(b.Context(), fn); err != nil {
		b.Fatalf("reading: %v", err)
	}
}

// same compares by JSON and, where it matters, by the fields JSON leaves out.
func same[T any](b *bench, what string, got, want T) {
	b.Helper()
	g, err1 := json.Marshal(got)
	w, err2 := json.Marshal(want)
	if err1 != nil || err2 != nil || string(g) != string(w) {
		b.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// sliceOf is a frozen plan's bytes and digest.
func sliceOf(text string) ([]byte, string) {
	body := []byte(`{"format":"switchman/slice/v1","plan":"` + text + `"}`)
	return body, dr.Digest(body)
}

// newRun is a run in draft, with everything in it that the store must bring back.
func (b *bench) newRun(id string) dr.Run {
	_, digest := sliceOf(id)
	return dr.Run{ID: id, Plan: "bank-switchover", Title: "Move the whole bank", Digest: digest, Kind: dr.Switchover, Mode: dr.Drill,
		Direction: dr.Outbound, Environment: dr.Sample, From: "east", To: "west", State: dr.Draft, Version: 1, Requester: "lin",
		Reason: "十一月演练", Observer: "wu", Challenge: "heron", Commander: "lin",
		Clocks: dr.Clocks{Requested: b.time.time(), Ordered: b.time.time()},
		Checks: []dr.Check{{ID: "lag:ledger-stream", Title: "Lag", OK: true, Level: "block", Text: "12 ms", At: b.time.time()}},
		Systems: []dr.RunSystem{{ID: "ledger", From: "east", To: "west", Site: "east", State: "waiting", RPO: -1, Lost: -1, Served: -1},
			{ID: "identity", From: "east", To: "west", Site: "east", State: "waiting", RPO: -1, Lost: -1, Served: -1}}}
}

// insert stores a new run with steps a, b and c, the first ready.
func (b *bench) insert(id string) dr.Run {
	b.Helper()
	run := b.newRun(id)
	body, _ := sliceOf(id)
	b.write(func(tx *store.Tx) error {
		if err := tx.InsertRun(b.Context(), run, body); err != nil {
			return err
		}
		tx.Journal(row(id, dr.RowRequested, `{"plan":"bank-switchover"}`))
		return tx.ReplaceSteps(b.Context(), id, []dr.StepRow{{Run: id, Step: "a", State: dr.StepReady},
			{Run: id, Step: "b", State: dr.StepReady}, {Run: id, Step: "c", State: dr.StepBlocked}})
	})
	return run
}

// openRound opens round n of a run.
func (b *bench) openRound(id string, n int) dr.Round {
	b.Helper()
	_, digest := sliceOf(id)
	round := dr.Round{Number: n, Nonce: "5f0c", Digest: digest, Opened: b.time.time(), Expires: b.time.time().Plus(1800000), State: "open"}
	b.write(func(tx *store.Tx) error {
		run, err := tx.LockRun(b.Context(), id)
		if err != nil {
			return err
		}
		run.Round = round
		if err := tx.AddRound(b.Context(), id, round); err != nil {
			return err
		}
		return tx.UpdateRun(b.Context(), &run)
	})
	return round
}

func (b *bench) run(id string) dr.Run {
	b.Helper()
	var run dr.Run
	b.read(func(r *store.Reader) (err error) {
		run, err = r.Run(b.Context(), id)
		return err
	})
	return run
}

func row(run string, kind dr.RowKind, data string) dr.Row {
	return dr.Row{Run: run, Kind: kind, Actor: "lin", Surface: "cli", Data: json.RawMessage(data)}
}

// together runs fn n times at one instant and waits for all.
func together(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			fn(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}
