//go:build !race

package alerts

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// crowd is n different alerts that all fire, twenty milliseconds apart.
func crowd(n int) []dr.Signal {
	where := nodes(func(dr.Node) bool { return true })
	out := make([]dr.Signal, n)
	for i := range out {
		at := dr.At(midnight.Add(time.Duration(i) * 20 * time.Millisecond))
		out[i] = dr.Signal{Key: fmt.Sprintf("am/%016x/firing", i), Source: "am", Kind: dr.SignalAlert, Name: fmt.Sprintf("Check%d", i/len(where)), Status: dr.Firing, Severity: "warning", StartsAt: at, At: at, Labels: labels(where[i%len(where)])}
	}
	return out
}

// TestMemory: as many alerts as an engine holds, all different and all firing, are held in 200 MiB.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	e := New(NewTopology(bank()), plans(), nil, Options{})
	for _, s := range crowd(MaxOpen) {
		e.Take(s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := (after.HeapAlloc - before.HeapAlloc) >> 20; held > 200 {
		t.Errorf("%d MiB for %d alerts", held, MaxOpen)
	} else {
		t.Logf("%d MiB for %d alerts", held, len(e.order))
	}
	if len(e.order) > MaxOpen {
		t.Errorf("%d alerts are held", len(e.order))
	}
	runtime.KeepAlive(e)
}

// BenchmarkCrowd is a flood of different alerts.
func BenchmarkCrowd(b *testing.B) {
	list := crowd(100_000)
	t := NewTopology(bank())
	b.ResetTimer()
	for range b.N {
		e := New(t, plans(), nil, Options{})
		for _, s := range list {
			e.Take(s)
		}
	}
	b.ReportMetric(float64(len(list)*b.N)/b.Elapsed().Seconds(), "alerts/s")
}

// BenchmarkStorm is a dying site: from the first of 300 alerts to the advice.
func BenchmarkStorm(b *testing.B) {
	t := NewTopology(bank())
	var list []dr.Signal
	at := midnight
	for len(list) < 300 {
		for _, where := range nodes(func(n dr.Node) bool { return n.Site == "east" }) {
			at = at.Add(300 * time.Millisecond)
			list = append(list, dr.Signal{Key: fmt.Sprint(len(list)), Kind: dr.SignalAlert, Name: fmt.Sprintf("ProbeFailed %c", 'A'+rune(len(list)/12)), Status: dr.Firing, Severity: "critical", StartsAt: dr.At(at), At: dr.At(at), Labels: labels(where)})
		}
	}
	b.ResetTimer()
	for range b.N {
		e := New(t, plans(), nil, Options{})
		for _, s := range list {
			e.Take(s)
		}
		e.Advance(dr.At(at.Add(time.Minute)))
		if s := e.Situations(); len(s) != 1 || s[0].Advice.Plan != "bank-failover" {
			b.Fatal(told(s))
		}
	}
}
