package knowledge

import (
	"fmt"
	"strings"
	"unicode"
)

// Safe makes text harmless to look at: signs that turn or hide what stands beside them are spelt out
// or left out, so that a line reads on screen as a machine would read it. Line ends and tabs stay.
// Lines are neither joined nor split.
func Safe(text string) string {
	if plainASCII(text) || strings.IndexFunc(text, odd) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		switch {
		case !odd(r):
			b.WriteRune(r)
		case invisible(r):
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the picture of a control sign
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

// plainASCII says, sooner than looking at every sign, that nothing in a text is odd: most are like that.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// odd is a sign that must not reach a screen as it is.
func odd(r rune) bool {
	return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || invisible(r) || turns(r) ||
		r == 0x2028 || r == 0x2029 || r >= 0xE0000 && r <= 0xE007F || r >= 0xFFF9 && r <= 0xFFFB
}

// invisible takes no room: zero-width spaces and joiners, the soft hyphen, byte order marks. Inside a
// word they keep it from being found.
func invisible(r rune) bool {
	return r == 0xAD || r >= 0x200B && r <= 0x200D || r == 0x2060 || r == 0xFEFF || r == 0x180E || r == 0x034F
}

// turns changes the direction of what follows.
func turns(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// cjk is a sign of a script that writes without spaces between words.
func cjk(r rune) bool { return r >= 0x3400 && cjkAbove(r) }

func cjkAbove(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }

// HasCJK says whether a text holds Chinese or Japanese signs; it chooses the encoder of a question.
func HasCJK(text string) bool { return strings.IndexFunc(text, cjk) >= 0 }
