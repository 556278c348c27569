package fsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Request opens a run of a plan. What it will do is frozen now; the facts are gathered next, and
// then people may vote.
func (e *Engine) Request(ctx context.Context, by dr.Actor, q Request) (View, error) {
	if err := e.noCode(ctx, by, "", dr.VerbRequest, append([]string{q.Plan, q.Reason}, q.Systems...)...); err != nil {
		return View{}, err
	}
	slice, err := e.admit(ctx, by, q)
	if err != nil {
		return View{}, err
	}
	bytes, err := slice.Bytes()
	if err != nil {
		return View{}, fmt.Errorf("writing the frozen plan: %w", err)
	}
	var refusal *dr.Error
	var id string
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		if id, err = e.freeRunID(ctx, tx); err != nil {
			return err
		}
		run := e.newRun(id, by, q, slice, dr.Digest(bytes))
		open, err := tx.Runs(ctx, store.Filter{States: openRunStates()})
		if err != nil {
			return fmt.Errorf("listing open runs: %w", err)
		}
		places, err := tx.Placements(ctx)
		if err != nil {
			return fmt.Errorf("reading placements: %w", err)
		}
		if refusal = admissible(q, slice, open, places); refusal != nil {
			return nil
		}
		if err := tx.InsertRun(ctx, run, bytes); err != nil {
			return err
		}
		if err := tx.ReplaceSteps(ctx, id, newSteps(id, slice)); err != nil {
			return err
		}
		if q.Parent != "" {
			if err := e.adopt(ctx, tx, by, run, slice); err != nil {
				return err
			}
		}
		tx.Journal(newRow(run.Clocks.Requested, id, dr.RowRequested, by, requested(run, slice)))
		for _, o := range run.Overrides {
			tx.Journal(newRow(run.Clocks.Requested, id, dr.RowOverride, by, o))
		}
		return nil
	})
	if err != nil {
		return View{}, e.journalRefusal(ctx, by, "", dr.VerbRequest, err)
	}
	if refusal != nil {
		return View{}, e.refuse(ctx, by, "", dr.VerbRequest, "request", refusal)
	}
	e.wake()
	return e.View(ctx, by, id)
}

// admit checks who asks for what, and compiles it.
func (e *Engine) admit(ctx context.Context, by dr.Actor, q Request) (*dr.Slice, error) {
	refuse := func(id string, args dr.Args) error {
		return e.refuse(ctx, by, "", dr.VerbRequest, id, dr.Refuse(id, args))
	}
	c, err := e.cfg.Catalog()
	if err != nil {
		return nil, refuse("files_unreadable", nil)
	}
	if err := c.Runnable(); err != nil {
		return nil, err
	}
	if e.stepped() {
		return nil, refuse("clock_stepped_back", nil)
	}
	p, known := c.Organisation().Roster.Person(by.Person)
	switch {
	case !known || p.Disabled:
		return nil, refuse("person_unknown", dr.Args{"person": by.Person})
	case !p.Has(dr.Requester):
		return nil, refuse("role_missing", dr.Args{"person": p.Name, "verb": "request", "roles": string(dr.Requester)})
	case strings.TrimSpace(q.Reason) == "":
		return nil, refuse("reason_missing", dr.Args{"verb": "request"})
	case !slices.Contains(dr.Modes(), q.Mode):
		return nil, &dr.Error{Kind: dr.Usage, ID: "mode_unknown", Args: dr.Args{"mode": string(q.Mode)}}
	}
	for i := range q.Overrides {
		q.Overrides[i].Person, q.Overrides[i].At = by.Person, e.now()
	}
	slice, err := c.Compile(catalog.Selection{Plan: q.Plan, Mode: q.Mode, Systems: q.Systems, Profile: q.Profile, Overrides: q.Overrides, Parent: q.Parent})
	if err != nil {
		var refused *dr.Error
		if errors.As(err, &refused) && refused.Kind == dr.Refused {
			return nil, e.refuse(ctx, by, "", dr.VerbRequest, refused.ID, refused)
		}
		return nil, err
	}
	return slice, nil
}

