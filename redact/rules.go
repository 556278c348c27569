package redact

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Rule is one shape of a secret.
type Rule struct {
	ID  string // stands in the mark and in the report
	Doc string // what it finds
}

// Rules lists every shape, in the order of the code.
func Rules() []Rule {
	var out []Rule
	for _, s := range shapes() {
		if len(out) == 0 || out[len(out)-1].ID != s.id {
			out = append(out, Rule{ID: s.id, Doc: s.doc})
		}
	}
	return out
}

// stops end a value that was longer than the window.
const stops = " \t\r\n\"'`;<>"

// keyLimit is how many bytes after BEGIN may belong to a private key; the longest in use have
// fewer than 13,000.
const keyLimit = 16 << 10

// shape is a pattern with what it needs to be worth trying.
type shape struct {
	id, doc string
	words   string // lower case, separated by blanks: one must be in the line; "": a long number must be
	pattern string // the first group that took part is the secret; without one, the whole match
	accept  func(value []byte) bool
	numbers func(line []byte) [][2]int // instead of a pattern
	open    bool                       // the secret goes on in the following lines
}

const (
	value   = `(\\"(?:[^"\\\r\n]|\\[^"\r\n])*(?:\\"|$)|"(?:[^"\\\r\n]|\\.)*"?|'[^'\r\n]*'?|[^\s"';]*[^\s"',;}\])])` // after = or :
	word    = `("[^"\r\n]*"?|'[^'\r\n]*'?|[^\s"';|&]+)`                                                             // an argument of a command
	names   = `(?:password|passwd|passphrase|passwort|secret|api[_-]?key|apikey|access[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|session[_-]?token|client[_-]?secret|private[_-]?key|secret[_-]?key|encryption[_-]?key|credentials?|pin[_-]?code)`
	pass    = `pass secret key token credential pin_code pin-code pincode`
	keyHead = `-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----`
)

// shapes are ordered: where two overlap the one that begins first names the mark.
func shapes() []shape {
	return slices.Concat(keyShapes(), assignmentShapes(), headerShapes(), commandShapes(), tokenShapes(), numberShapes())
}

func keyShapes() []shape {
	return []shape{
		{id: "private_key", doc: "a private key in PEM or OpenPGP armour", words: "private",
			pattern: keyHead + `(?:.*?-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)`},
		{id: "private_key", words: "private", pattern: keyHead + `[^\r\n]*`, open: true},
	}
}

func assignmentShapes() []shape {
	return []shape{
		{id: "url_userinfo", doc: "the password in a URL such as postgres://user:password@host", words: "://",
			pattern: `(?i)\b[a-z][a-z0-9+.-]{1,30}://[^\s/:@"'<>]*:([^\s/"'<>]+)@`, accept: secretWord},
		{id: "dsn", doc: "the password in user:password@tcp(host)", words: "@tcp( @unix(",
			pattern: `(?i)[\w.-]+:([^\s"'/]+)@(?:tcp|unix)\(`, accept: secretWord},
		{id: "env_password", doc: "an assignment such as PGPASSWORD=…, DB_TOKEN=…, MYSQL_PWD=…", words: pass + " pwd",
			pattern: `(?i)\b(?:[a-z0-9_]*(?:password|passwd|passphrase|secret|api_?key|access_?key|private_?key|secret_?key|credentials?)|[a-z0-9_]*_(?:pwd|pass|token|key)|token)=` + value, accept: secretWord},
		{id: "ado_password", doc: "Password=…; or Pwd=…; in a connection string", words: "pwd",
			pattern: `(?i);\s*pwd\s*=\s*([^;"'\r\n]+)`, accept: secretWord},
		{id: "named_value", doc: `a field named like a secret: "password": "…", api_key: …, secret = …`, words: pass,
			pattern: `(?i)["']?\b[a-z0-9_.-]{0,40}` + names + `\\?["']?\s{0,4}(?:[:=]|=>|:=)\s{0,4}` + value, accept: secretWord},
		{id: "chinese_value", doc: "密码：…, 口令为…, 密钥=…, 令牌是…", words: "密码 口令 密钥 令牌",
			pattern: `(?:密码|口令|密钥|令牌)\s{0,4}(?:是|为|[:：=])\s{0,4}["'“「]?([!-~]{3,})`, accept: secretWord},
		{id: "query_secret", doc: "a secret in the query of a URL", words: "token= key= sig= signature= password= secret= credential=",
			pattern: `(?i)[?&](?:access_token|auth_token|token|api_?key|key|sig|signature|password|passwd|secret|x-amz-(?:signature|security-token|credential))=([^\s&"'#<>]+)`, accept: secretWord},
		{id: "identified_by", doc: "SQL that sets a password: IDENTIFIED BY …, PASSWORD '…'", words: "identified password",
			pattern: `(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?` + value},
		{id: "identified_by", words: "password",
			pattern: `(?i)\bpassword\s*\(?\s*('(?:[^'\r\n]|'')*'?)`},
		{id: "identified_by", words: "password",
			pattern: `(?i)\bset\s+password\b[^=\r\n]*=\s*` + value},
		{id: "netrc", doc: "a password line of .netrc or .pgpass", words: "login",
			pattern: `(?i)\blogin\s+\S+\s+password\s+(\S+)`},
		{id: "netrc", words: ":",
			pattern: `^[\w.*/-]+:(?:\d{4,5}|\*):[\w.*-]+:[\w.*-]+:([^\s:]{4,})\s*$`},
	}
}

