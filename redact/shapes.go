package redact

import (
	"slices"
	"strings"
)

// shape is a pattern with the words it begins at. Only where one of its words stands in a line is the
// pattern tried, and only from there on: ordinary output costs one pass over its bytes.
type shape struct {
	id, doc string
	words   string                         // lower case, separated by blanks; "": tried where a line has a long number
	pattern string                         // begins at the word; the first group that took part is the secret, without one the whole match
	fold    bool                           // without regard to ASCII case
	behind  func(line []byte, at int) bool // what must be true of the bytes before the word
	accept  func(value []byte) bool        // what must be true of the secret
	scan    func(line []byte) [][2]int     // instead of a pattern
	look    int                            // bytes the pattern may look at; 0: defaultLook
	open    bool                           // the secret goes on in the following lines
}

// defaultLook bounds how far behind its word a secret may begin. A value that reaches the bound is
// followed to its end.
const defaultLook = 512

const (
	value    = `(\\"(?:[^"\\\r\n]|\\[^"\r\n])*(?:\\"|$)|"(?:[^"\\\r\n]|\\.)*"?|'[^'\r\n]*'?|[^\s"';]*[^\s"',;}\])])` // after = or :
	argument = `("[^"\r\n]*"?|'[^'\r\n]*'?|[^\s"';|&]+)`                                                             // of a command
	names    = `(?:pass(?:word|wd|phrase|wort)|secret(?:[_-]?key)?|api[_-]?key|access[_-]?key|(?:access|auth|refresh|session)[_-]?token|client[_-]?secret|(?:private|encryption)[_-]?key|credentials?|pin[_-]?code)`
	keyHead  = `-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----`
	toOption = `[a-z_-]*\b[^\r\n|;&]*?\s`
)

// shapes are ordered: where two overlap the one that begins first names the mark.
func shapes() []shape {
	return slices.Concat(keyShapes(), assignmentShapes(), headerShapes(), commandShapes(), tokenShapes(), numberShapes())
}

func keyShapes() []shape {
	return []shape{
		{id: "private_key", doc: "a private key in PEM or OpenPGP armour", words: "-----begin", look: keyLimit,
			pattern: keyHead + `(?:.*?-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)`},
		{id: "private_key", words: "-----begin", look: keyLimit, pattern: keyHead + `[^\r\n]*`, open: true},
	}
}

func assignmentShapes() []shape {
	return []shape{
		{id: "url_userinfo", doc: "the password in a URL such as postgres://user:password@host", words: "://",
			pattern: `://[^\s/:@"'<>]*:([^\s/"'<>]+)@`, accept: secretWord},
		{id: "dsn", doc: "the password in user:password@tcp(host)", words: "@tcp( @unix(", scan: dsnPasswords},
		{id: "env_password", doc: "an assignment such as PGPASSWORD=…, DB_TOKEN=…, MYSQL_PWD=…", fold: true,
			words:   "password passwd passphrase secret api_key apikey access_key accesskey private_key privatekey credential _pwd _pass _token _key",
			pattern: `(?:password|passwd|passphrase|secret(?:_?key)?|api_?key|access_?key|private_?key|credentials?|_pwd|_pass|_token|_key)=` + value, accept: secretWord},
		{id: "env_password", fold: true, words: "token", pattern: `token=` + value, behind: wordStart, accept: secretWord},
		{id: "ado_password", doc: "Pwd=…; in a connection string", fold: true, words: ";", pattern: `;\s*pwd\s*=\s*([^;"'\r\n]+)`, accept: secretWord},
		{id: "named_value", doc: `a field named like a secret: "password": "…", api_key: …, secret = …`, fold: true,
			words:   "pass secret api access auth refresh session client private encryption credential pin",
			pattern: names + `\\?["']?\s{0,4}(?:[:=]|=>|:=)\s{0,4}` + value, accept: secretWord},
		{id: "chinese_value", doc: "密码：…, 口令为…, 密钥=…, 令牌是…", words: "密码 口令 密钥 令牌",
			pattern: `(?:密码|口令|密钥|令牌)\s{0,4}(?:是|为|[:：=])\s{0,4}["'“「]?([!-~]{3,})`, accept: secretWord},
		{id: "query_secret", doc: "a secret in the query of a URL", fold: true,
			words:   inQuery("access_token auth_token token api_key apikey key sig signature password passwd secret x-amz-signature x-amz-security-token x-amz-credential"),
			pattern: `[?&][a-z_-]+=([^\s&"'#<>]+)`, accept: secretWord},
		{id: "identified_by", doc: "SQL that sets a password: IDENTIFIED BY …, PASSWORD '…'", fold: true, words: "identified",
			pattern: `identified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?` + value},
		{id: "identified_by", fold: true, words: "password", behind: wordStart, pattern: `password\s*\(?\s*('(?:[^'\r\n]|'')*'?)`},
		{id: "identified_by", fold: true, words: "set", behind: wordStart, pattern: `set\s+password\b[^=\r\n]*=\s*` + value},
		{id: "netrc", doc: "a password line of .netrc or .pgpass", fold: true, words: "login", pattern: `login\s+\S+\s+password\s+(\S+)`},
		{id: "netrc", words: ":", scan: pgpassLine},
	}
}

