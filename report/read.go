package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Read makes the model of a source. It is pure: the same source gives the same model.
func Read(src Source) (*Model, error) {
	m := &Model{Format: Format, MadeBy: src.MadeBy, Checkpoint: src.Checkpoint, AsOf: src.Checkpoint.Size - 1, Runs: []Run{}}
	var tellings []*telling
	byRun := map[string]*telling{}
	erased := map[string]bool{}
	last := int64(-1)
	lost := false
	for _, row := range src.Rows {
		if row.Seq <= last || row.Seq > m.AsOf {
			return nil, fmt.Errorf("row %d stands behind row %d of a journal of %d rows", row.Seq, last, src.Checkpoint.Size)
		}
		last, m.AsOfTime = row.Seq, row.At
		lost = lost || row.Kind == dr.RowRollback
		if row.Kind == dr.RowBlobErased {
			b, err := data[dr.Blob](row)
			if err != nil {
				return nil, err
			}
			erased[b.Digest] = true
		}
		if row.Run == "" {
			continue // a row of the house, such as the first one
		}
		t := byRun[row.Run]
		if t == nil {
			if row.Kind != dr.RowRequested {
				return nil, fmt.Errorf("row %d tells of run %q, whose request is not among the rows", row.Seq, row.Run)
			}
			var err error
			if t, err = src.begin(row); err != nil {
				return nil, err
			}
			byRun[row.Run] = t
			tellings = append(tellings, t)
		}
		if err := t.read(row); err != nil {
			return nil, err
		}
		if t.fault != nil {
			return nil, t.fault
		}
	}
	if len(tellings) == 0 {
		return nil, errors.New("there are no rows of any run")
	}
	first := tellings[0]
	m.Name = cmp.Or(first.slice.Names.Organisation, first.slice.Organisation)
	m.Organisation, m.Environment, m.TimeZone = first.slice.Organisation, first.slice.Environment, first.slice.TimeZone
	for _, t := range tellings {
		if err := t.finish(src, m.AsOfTime, erased); err != nil {
			return nil, err
		}
	}
	for i, t := range tellings {
		if i == 0 && len(tellings) > 1 {
			t.soakUntil(tellings[1:])
			t.resumedBy(tellings[1:])
		}
		m.Runs = append(m.Runs, t.out)
	}
	m.Register = register(src.Register, byRun)
	m.Rate = rate(m.Register, first.zone)
	m.NotProven = notProven(m.Runs, lost)
	m.NotCaptured = notCaptured(m.Runs)
	for _, t := range tellings {
		if t.unclocked && !slices.Contains(m.NotCaptured, "not_captured_clock") {
			m.NotCaptured = append(m.NotCaptured, "not_captured_clock")
		}
	}
	return m, nil
}

// notProven names the limits of all such evidence, and those that are of this one.
func notProven(runs []Run, lost bool) []string {
	out := []string{"not_proven_host", "not_proven_operator", "not_proven_key", "not_proven_clock", "not_proven_unasked"}
	if lost {
		out = append(out, "not_proven_rollback")
	}
	if !slices.ContainsFunc(runs, func(r Run) bool { return len(r.Anchors) > 0 }) {
		out = append(out, "not_proven_anchor")
	}
	return out
}

// telling is one run as its rows unfold.
type telling struct {
	out      Run
	slice    *dr.Slice
	zone     *time.Location
	run      dr.Run // as far as measuring needs it
	moves    []dr.Move
	steps    map[string]int         // index in out.Steps
	attempts map[string]map[int]int // step, attempt: index in the step's attempts
	facts    map[string]map[string]int64
	acts     map[string]*Attendance
	order    []string // people who acted, first act first
	codes    map[string]int
	proven   dr.Time // when verification ended
	fault    error   // the first row that did not fit

	unclocked bool // nobody gave the moment the policy counts from
}

// begin opens a run. The frozen plan told about is the last one a round was held on, or that of the
// request when there was none.
func (s Source) begin(row Row) (*telling, error) {
	req, err := data[dr.RequestedData](row)
	if err != nil {
		return nil, err
	}
	digest := req.Digest
	for _, r := range s.Rows {
		if r.Run == row.Run && r.Kind == dr.RowRound {
			d, err := data[dr.RoundData](r)
			if err != nil {
				return nil, err
			}
			digest = d.Digest
		}
	}
	slice, err := s.slice(digest)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", row.Run, err)
	}
	zone, err := time.LoadLocation(slice.TimeZone)
	if slice.TimeZone == "Local" || slice.TimeZone == "" {
		return nil, fmt.Errorf("run %s: the frozen plan names no time zone", row.Run)
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: time zone of the frozen plan: %w", row.Run, err)
	}
	t := &telling{slice: slice, zone: zone, steps: map[string]int{}, attempts: map[string]map[int]int{}, facts: map[string]map[string]int64{},
		acts: map[string]*Attendance{}, codes: map[string]int{}}
	t.run = dr.Run{ID: row.Run, Plan: req.Plan, Kind: req.Kind, Mode: req.Mode, Direction: req.Direction, From: req.From, To: req.To,
		State: dr.Draft, Digest: digest, Clocks: req.Clocks}
	if t.run.Clocks.Requested.IsZero() {
		t.run.Clocks.Requested = row.At
	}
	t.out = Run{ID: row.Run, Plan: req.Plan, Title: slice.Title, Kind: req.Kind, Mode: req.Mode, Direction: req.Direction, From: req.From, To: req.To,
		FromName: cmp.Or(slice.Names.From, req.From), ToName: cmp.Or(slice.Names.To, req.To), State: dr.Draft, Reason: req.Reason, Parent: req.Parent, Challenge: slice.Challenge, Digest: digest,
		Profile: slice.Rule.Profile, RTOFrom: slice.Rule.RTOFrom, Requester: t.who(row.Actor), Criteria: []dr.Outcome{}, Overrides: []Override{},
		People: []Attendance{}, Rounds: []Round{}, Codes: []Code{}, Commanders: []Command{}, Facts: []Fact{}, States: []Move{}, Pauses: []Pause{},
		Forced: []Forced{}, Steps: []Step{}, Notices: []Notice{}, Reentry: []Reentry{}, Findings: []Finding{}, Observed: []Finding{},
		SignOffs: []SignOff{}, Refusals: []Refusal{}, Anchors: []Anchor{}, Critical: []string{}}
	words, numbers := approval.Words(digest)
	for i := range words {
		t.out.Words = append(t.out.Words, Word{Word: words[i], Number: numbers[i]})
	}
	t.did(row, "requested")
	return t, t.plan(req)
}

