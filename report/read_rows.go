package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// read takes in one row of the run. Kinds that tell nothing a report needs are passed over.
func (t *telling) read(row Row) error {
	switch row.Kind {
	case dr.RowState:
		return on(row, t.state)
	case dr.RowPreflight:
		return on(row, t.preflight)
	case dr.RowRound:
		return on(row, t.round)
	case dr.RowVote:
		return on(row, t.vote)
	case dr.RowRoundEnd:
		return on(row, t.roundEnd)
	case dr.RowCodeIssued:
		return on(row, t.codeIssued)
	case dr.RowCodeTried:
		return on(row, t.codeTried)
	case dr.RowCodeRevoked:
		return on(row, t.codeRevoked)
	case dr.RowStarted:
		return on(row, t.started)
	case dr.RowOverride:
		return on(row, t.override)
	case dr.RowCommand:
		return on(row, t.command)
	case dr.RowForced:
		return on(row, t.forced)
	}
	return t.readOn(row)
}

// readOn reads what happens after the start.
func (t *telling) readOn(row Row) error {
	switch row.Kind {
	case dr.RowIntent:
		return on(row, t.intent)
	case dr.RowOutcome:
		return on(row, t.outcome)
	case dr.RowStep:
		return on(row, t.step)
	case dr.RowSystem:
		return on(row, t.system)
	case dr.RowNotice:
		return on(row, t.notice)
	case dr.RowFinding, dr.RowObservation:
		return on(row, t.finding)
	case dr.RowSignOff:
		return on(row, t.signOff)
	case dr.RowRefusal:
		return on(row, t.refusal)
	case dr.RowAnchor:
		return on(row, t.anchor)
	}
	return nil
}

// on reads a row's data and hands it on.
func on[T any](row Row, take func(Row, T)) error {
	d, err := data[T](row)
	if err == nil {
		take(row, d)
	}
	return err
}

func (t *telling) state(row Row, d dr.StateData) {
	t.out.States = append(t.out.States, Move{At: row.At, From: d.From, To: d.To, Event: d.Event, Pause: d.Pause, Who: t.byWho(row.Actor),
		Reason: d.Reason, Row: row.Seq})
	if !votedOrStarted(d.Event) {
		t.did(row, "operated")
	}
	if d.From == d.To {
		return // something was asked for that has not moved the run
	}
	t.moves = append(t.moves, dr.Move{At: row.At, To: d.To})
	if n := len(t.out.Pauses); d.From == dr.Paused && n > 0 && t.out.Pauses[n-1].To.IsZero() {
		t.out.Pauses[n-1].To = row.At
	}
	if d.To == dr.Paused {
		t.out.Pauses = append(t.out.Pauses, Pause{From: row.At, Why: d.Pause, Reason: d.Reason, By: t.byWho(row.Actor)})
	}
	t.run.State, t.run.Pause = d.To, d.Pause
	if d.Verdict != "" {
		t.run.Verdict = d.Verdict
	}
	if d.To.Ended() {
		t.run.Clocks.Ended, t.out.EndReason = row.At, d.Reason
	}
	switch d.To {
	case dr.AtStandby, dr.Closed, dr.ClosedWithExceptions:
		if d.From == dr.Verifying && t.run.Mode != dr.Rehearsal {
			t.proven = row.At
		}
	}
	t.follow(d)
}

// preflight keeps the newest facts from before the start; what is looked at later belongs to steps.
func (t *telling) preflight(_ Row, d dr.PreflightData) {
	if t.out.Start != nil {
		return
	}
	t.out.Facts = []Fact{}
	for _, c := range d.Checks {
		t.out.Facts = append(t.out.Facts, Fact{Check: c})
	}
}

func (t *telling) round(row Row, d dr.RoundData) {
	if n := len(t.out.Rounds); n > 0 && (t.out.Rounds[n-1].State == "open" || t.out.Rounds[n-1].State == "complete") {
		t.out.Rounds[n-1].State, t.out.Rounds[n-1].Ended = "replaced", row.At
	}
	t.out.Rounds = append(t.out.Rounds, Round{Number: d.Number, Digest: d.Digest, Opened: row.At, Expires: d.Expires, State: "open", Changed: d.Changed,
		Need: t.slice.Rule.Quorum(), Votes: []Vote{}})
}

// at finds a round by its number.
func (t *telling) at(number int) *Round {
	for i := range t.out.Rounds {
		if t.out.Rounds[i].Number == number {
			return &t.out.Rounds[i]
		}
	}
	return nil
}

func (t *telling) vote(row Row, d dr.VoteData) {
	did := map[string]string{"approve": "approved", "deny": "denied", "withdrawn": "withdrew"}[d.Verdict]
	t.did(row, did)
	r := t.at(d.Round)
	if r == nil {
		t.wrong(row, "votes in round %d, which was never opened", d.Round)
		return
	}
	r.Have, r.Need = d.Have, d.Need
	v := Vote{Who: t.who(d.Person), Verdict: d.Verdict, Via: d.Via, At: row.At, After: row.At.Since(r.Opened), Reason: d.Reason, Row: row.Seq}
	v.For = t.byWho(d.For)
	r.Votes = append(r.Votes, v)
	if a := t.acts[row.Actor]; a != nil {
		a.Late = v.After
		if d.For != "" {
			a.For = t.who(d.For).Name
		}
	}
}

