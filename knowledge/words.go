package knowledge

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
)

// A term is a word in the form it is searched by. Terms are numbers, so that an index is arrays.
type term uint32

// lexicon gives words their terms and remembers them; it only grows. Which words it knows says nothing
// about what anybody may see: a term without passages in a view counts like an unknown word.
type lexicon struct {
	mu    sync.RWMutex
	terms map[string]term
	words wordTable // so that no word is taken apart twice
}

func newLexicon() *lexicon { return &lexicon{terms: map[string]term{}, words: newWordTable()} }

func (l *lexicon) size() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.terms)
}

// wordReader learns the words of passages. It remembers those it has met, since a corpus is a few
// thousand words a million times; each goroutine has its own.
type wordReader struct {
	all *lexicon
	met wordTable

	counts  []float32 // of the passage at hand, by term
	counted []term    // those that are not 0
}

func (l *lexicon) reader() *wordReader { return &wordReader{all: l, met: newWordTable()} }

// learn finds the terms of a word and gives new ones a number.
func (r *wordReader) learn(word string) []term {
	ts, ok := r.met.find(word)
	if !ok {
		ts = r.all.learn(word)
		r.met.put(word, ts)
	}
	return ts
}

func (l *lexicon) learn(word string) []term {
	l.mu.RLock()
	ts, ok := l.words.find(word)
	l.mu.RUnlock()
	if ok {
		return ts
	}
	forms := formsOf(word)
	ts = make([]term, len(forms))
	l.mu.Lock()
	defer l.mu.Unlock()
	if ts, ok := l.words.find(word); ok { // another was sooner
		return ts
	}
	for i, form := range forms {
		t, ok := l.terms[form]
		if !ok {
			t = term(len(l.terms))
			l.terms[strings.Clone(form)] = t
		}
		ts[i] = t
	}
	l.words.put(word, ts)
	return ts
}

// known finds the term of a form without learning it.
func (l *lexicon) known(form string) (term, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t, ok := l.terms[form]
	return t, ok
}

// wordsOf calls each with every word of a text: runs of letters and digits, with the joints of a name
// left in (pg_stat_activity, ora-01555), and for scripts without spaces every pair of signs.
func wordsOf(text string, each func(string)) {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case r < utf8.RuneSelf && !alnum[r]:
			at++
		case cjk(r):
			at = pairs(text, at, each)
		case r < utf8.RuneSelf || unicode.IsLetter(r) || unicode.IsDigit(r):
			end := wordEnd(text, at+size)
			each(text[at:end])
			at = end
		default:
			at += size
		}
	}
}

// wordEnd goes on to where a word ends.
func wordEnd(text string, at int) int {
	for at < len(text) {
		if text[at] < utf8.RuneSelf {
			if !alnum[text[at]] && !joint(text, at) {
				break
			}
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[at:])
		if cjk(r) || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			break
		}
		at += size
	}
	return at
}

var alnum = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	return is
}()

// joint says whether a sign holds two halves of a name together.
func joint(text string, at int) bool {
	if at+1 >= len(text) || !alnum[text[at+1]] {
		return false
	}
	switch text[at] {
	case '_':
		return true
	case '-': // of an error code: letters, dash, digits
		return text[at+1] >= '0' && text[at+1] <= '9'
	}
	return false
}

// pairs calls each with every two neighbouring signs of a run, or with the one there is.
func pairs(text string, at int, each func(string)) int {
	_, size := utf8.DecodeRuneInString(text[at:])
	for first := true; ; first = false {
		next := at + size
		r, n := utf8.DecodeRuneInString(text[next:])
		if !cjk(r) {
			if first {
				each(text[at:next])
			}
			return next
		}
		each(text[at : next+n])
		at, size = next, n
	}
}

// formsOf are the terms of a word: itself as a name, and the stems of its parts.
func formsOf(word string) []string {
	if len(word) > 64 && !cjkWord(word) {
		return nil // a digest, a key, a blob: nobody asks for it by a part
	}
	lower := strings.ToLower(word)
	parts := partsOf(word)
	if len(parts) == 1 {
		return one(lower)
	}
	forms := []string{lower}
	for _, p := range parts {
		forms = append(forms, one(strings.ToLower(p))...)
	}
	return forms
}

func cjkWord(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return cjk(r)
}

// one is the stem of a single word; none for words that say nothing.
func one(lower string) []string {
	if silent[lower] || len(lower) == 1 && (lower[0] < '0' || lower[0] > '9') {
		return nil
	}
	if lower[0] >= 'a' && lower[0] <= 'z' && len(lower) > 2 {
		return []string{english.Stem(lower, true)}
	}
	return []string{lower}
}

// partsOf splits KubePodCrashLooping, pg_stat_activity and http2Server into their words.
func partsOf(word string) []string {
	var parts []string
	start := 0
	for i := 1; i < len(word); i++ {
		a, b := word[i-1], word[i]
		switch {
		case b == '_' || b == '-':
			if start < i {
				parts = append(parts, word[start:i])
			}
			start = i + 1
		case i > start && upperASCII(b) && (lowerASCII(a) || digit(a) && i+1 < len(word) && lowerASCII(word[i+1])):
			parts = append(parts, word[start:i])
			start = i
		case i > start && upperASCII(a) && upperASCII(b) && i+1 < len(word) && lowerASCII(word[i+1]) && !(word[i+1] == 's' && i+2 == len(word)):
			parts = append(parts, word[start:i]) // HTTPServer
			start = i
		}
	}
	if start < len(word) {
		parts = append(parts, word[start:])
	}
	return parts
}

func lowerASCII(c byte) bool { return c >= 'a' && c <= 'z' }
func upperASCII(c byte) bool { return c >= 'A' && c <= 'Z' }
func digit(c byte) bool      { return c >= '0' && c <= '9' }

// silent are words that stand in every text and tell none from another.
var silent = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(`a an and are as at be been being but by can could did do does doing done for from had has have having he
		her here hers him his how i if in into is it its itself just me more most my no nor not of off on once only or other our ours out over own
		s same she should so some such t than that the their theirs them then there these they this those through to too under until up
		very was we were what when where which while who whom why will with would you your yours about above after again against all am
		any because before below between both down during each few further don now ll re ve d m us shall may might must
		怎么 么办 么样 怎样 如何 什么 哪些 哪个 哪里 是否 可以 应该 多少 请问 一下 这个 那个 我们 你们 他们 现在`) {
		all[w] = true
	}
	return all
}()
