package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func alert(name, status string, at dr.Time) dr.Signal {
	return dr.Signal{Key: "alertmanager/" + name + "/2026/" + status, Source: "alertmanager", Kind: dr.SignalAlert, Name: name, Status: dr.SignalStatus(status), Severity: "critical",
		StartsAt: at, At: at, Labels: map[string]string{"instance": "10.1.0.11:5432", "odd\x00label": "\xff"}}
}

// put stores signals and gives those that were new.
func (b *bench) put(signals ...dr.Signal) (fresh []dr.Signal) {
	b.Helper()
	b.write(func(tx *store.Tx) (err error) {
		fresh, err = tx.PutSignals(b.Context(), signals)
		return err
	})
	return fresh
}

func (b *bench) seqs(after int64) (seqs []int64) {
	b.Helper()
	b.read(func(r *store.Reader) error {
		all, err := r.Signals(b.Context(), after, 10_000)
		seqs = nil
		for _, s := range all {
			seqs = append(seqs, s.Seq)
		}
		return err
	})
	return seqs
}

// signals: numbered without a gap, each key once, moments that never go back.
func signals(b *bench) {
	ctx, at := b.Context(), b.time.time()
	first := b.put(alert("a", "firing", at.Plus(1000)), alert("b", "firing", at), alert("a", "firing", at.Plus(2000)))
	if len(first) != 2 || first[0].Seq != 1 || first[1].Seq != 2 || first[1].At != first[0].At {
		b.Fatalf("%+v", first)
	}
	if again := b.put(alert("b", "firing", at.Plus(5000))); again != nil {
		b.Fatalf("kept twice: %+v", again)
	}
	b.put(alert("b", "resolved", at.Plus(3000)))
	b.read(func(r *store.Reader) error {
		all, err := r.Signals(ctx, 0, 10)
		if err != nil {
			return err
		}
		want := first[0]
		want.Labels = map[string]string{"instance": "10.1.0.11:5432", "odd\ufffdlabel": "\ufffd"}
		got := all[0]
		if len(got.Labels) != 2 || got.Labels["instance"] != "10.1.0.11:5432" {
			b.Errorf("labels: %q", got.Labels)
		}
		got.Labels, want.Labels = nil, nil
		same(b, "signal", got, want)
		firing, err := r.Firing(ctx, "alertmanager", 10)
		if len(firing) != 1 || firing[0].Name != "a" {
			b.Errorf("firing: %+v", firing)
		}
		everywhere, err5 := r.Firing(ctx, "", 10)
		between, err6 := r.AlertsBetween(ctx, at.Plus(2000), at.Plus(3000), 10)
		if len(everywhere) != 1 || len(between) != 1 || between[0].Status != "resolved" || err5 != nil || err6 != nil {
			b.Errorf("firing anywhere %v %v, between %v %v", everywhere, err5, between, err6)
		}
		some, err2 := r.SignalsOf(ctx, []string{first[1].Key, "gone"})
		if len(some) != 1 || some[0].Seq != 2 {
			b.Errorf("by key: %+v %v", some, err2)
		}
		there, err3 := r.HasSignal(ctx, first[1].Key)
		not, err4 := r.HasSignal(ctx, "gone")
		if !there || not || err3 != nil || err4 != nil {
			b.Errorf("there %v %v, gone %v %v", there, err3, not, err4)
		}
		return err
	})
	b.put(alert("b", "firing-again", at.Plus(4000)))
	var last int64
	b.write(func(tx *store.Tx) (err error) { last, err = tx.HoldSignals(ctx, at.Plus(60_000)); return err })
	late := b.put(alert("c", "firing", at.Plus(5000)))
	if last != 4 || late[0].Seq != 5 || !late[0].At.Equal(at.Plus(60_000).Time) {
		b.Errorf("held at %d, then %+v", last, late)
	}
}

// signalsAtOneInstant: whoever reads in order never sees a place appear behind them.
func signalsAtOneInstant(b *bench) {
	ctx, at := context.WithoutCancel(b.Context()), b.time.time()
	stop := make(chan struct{})
	seen := make(chan []int64)
	go func() {
		var got []int64
		for last := int64(0); ; {
			err := b.s.Read(ctx, func(r *store.Reader) error {
				all, err := r.Signals(ctx, last, 100)
				for _, s := range all {
					last = s.Seq
					got = append(got, last)
				}
				return err
			})
			if err != nil {
				b.Error(err)
			}
			select {
			case <-stop:
				if len(got) >= 80 || err != nil {
					seen <- got
					return
				}
			default:
			}
		}
	}()
	together(8, func(i int) {
		for j := range 5 {
			err := b.s.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.PutSignals(ctx, []dr.Signal{alert(fmt.Sprintf("x%d-%d", i, j), "firing", at), alert(fmt.Sprintf("y%d-%d", i, j), "firing", at)})
				return err
			})
			if err != nil {
				b.Error(err)
			}
		}
	})
	close(stop)
	got := <-seen
	for i, seq := range got {
		if seq != int64(i+1) {
			b.Fatalf("read in the order %v", got)
		}
	}
}

