package encoder

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordpiece cuts text as the uncased models of BERT were trained on it: words in lower case and without
// accents, each cut into the longest beginnings that the vocabulary has. What does not begin a word
// stands there behind ##.
type wordpiece struct {
	*vocabulary
	unknown uint32
}

// cut gives the tokens of a text.
func (w *wordpiece) cut(text string) []uint32 {
	var ids []uint32
	word, letters := []byte(inside), 0
	add := func(r rune) {
		word = utf8.AppendRune(word, r)
		letters++
	}
	finish := func() {
		if letters > 0 {
			ids = w.pieces(ids, word, letters)
		}
		word, letters = word[:len(inside)], 0
	}
	for _, r := range norm.NFD.String(text) {
		switch {
		case silent(r):
		case unicode.IsSpace(r):
			finish()
		case alone(r):
			finish()
			add(r)
			finish()
		default:
			add(unicode.ToLower(r))
		}
	}
	finish()
	return ids
}

const (
	inside      = "##" // before pieces that do not begin a word
	longestWord = 100  // in letters; a longer word is one unknown token
)

// pieces adds the longest pieces that make up a word, or says that it is unknown. The word has room for
// the sign before it; from the second piece on the sign takes the place of letters that are done with.
func (w *wordpiece) pieces(ids []uint32, word []byte, letters int) []uint32 {
	known := len(ids)
	begin := len(inside)
	for at := begin; at < len(word); {
		id, end := w.longestAt(word, begin, at)
		if end == 0 || letters > longestWord {
			return append(ids[:known], w.unknown)
		}
		ids = append(ids, id)
		at, begin = end, end-len(inside)
		copy(word[begin:], inside)
	}
	return ids
}

// longestAt is the longest piece that begins at begin and reaches beyond at, and its end; 0 when there is none.
func (w *wordpiece) longestAt(word []byte, begin, at int) (id uint32, end int) {
	h := hash(hashStart, word[begin:at])
	for at < len(word) && at-begin < w.longest {
		_, n := utf8.DecodeRune(word[at:])
		h = hash(h, word[at:at+n])
		at += n
		if found, ok := w.find(h, word[begin:at]); ok {
			id, end = found, at
		}
	}
	return id, end
}

// silent letters are left out: marks on other letters, control signs, and what cannot be read.
func silent(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	return r == utf8.RuneError || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.C, r) ||
		!unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z)
}

// alone says whether a sign is a word of its own: punctuation, every sign of ASCII that is neither letter
// nor digit, and each Chinese character.
func alone(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z')
	}
	return unicode.IsPunct(r) || ideograph(r)
}

// ideograph follows the list of BERT, which leaves out kana and hangul.
func ideograph(r rune) bool {
	switch {
	case r >= 0x4E00 && r <= 0x9FFF, r >= 0x3400 && r <= 0x4DBF, r >= 0x20000 && r <= 0x2A6DF, r >= 0x2A700 && r <= 0x2B73F,
		r >= 0x2B740 && r <= 0x2B81F, r >= 0x2B820 && r <= 0x2CEAF, r >= 0xF900 && r <= 0xFAFF, r >= 0x2F800 && r <= 0x2FA1F:
		return true
	}
	return false
}
