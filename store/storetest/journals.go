package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

func (b *bench) head() journal.Head {
	b.Helper()
	var h journal.Head
	b.read(func(r *store.Reader) (err error) {
		h, err = r.Head(b.Context())
		return err
	})
	return h
}

func journalRows(b *bench) {
	first := b.head()
	if first.Size != 1 {
		b.Fatalf("a new journal has %d rows", first.Size)
	}
	at := b.time.time().Plus(-5000)
	b.write(func(tx *store.Tx) error {
		one, two := row("r1", dr.RowVote, `{"person":"<陈>"}`), row("r2", dr.RowRefusal, `{}`)
		one.At = at
		tx.Journal(one)
		tx.Journal(two)
		return nil
	})
	b.read(func(r *store.Reader) error {
		rows, raw, err := r.Rows(b.Context(), 0, 10)
		if err != nil || len(rows) != 3 || rows[0].Kind != dr.RowInstalled {
			return fmt.Errorf("rows are %v: %w", rows, err)
		}
		want := row("r1", dr.RowVote, `{"person":"<陈>"}`)
		want.Seq, want.At = 1, at
		same(b, "row", rows[1], want)
		same(b, "row without a moment", rows[2].At, b.time.time())
		for i, body := range raw {
			if again, err := journal.Encode(rows[i]); err != nil || string(again) != string(body) {
				b.Errorf("row %d is stored as %s, %v", i, body, err)
			}
		}
		page, _, err := r.Rows(b.Context(), 2, 1)
		if err != nil || len(page) != 1 || page[0].Seq != 2 {
			b.Errorf("a page is %v, %v", page, err)
		}
		of, err := r.RowsOf(b.Context(), "r2")
		if err != nil || len(of) != 1 || of[0].Seq != 2 {
			b.Errorf("rows of r2 are %v, %v", of, err)
		}
		one, err := r.Row(b.Context(), 1)
		same(b, "row 1", one, rows[1])
		if _, err := r.Row(b.Context(), 99); dr.KindOf(err) != dr.NotFound {
			b.Errorf("an unknown row: %v", err)
		}
		return err
	})
	cp, err := journal.Verify(b.head().Note, b.s.PublicKey())
	if err != nil || cp.Size != 3 {
		b.Errorf("checkpoint is %+v, %v", cp, err)
	}
}

// journalGrowsWhole: what does not encode writes nothing, and neither does what it came with.
func journalGrowsWhole(b *bench) {
	b.insert("r1")
	before := b.head()
	for _, data := range []string{`{"a":1,"a":2}`, `{"host":"a","HOST":"b"}`, `{`, `{} {}`, "{\"a\":\"\xff\"}"} {
		err := b.s.Write(b.Context(), func(tx *store.Tx) error {
			run, err := tx.LockRun(b.Context(), "r1")
			if err != nil {
				return err
			}
			run.State = dr.Cancelled
			tx.Journal(row("r1", dr.RowState, `{}`))
			tx.Journal(dr.Row{Kind: dr.RowState, Data: json.RawMessage(data)})
			return tx.UpdateRun(b.Context(), &run)
		})
		if err == nil {
			b.Errorf("%q was journaled", data)
		}
	}
	if after := b.head(); after.Size != before.Size || b.run("r1").State != dr.Draft {
		b.Errorf("half of it was written: %d rows, %d before", after.Size, before.Size)
	}
}

func proofs(b *bench) {
	for i := range 12 {
		b.write(func(tx *store.Tx) error {
			for range i % 4 {
				tx.Journal(row("r"+strconv.Itoa(i), dr.RowNotice, `{"n":`+strconv.Itoa(i)+`}`))
			}
			return nil
		})
	}
	head := b.head()
	b.read(func(r *store.Reader) error {
		for seq := range head.Size {
			p, err := r.Proof(b.Context(), seq)
			if err != nil {
				return err
			}
			p, err = journal.ParseProof([]byte(p.String()))
			if err != nil {
				return err
			}
			raw, err := r.RawRow(b.Context(), seq)
			if err != nil {
				return err
			}
			if _, err := journal.VerifyInclusion(p, raw, b.s.PublicKey()); err != nil {
				b.Errorf("row %d: %v", seq, err)
			}
			if _, err := journal.VerifyInclusion(p, append(raw, ' '), b.s.PublicKey()); err == nil {
				b.Errorf("row %d: other bytes were proven too", seq)
			}
		}
		return nil
	})
}

