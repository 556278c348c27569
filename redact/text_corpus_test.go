//go:build !race

package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/redact"
)

// TestRecallInProse plants secrets of the shapes above into runbooks, and the lines of the stream's
// corpus too: what is masked in output is masked in prose.
func TestRecallInProse(t *testing.T) {
	m, total, missed := newMaker(19), 0, 0
	shapes := secretsInProse()
	for _, s := range shapesOfSecrets() {
		shapes = append(shapes, planted{s.line, s.make})
	}
	for _, s := range shapes {
		for range 6 {
			secret := s.make(m)
			text := "# Moving the ledger\n\nFreeze writes, then wait for the standby.\n\n" + fmt.Sprintf(s.text, secret) + "\n\nGo on with the next step.\n"
			got, report := (&redact.Masker{}).Text(text)
			total++
			if report.Count == 0 || strings.Contains(got, secret) || leaks(got, secret) || digitsLeak(got, secret) {
				missed++
				t.Logf("missed: %q  ->  %q", fmt.Sprintf(s.text, secret), got)
			}
			if !strings.HasPrefix(got, "# Moving the ledger\n\nFreeze writes, then wait for the standby.\n\n") || !strings.HasSuffix(got, "\n\nGo on with the next step.\n") {
				t.Errorf("ordinary sentences around it changed: %q", got)
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

// digitsLeak is for secrets of digits only, which leaks passes over.
func digitsLeak(text, secret string) bool {
	return strings.Trim(secret, "0123456789 -") == "" && strings.Contains(text, strings.Trim(secret, " "))
}

// ordinaryProse is what runbooks and tickets say about passwords and codes without telling one.
func ordinaryProse(m maker) string {
	pick := func(s ...string) string { return s[m.IntN(len(s))] }
	num := func() string { return fmt.Sprint(1 + m.IntN(1<<20)) }
	return pick(
		"The password is rotated every 90 days by the identity team.",
		"Password was changed yesterday; ask the duty manager for it.",
		"The password for ledger is kept in the safe at site west.",
		"| Password rotation | quarterly |", "| token lifetime | 15m |", "| secret | vault:ledger/db |", "| password | owner |\n|---|---|\n| ledger-db-e1 | operations |",
		"The security code is issued by a manager and is good for ten minutes.",
		"Enter the security code in the console, never in chat.",
		"exit code 137, error code: "+num()+", status code 503", "postal code 200120, area code 021", "error code is "+num(),
		"验证码已过期，请重新获取。", "密码由专人保管，切换时由值班经理提供。", "口令每 90 天更换一次，见制度 2024-17。", "密码策略：至少 12 位",
		"Authentication failed "+num()+" times since 2026-11-20", "OTP clock drift is at most 30 s", "OTP device serial 4 of 12",
		"recovery code list is in the envelope; recovery time 12 min", "Backup code path: /srv/backup",
		"DRC team will take over at noon", "DRC room 4, floor 12", "the drc-runner service restarts",
		"apiVersion: v1\nkind: ConfigMap\ndata:\n  level: information\n  pool-size: \"64\"", "kind: SecretStore\nspec:\n  provider: vault-prod-1",
		"Run `pg_ctl promote -D /var/lib/postgresql/16/main` on ledger-db-w"+num()+".", "SELECT count(*) FROM transfer WHERE id > "+num()+";",
		"Login to gw-e1 / gw-e2 and look at the queue.", "Sign in at the console / command line.", "token is refreshed every 5 minutes",
		"call +86 21 5555 "+m.of("0123456789", 4)+" and name ticket OPS-"+num(), "docker run -p 8080:80 ledger", "mongo --port 27017 --eval 'rs.status()'",
		"The pin code of the safe is with the duty manager", "- Password: ask the security desk", "secret is stored in Vault, path kv/ledger",
		"verification: code review by two people, build 20261120", "snmp community is per site", "net use is not allowed", "令牌桶限流：每秒 2000 笔",
	)
}

func TestFalsePositivesInProse(t *testing.T) {
	m, wrong := newMaker(23), 0
	const total = 10000
	for i := range total {
		text := ordinaryLines(m)
		if i%3 == 0 {
			text = ordinaryProse(m)
		}
		if got, report := redact.New().Text(text); report.Count > 0 || got != text {
			if wrong++; wrong <= 20 {
				t.Logf("%v: %q  ->  %q", report.Rules, text, got)
			}
		}
	}
	t.Logf("%d of %d ordinary texts masked", wrong, total)
	if wrong*100 > total {
		t.Errorf("false positives %.2f %%, want at most 1", float64(wrong)*100/total)
	}
}
