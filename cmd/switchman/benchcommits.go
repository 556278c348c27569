package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	transitionAtMost = 2 // bare commits
	stepAtMost       = 4
)

// benchCommits measures what one decision and one step cost beside the least a durable change can cost: on
// SQLite, and on PostgreSQL where a database is set.
func (sh *shell) benchCommits(ctx context.Context, dir string, want benchWishes) (out []figure, err error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	if out, err = sh.benchStore(ctx, filepath.Join(dir, "commits"), "", want); err != nil {
		return nil, err
	}
	if !cfg.DatabaseURL.Empty() {
		more, err := sh.benchPostgres(ctx, dir, cfg.DatabaseURL.Reveal(), want)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	code, err := sh.takeTurns(ctx, min(want.commits, 10), benchCode)
	if err != nil {
		return nil, err
	}
	return append(out, figureOf("the hash of a security code", "ms", 0, inMs(code[0])...)), nil
}

// benchPostgres does it in a schema of its own, which is removed again.
func (sh *shell) benchPostgres(ctx context.Context, dir, url string, want benchWishes) (out []figure, err error) {
	at, drop, err := store.Scratch(ctx, url, "switchman_"+strings.ReplaceAll(filepath.Base(dir), "-", "_"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx))) }()
	return sh.benchStore(ctx, filepath.Join(dir, "commits-postgres"), at, want)
}

// benchStore measures one store. The kinds take turns, so that whatever else the machine does falls on all alike.
func (sh *shell) benchStore(ctx context.Context, dir, url string, want benchWishes) (out []figure, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	var bare *store.Bare
	where := ""
	if url == "" {
		bare, err = store.OpenBare(ctx, dir)
	} else {
		where = " (PostgreSQL)"
		bare, err = store.OpenBarePostgres(ctx, url)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.Close()) }()
	st, err := store.Open(ctx, store.Options{Dir: dir, URL: url, Organisation: "bench", Environment: dr.Test, Clock: sh.term.clock})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	real, err := store.NewBench(ctx, st, sh.term.clock)
	if err != nil {
		return nil, err
	}
	var took [3][]float64 // of all rounds, in µs
	var transition, step []float64
	for range want.rounds {
		round, err := sh.takeTurns(ctx, want.commits, bare.Commit, real.Transition, real.Step)
		if err != nil {
			return nil, err
		}
		transition = append(transition, median(round[1])/median(round[0]))
		step = append(step, median(round[2])/median(round[0]))
		for i := range took {
			took[i] = append(took[i], round[i]...)
		}
	}
	promise := func(most float64) float64 {
		if url != "" {
			return 0 // every question is a journey there and back; nothing is promised of it
		}
		return most
	}
	return []figure{
		figureOf("a bare commit: one row"+where, "µs", 0, took[0]...),
		figureOf("a transition"+where, "µs", 0, took[1]...),
		figureOf("a step: intent and outcome"+where, "µs", 0, took[2]...),
		figureOf("a transition in bare commits"+where, "×", promise(transitionAtMost), transition...),
		figureOf("a step in bare commits"+where, "×", promise(stepAtMost), step...),
	}, nil
}

// takeTurns does each thing n times, in turn, and answers how long each took in µs.
func (sh *shell) takeTurns(ctx context.Context, n int, do ...func(context.Context) error) ([][]float64, error) {
	took := make([][]float64, len(do))
	for range n {
		for i, one := range do {
			begun := sh.term.clock.Now()
			if err := one(ctx); err != nil {
				return nil, fmt.Errorf("measuring: %w", err)
			}
			took[i] = append(took[i], float64(sh.term.clock.Now().Sub(begun))/float64(time.Microsecond))
		}
	}
	return took, nil
}

func inMs(us []float64) []float64 {
	ms := make([]float64, len(us))
	for i, v := range us {
		ms[i] = v / 1000
	}
	return ms
}

func median(series []float64) float64 { return middle(slices.Sorted(slices.Values(series))) }

func benchCode(context.Context) error {
	code, err := approval.NewCode(rand.Reader)
	if err != nil {
		return err
	}
	canonical, _ := approval.ParseCode(code.Reveal())
	approval.HashCode([]byte("bench"), []byte("0123456789abcdef"), approval.CodeContext{Run: "bench"}, canonical)
	return nil
}
