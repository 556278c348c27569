package encoder

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// small is a vocabulary for tests, with pieces of both models.
func small(pieces ...string) *vocabulary {
	var all [][]byte
	for _, p := range pieces {
		all = append(all, []byte(p))
	}
	return newVocabulary(all, func(piece []byte) bool { return len(piece) > 1 && piece[0] == '[' })
}

// spelt is what tokens stand for, with a blank between them.
func spelt(v *vocabulary, ids []uint32) string {
	var all []string
	for _, id := range ids {
		all = append(all, string(v.piece(id)))
	}
	return strings.Join(all, " ")
}

func wordpieces() *wordpiece {
	return &wordpiece{vocabulary: small("[UNK]", "[SEP]", "fail", "fai", "##over", "##ed", "over", "now", "site", "-", "b", "resume", "i", "##stanbul", "主", "库", "?", "$", "[", "]", "sep", "##e")}
}

func TestWordpiece(t *testing.T) {
	w := wordpieces()
	for text, want := range map[string]string{
		"":                       "",
		" \t\r\n\u3000\u2028":    "",
		"failover":               "fail ##over",
		"FAILED over":            "fail ##ed over",
		"failing over":           "[UNK] over", // a word is known as a whole or not at all
		"site-b?":                "site - b ?",
		"Résumé now":             "resume now",
		"İstanbul":               "i ##stanbul",
		"主库now":                  "主 库 now",
		"$now":                   "$ now",
		"fail\u200bover":         "fail ##over", // what cannot be seen does not part words
		"\ufefffail\x00over\x85": "fail ##over",
		"fail\xffed":             "fail ##ed",
		"\v\x07now":              "now",
		"[SEP] now":              "[ sep ] now", // and not the end of the text
		"[UNK]":                  "[ [UNK] ]",
		strings.Repeat("b", 101): "[UNK]",
		"🚨":                      "[UNK]",
	} {
		if got := spelt(w.vocabulary, w.cut(text)); got != want {
			t.Errorf("%q is cut into %q, wanted %q", text, got, want)
		}
	}
}

func unigrams() *unigram {
	v := small("[unk]", "[s]", "▁", "▁fail", "over", "▁over", "▁failover", "f", "o", "主库", "主", "库", "1")
	return &unigram{
		vocabulary: v, unknown: 0, penalty: -30,
		score:   []float32{0, 0, -3, -5, -6, -7, -12, -9, -9, -8, -3, -3, -4},
		letters: []uint32{'\t', '\u00a0', '\u200b', '①', 'ﬀ'}, ends: []uint32{0, 1, 2, 2, 3, 5}, written: []uint32{' ', ' ', '1', 'f', 'f'},
	}
}

func TestUnigram(t *testing.T) {
	u := unigrams()
	for text, want := range map[string]string{
		"":               "▁",
		"   ":            "▁",
		"fail over":      "▁fail ▁over",
		"  fail\t over ": "▁fail ▁over ▁",
		"failover":       "▁fail over", // -11 is more than -12
		"主库":             "▁ 主 库",      // -6 is more than -8
		"①ﬀo":            "▁ 1 f f o",
		"fail\u200bover": "▁fail over",
		"x":              "▁ [unk]",
		"[s]":            "▁ [unk] [unk] [unk]",
	} {
		if got := spelt(u.vocabulary, u.cut(text)); got != want {
			t.Errorf("%q is cut into %q, wanted %q", text, got, want)
		}
	}
}

func TestBounded(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"ab主", 4, "ab"}, {"主", 2, ""}, {"\x80\x80\x80", 2, ""}} {
		if got := bounded(c.text, c.most); got != c.want {
			t.Errorf("%q cut off at %d is %q, wanted %q", c.text, c.most, got, c.want)
		}
	}
}

// FuzzCut: any text is cut into known tokens; put together again they are the text, as far as it is known.
func FuzzCut(f *testing.F) {
	for _, text := range []string{"", "failover now", "fail\xff\xfeed", "\x00\u200b\ufeff", "主库?", "İ①ﬀ", "[SEP]▁[s]", strings.Repeat("b", 200), "a\u0301\u0301", "\U0010ffff"} {
		f.Add(text)
	}
	w, u := wordpieces(), unigrams()
	f.Fuzz(func(t *testing.T, text string) {
		for _, id := range w.cut(text) {
			if id == 1 || int(id) >= w.size() {
				t.Fatalf("%q holds token %d", text, id)
			}
		}
		ids := u.cut(text)
		if slices.Contains(ids, u.unknown) {
			return
		}
		var whole []byte
		for _, id := range ids {
			whole = append(whole, u.piece(id)...)
		}
		if written := u.write(text); !bytes.Equal(whole, written) || !utf8.Valid(written) {
			t.Fatalf("%q is written %q and cut into %q", text, written, whole)
		}
	})
}
