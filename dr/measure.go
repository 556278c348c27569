package dr

import (
	"slices"
	"sort"
)

// Times keeps apart what people often add up.
type Times struct {
	Total        Millis `json:"total_ms"`
	Machine      Millis `json:"machine_ms"`
	People       Millis `json:"people_ms"`
	Verification Millis `json:"verification_ms"`
	CriticalPath Millis `json:"critical_path_ms"`
}

// Outcome is one measure of success and how it came out.
type Outcome struct {
	Criterion
	Got    int64  `json:"got"`
	Result string `json:"result"` // passed | failed | not_measured
}

// Stretch is a state a run was in, from one moment to another.
type Stretch struct {
	State    State
	From, To Time
}

func (s Stretch) length() Millis { return max(0, s.To.Since(s.From)) }

// Move is a run's arrival in a state.
type Move struct {
	At Time
	To State
}

// MeasureTimes splits a run's time; moves are its moves of state, in order. Total runs from the request to the moment everything was proven (or
// the end, or now); people is time in which the run stood waiting for somebody; machine is time in
// which at least one step was in flight; verification is time after everything had moved.
func MeasureTimes(run Run, moves []Move, attempts []Attempt, s *Slice, now Time) Times {
	end := measuredUntil(run, now)
	t := Times{Total: end.Since(run.Clocks.Requested)}
	var waits, busy []Stretch
	for _, iv := range Stretches(run, moves, end) {
		switch iv.State {
		case AwaitingApproval, AwaitingCode, Paused:
			waits = append(waits, iv)
		case Verifying:
			t.Verification += iv.length()
		}
	}
	took := map[string]Millis{}
	for _, a := range attempts {
		st, ok := s.Step(a.Step)
		if !ok || a.Purpose != "do" {
			continue
		}
		till := a.Outcome
		if till.IsZero() {
			till = end
		}
		if st.Kind == ManualStep && run.Mode != Rehearsal {
			waits = append(waits, Stretch{From: a.Intent, To: till})
		} else if !st.Off {
			busy = append(busy, Stretch{From: a.Intent, To: till})
		}
		took[a.Step] += till.Since(a.Intent)
	}
	t.Machine, t.People = union(busy), union(waits)
	t.CriticalPath, _ = CriticalPath(s.Waits(), func(id string) Millis { return took[id] })
	return t
}

// measuredUntil is where a run's time ends: when everything was proven, once that is so for all of its
// systems; else at its end; else now.
func measuredUntil(run Run, now Time) Time {
	switch run.State {
	case AtStandby, Closed, ClosedWithExceptions:
		if !run.Clocks.Restored.IsZero() {
			return run.Clocks.Restored
		}
	}
	if !run.Clocks.Ended.IsZero() {
		return run.Clocks.Ended
	}
	return now
}

// Stretches reads the states a run was in from its moves, up to an end.
func Stretches(run Run, moves []Move, end Time) []Stretch {
	var out []Stretch
	state, since := Draft, run.Clocks.Requested
	for _, m := range moves {
		if m.At.After(end.Time) {
			continue
		}
		out = append(out, Stretch{state, since, m.At})
		state, since = m.To, m.At
	}
	return append(out, Stretch{state, since, end})
}

// union adds up intervals, counting what overlaps once.
func union(ivs []Stretch) (sum Millis) {
	sort.Slice(ivs, func(i, j int) bool { return ivs[i].From.Before(ivs[j].From.Time) })
	var till Time
	for _, iv := range ivs {
		from := iv.From
		if from.Before(till.Time) {
			from = till
		}
		if iv.To.After(from.Time) {
			sum += iv.To.Since(from)
			till = iv.To
		}
	}
	return sum
}

// Outcomes holds a run against what its plan called success before it began.
func Outcomes(s *Slice, run Run) []Outcome {
	var out []Outcome
	for _, c := range s.Criteria {
		got, ok := measured(run, c)
		v := Outcome{Criterion: c, Got: got, Result: "not_measured"}
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
func measured(run Run, c Criterion) (worst int64, ok bool) {
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

// Waits are a slice's steps with what they wait for in fact, said or not: what proves a system waits
// for all that moves it.
func (s *Slice) Waits() []Step {
	index := make(map[string]int, len(s.Steps))
	for i, st := range s.Steps {
		index[st.ID] = i
	}
	out := slices.Clone(s.Steps)
	for i := range out {
		out[i].Needs = nil
		for _, j := range s.waits(index, i) {
			out[i].Needs = append(out[i].Needs, s.Steps[j].ID)
		}
	}
	return out
}

func (s *Slice) waits(index map[string]int, i int) []int {
	st := s.Steps[i]
	var out []int
	for _, id := range st.Needs {
		if j, ok := index[id]; ok {
			out = append(out, j)
		}
	}
	if st.Phase != "verify" {
		return out
	}
	for j, other := range s.Steps {
		if other.Phase == "verify" || other.Off || slices.Contains(out, j) {
			continue
		}
		if st.System == "" || other.System == st.System || other.System == "" && len(st.Needs) == 0 {
			out = append(out, j)
		}
	}
	return out
}
