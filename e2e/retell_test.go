package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// retold is a run as its journal rows alone tell it, with the classes of steps from the frozen plan. It
// is what a report has to work with: whatever the tables know and this does not is lost to an examiner.
type retold struct {
	run      dr.Run
	steps    map[string]dr.StepRow // only what rows tell: state and attempt
	attempts []dr.Attempt
	moves    []dr.Move
	rounds   map[int]dr.Round
}

func retell(rows []dr.Row) (*retold, error) {
	t := &retold{steps: map[string]dr.StepRow{}, rounds: map[int]dr.Round{}}
	for _, row := range rows {
		if err := t.take(row); err != nil {
			return nil, fmt.Errorf("row %d, %s: %w", row.Seq, row.Kind, err)
		}
	}
	return t, nil
}

func reads[T any](row dr.Row, take func(T)) error {
	var d T
	err := journal.DecodeData(row, &d)
	if err == nil {
		take(d)
	}
	return err
}

func (t *retold) take(row dr.Row) error {
	r := &t.run
	switch row.Kind {
	case dr.RowRequested:
		return reads(row, func(d dr.RequestedData) {
			*r = dr.Run{ID: row.Run, Plan: d.Plan, Title: d.Title, Kind: d.Kind, Mode: d.Mode, Direction: d.Direction, From: d.From, To: d.To, Digest: d.Digest,
				State: dr.Draft, Requester: row.Actor, Reason: d.Reason, Parent: d.Parent, Challenge: d.Challenge, Clocks: d.Clocks}
			for _, id := range d.Systems {
				r.Systems = append(r.Systems, dr.RunSystem{ID: id, From: d.From, To: d.To, Site: d.From, State: "waiting", RPO: -1, Lost: -1, Served: -1})
			}
		})
	case dr.RowState:
		return reads(row, func(d dr.StateData) { t.state(row, d) })
	case dr.RowPreflight:
		return reads(row, func(d dr.PreflightData) { r.Checks = d.Checks })
	case dr.RowOverride:
		return reads(row, func(d dr.Override) { r.Overrides = append(r.Overrides, d) })
	case dr.RowObservation:
		return reads(row, func(d dr.FindingData) {
			if d.ID == "order" {
				r.Challenge, r.Observer, r.Clocks.Ordered = d.Text, row.Actor, row.At
			}
		})
	case dr.RowCommand:
		return reads(row, func(d dr.CommandData) {
			if r.Handover = d.To; d.Accepted {
				r.Commander, r.Handover = d.To, ""
			}
		})
	case dr.RowForced:
		r.Force = nil
	case dr.RowSystem:
		return reads(row, func(d dr.SystemData) {
			*r.System(d.ID) = d.RunSystem
			if d.Why == "proven" && d.Restored.After(r.Clocks.Restored.Time) {
				r.Clocks.Restored = d.Restored
			}
		})
	}
	if err := t.votes(row); err != nil {
		return err
	}
	return t.work(row)
}

func (t *retold) state(row dr.Row, d dr.StateData) {
	r := &t.run
	if d.Child != "" {
		r.Child = d.Child
	}
	if d.Clocks != nil {
		r.Clocks = *d.Clocks
	}
	if d.From == d.To {
		return
	}
	t.moves = append(t.moves, dr.Move{At: row.At, To: d.To})
	r.State, r.Pause, r.Verdict = d.To, d.Pause, d.Verdict
	if d.Event == "fail" || d.Event == "rollback" {
		for id, st := range t.steps { // what had not gone out never will
			if st.State == dr.StepReady || st.State == dr.StepBlocked {
				st.State = dr.StepNever
				t.steps[id] = st
			}
		}
	}
}

