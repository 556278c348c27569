package approval

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"pgregory.net/rapid"
)

func newCode(t testing.TB) string {
	t.Helper()
	s, err := NewCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

func TestCodeReadsBack(t *testing.T) {
	for range 500 {
		code := newCode(t)
		got, ok := ParseCode(code)
		if !ok || got != code {
			t.Fatalf("%q reads as %q, %v", code, got, ok)
		}
	}
}

func TestNewCodeNeedsRandomness(t *testing.T) {
	if _, err := NewCode(strings.NewReader("short")); err == nil {
		t.Error("a code was made of five bytes")
	}
	a, _ := NewCode(bytes.NewReader(make([]byte, 12)))
	if a.Reveal() != "DRC-0000-0000-0000-0" {
		t.Errorf("zeros give %s", a.Reveal())
	}
}

// People write codes down by hand and read them out in bad light.
func TestParseCodeForgives(t *testing.T) {
	raw := []byte{0, 1, 2, 3, 30, 31, 6, 7, 8, 9, 10, 11}
	s, err := NewCode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	code := s.Reveal() // DRC-0123-YZ67-89AB-?
	check := code[len(code)-1:]
	for _, typed := range []string{
		code, strings.ToLower(code), strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "), strings.TrimPrefix(code, "DRC-"),
		"  " + code + "\n", "drc oI23 yz67 89ab " + check, "DRC-OL23-YZ67-89AB-" + check, "ＤＲＣ－０１２３－ＹＺ６７－８９ＡＢ－" + check, "DRC—0123–YZ67　89AB." + check,
	} {
		if got, ok := ParseCode(typed); !ok || got != code {
			t.Errorf("%q reads as %q, %v; want %q", typed, got, ok, code)
		}
	}
	for _, typed := range []string{"", "DRC", "DRC-0123-YZ67-89AB", code + "0", "XYZ" + code[3:], "DRC-012U-YZ67-89AB-" + check, code + "!", strings.Repeat(" ", 200) + code, "DRC-\xff123-YZ67-89AB-" + check} {
		if got, ok := ParseCode(typed); ok {
			t.Errorf("%q reads as %q", typed, got)
		}
	}
}

// One wrong symbol and two symbols swapped, anywhere, are slips and not guesses.
func TestCheckSymbolCatchesSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var symbols [codeSymbols]byte
		for i := range symbols {
			symbols[i] = rapid.ByteRange(0, 31).Draw(t, "symbol")
		}
		good := strings.ReplaceAll(written(symbols), "-", "")[len(codePrefix):]
		i, j := rapid.IntRange(0, codeSymbols).Draw(t, "i"), rapid.IntRange(0, codeSymbols).Draw(t, "j")
		wrong, swapped := []byte(good), []byte(good)
		wrong[i] = alphabet[rapid.IntRange(0, 31).Draw(t, "other")]
		swapped[i], swapped[j] = swapped[j], swapped[i]
		for _, typed := range []string{string(wrong), string(swapped)} {
			if _, ok := ParseCode(typed); ok && typed != good {
				t.Fatalf("%s passes for %s", typed, good)
			}
		}
	})
}

func TestParseCodes(t *testing.T) {
	a, b := newCode(t), newCode(t)
	for _, tc := range []struct {
		typed string
		want  int
		ok    bool
	}{
		{a, 1, true}, {a + ", " + b, 2, true}, {a + "\n" + b + "\n", 2, true}, {a + "，" + b, 2, true}, {a + ";" + a, 1, true},
		{"", 0, false}, {" , ", 0, false}, {a + ", nonsense", 0, false}, {a + "," + b + "," + newCode(t), 3, false},
	} {
		got, ok := ParseCodes(tc.typed)
		if ok != tc.ok || ok && len(got) != tc.want {
			t.Errorf("%q: %d codes, %v", tc.typed, len(got), ok)
		}
	}
}

