package fsm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

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
	}
	v.Verbs = Verbs(s, by.Person)
	v.Steps, v.Progress = stepViews(s, last)
	v.Systems = systemViews(s)
	v.Times = times(run, rows, s.Attempts, s.Slice, s.Now)
	v.Criteria = criteria(s.Slice, run)
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

// times splits a run's time. Total runs from the request to the moment everything was proven (or
// the end, or now); people is time in which the run stood waiting for somebody; machine is time in
// which at least one step was in flight; verification is time after everything had moved.
func times(run dr.Run, rows []dr.Row, attempts []dr.Attempt, s *dr.Slice, now dr.Time) Times {
	end := measuredUntil(run, now)
	t := Times{Total: end.Since(run.Clocks.Requested)}
	var waits, busy []interval
	for _, iv := range stateIntervals(run, rows, end) {
		switch iv.state {
		case dr.AwaitingApproval, dr.AwaitingCode, dr.Paused:
			waits = append(waits, iv)
		case dr.Verifying:
			t.Verification += iv.length()
		}
	}
	took := map[string]dr.Millis{}
	for _, a := range attempts {
		st, ok := s.Step(a.Step)
		if !ok || a.Purpose != "do" {
			continue
		}
		till := a.Outcome
		if till.IsZero() {
			till = end
		}
		if st.Kind == dr.ManualStep && run.Mode != dr.Rehearsal {
			waits = append(waits, interval{from: a.Intent, to: till})
		} else if !st.Off {
			busy = append(busy, interval{from: a.Intent, to: till})
		}
		took[a.Step] += till.Since(a.Intent)
	}
	t.Machine, t.People = union(busy), union(waits)
	t.CriticalPath, _ = dr.CriticalPath(withNeeds(s), func(id string) dr.Millis { return took[id] })
	return t
}

// measuredUntil is where a run's time ends: when everything was proven, once that is so for all of its
// systems; else at its end; else now.
func measuredUntil(run dr.Run, now dr.Time) dr.Time {
	switch run.State {
	case dr.AtStandby, dr.Closed, dr.ClosedWithExceptions:
		if !run.Clocks.Restored.IsZero() {
			return run.Clocks.Restored
		}
	}
	if !run.Clocks.Ended.IsZero() {
		return run.Clocks.Ended
	}
	return now
}

type interval struct {
	state    dr.State
	from, to dr.Time
}

func (iv interval) length() dr.Millis { return max(0, iv.to.Since(iv.from)) }

// stateIntervals reads a run's states from its journal rows, up to an end.
func stateIntervals(run dr.Run, rows []dr.Row, end dr.Time) []interval {
	var out []interval
	state, since := dr.Draft, run.Clocks.Requested
	for _, row := range rows {
		if row.Kind != dr.RowState {
			continue
		}
		d, err := readState(row)
		if err != nil || row.At.After(end.Time) {
			continue
		}
		out = append(out, interval{state, since, row.At})
		state, since = d.To, row.At
	}
	return append(out, interval{state, since, end})
}

// union adds up intervals, counting what overlaps once.
func union(ivs []interval) (sum dr.Millis) {
	sort.Slice(ivs, func(i, j int) bool { return ivs[i].from.Before(ivs[j].from.Time) })
	var till dr.Time
	for _, iv := range ivs {
		from := iv.from
		if from.Before(till.Time) {
			from = till
		}
		if iv.to.After(from.Time) {
			sum += iv.to.Since(from)
			till = iv.to
		}
	}
	return sum
}

// criteria holds the run against what its plan called success before it began.
func criteria(s *dr.Slice, run dr.Run) []CriterionView {
	var out []CriterionView
	for _, c := range s.Criteria {
		got, ok := measured(run, c)
		v := CriterionView{Criterion: c, Got: got, Result: "not_measured"}
		if ok {
			v.Result = "failed"
			if holds(got, c.Op, c.Value) {
				v.Result = "passed"
			}
		}
		out = append(out, v)
	}
	return out
}

// measured finds the worst value of a metric over the systems a criterion is about.
func measured(run dr.Run, c dr.Criterion) (worst int64, ok bool) {
	for _, s := range run.Systems {
		if c.System != "" && s.ID != c.System {
			continue
		}
		v, known := int64(0), false
		switch c.Metric {
		case "rto", "limit":
			v, known = int64(s.RTO), !s.Restored.IsZero()
		case "rpo":
			v, known = int64(s.RPO), s.RPO >= 0
		case "lost", "reconcile":
			v, known = s.Lost, s.Lost >= 0
		case "served":
			v, known = s.Served, s.Served >= 0
		}
		if !known {
			continue
		}
		if !ok || (c.Op == ">=" && v < worst) || (c.Op != ">=" && v > worst) {
			worst, ok = v, true
		}
	}
	return worst, ok
}

func holds(got int64, op string, want int64) bool {
	switch op {
	case ">=":
		return got >= want
	case "==":
		return got == want
	}
	return got <= want
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
		out = append(out, "waiting_code")
	case dr.Paused:
		out = append(out, "waiting_paused_"+string(s.Run.Pause))
	case dr.Draft, dr.Preflight:
		out = append(out, "waiting_facts")
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
func readState(row dr.Row) (dr.StateData, error) {
	var d dr.StateData
	if err := json.Unmarshal(row.Data, &d); err != nil {
		return d, fmt.Errorf("reading row %d: %w", row.Seq, err)
	}
	return d, nil
}
