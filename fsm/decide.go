package fsm

import (
	"slices"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// Situation is everything a decision may look at. Nothing else is read while deciding.
type Situation struct {
	approval.Case
	Steps      []dr.StepRow
	Attempts   []dr.Attempt          // all of them, oldest first
	Newest     map[string]dr.Attempt // newest attempt of each step that has one
	Placements map[string]dr.Placement
	ChildOpen  bool // a switchback of this run is under way
}

// step finds a step's row; the zero row when there is none.
func (s *Situation) step(id string) dr.StepRow {
	for _, r := range s.Steps {
		if r.Step == id {
			return r
		}
	}
	return dr.StepRow{}
}

// flying reports whether any step has an intent without an outcome, manual steps apart.
func (s *Situation) flying() bool {
	for _, r := range s.Steps {
		if r.State != dr.StepIntent {
			continue
		}
		if st, ok := s.Slice.Step(r.Step); !ok || st.Kind != dr.ManualStep {
			return true
		}
	}
	return false
}

// stuck lists steps a person has to look at before the run can go on. What runs beside the critical
// path keeps nobody, and on the way back only undos count.
func (s *Situation) stuck() []string {
	var ids []string
	for _, r := range s.Steps {
		st, _ := s.Slice.Step(r.Step)
		if (r.State == dr.StepFail || r.State == dr.StepUnknown) && s.onTheWay(r.Step) && (!st.Off || s.goingBack()) {
			ids = append(ids, r.Step)
		}
	}
	return ids
}

// held names the step the run waits before at a hold point; empty where there is none.
func (s *Situation) held() string {
	b := newBoard(s.Slice, s.Steps, s.Attempts, nil)
	for _, i := range b.ready {
		if st := s.Slice.Steps[i]; st.Hold && b.state[i] == dr.StepBlocked {
			return st.ID
		}
	}
	return ""
}

// goingBack reports whether the run is being rolled back, paused or not.
func (s *Situation) goingBack() bool {
	return s.Run.State == dr.RollingBack || s.Run.ResumeTo == dr.RollingBack
}

// onTheWay reports whether what became of a step is about the way the run takes now: a step that failed
// on the way out is not sent again on the way back, only its undo is.
func (s *Situation) onTheWay(step string) bool {
	return !s.goingBack() || s.Newest[step].Purpose == "undo"
}

// Act is what somebody wants done to a run.
type Act struct {
	Actor dr.Actor
	Verb  dr.Verb
	Args  Args
	Code  approval.CodeTry
}

// vote is the act as package approval reads it.
func (a Act) vote() approval.Act {
	return approval.Act{Verb: a.Verb, Person: a.Actor.Person, Surface: a.Actor.Surface, Nonce: a.Args.Nonce,
		Words: a.Args.Words, Reason: a.Args.Reason, Check: a.Args.Check, Confirmed: a.Args.Confirmed, Code: a.Code}
}

// Change is what a decision does: the run as it will be, rows to write beside it, and rows for the
// journal. Nothing in it has happened yet.
type Change struct {
	Run       dr.Run
	Steps     []dr.StepRow
	Outcomes  []dr.Attempt // attempts a person gave an outcome
	Vote      *dr.Vote
	Codes     []dr.Code // changed codes of the round
	Lock      bool      // take the locks of the slice's systems and resources
	Unlock    bool      // give them back
	Recompile bool      // overrides or challenge changed, so the slice and the round do
	Look      bool      // gather the facts again
	Switch    bool      // ask for the paired plan on the way back
	Rows      []dr.Row
}

// Decide answers one verb: the change it makes, or the refusal with the guard that said no. It is
// pure; guards come as an argument so that tests can leave one out.
func Decide(g Guards, s Situation, a Act) (*Change, *approval.Refusal) {
	for _, guard := range g.Life {
		if err := guard.Check(s, a); err != nil {
			return nil, &approval.Refusal{Guard: guard.Name, Err: err}
		}
	}
	d := &decision{s: s, a: a, c: &Change{Run: cloneRun(s.Run)}}
	switch a.Verb {
	case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbStart, dr.VerbIssue, dr.VerbOverride:
		eff, refusal := approval.Decide(g.Approval, s.Case, a.vote())
		if refusal != nil {
			return d.refusedTry(refusal), refusal
		}
		return d.take(eff), nil
	}
	d.life()
	return d.c, nil
}

// decision gathers the change while it is worked out.
type decision struct {
	s Situation
	a Act
	c *Change
}

func (d *decision) row(kind dr.RowKind, data any) {
	d.c.Rows = append(d.c.Rows, newRow(d.s.Now, d.c.Run.ID, kind, d.a.Actor, data))
}

// move follows an arrow of the table. The guards have made sure that it exists.
func (d *decision) move(ev Event, pause dr.PauseReason, reason string) {
	moveRun(&d.c.Run, ev, pause, d.s.Now)
	d.c.Rows = append(d.c.Rows, stateRow(d.s.Now, &d.c.Run, d.s.Run.State, ev, d.a.Actor, reason))
	if d.c.Run.State.Ended() {
		d.c.Unlock = true
	}
}

// moveRun changes a run's state along the table and keeps what goes with it.
func moveRun(r *dr.Run, ev Event, pause dr.PauseReason, now dr.Time) {
	to, err := next(r.State, ev, r.ResumeTo)
	if err != nil {
		return // the state guard refuses first; an outcome that comes too late changes nothing
	}
	if to == dr.Paused {
		r.ResumeTo = r.State
	} else if r.State == dr.Paused {
		r.ResumeTo = ""
	}
	r.State, r.Pause = to, pause
	if to.Ended() {
		r.Clocks.Ended = now
		if r.Round.State == "open" {
			r.Round.State = "used"
		}
	}
}

// take carries out what the approval rules allow.
func (d *decision) take(eff approval.Effect) *Change {
	r := &d.c.Run
	if eff.Vote != nil {
		d.c.Vote = eff.Vote
		r.Round.Votes = putVote(r.Round.Votes, *eff.Vote)
		d.row(dr.RowVote, dr.VoteData{Vote: *eff.Vote, Have: eff.Have, Need: eff.Need})
	}
	switch d.a.Verb {
	case dr.VerbApprove:
		if eff.Quorum && r.State == dr.AwaitingApproval {
			d.move(evQuorum, "", "")
		}
	case dr.VerbWithdraw:
		if !eff.Quorum && r.State == dr.AwaitingCode {
			d.revokeCodes("quorum_lost")
			d.move(evQuorumOff, "", "")
		}
	case dr.VerbDeny:
		r.Round.State = "denied"
		d.revokeCodes("denied")
		d.row(dr.RowRoundEnd, dr.RoundEndData{Number: r.Round.Number, State: "denied", Reason: d.a.Args.Reason})
		d.move(evDeny, "", d.a.Args.Reason)
	case dr.VerbStart:
		d.start(eff)
	case dr.VerbOverride:
		r.Overrides = append(r.Overrides, *eff.Override)
		d.row(dr.RowOverride, *eff.Override)
		d.c.Recompile = true
	}
	return d.c
}

// start uses up codes and round and sets the run moving.
func (d *decision) start(eff approval.Effect) {
	r := &d.c.Run
	for i := range r.Codes {
		if slices.Contains(eff.UsedCodes, r.Codes[i].ID) {
			r.Codes[i].Used, r.Codes[i].UsedBy = d.s.Now, d.a.Actor.Person
			d.c.Codes = append(d.c.Codes, r.Codes[i])
		}
	}
	r.Starter = d.a.Actor.Person
	if r.Commander == "" {
		r.Commander = commanderAtStart(d.s.Roster, d.a.Actor.Person, r.Requester)
	}
	r.Round.State = "used"
	r.Clocks.Started = d.s.Now
	d.c.Lock = true
	if eff.Started != nil {
		data := *eff.Started
		data.Commander, data.Codes = r.Commander, eff.UsedCodes
		d.row(dr.RowStarted, data)
	}
	d.systems("started", func(s *dr.RunSystem) { s.State, s.Forced = "moving", r.Kind == dr.Failover })
	d.move(evStart, "", "")
}

// commanderAtStart prefers whoever starts the run, if they may command, then the requester.
func commanderAtStart(roster dr.Roster, starter, requester string) string {
	for _, id := range []string{starter, requester} {
		if p, ok := roster.Person(id); ok && p.Has(dr.Commander) {
			return id
		}
	}
	return starter
}

// refusedTry counts a wrong code against the run. The count belongs to the run and is never reset.
func (d *decision) refusedTry(ref *approval.Refusal) *Change {
	if !ref.CountsAsTry {
		return nil
	}
	r := &d.c.Run
	r.CodeTries++
	_, limit := approval.Tries(d.s.Case)
	if r.CodeTries >= limit {
		r.CodeLocked = true
		d.revokeCodes("locked")
	}
	d.row(dr.RowCodeTried, dr.CodeTriedData{Tries: r.CodeTries, Left: limit - r.CodeTries, Locked: r.CodeLocked})
	return d.c
}

func (d *decision) revokeCodes(why string) {
	r := &d.c.Run
	for i := range r.Codes {
		if r.Codes[i].Used.IsZero() && r.Codes[i].Revoked.IsZero() && r.Codes[i].Source != "sheet" {
			r.Codes[i].Revoked = d.s.Now
			d.c.Codes = append(d.c.Codes, r.Codes[i])
			d.row(dr.RowCodeRevoked, dr.CodeData{ID: r.Codes[i].ID, Round: r.Codes[i].Round, Issuer: r.Codes[i].Issuer,
				Source: r.Codes[i].Source, Expires: r.Codes[i].Expires, Reason: why})
		}
	}
}

// putVote replaces the human's vote in the round or adds it: one human, one vote.
func putVote(votes []dr.Vote, v dr.Vote) []dr.Vote {
	for i := range votes {
		if votes[i].Human == v.Human {
			votes[i] = v
			return votes
		}
	}
	return append(votes, v)
}

// systems changes the systems of the run.
func (d *decision) systems(why string, change func(*dr.RunSystem)) {
	d.c.Rows = append(d.c.Rows, setSystems(&d.c.Run, d.s.Now, d.a.Actor, why, change)...)
}

func cloneRun(r dr.Run) dr.Run {
	r.Round.Votes = slices.Clone(r.Round.Votes)
	r.Codes = slices.Clone(r.Codes)
	r.Checks = slices.Clone(r.Checks)
	r.Overrides = slices.Clone(r.Overrides)
	r.Systems = slices.Clone(r.Systems)
	return r
}