func watch(b *bench) {
	wake, stop := b.s.Watch()
	defer stop()
	select {
	case <-wake:
		b.Error("woken by nothing")
	default:
	}
	b.write(func(tx *store.Tx) error { tx.Journal(row("", dr.RowNotice, `{}`)); return nil })
	b.write(func(tx *store.Tx) error { tx.Journal(row("", dr.RowNotice, `{}`)); return nil })
	select {
	case <-wake:
	default:
		b.Error("not woken by a commit with rows")
	}
	b.write(func(tx *store.Tx) error { return tx.SetCursor(b.Context(), "slack", 1) })
	select {
	case <-wake:
		b.Error("woken twice, or by a commit without rows")
	default:
	}
}

func nothingHalfWritten(b *bench) {
	b.insert("r1")
	before := b.head()
	stop := errors.New("stop")
	err := b.s.Write(b.Context(), func(tx *store.Tx) error {
		run, err := tx.LockRun(b.Context(), "r1")
		if err != nil {
			return err
		}
		run.State = dr.Running
		tx.Journal(row("r1", dr.RowState, `{}`))
		return errors.Join(tx.UpdateRun(b.Context(), &run), tx.Intent(b.Context(), b.attempt("r1", "a", 1)), stop)
	})
	if !errors.Is(err, stop) {
		b.Errorf("the caller's error came back as %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = b.s.Write(b.Context(), func(tx *store.Tx) error {
			_, _ = tx.LockRun(b.Context(), "r1")
			panic("in mid-transaction")
		})
	}()
	if h := b.head(); h.Size != before.Size || b.run("r1").State != dr.Draft || b.steps("r1")[0].State != dr.StepReady {
		b.Error("an abandoned transaction left something")
	}
	b.insert("r2") // and the writer is free again
}

func snapshot(b *bench) {
	b.insert("r1")
	b.read(func(r *store.Reader) error {
		before, err := r.Run(b.Context(), "r1")
		if err != nil {
			return err
		}
		b.openRound("r1", 1)
		after, err := r.Run(b.Context(), "r1")
		same(b, "run within one reading", after, before)
		h, err2 := r.Head(b.Context())
		if h.Size != 2 {
			b.Errorf("head has %d rows within one reading", h.Size)
		}
		return errors.Join(err, err2)
	})
	if b.run("r1").Round.Number != 1 {
		b.Error("the next reading does not see the round")
	}
}