func (t *telling) roundEnd(row Row, d dr.RoundEndData) {
	if r := t.at(d.Number); r != nil {
		r.State, r.Reason, r.Ended = d.State, d.Reason, row.At
		return
	}
	t.wrong(row, "ends round %d, which was never opened", d.Number)
}

func (t *telling) codeIssued(row Row, d dr.CodeData) {
	t.did(row, "issued_code")
	t.codes[d.ID] = len(t.out.Codes)
	t.out.Codes = append(t.out.Codes, Code{ID: d.ID, Round: d.Round, Source: d.Source, Issuer: t.who(d.Issuer), Issued: row.At, Expires: d.Expires})
}

func (t *telling) codeTried(row Row, _ dr.CodeTriedData) {
	t.did(row, "")
	if n := len(t.out.Codes); n > 0 {
		t.out.Codes[n-1].Tries++
	}
}

func (t *telling) codeRevoked(row Row, d dr.CodeData) {
	if i, ok := t.codes[d.ID]; ok {
		t.out.Codes[i].Revoked = row.At
	}
}

func (t *telling) started(row Row, d dr.StartedData) {
	t.did(row, "submitted_code")
	t.run.Clocks.Started = row.At
	s := &Start{At: row.At, Submitter: t.who(d.Submitter), Issuers: t.all(d.Issuers), Voters: t.all(d.Voters), People: d.People, Row: row.Seq}
	t.out.Start = s
	if r := t.at(d.Round); r != nil {
		r.State, r.Ended = "used", row.At
	}
	for _, id := range d.Codes {
		i, ok := t.codes[id]
		if !ok { // nobody issued it during the run: it stood on a sealed sheet
			i, t.codes[id] = len(t.out.Codes), len(t.out.Codes)
			t.out.Codes = append(t.out.Codes, Code{ID: id, Round: d.Round, Source: "sheet"})
		}
		t.out.Codes[i].Used, t.out.Codes[i].UsedBy = row.At, &s.Submitter
	}
	if d.Commander != "" {
		t.leads(row.At, d.Commander)
	}
	for i := range t.run.Systems {
		t.run.Systems[i].State, t.run.Systems[i].Forced = "moving", t.run.Kind == dr.Failover
	}
}

func (t *telling) all(ids []string) []Who {
	out := []Who{}
	for _, id := range ids {
		out = append(out, t.who(id))
	}
	return out
}

// leads notes a commander, also among those who took part.
func (t *telling) leads(at dr.Time, id string) {
	t.out.Commanders = append(t.out.Commanders, Command{Who: t.who(id), From: at})
	t.did(Row{Row: dr.Row{At: at, Actor: id}}, "commanded")
}

func (t *telling) override(row Row, d dr.Override) {
	t.did(row, "overrode")
	t.out.Overrides = append(t.out.Overrides, Override{Check: d.Check, Who: t.who(d.Person), Reason: d.Reason, At: row.At})
}

func (t *telling) command(row Row, d dr.CommandData) {
	t.did(row, "")
	if d.Accepted {
		t.leads(row.At, d.To)
	}
}

func (t *telling) forced(row Row, d dr.ForcedData) {
	t.did(row, "operated")
	t.out.Forced = append(t.out.Forced, Forced{At: row.At, Systems: d.Systems, Reason: d.Reason, By: t.who(row.Actor)})
	for i := range t.run.Systems {
		if slices.Contains(d.Systems, t.run.Systems[i].ID) {
			t.run.Systems[i].Forced = true
		}
	}
}

// stepOf finds the step a row is about.
func (t *telling) stepOf(row Row, id string) *Step {
	st := t.of(id)
	if st == nil {
		t.wrong(row, "is about step %q, which its frozen plan does not have", id)
	}
	return st
}

// of finds a step.
func (t *telling) of(id string) *Step {
	if i, ok := t.steps[id]; ok {
		return &t.out.Steps[i]
	}
	return nil
}

func (t *telling) intent(row Row, d dr.IntentData) {
	st := t.stepOf(row, d.Step)
	if st == nil {
		return
	}
	if _, sent := t.attempts[d.Step][d.N]; sent {
		t.wrong(row, "sends attempt %d of step %q a second time", d.N, d.Step)
		return
	}
	if d.Class != dr.Read && t.run.Mode != dr.Rehearsal && t.run.Clocks.FirstEffect.IsZero() {
		t.run.Clocks.FirstEffect = row.At
	}
	if t.attempts[d.Step] == nil {
		t.attempts[d.Step] = map[int]int{}
	}
	t.attempts[d.Step][d.N] = len(st.Attempts)
	st.State, st.How = dr.StepIntent, "outcome"
	st.Attempts = append(st.Attempts, Attempt{N: d.N, Purpose: d.Purpose, Token: d.Token, Intent: row.At, State: dr.StepIntent, Evidence: []Evidence{},
		Rows: []int64{row.Seq}})
}

