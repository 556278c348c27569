package fsm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// View reads one run the way surfaces show it to a person. It is a reading: nothing is decided here.
func (e *Engine) View(ctx context.Context, by dr.Actor, id string) (v View, err error) {
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		run, err := r.Run(ctx, id)
		if err != nil {
			return err
		}
		v, err = e.view(ctx, r, by, run)
		return err
	})
	return v, err
}

// List reads runs, newest first, without their steps and without what depends on who looks.
func (e *Engine) List(ctx context.Context, _ dr.Actor, f Filter) ([]View, error) {
	filter := store.Filter{System: f.System, Limit: f.Limit}
	if filter.Limit == 0 {
		filter.Limit = 50
	}
	if f.Open {
		filter.States = openRunStates()
	}
	out := []View{}
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		runs, err := r.Runs(ctx, filter)
		if err != nil {
			return err
		}
		for _, run := range runs {
			slice, err := e.slice(ctx, r, run.Digest)
			if err != nil {
				return err
			}
			v := brief(run, slice, e.now())
			rows, err := r.Steps(ctx, run.ID)
			if err != nil {
				return err
			}
			v.Progress = progress(rows)
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

// Placements says where every system lives now; a system no run has moved lives at home.
func (e *Engine) Placements(ctx context.Context) ([]dr.Placement, error) {
	c, err := e.cfg.Catalog()
	if err != nil {
		return nil, err
	}
	known := map[string]dr.Placement{}
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		places, err := r.Placements(ctx)
		for _, p := range places {
			known[p.System] = p
		}
		return err
	})
	out := []dr.Placement{}
	for _, sys := range c.Organisation().Systems {
		p, ok := known[sys.ID]
		if !ok {
			p = dr.Placement{System: sys.ID, Site: sys.Home}
		}
		out = append(out, p)
	}
	return out, err
}

func (e *Engine) view(ctx context.Context, r *store.Reader, by dr.Actor, run dr.Run) (View, error) {
	s, err := e.situation(ctx, r, run)
	if err != nil {
		return View{}, err
	}
	rows, err := r.RowsOf(ctx, run.ID, dr.RowState)
	if err != nil {
		return View{}, err
	}
	moves, err := movesOf(rows)
	if err != nil {
		return View{}, err
	}
	last, err := r.LastDurations(ctx, run.Plan)
	if err != nil {
		return View{}, err
	}
	v := brief(run, s.Slice, s.Now)
	v.Checks = run.Checks
	v.CodeLive = codeLive(run, s.Now)
	have, need, _, _ := approval.Tally(s.Case)
	v.Round.Nonce, v.Round.Need, v.Round.Have = run.Round.Nonce, need, have
	if run.State == dr.AwaitingCode {
		v.Round.Expires = approval.Deadline(s.Case) // votes of a drill may be good for days
		v.FactsUntil = approval.FactsUntil(s.Case)
	}
	v.Verbs = Verbs(s, by.Person)
	v.Steps, v.Progress = stepViews(s, last)
	v.Systems = systemViews(s)
	v.Times = dr.MeasureTimes(run, moves, s.Attempts, s.Slice, s.Now)
	v.Criteria = dr.Outcomes(s.Slice, run)
	if soaking(s) {
		v.SoakEnds = run.Clocks.Restored.Plus(s.Slice.Soak)
	}
	v.Waiting = waiting(s, have, need)
	return v, nil
}

// brief is what a run's own row and its slice tell.
func brief(run dr.Run, slice *dr.Slice, now dr.Time) View {
	v := View{ID: run.ID, Plan: run.Plan, Title: run.Title, Kind: run.Kind, Digest: run.Digest, Mode: run.Mode, Direction: run.Direction,
		Environment: run.Environment, From: run.From, To: run.To, State: run.State, Pause: run.Pause, Reason: run.Reason, Version: run.Version,
		Requester: run.Requester, Commander: run.Commander, Handover: run.Handover, Parent: run.Parent, Child: run.Child,
		Challenge: run.Challenge, Profile: slice.Rule.Profile, RTOFrom: slice.Rule.RTOFrom, Overrides: run.Overrides, Force: run.Force, Clocks: run.Clocks,
		Verdict: run.Verdict, Now: now, CodeLeft: codeLeft(run, slice)}
	words, numbers := approval.Words(run.Digest)
	for i := range words {
		v.Words = append(v.Words, Word{Word: words[i], Number: numbers[i]})
	}
	v.Round = RoundView{Number: run.Round.Number, Need: slice.Rule.Quorum(), State: run.Round.State, Votes: run.Round.Votes, Expires: run.Round.Expires}
	if v.Round.Votes == nil {
		v.Round.Votes = []dr.Vote{}
	}
	for _, rs := range run.Systems {
		v.Systems = append(v.Systems, SystemView{RunSystem: rs, Name: nameOf(slice, rs.ID)})
	}
	return v
}

