package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
)

// benchWishes say how much to measure.
type benchWishes struct {
	quick   bool
	rounds  int
	commits int
	steps   int
	seconds int
}

// figure is one line of bench: what was measured, how often, and what is promised of it.
type figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"` // µs, ms, MiB, cores or × (a ratio)
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	AtMost float64 `json:"at_most,omitempty"` // the promise; 0: none
	Met    *bool   `json:"met,omitempty"`
}

const benchLong = `Measure what Switchman promises on this machine, each number beside its baseline of the same run:

  commits   one durable change of one row, one transition, one step; a code
  run       a plan of 3900 steps that only wait, killed half-way and resumed
  demo      the sample bank's move against its critical path; bundle; memory
  proof     verifying a journal of 100,000 and 1,000,000 rows
  start     how soon a server answers /readyz
  console   what 200 open consoles cost, and whether they miss anything
  search    finding a passage among 10,000 and 100,000; memory with 10,000
  alerts    alerts correlated, a storm until its card, people beside a flood
  fanout    a command on 39 machines by ssh, beside Ansible
  slack     clicks while Slack's connections come and go; redraws of a board

Without a name all ten are measured, in about ten minutes. Everything happens in a temporary
directory below the state directory, so on the same disk, and is removed. Other work on the machine
makes numbers worse and ratios noisy: look at the median, and repeat.`

func benchCommand(sh *shell) *cobra.Command {
	var want benchWishes
	c := &cobra.Command{
		Use: "bench", Short: "Measure this machine against what Switchman promises", Long: benchLong,
		Example: "  switchman bench\n  switchman bench --quick\n  switchman bench demo --rounds 5 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sh.bench(cmd.Context(), want, sh.benchCommits, sh.benchPlan, sh.benchDemo, sh.benchProof, sh.benchStart, sh.benchConsole, sh.benchSearch, sh.benchAlerts, sh.benchFanout, sh.benchSlack)
		},
	}
	f := c.PersistentFlags()
	f.BoolVar(&want.quick, "quick", false, "measure less: one round, 390 steps")
	f.IntVar(&want.rounds, "rounds", 3, "measure plans, stories and starts `N` times")
	f.IntVar(&want.commits, "commits", 100, "commits of each kind in one round: `N`")
	f.IntVar(&want.steps, "steps", 3900, "steps of the generated plan: `N`, rounded down to 78 a stage")
	f.IntVar(&want.seconds, "seconds", 60, "let people click in Slack, then follow a board there, for `N` seconds each")
	for _, part := range []struct {
		name, short string
		measure     benchPart
	}{
		{"commits", "Measure a transition and a step against a bare commit", sh.benchCommits},
		{"run", "Measure a plan of thousands of steps, killed and resumed", sh.benchPlan},
		{"demo", "Measure the sample bank's move against its critical path", sh.benchDemo},
		{"proof", "Measure how soon a long journal is verified", sh.benchProof},
		{"start", "Measure how soon a server is ready", sh.benchStart},
		{"console", "Measure what open consoles cost a server", sh.benchConsole},
		{"search", "Measure how fast passages are found and encoded", sh.benchSearch},
		{"alerts", "Measure how fast alerts become situations and advice", sh.benchAlerts},
		{"fanout", "Measure a command on 39 machines beside Ansible", sh.benchFanout},
		{"slack", "Measure clicks and redraws with a Slack that misbehaves", sh.benchSlack},
	} {
		c.AddCommand(&cobra.Command{Use: part.name, Short: part.short, Example: "  switchman bench " + part.name + "\n  switchman bench " + part.name + " --quick --json",
			RunE: func(cmd *cobra.Command, _ []string) error { return sh.bench(cmd.Context(), want, part.measure) }})
	}
	c.AddCommand(sh.planChild(), sh.storyChild(), sh.consoleChild())
	return c
}

// benchPart measures one group of promises in a directory of its own.
type benchPart func(ctx context.Context, dir string, want benchWishes) ([]figure, error)

// bench measures parts one after the other and shows what was found.
func (sh *shell) bench(ctx context.Context, want benchWishes, parts ...benchPart) (err error) {
	if want.quick {
		want.rounds, want.commits, want.steps, want.seconds = 1, min(want.commits, 50), min(want.steps, 390), min(want.seconds, 6)
	}
	if want.rounds < 1 || want.rounds > 100 || want.commits < 1 || want.commits > 100_000 || want.steps < 78 || want.steps > 100_000 || want.seconds < 5 || want.seconds > 3600 {
		return dr.Errorf(dr.Usage, "--rounds must be from 1 to 100, --commits from 1 to 100000, --steps from 78 to 100000, --seconds from 5 to 3600")
	}
	cfg, err := sh.settings()
	if err != nil {
		return err
	}
	state, err := filepath.Abs(cfg.StateDir)
	if err == nil {
		err = os.MkdirAll(state, 0o700)
	}
	if err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	dir, err := os.MkdirTemp(state, "bench-")
	if err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var all []figure
	for _, part := range parts {
		found, err := part(ctx, dir, want)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	return sh.showFigures(all)
}

func (sh *shell) showFigures(all []figure) error {
	answer := map[string]any{"version": version(), "system": runtime.GOOS + "/" + runtime.GOARCH, "cpus": runtime.NumCPU(), "figures": all}
	return sh.show(answer, func(w io.Writer) {
		t := table{head: []string{"WHAT", "TIMES", "MEDIAN", "FROM", "TO", "PROMISE", ""}}
		for _, f := range all {
			promise, verdict := "", ""
			if f.Met != nil {
				promise, verdict = "≤ "+amount(f.AtMost, f.Unit), "missed"
				if *f.Met {
					verdict = "kept"
				}
			}
			t.add(f.Name, fmt.Sprint(f.N), amount(f.Median, f.Unit), amount(f.Min, f.Unit), amount(f.Max, f.Unit), promise, verdict)
		}
		t.print(w, narrow+40)
	})
}

// amount is a number in its unit, short enough for a table.
func amount(v float64, unit string) string {
	text := fmt.Sprintf("%.0f", v)
	if v < 100 {
		text = strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
	}
	return text + " " + unit
}

// figureOf sums a series up. atMost is the promise, 0 where none is made; the median has to keep it.
func figureOf(name, unit string, atMost float64, series ...float64) figure {
	sorted := slices.Sorted(slices.Values(series))
	f := figure{Name: name, Unit: unit, N: len(sorted), AtMost: atMost}
	if len(sorted) == 0 {
		return f
	}
	f.Median, f.Min, f.Max = middle(sorted), sorted[0], sorted[len(sorted)-1]
	if atMost > 0 {
		met := f.Median <= atMost
		f.Met = &met
	}
	return f
}

// middle is the median of a sorted series.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// plainEnviron is the environment without Switchman's own settings: a measurement must not reach the
// database or the people they name.
func (sh *shell) plainEnviron() []string {
	return slices.DeleteFunc(slices.Clone(sh.term.environ), func(pair string) bool { return strings.HasPrefix(pair, "SWITCHMAN_") })
}