func headerShapes() []shape {
	return []shape{
		{id: "authorization", doc: "an Authorization or Proxy-Authorization header", words: "authorization",
			pattern: `(?i)\b(?:proxy-)?authorization["']?\s{0,4}[:=]\s{0,4}["']?([^"'\r\n]+)`, accept: credentials},
		{id: "auth_header", doc: "a header that carries a key: X-Api-Key, X-Vault-Token …", words: "x-",
			pattern: `(?i)\bx-(?:[a-z]+-)*(?:api-?key|token|secret|signature)["']?\s{0,4}[:=]\s{0,4}["']?([^\s"',]+)`, accept: secretWord},
		{id: "cookie", doc: "a Cookie or Set-Cookie header", words: "cookie",
			pattern: `(?i)\b(?:set-)?cookie["']?:\s{0,4}["']?([^\s"']+=[^"'\r\n]+)`},
		{id: "bearer", doc: "a bearer token", words: "bearer",
			pattern: `(?i)\bbearer\s+([a-z0-9._~+/=-]{8,})`, accept: mixed},
	}
}

func commandShapes() []shape {
	return []shape{
		{id: "password_flag", doc: "--password=…, --token …, --secret-key …", words: "--",
			pattern: `(?i)(?:^|[\s"'\[,])--?[a-z0-9-]*(?:password|passwd|passphrase|secret|token|api-?key|access-?key|secret-?key|auth-?key)["']?(?:=|\s+|,\s*)` + word, accept: flagValue},
		{id: "mysql_p", doc: "mysql -p…, sshpass -p …", words: "mysql mariadb xtrabackup",
			pattern: `\b(?:mysql|mariadb|xtrabackup|mariabackup)[a-z_-]*\b[^\r\n|;&]*?\s-p` + word},
		{id: "mysql_p", words: "sshpass", pattern: `\bsshpass\s+(?:-\S+\s+)*?-p\s*` + word},
		{id: "tool_password", doc: "the password argument of redis-cli, curl, ldap*, sqlcmd, sqlplus, smbclient, htpasswd, openssl",
			words: "redis-cli", pattern: `\bredis-cli\b[^\r\n|;&]*?\s-a\s*` + word},
		{id: "tool_password", words: "curl wget", pattern: `\b(?:curl|wget)\b[^\r\n|;&]*?\s(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']+:([^\s"']+)`},
		{id: "tool_password", words: "ldap", pattern: `\bldap[a-z]+\b[^\r\n|;&]*?\s-w\s*` + word},
		{id: "tool_password", words: "sqlcmd isql osql bcp", pattern: `\b(?:sqlcmd|isql|osql|bcp)\b[^\r\n|;&]*?\s-P\s*` + word},
		{id: "tool_password", words: "sqlplus expdp impdp rman sqlldr", pattern: `\b(?:sqlplus|expdp|impdp|rman|sqlldr)\b[^\r\n]*?[\s"'=]\w+/([^\s@"'/]+)@`},
		{id: "tool_password", words: "smbclient mount.cifs rpcclient", pattern: `\b(?:smbclient|rpcclient|mount\.cifs)\b[^\r\n|;&]*?\s-U\s*["']?[^\s%"']+%([^\s"']+)`},
		{id: "tool_password", words: "htpasswd", pattern: `\bhtpasswd\s+(?:-\S+\s+)*-\w*b\w*\s+\S+\s+\S+\s+` + word},
		{id: "tool_password", words: "pass:", pattern: `\s-(?:pass|passin|passout|k)\s+["']?pass:([^\s"']+)`},
	}
}