// plan lays out the systems and steps of the frozen plan, before anything happened to them.
func (t *telling) plan(req dr.RequestedData) error {
	for _, sys := range t.slice.Systems {
		if len(req.Systems) > 0 && !slices.Contains(req.Systems, sys.ID) {
			continue
		}
		t.run.Systems = append(t.run.Systems, dr.RunSystem{ID: sys.ID, From: req.From, To: req.To, Site: req.From, State: "waiting", RTOTarget: sys.RTO,
			RPO: -1, RPOTarget: sys.RPO, Limit: sys.Limit, Lost: -1, Served: -1})
	}
	for _, st := range t.slice.Steps {
		params, err := canonical(st.Call.Params)
		if err != nil {
			return fmt.Errorf("parameters of step %s: %w", st.ID, err)
		}
		t.steps[st.ID] = len(t.out.Steps)
		t.out.Steps = append(t.out.Steps, Step{ID: st.ID, Title: st.Title, Kind: st.Kind, Class: st.Class, Phase: st.Phase, System: st.System, Node: st.Node,
			Action: st.Call.Action, Params: params, Needs: st.Needs, State: dr.StepBlocked, NoReturn: st.NoReturn, Hold: st.Hold, Expect: st.Expect,
			Attempts: []Attempt{}})
	}
	return nil
}

// who names somebody as the frozen plan does.
func (t *telling) who(id string) Who {
	for _, p := range t.slice.People {
		if p.ID == id {
			return Who{ID: id, Name: p.Name}
		}
	}
	return Who{ID: id, Name: id}
}

func (t *telling) byWho(id string) *Who {
	if id == "" {
		return nil
	}
	w := t.who(id)
	return &w
}

// did notes that somebody took part.
func (t *telling) did(row Row, what string) {
	if row.Actor == "" {
		return
	}
	a := t.acts[row.Actor]
	if a == nil {
		a = &Attendance{Who: t.who(row.Actor), First: row.At}
		t.acts[row.Actor] = a
		t.order = append(t.order, row.Actor)
	}
	if what != "" && !slices.Contains(a.Did, what) {
		a.Did = append(a.Did, what)
	}
	if row.Surface != "" && !slices.Contains(a.Via, row.Surface) {
		a.Via = append(a.Via, row.Surface)
	}
}

// register lists every run of the entries, oldest first.
func register(entries []journal.Entry, here map[string]*telling) []Registered {
	out, at := []Registered{}, map[string]int{}
	for _, e := range entries {
		switch i, known := at[e.Run]; {
		case e.What == journal.EntryRequested:
			at[e.Run] = len(out)
			_, told := here[e.Run]
			out = append(out, Registered{Run: e.Run, Plan: e.Plan, Kind: e.Kind, Mode: e.Mode, Direction: e.Direction, Systems: e.Systems,
				Requested: e.At, State: "open", Here: told})
		case known && e.What == journal.EntryEnded:
			out[i].Ended, out[i].State, out[i].Verdict = e.At, e.State, e.Verdict
		}
	}
	return out
}

// rate counts real runs that set out to move something and came to an end.
func rate(runs []Registered, zone *time.Location) Rate {
	r := Rate{Months: []Month{}}
	for _, run := range runs {
		switch run.State {
		case dr.Closed, dr.ClosedWithExceptions, dr.Failed, dr.RolledBack:
		default:
			continue
		}
		if run.Mode == dr.Rehearsal {
			continue
		}
		month := run.Requested.In(zone).Format("2006-01")
		i := slices.IndexFunc(r.Months, func(m Month) bool { return m.Month == month })
		if i < 0 {
			i = len(r.Months)
			r.Months = append(r.Months, Month{Month: month})
		}
		r.Runs++
		r.Months[i].Runs++
		if run.Verdict == "passed" {
			r.Passed++
			r.Months[i].Passed++
		}
	}
	return r
}

// notCaptured names what somebody might look for and not find.
func notCaptured(runs []Run) []string {
	out := []string{"not_captured_screens"}
	recordings, erased, unmeasured := 0, 0, 0
	for _, run := range runs {
		for _, st := range run.Steps {
			for _, a := range st.Attempts {
				for _, e := range a.Evidence {
					if e.Kind == "recording" {
						recordings++
					}
					if e.Kind == "image" {
						out = slices.DeleteFunc(out, func(id string) bool { return id == "not_captured_screens" })
					}
					if e.Erased {
						erased++
					}
				}
			}
		}
		for _, s := range run.Systems {
			if run.Start != nil && run.Mode != dr.Rehearsal && s.Lost < 0 {
				unmeasured++
			}
		}
	}
	if recordings == 0 {
		out = append(out, "not_captured_recordings")
	}
	if erased > 0 {
		out = append(out, "not_captured_erased")
	}
	if unmeasured > 0 {
		out = append(out, "not_captured_lost")
	}
	return out
}

// zoneOf is a zone by name; a model made by Read names one that exists.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
