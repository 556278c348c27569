package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/evals/storms"
)

const (
	alertAtMost = 50   // µs of one processor for an alert: 20,000 a second
	stormAtMost = 2000 // ms of one processor from 300 alerts to advice
	crowdAtMost = 200  // MiB that open alerts take
	crowdSize   = 200_000
)

// benchAlerts measures the engine behind situations beside plain grouping of the same alerts.
func (sh *shell) benchAlerts(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var out []figure
	for _, part := range []func(benchWishes) ([]figure, error){benchDay, benchStorm, benchCrowd} {
		more, err := part(want)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	more, err := sh.benchFlood(ctx, dir, want)
	return append(out, more...), err
}

// benchDay correlates whole days with ten times the usual noise and overlapping incidents.
func benchDay(want benchWishes) ([]figure, error) {
	var correlated, grouped []float64
	n := 0
	for round := range want.rounds {
		day := storms.NewDay(uint64(7000+round), storms.Settings{Overlap: true, Noise: 10, World: "tide-bank"})
		signals, err := day.Signals()
		if err != nil {
			return nil, err
		}
		e, err := day.Told.NewEngine()
		if err != nil {
			return nil, err
		}
		n = len(signals)
		plain, _ := processorTime(func() error { storms.Group(signals); return nil })
		ms, _ := processorTime(func() error {
			for _, s := range signals {
				e.Take(s)
			}
			return nil
		})
		correlated, grouped = append(correlated, 1000*ms/float64(n)), append(grouped, 1000*plain/float64(n))
	}
	return []figure{figureOf("alerts of a day with ten times the usual noise", "", 0, float64(n)),
		figureOf("one of them: grouped by name and system", "µs", 0, grouped...), figureOf("one of them: correlated", "µs", alertAtMost, correlated...)}, nil
}

// benchStorm loses a site, told by 300 alerts, and waits for the advice to move.
func benchStorm(want benchWishes) ([]figure, error) {
	var worked, waited []float64
	for range want.rounds {
		day := storms.Storm(300)
		signals, err := day.Signals()
		if err != nil {
			return nil, err
		}
		e, err := day.Told.NewEngine()
		if err != nil {
			return nil, err
		}
		var advised dr.Time
		ms, err := processorTime(func() error {
			for _, s := range signals {
				advised = earliest(advised, s.At, e.Take(s))
			}
			for now, n := signals[len(signals)-1].At, 0; advised.IsZero(); n++ {
				if n > 120 {
					return dr.Errorf(dr.Unexpected, "300 alerts of a lost site gave no advice within ten minutes")
				}
				now = now.Plus(5000)
				advised = earliest(advised, now, e.Advance(now))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		worked, waited = append(worked, ms), append(waited, advised.Sub(signals[0].At.Time).Seconds())
	}
	return []figure{figureOf("a storm of 300 alerts until advice, engine alone", "ms", stormAtMost, worked...),
		figureOf("the same after its first alert, in the alerts' time", "s", 0, waited...)}, nil
}

// earliest is the first moment at which a plan was recommended.
func earliest(known, at dr.Time, news []dr.SituationData) dr.Time {
	if known.IsZero() && slices.ContainsFunc(news, func(n dr.SituationData) bool { return n.Verdict == dr.Recommend }) {
		return at
	}
	return known
}

// benchCrowd holds 200,000 different alerts that all fire.
func benchCrowd(want benchWishes) ([]figure, error) {
	size := crowdSize
	if want.quick {
		size /= 10
	}
	w, signals := storms.Crowd(size)
	e, err := w.NewEngine()
	if err != nil {
		return nil, err
	}
	plain := heldBy(func() any { return storms.Group(signals) })
	held := heldBy(func() any {
		for _, s := range signals {
			e.Take(s)
		}
		return e
	})
	runtime.KeepAlive(signals)
	var kept []byte
	ms, err := processorTime(func() (err error) { kept, err = e.Snapshot(); return err })
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%d open alerts: ", size)
	return []figure{figureOf(name+"plain grouping", "MiB", 0, plain), figureOf(name+"the engine", "MiB", crowdAtMost, held),
		figureOf(name+"as it is stored", "MiB", 0, float64(len(kept))/(1<<20)), figureOf(name+"to write that", "ms", 0, ms)}, nil
}

// heldBy is how much memory is in use after making something, beyond what was before, in MiB.
func heldBy(make func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return max(0, float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))) / (1 << 20)
}
