package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// finish measures the run once all its rows are in.
func (t *telling) finish(src Source, asOf dr.Time, erased map[string]bool) error {
	t.counted()
	t.takenBack()
	t.restored()
	r := &t.out
	if clock := r.RTOFrom; clock != "requested" && t.clock(clock).IsZero() && t.out.Start != nil {
		r.RTOFrom, t.unclocked = "requested", true // as the engine counts
	}
	r.State, r.Pause, r.Verdict, r.Clocks = t.run.State, t.run.Pause, t.run.Verdict, t.run.Clocks
	t.measureSteps(asOf, erased)
	attempts := t.sent()
	r.Times = dr.MeasureTimes(t.run, t.moves, attempts, t.slice, asOf)
	if out := dr.Outcomes(t.slice, t.run); out != nil && t.run.Mode != dr.Rehearsal {
		r.Criteria = out
	}
	took := map[string]dr.Millis{}
	for _, st := range r.Steps {
		took[st.ID] = st.Took
	}
	if len(attempts) > 0 {
		_, r.Critical = dr.CriticalPath(t.slice.Waits(), func(id string) dr.Millis { return took[id] })
		for _, id := range r.Critical {
			if st := t.of(id); st != nil {
				st.Critical = true
			}
		}
	}
	t.systems()
	t.paused()
	t.overrides()
	t.freshness(asOf)
	t.notices(asOf)
	t.attendance()
	t.soak(asOf)
	return t.reentry(src)
}

// restored is the moment the last system was proven, as its row says; a run without systems was restored
// when its verification ended.
func (t *telling) restored() {
	for _, s := range t.run.Systems {
		if s.Restored.After(t.run.Clocks.Restored.Time) {
			t.run.Clocks.Restored = s.Restored
		}
	}
	if t.run.Clocks.Restored.IsZero() {
		t.run.Clocks.Restored = t.proven
	}
}

// measureSteps adds up attempts and says of what was never sent why not.
func (t *telling) measureSteps(asOf dr.Time, erased map[string]bool) {
	for i := range t.out.Steps {
		st := &t.out.Steps[i]
		for j := range st.Attempts {
			a := &st.Attempts[j]
			if a.Outcome.IsZero() {
				a.Took = max(0, t.until(asOf).Since(a.Intent))
			}
			if a.Purpose == "do" {
				st.Took += a.Took
			}
			for k := range a.Evidence {
				a.Evidence[k].Erased = erased[a.Evidence[k].Digest]
			}
		}
		if (st.State == dr.StepBlocked || st.State == dr.StepReady) && t.run.State.Ended() {
			st.State = dr.StepNever
			st.Reason = t.out.EndReason
		}
	}
}

// until is where the run's time ends: its end, or the last row of the journal.
func (t *telling) until(asOf dr.Time) dr.Time {
	if !t.run.Clocks.Ended.IsZero() {
		return t.run.Clocks.Ended
	}
	return asOf
}

// sent are all attempts as measuring wants them.
func (t *telling) sent() []dr.Attempt {
	var out []dr.Attempt
	for _, st := range t.out.Steps {
		for _, a := range st.Attempts {
			out = append(out, dr.Attempt{Step: st.ID, N: a.N, Purpose: a.Purpose, State: a.State, Intent: a.Intent, Outcome: a.Outcome})
		}
	}
	return out
}

func (t *telling) systems() {
	t.out.Systems = []System{}
	for _, s := range t.run.Systems {
		out := System{RunSystem: s, Name: s.ID, RTOMet: "not_measured", RPOMet: "not_measured", Within: "not_measured"}
		nodes := map[string]bool{}
		for _, sys := range t.slice.Systems {
			if sys.ID == s.ID {
				out.Name, out.Tier = sys.Name, sys.Tier
			}
		}
		for _, st := range t.slice.Steps {
			if st.System == s.ID {
				out.Steps++
				if st.Node != "" {
					nodes[t.machine(st.Node)] = true
				}
			}
		}
		out.Nodes = len(nodes)
		if !s.Restored.IsZero() && t.run.Mode != dr.Rehearsal {
			if s.RTOTarget > 0 {
				out.RTOMet = met(s.RTO, s.RTOTarget)
			}
			if s.Limit > 0 {
				out.Within = met(s.RTO, s.Limit)
			}
		}
		switch {
		case t.run.Mode == dr.Rehearsal, t.out.Start == nil:
		case s.RPOTarget == 0 && s.Lost > 0:
			out.RPOMet = "no"
		case s.RPO >= 0:
			out.RPOMet = met(s.RPO, s.RPOTarget)
		}
		t.out.Systems = append(t.out.Systems, out)
	}
}

