package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

const (
	pathAtMost = 1.10             // critical paths
	idleAtMost = 60               // MiB
	idleAfter  = 65 * time.Second // housekeeping looks every minute

	madeAtMost, verifiedAtMost = 2000, 1000 // ms
	pageAtMost                 = 3          // MiB
)

// benchMove is what was measured of one direction of the story.
type benchMove struct {
	Wall    dr.Millis `json:"wall_ms"`          // first step sent to everything proven
	Path    dr.Millis `json:"critical_path_ms"` // the longest chain of steps, as long as each of them took
	Machine dr.Millis `json:"machine_ms"`       // at least one step in flight
}

// benchStory is what a story's process reports.
type benchStory struct {
	Moves []benchMove `json:"moves"`
	Gap   int64       `json:"gap_ms"`
	Lost  int         `json:"lost"`
	Idle  float64     `json:"idle_mib"`

	Made     float64 `json:"bundle_made_ms"`
	Verified float64 `json:"bundle_verified_ms"`
	Page     float64 `json:"page_mib"` // the larger of both languages
}

// benchDemo lets the story of the sample bank play, each time in a process of its own.
func (sh *shell) benchDemo(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var wall, path, ratio, gap, lost, idle, made, verified, page []float64
	for i := range want.rounds {
		var s benchStory
		args := []string{"bench", "story", filepath.Join(dir, fmt.Sprintf("story-%d", i))}
		if i == 0 && !want.quick { // to be idle takes a while
			args = append(args, "--idle")
		}
		if err := sh.benchChild(ctx, &s, args...); err != nil {
			return nil, err
		}
		for _, m := range s.Moves {
			wall, path = append(wall, float64(m.Wall)), append(path, float64(m.Path))
			ratio = append(ratio, float64(m.Wall)/float64(max(1, m.Path)))
		}
		made, verified, page = append(made, s.Made), append(verified, s.Verified), append(page, s.Page)
		gap, lost = append(gap, float64(s.Gap)), append(lost, float64(s.Lost))
		if s.Idle > 0 {
			idle = append(idle, s.Idle)
		}
	}
	out := []figure{
		figureOf("the bank's move: critical path", "ms", 0, path...),
		figureOf("the bank's move: first step to proven", "ms", 0, wall...),
		figureOf("the move in critical paths", "×", pathAtMost, ratio...),
		figureOf("longest time without service", "ms", 0, gap...),
		figureOf("acknowledged transactions lost", "", 0, lost...),
		figureOf("the story's bundle: made", "ms", madeAtMost, made...),
		figureOf("the story's bundle: verified", "ms", verifiedAtMost, verified...),
		figureOf("the story's page", "MiB", pageAtMost, page...),
	}
	if len(idle) > 0 {
		out = append(out, figureOf("memory after the story, idle", "MiB", idleAtMost, idle...))
	}
	return out, nil
}

// benchChild runs this binary on its own state and reads the JSON document it ends with.
func (sh *shell) benchChild(ctx context.Context, out any, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	var answer, talk bytes.Buffer
	child, err := demo.Launch(args, sh.plainEnviron(), &answer, &talk)
	if err != nil {
		return err
	}
	code, _, err := child.Wait(ctx)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("measuring in a process of its own ended with %d: %s", code, talk.String())
	}
	if err := json.Unmarshal(answer.Bytes(), out); err != nil {
		return fmt.Errorf("reading what was measured: %w", err)
	}
	return nil
}

// storyChild is the process in which a story is measured.
func (sh *shell) storyChild() *cobra.Command {
	var idle bool
	c := &cobra.Command{Use: "story", Hidden: true, Args: exactly("DIR"), RunE: func(cmd *cobra.Command, args []string) error {
		sh.flags.state = args[0]
		return sh.demo(cmd.Context(), demoWishes{auto: true}, func(ctx context.Context, b bank) error {
			s, err := sh.measureStory(ctx, b, idle)
			if err != nil {
				return err
			}
			return sh.printJSON(s)
		})
	}}
	c.Flags().BoolVar(&idle, "idle", false, "wait until the server is idle, and weigh it")
	return c
}

func (sh *shell) measureStory(ctx context.Context, b bank, idle bool) (s benchStory, err error) {
	result, err := sh.tellStory(ctx, b, io.Discard)
	if err != nil {
		return s, err
	}
	s.Gap, s.Lost = result.Traffic.LongestGap, result.Traffic.Lost
	for _, run := range []string{result.Run, result.SwitchbackRun} {
		v, err := b.app.Engine.View(ctx, dr.Actor{}, run)
		if err != nil {
			return s, err
		}
		s.Moves = append(s.Moves, moveOf(v))
	}
	b.customers.Stop()
	if err := sh.measureBundle(ctx, b, result.Run, &s); err != nil || !idle {
		return s, err
	}
	select {
	case <-sh.term.clock.After(idleAfter):
	case <-ctx.Done():
		return s, ctx.Err()
	}
	s.Idle, err = memory("VmRSS")
	return s, err
}

func moveOf(v fsm.View) benchMove {
	var first dr.Time
	for _, st := range v.Steps {
		if !st.Started.IsZero() && (first.IsZero() || st.Started.Before(first.Time)) {
			first = st.Started
		}
	}
	return benchMove{Wall: v.Clocks.Restored.Since(first), Path: v.Times.CriticalPath, Machine: v.Times.Machine}
}

// memory is a figure of this process.
func memory(name string) (float64, error) { return memoryOf(os.Getpid(), name) }

// memoryOf reads one of the kernel's figures on a process in MiB: VmRSS is now, VmHWM the most there
// ever was. Where the kernel keeps none it is 0.
func memoryOf(pid int, name string) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the process's memory: %w", err)
	}
	for line := range bytes.Lines(raw) {
		var kib float64
		if _, err := fmt.Sscanf(string(line), name+": %f kB", &kib); err == nil {
			return kib / 1024, nil
		}
	}
	return 0, nil
}
