package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/evals/storms"
)

// stormWishes are the flags of eval storms.
type stormWishes struct {
	storms.Settings
	seed   uint64
	days   int
	wrong  bool
	keepIn string
}

const evalStormsLong = `Make days of alerts with known causes, have them correlated, and score what comes out.

A seed stands for one day: which estate it is (two sites and four systems, a small one, three sites
and twelve systems), what its monitoring calls things, and what goes wrong. The folder of the estate
is read like anybody's, and every alert goes through the code of the webhook. Each day begins with
nothing learnt. Seeds 100 to 119 were used to tune; those from 7000 on were not.

B3 counts, for every alert of an incident, how much of its situation belongs to that incident, and how
much of the incident is in it. MERGED are incidents that share their situation with another. PRECISION
and RECALL are those of plans recommended with a confidence of .9 or more, ECE how far off the
confidence is on average. The same alerts grouped by name and system, as Alertmanager would do it,
stand beside them.`

func evalStormsCommand(sh *shell) *cobra.Command {
	var want stormWishes
	c := &cobra.Command{
		Use:   "storms",
		Short: "Measure situations and advice on generated days of alerts",
		Long:  evalStormsLong,
		Example: "  switchman eval storms --seed 7000 --days 20\n" +
			"  switchman eval storms --seed 7000 --days 5 --overlap --noise 10 --stale 0.1 --json\n" +
			"  switchman eval storms --seed 100 --days 1 --wrong --write ./days",
		RunE: func(*cobra.Command, []string) error { return sh.evalStorms(want) },
	}
	f := c.Flags()
	f.Uint64Var(&want.seed, "seed", 7000, "first day: `N`; the days after it have the seeds that follow")
	f.IntVar(&want.days, "days", 5, "how many days: `K`")
	f.BoolVar(&want.Overlap, "overlap", false, "let a second, independent incident begin within three minutes of most")
	f.Float64Var(&want.Noise, "noise", 1, "background of 2,000 alerts a day, `TIMES` this: 1 to 10")
	f.Float64Var(&want.Stale, "stale", 0, "`SHARE` of the topology that is written down wrongly, such as 0.1")
	f.StringVar(&want.World, "world", "", "only this estate: `NAME`; by default the seed decides")
	f.BoolVar(&want.wrong, "wrong", false, "list every case that came out wrong")
	f.StringVar(&want.keepIn, "write", "", "`DIR` to write organisations and lines to, as eval alerts reads them")
	return c
}

func (sh *shell) evalStorms(want stormWishes) error {
	known := []string{""}
	for _, w := range storms.Worlds() {
		known = append(known, w.Name)
	}
	switch {
	case want.days < 1 || want.days > 10_000:
		return dr.Errorf(dr.Usage, "--days must be from 1 to 10000")
	case want.Noise < 0 || want.Noise > 20 || want.Stale < 0 || want.Stale > 0.9:
		return dr.Errorf(dr.Usage, "--noise must be from 0 to 20, --stale from 0 to 0.9")
	case !slices.Contains(known, want.World):
		return dr.Errorf(dr.Usage, "there is no estate %q", want.World).WithHint("one of %v", known[1:])
	}
	report, tally, err := storms.Days(want.seed, want.days, want.Settings, nil, sh.term.clock, func(day *storms.Day, _ []storms.Found) error {
		return writeDay(want.keepIn, day)
	})
	if err != nil {
		return err
	}
	if want.wrong {
		for _, text := range tally.Wrong {
			sh.note("%s", text)
		}
	}
	return sh.show(report, func(w io.Writer) { stormTable(w, report) })
}

func stormTable(w io.Writer, r storms.Report) {
	fmt.Fprintf(w, "%d days, %d incidents with %d alerts, %.0f alerts/s\n\n", r.Days, r.Incidents, r.Alerts, r.Rate)
	t := table{head: []string{"GROUPING", "P", "R", "F1", "MERGED", "SCOPE RIGHT"}}
	t.add("Switchman", share(r.B3.P), share(r.B3.R), share(r.B3.F1), fmt.Sprint(r.Merged), share(r.Scope))
	for _, name := range slices.Sorted(maps.Keys(r.Baselines)) {
		t.add(name, "", "", share(r.Baselines[name].F1), "", "")
	}
	t.print(w, narrow+20)
	fmt.Fprintf(w, "\nPlans: %d recommended, precision %s; %d incidents have one, recall %s; %s wrong a day; ECE %s\n", r.Recommended, share(r.Precision), r.WithPlan, share(r.Recall), share(r.FalsePerDay), share(r.ECE))
	fmt.Fprintf(w, "Plans recommended on %d partitions: %d. Advice came %.0f s after the beginning (median).\n\n", r.Partitions, r.OnPartition, r.WaitSeconds)
	t = table{head: []string{"KIND", "TIMES", "SCOPE RIGHT", "WITH A PLAN", "ANSWERED", "WRONG PLAN"}}
	for _, name := range slices.Sorted(maps.Keys(r.Kinds)) {
		k := r.Kinds[name]
		t.add(name, fmt.Sprint(k.N), fmt.Sprint(k.Scoped), fmt.Sprint(k.Answerable), fmt.Sprint(k.Answered), fmt.Sprint(k.Wrong))
	}
	t.print(w, narrow+20)
	fmt.Fprintln(w)
	t = table{head: []string{"CONFIDENCE", "SITUATIONS", "SAID", "RIGHT"}}
	for i, b := range r.Reliability {
		if b.N > 0 {
			t.add(fmt.Sprintf("%.1f to %.1f", float64(i)/10, float64(i+1)/10), fmt.Sprint(b.N), share(b.Said), share(b.Right))
		}
	}
	t.print(w, narrow+20)
}

// writeDay keeps a day as files: the organisation as it is written down, what was said, and why.
func writeDay(dir string, day *storms.Day) (err error) {
	if dir == "" {
		return nil
	}
	dir = filepath.Join(dir, fmt.Sprint(day.Seed))
	folder, err := day.Told.Folder()
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("writing a day: %w", err)
	}
	if err := copyFolder(filepath.Join(dir, "org"), folder); err != nil {
		return fmt.Errorf("writing the organisation of a day: %w", err)
	}
	lines, err := os.Create(filepath.Join(dir, "lines.jsonl"))
	if err != nil {
		return fmt.Errorf("writing a day: %w", err)
	}
	defer func() { err = errors.Join(err, lines.Close()) }()
	for _, l := range day.Lines {
		raw, err := l.JSON()
		if err != nil {
			return err
		}
		if _, err := lines.Write(append(raw, '\n')); err != nil {
			return fmt.Errorf("writing a day: %w", err)
		}
	}
	truth, err := json.MarshalIndent(day.Incidents, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "truth.json"), truth, 0o644)
	}
	return err
}

func copyFolder(dir string, folder fs.FS) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, folder)
}
