package approval

import (
	_ "embed"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// wordText holds 2,048 words, one a line; the number of a word is its line. The order is part of
// what people read out to each other and never changes.
//
//go:embed words.txt
var wordText string

const wordBits = 11

// wordList is the text cut once.
var wordList = sync.OnceValue(func() []string { return strings.Fields(wordText) })

// word gives the word with a number from 1 to 2,048.
func word(number int) string { return wordList()[number-1] }

// Words are the first 33 bits of a digest in three words, for people to read and type; each has a
// number, 1 to 2,048, that may be typed instead. They prove that somebody read this page, not that
// the plan is the right one: that is the digest's work. Without a digest all are empty.
func Words(digest string) (words [3]string, numbers [3]int) {
	numbers, ok := wordNumbers(digest)
	if !ok {
		return words, numbers
	}
	for i, n := range numbers {
		words[i] = word(n)
	}
	return words, numbers
}

func wordNumbers(digest string) (numbers [3]int, ok bool) {
	raw, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	if err != nil || len(raw) != 32 || !strings.HasPrefix(digest, "sha256:") {
		return numbers, false
	}
	var bits uint64
	for _, b := range raw[:5] {
		bits = bits<<8 | uint64(b)
	}
	bits >>= 40 - 3*wordBits
	for i := range numbers {
		numbers[i] = int(bits>>(wordBits*(2-i)))&(1<<wordBits-1) + 1
	}
	return numbers, true
}

// MatchWords says whether the three words, or their numbers, were typed in order. Case, blanks,
// commas and full-width letters do not matter.
func MatchWords(digest, typed string) bool {
	numbers, ok := wordNumbers(digest)
	if !ok || len(typed) > maxTyped {
		return false
	}
	fields := strings.FieldsFunc(strings.Map(narrow, typed), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if len(fields) != len(numbers) {
		return false
	}
	for i, f := range fields {
		if n, err := strconv.ParseUint(f, 10, 16); err == nil {
			if int(n) != numbers[i] {
				return false
			}
		} else if !strings.EqualFold(f, word(numbers[i])) {
			return false
		}
	}
	return true
}
