package bot

import (
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// news words what a row means to everybody in a place; a card without parts says nothing. once names news
// that is told a single time in a run's life. Only the row, the run's own unchanging facts and its frozen
// plan may be used here: the run itself has moved on when an old row is read late.
func (v voice) news(row dr.Row, run dr.Run, s *dr.Slice) (c Card, once string) {
	c = v.card("news", run.ID, run.Environment)
	switch row.Kind {
	case dr.RowRequested:
		v.requested(&c, row, run)
	case dr.RowRound:
		v.roundOpened(&c, row)
	case dr.RowVote:
		v.voted(&c, row)
	case dr.RowCodeIssued, dr.RowCodeRevoked, dr.RowCodeTried:
		v.codeNews(&c, row)
	case dr.RowStarted:
		v.started(&c, row, run, s)
	case dr.RowState:
		v.moved(&c, row, run, s)
	case dr.RowOutcome, dr.RowStep:
		once = v.passed(&c, row, s)
	case dr.RowSystem:
		v.restored(&c, row, run)
	default:
		v.notes(&c, row)
	}
	if len(c.Parts) > 0 {
		c.add(footnote(v.say("bot_news_foot", dr.Args{"run": run.ID, "time": v.clock(row.At, dr.Time{})})))
	}
	return c.Fit(), once
}

func (v voice) requested(c *Card, row dr.Row, run dr.Run) {
	d, err := read[dr.RequestedData](row)
	if err != nil {
		return
	}
	id := "bot_n_requested"
	if d.Parent != "" {
		id = "bot_n_switchback"
	}
	c.add(title(Warn, v.say(id, dr.Args{"actor": v.person(row.Actor), "title": d.Title, "run": run.ID, "parent": d.Parent})),
		facts(Fact{v.say("bot_f_kind", nil), v.word("kind", string(d.Kind)) + " · " + v.word("mode", string(d.Mode))},
			Fact{v.say("bot_f_way", nil), v.site(d.From) + " → " + v.site(d.To)}, Fact{v.say("bot_f_systems", nil), v.systems(d.Systems)},
			Fact{v.say("bot_f_reason", nil), d.Reason}, Fact{v.say("bot_c_steps", nil), number(d.Steps)}))
}

// roundOpened tells of a round only when it voids an earlier one.
func (v voice) roundOpened(c *Card, row dr.Row) {
	d, err := read[dr.RoundData](row)
	if err != nil || d.Number < 2 {
		return
	}
	c.add(title(Warn, v.say("bot_n_round", dr.Args{"round": number(d.Number)})), text(v.say("bot_n_round_text", dr.Args{"expires": v.clock(d.Expires, row.At)})))
	if len(d.Changed) > 0 {
		changed := ""
		for _, one := range d.Changed[:min(len(d.Changed), 10)] {
			changed += "· " + line(one) + "\n"
		}
		c.add(Part{Kind: PartCode, Text: changed})
	}
}

func (v voice) voted(c *Card, row dr.Row) {
	d, err := read[dr.VoteData](row)
	if err != nil {
		return
	}
	args := dr.Args{"actor": v.person(d.Person), "for": v.person(d.For), "have": number(d.Have), "need": number(d.Need)}
	switch d.Verdict {
	case "approve":
		id := "bot_n_approved"
		if d.For != "" {
			id = "bot_n_approved_for"
		}
		c.add(title(Good, v.say(id, args)))
	case "deny":
		c.add(title(Urgent, v.say("bot_n_denied", args)), text(d.Reason))
	default:
		c.add(title(Warn, v.say("bot_n_withdrawn", args)))
	}
}

func (v voice) codeNews(c *Card, row dr.Row) {
	switch row.Kind {
	case dr.RowCodeTried:
		d, err := read[dr.CodeTriedData](row)
		if err != nil || !d.Locked { // the board says how many tries are left; nothing of a mistyped code is news
			return
		}
		c.add(title(Urgent, v.say("bot_n_locked", dr.Args{"actor": v.person(row.Actor)})), text(v.say("bot_n_locked_next", nil)))
	default:
		d, err := read[dr.CodeData](row)
		if err != nil {
			return
		}
		args := dr.Args{"issuer": v.person(d.Issuer), "expires": v.clock(d.Expires, row.At)}
		if row.Kind == dr.RowCodeIssued {
			c.add(title(Warn, v.say("bot_n_code", args)), text(v.say("bot_n_code_next", nil)))
		} else if d.Reason != "replaced" {
			c.add(title(Warn, v.say("bot_n_revoked", args)), text(v.revokedWhy(d.Reason)))
		}
	}
}

// leaked asks for a new code in the place of one that was seen.
func (v voice) leaked(issuer, run string) Card {
	return v.said("leaked", run, Urgent, v.say("bot_leaked", dr.Args{"run": run}),
		text(v.say("bot_leaked_next", dr.Args{"issuer": v.person(issuer), "run": run})), buttons(v.link("code", v.label(dr.VerbIssue), "code/"+run)))
}

func (v voice) revokedWhy(reason string) string {
	switch reason {
	case "quorum_lost", "denied", "expired", "cancelled", "plan_changed", "locked", fsm.Leaked:
		return v.say("bot_revoked_"+reason, nil)
	}
	return reason
}

func (v voice) started(c *Card, row dr.Row, run dr.Run, s *dr.Slice) {
	d, err := read[dr.StartedData](row)
	if err != nil {
		return
	}
	stops := ""
	if s != nil && len(stopped(s)) > 0 {
		stops = v.say("bot_n_started_stops", dr.Args{"stops": v.systems(stopped(s)), "from": v.site(run.From)})
	}
	c.add(title(Warn, v.say("bot_n_started", dr.Args{"actor": v.person(d.Submitter), "title": run.Title})), text(stops),
		facts(Fact{v.say("bot_f_voters", nil), v.people(d.Voters)}, Fact{v.say("bot_f_issuers", nil), v.people(d.Issuers)}, Fact{v.say("bot_f_took_part", nil), number(d.People)}))
}

// moved tells the moves of a run that people wait for.
func (v voice) moved(c *Card, row dr.Row, run dr.Run, s *dr.Slice) {
	d, err := read[dr.StateData](row)
	if err != nil {
		return
	}
	args := dr.Args{"actor": v.person(row.Actor), "title": run.Title, "to": v.site(run.To), "from": v.site(run.From), "reason": d.Reason, "run": run.ID, "state": string(d.To)}
	switch {
	case d.From == d.To:
		v.asked(c, d, args)
	case d.To == dr.AwaitingCode:
		c.add(title(Warn, v.say("bot_n_quorum", args)), text(v.say("bot_n_quorum_next", nil)))
	case d.To == dr.Running && d.From == dr.Preflight, d.To == dr.Running && d.From == dr.AwaitingApproval:
		c.add(title(Calm, v.say("bot_n_rehearsal", args)))
	case d.To == dr.Paused:
		severity := Urgent
		if d.Pause == dr.ByOperator || d.Pause == dr.HoldPoint {
			severity = Warn
		}
		c.add(title(severity, v.say("bot_n_paused", args)), text(v.sentence(v.say("waiting_paused_"+string(d.Pause), nil))), text(v.stood(d, s)))
	case d.From == dr.Paused && d.To.Moving() && d.To != dr.RollingBack:
		c.add(title(Calm, v.say("bot_n_resumed", args)))
	case d.To == dr.RollingBack:
		c.add(title(Urgent, v.say("bot_n_rollback", args)), text(d.Reason))
	case d.To == dr.AtStandby:
		c.add(title(Good, v.say("bot_n_standby", args)), text(v.say("bot_n_standby_next", args)))
	case d.To.Ended():
		c.add(title(ending(d.To), v.say("bot_n_ended", args)), text(v.verdict(d.Verdict)), text(d.Reason))
	}
}

// stood says what a run stands at: a reason is somebody's words, or the id of a step.
func (v voice) stood(d dr.StateData, s *dr.Slice) string {
	if s != nil {
		if st, ok := s.Step(d.Reason); ok {
			return v.say("bot_n_step", dr.Args{"title": st.Title, "step": st.ID})
		}
	}
	return d.Reason
}

func ending(s dr.State) Severity {
	switch s {
	case dr.Closed:
		return Good
	case dr.Failed:
		return Urgent
	}
	return Warn
}

// asked tells of what somebody wants that has not moved the run yet.
func (v voice) asked(c *Card, d dr.StateData, args dr.Args) {
	switch d.Event {
	case "force":
		c.add(title(Urgent, v.say("bot_n_force_asked", args)), text(d.Reason), text(v.say("bot_n_force_next", nil)))
	case "abort":
		c.add(title(Urgent, v.say("bot_n_abort_asked", args)), text(d.Reason))
	}
}

// passed tells, once, that the point of no return is behind.
func (v voice) passed(c *Card, row dr.Row, s *dr.Slice) (once string) {
	step, ok := "", false
	if row.Kind == dr.RowOutcome {
		d, err := read[dr.OutcomeData](row)
		step, ok = d.Step, err == nil && d.State == dr.StepOK && !d.Undo
	} else {
		d, err := read[dr.StepData](row)
		step, ok = d.Step, err == nil && d.To == dr.StepOK
	}
	if !ok || s == nil || s.Mode == dr.Rehearsal {
		return ""
	}
	st, found := s.Step(step)
	if !found || !st.NoReturn {
		return ""
	}
	c.add(title(Warn, v.say("bot_n_no_return", dr.Args{"step": st.Title})), text(v.say("bot_n_no_return_next", nil)))
	return "no-return"
}

// restored tells that a system serves again, once: other rows about a verified system measure it anew or
// note that it went home.
func (v voice) restored(c *Card, row dr.Row, run dr.Run) {
	d, err := read[dr.SystemData](row)
	if err != nil || d.Why != "proven" || d.State != "verified" || run.Mode == dr.Rehearsal {
		return
	}
	severity := Good
	if d.Verdict != "passed" {
		severity = Warn
	}
	c.add(title(severity, v.say("bot_n_restored", dr.Args{"system": v.system(d.ID), "to": v.site(d.Site), "took": v.took(d.RTO), "target": v.took(d.RTOTarget)})),
		text(v.systemVerdict(d.Verdict)))
	if d.Lost >= 0 {
		c.add(facts(Fact{v.say("bot_f_lost", nil), strconv.FormatInt(d.Lost, 10)}))
	}
}

// notes are what people and call-outs add beside the run's own way.
func (v voice) notes(c *Card, row dr.Row) {
	actor := v.person(row.Actor)
	switch row.Kind {
	case dr.RowForced:
		if d, err := read[dr.ForcedData](row); err == nil {
			c.add(title(Urgent, v.say("bot_n_forced", dr.Args{"actor": actor, "systems": v.systems(d.Systems)})), text(d.Reason))
		}
	case dr.RowCommand:
		if d, err := read[dr.CommandData](row); err == nil {
			id := "bot_n_handover"
			if d.Accepted {
				id = "bot_n_command"
			}
			c.add(title(Warn, v.say(id, dr.Args{"from": v.person(d.From), "to": v.person(d.To), "run": row.Run})))
		}
	case dr.RowOverride:
		if d, err := read[dr.Override](row); err == nil {
			c.add(title(Warn, v.say("bot_n_override", dr.Args{"actor": actor, "check": d.Check})), text(d.Reason))
		}
	case dr.RowSoaked:
		if d, err := read[dr.SoakedData](row); err == nil {
			c.add(title(Good, v.say("bot_n_soaked", dr.Args{"run": row.Run, "wanted": v.took(d.Wanted)})), text(v.say("bot_n_soaked_next", nil)))
		}
	case dr.RowNotice:
		v.called(c, row)
	case dr.RowObservation, dr.RowFinding:
		if d, err := read[dr.FindingData](row); err == nil {
			id := "bot_n_observed"
			if row.Kind == dr.RowFinding {
				id = "bot_n_finding"
			}
			c.add(title(Calm, v.say(id, dr.Args{"actor": actor})), text(d.Text))
		}
	case dr.RowSignOff:
		if d, err := read[dr.SignOffData](row); err == nil {
			c.add(title(Good, v.say("bot_n_signed", dr.Args{"actor": actor})), text(d.Text))
		}
	}
}

// called tells who was called out, and who has come.
func (v voice) called(c *Card, row dr.Row) {
	d, err := read[dr.NoticeData](row)
	if err != nil || !slices.Contains([]string{"approval", "code", "unknown", "paused", "chat_down"}, d.About) {
		return
	}
	args := dr.Args{"person": v.person(d.To), "via": v.word("contact", d.Via), "what": v.say("bot_called_for_"+d.About, nil)}
	switch d.State {
	case "sent":
		c.add(title(Calm, v.say("bot_n_called", args)))
	case "failed":
		c.add(title(Warn, v.say("bot_n_call_failed", args)))
	case "acknowledged":
		c.add(title(Good, v.say("bot_n_came", args)))
	}
}