func inQuery(names string) string {
	var out []string
	for name := range strings.FieldsSeq(names) {
		out = append(out, "?"+name+"=", "&"+name+"=")
	}
	return strings.Join(out, " ")
}

func headerShapes() []shape {
	return []shape{
		{id: "authorization", doc: "an Authorization or Proxy-Authorization header", fold: true, words: "authorization",
			pattern: `authorization["']?\s{0,4}[:=]\s{0,4}["']?([^"'\r\n]+)`, accept: credentials},
		{id: "auth_header", doc: "a header that carries a key: X-Api-Key, X-Vault-Token …", fold: true, words: "x-", behind: wordStart,
			pattern: `x-(?:[a-z]+-)*(?:api-?key|token|secret|signature)["']?\s{0,4}[:=]\s{0,4}["']?([^\s"',]+)`, accept: secretWord},
		{id: "cookie", doc: "a Cookie or Set-Cookie header", fold: true, words: "cookie", pattern: `cookie["']?:\s{0,4}["']?([^\s"']+=[^"'\r\n]+)`},
		{id: "bearer", doc: "a bearer token", fold: true, words: "bearer", behind: wordStart, pattern: `bearer\s+([a-z0-9._~+/=-]{8,})`, accept: mixed},
	}
}

func commandShapes() []shape {
	const tool = "tool_password"
	return []shape{
		{id: "password_flag", doc: "--password=…, --token …, --secret-key …", fold: true, behind: flagStart,
			words:   "password passwd passphrase secret token api-key apikey access-key accesskey secret-key auth-key",
			pattern: `[a-z-]+["']?(?:=|\s+|,\s*)` + argument, accept: flagValue},
		{id: "mysql_p", doc: "mysql -p…, sshpass -p …", words: "mysql mariadb xtrabackup mariabackup", behind: wordStart,
			pattern: `(?:mysql|mariadb|xtrabackup|mariabackup)` + toOption + `-p` + argument},
		{id: "mysql_p", words: "sshpass", pattern: `sshpass\s+(?:-\S+\s+)*?-p\s*` + argument},
		{id: tool, doc: "the password argument of redis-cli, curl, ldap*, sqlcmd, sqlplus, smbclient, htpasswd, openssl",
			words: "redis-cli", pattern: `redis-cli` + toOption + `-a\s*` + argument},
		{id: tool, words: "curl wget", behind: wordStart, pattern: `(?:curl|wget)` + toOption + `(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']+:([^\s"']+)`},
		{id: tool, words: "ldap", behind: wordStart, pattern: `ldap` + toOption + `-w\s*` + argument},
		{id: tool, words: "sqlcmd isql osql bcp", behind: wordStart, pattern: `(?:sqlcmd|isql|osql|bcp)` + toOption + `-P\s*` + argument},
		{id: tool, words: "sqlplus expdp impdp rman sqlldr", behind: wordStart, pattern: `(?:sqlplus|expdp|impdp|rman|sqlldr)\b[^\r\n]*?[\s"'=]\w+/([^\s@"'/]+)@`},
		{id: tool, words: "smbclient mount.cifs rpcclient", pattern: `(?:smbclient|rpcclient|mount\.cifs)` + toOption + `-U\s*["']?[^\s%"']+%([^\s"']+)`},
		{id: tool, words: "htpasswd", pattern: `htpasswd\s+(?:-\S+\s+)*-\w*b\w*\s+\S+\s+\S+\s+` + argument},
		{id: tool, words: "-pass -k", pattern: `-(?:pass(?:in|out)?|k)\s+["']?pass:([^\s"']+)`},
	}
}

