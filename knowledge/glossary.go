package knowledge

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
)

//go:embed glossary.txt
var glossaryFile string

// A sense is what several words say, in both languages.
type sense struct{ ways []way }

// A way is one word, or a few that belong together, to say a meaning.
type way struct {
	script script
	text   string   // of Chinese, as it stands
	stems  []string // of others: each word's, those that say nothing alone as well
	forms  []string // the terms it is made of
	vague  bool     // too little of it is left in them to be looked for by: of "run out" only "run"
}

// A glossary finds the meanings in a question.
type glossary struct {
	senses []sense
	starts map[string][]spot // by the stem, or the Chinese sign, a way begins with
}

// spot is a way of a sense.
type spot struct{ sense, way int }

// theGlossary reads the file that is part of the program.
var theGlossary = sync.OnceValue(func() *glossary { return readGlossary(glossaryFile) })

// readGlossary reads lines of "word, words | 词, 词"; # begins a remark.
func readGlossary(text string) *glossary {
	g := &glossary{starts: map[string][]spot{}}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		var m sense
		for _, one := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == '|' }) {
			if w := wayOf(strings.TrimSpace(one)); w.text != "" || len(w.stems) > 0 {
				m.ways = append(m.ways, w)
				key := w.first()
				g.starts[key] = append(g.starts[key], spot{len(g.senses), len(m.ways) - 1})
			}
		}
		if len(m.ways) > 0 {
			g.senses = append(g.senses, m)
		}
	}
	return g
}

func wayOf(text string) way {
	w := way{}
	wordsOf(text, func(word string) { w.forms = append(w.forms, formsOf(word)...) })
	if HasCJK(text) {
		w.script, w.text = han, text
		return w
	}
	w.stems = stemsOf(text)
	w.vague = len(w.stems) > 1 && len(w.forms) < 2
	return w
}

func (w way) first() string {
	if w.script == han {
		_, size := utf8.DecodeRuneInString(w.text)
		return w.text[:size]
	}
	return w.stems[0]
}

// stemsOf are the stems of a text's words in Latin script, one for each.
func stemsOf(text string) (out []string) {
	wordsOf(text, func(word string) {
		if !cjkWord(word) {
			out = append(out, english.Stem(strings.ToLower(word), true))
		}
	})
	return out
}

// heard finds the senses in a question, and the pairs of signs at the borders of Chinese words, which are
// none. Of words that overlap the longest is meant.
func (g *glossary) heard(text string) (out []spot, borders map[string]bool) {
	stems := stemsOf(text)
	for at := 0; at < len(stems); {
		found, n := g.longest(stems[at], func(w way) int {
			if w.script == latin && len(w.stems) <= len(stems)-at && slices.Equal(w.stems, stems[at:at+len(w.stems)]) {
				return len(w.stems)
			}
			return 0
		})
		out, at = append(out, found...), at+max(n, 1)
	}
	borders = map[string]bool{}
	for at := 0; at < len(text); {
		_, size := utf8.DecodeRuneInString(text[at:])
		found, n := g.longest(text[at:at+size], func(w way) int {
			if w.script == han && strings.HasPrefix(text[at:], w.text) {
				return len(w.text)
			}
			return 0
		})
		if n > 0 {
			_, before := utf8.DecodeLastRuneInString(text[:at])
			_, last := utf8.DecodeLastRuneInString(text[:at+n])
			_, after := utf8.DecodeRuneInString(text[at+n:])
			borders[text[at-before:at+size]], borders[text[at+n-last:at+n+after]] = true, true
		}
		out, at = append(out, found...), at+max(n, size)
	}
	return out, borders
}

// longest are the ways that fit best at one place, and how much of it they take.
func (g *glossary) longest(key string, fits func(way) int) (out []spot, most int) {
	for _, s := range g.starts[key] {
		switch n := fits(g.senses[s.sense].ways[s.way]); {
		case n == 0 || n < most:
		case n > most:
			out, most = []spot{s}, n
		default:
			out = append(out, s)
		}
	}
	return out, most
}

// What another word for one of the question's counts for beside it, where it is of the other language and
// where both are Chinese. Of English words others in English were no help; they do tell that a document
// holds what was asked.
const (
	otherTongue = 1
	sameTongue  = 0.1
)

// widen adds other words for those of the question, of its view alone.
func (w *view) widen(a *ask, heard []spot, at map[string]int) {
	g, weighed, seen := theGlossary(), map[term]int{}, map[spot]bool{}
	for _, s := range heard {
		if seen[s] {
			continue
		}
		seen[s] = true
		own := g.senses[s.sense].ways[s.way]
		for i, other := range g.senses[s.sense].ways {
			terms := w.wayTerms(other)
			if i == s.way || terms == nil {
				continue
			}
			for _, form := range own.forms {
				if n, ok := at[form]; ok {
					a.needs[n].others = append(a.needs[n].others, terms)
				}
			}
			if own.script == latin && other.script == latin {
				continue
			}
			weight := float32(sameTongue)
			if other.script != own.script {
				weight = otherTongue
			}
			for _, t := range terms {
				n, again := weighed[t]
				if !again {
					n = len(a.terms)
					weighed[t], a.terms = n, append(a.terms, entry{term: t})
				}
				a.terms[n].tf = max(a.terms[n].tf, weight/float32(len(terms)))
			}
		}
	}
}

// wayTerms are the terms of a way; none where one of them is unknown or it is not to be looked for.
func (w *view) wayTerms(of way) (out []term) {
	if of.vague {
		return nil
	}
	for _, form := range of.forms {
		t, ok := w.known(form)
		if !ok {
			return nil
		}
		out = append(out, t)
	}
	return out
}

// known is the term of a form that some passage in view holds.
func (w *view) known(form string) (term, bool) {
	t, ok := w.words.known(form)
	return t, ok && len(w.parts.postings(t)) > 0
}