// paused lists systems whose automation this run has left paused. While it moves or stands it may take that back itself.
func (t *telling) paused() {
	if s := t.run.State; s.Moving() || s == dr.Paused || t.run.Mode == dr.Rehearsal {
		return
	}
	left, _ := t.automations()
	for _, sys := range t.slice.Systems {
		if !slices.Contains(left, sys.ID) {
			continue
		}
		one := LeftPaused{System: sys.ID, Name: sys.Name, Nodes: []string{}}
		for _, n := range sys.Nodes {
			if n.Role == dr.Automation {
				one.Nodes = append(one.Nodes, n.ID)
			}
		}
		t.out.LeftPaused = append(t.out.LeftPaused, one)
	}
}

func (t *telling) automations() (left, freed []string) {
	return dr.Automations(t.slice, func(step string) dr.StepState {
		if st := t.of(step); st != nil {
			return st.State
		}
		return ""
	})
}

// resumedBy forgets what a way back has resumed since.
func (t *telling) resumedBy(back []*telling) {
	for _, b := range back {
		if b.run.Mode == dr.Rehearsal {
			continue
		}
		_, freed := b.automations()
		t.out.LeftPaused = slices.DeleteFunc(t.out.LeftPaused, func(l LeftPaused) bool { return slices.Contains(freed, l.System) })
	}
}

// machine counts a node and its peer at the other site as one.
func (t *telling) machine(node string) string {
	if n, ok := t.slice.Node(node); ok && n.Peer != "" {
		return min(node, n.Peer)
	}
	return node
}

func met(got, want dr.Millis) string {
	if got <= want {
		return "yes"
	}
	return "no"
}

// overrides puts those listed before the vote in front.
func (t *telling) overrides() {
	foreseen := []Override{}
	for _, o := range t.slice.Overrides {
		at := slices.IndexFunc(t.out.Overrides, func(x Override) bool { return x.Check == o.Check && x.Who.ID == o.Person })
		if at >= 0 {
			t.out.Overrides[at].Foreseen = true
			continue
		}
		foreseen = append(foreseen, Override{Check: o.Check, Who: t.who(o.Person), Reason: o.Reason, At: o.At, Foreseen: true})
	}
	t.out.Overrides = append(foreseen, t.out.Overrides...)
}

// freshness says how old every fact was when the run started, or ended without starting.
func (t *telling) freshness(asOf dr.Time) {
	at := t.until(asOf)
	if t.out.Start != nil {
		at = t.out.Start.At
	} else if t.run.Mode == dr.Rehearsal {
		for _, m := range t.moves {
			if m.To == dr.Running {
				at = m.At
				break
			}
		}
	}
	for i := range t.out.Facts {
		f := &t.out.Facts[i]
		f.Age = max(0, at.Since(f.At))
		f.Overridden = slices.ContainsFunc(t.out.Overrides, func(o Override) bool { return o.Check == f.ID })
	}
}

// notices adds the notices that are steps of the plan, with the time they were due at.
func (t *telling) notices(asOf dr.Time) {
	for _, planned := range t.slice.Steps {
		if planned.Kind != dr.NotifyStep || planned.Notify == nil {
			continue
		}
		st := t.of(planned.ID)
		if st == nil || t.run.Mode == dr.Rehearsal {
			continue
		}
		n := Notice{Step: st.ID, About: "step", To: planned.Notify.To, Via: st.Action, Text: strings.ReplaceAll(planned.Notify.Text, "{run}", t.out.ID),
			State: string(st.State)}
		if from := t.clock(planned.Notify.After); !from.IsZero() && planned.Notify.Due > 0 {
			n.Due = from.Plus(planned.Notify.Due)
		}
		if k := len(st.Attempts); k > 0 {
			n.At, n.Proof = st.Attempts[k-1].Outcome, st.Attempts[k-1].Text
		}
		if st.State == dr.StepOK {
			n.State = "sent"
		}
		told := n.At
		if n.State != "sent" && t.out.Start != nil {
			told = asOf // nobody was told yet
		}
		n.Late = !n.Due.IsZero() && told.After(n.Due.Time)
		t.out.Notices = append(t.out.Notices, n)
	}
	slices.SortStableFunc(t.out.Notices, func(a, b Notice) int {
		if a.At.IsZero() != b.At.IsZero() {
			return cmp.Compare(b.At.Unix(), a.At.Unix()) // what was never sent comes last
		}
		return a.At.Compare(b.At.Time)
	})
}

