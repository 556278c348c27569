package bot

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// ready carries a run to where only the code is missing, by words and buttons alone.
func (h *house) ready() (run string) {
	h.Helper()
	r := h.say("ada", `request move drill "spring drill"`)
	if r.Run == "" {
		h.Fatalf("no run:\n%s", Text(r.Card, 0))
	}
	h.state(r.Run, dr.AwaitingApproval)
	for _, who := range []string{"ben", "cleo"} {
		c := h.say(who, "approve "+r.Run)
		if got := h.press(who, c.Card, "approve"); !got.Done {
			h.Fatalf("%s: %s", who, Text(got.Card, 0))
		}
	}
	h.state(r.Run, dr.AwaitingCode)
	return r.Run
}

func (h *house) code(run string) string {
	h.Helper()
	issued, err := h.engine.IssueCode(context.Background(), dr.Actor{Person: "dora", Surface: "console"}, run)
	if err != nil {
		h.Fatal(err)
	}
	return issued.Code.Reveal()
}

// begun starts it through the form and carries the manual step out.
func (h *house) begun() (run string) {
	h.Helper()
	run = h.ready()
	code := h.code(run)
	f := h.say("ada", "start "+run)
	if got := h.submit("ada", f.Form, map[string]string{"code": code}); !got.Done {
		h.Fatalf("start: %s %v", Text(got.Card, 0), got.Errors)
	}
	return run
}

func (h *house) handMade(run string) {
	h.Helper()
	h.until(run, func(v fsm.View) bool {
		for _, s := range v.Steps {
			if s.Base == "call" && s.State == dr.StepIntent {
				return true
			}
		}
		return false
	})
}

func (h *house) moved() (run string) {
	h.Helper()
	run = h.begun()
	h.handMade(run)
	c := h.say("ada", "status "+run)
	if got := h.press("ada", c.Card, "done:call"); !got.Done {
		h.Fatal(Text(got.Card, 0))
	}
	h.state(run, dr.AtStandby)
	return run
}

func TestStoryByWordsAndButtons(t *testing.T) {
	h := open(t)
	run := h.moved()
	back := h.say("ada", "switchback the day is over")
	if back.Run == "" || back.Run == run {
		t.Fatalf("no way home:\n%s", Text(back.Card, 0))
	}
	if got := h.say("ada", "status"); !strings.Contains(Text(got.Card, 0), run) || !strings.Contains(Text(got.Card, 0), back.Run) {
		t.Error(Text(got.Card, 0))
	}
	if h.count(run, dr.RowVote) != 2 || h.count(run, dr.RowStarted) != 1 {
		t.Error("votes or starts were counted wrongly")
	}
	if strings.Contains(h.logs.String(), "level=ERROR") {
		t.Error(h.logs.String())
	}
}

// Text alone neither votes nor starts, whoever types it and however.
func TestTextNeverVotes(t *testing.T) {
	h := open(t)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	for _, text := range []string{"approve " + run, "approve " + run + " --reason yes", "APPROVE " + run, "批准 " + run, "/dr approve", "approve --run " + run, "withdraw " + run, "deny " + run + " no way"} {
		for _, who := range []string{"ben", "cleo", "ada", "nobody", ""} {
			if r := h.say(who, text); r.Done {
				t.Errorf("%s: %q did something", who, text)
			}
		}
	}
	if n := h.count(run, dr.RowVote); n != 0 {
		t.Fatalf("%d votes came of text", n)
	}
	if v := h.view(run); v.State != dr.AwaitingApproval {
		t.Fatal(v.State)
	}
}

