package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// measure is one line of bench: how long one of something takes.
type measure struct {
	Name   string  `json:"name"`
	N      int     `json:"n"`
	Median float64 `json:"median_us"`
	Worst  float64 `json:"worst_us"`
}

func benchCommand(sh *shell) *cobra.Command {
	var n int
	c := &cobra.Command{
		Use: "bench", Short: "Measure this machine: commits, journal, codes",
		Long: `Measure what a run costs on this machine: a durable commit with one journal row, one with ten, a
signed checkpoint read back, a security code's hash. The state is a temporary one beside the state
directory, on the same disk. The ratios to a bare commit are in docs/performance.md.`,
		Example: "  switchman bench\n  switchman bench --n 500 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 || n > 100_000 {
				return dr.Errorf(dr.Usage, "--n must be from 1 to 100000")
			}
			found, err := sh.bench(cmd.Context(), n)
			if err != nil {
				return err
			}
			return sh.show(map[string]any{"measures": found}, func(w io.Writer) {
				t := table{head: []string{"WHAT", "TIMES", "MEDIAN", "WORST"}}
				for _, m := range found {
					t.add(m.Name, fmt.Sprint(m.N), micros(m.Median), micros(m.Worst))
				}
				t.print(w, narrow)
			})
		},
	}
	c.Flags().IntVar(&n, "n", 200, "measure each `N` times")
	return c
}

func micros(us float64) string {
	if us >= 1000 {
		return fmt.Sprintf("%.2f ms", us/1000)
	}
	return fmt.Sprintf("%.0f µs", us)
}

func (sh *shell) bench(ctx context.Context, n int) (out []measure, err error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	dir, err := os.MkdirTemp(cfg.StateDir, "bench-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	st, err := store.Open(ctx, store.Options{Dir: dir, Organisation: "bench", Environment: dr.Test, Clock: sh.term.clock})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, m := range []struct {
		name string
		n    int
		do   func() error
	}{
		{"commit with 1 journal row", n, func() error { return sh.benchRows(ctx, st, 1) }},
		{"commit with 10 journal rows", n, func() error { return sh.benchRows(ctx, st, 10) }},
		{"signed checkpoint, read and verified", n, func() error { return benchHead(ctx, st) }},
		{"hash of a security code", min(n, 20), benchCode},
	} {
		one, err := sh.time(m.name, m.n, m.do)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (sh *shell) time(name string, n int, do func() error) (measure, error) {
	took := make([]time.Duration, n)
	for i := range took {
		begun := sh.term.clock.Now()
		if err := do(); err != nil {
			return measure{}, fmt.Errorf("measuring %s: %w", name, err)
		}
		took[i] = sh.term.clock.Now().Sub(begun)
	}
	slices.Sort(took)
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return measure{Name: name, N: n, Median: us(took[n/2]), Worst: us(took[n-1])}, nil
}

func (sh *shell) benchRows(ctx context.Context, st *store.Store, rows int) error {
	data, err := json.Marshal(dr.FindingData{ID: "bench", Text: "a row of about the usual length, as findings and outcomes have it"})
	if err != nil {
		return err
	}
	return st.Write(ctx, func(tx *store.Tx) error {
		for range rows {
			tx.Journal(dr.Row{At: sh.term.clock.Time(), Kind: dr.RowFinding, Data: data})
		}
		return nil
	})
}

func benchHead(ctx context.Context, st *store.Store) error {
	return st.Read(ctx, func(r *store.Reader) error {
		head, err := r.Head(ctx)
		if err != nil {
			return err
		}
		_, err = journal.Verify(head.Note, st.PublicKey())
		return err
	})
}

func benchCode() error {
	code, err := approval.NewCode(rand.Reader)
	if err != nil {
		return err
	}
	canonical, _ := approval.ParseCode(code.Reveal())
	approval.HashCode([]byte("bench"), []byte("0123456789abcdef"), approval.CodeContext{Run: "bench"}, canonical)
	return nil
}
