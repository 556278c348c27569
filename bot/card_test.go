package bot

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// scene is a run of the sample bank, as the engine would show it, without an engine.
type scene struct {
	slice *dr.Slice
	view  fsm.View
}

func stage(t testing.TB, mode dr.Mode, state dr.State) scene {
	t.Helper()
	s, err := sample(t).Compile(catalog.Selection{Plan: "bank-switchover", Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	s.Index()
	asked := dr.At(newClock().now)
	v := fsm.View{ID: "r1125-7k2m", Plan: s.Plan, Title: s.Title, Kind: s.Kind, Mode: mode, Direction: s.Direction, Environment: s.Environment, From: s.From, To: s.To,
		State: state, Reason: "spring drill", Version: 7, Requester: "lin", Digest: "sha256:" + strings.Repeat("ab12", 16), RTOFrom: s.Rule.RTOFrom, CodeLeft: 5,
		Words: []fsm.Word{{Word: "lamp", Number: 812}, {Word: "river", Number: 1300}, {Word: "stone", Number: 1701}},
		Round: fsm.RoundView{Number: 1, Nonce: "n1", Need: 2, State: "open", Expires: asked.Plus(1_800_000)}, Clocks: dr.Clocks{Requested: asked}, Now: asked.Plus(95_000)}
	for _, st := range s.Steps {
		v.Steps = append(v.Steps, fsm.StepView{ID: st.ID, Base: st.Base, Node: st.Node, System: st.System, State: dr.StepBlocked, Class: st.Class, Kind: st.Kind, Title: st.Title, Needs: st.Needs})
	}
	for _, sys := range s.Systems {
		v.Systems = append(v.Systems, fsm.SystemView{RunSystem: dr.RunSystem{ID: sys.ID, From: s.From, To: s.To, Site: s.From, State: "waiting", RTOTarget: sys.RTO}, Name: sys.Name, Total: 10})
	}
	v.Progress.Total = len(s.Steps)
	return scene{s, v}
}

func (s scene) with(change func(*fsm.View)) scene { change(&s.view); return s }

func at(t testing.TB, lang, person string) easel {
	b := &Bot{cfg: Config{Secret: secret, Clock: newClock().clock(), Console: "https://dr.harbor.example"}}
	return easel{voice: b.voice(sample(t).Organisation(), lang), nonces: b.nonces(), surface: "console", dest: "ops", person: person}
}

func vote(person, human, verdict string) dr.Vote {
	return dr.Vote{Person: person, Human: human, Verdict: verdict, Round: 1}
}

// gallery is every card and form, by name.
func gallery(t testing.TB) map[string]func(e easel) any {
	board := func(s scene) func(easel) any {
		return func(e easel) any { return e.board(s.view, s.slice, sharedVerbs(s.view)) }
	}
	waiting := stage(t, dr.Drill, dr.AwaitingApproval).with(func(v *fsm.View) {
		v.Round.Votes, v.Round.Have, v.Waiting = []dr.Vote{vote("chen", "10057", "approve")}, 1, []string{"waiting_votes", "waiting_checks"}
		v.Checks = []dr.Check{{ID: "lag:ledger-stream", Title: "Replication lag", Level: "block", Text: "41 s behind, at most 5 s"}, {ID: "window:payments", Title: "Batch window", Level: "warn", Text: "22:00-01:30"}}
	})
	code := stage(t, dr.SurpriseDrill, dr.AwaitingCode).with(func(v *fsm.View) {
		v.Round.Votes, v.Round.Have, v.Waiting, v.CodeLive = []dr.Vote{vote("wu", "10058", "approve"), vote("sun", "20011", "approve")}, 2, []string{"waiting_code"}, true
		v.Round.Votes[0].For = "chen"
	})
	running := stage(t, dr.Drill, dr.Running).with(func(v *fsm.View) {
		v.Commander, v.Progress.Done, v.Progress.Flying = "chen", 31, 3
		for i := range v.Steps {
			if i < 31 {
				v.Steps[i].State = dr.StepOK
			} else if i < 34 {
				v.Steps[i].State = dr.StepIntent
			}
		}
		for i := range v.Systems {
			v.Systems[i].State, v.Systems[i].Done = "moving", 5
		}
		v.Times = dr.Times{Total: 95_000, Machine: 12_400, People: 71_000}
	})
	paused := func(why dr.PauseReason, step dr.StepState) scene {
		return stage(t, dr.Drill, dr.Paused).with(func(v *fsm.View) {
			*v = running.view
			v.Steps = append([]fsm.StepView{}, v.Steps...)
			v.State, v.Pause, v.Waiting, v.Progress.Flying = dr.Paused, why, []string{"waiting_paused_" + string(why)}, 0
			for i := range v.Steps {
				if v.Steps[i].State == dr.StepIntent {
					v.Steps[i].State = dr.StepOK
				}
			}
			v.Steps[33].State, v.Steps[33].Attempt, v.Steps[33].Text = step, 2, "exit 1: <!channel> connection refused"
			v.Progress.Failed = map[dr.StepState]int{dr.StepFail: 1}[step]
			v.Progress.Unknown = map[dr.StepState]int{dr.StepUnknown: 1}[step]
		})
	}
	standby := stage(t, dr.Drill, dr.AtStandby).with(func(v *fsm.View) {
		v.Commander, v.Progress.Done = "chen", v.Progress.Total
		for i := range v.Systems {
			s := &v.Systems[i]
			s.State, s.Site, s.Verdict, s.Restored, s.RTO, s.Done = "verified", s.To, "passed", v.Now, 94_000, 10
		}
		v.Times = dr.Times{Total: 180_000, Machine: 42_400, People: 121_000}
	})
	closed := stage(t, dr.Drill, dr.Closed).with(func(v *fsm.View) {
		*v = standby.view
		v.State, v.Verdict, v.Child = dr.Closed, "passed", "r1126-9x4c"
	})
	form := func(verb dr.Verb, s scene, step string) func(easel) any {
		return func(e easel) any {
			return e.form(press{Command: commandOf(verb), Verb: verb, Step: step}.at(s.view), s.view, s.slice)
		}
	}
	unknown := paused(dr.OutcomeUnknown, dr.StepUnknown)
	places := []dr.Placement{{System: "identity", Site: "east"}, {System: "ledger", Site: "west", Since: waiting.view.Now, Run: "r1125-7k2m", Proven: waiting.view.Now}}
	all := map[string]func(easel) any{
		"board-approval": board(waiting), "board-code": board(code), "board-running": board(running), "board-failed": board(paused(dr.StepFailed, dr.StepFail)),
		"board-unknown": board(unknown), "board-standby": board(standby), "board-closed": board(closed),
		"board-emergency": board(stage(t, dr.Emergency, dr.AwaitingApproval).with(func(v *fsm.View) { v.Waiting = []string{"waiting_votes"} })),
		"plans":           func(e easel) any { return e.plans(sample(t).Plans()) },
		"plan":            func(e easel) any { return e.plan(waiting.slice, waiting.view.Digest, true) },
		"status":          func(e easel) any { return e.status([]fsm.View{running.view, unknown.view}, places, waiting.view.Now) },
		"status-quiet":    func(e easel) any { return e.status(nil, places[:1], waiting.view.Now) },
		"help":            func(e easel) any { return e.help(nil, "") },
		"help-request":    func(e easel) any { return e.help(nil, "申请") },
		"refusal": func(e easel) any {
			return e.refusal(dr.Refuse("vote_of_requester", dr.Args{"person": "Lin Hua", "run": "r1125-7k2m"}))
		},
		"typo":       func(e easel) any { _, err := parse("aprove r1"); return e.refusal(err) },
		"code":       func(e easel) any { return e.codeCard(code.view) },
		"site":       func(e easel) any { return e.sites(sitesAt(waiting.view.Now, ""), servers(), leases(), "chen") },
		"site-one":   func(e easel) any { return e.sites(fsm.SiteView{}, servers()[:1], nil, "chen") },
		"site-asked": func(e easel) any { v := sitesAt(waiting.view.Now, "chen"); return e.siteAsked(wishOf(v), v, "") },
		"site-taken": func(e easel) any {
			w := wishOf(sitesAt(waiting.view.Now, "chen"))
			w.By = "huang"
			return e.siteAsked(w, sitesAt(waiting.view.Now, ""), "")
		},
		"site-over": func(e easel) any {
			return e.siteAsked(wishOf(sitesAt(waiting.view.Now, "chen")), sitesAt(waiting.view.Now, ""), "")
		},
		"site-expired": func(e easel) any {
			w := wishOf(sitesAt(e.nonces.now.Plus(-31*60_000), "chen"))
			return e.siteAsked(w, sitesAt(waiting.view.Now, ""), "")
		},
		"start-console": func(e easel) any { return e.startElsewhere(code.view) },
		"leaked":        func(e easel) any { return e.leaked("huang", code.view.ID) },
		"report":        func(e easel) any { return e.report(closed.view, nil) },
		"form-approve":  form(dr.VerbApprove, stage(t, dr.Emergency, dr.AwaitingApproval), ""),
		"form-deny":     form(dr.VerbDeny, waiting, ""),
		"form-start":    form(dr.VerbStart, code, ""),
		"form-abort":    form(dr.VerbAbort, running, ""),
		"form-force":    form(dr.VerbForce, running, ""),
		"form-rollback": form(dr.VerbRollback, running, ""),
		"form-decide":   form(dr.VerbDecide, unknown, unknown.view.Steps[33].ID),
		"form-skip":     form(dr.VerbSkip, unknown, unknown.view.Steps[33].ID),
		"form-close":    form(dr.VerbClose, standby, ""),
		"form-home":     form(dr.VerbSwitchback, standby, ""),
		"form-handover": form(dr.VerbHandover, standby, ""),
		"form-override": form(dr.VerbOverride, waiting, ""),
		"form-finding":  form(dr.VerbFinding, standby, ""),
		"form-request": func(e easel) any {
			return e.requestForm(sample(t).Plans(), wish{plan: "bank-switchover", mode: dr.Drill})
		},
	}

	for name, one := range homeCards(t, waiting, unknown, closed, places) {
		all[name] = one
	}
	for name, one := range answerCards() {
		all[name] = one
	}
	for name, one := range situationCards(t) {
		all[name] = one
	}
	for name, one := range newsRows(t, running) {
		all["news-"+name] = one
	}
	return all
}

// homeCards are the bot's own page, for somebody who is waited for and on a quiet day.
func homeCards(t testing.TB, waiting, unknown, closed scene, places []dr.Placement) map[string]func(easel) any {
	mine := func(s scene, verbs ...dr.Verb) seenRun {
		v := s.view
		v.Verbs = verbs
		return seenRun{v, s.slice, NeedsOf(v)}
	}
	now := waiting.view.Now
	drilled := closed.view
	drilled.Clocks.Started = now.Plus(-90 * 24 * 3600 * 1000)
	runs := []seenRun{mine(waiting, dr.VerbApprove, dr.VerbDeny), mine(unknown, dr.VerbDecide, dr.VerbRollback, dr.VerbAbort)}
	runs[1].view.ID = "r1125-9x4c"
	return map[string]func(easel) any{
		"home": func(e easel) any {
			return e.home(nil, runs, places, sample(t).Plans(), map[string]fsm.View{drilled.Plan: drilled}, now)
		},
		"home-quiet": func(e easel) any { return e.home(nil, nil, places[:1], sample(t).Plans()[:2], nil, now) },
	}
}

func newsRows(t testing.TB, s scene) map[string]func(easel) any {
	gate := ""
	for _, st := range s.slice.Steps {
		if st.NoReturn {
			gate = st.ID
			break
		}
	}
	run := dr.Run{ID: s.view.ID, Title: s.view.Title, From: "east", To: "west", Mode: dr.Drill, Environment: dr.Sample}
	rows := map[string]struct {
		kind  dr.RowKind
		actor string
		data  any
	}{
		"requested":   {dr.RowRequested, "lin", dr.RequestedData{Title: run.Title, Kind: dr.Switchover, Mode: dr.Drill, From: "east", To: "west", Systems: []string{"identity", "ledger"}, Reason: "spring drill", Steps: 80}},
		"switchback":  {dr.RowRequested, "lin", dr.RequestedData{Title: "Bring the whole bank home", Kind: dr.Switchback, Mode: dr.Drill, From: "west", To: "east", Systems: []string{"identity"}, Reason: "home", Steps: 80, Parent: "r1124-aaaa"}},
		"round":       {dr.RowRound, "", dr.RoundData{Number: 2, Expires: s.view.Round.Expires, Changed: []string{"step promote: timeout 60s, was 30s"}}},
		"approved":    {dr.RowVote, "chen", dr.VoteData{Vote: vote("chen", "10057", "approve"), Have: 1, Need: 2}},
		"denied":      {dr.RowVote, "sun", dr.VoteData{Vote: dr.Vote{Person: "sun", Verdict: "deny", Reason: "the batch still runs"}, Have: 1, Need: 2}},
		"withdrawn":   {dr.RowVote, "chen", dr.VoteData{Vote: vote("chen", "10057", "withdrawn"), Have: 0, Need: 2}},
		"quorum":      {dr.RowState, "sun", dr.StateData{From: dr.AwaitingApproval, To: dr.AwaitingCode}},
		"code":        {dr.RowCodeIssued, "huang", dr.CodeData{Issuer: "huang", Expires: s.view.Now.Plus(600_000)}},
		"revoked":     {dr.RowCodeRevoked, "", dr.CodeData{Issuer: "huang", Reason: "quorum_lost"}},
		"leaked":      {dr.RowCodeRevoked, "lin", dr.CodeData{Issuer: "huang", Reason: fsm.Leaked}},
		"locked":      {dr.RowCodeTried, "lin", dr.CodeTriedData{Tries: 5, Locked: true}},
		"started":     {dr.RowStarted, "lin", dr.StartedData{Submitter: "lin", Issuers: []string{"huang"}, Voters: []string{"chen", "sun"}, People: 4}},
		"failed":      {dr.RowState, "", dr.StateData{From: dr.Running, To: dr.Paused, Pause: dr.StepFailed, Reason: "freeze@ledger-db-e1"}},
		"paused":      {dr.RowState, "lin", dr.StateData{From: dr.Running, To: dr.Paused, Pause: dr.ByOperator}},
		"resumed":     {dr.RowState, "lin", dr.StateData{From: dr.Paused, To: dr.Running}},
		"rollback":    {dr.RowState, "chen", dr.StateData{From: dr.Paused, To: dr.RollingBack, Reason: "counts differ"}},
		"no-return":   {dr.RowOutcome, "", dr.OutcomeData{Step: gate, State: dr.StepOK}},
		"restored":    {dr.RowSystem, "", dr.SystemData{RunSystem: dr.RunSystem{ID: "ledger", Site: "west", State: "verified", Verdict: "passed", RTO: 94_000, RTOTarget: 600_000, Lost: 0}, Why: "proven"}},
		"standby":     {dr.RowState, "", dr.StateData{From: dr.Verifying, To: dr.AtStandby}},
		"closed":      {dr.RowState, "", dr.StateData{From: dr.AtStandby, To: dr.Closed, Verdict: "passed"}},
		"ended-badly": {dr.RowState, "chen", dr.StateData{From: dr.Paused, To: dr.Failed, Verdict: "failed", Reason: "link is down"}},
		"force-asked": {dr.RowState, "lin", dr.StateData{From: dr.Running, To: dr.Running, Event: "force", Reason: "ledger: east is lost"}},
		"forced":      {dr.RowForced, "chen", dr.ForcedData{Systems: []string{"ledger"}, Reason: "east is lost"}},
		"handover":    {dr.RowCommand, "chen", dr.CommandData{From: "chen", To: "huang"}},
		"command":     {dr.RowCommand, "huang", dr.CommandData{From: "chen", To: "huang", Accepted: true}},
		"override":    {dr.RowOverride, "chen", dr.Override{Check: "window:ledger", Reason: "the batch is over"}},
		"called":      {dr.RowNotice, "", dr.NoticeData{About: "approval", To: "sun", Via: "phone", State: "sent"}},
		"unheard":     {dr.RowNotice, "", dr.NoticeData{About: "chat_down", To: "chen", Via: "phone", State: "sent"}},
		"came":        {dr.RowNotice, "sun", dr.NoticeData{About: "approval", To: "sun", Via: "acted", State: "acknowledged"}},
		"observed":    {dr.RowObservation, "qi", dr.FindingData{Text: "branches noticed nothing"}},
		"signed":      {dr.RowSignOff, "qi", dr.SignOffData{Text: "seen"}},
	}
	out := map[string]func(easel) any{}
	for name, one := range rows {
		raw, err := json.Marshal(one.data)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = func(e easel) any {
			c, _ := e.news(dr.Row{Seq: 9, At: s.view.Now, Run: run.ID, Kind: one.kind, Actor: one.actor, Data: raw}, run, s.slice)
			return c
		}
	}
	return out
}

var hole = regexp.MustCompile(`\{[a-z_]+\}|bot_[a-z]|waiting_[a-z]|term_`)

func TestGallery(t *testing.T) {
	for name, make := range gallery(t) {
		for _, lang := range []string{"en", "zh"} {
			t.Run(name+"."+lang, func(t *testing.T) {
				got := make(at(t, lang, ""))
				text := ""
				switch c := got.(type) {
				case Card:
					if len(c.Parts) == 0 {
						t.Fatal("nothing is on it")
					}
					text = Text(c, 0)
					fits(t, c)
				case Form:
					text = FormText(c, 0)
				}
				if bad := hole.FindString(text + shape(t, got)); bad != "" { // questions before a press are in the shape alone
					t.Errorf("%s was not filled in", bad)
				}
				for _, l := range strings.Split(text, "\n") {
					if n := columnsOf(l); n > Columns {
						t.Errorf("%d columns: %s", n, l)
					}
				}
				golden(t, "cards/"+name+"."+lang+".txt", text)
				golden(t, "cards/"+name+"."+lang+".json", shape(t, got)) // what a surface is given; bot/slack draws these
			})
		}
	}
}

// shape is a card or form as JSON, one part a line.
func shape(t testing.TB, of any) string {
	t.Helper()
	raw, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := string(all[key])
		var parts []json.RawMessage
		if json.Unmarshal(all[key], &parts) == nil {
			var lines []string
			for _, p := range parts {
				lines = append(lines, "  "+string(p))
			}
			value = "[\n" + strings.Join(lines, ",\n") + "]"
		}
		out = append(out, fmt.Sprintf(" %q: %s", key, value))
	}
	return "{\n" + strings.Join(out, ",\n") + "\n}\n"
}

// One card as the console gets it: its shape is what a typed client relies on.
func TestJSONShape(t *testing.T) {
	raw, err := json.MarshalIndent(gallery(t)["board-failed"](at(t, "en", "")), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "board.json", string(raw)+"\n")
	var back Card
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	again, _ := json.MarshalIndent(back, "", " ")
	if string(again) != string(raw) {
		t.Error("a card does not survive its own JSON")
	}
}

// fits holds a card against the limits surfaces have.
func fits(t testing.TB, c Card) {
	t.Helper()
	ids := map[string]bool{}
	total := 0
	for _, p := range c.Parts {
		total += p.size()
		for _, f := range p.Facts {
			atMost(t, f.Name, maxFactName)
			atMost(t, f.Value, maxFactValue)
		}
		atMost(t, p.Text, maxText)
		if len(p.Rows) > maxRows || len(p.Facts) > maxFacts || len(p.Steps) > maxSteps || len(p.Actions) > maxActions || len(p.Texts) > maxContext {
			t.Errorf("too many pieces in %s", p.Kind)
		}
		for _, a := range p.Actions {
			if ids[a.ID] {
				t.Errorf("two actions are called %s", a.ID)
			}
			ids[a.ID] = true
			atMost(t, a.Label, maxLabel)
			if a.Confirm != nil {
				atMost(t, a.Confirm.Text, maxConfirm)
				atMost(t, a.Confirm.Title, maxConfirmTop)
				if strings.HasSuffix(a.Confirm.Text, ellipsis) || a.Confirm.Text == "" {
					t.Errorf("a question that is cut or empty: %q", a.Confirm.Text)
				}
			}
		}
	}
	if total > maxCard {
		t.Errorf("%d characters on one card", total)
	}
}

func atMost(t testing.TB, s string, n int) {
	t.Helper()
	if got := utf8.RuneCountInString(s); got > n {
		t.Errorf("%d characters, at most %d: %.40s", got, n, s)
	}
}

// Text from outside is shown as text, whole where it fits, and never longer than a card may be.
func TestHostileText(t *testing.T) {
	for name, evil := range map[string]string{
		"mention": "<!channel> <@U123> <http://x|bank.example>", "direction": "abc\u202egnp.exe\u2066x\u2069", "nothing": "a\u200b\u200d\ufeff\u2060b\u00ad",
		"tags": "a\U000E0041b", "control": "a\x1b[31mred\x07\x00b", "broken": "a\xff\xfeb", "long": strings.Repeat("长文 text ", 12_000), "lines": strings.Repeat("x\n", 50_000),
		"separators": "a\u2028b\u2029c", "marks": "e" + strings.Repeat("\u0301", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			s := stage(t, dr.Drill, dr.Paused).with(func(v *fsm.View) {
				v.Reason, v.Title, v.Requester, v.Pause = evil, evil, evil, dr.StepFailed
				for i := range v.Steps {
					v.Steps[i].State, v.Steps[i].Text, v.Steps[i].Title, v.Steps[i].Reason = dr.StepFail, evil, evil, evil
				}
				v.Systems[0].Name = evil
			})
			e := at(t, "en", "lin")
			c := e.board(s.view, s.slice, sharedVerbs(s.view))
			for _, a := range c.Parts {
				for i := range a.Actions {
					a.Actions[i].Confirm = nil // cut on purpose here
				}
			}
			fits(t, c)
			raw, err := json.Marshal(c)
			if err != nil || len(raw) > 120_000 {
				t.Errorf("%d bytes, %v", len(raw), err)
			}
			for _, text := range []string{Text(c, 80), string(raw)} {
				for _, r := range []rune{'\u202e', '\u2066', '\u200b', '\u200d', '\ufeff', '\u2060', '\u00ad', '\U000E0041', 0x1b, 0x07, 0x00, '\u2028', '\u2029'} {
					if strings.ContainsRune(text, r) || strings.Contains(text, fmt.Sprintf(`\u%04x`, r)) {
						t.Errorf("%U is still there", r)
					}
				}
				if !utf8.ValidString(text) {
					t.Error("broken text")
				}
			}
			if name == "mention" && !strings.Contains(Text(c, 80), "<!channel>") {
				t.Error("what was said is not shown")
			}
			f := e.form(press{Verb: dr.VerbAbort, Command: "abort", Args: &fsm.Args{Reason: evil}}.at(s.view), s.view, s.slice)
			atMost(t, f.Fields[0].Value, maxText)
			_ = FormText(f, 80)
		})
	}
}