func (t *retold) votes(row dr.Row) error {
	r := &t.run
	code := func(id string) *dr.Code {
		return &r.Codes[slices.IndexFunc(r.Codes, func(c dr.Code) bool { return c.ID == id })]
	}
	switch row.Kind {
	case dr.RowRound:
		return reads(row, func(d dr.RoundData) {
			if r.Round.Number > 0 {
				t.rounds[r.Round.Number] = r.Round
			}
			r.Round = dr.Round{Number: d.Number, Digest: d.Digest, Opened: row.At, Expires: d.Expires, State: "open"}
			r.Digest, r.Codes = d.Digest, nil
		})
	case dr.RowVote:
		return reads(row, func(d dr.VoteData) {
			r.Round.Votes = append(slices.DeleteFunc(r.Round.Votes, func(v dr.Vote) bool { return v.Human == d.Human }), d.Vote)
		})
	case dr.RowRoundEnd:
		return reads(row, func(d dr.RoundEndData) { r.Round.State = d.State })
	case dr.RowCodeIssued:
		return reads(row, func(d dr.CodeData) {
			r.Codes = append(r.Codes, dr.Code{ID: d.ID, Issuer: d.Issuer, Round: d.Round, Source: d.Source, Issued: row.At, Expires: d.Expires})
		})
	case dr.RowCodeRevoked:
		return reads(row, func(d dr.CodeData) { code(d.ID).Revoked = row.At })
	case dr.RowCodeTried:
		return reads(row, func(d dr.CodeTriedData) { r.CodeTries, r.CodeLocked = d.Tries, d.Locked })
	case dr.RowStarted:
		return reads(row, func(d dr.StartedData) {
			r.Starter, r.Commander, r.Clocks.Started, r.Round.State = d.Submitter, d.Commander, row.At, "used"
			for _, id := range d.Codes {
				code(id).Used, code(id).UsedBy = row.At, d.Submitter
			}
		})
	}
	return nil
}

// newest is the attempt of a step that rows speak about.
func (t *retold) newest(step string, n int) *dr.Attempt {
	for i := range t.attempts {
		if t.attempts[i].Step == step && t.attempts[i].N == n {
			return &t.attempts[i]
		}
	}
	return &dr.Attempt{}
}

func (t *retold) work(row dr.Row) error {
	switch row.Kind {
	case dr.RowIntent:
		return reads(row, func(d dr.IntentData) {
			if c := &t.run.Clocks; c.FirstEffect.IsZero() && d.Class != dr.Read && t.run.Mode != dr.Rehearsal {
				c.FirstEffect = row.At
			}
			t.steps[d.Step] = dr.StepRow{State: dr.StepIntent, Attempt: d.N}
			t.attempts = append(t.attempts, dr.Attempt{Step: d.Step, N: d.N, Token: d.Token, Purpose: d.Purpose, CallDigest: d.CallDigest, State: dr.StepIntent,
				Intent: row.At})
		})
	case dr.RowOutcome:
		return reads(row, func(d dr.OutcomeData) {
			a := t.newest(d.Step, d.N)
			a.State, a.Outcome, a.Code, a.Text, a.Probe, a.Evidence, a.Facts = d.State, row.At, d.Code, d.Text, string(d.Probe), d.Evidence, d.Facts
			a.Masked, a.MaskRules = d.Masked, d.MaskRules
			to := d.State
			if d.Undo && to == dr.StepOK {
				to = dr.StepUndone
			}
			t.steps[d.Step] = dr.StepRow{State: to, Attempt: d.N}
		})
	case dr.RowStep:
		return reads(row, func(d dr.StepData) {
			t.steps[d.Step] = dr.StepRow{State: d.To, Attempt: t.steps[d.Step].Attempt}
			if a := t.newest(d.Step, d.N); d.How == "decide" && d.To != dr.StepReady && a.State == dr.StepUnknown {
				if a.State = d.To; d.To == dr.StepUndone {
					a.State = dr.StepOK
				}
			}
		})
	}
	return nil
}