// situationsKept: what was made of signals, the fold that made it, and what people said.
func situationsKept(b *bench) {
	ctx, at := b.Context(), b.time.time()
	s := dr.Situation{ID: "s1", Version: 1, State: "open", FirstAt: at, LastAt: at, Entity: dr.Entity{Scope: "site", ID: "east"}, Fault: dr.FaultDown, Systems: []string{"ledger"},
		For: []dr.Clue{{ID: "clue_down", Args: dr.Args{"entity": "east"}}}, Advice: dr.Advice{Verdict: dr.Recommend, Plan: "bank-failover", Confidence: .97, At: at}}
	ended := dr.Situation{ID: "s0", State: "closed", FirstAt: at.Plus(-9000), LastAt: at.Plus(-5000), EndedAt: at.Plus(-5000)}
	b.write(func(tx *store.Tx) error {
		if err := tx.PutSituation(ctx, ended); err != nil {
			return err
		}
		if err := tx.PutSituation(ctx, s); err != nil {
			return err
		}
		s.Version, s.Signals = 2, 7
		if err := tx.PutSituation(ctx, s); err != nil {
			return err
		}
		said := store.SituationAnswer{Situation: s, At: at, Person: "lin", Answer: "not_this"}
		if err := tx.PutSituationAnswer(ctx, said); err != nil {
			return err
		}
		said.Answer = ""
		return tx.PutSituationAnswer(ctx, said)
	})
	b.read(func(r *store.Reader) error {
		one, err := r.Situation(ctx, "s1")
		same(b, "situation", one, s)
		open, err2 := r.Situations(ctx, false, 10)
		all, err3 := r.Situations(ctx, true, 10)
		if len(open) != 1 || len(all) != 2 || all[0].ID != "s1" || err2 != nil || err3 != nil {
			b.Errorf("open %v %v, all %v %v", open, err2, all, err3)
		}
		said, err4 := r.SituationAnswers(ctx, 10)
		if len(said) != 1 || said[0].Answer != "" || said[0].Situation.Signals != 7 || err4 != nil {
			b.Errorf("said %+v %v", said, err4)
		}
		if _, err := r.Situation(ctx, "gone"); dr.KindOf(err) != dr.NotFound {
			b.Errorf("a situation that is not there: %v", err)
		}
		if _, err := r.Fold(ctx); dr.KindOf(err) != dr.NotFound {
			b.Errorf("a fold that is not there: %v", err)
		}
		return err
	})
	b.refused(dr.NotFound, "not_in_store", func(tx *store.Tx) error { return tx.TellFold(ctx, store.Mark{}) })
	fold(b, ctx, at)
	b.write(func(tx *store.Tx) error {
		n, err := tx.DropSituations(ctx, at.Plus(-1000), 10)
		if n != 1 {
			b.Errorf("%d situations went", n)
		}
		return err
	})
}

func fold(b *bench, ctx context.Context, at dr.Time) {
	b.Helper()
	for i := range 10 {
		b.put(alert(fmt.Sprint("n", i), "firing", at.Plus(dr.Millis(1000*i))))
	}
	want := store.Fold{Seq: 6, At: at.Plus(5000), Files: "d1", Body: []byte{0, 1, 255}, Told: store.Mark{Seq: 6, At: at.Plus(5000)}}
	b.write(func(tx *store.Tx) error {
		if n, err := tx.DropSignals(ctx, at.Plus(dr.MillisOf(time.Hour)), 0, 100); n != 0 || err != nil {
			b.Errorf("%d signals went though nothing was made of them: %v", n, err)
		}
		if err := tx.PutFold(ctx, want); err != nil {
			return err
		}
		want.Told = store.Mark{Seq: 8, At: at.Plus(7000)}
		return tx.TellFold(ctx, want.Told)
	})
	b.read(func(r *store.Reader) error {
		got, err := r.Fold(ctx)
		same(b, "fold", got, want)
		return err
	})
	drop := func(before dr.Time, keep int64, limit int, left ...int64) {
		b.Helper()
		b.write(func(tx *store.Tx) error {
			_, err := tx.DropSignals(ctx, before, keep, limit)
			return err
		})
		if got := b.seqs(0); !slices.Equal(got, left) {
			b.Errorf("left: %v, want %v", got, left)
		}
	}
	drop(at.Plus(1500), 100, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)    // as many as asked for
	drop(at.Plus(1500), 100, 100, 3, 4, 5, 6, 7, 8, 9, 10)     // old
	drop(at, 6, 100, 5, 6, 7, 8, 9, 10)                        // too many
	drop(at.Plus(dr.MillisOf(time.Hour)), 0, 100, 7, 8, 9, 10) // never what the fold has not got
}
