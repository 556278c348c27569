package store_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// The promise: a transition takes at most twice as long as a bare FULL commit on the same disk in the
// same run, and a step (intent and outcome) at most four times. BenchmarkRatios does the three in turn
// and compares their medians, so that what else the machine does falls on all alike.

func BenchmarkRatios(b *testing.B) {
	ops := []func(context.Context) error{bare(b), onStore(b, "").Transition, onStore(b, "").Step}
	took := make([][]time.Duration, len(ops))
	for b.Loop() {
		for i, op := range ops {
			start := time.Now()
			if err := op(b.Context()); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	var median []float64
	for _, t := range took {
		slices.Sort(t)
		median = append(median, float64(t[len(t)/2]))
	}
	b.ReportMetric(median[0]/1e3, "bare-µs")
	b.ReportMetric(median[1]/1e3, "transition-µs")
	b.ReportMetric(median[2]/1e3, "step-µs")
	b.ReportMetric(median[1]/median[0], "transition/bare")
	b.ReportMetric(median[2]/median[0], "step/bare")
}

func BenchmarkBareCommit(b *testing.B) { loop(b, bare(b)) }

func BenchmarkTransition(b *testing.B) { loop(b, onStore(b, "").Transition) }

func BenchmarkStep(b *testing.B) { loop(b, onStore(b, "").Step) }

func BenchmarkTransitionPostgres(b *testing.B) { loop(b, onStore(b, storetest.Postgres(b)).Transition) }

func BenchmarkStepPostgres(b *testing.B) { loop(b, onStore(b, storetest.Postgres(b)).Step) }

func BenchmarkReadRun(b *testing.B) { loop(b, onStore(b, "").ReadRun) }

// BenchmarkVerify reads a whole state through: 100,000 rows as long as those of real steps are.
func BenchmarkVerify(b *testing.B) {
	s := open(b, store.Options{Dir: b.TempDir(), Clock: clock()})
	data := json.RawMessage(`{"step":"compare@payments-db-w1","n":1,"state":"ok","code":0,"text":"equal: 12 rows, amount 542404 on both sides","took_ms":64,` +
		`"evidence":[{"digest":"sha256:cd52ddbdf05fe257d9aee6a92264092f7bc5b1f33fc02d4ccdbb3420866377f8","size":211,"kind":"text","media":"text/plain"}]}`)
	for range 100 {
		err := s.Write(b.Context(), func(tx *store.Tx) error {
			for range 1000 {
				tx.Journal(dr.Row{Run: "r1", Kind: dr.RowOutcome, Surface: "switchman", Data: data})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if v, err := s.Verify(b.Context()); err != nil || v.Rows != 100_001 {
			b.Fatal(v.Rows, err)
		}
	}
}

func loop(b *testing.B, op func(context.Context) error) {
	b.ReportAllocs()
	for b.Loop() {
		if err := op(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func bare(b *testing.B) func(context.Context) error {
	y, err := store.OpenBare(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = y.Close() })
	return y.Commit
}

func onStore(b *testing.B, url string) *store.Bench {
	clock := dr.Clock{Now: time.Now}
	bench, err := store.NewBench(b.Context(), open(b, store.Options{Dir: b.TempDir(), URL: url, Clock: clock}), clock)
	if err != nil {
		b.Fatal(err)
	}
	return bench
}
