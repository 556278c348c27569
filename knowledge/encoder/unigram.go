package encoder

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// unigram cuts text into the pieces that are most likely together, as SentencePiece does: of all ways to
// cut, the one with the largest sum of scores.
type unigram struct {
	*vocabulary
	score   []float32
	unknown uint32
	penalty float32 // the score of a letter that no piece has

	letters, ends, written []uint32 // sorted letters; what each is written as is written[ends[i]:ends[i+1]]
}

// space is written for a blank, so that it can be part of a piece.
const space = "▁"

func readUnigram(t *tensors, v *vocabulary, unknown uint32) (*unigram, error) {
	n := t.length("letters")
	u := &unigram{
		vocabulary: v, unknown: unknown, score: get[float32](t, "tokens.score", v.size()),
		letters: get[uint32](t, "letters", n), ends: get[uint32](t, "letters.offsets", n+1),
		written: get[uint32](t, "letters.written", t.length("letters.written")),
	}
	if t.err != nil {
		return nil, t.err
	}
	if !slices.IsSorted(u.ends) || int(u.ends[n]) > len(u.written) {
		return nil, fmt.Errorf("the letters' offsets end at %d of %d", u.ends[n], len(u.written))
	}
	u.penalty = slices.Min(u.score) - 10
	return u, nil
}

// cut gives the tokens of a text.
func (u *unigram) cut(text string) []uint32 {
	letters := u.write(text)
	// The best way to cut the text up to each byte: its score, its last piece, and where that begins.
	type way struct {
		score float32
		piece uint32
		from  int
	}
	best := make([]way, len(letters)+1)
	for i := range best[1:] {
		best[i+1].score = float32(math.Inf(-1))
	}
	for from := 0; from < len(letters); {
		_, first := utf8.DecodeRune(letters[from:])
		offer := func(to int, piece uint32, score float32) {
			if score += best[from].score; score > best[to].score {
				best[to] = way{score, piece, from}
			}
		}
		h := hashStart
		for to := from; to < len(letters) && to-from < u.longest; {
			_, n := utf8.DecodeRune(letters[to:])
			h = hash(h, letters[to:to+n])
			to += n
			if id, ok := u.find(h, letters[from:to]); ok {
				offer(to, id, u.score[id])
			}
		}
		offer(from+first, u.unknown, u.penalty)
		from += first
	}
	var ids []uint32
	for at := len(letters); at > 0; at = best[at].from {
		ids = append(ids, best[at].piece)
	}
	slices.Reverse(ids)
	return ids
}

// write puts a text into the letters that pieces are made of: one form for each letter, one blank between
// words, and one before the first.
func (u *unigram) write(text string) []byte {
	out, blank := []byte(space), true
	add := func(r rune) {
		switch {
		case r != ' ':
			out = utf8.AppendRune(out, r)
		case !blank:
			out = append(out, space...)
		}
		blank = r == ' '
	}
	for _, r := range text {
		i, found := slices.BinarySearch(u.letters, uint32(r))
		if !found {
			add(r)
			continue
		}
		for _, w := range u.written[u.ends[i]:u.ends[i+1]] {
			add(rune(w))
		}
	}
	return out
}
