package redact_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/redact"
)

// maker makes secrets of many alphabets and lengths from a fixed seed.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 42))} }

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	alnum   = letters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	signs   = alnum + "!#$%^*()_+-={}[]|:?.~"
	hexa    = "0123456789abcdef"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	crock   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

func (m maker) of(alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[m.IntN(len(alphabet))])
	}
	return b.String()
}

func (m maker) password() string { return "q" + m.of(alnum, 6+m.IntN(14)) + "7x" }
func (m maker) strong() string   { return "Z" + m.of(signs, 8+m.IntN(14)) + "9k" }

func (m maker) pan() string {
	prefix := []string{"4", "51", "55", "2221", "62", "6011", "35", "34"}[m.IntN(8)]
	n := 16
	if prefix == "34" {
		n = 15
	}
	d := prefix + m.of("0123456789", n-1-len(prefix))
	for c := '0'; c <= '9'; c++ {
		if luhnOK(d + string(c)) {
			return d + string(c)
		}
	}
	panic("no check digit")
}

func luhnOK(d string) bool {
	sum := 0
	for i := range len(d) {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			v = v*2%10 + v/5
		}
		sum += v
	}
	return sum%10 == 0
}

func (m maker) idCard() string {
	d := fmt.Sprintf("%s%04d%04d%02d%02d%03d", []string{"11", "31", "44", "51", "65"}[m.IntN(5)], 101+m.IntN(800), 1950+m.IntN(60), 1+m.IntN(12), 1+m.IntN(28), m.IntN(1000))
	sum := 0
	for i, w := range []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(d[i]-'0') * w
	}
	return d + string("10X98765432"[sum%11])
}

func (m maker) code() string {
	return "DRC-" + m.of(crock, 4) + "-" + m.of(crock, 4) + "-" + m.of(crock, 4) + "-" + m.of(crock, 1)
}

