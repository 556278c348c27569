package bot

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

func TestParse(t *testing.T) {
	type m = map[string]string
	for _, tc := range []struct {
		line, name string
		args, opts m
	}{
		{"", "help", m{}, m{}},
		{"/dr", "help", m{}, m{}},
		{"/dr status r1126-7k2m", "status", m{"run": "r1126-7k2m"}, m{}},
		{"状态", "status", m{}, m{}},
		{"  PAUSE   r1126-7k2m  ", "pause", m{"run": "r1126-7k2m"}, m{}},
		{"pause the link is down", "pause", m{"text": "the link is down"}, m{}},
		{"deny r1 the batch still runs", "deny", m{"run": "r1", "text": "the batch still runs"}, m{}},
		{"deny the batch still runs", "deny", m{"text": "the batch still runs"}, m{}},
		{`request bank-switchover drill "spring drill"`, "request", m{"plan": "bank-switchover", "mode": "drill", "text": "spring drill"}, m{}},
		{"申请 bank-switchover “春季 演练” --mode=surprise-drill", "request", m{"plan": "bank-switchover", "text": "春季 演练"}, m{"mode": "surprise-drill"}},
		{`request move --reason="two words" mode=drill`, "request", m{"plan": "move"}, m{"reason": "two words", "mode": "drill"}},
		{"request move why not now", "request", m{"plan": "move", "text": "why not now"}, m{}},
		{"decide r1126-7k2m promote@db-1 done I looked", "decide", m{"run": "r1126-7k2m", "step": "promote@db-1", "verdict": "done", "text": "I looked"}, m{}},
		{"handover r1126-7k2m huang", "handover", m{"run": "r1126-7k2m", "person": "huang"}, m{}},
		{"force r1126-7k2m --systems ledger,payments east is lost", "force", m{"run": "r1126-7k2m", "text": "east is lost"}, m{"systems": "ledger,payments"}},
		{"finding r1126-7k2m 'DNS took 40 s' --owner chen", "finding", m{"run": "r1126-7k2m", "text": "DNS took 40 s"}, m{"owner": "chen"}},
		{"deny r1126-7k2m it isn't time", "deny", m{"run": "r1126-7k2m", "text": "it isn't time"}, m{}},
		{`observe r1126-7k2m "--owner is quoted"`, "observe", m{"run": "r1126-7k2m", "text": "--owner is quoted"}, m{}},
		{`ask what does "--force" do?`, "ask", m{"text": `what does "--force" do?`}, m{}},
		{"sign-off r1126-7k2m seen", "sign_off", m{"run": "r1126-7k2m", "text": "seen"}, m{}},
	} {
		got, err := parse(tc.line)
		if err != nil {
			t.Errorf("%q: %v", tc.line, err)
			continue
		}
		if got.command.name != tc.name || !reflect.DeepEqual(got.args, tc.args) || !reflect.DeepEqual(got.options, tc.opts) {
			t.Errorf("%q: %s %v %v", tc.line, got.command.name, got.args, got.options)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, id := range map[string]string{
		"aprove r1": "bot_command_typo", "puase": "bot_command_typo", "回起": "bot_command_unknown", "make coffee": "bot_command_unknown",
		`deny r1 "no end`: "bot_quote_open", "deny r1 “no end": "bot_quote_open", "pause r1 --hard now": "bot_option_unknown", "deny r1 --reason": "bot_option_empty",
		strings.Repeat("x ", 60_000): "bot_too_long",
	} {
		if _, err := parse(line); err == nil || err.ID != id || err.Kind != dr.Usage {
			t.Errorf("%.30q: %v", line, err)
		}
	}
	for typo, want := range map[string]string{"stauts": "status", "aprove": "approve", "swichback": "switchback", "rolback": "rollback", "cod": "code", "xyz": "", "s": ""} {
		if got := nearest(typo); got != want {
			t.Errorf("nearest(%s) = %q, want %q", typo, got, want)
		}
	}
}

// Every command's own example is read as that command, in a line of help people copy.
func TestExamplesParse(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range commands() {
		got, err := parse("/dr " + c.example)
		if err != nil || got.command.name != c.name {
			t.Errorf("%s: %v %s", c.example, err, got.command.name)
		}
		for _, name := range append([]string{c.name}, c.aliases...) {
			if seen[name] {
				t.Errorf("two commands are called %s", name)
			}
			seen[name] = true
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range commands() {
		f.Add("/dr " + c.example)
	}
	for _, s := range []string{"“", "deny r1 “a“", "request --mode=\"", "=\"", "a=‘b’", "「」", "\u202eevorppa r1", "--", "-- --=", "'", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got, err := parse(line)
		if err != nil {
			if err.ID == "" {
				t.Fatalf("%q: a refusal without a sentence", line)
			}
			return
		}
		if got.command.name == "" {
			t.Fatalf("%q: no command and no refusal", line)
		}
		for _, all := range []map[string]string{got.args, got.options} {
			for name, v := range all {
				if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\x1b\u202e\u200b") {
					t.Fatalf("%q: %s is %q", line, name, v)
				}
			}
		}
		_ = nearest(line)
	})
}

func FuzzText(f *testing.F) {
	f.Add("a title", "text with\nlines and 中文，标点。", 80)
	f.Add(strings.Repeat("长", 200), strings.Repeat("word ", 300), 20)
	f.Fuzz(func(t *testing.T, head, body string, width int) {
		width = 20 + abs(width)%120
		c := Card{Lang: "zh", Parts: []Part{title(Warn, head), text(body), facts(Fact{head, body}), table([]string{head, "b"}, [][]string{{body, head}, {"x"}}), {Kind: PartCode, Text: body},
			progress(head, 3, 2), {Kind: PartPlan, Steps: []PlanStep{{ID: head, Title: body}}}, footnote(head, body)}}
		for _, l := range strings.Split(Text(c, width), "\n") {
			if n := columnsOf(l); n > width {
				t.Fatalf("%d of %d columns: %q", n, width, l)
			}
		}
		fits(t, c.Fit())
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