func tokenShapes() []shape {
	return []shape{
		{id: "jwt", doc: "a JSON web token", words: "eyj",
			pattern: `\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*`},
		{id: "cloud_key", doc: "an access key of AWS, Alibaba Cloud, Tencent Cloud, Google", words: "akia asia abia acca ltai akid aiza",
			pattern: `\b(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{13,40}|AIza[A-Za-z0-9_-]{35})`},
		{id: "cloud_key", words: "aws", pattern: `(?i)aws[^\r\n]{0,30}(?:secret|sk)[^\r\n]{0,30}?[^a-z0-9/+]([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)`},
		{id: "slack_token", doc: "a Slack token", words: "xox xapp-",
			pattern: `\b(?:xox[a-z]|xapp|xoxe\.xox[bp])-[A-Za-z0-9-]{10,}`},
		{id: "git_token", doc: "a token of GitHub, GitLab, npm, PyPI", words: "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- npm_ pypi-",
			pattern: `\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt)-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,})`},
		{id: "api_token", doc: "a key of Stripe, OpenAI, SendGrid, Vault, Hugging Face, Grafana", words: "sk_ rk_ sk- sg. hvs. hvb. hvr. hf_ glsa_",
			pattern: `\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|glsa_[A-Za-z0-9_]{20,})`},
		{id: "hook_url", doc: "the secret part of a chat webhook", words: "hooks.slack.com webhook/send bot/v2/hook robot/send",
			pattern: `(?i)(?:hooks\.slack\.com/(?:services|workflows|triggers)/|webhook/send\?key=|bot/v2/hook/|robot/send\?access_token=)([A-Za-z0-9/_-]+)`},
		{id: "password_hash", doc: "a password hash of crypt, bcrypt or Argon2", words: "$1$ $2a$ $2b$ $2y$ $5$ $6$ $y$ $argon2",
			pattern: `\$(?:1|2[aby]|5|6|y|argon2(?:id|i|d))\$[./A-Za-z0-9$,=+-]{20,}`},
		{id: "security_code", doc: "a security code of Switchman", words: "drc",
			pattern: `(?i)\bDRC[- ]?[0-9a-z]{4}[- ]?[0-9a-z]{4}[- ]?[0-9a-z]{4}(?:[- ]?[0-9a-z*~$=])?`, accept: codeShape},
	}
}

func numberShapes() []shape {
	return []shape{
		{id: "card_number", doc: "a payment card number (right length, issuer and check digit)",
			numbers: cards},
		{id: "identity_card", doc: "a Chinese identity card number (right region, date and check symbol)",
			numbers: identityCards},
	}
}

// span is a secret found in a line.
type span struct {
	from, to int
	rule     string
	open     bool
}

// rules are the compiled shapes and the automaton that tells which of them a line is worth.
type rules struct {
	shapes []shape
	exprs  []*regexp.Regexp
	words  automaton
	digits uint64 // shapes without words
}

// table compiles once; it never changes afterwards.
var table = sync.OnceValue(func() *rules {
	t := &rules{shapes: shapes()}
	byWord := map[string]uint64{}
	for i, s := range t.shapes {
		t.exprs = append(t.exprs, nil)
		if s.numbers == nil {
			t.exprs[i] = regexp.MustCompile(s.pattern)
		}
		if s.words == "" {
			t.digits |= 1 << i
			continue
		}
		for _, w := range strings.Fields(s.words) {
			byWord[w] |= 1 << i
		}
	}
	t.words = newAutomaton(byWord)
	return t
})

var (
	keyEnd  = regexp.MustCompile(`-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----`)
	keyBody = regexp.MustCompile(`^(?:[A-Za-z0-9+/=\s]*|(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): [^\r\n]*\s*)$`)
)

// find returns the secrets of a line, in order and without overlaps.
func (t *rules) find(line []byte) []span {
	hits := t.words.scan(line)
	if manyDigits(line) {
		hits |= t.digits
	}
	if hits == 0 {
		return nil
	}
	var spans []span
	for i := range t.shapes {
		if hits&(1<<i) != 0 {
			spans = t.match(spans, i, line)
		}
	}
	return merge(spans)
}

func (t *rules) match(spans []span, i int, line []byte) []span {
	s := &t.shapes[i]
	if s.numbers != nil {
		for _, n := range s.numbers(line) {
			spans = append(spans, span{from: n[0], to: n[1], rule: s.id})
		}
		return spans
	}
	for at := 0; at < len(line); {
		loc := t.exprs[i].FindSubmatchIndex(line[at:])
		if loc == nil {
			break
		}
		first, from, to := loc[0]+at, loc[0]+at, loc[1]+at
		for g := 2; g < len(loc); g += 2 {
			if loc[g] >= 0 {
				from, to = loc[g]+at, loc[g+1]+at
				break
			}
		}
		at = max(to, first+1)
		value, end := unquote(line, from, to)
		if end > value && !marked(line[value:end]) && (s.accept == nil || s.accept(line[value:end])) {
			spans = append(spans, span{from: value, to: end, rule: s.id, open: s.open})
		} else if last := line[to-1]; last == ':' || last == '=' {
			at = max(from, first+1) // "password: token: …": what was refused is the name of the next one
		}
		if s.pattern[0] == '^' {
			break
		}
	}
	return spans
}

// merge sorts spans and joins those that overlap; the first names the mark.
func merge(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return a.from - b.from })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from < out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			out[n-1].open = out[n-1].open || s.open
			continue
		}
		out = append(out, s)
	}
	return out
}

// unquote leaves the quotation marks around a value in place, so that a masked file stays
// readable as what it is.
func unquote(line []byte, from, to int) (int, int) {
	for _, q := range []string{`\"`, `"`, `'`} {
		if !bytes.HasPrefix(line[from:to], []byte(q)) {
			continue
		}
		from += len(q)
		if bytes.HasSuffix(line[from:to], []byte(q)) {
			to -= len(q)
		}
		break
	}
	return from, to
}

// marked reports whether a value is already a mark.
func marked(v []byte) bool {
	return bytes.HasPrefix(v, []byte("[redacted:")) && bytes.IndexByte(v, ']') == len(v)-1
}