// admissible checks a request against what is already under way and where systems live now.
func admissible(q Request, s *dr.Slice, open []dr.Run, places []dr.Placement) *dr.Error {
	at := map[string]string{}
	for _, p := range places {
		at[p.System] = p.Site
	}
	for _, sys := range s.Systems {
		site := at[sys.ID]
		if site == "" {
			site = sys.Home
		}
		if site != s.From {
			return dr.Refuse("wrong_direction", dr.Args{"system": sys.ID, "site": site, "from": s.From, "to": s.To})
		}
	}
	if q.Mode == dr.Rehearsal {
		return nil
	}
	for _, r := range open {
		if r.Mode == dr.Rehearsal || r.ID == q.Parent {
			continue
		}
		for _, sys := range s.Systems {
			switch rs := r.System(sys.ID); {
			case rs == nil:
			case r.State == dr.AtStandby && rs.Site != rs.To: // brought home already, before the rest of its run
			case r.State == dr.AtStandby && s.Kind == dr.Switchback && q.Parent == "":
				return dr.Refuse("switchback_needs_parent", dr.Args{"plan": q.Plan})
			default:
				return dr.Refuse("run_already_open", dr.Args{"run": r.ID, "system": sys.ID, "state": string(r.State)})
			}
		}
	}
	return nil
}

func (e *Engine) newRun(id string, by dr.Actor, q Request, s *dr.Slice, digest string) dr.Run {
	now := e.now()
	run := dr.Run{ID: id, Plan: s.Plan, Title: s.Title, Digest: digest, Kind: s.Kind, Mode: s.Mode, Direction: s.Direction,
		Environment: s.Environment, From: s.From, To: s.To, State: dr.Draft, Version: 1, Requester: by.Person, Reason: q.Reason,
		Profile: q.Profile, Parent: q.Parent, Overrides: s.Overrides, Clocks: dr.Clocks{Impact: q.Impact, Declared: q.Declared, Ordered: q.Ordered, Requested: now}}
	for _, sys := range s.Systems {
		run.Systems = append(run.Systems, dr.RunSystem{ID: sys.ID, From: s.From, To: s.To, Site: s.From, State: "waiting",
			RTOTarget: sys.RTO, RPOTarget: sys.RPO, Limit: sys.Limit, RPO: -1, Lost: -1, Served: -1})
	}
	return run
}

// freeRunID draws an id no run has. Four symbols are a million ids a day, and the day of next year has the same.
func (e *Engine) freeRunID(ctx context.Context, tx *store.Tx) (string, error) {
	for range 100 {
		id, err := e.newRunID()
		if err != nil {
			return "", err
		}
		if _, err = tx.Run(ctx, id); dr.KindOf(err) == dr.NotFound {
			return id, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", errors.New("a hundred run ids were drawn, and a run has each: the random source repeats itself")
}

func requested(r dr.Run, s *dr.Slice) dr.RequestedData {
	d := dr.RequestedData{Plan: r.Plan, Title: r.Title, Kind: r.Kind, Mode: r.Mode, Direction: r.Direction, From: r.From, To: r.To,
		Digest: r.Digest, Reason: r.Reason, Parent: r.Parent, Challenge: r.Challenge, Clocks: r.Clocks, Steps: len(s.Steps)}
	for _, sys := range r.Systems {
		d.Systems = append(d.Systems, sys.ID)
	}
	return d
}

// newSteps lays the steps out before the first of them may be sent.
func newSteps(run string, s *dr.Slice) []dr.StepRow {
	rows := make([]dr.StepRow, len(s.Steps))
	for i, st := range s.Steps {
		rows[i] = dr.StepRow{Run: run, Step: st.ID, State: dr.StepBlocked}
	}
	return rows
}

// adopt ties a switchback to the run it closes, by the rules of the verb, whichever way it was asked
// for. A rehearsal of it ties nothing.
func (e *Engine) adopt(ctx context.Context, tx *store.Tx, by dr.Actor, child dr.Run, slice *dr.Slice) error {
	p, err := tx.LockRun(ctx, child.Parent)
	if err != nil || child.Mode == dr.Rehearsal {
		return err
	}
	s, err := e.situation(ctx, &tx.Reader, p)
	if err != nil {
		return err
	}
	if _, refusal := Decide(AllGuards(), s, Act{Actor: by, Verb: dr.VerbSwitchback, Args: Args{Reason: child.Reason}}); refusal != nil {
		return refusal.Err
	}
	if slice.Plan != s.Slice.Pair {
		return dr.Refuse("switchback_other_plan", dr.Args{"plan": slice.Plan, "run": p.ID, "pair": s.Slice.Pair})
	}
	for _, sys := range child.Systems {
		if p.System(sys.ID) == nil {
			return &dr.Error{Kind: dr.NotFound, ID: "system_not_in_run", Args: dr.Args{"system": sys.ID, "run": p.ID}}
		}
	}
	p.Child = child.ID
	asked := stateData(&p, p.State, string(dr.VerbSwitchback), child.Reason)
	asked.Child = child.ID
	tx.Journal(newRow(s.Now, p.ID, dr.RowState, by, asked))
	return tx.UpdateRun(ctx, &p)
}

// switchback asks for the paired plan on the way home, with the outbound run as parent: its own
// votes, its own code.
func (e *Engine) switchback(ctx context.Context, by dr.Actor, id string, args Args) (View, error) {
	if _, err := e.decide(ctx, id, Act{Actor: by, Verb: dr.VerbSwitchback, Args: args}, nil); err != nil {
		return View{}, err
	}
	var parent dr.Run
	var slice *dr.Slice
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		if parent, err = r.Run(ctx, id); err != nil {
			return err
		}
		slice, err = e.slice(ctx, r, parent.Digest)
		return err
	})
	if err != nil {
		return View{}, err
	}
	systems := args.Systems
	if len(systems) == 0 {
		for _, s := range parent.Systems {
			if s.Site == parent.To {
				systems = append(systems, s.ID)
			}
		}
	}
	return e.Request(ctx, by, Request{Plan: slice.Pair, Mode: parent.Mode, Reason: args.Reason, Systems: systems, Parent: id})
}