// shapesOfSecrets are lines with one secret each; %s stands for it.
func shapesOfSecrets() []struct {
	line string
	make func(maker) string
} {
	pw, strong := maker.password, maker.strong
	tok := func(alphabet string, n int) func(maker) string {
		return func(m maker) string { return m.of(alphabet, n) }
	}
	return []struct {
		line string
		make func(maker) string
	}{
		{"connecting to postgres://app:%s@ledger-db-e1:5432/ledger?sslmode=require", pw},
		{"redis://:%s@cache-e1:6379/0", pw},
		{"dsn app:%s@tcp(10.1.0.11:3306)/core?parseTime=true", pw},
		{"+ PGPASSWORD=%s psql -h db -c 'select 1'", strong},
		{"export DB_PASSWORD='%s'", strong},
		{"MYSQL_PWD=%s mysqladmin status", pw},
		{"GITHUB_TOKEN=%s", tok(alnum, 40)},
		{"Server=db;Database=core;User Id=app;Password=%s;Encrypt=true", pw},
		{"Server=db;Uid=app; Pwd=%s;", pw},
		{`{"user":"app","password":"%s","retries":3}`, strong},
		{`time=12:01 msg="login" body="{\"password\":\"%s\"}"`, pw},
		{"  password: %s", strong},
		{"spring.datasource.password = %s", pw},
		{"api_key: %s", tok(hexa, 32)},
		{"client_secret=%s&grant_type=client_credentials", tok(alnum, 32)},
		{"数据库密码：%s", pw},
		{"新的口令为 %s ，请妥善保管", pw},
		{"GET /hook?access_token=%s&x=1 200", tok(alnum, 24)},
		{"https://bucket.example/obj?X-Amz-Signature=%s", tok(hexa, 64)},
		{"ALTER USER app IDENTIFIED BY '%s';", pw},
		{"ALTER ROLE app WITH PASSWORD '%s';", pw},
		{"machine db login app password %s", strong},
		{"db-e1:5432:*:app:%s", pw},
		{"Authorization: Basic %s", tok(alnum, 28)},
		{`curl -H "Authorization: Bearer %s" https://x`, tok(alnum, 40)},
		{"proxy-authorization: Digest %s", tok(alnum, 30)},
		{"X-Vault-Token: %s", tok(alnum, 26)},
		{"Set-Cookie: session=%s; HttpOnly", tok(hexa, 32)},
		{"sent with bearer %s", tok(alnum, 43)},
		{"backup --password=%s --to /mnt", strong},
		{"tool --api-key %s sync", tok(alnum, 32)},
		{`argv: ["tool", "--token", "%s"]`, tok(alnum, 32)},
		{"mysqldump -u root -p%s core > core.sql", pw},
		{"sshpass -p %s ssh root@db", pw},
		{"redis-cli -h cache -a %s ping", pw},
		{"curl -u admin:%s http://x/health", pw},
		{"ldapsearch -D cn=admin -w %s -b dc=x", pw},
		{"sqlcmd -S db -U sa -P %s -Q 'select 1'", pw},
		{"sqlplus system/%s@//db:1521/core", pw},
		{"openssl rsa -in k.pem -passin pass:%s", pw},
		{"id_token eyJhbGciOiJIUzI1NiJ9.%s", func(m maker) string { return m.of(alnum, 60) + "." + m.of(alnum, 43) }},
		{"key AKIA%s used", tok(upper, 16)},
		{"aws_secret_access_key = %s", tok(alnum+"/+", 40)},
		{"aliyun LTAI%s", tok(alnum, 20)},
		{"token xoxb-%s", func(m maker) string { return m.of("0123456789", 12) + "-" + m.of(alnum, 24) }},
		{"remote: ghp_%s", tok(alnum, 36)},
		{"glpat-%s", tok(alnum, 20)},
		{"sk_live_%s", tok(alnum, 24)},
		{"hvs.%s", tok(alnum, 90)},
		{"POST https://hooks.slack.com/services/%s", func(m maker) string { return "T" + m.of(upper, 8) + "/B" + m.of(upper, 8) + "/" + m.of(alnum, 24) }},
		{"root:$6$%s:19000:0:99999:7:::", func(m maker) string { return m.of(alnum, 8) + "$" + m.of(alnum+"./", 86) }},
		{"code %s entered", maker.code},
		{"card %s declined", maker.pan},
		{"2 cards: 12 %s ok", func(m maker) string { d := m.pan(); return d[:4] + " " + d[4:8] + " " + d[8:12] + " " + d[12:] }},
		{"customer %s, amount 25.00", maker.idCard},
	}
}

func TestRecallOfTheCorpus(t *testing.T) {
	m, total, missed := newMaker(7), 0, 0
	shapes := shapesOfSecrets()
	for _, s := range shapes {
		for range 8 {
			secret := s.make(m)
			line := fmt.Sprintf(s.line, secret)
			got, report := redact.New().String(line + "\n")
			total++
			if report.Count == 0 || strings.Contains(got, secret) || leaks(got, secret) {
				missed++
				t.Logf("missed: %s  ->  %s", line, got)
			}
		}
	}
	if len(shapes) < 30 || total < 200 {
		t.Errorf("only %d secrets in %d shapes", total, len(shapes))
	}
	t.Logf("%d secrets in %d shapes, %d missed", total, len(shapes), missed)
	if missed*100 > total {
		t.Errorf("recall %.1f %%, want 99", 100-float64(missed)*100/float64(total))
	}
}

// leaks reports whether a third of a secret or more is still readable in one piece.
func leaks(text, secret string) bool {
	n := max(4, len(secret)/3)
	for i := 0; i+n <= len(secret); i++ {
		if part := secret[i : i+n]; strings.Contains(text, part) && strings.Trim(part, "0123456789 ") != "" {
			return true
		}
	}
	return false
}

