package prompts

import (
	"strings"
	"unicode"
)

// folded is a text with its white space folded: any stretch of it is one blank, and none at the edges
// and beside Chinese characters, which lines are broken between at will. Byte i of it comes from the
// original's bytes at[i] to after[i].
type folded struct {
	text      string
	at, after []int
}

func fold(s string) folded {
	var f folded
	var b strings.Builder
	blank, last := -1, rune(0)
	for i, r := range s {
		if unicode.IsSpace(r) {
			if blank < 0 {
				blank = i
			}
			continue
		}
		if blank >= 0 && b.Len() > 0 && !wide(last) && !wide(r) {
			b.WriteByte(' ')
			f.at, f.after = append(f.at, blank), append(f.after, i)
		}
		before := b.Len()
		end := i + runeLen(s, i, r)
		b.WriteString(s[i:end])
		for range b.Len() - before {
			f.at, f.after = append(f.at, i), append(f.after, end)
		}
		blank, last = -1, r
	}
	f.text = b.String()
	return f
}

// runeLen is the length of the character at i; a byte that is no UTF-8 is one.
func runeLen(s string, i int, r rune) int {
	if r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(unicode.ReplacementChar)) {
		return 1
	}
	return len(string(r))
}

// find says where in the original a folded text stands.
func (f folded) find(part folded) (from, to int, ok bool) {
	if part.text == "" {
		return 0, 0, false
	}
	i := strings.Index(f.text, part.text)
	if i < 0 {
		return 0, 0, false
	}
	return f.at[i], f.after[i+len(part.text)-1], true
}

// wide characters stand without blanks: Chinese ones and their punctuation.
func wide(r rune) bool {
	return unicode.Is(unicode.Han, r) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF65
}