func (t *telling) outcome(row Row, d dr.OutcomeData) {
	st := t.stepOf(row, d.Step)
	if st == nil {
		return
	}
	i, ok := t.attempts[d.Step][d.N]
	if !ok {
		t.wrong(row, "tells what became of attempt %d of step %q, which was never sent", d.N, d.Step)
		return
	}
	a := &st.Attempts[i]
	if !a.Outcome.IsZero() { // it was given up as unknown, and then somebody looked
		st.Decided = append(st.Decided, Decision{At: row.At, How: "restart", From: a.State, To: d.State, Reason: a.Text, Row: row.Seq})
	}
	a.Outcome, a.State, a.Code, a.Text, a.Probe, a.Took = row.At, d.State, d.Code, d.Text, d.Probe, d.Took
	a.Rows = append(a.Rows, row.Seq)
	if d.Masked > 0 { // a look that masked nothing does not unmask what was masked before
		a.Masked, a.MaskRules = d.Masked, d.MaskRules
	}
	for _, b := range d.Evidence {
		if !isDigest(b.Digest) {
			t.wrong(row, "names evidence by %q, which is no digest", b.Digest)
			return
		}
		if !slices.ContainsFunc(a.Evidence, func(e Evidence) bool { return e.Digest == b.Digest }) {
			a.Evidence = append(a.Evidence, Evidence{Blob: b, File: evidenceFile(b)})
		}
	}
	st.State = d.State
	if d.Undo && d.State == dr.StepOK {
		st.State = dr.StepUndone
	}
	if len(d.Facts) > 0 {
		t.facts[d.Step] = d.Facts
	}
}

func (t *telling) step(row Row, d dr.StepData) {
	st := t.stepOf(row, d.Step)
	if st == nil {
		return
	}
	t.did(row, "operated")
	t.settle(row, st, d)
	st.State, st.How, st.Reason, st.By = d.To, d.How, d.Reason, t.byWho(row.Actor)
	st.Decided = append(st.Decided, Decision{At: row.At, How: d.How, From: d.From, To: d.To, Who: t.byWho(row.Actor), Reason: d.Reason, Row: row.Seq})
}

func (t *telling) system(row Row, d dr.SystemData) {
	s := t.run.System(d.ID)
	if s == nil {
		t.wrong(row, "is about system %q, which the run does not move", d.ID)
		return
	}
	*s = d.RunSystem
}

func (t *telling) notice(row Row, d dr.NoticeData) {
	t.did(row, "")
	to := d.To
	if about := t.who(d.To); about.Name != d.To {
		to = about.Name
	}
	t.out.Notices = append(t.out.Notices, Notice{At: row.At, Step: d.Step, About: d.About, To: to, Via: d.Via, Text: d.Text, Due: d.Due, State: d.State,
		Proof: d.Proof, Late: !d.Due.IsZero() && row.At.After(d.Due.Time)})
}

func (t *telling) finding(row Row, d dr.FindingData) {
	f := Finding{FindingData: d, Who: t.who(row.Actor), At: row.At, Row: row.Seq}
	if row.Kind == dr.RowFinding {
		t.did(row, "found")
		t.out.Findings = append(t.out.Findings, f)
		return
	}
	t.did(row, "observed")
	if d.ID == "order" {
		t.out.OrderedBy, t.out.Challenge, t.run.Clocks.Ordered = &f.Who, d.Text, row.At
	}
	t.out.Observed = append(t.out.Observed, f)
}

func (t *telling) signOff(row Row, d dr.SignOffData) {
	t.did(row, "signed_off")
	t.out.SignOffs = append(t.out.SignOffs, SignOff{Who: t.who(row.Actor), At: row.At, Text: d.Text, Row: row.Seq})
}

func (t *telling) refusal(row Row, d dr.RefusalData) {
	t.out.Refusals = append(t.out.Refusals, Refusal{At: row.At, Who: t.who(row.Actor), Via: row.Surface, Verb: d.Verb, Rule: d.Rule, ID: d.ID, Args: d.Args,
		Times: max(1, d.Times), Row: row.Seq})
}

func (t *telling) anchor(row Row, d dr.AnchorData) {
	t.out.Anchors = append(t.out.Anchors, Anchor{At: row.At, Size: d.Size, Root: d.Root, Why: d.Why, To: d.To})
}

// isDigest reports whether text is a digest in its one form, so that it may name a file.
func isDigest(text string) bool {
	digits, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// evidenceFile names evidence by its content.
func evidenceFile(b dr.Blob) string {
	ext := map[string]string{"recording": "cast", "output": "txt", "text": "txt", "slice": "json"}[b.Kind]
	switch {
	case b.Media == "image/png":
		ext = "png"
	case ext == "":
		ext = "bin"
	}
	return "evidence/" + strings.TrimPrefix(b.Digest, "sha256:") + "." + ext
}

// canonical writes parameters with sorted keys and nothing escaped that need not be.
func canonical(v map[string]any) (string, error) {
	if len(v) == 0 {
		return "{}", nil
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(buf.String(), "\n"), err
}
