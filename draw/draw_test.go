package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/dr"
)

var update = flag.Bool("update", false, "rewrite golden files")

func small() *dr.Slice {
	step := func(id, base, system string, needs ...string) dr.Step {
		return dr.Step{ID: id, Base: base, System: system, Title: "Do " + id + " <now>", Kind: dr.ActionStep, Call: dr.Call{Action: "exec"},
			Expect: 2000, Phase: "run", Needs: needs}
	}
	s := &dr.Slice{Plan: "move", Title: "Move & prove", Mode: dr.Drill, From: "east", To: "west", Environment: dr.Sample, Systems: []dr.System{{ID: "ledger"}}}
	freeze := step("freeze", "freeze", "ledger")
	stop := step("stop@a", "stop", "ledger", "freeze")
	stop2 := step("stop@b", "stop", "ledger", "freeze")
	promote := step("promote", "promote", "ledger", "stop@a", "stop@b", "freeze")
	promote.NoReturn = true
	prove := step("prove", "prove", "ledger", "promote", "freeze")
	prove.Kind, prove.Phase = dr.CheckStep, "verify"
	call := dr.Step{ID: "call", Base: "call", Title: "打电话给分行", Kind: dr.ManualStep, Needs: []string{"freeze"}}
	tell := dr.Step{ID: "tell", Base: "tell", Title: "Tell", Kind: dr.NotifyStep, Off: true}
	s.Steps = []dr.Step{freeze, stop, stop2, promote, prove, call, tell}
	return s
}

func TestPlanGolden(t *testing.T) {
	got := Plan(small(), []string{"freeze", "stop@a"})
	file := filepath.Join("testdata", "plan.svg")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the picture changed; look at it and run with -update\n%s", got)
	}
}

func TestAnyPlanIsWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 120).Draw(rt, "steps")
		s := &dr.Slice{Title: rapid.String().Draw(rt, "title")}
		for i := range n {
			step := dr.Step{ID: fmt.Sprint("s", i), Base: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "base"), System: rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "system")}
			for range rapid.IntRange(0, 3).Draw(rt, "needs") {
				if i > 0 {
					step.Needs = append(step.Needs, fmt.Sprint("s", rapid.IntRange(0, i-1).Draw(rt, "need")))
				}
			}
			s.Steps = append(s.Steps, step)
		}
		out := Plan(s, nil)
		d := xml.NewDecoder(bytes.NewReader(out))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				rt.Fatalf("not well-formed: %v", err)
			}
		}
		if !bytes.Equal(out, Plan(s, nil)) {
			rt.Fatal("two drawings of one plan differ")
		}
	})
}

func TestManyStepsAreGathered(t *testing.T) {
	s := &dr.Slice{}
	for i := range 60 {
		s.Steps = append(s.Steps, dr.Step{ID: fmt.Sprint("stop@n", i), Base: "stop", System: "ledger"})
	}
	if got := bytes.Count(Plan(s, nil), []byte(`<title>`)); got != 1 {
		t.Errorf("60 steps of one line on one system make %d boxes, want 1", got)
	}
}
