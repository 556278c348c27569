package web

import (
	"bytes"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// roomsTell looks at what the console's rooms show of a run that stands at the standby.
func (h *house) roomsTell(run string) {
	h.t.Helper()
	read := func(path string, out any) {
		h.t.Helper()
		h.do(ask{method: "GET", path: path, as: "ada"}).into(h.t, out)
	}

	var now struct {
		Runs    []fsm.View  `json:"runs"`
		Needs   []need      `json:"needs_me"`
		Systems []systemNow `json:"systems"`
		Health  []Health    `json:"health"`
	}
	read("/api/now?lang=zh", &now)
	if len(now.Runs) != 1 || len(now.Systems) != 1 || now.Systems[0].Site != "west" || now.Systems[0].Run != run || now.Systems[0].Moving != "" || len(now.Health) != 1 {
		h.t.Errorf("now: %d runs, %+v, %+v", len(now.Runs), now.Systems, now.Health)
	}
	if len(now.Needs) != 1 || now.Needs[0].Verb != dr.VerbSwitchback || now.Needs[0].Text == "" {
		h.t.Errorf("what needs ada: %+v", now.Needs)
	}

	var plans struct {
		Plans []planInfo `json:"plans"`
	}
	read("/api/plans", &plans)
	for _, p := range plans.Plans {
		switch {
		case p.ID == "move" && (p.Last == nil || p.Last.Run != run || p.Drill == nil || p.Changed == nil || *p.Changed || p.Last.Total <= 0):
			h.t.Errorf("the plan that ran: %+v %+v %+v %v", p, p.Last, p.Drill, p.Changed)
		case p.ID != "move" && (p.Last != nil || p.Drill != nil || p.Changed != nil):
			h.t.Errorf("a plan that never ran: %+v", p)
		}
	}

	var plan runPlan
	read("/api/runs/"+run+"/plan", &plan)
	if plan.Plan != "move" || len(plan.Steps) == 0 || plan.Last != "" {
		h.t.Errorf("the run's plan: %+v", plan)
	}
	var diff struct {
		Run     string   `json:"run"`
		Changed []string `json:"changed"`
	}
	read("/api/plans/move/diff?run="+run, &diff)
	if diff.Run != run || len(diff.Changed) != 0 {
		h.t.Errorf("nothing changed: %+v", diff)
	}
	for _, path := range []string{"/api/runs/" + run + "/graph.svg", "/api/plans/move/graph.svg"} {
		if got := h.do(ask{method: "GET", path: path, as: "ada"}); !bytes.HasPrefix(got.raw, []byte("<svg")) || got.header.Get("Content-Type") != "image/svg+xml" {
			h.t.Errorf("%s: HTTP %d %.40s", path, got.code, got.raw)
		}
	}
	h.stepsTell(run, plan)

	var all struct {
		Entries []registerEntry `json:"entries"`
	}
	read("/api/register?system=ledger", &all)
	if len(all.Entries) != 1 || all.Entries[0].Run != run || all.Entries[0].Mode != dr.Drill {
		h.t.Errorf("the register: %+v", all.Entries)
	}
	var org organisationView
	read("/api/organisation", &org)
	if org.ID != "pier-bank" || len(org.Systems) != 1 || len(org.Systems[0].Nodes) == 0 || !org.Runnable || len(org.Duty) == 0 || org.Digest == "" {
		h.t.Errorf("the organisation: %+v", org)
	}
	for format, head := range map[string]string{"html": "<!", "md": "#", "json": "{", "zip": "PK"} {
		for _, path := range []string{"/api/runs/" + run + "/report?format=" + format, "/api/runs/" + run + "/report." + format} {
			got := h.do(ask{method: "GET", path: path, as: "ada"})
			if got.code != 200 || !strings.HasPrefix(strings.TrimSpace(string(got.raw)), head) {
				h.t.Errorf("%s: HTTP %d %.40q", path, got.code, got.raw)
			}
		}
	}
	for sizes, code := range map[string]int{"&anchor=3&anchor=5": 200, "&anchor=999999": 422} {
		if got := h.do(ask{method: "GET", path: "/api/runs/" + run + "/report?format=zip" + sizes, as: "ada"}); got.code != code {
			h.t.Errorf("a bundle with %s: HTTP %d %.80q, want %d", sizes, got.code, got.raw, code)
		}
	}
}

// stepsTell looks at every step of a run with its attempts.
func (h *house) stepsTell(run string, plan runPlan) {
	h.t.Helper()
	tried := 0
	for _, step := range plan.Steps {
		var one struct {
			Step     dr.Step       `json:"step"`
			Attempts []attemptView `json:"attempts"`
		}
		h.do(ask{method: "GET", path: "/api/runs/" + run + "/steps/" + step.ID, as: "ada"}).into(h.t, &one)
		if one.Step.ID != step.ID {
			h.t.Errorf("asked for %s, got %s", step.ID, one.Step.ID)
		}
		tried += len(one.Attempts)
	}
	if tried == 0 {
		h.t.Error("no step of the run was tried")
	}
	if p := h.do(ask{method: "GET", path: "/api/runs/" + run + "/steps/nothing", as: "ada"}).problem(h.t); p.ID != "no_such_step" {
		h.t.Errorf("a step that is not there: %+v", p)
	}
}
