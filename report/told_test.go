package report

import (
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// nasty is text as somebody might send it to tear a table, open markup, or turn a line around.
const nasty = "a|b `c` <script>x</script> \u202eevil\u202c [l](http://x.example) # **b**\n| - |\r\n- y\\|z & &lt; \u200b\x1b[31m"

// bridge is the plan of a small bank: freeze, promote, open, compare, prove, tell.
func bridge(mode dr.Mode) *dr.Slice {
	systems := []dr.System{
		{ID: "ledger", Name: "Core ledger", Tier: "1", RTO: 600_000, RPO: 5000, Limit: 1_800_000, Home: "east", Nodes: []dr.Node{
			{ID: "ledger-db-e1", System: "ledger", Site: "east", Role: "db", Peer: "ledger-db-w1"}, {ID: "ledger-db-w1", System: "ledger", Site: "west", Role: "db", Peer: "ledger-db-e1"}}},
		{ID: "cards", Name: "Cards " + nasty, Tier: "2", RTO: 60_000, RPO: 0, Limit: 1_800_000, Home: "east"},
	}
	steps := []dr.Step{
		{ID: "tell", Base: "tell", Title: "Tell the regulator", Kind: dr.NotifyStep, Call: dr.Call{Action: "notify"}, Class: dr.Idempotent, Phase: "run", Off: true,
			Notify: &dr.Notify{To: "regulator", After: "ordered", Due: 1_800_000, Text: "Run {run} moves " + nasty}},
		{ID: "freeze", Base: "freeze", Title: "Freeze batch", Kind: dr.ManualStep, System: "ledger", Call: dr.Call{Action: "manual"}, Class: dr.Once, Phase: "run", Expect: 2000},
		{ID: "promote@ledger-db-w1", Base: "promote", Title: "Make it the primary " + nasty, Kind: dr.ActionStep, System: "ledger", Node: "ledger-db-w1",
			Call: dr.Call{Action: "exec", Params: map[string]any{"argv": []string{"promote", nasty}, "password": "secret:DB"}}, Class: dr.Once, Phase: "run",
			Needs: []string{"freeze"}, NoReturn: true, Expect: 2000},
		{ID: "open-cards", Base: "open", Title: "Open cards", Kind: dr.ActionStep, System: "cards", Call: dr.Call{Action: "exec"}, Class: dr.Idempotent, Phase: "run",
			Needs: []string{"promote@ledger-db-w1"}, Hold: true, Expect: 1000, Undo: &dr.Call{Action: "exec"}},
		{ID: "warm-cards", Base: "warm", Title: "Warm the cache", Kind: dr.ActionStep, System: "cards", Call: dr.Call{Action: "exec"}, Class: dr.Idempotent, Phase: "run",
			Needs: []string{"open-cards"}, Expect: 1000},
		{ID: "compare-ledger", Base: "compare", Title: "Compare bookings", Kind: dr.ReconcileStep, System: "ledger", Call: dr.Call{Action: "reconcile"}, Class: dr.Read, Phase: "verify"},
		{ID: "prove-cards", Base: "prove", Title: "A card pays", Kind: dr.CheckStep, System: "cards", Call: dr.Call{Action: "http"}, Class: dr.Read, Phase: "verify"},
	}
	return &dr.Slice{Format: dr.SliceFormat, Organisation: "pier-bank", Names: dr.Names{Organisation: "Pier Bank", From: "Pier East", To: "Pier West"}, Environment: dr.Test, TimeZone: "Asia/Shanghai", Plan: "bank-switchover", Title: "Move the bank",
		Kind: dr.Switchover, Direction: dr.Outbound, Mode: mode, Pair: "bank-switchback", From: "east", To: "west", MaxInFlight: 2, Soak: 3000, Systems: systems, Steps: steps,
		Rule: dr.Rule{ID: "r", Profile: "small_site", RTOFrom: "ordered", Groups: []dr.Group{{Name: "operations", Roles: []dr.Role{dr.Approver}, N: 1}, {Name: "business", Roles: []dr.Role{dr.Approver}, N: 1}}},
		People: []dr.Person{
			{ID: "lin", Human: "1", Name: "Lin Hua", Roles: []dr.Role{dr.Requester}, Teams: []string{"operations"}},
			{ID: "chen", Human: "2", Name: nasty, Roles: []dr.Role{dr.Approver}, Teams: []string{"operations"}, Deputy: []dr.Deputy{{For: "zhao"}}},
			{ID: "ma", Human: "3", Name: "Ma Rui", Roles: []dr.Role{dr.Approver}, Teams: []string{"business"}, Duty: []dr.Duty{{From: "20:00", To: "22:00"}}},
			{ID: "huang", Human: "4", Name: "Huang Wei", Roles: []dr.Role{dr.CodeIssuer}},
			{ID: "wu", Human: "5", Name: "Wu Jun", Roles: []dr.Role{dr.Operator, dr.Commander}},
			{ID: "zhao", Human: "6", Name: "Zhao Min", Roles: []dr.Role{dr.Approver}},
			{ID: "song", Human: "7", Name: "Song Lan", Roles: []dr.Role{dr.Observer}},
		},
		Criteria: []dr.Criterion{{ID: "rto-ledger", System: "ledger", Metric: "rto", Op: "<=", Value: 600_000}, {ID: "rto-cards", System: "cards", Metric: "rto", Op: "<=", Value: 60_000},
			{ID: "nothing-lost", Title: "No booking is lost " + nasty, Metric: "lost", Op: "==", Value: 0}, {ID: "served", Metric: "served", Op: ">=", Value: 1}},
		Versions: map[string]string{"policy": "2026-11"},
	}
}

// home is the plan of the way back.
func home() *dr.Slice {
	s := bridge(dr.SurpriseDrill)
	s.Plan, s.Title, s.Kind, s.Direction, s.From, s.To, s.Pair, s.Parent = "bank-switchback", "Bring it home", dr.Switchback, dr.Return, "west", "east", "", "r1"
	s.Steps = s.Steps[2:3]
	s.Systems = s.Systems[:1]
	s.Criteria = s.Criteria[:1]
	s.Rule.RTOFrom = "requested"
	return s
}

// admitted brings a run to where its code may be issued.
func (s *script) admitted(run string, slice *dr.Slice) string {
	s.t.Helper()
	digest := s.request(run, "lin", "Because "+nasty, slice.Parent, slice, dr.Clocks{})
	s.voting(run, digest)
	s.voted(run, "chen", "approve", "zhao", nasty, 1, 1)
	s.voted(run, "ma", "approve", "", "", 1, 2)
	s.moved(run, "ma", dr.AwaitingApproval, dr.AwaitingCode, "quorum")
	return digest
}

// voting opens the first round.
func (s *script) voting(run, digest string) {
	s.t.Helper()
	s.moved(run, "", dr.Draft, dr.Preflight, "check")
	s.itself(run, dr.RowPreflight, dr.PreflightData{Checks: []dr.Check{
		{ID: "clock:ledger-db-w1", Title: "clock:ledger-db-w1", System: "ledger", Node: "ledger-db-w1", OK: true, Level: "warn", Text: "clock is off by -3ms", At: dr.At(s.now.Add(-1000e6))},
		{ID: "lag:cards-stream", Title: "Cards keep up " + nasty, System: "cards", OK: false, Level: "block", Text: "12 s behind " + nasty, At: dr.At(s.now.Add(-2000e6))}}})
	s.moved(run, "", dr.Preflight, dr.AwaitingApproval, "open_round")
	s.itself(run, dr.RowRound, dr.RoundData{Number: 1, Digest: digest, Expires: dr.At(s.now.Add(1800e9))})
}

// started brings a run to where its first step may be sent.
func (s *script) started(run string, slice *dr.Slice) {
	s.t.Helper()
	digest := s.admitted(run, slice)
	s.codes(run, digest, 1)
}

func (s *script) codes(run, digest string, round int) {
	s.t.Helper()
	s.by(run, "huang", dr.RowCodeIssued, dr.CodeData{ID: "c1-" + run, Round: round, Issuer: "huang", Source: "issued", Expires: dr.At(s.now.Add(600e9))})
	s.by(run, "wu", dr.RowCodeTried, dr.CodeTriedData{Tries: 1, Left: 4})
	s.by(run, "wu", dr.RowStarted, dr.StartedData{Digest: digest, Round: round, Submitter: "wu", Issuers: []string{"huang"}, Voters: []string{"chen", "ma"}, People: 5,
		Profile: "small_site", Commander: "wu", Codes: []string{"c1-" + run}})
	s.moved(run, "wu", dr.AwaitingCode, dr.Running, "start")
}

func (s *script) proven(run, system, from, to, verdict string, rto dr.Millis) {
	s.t.Helper()
	s.system(run, dr.RunSystem{ID: system, From: from, To: to, Site: to, State: "verified", Verdict: verdict, Restored: dr.At(s.now), RTO: rto, RTOTarget: 600_000, RPO: -1,
		RPOTarget: 5000, Limit: 1_800_000, Lost: -1, Served: -1})
}

// bank tells of a surprise drill in which much goes wrong, and of the way home.
func (s *script) bank() {
	s.t.Helper()
	s.rehearsed("r0")
	slice := bridge(dr.SurpriseDrill)
	ordered := dr.At(s.now.Add(-60e9))
	digest := s.request("r1", "lin", "Ordered on the spot "+nasty, "", slice, dr.Clocks{Ordered: ordered})
	s.voting("r1", digest)
	s.by("r1", "lin", dr.RowRefusal, dr.RefusalData{Verb: dr.VerbApprove, Rule: "I7_requester_vote", ID: "vote_of_requester", Args: dr.Args{"person": "Lin Hua " + nasty}, Times: 2})
	s.voted("r1", "ma", "approve", "", "", 1, 1)
	s.voted("r1", "ma", "withdrawn", "", "not yet", 1, 0)
	override := dr.Override{Check: "lag:cards-stream", Person: "wu", Reason: "link is being mended " + nasty, At: dr.At(s.now)}
	s.by("r1", "wu", dr.RowOverride, override)
	second := bridge(dr.SurpriseDrill)
	second.Overrides, second.Challenge = []dr.Override{override}, "walrus"
	digest = s.freeze(second)
	s.itself("r1", dr.RowRound, dr.RoundData{Number: 2, Digest: digest, Expires: dr.At(s.now.Add(1800e9)), Changed: []string{"override of lag:cards-stream " + nasty}})
	s.ordered = dr.At(s.now)
	s.by("r1", "song", dr.RowObservation, dr.FindingData{ID: "order", Text: "walrus"})
	s.itself("r1", dr.RowAnchor, dr.AnchorData{Size: int64(len(s.rows)), Root: "sT0TIOD0Qib7I+55fAmyq1IdX9P6JBNArlIQLCqnARg=", Why: "freeze", To: "syslog " + nasty})
	s.voted("r1", "chen", "approve", "zhao", nasty, 2, 1)
	s.voted("r1", "ma", "approve", "", "", 2, 2)
	s.moved("r1", "ma", dr.AwaitingApproval, dr.AwaitingCode, "quorum")
	s.codes("r1", digest, 2)
	s.steps()
	s.wayHome()
}

// steps is r1 on its way out.
func (s *script) steps() {
	s.t.Helper()
	s.ran("r1", "tell", 300)
	s.sent("r1", "freeze", 1, "do")
	s.wait(30_000)
	s.by("r1", "wu", dr.RowStep, dr.StepData{Step: "freeze", N: 1, From: dr.StepIntent, To: dr.StepOK, Reason: "seen " + nasty, How: "done"})
	half := s.blob("output", "text/plain", "promote.txt", "half of it "+nasty)
	s.sent("r1", "promote@ledger-db-w1", 1, "do")
	s.came("r1", "promote@ledger-db-w1", 1, dr.StepUnknown, 4000, func(d *dr.OutcomeData) {
		d.Text, d.Evidence, d.Masked, d.MaskRules = "Switchman ended between sending and hearing", []dr.Blob{half}, 2, []string{"password", "token"}
	})
	s.came("r1", "promote@ledger-db-w1", 1, dr.StepFail, 1000, func(d *dr.OutcomeData) {
		d.Code, d.Text, d.Probe, d.Evidence = 1, nasty, dr.FoundNotDone, []dr.Blob{half}
	})
	s.moved("r1", "", dr.Running, dr.Paused, "pause", held(dr.StepFailed), because("promote@ledger-db-w1"))
	s.tell("r1", "", "switchman", dr.RowNotice, dr.NoticeData{About: "paused", To: "wu", Via: "phone", Text: "Run r1 waits " + nasty, Due: dr.At(s.now.Add(120e9)), State: "sent", Proof: "250 ok"})
	s.wait(134_300)
	s.by("r1", "wu", dr.RowStep, dr.StepData{Step: "promote@ledger-db-w1", N: 1, From: dr.StepFail, To: dr.StepReady, Reason: "disk mended", How: "retry"})
	s.moved("r1", "wu", dr.Paused, dr.Running, "resume")
	s.sent("r1", "promote@ledger-db-w1", 2, "do")
	cast := s.blob("recording", "application/x-asciicast", "promote "+nasty+".cast", `{"version":2,"width":80,"height":24}`+"\n"+`[0.1,"o","ok\r\n"]`+"\n")
	s.came("r1", "promote@ledger-db-w1", 2, dr.StepOK, 2000, func(d *dr.OutcomeData) { d.Evidence = []dr.Blob{cast} })
	s.by("r1", "wu", dr.RowStep, dr.StepData{Step: "open-cards", From: dr.StepBlocked, To: dr.StepReady, Reason: "go", How: "continue"})
	s.ran("r1", "open-cards", 700)
	s.by("r1", "wu", dr.RowForced, dr.ForcedData{Systems: []string{"cards"}, Reason: "primary lost " + nasty})
	s.itself("r1", dr.RowStep, dr.StepData{Step: "warm-cards", From: dr.StepReady, To: dr.StepSkipped, Reason: "left out: cards is forced", How: "forced"})
	s.moved("r1", "", dr.Running, dr.Verifying, "moved")
	list := s.blob("text", "text/plain", "missing.txt", "4711 12.50 "+nasty+"\n4712 "+strings.Repeat("9", 70_000)+"\n")
	s.ran("r1", "compare-ledger", 400, func(d *dr.OutcomeData) {
		d.Facts, d.Evidence, d.Text = map[string]int64{"lost": 2, "lag_ms": 900}, []dr.Blob{list}, "2 bookings are missing "+nasty
	})
	s.proven("r1", "ledger", "east", "west", "passed", dr.At(s.now).Since(s.ordered))
	s.ran("r1", "prove-cards", 400)
	s.system("r1", dr.RunSystem{ID: "cards", From: "east", To: "west", Site: "west", State: "verified", Verdict: "missed_rto", Forced: true, Restored: dr.At(s.now), RTO: dr.At(s.now).Since(s.ordered),
		RTOTarget: 60_000, RPO: -1, Limit: 1_800_000, Lost: -1, Served: -1})
	s.moved("r1", "", dr.Verifying, dr.AtStandby, "proven", judged("exceptions"))
	s.by("r1", "lin", dr.RowFinding, dr.FindingData{ID: "f9", Text: "Cards were late " + nasty, Owner: "wu", Due: "2026-12-31", Retest: "r7"})
	s.by("r1", "song", dr.RowObservation, dr.FindingData{ID: "o10", Text: nasty})
}

// wayHome is r2, which closes r1.
func (s *script) wayHome() {
	s.t.Helper()
	s.wait(5000)
	s.started("r2", home())
	s.ran("r2", "promote@ledger-db-w1", 900, func(d *dr.OutcomeData) { d.Facts = map[string]int64{"served": 12345, "lost": 0} })
	s.moved("r2", "", dr.Running, dr.Verifying, "moved")
	s.proven("r2", "ledger", "west", "east", "passed", 9000)
	s.moved("r2", "", dr.Verifying, dr.Closed, "returned", judged("passed"))
	s.moved("r1", "", dr.AtStandby, dr.ClosedWithExceptions, "close_with_exceptions", judged("exceptions"))
	s.by("r1", "song", dr.RowSignOff, dr.SignOffData{Text: "Seen. " + nasty})
	s.itself("r1", dr.RowAnchor, dr.AnchorData{Size: int64(len(s.rows)), Root: "sT0TIOD0Qib7I+55fAmyq1IdX9P6JBNArlIQLCqnARg=", Why: "end", To: "syslog"})
}

// rehearsed is a rehearsal: facts, no votes, every step only looked at.
func (s *script) rehearsed(run string) {
	s.t.Helper()
	slice := bridge(dr.Rehearsal)
	s.request(run, "lin", "practice", "", slice, dr.Clocks{})
	s.moved(run, "", dr.Draft, dr.Preflight, "check")
	s.itself(run, dr.RowPreflight, dr.PreflightData{Checks: []dr.Check{{ID: "window:ledger:batch", Title: "window:ledger:batch", OK: true, Level: "warn", Text: "clear", At: dr.At(s.now)}}})
	s.moved(run, "", dr.Preflight, dr.Running, "rehearse")
	for _, st := range slice.Steps {
		s.ran(run, st.ID, 10, func(d *dr.OutcomeData) { d.Text = "would: " + st.Title })
	}
	s.moved(run, "", dr.Running, dr.Verifying, "moved")
	s.moved(run, "", dr.Verifying, dr.Closed, "returned", judged("rehearsed"))
}
