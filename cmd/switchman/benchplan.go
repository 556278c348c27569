package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const (
	msAStepAtMost = 3
	peakAtMost    = 100  // MiB
	resumeAtMost  = 2000 // ms
)

// benchPlan has a generated plan carried out by a process that is killed -9 half-way, and the rest
// by the next. Its steps only wait a millisecond, many at a time, so that what remains is the cost of
// the store and of the engine.
func (sh *shell) benchPlan(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	stages := want.steps / (benchSystems * benchNodes)
	steps := stages * benchSystems * benchNodes
	var each, peak, resume []float64
	for i := range want.rounds {
		at := filepath.Join(dir, fmt.Sprintf("plan-%d", i))
		if err := writeBenchOrg(filepath.Join(at, "org"), benchShape{stages: stages}); err != nil {
			return nil, err
		}
		first, _, err := sh.planPart(ctx, at, steps/2)
		if err != nil {
			return nil, err
		}
		second, ms, err := sh.planPart(ctx, at, 0)
		if err != nil {
			return nil, err
		}
		each, resume = append(each, second.Busy/float64(steps)), append(resume, ms)
		peak = append(peak, max(first.Peak, second.Peak))
	}
	out := []figure{
		figureOf(fmt.Sprintf("a step of a plan of %d", steps), "ms", msAStepAtMost, each...),
		figureOf("resumed after kill -9", "ms", resumeAtMost, resume...),
	}
	if median(peak) > 0 {
		out = append(out, figureOf("most memory during the plan", "MiB", peakAtMost, peak...))
	}
	return out, nil
}

// planFigures is what a process that carried a plan out reports.
type planFigures struct {
	Sent int64   `json:"sent_us"` // when it sent its first step
	Peak float64 `json:"peak_mib"`
	Busy float64 `json:"busy_ms"` // first intent to last outcome, without the time between kill and resume
}

// planPart starts a process on the plan. With a number of steps to die at, it has to die there. ms is
// the time from the start of the process to its first step.
func (sh *shell) planPart(ctx context.Context, dir string, dieAt int) (f planFigures, ms float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	var answer, talk bytes.Buffer
	begun := sh.term.clock.Now()
	child, err := demo.Launch([]string{"bench", "plan", dir, strconv.Itoa(dieAt)}, sh.plainEnviron(), &answer, &talk)
	if err != nil {
		return f, 0, err
	}
	code, killed, err := child.Wait(ctx)
	if err != nil {
		return f, 0, err
	}
	if killed != (dieAt > 0) || !killed && code != 0 {
		return f, 0, fmt.Errorf("carrying out a plan of thousands of steps ended with %d: %s", code, talk.String())
	}
	if err := json.Unmarshal(answer.Bytes(), &f); err != nil {
		return f, 0, fmt.Errorf("reading what was measured: %w", err)
	}
	return f, float64(f.Sent-begun.UnixMicro()) / 1000, nil
}

// planChild is the process that carries the plan out.
func (sh *shell) planChild() *cobra.Command {
	return &cobra.Command{Use: "plan", Hidden: true, Args: exactly("DIR", "STEPS"), RunE: func(cmd *cobra.Command, args []string) error {
		dieAt, err := strconv.Atoi(args[1])
		if err != nil {
			return dr.Errorf(dr.Usage, "%q is no number of steps", args[1])
		}
		return sh.carryOut(cmd.Context(), args[0], dieAt)
	}}
}

