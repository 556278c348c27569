package bot

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

// maxTyped bounds a command; longer text is an accident or an attack.
const maxTyped = 8000

// command is one word people type. Wants names what follows it, in order; the last of them takes the rest
// of the line where it ends in "…". A help text bot_help_NAME says what it is for.
type command struct {
	name    string
	aliases []string // in any language; the first Chinese one is shown in Chinese help
	verb    dr.Verb  // of the engine; empty for what only looks
	wants   []string // run step person check verdict plan mode text…
	example string
}

// commands is the table of words, in the order help shows them.
func commands() []command {
	return []command{
		{"ask", []string{"问", "提问"}, "", []string{"text…"}, "ask how do I stop replication lag"},
		{"plans", []string{"plan", "预案"}, "", []string{"plan", "mode"}, "plans bank-switchover"},
		{"situation", []string{"situations", "alerts", "态势"}, "", []string{"situation", "text…"}, "situation s1126-4f9q"},
		{"status", []string{"show", "run", "runs", "状态"}, "", []string{"run"}, "status r1126-7k2m"},
		{"request", []string{"申请"}, dr.VerbRequest, []string{"plan", "mode", "text…"}, "request bank-switchover drill \"spring drill\""},
		{"approve", []string{"批准"}, dr.VerbApprove, []string{"run"}, "approve r1126-7k2m"},
		{"deny", []string{"否决"}, dr.VerbDeny, []string{"run", "text…"}, "deny r1126-7k2m the batch still runs"},
		{"withdraw", []string{"撤回"}, dr.VerbWithdraw, []string{"run"}, "withdraw r1126-7k2m"},
		{"code", []string{"安全码", "签发"}, dr.VerbIssue, []string{"run"}, "code r1126-7k2m"},
		{"start", []string{"启动"}, dr.VerbStart, []string{"run"}, "start r1126-7k2m"},
		{"pause", []string{"暂停"}, dr.VerbPause, []string{"run", "text…"}, "pause r1126-7k2m"},
		{"resume", []string{"恢复"}, dr.VerbResume, []string{"run", "text…"}, "resume r1126-7k2m"},
		{"cancel", []string{"取消"}, dr.VerbCancel, []string{"run", "text…"}, "cancel r1126-7k2m wrong plan"},
		{"abort", []string{"中止"}, dr.VerbAbort, []string{"run", "text…"}, "abort r1126-7k2m link is down"},
		{"rollback", []string{"回退"}, dr.VerbRollback, []string{"run", "text…"}, "rollback r1126-7k2m counts differ"},
		{"force", []string{"强制", "强制切换"}, dr.VerbForce, []string{"run", "text…"}, "force r1126-7k2m --systems ledger east is lost"},
		{"switchback", []string{"回切"}, dr.VerbSwitchback, []string{"run", "text…"}, "switchback r1126-7k2m the day is over"},
		{"close", []string{"关闭"}, dr.VerbClose, []string{"run", "text…"}, "close r1126-7k2m we stay in the west"},
		{"handover", []string{"移交", "移交指挥"}, dr.VerbHandover, []string{"run", "person", "text…"}, "handover r1126-7k2m huang"},
		{"accept", []string{"接受", "接受指挥"}, dr.VerbAccept, []string{"run"}, "accept r1126-7k2m"},
		{"continue", []string{"继续"}, dr.VerbContinue, []string{"run", "step", "text…"}, "continue r1126-7k2m promote@ledger-db-w1"},
		{"retry", []string{"重试"}, dr.VerbRetry, []string{"run", "step", "text…"}, "retry r1126-7k2m warm@payments-cache-w1"},
		{"skip", []string{"跳过"}, dr.VerbSkip, []string{"run", "step", "text…"}, "skip r1126-7k2m tell-branches they know"},
		{"done", []string{"完成"}, dr.VerbDone, []string{"run", "step", "text…"}, "done r1126-7k2m call-branches"},
		{"decide", []string{"裁定"}, dr.VerbDecide, []string{"run", "step", "verdict", "text…"}, "decide r1126-7k2m promote@ledger-db-w1 done I looked"},
		{"override", []string{"豁免"}, dr.VerbOverride, []string{"run", "check", "text…"}, "override r1126-7k2m window:ledger the batch is over"},
		{"preflight", []string{"预检"}, dr.VerbPreflight, []string{"run"}, "preflight r1126-7k2m"},
		{"order", []string{"下令"}, dr.VerbOrder, []string{"run"}, "order r1126-7k2m"},
		{"observe", []string{"观察"}, dr.VerbObserve, []string{"run", "text…"}, "observe r1126-7k2m branches noticed nothing"},
		{"finding", []string{"发现", "发现项"}, dr.VerbFinding, []string{"run", "text…"}, "finding r1126-7k2m DNS took 40 s --owner chen --due 2026-12-31"},
		{"sign_off", []string{"sign-off", "signoff", "签署"}, dr.VerbSignOff, []string{"run", "text…"}, "sign_off r1126-7k2m seen and agreed"},
		{"site", []string{"sites", "站点"}, "", []string{"text…"}, "site take west east lost its power"},
		{"report", []string{"报告"}, "", []string{"run"}, "report r1126-7k2m"},
		{"help", []string{"帮助", "?", "？"}, "", []string{"text…"}, "help request"},
	}
}

