package redact

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Text masks a whole text that leaves the house, such as a runbook on its way to a language model.
// It finds all that [Masker.String] finds and, because it sees the text at once, more: secrets under
// the decorations of Markdown, behind invisible or full-width characters, in cells of tables, on the
// line after their name, in Kubernetes manifests, and one-time codes in sentences about them. It is
// for prose: in the output of programs its rules would hide too much. Text that is no secret stays as
// it is, byte for byte.
func (m *Masker) Text(s string) (string, Report) {
	out, report := m.String(s)
	plain := newShadow(out)
	spans := plain.lines()
	spans = append(spans, textTable().find(plain.text)...)
	spans = append(spans, manifests(plain.text)...)
	if m != nil && m.known != nil {
		spans = append(spans, m.known.everywhere(plain.text)...)
	}
	spans = slices.DeleteFunc(spans, func(s span) bool {
		return s.to <= s.from || bytes.Contains(plain.text[s.from:s.to], []byte("[redacted:"))
	})
	spans = merge(spans)
	for i := range spans {
		spans[i].from, spans[i].to = plain.at[spans[i].from], plain.after[spans[i].to-1]
	}
	text, _ := splice(nil, []byte(out), spans, len(out), &report)
	return string(text), report
}

// everywhere finds known values in a text that is there as a whole.
func (x *index) everywhere(text []byte) []span {
	var spans []span
	for pos := x.next(text, 0, len(text)); pos < len(text); pos = x.next(text, pos+1, len(text)) {
		if n := x.at(text[pos:]); n > 0 {
			spans = append(spans, span{from: pos, to: pos + n, rule: Known})
		}
	}
	return spans
}

// shadow is a text as a reader takes it: without invisible characters and emphasis, with one kind of
// dash and ASCII for full-width letters. Byte i of it comes from the original's bytes at[i] to after[i].
type shadow struct {
	text      []byte
	at, after []int
}

func newShadow(s string) shadow {
	sh := shadow{text: make([]byte, 0, len(s)), at: make([]int, 0, len(s)), after: make([]int, 0, len(s))}
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		star := r == '*' && (i+1 < len(s) && s[i+1] == '*' || i > 0 && s[i-1] == '*')
		switch {
		case invisible(r) || r == '`' || star:
			continue
		case r >= 0x2010 && r <= 0x2015 || r == 0x2212 || r == 0xFE58 || r == 0xFE63:
			r = '-'
		case r >= 0xFF01 && r <= 0xFF5E:
			r -= 0xFEE0
		case r >= 0x80 && unicode.IsSpace(r):
			r = ' '
		}
		before := len(sh.text)
		if r == utf8.RuneError {
			sh.text = append(sh.text, s[i:i+n]...)
		} else {
			sh.text = utf8.AppendRune(sh.text, r)
		}
		for range len(sh.text) - before {
			sh.at, sh.after = append(sh.at, i), append(sh.after, i+n)
		}
	}
	return sh
}

// lines applies the rules of streams to the shadow.
func (sh *shadow) lines() []span {
	var spans []span
	from := 0
	for line := range bytes.Lines(sh.text) {
		for _, s := range table().find(line) {
			s.from, s.to = s.from+from, s.to+from
			spans = append(spans, s)
		}
		from += len(line)
	}
	return spans
}

// textShape is a pattern over a whole text; its first group that took part is the secret. It is tried
// where one of its words stands somewhere in the text.
type textShape struct {
	rule, words, pattern string
	accept               func(value []byte) bool
}