func (t *telling) clock(name string) dr.Time {
	c := t.run.Clocks
	return map[string]dr.Time{"impact": c.Impact, "declared": c.Declared, "ordered": c.Ordered, "requested": c.Requested,
		"started": c.Started, "first_effect": c.FirstEffect, "restored": c.Restored}[name]
}

// attendance sets who was planned against who came, those who acted first.
func (t *telling) attendance() {
	planned := map[string]dr.Person{}
	for _, p := range t.slice.People {
		planned[p.ID] = p
	}
	fill := func(a Attendance) Attendance {
		p := planned[a.Who.ID]
		a.Roles, a.Teams = p.Roles, p.Teams
		if a.Roles == nil {
			a.Roles = []dr.Role{}
		}
		if a.Did == nil {
			a.Did = []string{}
		}
		a.OnDuty = p.ID != "" && approval.OnDuty(p, t.zone, t.run.Clocks.Requested)
		return a
	}
	for _, id := range t.order {
		t.out.People = append(t.out.People, fill(*t.acts[id]))
	}
	for _, p := range t.slice.People {
		if t.acts[p.ID] == nil {
			t.out.People = append(t.out.People, fill(Attendance{Who: Who{ID: p.ID, Name: p.Name}}))
		}
	}
}

// soak is the time at the standby, so far up to the run's end.
func (t *telling) soak(asOf dr.Time) {
	for _, m := range t.moves {
		if m.To == dr.AtStandby && t.out.Soak == nil {
			t.out.Soak = &Soak{From: m.At, To: t.run.Clocks.Ended, Wanted: t.slice.Soak, Served: -1}
		}
	}
	if t.out.Soak == nil {
		return
	}
	t.out.Soak.Took = t.until(asOf).Since(t.out.Soak.From)
	for _, s := range t.run.Systems {
		if s.Served >= 0 {
			t.out.Soak.Served = max(0, t.out.Soak.Served) + s.Served
		}
	}
}

// soakUntil ends the time at the standby where the first step back took effect, and takes over what the
// way back counted: only then does anybody know what was served.
func (t *telling) soakUntil(back []*telling) {
	s := t.out.Soak
	if s == nil {
		return
	}
	for _, b := range back {
		if effect := b.run.Clocks.FirstEffect; !effect.IsZero() && (s.To.IsZero() || effect.Before(s.To.Time)) {
			s.To = effect
			s.Took = effect.Since(s.From)
		}
		served, known := int64(0), false
		for _, sys := range b.run.Systems {
			if sys.Served < 0 {
				continue
			}
			served, known = served+sys.Served, true
			for i := range t.out.Systems {
				if t.out.Systems[i].ID == sys.ID {
					t.out.Systems[i].Served = max(t.out.Systems[i].Served, sys.Served)
				}
			}
		}
		if known {
			s.Served = max(s.Served, served)
		}
	}
}

// The list printed in a report is bounded; the evidence holds all of it.
const (
	maxReentry      = 500
	maxReentryLine  = 2000
	maxReentryBytes = 1 << 20
)

// reentry lists what comparisons found missing, from the newest attempt of each.
func (t *telling) reentry(src Source) error {
	for _, st := range t.out.Steps {
		lost, counted := t.facts[st.ID]["lost"]
		if len(st.Attempts) == 0 || !counted || lost == 0 {
			continue
		}
		a := st.Attempts[len(st.Attempts)-1]
		r := Reentry{System: st.System, Step: st.ID, Count: lost, Text: a.Text}
		for _, e := range a.Evidence {
			if e.Kind != "text" || src.Blob == nil {
				continue
			}
			lines, err := readLines(src, e.Digest)
			if err != nil {
				return fmt.Errorf("reading the differences of step %s: %w", st.ID, err)
			}
			r.Rows = append(r.Rows, lines...)
		}
		t.out.Reentry = append(t.out.Reentry, r)
	}
	return nil
}

func readLines(src Source, digest string) (out []string, err error) {
	f, err := src.Blob(digest)
	if errors.Is(err, ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxReentryBytes))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		if len(out) == maxReentry {
			break
		}
		line = strings.TrimRight(line, "\r\n")
		out = append(out, strings.ToValidUTF8(line[:min(len(line), maxReentryLine)], "\uFFFD"))
	}
	return out, nil
}