// find looks a word up, by name or alias.
func find(word string) (command, bool) {
	word = strings.ToLower(word)
	for _, c := range commands() {
		if c.name == word || slices.Contains(c.aliases, word) || strings.ReplaceAll(c.name, "_", "-") == word {
			return c, true
		}
	}
	return command{}, false
}

// typed is a command line, read.
type typed struct {
	command command
	args    map[string]string // by what the command wants: run, step, text …
	options map[string]string // --name value
}

func (t typed) get(name string) string {
	if v, ok := t.options[name]; ok {
		return v
	}
	return t.args[name]
}

// reason is why somebody does it, however it was given.
func (t typed) reason() string {
	if v := t.options["reason"]; v != "" {
		return v
	}
	if v := t.options["text"]; v != "" {
		return v
	}
	return t.args["text"]
}

// options people may give by name, anywhere on the line.
func optionNames() []string {
	return []string{"reason", "mode", "systems", "to", "verdict", "text", "owner", "due", "retest", "check", "step", "channel", "system", "plan", "profile", "run"}
}

// parse reads a line. An empty one is help.
func parse(text string) (typed, *dr.Error) {
	t := typed{args: map[string]string{}, options: map[string]string{}}
	if len(text) > maxTyped {
		return t, &dr.Error{Kind: dr.Usage, ID: "bot_too_long"}
	}
	text = strings.TrimSpace(clean(text))
	for _, own := range []string{"/dr", "／dr"} {
		if rest, ok := strings.CutPrefix(text, own); ok && (rest == "" || unicode.IsSpace([]rune(rest)[0])) {
			text = strings.TrimSpace(rest)
		}
	}
	if text == "" {
		t.command, _ = find("help")
		return t, nil
	}
	first, rest := firstWord(text)
	c, ok := find(first)
	if !ok {
		return t, unknownCommand(first)
	}
	t.command = c
	if c.name == "ask" { // a question is taken as it stands, quotes and dashes too
		t.args["text"] = rest
		return t, nil
	}
	words, err := split(rest)
	if err != nil {
		return t, err
	}
	free, err := t.takeOptions(words)
	if err != nil {
		return t, err
	}
	t.place(free)
	return t, nil
}

func firstWord(s string) (first, rest string) {
	at := strings.IndexFunc(s, unicode.IsSpace)
	if at < 0 {
		return s, ""
	}
	return s[:at], strings.TrimSpace(s[at:])
}

// takeOptions moves --name value, --name=value and name=value out of the words. A word in quotes is never
// an option.
func (t *typed) takeOptions(words []word) (free []string, _ *dr.Error) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		name, dashed := strings.CutPrefix(w.text, "--")
		name, value, given := strings.Cut(name, "=")
		name = strings.ToLower(name)
		switch {
		case w.quoted || !dashed && !given || name == "":
			free = append(free, w.text)
		case !slices.Contains(optionNames(), name):
			if dashed {
				return nil, &dr.Error{Kind: dr.Usage, ID: "bot_option_unknown", Args: dr.Args{"option": clip(name, 30), "command": t.command.name}}
			}
			free = append(free, w.text)
		case given:
			t.options[name] = value
		case i+1 < len(words):
			i++
			t.options[name] = words[i].text
		default:
			return nil, &dr.Error{Kind: dr.Usage, ID: "bot_option_empty", Args: dr.Args{"option": name}}
		}
	}
	return free, nil
}

