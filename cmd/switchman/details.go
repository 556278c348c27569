package main

import (
	"context"
	"net/url"
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/web"
)

// details are what a run's frozen plan adds to its view where a person is waited for. Without a server
// there are none, and the view alone is told.
type details struct {
	steps   map[string]dr.Step // what is to be done by hand
	missing []dr.Group         // with as many places as are still free
}

// details asks for the plan only while something of it would be said.
func (sh *shell) details(ctx context.Context, v fsm.View) (out details) {
	votes := slices.Contains(v.Waiting, "waiting_votes")
	if !votes && len(byHand(v)) == 0 {
		return out
	}
	var plan web.PlanView
	if err := sh.call(ctx, "GET", "/api/runs/"+url.PathEscape(v.ID)+"/plan", nil, &plan); err != nil {
		return out
	}
	out.steps = map[string]dr.Step{}
	for _, s := range plan.Steps {
		if s.Kind == dr.ManualStep {
			out.steps[s.ID] = s
		}
	}
	var roster struct {
		People []person `json:"people"`
	}
	if votes {
		if err := sh.call(ctx, "GET", "/api/people", nil, &roster); err == nil {
			out.missing = missingGroups(plan.Rule.Groups, v.Round, roster.People)
		}
	}
	return out
}

// missingGroups gives each vote a place of a group its person belongs to. The server decides, this only
// explains: where both don't agree on how many are missing, nothing is said of groups.
func missingGroups(groups []dr.Group, round fsm.RoundView, people []person) []dr.Group {
	var out []dr.Group
	left, total := slices.Clone(round.Votes), 0
	for _, g := range groups {
		for i := 0; i < len(left) && g.N > 0; {
			p := slices.IndexFunc(people, func(p person) bool { return p.ID == firstText(left[i].For, left[i].Person) })
			in := p >= 0 && (len(g.Teams) == 0 || slices.ContainsFunc(g.Teams, func(t string) bool { return slices.Contains(people[p].Teams, t) }))
			if left[i].Verdict != approval.Approve || !in {
				i++
				continue
			}
			left = slices.Delete(left, i, i+1)
			g.N--
		}
		if g.N > 0 {
			out = append(out, g)
			total += g.N
		}
	}
	if total != round.Need-round.Have {
		return nil
	}
	return out
}