func cancelled(b *bench) {
	ctx, cancel := context.WithCancel(b.Context())
	err := b.s.Write(ctx, func(tx *store.Tx) error {
		tx.Journal(row("", dr.RowNotice, `{}`))
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || b.head().Size != 1 {
		b.Errorf("cancelled before its commit: %v, %d rows", err, b.head().Size)
	}
	if err := b.s.Write(ctx, func(*store.Tx) error { b.Error("ran for nobody"); return nil }); err == nil {
		b.Error("began for nobody")
	}
}

func votesAtOneInstant(b *bench) {
	const people, need = 8, 5
	b.insert("r1")
	b.openRound("r1", 1)
	_, digest := sliceOf("r1")
	var starts atomic.Int64
	together(people, func(i int) {
		started := false
		err := b.s.Write(b.Context(), func(tx *store.Tx) error {
			started = false
			run, err := tx.LockRun(b.Context(), "r1")
			if err != nil {
				return err
			}
			vote := dr.Vote{Person: "p" + strconv.Itoa(i), Human: strconv.Itoa(i), Verdict: "approve", Via: "cli", Round: 1, Digest: digest, At: b.time.time()}
			if err := tx.PutVote(b.Context(), "r1", vote); err != nil {
				return err
			}
			tx.Journal(row("r1", dr.RowVote, `{}`))
			if len(run.Round.Votes)+1 == need {
				started, run.State = true, dr.Running
			}
			return tx.UpdateRun(b.Context(), &run)
		})
		if err != nil {
			b.Errorf("vote %d: %v", i, err)
		}
		if started {
			starts.Add(1)
		}
	})
	run := b.run("r1")
	if starts.Load() != 1 || len(run.Round.Votes) != people || run.State != dr.Running {
		b.Errorf("%d starts, %d votes, %s", starts.Load(), len(run.Round.Votes), run.State)
	}
}

func intentsAtOneInstant(b *bench) {
	b.insert("r1")
	var won atomic.Int64
	together(6, func(i int) {
		err := b.s.Write(b.Context(), func(tx *store.Tx) error {
			a := b.attempt("r1", "a", 1)
			a.Token += strconv.Itoa(i)
			return tx.Intent(b.Context(), a)
		})
		switch {
		case err == nil:
			won.Add(1)
		case dr.KindOf(err) != dr.Conflict:
			b.Errorf("sender %d: %v", i, err)
		}
	})
	if won.Load() != 1 {
		b.Errorf("%d of 6 senders may send", won.Load())
	}
}

func manyWriters(b *bench) {
	const writers, each = 6, 15
	together(writers, func(i int) {
		for n := range each {
			err := b.s.Write(b.Context(), func(tx *store.Tx) error {
				for range 1 + n%3 {
					tx.Journal(row("w"+strconv.Itoa(i), dr.RowNotice, `{"n":`+strconv.Itoa(n)+`}`))
				}
				return nil
			})
			if err != nil {
				b.Errorf("writer %d: %v", i, err)
			}
		}
	})
	if got, want := b.head().Size, int64(1+writers*each*2); got != want {
		b.Errorf("the journal has %d rows, want %d", got, want)
	}
}

func keyRotation(b *bench) {
	old := b.s.PublicKey()
	b.write(func(tx *store.Tx) error { tx.Journal(row("", dr.RowNotice, `{}`)); return nil })
	before := b.head()
	b.time.forward(time.Second)
	public, err := b.s.RotateKey(b.Context(), dr.Actor{Person: "admin", Surface: "cli"})
	if err != nil {
		b.Fatal(err)
	}
	if public == old || b.s.PublicKey() != public {
		b.Errorf("key is %s, was %s", b.s.PublicKey(), old)
	}
	b.write(func(tx *store.Tx) error { tx.Journal(row("", dr.RowNotice, `{}`)); return nil })
	newer, err := journal.Verify(b.head().Note, public)
	if err != nil {
		b.Fatalf("the new key's checkpoint: %v", err)
	}
	older, err := journal.Verify(before.Note, old)
	if err != nil {
		b.Fatalf("the old key's checkpoint: %v", err)
	}
	b.read(func(r *store.Reader) error {
		p, err := journal.ConsistencyProof(newer.Size, older.Size, r.Hashes(b.Context()))
		if err != nil {
			return err
		}
		return journal.VerifyConsistency(p, newer, older)
	})
	v, err := b.s.Verify(b.Context())
	same(b, "keys", v.Keys, []string{old, public})
	if err != nil {
		b.Error(err)
	}
}

// register: requests and ends of runs are in the register that the checkpoint names; nothing else is.
func register(b *bench) {
	request := func(run, systems string) dr.Row {
		return row(run, dr.RowRequested, `{"plan":"move","title":"","kind":"switchover","mode":"drill","direction":"outbound","from":"east","to":"west","systems":`+
			systems+`,"digest":"","reason":"","clocks":{"impact_at":null,"declared_at":null,"ordered_at":null,"requested_at":null,"first_effect_at":null,`+
			`"restored_at":null},"steps":0}`)
	}
	move := func(run, from, to string) dr.Row {
		return row(run, dr.RowState, `{"from":"`+from+`","to":"`+to+`","event":"x"}`)
	}
	named := func(want journal.Register) {
		b.Helper()
		cp, err := journal.Verify(b.head().Note, b.s.PublicKey())
		if err != nil || cp.Register != want.Digest() {
			b.Errorf("the checkpoint names register %s, want %s (%v)", cp.Register, want.Digest(), err)
		}
		if _, err := b.s.Verify(b.Context()); err != nil {
			b.Error(err)
		}
	}
	var want journal.Register
	named(want)
	write := func(rows ...dr.Row) {
		b.Helper()
		b.write(func(tx *store.Tx) error {
			for _, r := range rows {
				tx.Journal(r)
			}
			return nil
		})
	}
	write(request("r1", `["ledger","cards"]`), move("r1", "draft", "preflight"))
	write(request("r2", `["ledger"]`), move("r2", "draft", "cancelled")) // both in one transaction
	write(move("r1", "running", "failed"), row("r1", dr.RowNotice, `{"n":1}`))
	b.read(func(r *store.Reader) error {
		got, err := r.Register(b.Context())
		if err != nil {
			return err
		}
		if len(got) != 2 || got.Chain("cards").Entries != 2 || got.Chain("ledger").Entries != 4 {
			b.Errorf("register is %s", got.Text())
		}
		want = got
		return nil
	})
	named(want)
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error { tx.Journal(move("r9", "running", "failed")); return nil }); err == nil {
		b.Error("a run ended that nobody requested")
	}
	named(want)
}