const (
	secretNames = `(?:pass(?:word|wd|phrase|code)|pwd|secret|api[ _-]?key|access[ _-]?key|token|credential|密码|口令|密钥|令牌)`
	nameWords   = "pass pwd secret key token credential 密码 口令 密钥 令牌"
	codeNames   = `(?:(?:one[- ]time|verification|verify|security|login|sms|auth\w*|sign[- ]?in|log[- ]?in|access|confirmation|confirm|2fa|mfa|otp|totp|start|release)[ -]+(?:pass)?(?:code|pin)|one[- ]time password|passcode|otp|totp|验证码|校验码|动态码|动态口令|动态密码|安全码|授权码|一次性密码|一次性口令|短信码)`
	codeWords   = "code pin otp one-time 码 口令"
	grouped     = `[0-9a-z]{4}[ -]?[0-9a-z]{4}[ -]?[0-9a-z]{4}(?:[ -]?[0-9a-z*~$=])?\b`
	digitsOnly  = `\d{3}[ -]\d{3,4}\b|\d{4}[ -]\d{4}\b|\d{6,8}\b`
	linked      = `(?:\s+(?:for|to|of|from)\s+[^\s,.;:]+(?:\s[^\s,.;:]+)?)?\s*(?:is now|is|was|=>|->|=|:|,|为|是)?\s*["'“「(]?`
	isNow       = `(?:(?:is|was|has been|=)\s+)?(?:(?:now|changed to|reset to|set to|becomes)\s+)?`
	quotedWord  = `(?:'([^'\n]{4,})'|"([^"\n]{4,})"|([^\s"'|]{6,}))`
)