// ordinaryLines look like what targets print all day, numbers and the word password included.
func ordinaryLines(m maker) string {
	pick := func(s ...string) string { return s[m.IntN(len(s))] }
	num := func() string { return fmt.Sprint(m.IntN(1 << 30)) }
	stamp := fmt.Sprintf("2026-11-%02dT%02d:%02d:%02d.%03dZ", 1+m.IntN(28), m.IntN(24), m.IntN(60), m.IntN(60), m.IntN(1000))
	node := pick("ledger-db-e1", "gw-w2", "cards-app-e3", "10.1.0."+fmt.Sprint(m.IntN(255)))
	return pick(
		stamp+" INFO  "+node+" checkpoint complete: wrote "+num()+" buffers; sync="+num()+" s",
		stamp+" LOG: replication slot \"standby_"+num()+"\" active at 0/"+m.of(hexa, 8),
		node+" password authentication failed for user \"app\"",
		"FATAL:  no pg_hba.conf entry for host \""+node+"\"; password: required",
		stamp+" next_token page="+num()+" tokens=5 cursor ok",
		"user changed password, token expired, secret rotated for "+node,
		"GET /api/runs/"+m.of(hexa, 16)+"?from="+num()+" 200 "+num()+"us",
		"http://"+node+":8080/health -> 200",
		"mkdir -p /var/lib/app && ssh -p 22 "+node+" uptime",
		"docker run -p 80:80 --name "+node+" image@sha256:"+m.of(hexa, 64),
		"trace="+m.of(hexa, 32)+" span="+m.of(hexa, 16)+" took "+num()+"ns",
		"epoch 1764000"+m.of("0123456789", 6)+" lsn "+num()+" xid "+num(),
		"transfer "+num()+" of 12500 CNY accepted, balance "+num(),
		"切换完成: "+node+" 已就绪，耗时 "+num()+" 毫秒",
		"用户密码 已过期，请联系管理员 "+num(),
		"commit "+m.of(hexa, 40)+" Merge branch 'key-rotation'",
		"kubectl --token-file /run/secrets/token get pods -n "+node,
		"PWD=/home/app OLDPWD=/ SHELL=/bin/sh HOSTNAME="+node,
		"authorization policy for "+node+" updated; bearer authentication enabled",
		"{\"level\":\"info\",\"node\":\""+node+"\",\"count\":"+num()+",\"id\":\""+m.of(hexa, 8)+"-"+m.of(hexa, 4)+"-4"+m.of(hexa, 3)+"-a"+m.of(hexa, 3)+"-"+m.of(hexa, 12)+"\"}",
		"phone +86 138"+m.of("0123456789", 8)+" order 2026112"+m.of("0123456789", 9),
		"-----BEGIN CERTIFICATE-----", "MIIB"+m.of(alnum+"+/", 60), "-----END CERTIFICATE-----",
		"Enter password: ", "config: password_file=/etc/app/pw  secret: secret:DB_PASSWORD  pw=${DB_PW}",
		"mysql -u root -h "+node+" --port 3306 status", "drcontrol: 4 nodes, key exchange curve25519-sha256, key=value pairs",
	)
}

func TestFalsePositives(t *testing.T) {
	m, wrong := newMaker(11), 0
	const total = 10000
	for range total {
		line := ordinaryLines(m)
		if got, report := redact.New().String(line); report.Count > 0 || got != line {
			if wrong++; wrong <= 20 {
				t.Logf("%v: %s  ->  %s", report.Rules, line, got)
			}
		}
	}
	t.Logf("%d of %d ordinary lines masked", wrong, total)
	if wrong*100 > total {
		t.Errorf("false positives %.2f %%, want at most 1", float64(wrong)*100/total)
	}
}

func TestEveryRuleIsDocumented(t *testing.T) {
	rules := redact.Rules()
	if len(rules) < 25 {
		t.Errorf("%d rules", len(rules))
	}
	for _, r := range rules {
		if r.ID == "" || r.Doc == "" {
			t.Errorf("rule without id or doc: %+v", r)
		}
	}
}