func TestRefusalsSaySoAndChangeNothing(t *testing.T) {
	h := open(t)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	before := h.view(run).Version
	own := h.say("ada", "approve "+run)
	if own.Card.Kind != "refusal" || !strings.Contains(Text(own.Card, 0), "asked for this run") {
		t.Error(Text(own.Card, 0))
	}
	offered := h.say("ben", "approve "+run)
	foreign := h.press("cleo", offered.Card, "approve")
	if foreign.Done || foreign.Card.Kind != "refusal" {
		t.Error("a button of somebody else worked")
	}
	a := button(offered.Card, "approve")
	for name, in := range map[string]Intent{
		"elsewhere":     {Surface: "slack", Dest: "ops", Person: "ben", Kind: Press, Args: a.Nonce},
		"other channel": {Surface: "console", Dest: "lobby", Person: "ben", Kind: Press, Args: a.Nonce},
		"made up":       {Person: "ben", Kind: Press, Args: "deadbeef"},
		"empty":         {Person: "ben", Kind: Press},
		"long":          {Person: "ben", Kind: Press, Args: strings.Repeat("a", 100_000)},
		"form as press": {Person: "ben", Kind: Submit, Args: "deadbeef", Values: map[string]string{"reason": "x"}},
	} {
		if r := h.handle(in); r.Done || r.Card.Kind != "refusal" {
			t.Errorf("%s: %s", name, Text(r.Card, 0))
		}
	}
	if v := h.view(run); v.Version != before || len(v.Round.Votes) != 0 {
		t.Error("a refusal changed the run")
	}
	if n := h.count(run, dr.RowRefusal); n < 3 {
		t.Errorf("%d refusals are in the journal of the run", n)
	}
}

// A button that was drawn for another round or state says so, and shows the present.
func TestStaleButtons(t *testing.T) {
	h := open(t)
	run := h.begun()
	h.handMade(run)
	board := h.say("ada", "status "+run)
	old := button(board.Card, "abort")
	if old.Nonce == "" {
		t.Fatal(Text(board.Card, 0))
	}
	if r := h.press("ada", board.Card, "pause"); !r.Done {
		t.Fatal(Text(r.Card, 0))
	}
	h.state(run, dr.Paused)
	r := h.handle(Intent{Person: "ada", Kind: Press, Args: old.Nonce})
	if r.Form != nil || r.Done || !strings.Contains(Text(r.Card, 0), "moved on") || button(r.Card, "resume").Nonce == "" {
		t.Error(Text(r.Card, 0))
	}
	paused := h.say("ada", "status "+run)
	resume := button(paused.Card, "resume")
	if r := h.press("ada", paused.Card, "resume"); !r.Done {
		t.Fatal(Text(r.Card, 0))
	}
	h.say("ada", "pause "+run)
	h.state(run, dr.Paused)
	if r := h.handle(Intent{Person: "ada", Kind: Press, Args: resume.Nonce, Confirmed: true}); r.Done {
		t.Error("a button for the pause before resumed this one")
	}
}

// Redrawing a board in the same moment makes the same buttons, and writes nothing.
func TestNoncesAreStable(t *testing.T) {
	h := open(t)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	a, b := h.say("ben", "status "+run), h.say("ben", "status "+run)
	if x, y := button(a.Card, "approve").Nonce, button(b.Card, "approve").Nonce; x != y || x == "" {
		t.Errorf("%q and %q", x, y)
	}
	if z := button(h.say("bea", "status "+run).Card, "approve").Nonce; z == button(a.Card, "approve").Nonce {
		t.Error("two people were given the same button")
	}
}

func TestConfirmNamesTheConsequence(t *testing.T) {
	h := open(t)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	got := button(h.say("ben", "status "+run).Card, "approve").Confirm
	if got == nil || !strings.Contains(got.Text, "stops Ledger in Quay East") || !strings.Contains(got.Text, "Make ledger-w the primary") {
		t.Errorf("%+v", got)
	}
	zh := button(h.say("cleo", "status "+run).Card, "approve").Confirm
	if zh == nil || !strings.Contains(zh.Text, "停止Quay East的Ledger") {
		t.Errorf("%+v", zh)
	}
}

func TestWordsInAnEmergency(t *testing.T) {
	h := open(t)
	run := h.say("fay", "request move emergency the east burns").Run
	v := h.state(run, dr.AwaitingApproval)
	board := h.say("ben", "status "+run)
	a := button(board.Card, "approve")
	if !a.Form || a.Confirm != nil {
		t.Fatalf("%+v", a)
	}
	f := h.press("ben", board.Card, "approve")
	if f.Form == nil || !strings.Contains(FormText(*f.Form, 0), v.Words[0].Word) {
		t.Fatal("the form does not show the words")
	}
	if r := h.submit("ben", f.Form, map[string]string{"words": "yes yes yes"}); r.Done || r.Errors["words"] == "" {
		t.Errorf("wrong words: %+v", r)
	}
	if r := h.submit("ben", f.Form, map[string]string{"words": v.Words[0].Word + " " + v.Words[1].Word + ", " + v.Words[2].Word}); !r.Done {
		t.Errorf("right words: %s", Text(r.Card, 0))
	}
	if r := h.submit("cleo", f.Form, map[string]string{"words": "x"}); r.Done || len(r.Errors) > 0 {
		t.Error("somebody else's form was taken")
	}
}