func tokenShapes() []shape {
	return []shape{
		{id: "jwt", doc: "a JSON web token", words: "eyj", behind: wordStart, pattern: `eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*`},
		{id: "cloud_key", doc: "an access key of AWS, Alibaba Cloud, Tencent Cloud, Google", words: "akia asia abia acca ltai akid aiza", behind: wordStart,
			pattern: `(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,26}|AKID[A-Za-z0-9]{13,40}|AIza[A-Za-z0-9_-]{35})`},
		{id: "cloud_key", fold: true, words: "aws", pattern: `aws[^\r\n]{0,30}?(?:secret|sk)[^\r\n]{0,30}?[^a-z0-9/+]([a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)`},
		{id: "slack_token", doc: "a Slack token", words: "xox xapp-", behind: wordStart, pattern: `(?:xoxe\.xox[bp]|xox[a-z]|xapp)-[A-Za-z0-9-]{10,}`},
		{id: "git_token", doc: "a token of GitHub, GitLab, npm, PyPI", words: "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- npm_ pypi-", behind: wordStart,
			pattern: `(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|dt)-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,})`},
		{id: "api_token", doc: "a key of Stripe, OpenAI, SendGrid, Vault, Hugging Face, Grafana", words: "sk_ rk_ sk- sg. hvs. hvb. hvr. hf_ glsa_", behind: wordStart,
			pattern: `(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|glsa_[A-Za-z0-9_]{20,})`},
		{id: "hook_url", doc: "the secret part of a chat webhook", words: "hooks.slack.com/ webhook/send?key= bot/v2/hook/ robot/send?access_token=", fold: true,
			pattern: `(?:hooks\.slack\.com/(?:services|workflows|triggers)/|webhook/send\?key=|bot/v2/hook/|robot/send\?access_token=)([a-z0-9/_-]+)`},
		{id: "password_hash", doc: "a password hash of crypt, bcrypt or Argon2", words: "$1$ $2a$ $2b$ $2y$ $5$ $6$ $y$ $argon2",
			pattern: `\$(?:1|2[aby]|5|6|y|argon2(?:id|i|d))\$[./A-Za-z0-9$,=+-]{20,}`},
		{id: "security_code", doc: "a security code of Switchman", fold: true, words: "drc", behind: wordStart,
			pattern: `drc[- ]?[0-9a-z]{4}[- ]?[0-9a-z]{4}[- ]?[0-9a-z]{4}(?:[- ]?[0-9a-z*~$=])?`, accept: codeShape},
	}
}

func numberShapes() []shape {
	return []shape{
		{id: "card_number", doc: "a payment card number (right length, issuer and check digit)", scan: cards},
		{id: "identity_card", doc: "a Chinese identity card number (right region, date and check symbol)", scan: identityCards},
	}
}
