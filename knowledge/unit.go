package knowledge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Span is a stretch of a document that answers, in lines from 1, both included.
type Span struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Kind  string `json:"kind"` // text, steps, code or table
	Text  string `json:"text"` // word for word

	list int // numbered steps it is part of, from 1 within its passage; 0: none
}

// The kinds of a span; people are shown each in its own way.
const (
	Prose = "text"
	Steps = "steps"
	Code  = "code"
	Table = "table"
)

// unit is the least that is marked: a paragraph, an item, a fence, a table.
type unit struct {
	span Span
	tops bool // announces what follows: ends with a colon
}

var (
	stepMark  = regexp.MustCompile(`^\s{0,3}(\d{1,3})[.)]\s`)
	itemMark  = regexp.MustCompile(`^\s{0,8}([-*+]|\d{1,3}[.)])\s`)
	fenceMark = regexp.MustCompile("^\\s*(```|~~~)")
)

// unitsOf parts a passage into what is read as one.
func unitsOf(p *Passage) []unit {
	var out []unit
	lines := strings.Split(p.Text, "\n")
	for at := 0; at < len(lines); {
		if strings.TrimSpace(lines[at]) == "" {
			at++
			continue
		}
		end, kind := unitAt(lines, at)
		text := strings.Join(lines[at:end], "\n")
		last := strings.TrimRight(lines[end-1], " \t*_")
		out = append(out, unit{span: Span{Start: p.first + at, End: p.first + end - 1, Kind: kind, Text: text},
			tops: kind != Code && (strings.HasSuffix(last, ":") || strings.HasSuffix(last, "："))})
		at = end
	}
	number(out)
	return out
}

// number finds the lists of numbered steps, with the code and the lines that are indented below a step.
func number(units []unit) {
	list, last, open := 0, 0, false
	for i := range units {
		s := &units[i].span
		step := stepMark.FindStringSubmatch(s.Text)
		switch {
		case s.Kind == Steps && step != nil:
			n, _ := strconv.Atoi(step[1]) // three digits at most
			if !open || n != last+1 {
				list++
			}
			s.list, last, open = list, n, true
		case open && (s.Kind == Code || strings.HasPrefix(s.Text, "  ") || strings.HasPrefix(s.Text, "\t")):
			s.list = list
		default:
			open = false
		}
	}
}

// unitAt finds the end of the unit that begins at a line, and its kind.
func unitAt(lines []string, at int) (end int, kind string) {
	first := lines[at]
	switch {
	case fenceMark.MatchString(first):
		mark := strings.TrimSpace(first)[:3]
		for end = at + 1; end < len(lines); end++ {
			if strings.HasPrefix(strings.TrimSpace(lines[end]), mark) {
				return end + 1, Code
			}
		}
		return end, Code
	case strings.HasPrefix(first, "    ") || strings.HasPrefix(first, "\t"):
		end = run(lines, at, func(s string) bool { return strings.HasPrefix(s, "    ") || strings.HasPrefix(s, "\t") })
		return end, Code
	case strings.HasPrefix(strings.TrimSpace(first), "|"):
		return run(lines, at, func(s string) bool { return strings.HasPrefix(strings.TrimSpace(s), "|") }), Table
	case itemMark.MatchString(first):
		for end = at + 1; end < len(lines); end++ { // to the next item; what is indented below it is its own
			s := lines[end]
			if itemMark.MatchString(s) || fenceMark.MatchString(s) || strings.TrimSpace(s) == "" {
				break
			}
		}
		return end, Steps
	}
	return run(lines, at, func(s string) bool {
		return strings.TrimSpace(s) != "" && !itemMark.MatchString(s) && !fenceMark.MatchString(s) && !strings.HasPrefix(strings.TrimSpace(s), "|")
	}), Prose
}

func run(lines []string, at int, goes func(string) bool) int {
	for at++; at < len(lines) && goes(lines[at]); at++ {
	}
	return at
}

const (
	mostMarked = 900 // signs that are marked in one passage: more is no answer but a document
	mostUnits  = 12
)

// mark chooses the units of a passage that answer: those that hold most of what was asked, with what
// they announce. Where the heading holds it and no line does, the section itself is the answer, from
// its top.
func (w *view) mark(a ask, p *Passage) []Span {
	units := unitsOf(p)
	if len(units) == 0 {
		return nil
	}
	worth := map[term]float64{}
	for _, e := range a.terms {
		worth[e.term] = w.parts.idf(e.term) * min(1, float64(e.tf))
	}
	scores := make([]float64, len(units))
	top := 0.0
	for i, u := range units {
		scores[i] = w.words.holds(u.span.Text, worth)
		top = max(top, scores[i])
	}
	chosen := make([]bool, len(units))
	if top > 0 && top >= 0.6*w.words.holds(p.Heading(), worth) {
		for i := range units {
			chosen[i] = scores[i] >= 0.6*top
		}
	} else {
		for i := range min(mostUnits, len(units)) {
			chosen[i] = true
		}
	}
	return spans(units, chosen)
}

// goesOn says whether another span is of the same steps.
func (s Span) goesOn(next Span) bool { return s.list > 0 && s.list == next.list }

// holds adds up what the terms in a text of the index are worth, each once.
func (l *lexicon) holds(text string, worth map[term]float64) float64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	seen := map[term]bool{}
	sum := 0.0
	wordsOf(text, func(word string) {
		terms, _ := l.words.find(word)
		for _, t := range terms {
			if w := worth[t]; w > 0 && !seen[t] {
				seen[t] = true
				sum += w
			}
		}
	})
	return sum
}

// spans joins chosen neighbours of one kind, takes what a chosen unit announces, and stops where it gets long. Of
// numbered steps it takes all, for somebody may type what they read; and no command without what stands before it.
func spans(units []unit, chosen []bool) []Span {
	lists := map[int]bool{0: false}
	for i, u := range units {
		if chosen[i] && u.span.list > 0 {
			lists[u.span.list] = true
		}
	}
	for i := range units {
		chosen[i] = chosen[i] || lists[units[i].span.list]
		if i > 0 && chosen[i] && units[i].span.Kind == Code && units[i-1].span.Kind != Code {
			chosen[i-1] = true
		}
	}
	for i := range units {
		if chosen[i] && units[i].tops {
			for j := i + 1; j < len(units) && j <= i+mostUnits && (j == i+1 || units[j].span.Kind == units[i+1].span.Kind); j++ {
				chosen[j] = true
			}
		}
		if chosen[i] && i+1 < len(units) && units[i+1].span.Kind == Code && units[i].span.Kind != Code {
			chosen[i+1] = true
		}
	}
	var out []Span
	size := 0
	for i, u := range units {
		if !chosen[i] {
			continue
		}
		size += len([]rune(u.span.Text))
		if n := len(out); n > 0 && size > mostMarked && !out[n-1].goesOn(u.span) {
			break
		}
		if n := len(out); n > 0 && chosen[i-1] && out[n-1].Kind == u.span.Kind && u.span.Kind == Steps {
			gap := max(1, u.span.Start-out[n-1].End)
			out[n-1].End, out[n-1].Text = u.span.End, out[n-1].Text+strings.Repeat("\n", gap)+u.span.Text
			continue
		}
		out = append(out, u.span)
	}
	return slices.Clip(out)
}
