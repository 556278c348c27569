//go:build !race

package encoder

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// runbook is a passage of usual length: some 1,000 letters, 190 tokens with its heading.
var runbook = strings.Repeat("If the standby is more than a minute behind, stop the batch that writes most and wait until replay has caught up. ", 8)

const heading = "Ledger database › Replication lag"

// cpu is what this process has computed so far, in milliseconds: other programs do not count.
func cpu(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

// measure reports the processor time of one call.
func measure(b *testing.B, call func() error) float64 {
	before := cpu(b)
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	each := (cpu(b) - before) / float64(b.N)
	b.ReportMetric(each, "cpu-ms/op")
	return each
}

func BenchmarkQuery(b *testing.B) {
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			m := open(b, kind)
			measure(b, func() error {
				_, err := m.Query(b.Context(), "How do I fail over the primary database to the other site?")
				return err
			})
		})
	}
}

// BenchmarkPassage says how long a thousand passages keep one processor busy.
func BenchmarkPassage(b *testing.B) {
	for _, kind := range Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			m := open(b, kind)
			each := measure(b, func() error {
				_, err := m.Passage(b.Context(), heading, runbook)
				return err
			})
			b.ReportMetric(each, "s/1000-passages")
			b.ReportMetric(float64(len(m.cut(m.passage+heading))+len(m.cut(runbook))+2)*1000/each, "tokens/cpu-s")
		})
	}
}

// BenchmarkDense multiplies a passage's tokens with the largest matrix of a layer, in each way that this
// processor knows.
func BenchmarkDense(b *testing.B) {
	const tokens = 240
	for _, kind := range Kinds() {
		m := open(b, kind).net.layers[0].down
		x, y, s := drawn(rand.New(rand.NewPCG(1, 2)), tokens*m.in), make([]float32, tokens*m.out), newSteps(tokens, m.in)
		for way := range bestWay() + 1 {
			b.Run(fmt.Sprintf("%s/way=%d", kind, way), func(b *testing.B) {
				each := measure(b, func() error {
					m.applyBy(way, s, x, y, tokens)
					return nil
				})
				b.ReportMetric(float64(tokens*m.in*m.out)/each/1e6, "products/ns")
			})
		}
	}
}
