package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// wordsDigest pins the list: a word that moves changes what people read for every digest.
const wordsDigest = "e00063edb5dce6171a34fd086b566ee1e3e47d57dc4a04ac91c1b08889b6a95f"

func TestWordList(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]{3,8}$`)
	seen, starts := map[string]bool{}, map[string]string{}
	for _, w := range wordList() {
		if !form.MatchString(w) {
			t.Errorf("%q is not a lower-case word of 3 to 8 letters", w)
		}
		if seen[w] {
			t.Errorf("%q is there twice", w)
		}
		start := w[:min(4, len(w))]
		if other, taken := starts[start]; taken {
			t.Errorf("%q and %q begin alike", w, other)
		}
		seen[w], starts[start] = true, w
	}
	if len(seen) != 1<<wordBits {
		t.Errorf("%d words", len(seen))
	}
	sum := sha256.Sum256([]byte(wordText))
	if got := hex.EncodeToString(sum[:]); got != wordsDigest {
		t.Errorf("the word list has changed: %s", got)
	}
}

// Words that differ in one letter more, less or other, or by two letters swapped, are heard as one.
func TestWordsAreToldApart(t *testing.T) {
	words, forms := map[string]bool{}, map[string]string{}
	for _, w := range wordList() {
		words[w] = true
	}
	alike := func(w, other string) {
		if other != w {
			t.Errorf("%q and %q are too much alike", w, other)
		}
	}
	for w := range words {
		for i := range w {
			other := w[:i] + "?" + w[i+1:]
			if before, taken := forms[other]; taken {
				alike(w, before)
			}
			forms[other] = w
			if less := w[:i] + w[i+1:]; words[less] {
				alike(w, less)
			}
			if i > 0 {
				if swapped := w[:i-1] + w[i:i+1] + w[i-1:i] + w[i+1:]; words[swapped] {
					alike(w, swapped)
				}
			}
		}
	}
}

func TestWords(t *testing.T) {
	words, numbers := Words("sha256:" + strings.Repeat("00", 32))
	if words != [3]string{word(1), word(1), word(1)} || numbers != [3]int{1, 1, 1} {
		t.Errorf("zeros: %v %v", words, numbers)
	}
	words, numbers = Words("sha256:" + strings.Repeat("ff", 32))
	if words != [3]string{word(2048), word(2048), word(2048)} || numbers != [3]int{2048, 2048, 2048} {
		t.Errorf("ones: %v %v", words, numbers)
	}
	// 33 bits: 10000000000 00000000001 00000000010
	_, numbers = Words("sha256:8000040100" + strings.Repeat("0", 54))
	if numbers != [3]int{1025, 2, 3} {
		t.Errorf("bits are cut wrongly: %v", numbers)
	}
	for _, bad := range []string{"", "sha256:", "sha256:zz", strings.Repeat("0", 64), "sha256:" + strings.Repeat("00", 31)} {
		if words, _ := Words(bad); words != [3]string{} || MatchWords(bad, "") {
			t.Errorf("%q has words %v", bad, words)
		}
	}
}

func TestMatchWords(t *testing.T) {
	d := dr.Digest([]byte("plan"))
	w, n := Words(d)
	for _, typed := range []string{
		strings.Join(w[:], " "), strings.ToUpper(strings.Join(w[:], ", ")), " " + w[0] + "\t" + w[1] + "-" + w[2] + ". ",
		fmt.Sprintf("%d %d %d", n[0], n[1], n[2]), fmt.Sprintf("%04d,%s，%d", n[0], w[1], n[2]),
	} {
		if !MatchWords(d, typed) {
			t.Errorf("%q is refused", typed)
		}
	}
	for _, typed := range []string{"", w[0], w[0] + " " + w[1], w[1] + " " + w[0] + " " + w[2], strings.Join(w[:], ""), strings.Join(w[:], " ") + " " + w[0],
		fmt.Sprintf("%d %d %d", n[0]+1, n[1], n[2]), strings.Repeat("x ", 500), "-1 -1 -1"} {
		if MatchWords(d, typed) {
			t.Errorf("%q is taken", typed)
		}
	}
}

func FuzzMatchWords(f *testing.F) {
	f.Add("plan", "aardvark 1 zoology")
	f.Add("", "1 1 1")
	f.Fuzz(func(t *testing.T, plan, typed string) {
		d := dr.Digest([]byte(plan))
		w, _ := Words(d)
		if !MatchWords(d, w[0]+" "+w[1]+" "+w[2]) {
			t.Fatalf("%s does not match its own words", d)
		}
		if MatchWords(d, typed) && len(strings.FieldsFunc(typed, func(r rune) bool { return r == ' ' })) > 3 {
			t.Fatalf("%q is taken for three words", typed)
		}
		_ = MatchWords(typed, plan)
	})
}
