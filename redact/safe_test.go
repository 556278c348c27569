package redact_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/redact"
)

func TestSafe(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "all fine\n\tyes", "all fine\n\tyes"},
		{"chinese and emoji stay", "切换完成 ✅ 🙂", "切换完成 ✅ 🙂"},
		{"colours", "\x1b[1;31mred\x1b[0m", "red"},
		{"clipboard", "a\x1b]52;c;ZXZpbA==\x07b", "ab"},
		{"link", "\x1b]8;;http://evil\x1b\\bank\x1b]8;;\x1b\\", "bank"},
		{"title, 8-bit", "a\u009d0;title\u009cb", "ab"},
		{"device control", "a\x1bPq#0\x1b\\b", "ab"},
		{"charset", "a\x1b(Bb", "ab"},
		{"unfinished sequence hides nothing", "a\x1b]0;everything after", "a0;everything after"},
		{"sequence over lines hides nothing", "a\x1b]0;x\nimportant\x07", "a0;x\nimportant"},
		{"lonely escape", "a\x1b", "a"},
		{"escape before a wide character", "a\x1b切", "a切"},
		{"control characters", "a\x00b\x08c\rd\x7f", "abcd"},
		{"bidi", "invoice\u202Efdp.exe\u202C \u2066x\u2069", "invoicefdp.exe x"},
		{"zero width", "pass\u200Bword\uFEFF", "password"},
		{"tags", "ok\U000E0041\U000E0042", "ok"},
		{"no UTF-8", "a\xff\xfeb\xe5\x88", "a\uFFFD\uFFFDb\uFFFD\uFFFD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := redact.Safe(c.in); got != c.want {
				t.Errorf("Safe(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestLine(t *testing.T) {
	if got := redact.Line("  two\r\n  lines \x1b[2J of  words", 100); got != "two lines of words" {
		t.Errorf("got %q", got)
	}
	if got := redact.Line(strings.Repeat("字", 50), 10); got != strings.Repeat("字", 9)+"…" {
		t.Errorf("got %q", got)
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"\x1b]52;c;x\x07", "\u202e\u009b31m", "\x1b[", "\xff\x1b\x1b\\", "字\x1b]8;;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := redact.Safe(s)
		if !utf8.ValidString(got) || len(got) > 3*len(s) {
			t.Fatalf("Safe(%q) = %q", s, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("%U is left of %q", r, s)
			}
		}
		if redact.Safe(got) != got {
			t.Fatalf("not stable: %q, %q", got, redact.Safe(got))
		}
		if line := redact.Line(s, 20); strings.ContainsAny(line, "\r\n") || utf8.RuneCountInString(line) > 20 {
			t.Fatalf("Line(%q) = %q", s, line)
		}
	})
}