// A code in any text is answered by a warning before anything else, is kept nowhere, and is dead.
func TestCodeInAMessage(t *testing.T) {
	h := open(t)
	run := h.ready()
	people := []string{"ada", "ben", "oda"} // a few looks a minute are each one's
	for i, shape := range []func(code string) string{
		func(c string) string { return "start " + run + " " + c }, func(c string) string { return c }, strings.ToLower,
		func(c string) string { return "the code is " + c + "." },
		func(c string) string { return "ask is " + strings.ReplaceAll(c, "-", " ") + " right?" },
		func(c string) string { return "deny " + run + " “" + c + "”" },
		func(c string) string { return strings.TrimPrefix(c, "DRC-") },
	} {
		code := h.code(run)
		text := shape(code)
		r := h.say(people[i%len(people)], text)
		bare := strings.ReplaceAll(strings.TrimPrefix(code, "DRC-"), "-", "")
		if got := Text(r.Card, 0); r.Card.Kind != "warning" || strings.Contains(got, bare[:8]) || !strings.Contains(got, "revoked (run "+run+")") {
			t.Errorf("%q: %s", text, got)
		}
		if v := h.view(run); v.CodeLive || v.State != dr.AwaitingCode || v.Round.Have != 2 || v.CodeLeft != 5 {
			t.Errorf("%q: %s, code lives %v, %d votes, %d tries left", text, v.State, v.CodeLive, v.Round.Have, v.CodeLeft)
		}
		h.nowhere(run, code)
	}
	code := h.code(run)
	f := h.say("ada", "start "+run)
	if f.Form == nil {
		t.Fatal(Text(f.Card, 0))
	}
	r := h.handle(Intent{Person: "ada", Kind: Submit, Args: f.Form.Nonce, Values: map[string]string{"code": "", "reason": "it is " + code}})
	if r.Card.Kind != "warning" || h.view(run).CodeLive {
		t.Error("a code in another field went through")
	}
	if r := h.submit("ada", f.Form, map[string]string{"code": code}); r.Done {
		t.Error("a leaked code started the run")
	}
	h.nowhere(run, code)
	f = h.say("ada", "start "+run) // a new code starts it: the votes stood
	if f.Form == nil {
		code = h.code(run)
		f = h.say("ada", "start "+run)
	}
	if r := h.submit("ada", f.Form, map[string]string{"code": code}); !r.Done {
		t.Errorf("the code issued afterwards: %s %v", Text(r.Card, 0), r.Errors)
	}
	for _, fine := range []string{"status r1126-7k2m", "what is DRC?", "ask about 1234-5678", "observe " + run + " all 39 nodes well", "deny " + run + " batch 22:00-01:30 still runs on payments-batch-e1",
		"request move drill DRC drill 2026 of the east", "the DRC team went home at 1"} {
		if fsm.NearlyCode(fine) {
			t.Errorf("%q was taken for a code", fine)
		}
	}
	for _, slip := range []string{"DRC-1234-5678-9ABC", "drc 1234 5678 9abc d", "DRC-12O4-5678-9AB-C", "DRC123456789ABCD", "ＤＲＣ－1234-5678-9ABC-Z"} {
		if !fsm.NearlyCode(slip) {
			t.Errorf("%q was let through", slip)
		}
	}
}

// nowhere expects that neither journal nor log holds a code.
func (h *house) nowhere(run, code string) {
	h.Helper()
	bare := strings.ReplaceAll(strings.TrimPrefix(code, "DRC-"), "-", "")
	for _, row := range h.rows(run) {
		if raw, _ := json.Marshal(row); strings.Contains(string(raw), code) || strings.Contains(string(raw), bare) {
			h.Error("the journal holds the code")
		}
	}
	if strings.Contains(h.logs.String(), code) || strings.Contains(h.logs.String(), bare) {
		h.Error("the log holds the code")
	}
}