// heldAgainstRows compares the tables' word on a run with that of its rows, in one reading.
func heldAgainstRows(ctx context.Context, t *testing.T, s *store.Store, id string) {
	t.Helper()
	err := s.Read(ctx, func(r *store.Reader) error {
		rows, err := r.RowsOf(ctx, id)
		if err != nil {
			return err
		}
		told, err := retell(rows)
		if err != nil {
			return err
		}
		run, err := r.Run(ctx, id)
		if err != nil {
			return err
		}
		steps, err := r.Steps(ctx, id)
		if err != nil {
			return err
		}
		attempts, err := r.Attempts(ctx, id)
		if err != nil {
			return err
		}
		slice, err := frozen(ctx, r, run.Digest)
		if err != nil {
			return err
		}
		sameRun(t, slice, run, told.run)
		sameSteps(t, steps, told.steps)
		sameAttempts(t, attempts, told.attempts)
		now := dr.At(rows[len(rows)-1].At.Time)
		if got, want := dr.MeasureTimes(told.run, told.moves, told.attempts, slice, now), dr.MeasureTimes(run, told.moves, attempts, slice, now); got != want {
			t.Errorf("%s: rows measure %+v, tables %+v", id, got, want)
		}
		for n, round := range told.rounds {
			if round.State == "open" {
				t.Errorf("%s: round %d was left open in its rows", id, n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func frozen(ctx context.Context, r *store.Reader, digest string) (*dr.Slice, error) {
	b, err := r.Slice(ctx, digest)
	if err != nil {
		return nil, err
	}
	s := &dr.Slice{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, err
	}
	s.Index()
	return s, nil
}

// sameRun compares all of a run but what is the tables' own: versions, nonces, hashes, and marks for the
// executor that follow from the rest.
func sameRun(t *testing.T, slice *dr.Slice, run, told dr.Run) {
	t.Helper()
	run.Version, run.ResumeTo, run.EndAsked, run.StopAsked, run.Passed, run.Force = 0, "", "", false, false, nil
	told.Environment, told.Force, run.Round.Nonce = slice.Environment, nil, ""
	for i := range told.Systems { // targets of a system that nothing became of are those of the plan
		for _, sys := range slice.Systems {
			if s := &told.Systems[i]; s.ID == sys.ID {
				s.RTOTarget, s.RPOTarget, s.Limit = sys.RTO, sys.RPO, sys.Limit
			}
		}
	}
	for i := range run.Codes {
		c := &run.Codes[i]
		*c = dr.Code{ID: c.ID, Issuer: c.Issuer, Round: c.Round, Source: c.Source, Issued: c.Issued, Expires: c.Expires, Used: c.Used, UsedBy: c.UsedBy, Revoked: c.Revoked}
	}
	for _, r := range []*dr.Run{&run, &told} {
		slices.SortFunc(r.Round.Votes, func(a, b dr.Vote) int { return a.At.Compare(b.At.Time) })
		slices.SortFunc(r.Codes, func(a, b dr.Code) int { return a.Issued.Compare(b.Issued.Time) })
		if len(r.Round.Votes) == 0 {
			r.Round.Votes = nil
		}
	}
	same(t, run.ID, "the run", run, told)
}

func sameSteps(t *testing.T, steps []dr.StepRow, told map[string]dr.StepRow) {
	t.Helper()
	for _, st := range steps {
		is := dr.StepRow{State: st.State, Attempt: st.Attempt}
		says, touched := told[st.Step]
		if !touched && (st.State == dr.StepBlocked || st.State == dr.StepNever) {
			continue
		}
		if is != says {
			t.Errorf("%s: step %s is %s after %d attempts, rows say %s after %d", st.Run, st.Step, is.State, is.Attempt, says.State, says.Attempt)
		}
	}
}

func sameAttempts(t *testing.T, attempts, told []dr.Attempt) {
	t.Helper()
	if len(attempts) != len(told) {
		t.Errorf("%d attempts, rows tell %d", len(attempts), len(told))
		return
	}
	for _, a := range attempts {
		i := slices.IndexFunc(told, func(x dr.Attempt) bool { return x.Step == a.Step && x.N == a.N })
		if i < 0 {
			t.Errorf("%s: no row tells of attempt %d of %s", a.Run, a.N, a.Step)
			continue
		}
		run := a.Run
		if a.DecidedBy != "" && a.Outcome.After(told[i].Outcome.Time) {
			t.Errorf("%s: a decision moved the outcome of %s", run, a.Step)
		}
		a.Run, a.Epoch, a.Dispatched, a.DecidedBy, a.Reason = "", 0, dr.Time{}, "", ""
		same(t, run, "attempt of "+a.Step, a, told[i])
	}
}

// same compares by JSON, which has moments as precise as rows have them.
func same(t *testing.T, run, what string, is, told any) {
	t.Helper()
	a, err := json.Marshal(is)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("%s: %s differs\n is    %s\n rows: %s", run, what, a, b)
	}
}