// place gives the free words to what the command wants. A run and a plan's mode may be left out: a word
// that cannot be one goes to what comes next.
func (t *typed) place(free []string) {
	for _, want := range t.command.wants {
		name, rest := strings.CutSuffix(want, "…")
		if t.options[name] != "" && !rest {
			continue
		}
		switch {
		case len(free) == 0:
			return
		case rest:
			t.args[name] = strings.Join(free, " ")
			return
		case name == "run" && !looksLikeRun(free[0]) && len(t.command.wants) > 1:
			continue
		case name == "mode" && !slices.Contains(dr.Modes(), dr.Mode(strings.ReplaceAll(strings.ToLower(free[0]), "-", "_"))):
			continue
		}
		t.args[name] = free[0]
		free = free[1:]
	}
}

// looksLikeRun knows ids such as r1126-7k2m.
func looksLikeRun(s string) bool {
	return len(s) > 1 && len(s) < 40 && (s[0] == 'r' || s[0] == 'R') && s[1] >= '0' && s[1] <= '9'
}

// word is one piece of a line.
type word struct {
	text   string
	quoted bool
}

// closing is the mark that ends what a mark begins; text in between is one word. An apostrophe inside a
// word begins nothing.
func closing(open rune) rune {
	switch open {
	case '"', '＂':
		return open
	case '\'':
		return '\''
	case '“', '”', '„':
		return '”'
	case '‘':
		return '’'
	case '「':
		return '」'
	case '《':
		return '》'
	}
	return 0
}

// split cuts a line into words, what is in quotes being one.
func split(s string) ([]word, *dr.Error) {
	var out []word
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != ""; s = strings.TrimLeftFunc(s, unicode.IsSpace) {
		name := ""
		if dashes, rest, ok := strings.Cut(s, "="); ok && !strings.ContainsFunc(dashes, func(r rune) bool { return unicode.IsSpace(r) || closing(r) != 0 }) {
			if r, _ := utf8.DecodeRuneInString(rest); closing(r) != 0 { // --reason="two words"
				name, s = dashes+"=", rest
			}
		}
		r, size := utf8.DecodeRuneInString(s)
		end := closing(r)
		if end == 0 {
			at := strings.IndexFunc(s, unicode.IsSpace)
			if at < 0 {
				at = len(s)
			}
			out, s = append(out, word{text: s[:at]}), s[at:]
			continue
		}
		at := strings.IndexRune(s[size:], end)
		if at < 0 && r == '“' {
			at = strings.IndexRune(s[size:], '“') // some keyboards give the same mark twice
		}
		if at < 0 {
			return nil, &dr.Error{Kind: dr.Usage, ID: "bot_quote_open", Args: dr.Args{"quote": string(r)}}
		}
		_, closed := utf8.DecodeRuneInString(s[size+at:])
		out = append(out, word{text: name + s[size:size+at], quoted: name == ""})
		s = s[size+at+closed:]
	}
	return out, nil
}

// unknownCommand names the nearest word there is.
func unknownCommand(given string) *dr.Error {
	shown := clipLine(given, 30)
	if near := nearest(given); near != "" {
		return &dr.Error{Kind: dr.Usage, ID: "bot_command_typo", Args: dr.Args{"given": shown, "near": near}}
	}
	return &dr.Error{Kind: dr.Usage, ID: "bot_command_unknown", Args: dr.Args{"given": shown}}
}

// nearest finds the command a slip of the finger away; a word that is as near to two is near to none.
func nearest(given string) string {
	given = strings.ToLower(given)
	if utf8.RuneCountInString(given) > 20 || utf8.RuneCountInString(given) < 2 {
		return ""
	}
	best, least, tie := "", 3, false
	for _, c := range commands() {
		for _, name := range append([]string{c.name}, c.aliases...) {
			d := distance(given, name)
			if d > max(1, len([]rune(name))/3) {
				continue
			}
			switch {
			case d < least:
				best, least, tie = c.name, d, false
			case d == least && best != c.name:
				tie = true
			}
		}
	}
	if tie {
		return ""
	}
	return best
}

// distance counts insertions, deletions, replacements and swaps of neighbours.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, now := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(y)]
}