func textShapes() []textShape {
	const tool = "tool_password"
	return []textShape{
		{"table_cell", nameWords, `(?im)\|[^|\n]*` + secretNames + `[^|\n]*\|\s*([^|\s]{6,})\s*(?:\||$)`, strong},
		{"element", "</", `(?i)<(?:[\w:-]*(?:password|passwd|passphrase|secret|token|api-?key))(?:\s[^<>]*)?>\s*([^<\s]{4,})\s*</`, secretWord},
		{"element", "<td", `(?i)<t[dh][^<>]*>[^<\n]*` + secretNames + `[^<\n]*</t[dh]>\s*<td[^<>]*>\s*([^<\s]{6,})\s*<`, strong},
		{"sentence", "pass pin token secret key", `(?i)\b(?:password|passphrase|passwd|pin code|token|secret|api key)(?:\s+(?:for|of|to|on)\s+(?:[^\s.:]+\s+){1,4}?|\s+)` + isNow + `["']?([^\s"']{6,})`, strong},
		{"sentence", "密码 口令 密钥 令牌", `(?:密码|口令|密钥|令牌)[^\n:，。]{0,12}?(?:是|为|改成|:)\s*["'“「]?([!-~]{6,})`, strong},
		{"next_line", nameWords, `(?im)^[^\w\n]{0,6}[^\n|]{0,24}` + secretNames + `[^\w\n]{0,6}:?[^\w\n]{0,3}\n(?:[ \t]*\n|[ \t]*~{3}\w*\n)?[ \t>*-]*([^\s|]{6,})[ \t]*$`, strong},
		{"one_time_code", codeWords, `(?i)` + codeNames + linked + `(?:(` + digitsOnly + `)|(` + grouped + `))`, hasDigit},
		{"one_time_code", codeWords, `(?i)\b(` + digitsOnly + `)["'”」)]?\s*(?:is|as|=|是|为|\()\s*(?:your|the|my|our|您的|你的|本次)?\s*(?:\w+\s+)?` + codeNames, hasDigit},
		{"recovery_code", "recovery backup scratch rescue 恢复 备用", `(?i)(?:recovery|backup|scratch|rescue|恢复|备用)\s*(?:codes?|码)[^\w\n]{0,4}\s*[*-]?[ \t]*([0-9a-z]{4,10}[ -][0-9a-z]{4,10}(?:(?:[ \t,;、*-]|\n)+[0-9a-z]{4,10}[ -][0-9a-z]{4,10})*(?:-[0-9a-z]{4,6})*)`, hasDigit},
		{"otp_seed", "otpauth", `(?i)otpauth://\S*?[?&]secret=([a-z2-7]{8,})`, whatever},
		{"otp_seed", "otp authenticator 2fa mfa 两步验证 双因素", `(?i)(?:totp|otp|authenticator|2fa|mfa|两步验证|双因素)[^\n]{0,24}?(?:secret|key|seed|密钥|种子)[^\w\n]{0,4}([A-Z2-7]{4}(?:[ -]?[A-Z2-7]{4}){3,})`, whatever},
		{"security_code", "drc", `(?i)\b(drc[\s.:-]{1,3}[0-9a-z]{4}[\s.-]{1,3}[0-9a-z]{4}[\s.-]{1,3}[0-9a-z]{4}(?:[\s.-]{1,3}[0-9a-z*~$=])?)`, codeText},
		{"security_code", "d", `(?i)\b(d[ .-]{0,2}r[ .-]{0,2}c(?:[ .-]{1,3}[0-9a-z]){12,13})\b`, hasDigit},
		{"config_line", "requirepass masterauth bindpw rootpw sasl_passwd auth_pass stats", `(?im)^[ \t>]*(?:requirepass|masterauth|bindpw|rootpw|sasl_passwd|auth_pass|stats auth \S+:)\s+["']?([^\s"']{4,})`, secretWord},
		{"config_line", "password secret", `(?i)\b(?:password|secret)\s+[05-9]\s+([^\s"']{4,})`, secretWord},
		{"config_line", "community", `(?i)\bcommunity\s+([^\s"']{4,})\s+(?:ro|rw)\b`, secretWord},
		{tool, "storepass keypass", `(?i)\s-(?:storepass|keypass|srcstorepass|deststorepass)\s+["']?([^\s"']{4,})`, secretWord},
		{tool, "/pass: /password: /p:", `(?i)\s/(?:pass|password|p):["']?([^\s"']{4,})`, secretWord},
		{tool, "-p", `(?i)\b(?:ipmitool|mongo(?:sh|dump|restore)?|docker\s+login|podman\s+login|psexec|plink|lftp|rabbitmqadmin)\b[^\n|;&]*?\s-(?:p|pw)\s+["']?([^\s"']{4,})`, secretWord},
		{tool, "/user:", `(?i)\bnet\s+use\s+\S+(?:\s+\\\\\S+)?\s+([^\s/*\\][^\s]{3,})\s+/user:`, secretWord},
		{tool, "echo", `(?i)\becho\s+` + quotedWord + `\s*\|\s*(?:sudo\s+(?:-\S+\s+)*-S\b|passwd\s+--stdin|docker\s+login)`, strong},
		{tool, "chpasswd", `(?i)\becho\s+["']?[\w.-]+:([^\s"'|]{4,})["']?\s*\|\s*(?:sudo\s+)?chpasswd`, secretWord},
		{"login_pair", "log sign credential 登录 账号 帐号", `(?i)(?:log(?:ged)?[ -]?in|sign[ -]?in|credentials?|登录|账号|帐号)[^\n]{0,24}?[\s:](?:\[redacted:\w+\]|[a-z][\w.-]{1,24})\s*/\s*([^\s/,;，。]{6,})`, strong},
		{"api_token", "s.", `\b(s\.[A-Za-z0-9]{24})\b`, hasDigit},
		{"api_token", "dop_v1_ shpat_ xkeysib- sq0csp- eaac ya29. age-secret-key-1 pmak- dapi lin_api_ figd_ sntrys_", `\b((?:dop_v1_|shpat_|xkeysib-|sq0csp-|EAAC|ya29\.|AGE-SECRET-KEY-1|PMAK-|dapi|lin_api_|figd_|sntrys_)[A-Za-z0-9_-]{24,})`, hasDigit},
	}
}

// textRules are the compiled shapes and the automaton that says which of them to try.
type textRules struct {
	shapes []textShape
	exprs  []*regexp.Regexp
	words  automaton
}

// textTable compiles once; it never changes afterwards.
var textTable = sync.OnceValue(func() *textRules {
	t := &textRules{shapes: textShapes()}
	byWord := map[string]uint64{}
	for i, s := range t.shapes {
		t.exprs = append(t.exprs, regexp.MustCompile(s.pattern))
		for w := range strings.FieldsSeq(s.words) {
			byWord[w] |= 1 << i
		}
	}
	t.words = newAutomaton(byWord)
	return t
})

