package redact

import (
	"strings"
	"unicode/utf8"
)

// maxSequence is the longest terminal sequence that is taken out whole. Of a longer or unfinished
// one only the introducer goes, so that nothing can hide the rest of a text behind it.
const maxSequence = 4096

// Safe makes text of unknown origin harmless to show in a terminal, in chat or in a page that
// escapes HTML: terminal sequences (colours, titles, clipboard, links) are taken out, control
// characters except line feed and tab too, as are bidirectional, zero-width and other invisible
// marks; what is no UTF-8 becomes U+FFFD. Everything else stays, Chinese and emoji included.
func Safe(text string) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == 0x1B || r >= 0x80 && r <= 0x9F:
			n = sequence(text, r, n)
		case r == utf8.RuneError:
			b.WriteRune(utf8.RuneError)
		case r == '\n' || r == '\t' || r >= 0x20 && r != 0x7F && !invisible(r):
			b.WriteRune(r)
		}
		text = text[n:]
	}
	return b.String()
}

// Line makes text one safe line of at most limit characters; what was cut is shown by "…".
func Line(text string, limit int) string {
	text = strings.Join(strings.Fields(Safe(text)), " ")
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	n := 0
	for i := range text {
		if n++; n == limit {
			return strings.TrimRight(text[:i], " ") + "…"
		}
	}
	return text
}

// plain is the quick answer for printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 0x20 && c != '\n' && c != '\t') || c >= 0x7F {
			return false
		}
	}
	return true
}

// sequence returns the length of the terminal sequence that text begins with, introducer r of n bytes.
func sequence(text string, r rune, n int) int {
	kind := byte(0)
	switch {
	case r == 0x1B && len(text) > 1:
		kind = text[1]
		n++
	case r == 0x1B:
		return n
	default:
		kind = byte(r - 0x40) // C1 form of ESC @ … ESC _
	}
	switch kind {
	case '[':
		return controlSequence(text, n)
	case ']', 'P', 'X', '^', '_':
		return stringSequence(text, n)
	}
	switch {
	case r != 0x1B:
		return n
	case kind >= 0x20 && kind <= 0x2F: // ESC ( B and its like
		for n < len(text) && text[n] >= 0x20 && text[n] <= 0x2F {
			n++
		}
		return min(n+1, len(text))
	case kind >= 0x30 && kind <= 0x7E:
		return n
	}
	return 1 // ESC before something else: only ESC goes
}

func controlSequence(text string, n int) int {
	for i := n; i < len(text) && i < maxSequence; i++ {
		switch c := text[i]; {
		case c >= 0x40 && c <= 0x7E:
			return i + 1
		case c < 0x20 || c > 0x3F:
			return n
		}
	}
	return n
}

func stringSequence(text string, n int) int {
	for i := n; i < len(text) && i < maxSequence; i++ {
		switch c := text[i]; {
		case c == 0x07:
			return i + 1
		case c == 0x1B && i+1 < len(text) && text[i+1] == '\\':
			return i + 2
		case c == 0xC2 && i+1 < len(text) && text[i+1] == 0x9C:
			return i + 2
		case c == '\n', c == 0x1B, c == 0xC2 && i+1 < len(text) && text[i+1] < 0xA0:
			return n // another sequence begins: each byte is looked at a few times only
		}
	}
	return n
}

// invisible are the characters that turn, join or hide others.
func invisible(r rune) bool {
	switch {
	case r >= 0x200B && r <= 0x200F, // zero width, left-to-right and right-to-left marks
		r >= 0x2028 && r <= 0x202E,   // line and paragraph separators, embeddings and overrides
		r >= 0x2060 && r <= 0x206F,   // word joiner, isolates, invisible operators
		r >= 0xFFF9 && r <= 0xFFFB,   // interlinear annotation
		r >= 0xE0000 && r <= 0xE0FFF: // tags and supplementary variation selectors
		return true
	}
	switch r {
	case 0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180E, 0x3164, 0xFEFF, 0xFFA0:
		return true
	}
	return false
}
