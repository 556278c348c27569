package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/redact"
	"pgregory.net/rapid"
)

func TestKnownValuesInEveryForm(t *testing.T) {
	const secret = `Tr0ub4dor&3/"x`
	m := redact.New(secret, "abc", "")
	for name, text := range map[string]string{
		"plain":           "value " + secret + " end",
		"base64":          "x " + base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 shifted1": base64.StdEncoding.EncodeToString([]byte("u" + secret + "tail")),
		"base64 shifted2": base64.URLEncoding.EncodeToString([]byte("us" + secret + "tail")),
		"hex":             hex.EncodeToString([]byte(secret)),
		"query":           "q=" + url.QueryEscape(secret),
		"path":            "/" + url.PathEscape(secret),
		"lower percent":   strings.ToLower("%22") + url.QueryEscape("z") + strings.ReplaceAll(url.QueryEscape(secret), "%2F", "%2f"),
		"json":            `{"v":"Tr0ub4dor\u00263/\"x"}`,
		"json elsewhere":  `{"v":"Tr0ub4dor&3/\"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, report := m.String(text)
			if report.Count != 1 || !strings.Contains(got, "[redacted:secret]") || strings.Contains(got, "ub4dor") {
				t.Errorf("%q became %q (%d masked)", text, got, report.Count)
			}
		})
	}
	if got, _ := m.String("abc"); got != "abc" {
		t.Errorf("a value too short to mask was masked: %q", got)
	}
}

func TestManyLines(t *testing.T) {
	secret := "first line of a key\nsecond line of the key\n"
	got, _ := redact.New(secret).String("> first line of a key\r\n> second line of the key\r\nbye\n")
	if strings.Contains(got, "line of") {
		t.Errorf("a line of a secret is visible: %q", got)
	}
}

func TestOverlappingValuesLeaveNoTail(t *testing.T) {
	got, r := redact.New("abcdef", "defghi", "abcd").String("xabcdefghiy")
	if got != "x[redacted:secret]y" || r.Count != 1 {
		t.Errorf("got %q, %d", got, r.Count)
	}
}

// However the writes cut a text, the outcome is the same as in one piece.
func TestCutsDoNotMatter(t *testing.T) {
	m := redact.New("s3cr3t-value", "银行密码一二三", "aaaaaa")
	parts := []string{"s3cr3t-value", "s3cr3t-", "银行密码一二三", "银行", "aaaaaa", "aaa", "\n", "\r\n", " ", "PGPASSWORD=hunter22", "4111 1111 1111 1111",
		"\xff\xfe", "\x1b[1m", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "plain words", "DRC-ABCD-EFGH-JKMN-P", "🙂"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 30).Draw(t, "parts"), "")
		want, _ := m.String(text)
		var out bytes.Buffer
		w := m.Writer(&out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 9)).Draw(t, "n")
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Fatalf("cut: %q\nwhole: %q", out.String(), want)
		}
	})
}