// However a secret strays, it prints as a mask.
func TestSecretNeverPrints(t *testing.T) {
	s, err := NewCode(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Code Secret
		Ptr  *Secret
	}{s, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", []Secret{s})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("issued", "code", s, "holder", holder, "group", slog.GroupValue(slog.Any("code", s)))
	}
	j, err := json.Marshal(map[string]any{"code": s, "holder": holder})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	out.WriteString(fmt.Errorf("wrapped %w", fmt.Errorf("%v", s)).Error())
	bare := strings.ReplaceAll(strings.TrimPrefix(s.Reveal(), "DRC-"), "-", "")
	if text := out.String(); strings.Contains(text, s.Reveal()) || strings.Contains(strings.ReplaceAll(text, "-", ""), bare) {
		t.Errorf("the code strayed: %s", text)
	}
}

func TestHashIsBoundToEverything(t *testing.T) {
	ctx := CodeContext{Run: "r1", Digest: digestOf(0), Round: 1, Direction: dr.Outbound, Mode: dr.Drill}
	code, pepper, salt := "DRC-0000-0000-0000-0", []byte("pepper"), []byte("salt")
	hash := HashCode(pepper, salt, ctx, code)
	if !Matches(hash, pepper, salt, ctx, code) {
		t.Fatal("a code does not match its own hash")
	}
	other := func(change func(*CodeContext)) CodeContext { c := ctx; change(&c); return c }
	for name, ok := range map[string]bool{
		"run":       Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Run = "r2" }), code),
		"digest":    Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Digest = digestOf(1) }), code),
		"round":     Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Round = 2 }), code),
		"direction": Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Direction = dr.Return }), code),
		"mode":      Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Mode = dr.Emergency }), code),
		"sheet":     Matches(hash, pepper, salt, SheetContext("s1", 1), code),
		"shifted":   Matches(hash, pepper, salt, other(func(c *CodeContext) { c.Run, c.Digest = "r1"+c.Digest, "" }), code),
		"pepper":    Matches(hash, []byte("peppes"), salt, ctx, code),
		"salt":      Matches(hash, pepper, []byte("salu"), ctx, code),
		"code":      Matches(hash, pepper, salt, ctx, "DRC-0000-0000-0001-0"),
		"no hash":   Matches(nil, pepper, salt, ctx, code),
	} {
		if ok {
			t.Errorf("the hash does not depend on the %s", name)
		}
	}
}

func TestLimitsOfCodes(t *testing.T) {
	for _, tc := range []struct {
		rule   dr.Rule
		source string
		want   dr.Millis
	}{
		{dr.Rule{}, Issued, MaxCodeLife}, {dr.Rule{CodeExpiry: 60_000}, Issued, 60_000}, {dr.Rule{CodeExpiry: 99 * MaxCodeLife}, Issued, MaxCodeLife},
		{dr.Rule{CodeExpiry: -5}, Issued, MaxCodeLife}, {dr.Rule{CodeExpiry: 60_000}, Sheet, MaxSheetLife},
	} {
		if got := CodeLife(tc.rule, tc.source); got != tc.want {
			t.Errorf("%+v %s: %v, want %v", tc.rule, tc.source, got, tc.want)
		}
	}
	for tries, want := range map[int]int{0: 5, 3: 3, 9: 5, -1: 5} {
		if _, limit := Tries(Case{Slice: &dr.Slice{Rule: dr.Rule{CodeTries: tries}}}); limit != want {
			t.Errorf("code_tries %d: limit %d, want %d", tries, limit, want)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"DRC-0000-0000-0000-0", "drc oooo 1l1i", "ＤＲＣ－０", "", "DRC-0000-0000-0000-0, DRC-0000-0000-0000-0", "\xff\xfe", "UUUUUUUUUUUUU"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, ok := ParseCode(s)
		if !ok {
			if code != "" {
				t.Fatalf("%q is not well formed but gives %q", s, code)
			}
			return
		}
		if again, ok := ParseCode(code); !ok || again != code {
			t.Fatalf("%q gives %q, which reads as %q", s, code, again)
		}
		if _, ok := ParseCodes(code); !ok {
			t.Fatalf("%q is a code and not a list of one", code)
		}
	})
}

func BenchmarkHashCode(b *testing.B) {
	ctx := CodeContext{Run: "r1", Digest: digestOf(0), Round: 1, Direction: dr.Outbound, Mode: dr.Drill}
	for b.Loop() {
		HashCode([]byte("pepper"), []byte("0123456789abcdef"), ctx, "DRC-0000-0000-0000-0")
	}
}