func codeLeft(run dr.Run, slice *dr.Slice) int {
	used, limit := approval.Tries(approval.Case{Run: run, Slice: slice})
	return max(0, limit-used)
}

func nameOf(s *dr.Slice, system string) string {
	for _, sys := range s.Systems {
		if sys.ID == system {
			return sys.Name
		}
	}
	return system
}

func stepViews(s Situation, last map[string]dr.Millis) ([]StepView, Progress) {
	rows := make(map[string]dr.StepRow, len(s.Steps))
	for _, r := range s.Steps {
		rows[r.Step] = r
	}
	out := make([]StepView, 0, len(s.Slice.Steps))
	for _, st := range s.Slice.Steps {
		row, a := rows[st.ID], s.Newest[st.ID]
		v := StepView{ID: st.ID, Base: st.Base, Node: st.Node, System: st.System, State: row.State, Class: st.Class, Kind: st.Kind,
			Attempt: row.Attempt, Started: row.Started, Ended: row.Ended, Title: st.Title, Text: a.Text, Reason: row.Reason, Phase: st.Phase,
			NoReturn: st.NoReturn, Hold: st.Hold, Needs: st.Needs, Expect: st.Expect, Last: last[st.ID], Evidence: a.Evidence}
		out = append(out, v)
	}
	return out, progress(s.Steps)
}

func progress(rows []dr.StepRow) Progress {
	p := Progress{Total: len(rows)}
	for _, row := range rows {
		switch {
		case row.State.Settled():
			p.Done++
			if row.State == dr.StepSkipped {
				p.Skipped++
			}
		case row.State == dr.StepIntent:
			p.Flying++
		case row.State == dr.StepFail:
			p.Failed++
		case row.State == dr.StepUnknown:
			p.Unknown++
		}
	}
	return p
}

func systemViews(s Situation) []SystemView {
	out, at := []SystemView{}, map[string]int{}
	for i, rs := range s.Run.Systems {
		out, at[rs.ID] = append(out, SystemView{RunSystem: rs, Name: nameOf(s.Slice, rs.ID)}), i
	}
	for _, row := range s.Steps {
		st, _ := s.Slice.Step(row.Step)
		i, ok := at[st.System]
		if !ok {
			continue
		}
		out[i].Total++
		if row.State.Settled() {
			out[i].Done++
		}
	}
	return out
}

// waiting names what the run waits for, as sentence ids surfaces render.
func waiting(s Situation, have, need int) []string {
	var out []string
	switch s.Run.State {
	case dr.AwaitingApproval:
		if have < need {
			out = append(out, "waiting_votes")
		}
	case dr.AwaitingCode:
		if liveCodes(s.Run, s.Now) < max(1, s.Slice.Rule.Codes) {
			out = append(out, "waiting_code")
		} else {
			out = append(out, "waiting_code_entry")
		}
	case dr.Paused:
		out = append(out, "waiting_paused_"+string(s.Run.Pause))
	case dr.Draft, dr.Preflight:
		out = append(out, "waiting_facts")
	case dr.AtStandby:
		if soaking(s) {
			out = append(out, "waiting_soak")
		}
	}
	switch at := s.Run.State; {
	case at.Moving() || !leftPaused(s):
	case at == dr.Paused:
		out = append(out, "waiting_automation_here")
	default:
		out = append(out, "waiting_automation_left")
	}
	if !s.Run.State.Started() && slices.ContainsFunc(s.Run.Checks, func(c dr.Check) bool { return approval.Blocks(c) && !approval.Overridden(s.Case, c.ID) }) {
		out = append(out, "waiting_checks")
	}
	for _, r := range s.Steps {
		if st, ok := s.Slice.Step(r.Step); ok && st.Kind == dr.ManualStep && r.State == dr.StepIntent && !s.Run.State.Ended() {
			out = append(out, "waiting_manual")
			break
		}
	}
	return out
}

// movesOf reads a run's moves of state from its rows.
func movesOf(rows []dr.Row) ([]dr.Move, error) {
	var out []dr.Move
	for _, row := range rows {
		if row.Kind != dr.RowState {
			continue
		}
		var d dr.StateData
		if err := json.Unmarshal(row.Data, &d); err != nil {
			return nil, fmt.Errorf("reading row %d: %w", row.Seq, err)
		}
		out = append(out, dr.Move{At: row.At, To: d.To})
	}
	return out, nil
}
