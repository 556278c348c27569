package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// deposits is a plan that pauses an automation, promotes behind its back, and resumes it.
func deposits(way dr.Direction) *dr.Slice {
	s := bridge(dr.Drill)
	if way == dr.Return {
		s = home()
	}
	s.Mode, s.Criteria, s.Rule.RTOFrom = dr.Drill, nil, "requested"
	s.Systems = []dr.System{{ID: "deposits", Name: "Deposits", RTO: 600_000, Home: "east", Nodes: []dr.Node{{ID: "deposits-db-w1", System: "deposits", Site: "west", Role: "db"},
		{ID: "patroni-e", System: "deposits", Site: "east", Role: dr.Automation}, {ID: "patroni-w", System: "deposits", Site: "west", Role: dr.Automation}}}}
	act := dr.Call{Action: "http"}
	s.Steps = []dr.Step{
		{ID: "pause", Title: "Pause Patroni", Kind: dr.ActionStep, System: "deposits", Node: "patroni-w", Call: act, Class: dr.Idempotent, Phase: "run", Undo: &act},
		{ID: "promote", Title: "Make it the primary", Kind: dr.ActionStep, System: "deposits", Node: "deposits-db-w1", Class: dr.Once, Phase: "run", Needs: []string{"pause"},
			Call: dr.Call{Action: "postgres", Params: map[string]any{"do": "promote"}}},
		{ID: "resume", Title: "Let Patroni work again", Kind: dr.ActionStep, System: "deposits", Node: "patroni-w", Call: act, Class: dr.Idempotent, Phase: "run", Needs: []string{"promote"}},
	}
	return s
}

// stopped is a run that has paused, promoted and not resumed, and stands.
func (s *script) stopped(run string, plan *dr.Slice) {
	s.t.Helper()
	s.started(run, plan)
	s.ran(run, "pause", 100)
	s.ran(run, "promote", 100)
	s.sent(run, "resume", 1, "do")
	s.came(run, "resume", 1, dr.StepFail, 100)
	s.moved(run, "", dr.Running, dr.Paused, "pause", held(dr.StepFailed), because("resume"))
}

func (s *script) aborted(run string) {
	s.t.Helper()
	s.moved(run, "wu", dr.Paused, dr.Failed, "abort", because("the machine is gone"), judged("failed"))
}

// TestLeftPaused: a run that ends with an automation paused says so on the first page, with what to type; one that took
// it back, may still, or whose way back did, does not.
func TestLeftPaused(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(*script)
		runs []string
		left bool
	}{
		{"aborted", func(s *script) { s.stopped("r1", deposits(dr.Outbound)); s.aborted("r1") }, []string{"r1"}, true},
		{"stands, and may resume it yet", func(s *script) { s.stopped("r1", deposits(dr.Outbound)) }, []string{"r1"}, false},
		{"resumed", func(s *script) {
			s.started("r1", deposits(dr.Outbound))
			for _, step := range []string{"pause", "promote", "resume"} {
				s.ran("r1", step, 100)
			}
			s.moved("r1", "", dr.Running, dr.AtStandby, "proven", judged("passed"))
		}, []string{"r1"}, false},
		{"never paused", func(s *script) {
			s.started("r1", deposits(dr.Outbound))
			s.moved("r1", "wu", dr.Running, dr.Failed, "abort", judged("failed"))
		}, []string{"r1"}, false},
		{"nobody knows whether it was paused", func(s *script) {
			s.started("r1", deposits(dr.Outbound))
			s.sent("r1", "pause", 1, "do")
			s.came("r1", "pause", 1, dr.StepUnknown, 100)
			s.moved("r1", "wu", dr.Running, dr.Failed, "abort", judged("failed"))
		}, []string{"r1"}, true},
		{"the resuming step was left out", func(s *script) {
			s.stopped("r1", deposits(dr.Outbound))
			s.by("r1", "wu", dr.RowStep, dr.StepData{Step: "resume", N: 1, From: dr.StepFail, To: dr.StepSkipped, Reason: "later", How: "skip"})
			s.moved("r1", "wu", dr.Paused, dr.AtStandby, "proven", judged("exceptions"))
		}, []string{"r1"}, true},
		{"the way back resumed it", func(s *script) {
			s.stopped("r1", deposits(dr.Outbound))
			s.by("r1", "wu", dr.RowStep, dr.StepData{Step: "resume", N: 1, From: dr.StepFail, To: dr.StepSkipped, Reason: "later", How: "skip"})
			s.moved("r1", "wu", dr.Paused, dr.AtStandby, "proven", judged("exceptions"))
			s.started("r2", deposits(dr.Return))
			for _, step := range []string{"pause", "promote", "resume"} {
				s.ran("r2", step, 100)
			}
			s.moved("r2", "", dr.Running, dr.Closed, "returned", judged("passed"))
		}, []string{"r1", "r2"}, false},
		{"a rehearsal", func(s *script) {
			plan := deposits(dr.Outbound)
			plan.Mode = dr.Rehearsal
			s.request("r1", "lin", "practice", "", plan, dr.Clocks{})
			s.moved("r1", "", dr.Preflight, dr.Running, "rehearse")
			s.ran("r1", "pause", 10)
			s.moved("r1", "", dr.Running, dr.Closed, "closed", judged("rehearsed"))
		}, []string{"r1"}, false},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			s := newScript(t)
			c.tell(s)
			m := s.read(c.runs...)
			want := []LeftPaused(nil)
			if c.left {
				want = []LeftPaused{{System: "deposits", Name: "Deposits", Nodes: []string{"patroni-e", "patroni-w"}}}
			}
			if got := m.Runs[0].LeftPaused; !slices.EqualFunc(got, want, func(a, b LeftPaused) bool {
				return a.System == b.System && a.Name == b.Name && slices.Equal(a.Nodes, b.Nodes)
			}) {
				t.Errorf("left paused %+v, want %+v", got, want)
			}
			for _, lang := range languages {
				page, err := HTML(m, lang, s.source(c.runs...).Blob)
				if err != nil {
					t.Fatal(err)
				}
				cover, _, _ := bytes.Cut(page, []byte(`<section class="chapter"`))
				first, _, _ := strings.Cut(string(Markdown(m, lang)), "\n## ")
				if said := []bool{bytes.Contains(cover, []byte("patronictl resume")), strings.Contains(first, "`patronictl resume`")}; said[0] != c.left || said[1] != c.left {
					t.Errorf("%s: said on page and in text: %v", lang, said)
				}
			}
			if c.name == "aborted" {
				en, _, _ := strings.Cut(string(Markdown(m, locale.English)), "\n## ")
				zh, _, _ := strings.Cut(string(Markdown(m, locale.Chinese)), "\n## ")
				golden(t, "paused.md", []byte(en+"\n\n"+zh+"\n"))
			}
		})
	}
}