// carryOut takes the plan from wherever it stands to its end, or to the step at which to die.
func (sh *shell) carryOut(ctx context.Context, dir string, dieAt int) (err error) {
	cfg, err := config.Load(config.Input{Environ: []string{"SWITCHMAN_ORG=" + filepath.Join(dir, "org"),
		"SWITCHMAN_STATE_DIR=" + filepath.Join(dir, "state"), "SWITCHMAN_ADDR=off", "SWITCHMAN_ANCHORS="}})
	if err != nil {
		return err
	}
	var once sync.Once
	var sent, ended atomic.Int64
	point := func(name string) {
		switch name {
		case "before_dispatch":
			once.Do(func() { sent.Store(sh.term.clock.Now().UnixMicro()) })
		case "after_outcome":
			if ended.Add(1) == int64(dieAt) {
				sh.die(sent.Load())
			}
		}
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Stdout: sh.term.err, Point: point})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
	if err := a.Start(ctx); err != nil {
		return err
	}
	run, err := sh.drill(ctx, a)
	if err != nil {
		return err
	}
	f := planFigures{Sent: sent.Load()}
	if f.Peak, err = memory("VmHWM"); err != nil {
		return err
	}
	if f.Busy, err = busy(ctx, a.Store, run); err != nil {
		return err
	}
	return sh.printJSON(f)
}

// die ends this process as kill -9 does, after telling what it has measured.
func (sh *shell) die(sent int64) {
	f := planFigures{Sent: sent}
	f.Peak, _ = memory("VmHWM") // nobody is left to hear about it
	_ = sh.printJSON(f)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

// drill plays the people of the generated organisation until the run stands at the other site.
func (sh *shell) drill(ctx context.Context, a *app.App) (run string, err error) {
	for {
		var newest []dr.Run
		err := a.Store.Read(ctx, func(r *store.Reader) (err error) {
			newest, err = r.Runs(ctx, store.Filter{Limit: 1})
			return err
		})
		switch {
		case err != nil:
		case len(newest) == 0:
			_, err = a.Engine.Request(ctx, dr.Actor{Person: "ann"}, fsm.Request{Plan: "wide", Mode: dr.Drill, Reason: "measuring"})
		case newest[0].State == dr.AtStandby:
			return newest[0].ID, nil
		default:
			err = nextMove(ctx, a.Engine, newest[0])
		}
		if err != nil {
			return "", err
		}
		select {
		case <-sh.term.clock.After(50 * time.Millisecond):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// nextMove does what the run waits for a person to do.
func nextMove(ctx context.Context, e *fsm.Engine, run dr.Run) error {
	do := func(who string, verb dr.Verb, args fsm.Args) error {
		args.Nonce = run.Round.Nonce
		_, err := e.Do(ctx, dr.Actor{Person: who}, run.ID, verb, args)
		return err
	}
	switch run.State {
	case dr.AwaitingApproval:
		return errors.Join(do("bob", dr.VerbApprove, fsm.Args{Confirmed: true}), do("cat", dr.VerbApprove, fsm.Args{Confirmed: true}))
	case dr.AwaitingCode:
		issued, err := e.IssueCode(ctx, dr.Actor{Person: "dan"}, run.ID)
		if err != nil {
			return err
		}
		return do("ann", dr.VerbStart, fsm.Args{Code: issued.Code.Reveal()})
	case dr.Draft, dr.Preflight, dr.Running, dr.Verifying:
		return nil
	}
	return fmt.Errorf("the generated plan came to stand in %s %s", run.State, run.Pause)
}

// busy is the time from a run's first intent to its last outcome in ms, less the longest pause, in
// which nobody was there to work.
func busy(ctx context.Context, st *store.Store, run string) (ms float64, err error) {
	var rows []dr.Row
	err = st.Read(ctx, func(r *store.Reader) error {
		rows, err = r.RowsOf(ctx, run)
		return err
	})
	var first, last dr.Time
	var pause time.Duration
	for _, row := range rows {
		if row.Kind != dr.RowIntent && row.Kind != dr.RowOutcome {
			continue
		}
		if first.IsZero() {
			first, last = row.At, row.At
		}
		pause, last = max(pause, row.At.Sub(last.Time)), row.At
	}
	return float64(last.Sub(first.Time)-pause) / float64(time.Millisecond), err
}