// reopen freezes a changed slice and opens a round with no votes and no live code.
func (e *Engine) reopen(ctx context.Context, tx *store.Tx, c *Change, old *dr.Slice) error {
	slice, err := e.compileSlice(c.Run)
	if err != nil {
		return err
	}
	bytes, err := slice.Bytes()
	if err != nil {
		return fmt.Errorf("writing the frozen plan: %w", err)
	}
	now := e.now()
	run := &c.Run
	run.Digest = dr.Digest(bytes)
	if err := tx.PutSlice(ctx, run.Digest, bytes); err != nil {
		return err
	}
	if err := tx.ReplaceSteps(ctx, run.ID, newSteps(run.ID, slice)); err != nil {
		return err
	}
	for i := range run.Codes {
		code := &run.Codes[i]
		if code.Used.IsZero() && code.Revoked.IsZero() {
			code.Revoked = now
			c.Rows = append(c.Rows, newRow(now, run.ID, dr.RowCodeRevoked, dr.Itself(), dr.CodeData{ID: code.ID, Round: code.Round,
				Issuer: code.Issuer, Source: code.Source, Expires: code.Expires, Reason: "plan_changed"}))
			if err := tx.UpdateCode(ctx, run.ID, *code); err != nil {
				return err
			}
		}
	}
	run.Codes = nil
	from := run.State
	if run.State == dr.AwaitingCode || run.State == dr.AwaitingApproval {
		moveRun(run, evChanged, "", now)
	}
	if from != run.State {
		c.Rows = append(c.Rows, stateRow(now, run, from, evChanged, dr.Itself(), ""))
	}
	round, row, err := e.nextRound(*run, slice, catalog.Diff(old, slice))
	if err != nil {
		return err
	}
	if run.Round.Number > 0 && run.Round.State == approval.RoundOpen {
		c.Rows = append(c.Rows, newRow(now, run.ID, dr.RowRoundEnd, dr.Itself(), dr.RoundEndData{Number: run.Round.Number, State: approval.RoundReplaced}))
	}
	c.Rows = append(c.Rows, row)
	run.Round = round
	return tx.AddRound(ctx, run.ID, round)
}

// nextRound makes a fresh round with its own nonce.
func (e *Engine) nextRound(run dr.Run, s *dr.Slice, changed []string) (dr.Round, dr.Row, error) {
	nonce, err := e.nonce()
	if err != nil {
		return dr.Round{}, dr.Row{}, err
	}
	now := e.now()
	round := dr.Round{Number: run.Round.Number + 1, Nonce: nonce, Digest: run.Digest, Opened: now,
		Expires: now.Plus(s.Rule.RoundExpiry), State: "open"}
	row := newRow(now, run.ID, dr.RowRound, dr.Itself(),
		dr.RoundData{Number: round.Number, Digest: round.Digest, Expires: round.Expires, Changed: changed})
	return round, row, nil
}