func (t *textRules) find(text []byte) []span {
	var spans []span
	live, state := uint64(0), uint16(0)
	for _, c := range text {
		state = t.words.next[state][c]
		for _, hit := range t.words.hits[state] {
			live |= hit.shapes
		}
	}
	for ; live != 0; live &= live - 1 {
		i := lowest(live)
		for _, loc := range t.exprs[i].FindAllSubmatchIndex(text, -1) {
			g := 2
			for g < len(loc) && loc[g] < 0 {
				g += 2
			}
			if from, to := unquote(text, loc[g], loc[g+1]); t.shapes[i].accept(text[from:to]) {
				spans = append(spans, span{from: from, to: to, shape: 1<<8 + i, rule: t.shapes[i].rule})
			}
		}
	}
	return spans
}

// manifests finds the values of Kubernetes secrets: everything below data or stringData in a document
// of that kind.
func manifests(text []byte) []span {
	var spans []span
	from, depth, secret := 0, -1, secretKind.Match(document(text))
	for line := range bytes.Lines(text) {
		indent := len(line) - len(bytes.TrimLeft(line, " \t"))
		loc := pair.FindSubmatchIndex(line)
		switch {
		case bytes.HasPrefix(line, []byte("---")):
			depth, secret = -1, secretKind.Match(document(text[from+len(line):]))
		case dataKey.Match(line):
			depth = indent
		case indent <= depth && len(bytes.TrimSpace(line)) > 0:
			depth = -1
		case secret && depth >= 0 && loc != nil && secretWord(line[loc[2]:loc[3]]):
			spans = append(spans, span{from: from + loc[2], to: from + loc[3], rule: "manifest"})
		}
		from += len(line)
	}
	return spans
}

// document is a text up to the next line that begins another YAML document.
func document(text []byte) []byte {
	before, _, _ := bytes.Cut(text, []byte("\n---"))
	return before
}

var (
	secretKind = regexp.MustCompile(`(?m)^[ \t>]*kind:[ \t]*["']?Secret\b`)
	dataKey    = regexp.MustCompile(`^[ \t>]*(?:data|stringData):[ \t]*\r?\n?$`)
	pair       = regexp.MustCompile(`^[ \t]+[\w.-]+:[ \t]*["']?([^\s"']{4,})`)
)

// strong wants what a person would take for a password: six signs or more, not a plain word or number.
func strong(v []byte) bool {
	if len(v) < 6 || !secretWord(v) {
		return false
	}
	letters, digits, signs := 0, 0, 0
	for _, c := range bytes.TrimRight(v, ".,;:)!?") {
		switch {
		case digit(c):
			digits++
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case c < 0x80:
			signs++
		}
	}
	return letters > 0 && (digits > 0 || bytes.ContainsAny(v, "!@#$%^&*=+~")) && letters+digits+signs >= 6 && !dated.Match(v)
}

// dated are words with figures that are no passwords: dates, durations, versions, names of nodes and links.
var dated = regexp.MustCompile(`(?i)^(?:\d{4}-\d\d-\d\d.*|v?\d+(?:\.\d+)+.*|\d+(?:ms|s|m|h|d|days?|hours?|minutes?)\.?|https?://.*|[a-z]+(?:-[a-z0-9]{1,4})+|[\w.-]+\.(?:ya?ml|json|conf|md|txt|pem|key|sh)[.,;:)]*|[a-z]+\d{1,2}[.,;:)]*|[A-Z]{2,5}-\d{1,6}[.,;:)]*|.*\(\)|\[.*)$`)

func hasDigit(v []byte) bool { return bytes.ContainsAny(v, "0123456789") }

// codeText also takes a code of letters only when it stands in capitals.
func codeText(v []byte) bool { return codeShape(v) || bytes.Equal(v, bytes.ToUpper(v)) }

func whatever([]byte) bool { return true }