func TestWrongCodeStaysInTheForm(t *testing.T) {
	h := open(t)
	run := h.ready()
	h.code(run)
	f := h.say("ada", "start "+run)
	r := h.submit("ada", f.Form, map[string]string{"code": "DRC-0000-0000-0000-0"})
	if r.Done || r.Errors["code"] == "" {
		t.Errorf("%+v", r)
	}
	if raw, _ := json.Marshal(r); strings.Contains(string(raw), "DRC-0000") {
		t.Error("the answer repeats what was typed")
	}
	if v := h.view(run); v.CodeLeft != 4 {
		t.Errorf("%d tries left", v.CodeLeft)
	}
}

// Outside drills a surface that was not told otherwise asks for no code.
func TestCodeFormOnlyWhereAllowed(t *testing.T) {
	h := open(t)
	run := h.say("fay", "request move emergency fire").Run
	v := h.state(run, dr.AwaitingApproval)
	words := v.Words[0].Word + " " + v.Words[1].Word + " " + v.Words[2].Word
	for _, who := range []string{"ben", "cleo"} {
		f := h.say(who, "approve "+run)
		if r := h.submit(who, f.Form, map[string]string{"words": words}); !r.Done {
			t.Fatal(Text(r.Card, 0))
		}
	}
	h.code(run)
	if r := h.say("ada", "start "+run); r.Form != nil || r.Card.Kind != "start" || button(r.Card, "code").URL == "" {
		t.Error(Text(r.Card, 0))
	}
	r := h.handle(Intent{Surface: "console", Dest: "ops", Person: "ada", Kind: Command, Args: "start " + run, Secrets: true})
	if r.Form == nil || r.Form.Fields[0].Kind != FieldSecret {
		t.Error("the console asks for no code")
	}
	if r := h.say("dora", "code "+run); r.Form != nil || button(r.Card, "code").URL != "https://dr.quay.example/#/code/"+run {
		t.Error(Text(r.Card, 0))
	}
}

func TestRequestForm(t *testing.T) {
	h := open(t)
	r := h.say("ada", "request")
	if r.Form == nil {
		t.Fatal("no form")
	}
	if bad := h.submit("ada", r.Form, map[string]string{"plan": "move", "mode": "rehearsal", "reason": " "}); bad.Errors["reason"] == "" {
		t.Errorf("%+v", bad)
	}
	ok := h.submit("ada", r.Form, map[string]string{"plan": "move", "mode": "rehearsal", "reason": "look"})
	if !ok.Done || ok.Run == "" {
		t.Fatal(Text(ok.Card, 0))
	}
	if again := h.submit("ada", r.Form, map[string]string{"plan": "move", "mode": "rehearsal", "reason": "look"}); again.Done {
		t.Error("one form made two runs")
	}
	if r := h.say("ada", "request nowhere drill x"); r.Card.Kind != "refusal" {
		t.Error(Text(r.Card, 0))
	}
}

func TestAskWithoutRunbooks(t *testing.T) {
	h := open(t)
	if got := Text(h.say("cleo", "ask 复制延迟怎么办").Card, 0); !strings.Contains(got, "尚未启用") {
		t.Error(got)
	}
}

// Everything people may type about any state is answered, and nobody learns more than the roster lets in.
func TestEveryCommandIsAnswered(t *testing.T) {
	h := open(t)
	run := h.begun()
	h.handMade(run)
	for _, c := range commands() {
		for _, who := range []string{"ada", "cleo", "oda", "nobody"} {
			if c.name == "abort" || c.name == "cancel" || c.name == "done" || c.name == "skip" || c.name == "pause" {
				continue // would end the story
			}
			r := h.say(who, c.name)
			if who == "nobody" && r.Card.Kind != "refusal" {
				t.Errorf("a stranger was told %s", c.name)
			}
			h.say(who, c.name+" "+run)
			h.say(who, "help "+c.name)
		}
	}
	if v := h.view(run); v.State != dr.Running {
		t.Errorf("the run is %s", v.State)
	}
}
