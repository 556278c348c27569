package e2e

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// BenchmarkScale carries out a plan of 3,900 steps that do nothing but wait a millisecond, so that
// what remains is what the store and the executor cost. It reports the time per step, the most
// memory the process ever had, and how soon a killed run sends its next step after the restart.
func BenchmarkScale(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		if err := writeScaleOrg(filepath.Join(dir, "org")); err != nil {
			b.Fatal(err)
		}
		victim := filepath.Join(dir, "switchman-victim")
		self, err := os.Executable()
		if err == nil {
			err = os.Symlink(self, victim)
		}
		if err != nil {
			b.Fatal(err)
		}
		env := []string{"PATH=" + toolPath(b, dir), "VICTIM_PLAN=scale"}
		runVictim(b, victim, dir, append(env, "DIE_AT=after_outcome:2000", "VICTIM_FIGURES="+filepath.Join(dir, "first")), map[string]bool{})
		runVictim(b, victim, dir, append(env, "VICTIM_FIGURES="+filepath.Join(dir, "second")), map[string]bool{})
		report(b, dir)
	}
}

// report reads what the victims measured and what the journal holds.
func report(b *testing.B, dir string) {
	a, err := openApp(dir, os.Getenv("PATH"), app.SystemClock(), slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := a.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	runs, err := a.Engine.List(context.Background(), dr.Actor{}, fsm.Filter{})
	if err != nil || len(runs) != 1 || runs[0].State != dr.AtStandby {
		b.Fatalf("the run did not arrive: %v %v", runs, err)
	}
	rows, err := journalRows(context.Background(), a, runs[0].ID)
	if err != nil {
		b.Fatal(err)
	}
	var first, last dr.Time
	var gap dr.Millis
	for _, r := range rows {
		if r.Kind != dr.RowIntent && r.Kind != dr.RowOutcome {
			continue
		}
		if first.IsZero() {
			first = r.At
		}
		gap = max(gap, r.At.Since(last))
		last = r.At
	}
	b.ReportMetric(float64(last.Since(first)-gap)/3900, "ms/step")
	for _, name := range []string{"second"} {
		peak, ready := figures(b, filepath.Join(dir, name))
		b.ReportMetric(peak, "peak_MiB")
		b.ReportMetric(ready, "resume_ms")
	}
	b.ReportMetric(0, "ns/op")
}

// figures are the peak memory of a victim in MiB and the milliseconds from its start to the first
// step it sent.
func figures(b *testing.B, path string) (peak, resume float64) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var v float64
		if _, err := fmt.Sscanf(s.Text(), "VmHWM: %f kB", &v); err == nil {
			peak = v / 1024
		}
		if _, err := fmt.Sscanf(s.Text(), "resume_ms: %f", &v); err == nil {
			resume = v
		}
	}
	return peak, resume
}

// writeScaleOrg writes 39 systems of two nodes at each site, whose plan has 50 steps on each node.
func writeScaleOrg(dir string) error {
	if err := writeBigOrg(dir); err != nil {
		return err
	}
	for s := range apps {
		if err := os.Remove(filepath.Join(dir, fmt.Sprintf("systems/s%d.yaml", s))); err != nil {
			return err
		}
	}
	for _, name := range []string{"big", "big-back"} {
		if err := os.Remove(filepath.Join(dir, "plans", name+".yaml")); err != nil {
			return err
		}
	}
	var ids []string
	for k := range 39 {
		sys := fmt.Sprintf("system: w%d\nname: Wide %d\nrto: 10m\nrpo: 0s\nlimit: 30m\nhome: east\nnodes:\n", k, k)
		for n := range 2 {
			sys += fmt.Sprintf("  - {id: w%d-n%d-e, site: east, role: app, peer: w%d-n%d-w}\n  - {id: w%d-n%d-w, site: west, role: app, peer: w%d-n%d-e}\n",
				k, n, k, n, k, n, k, n)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("systems/w%d.yaml", k)), []byte(sys), 0o600); err != nil {
			return err
		}
		ids = append(ids, fmt.Sprintf("w%d", k))
	}
	for name, head := range map[string]string{"scale": "kind: switchover\npair: scale-back\n", "scale-back": "kind: switchback\n"} {
		var plan strings.Builder
		fmt.Fprintf(&plan, "plan: %s\ntitle: Move many systems\n%ssystems: [%s]\nmax_in_flight: 40\ncriteria: [{id: rto, metric: rto}]\nsteps:\n", name, head, strings.Join(ids, ", "))
		for i := range 50 {
			needs := ""
			if i > 0 {
				needs = fmt.Sprintf(", needs: [s%d]", i-1)
			}
			fmt.Fprintf(&plan, "  - {id: s%d, title: Wait, on: {role: app, site: to}, action: wait, with: {for: 1ms}, class: read%s}\n", i, needs)
		}
		if err := os.WriteFile(filepath.Join(dir, "plans", name+".yaml"), []byte(plan.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}
