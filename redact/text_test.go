package redact_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/redact"
)

// planted is a text with %s where the secret stands.
type planted struct {
	text string
	make func(maker) string
}

// secretsInProse are passages of runbooks, chats and tickets with one secret each, where %s stands.
func secretsInProse() []planted {
	pw, strong := maker.password, maker.strong
	digits := func(n int) func(maker) string {
		return func(m maker) string { return m.of("0123456789", n) }
	}
	tok := func(alphabet string, n int) func(maker) string {
		return func(m maker) string { return m.of(alphabet, n) }
	}
	spaced := func(m maker) string { return m.of("0123456789", 3) + " " + m.of("0123456789", 3) }
	seed := func(m maker) string { return m.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32) }
	dashed := func(dash string) func(maker) string {
		return func(m maker) string { return strings.ReplaceAll(m.code(), "-", dash) }
	}
	return []planted{
		{"- **Password:** `%s` (rotate after use)", pw},
		{"Sign in as `ops`; the **password** is `%s`.", pw},
		{"| user | password |\n|---|---|\n| password of app | %s |", pw},
		{"| 口令 | `%s` |", pw},
		{"The password for the jump host is %s, ask before use.", pw},
		{"Password was changed to %s last night", strong},
		{"root password:\n\n    %s\n\nthen continue", pw},
		{"数据库口令已改为 %s，请更新配置。", pw},
		{"初始密码：\n%s\n", pw},
		{"pass\u200bword: %s", pw},
		{"ｐａｓｓｗｏｒｄ：%s", pw},
		{"<property name=\"x\"/><password>%s</password>", pw},
		{"<tr><td>Password</td>\n<td>%s</td></tr>", pw},
		{"Your verification code is %s. Do not share it.", digits(6)},
		{"one-time password: %s", digits(6)},
		{"OTP for the VPN is %s", spaced},
		{"【银行】验证码：%s，五分钟内有效。", digits(6)},
		{"动态口令 %s", digits(6)},
		{"%s is your security code for console", digits(6)},
		{"2FA code -> %s", digits(8)},
		{"login code: %s", digits(6)},
		{"Recovery codes:\n- %s\n", func(m maker) string { return m.of(letters, 2) + m.of(hexa, 3) + "7-" + m.of(hexa, 6) }},
		{"备用码： %s", func(m maker) string { return m.of(hexa, 4) + "3-" + m.of(hexa, 5) }},
		{"scan otpauth://totp/Bank:ops?secret=%s&issuer=Bank", seed},
		{"TOTP secret key: %s", seed},
		{"The code is %s, good for ten minutes", maker.code},
		{"the code is %s now", dashed("‑")},
		{"安全码 %s 已发出", dashed("–")},
		{"type %s in the console", dashed(" ")},
		{"DRC-\n%s", func(m maker) string { return "A" + strings.TrimPrefix(m.code(), "DRC-")[1:] }},
		{"%s (spelled out)", func(m maker) string {
			return strings.Join(strings.Split(strings.ReplaceAll(m.code(), "-", "")+"7", ""), " ")
		}},
		{"start code is %s", func(m maker) string { return "7" + strings.TrimPrefix(m.code(), "DRC-")[1:] }},
		{"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  user-field: %s\n", tok(alnum, 24)},
		{"kind: Secret\nstringData:\n  dsn.txt: \"%s\"\ntype: Opaque\n", pw},
		{"requirepass %s", pw},
		{"bindpw %s", pw},
		{"username admin privilege 15 secret 0 %s", pw},
		{"snmp-server community %s ro", pw},
		{"keytool -list -keystore k.jks -storepass %s", pw},
		{"cmdkey /add:db /user:app /pass:%s", pw},
		{"ipmitool -I lanplus -H bmc-e1 -U root -P %s power cycle", pw},
		{"docker login -u ops -p %s registry.bank.example", pw},
		{"net use Z: \\\\nas\\dr %s /user:app", pw},
		{"echo '%s' | sudo -S systemctl stop ledger", strong},
		{"echo app:%s | chpasswd", pw},
		{"Credentials: admin / %s", pw},
		{"登录账号 admin/%s", pw},
		{"VAULT: s.%s", tok(alnum, 24)},
		{"use dop_v1_%s", tok(hexa, 64)},
		{"curl -u admin:%s http://x/health", pw},
		{"postgres://app:%s@ledger-db-e1:5432/ledger", pw},
		{"Authorization: Bearer %s", tok(alnum, 40)},
		{"card %s declined", maker.pan},
	}
}

func TestKnownValuesInProse(t *testing.T) {
	m := redact.New("correct-horse-battery", "银行口令一二三")
	for _, text := range []string{"uses correct-horse-battery today", "uses cor\u200brect-horse-bat\u2060tery today", "uses correct‑horse‑battery today",
		"`correct-horse-battery`", "**correct-horse-battery**", "ｃｏｒｒｅｃｔ－horse-battery", "银行口令\u200b一二三", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"} {
		got, report := m.Text(text)
		if report.Count != 1 || strings.Contains(got, "horse") || strings.Contains(got, "一二三") || strings.Contains(got, "Y29y") {
			t.Errorf("%q became %q, %d masked", text, got, report.Count)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range secretsInProse() {
		f.Add(fmt.Sprintf(s.text, s.make(newMaker(3))))
	}
	f.Add("\xff\xfe**`\u200b`**\n---\nkind: Secret\ndata:\n  a: \xf0\x9f\n")
	m := redact.New("known-value-1", "另一个口令")
	f.Fuzz(func(t *testing.T, text string) {
		got, report := m.Text(text)
		if report.Count == 0 && got != text {
			t.Fatalf("%q became %q and nothing was masked", text, got)
		}
		if strings.Contains(got, "known-value-1") || strings.Contains(got, "另一个口令") {
			t.Fatalf("a known value is left in %q", got)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("valid text became %q", got)
		}
	})
}
