package redact

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Rule is one kind of secret that is known by its shape.
type Rule struct {
	ID  string // stands in the mark and in the report
	Doc string // what it finds
}

// Rules lists every rule, in the order they are tried.
func Rules() []Rule {
	var out []Rule
	for _, s := range shapes() {
		if len(out) == 0 || out[len(out)-1].ID != s.id {
			out = append(out, Rule{ID: s.id, Doc: s.doc})
		}
	}
	return out
}

// stops end a value that is longer than what a pattern may look at.
const stops = " \t\r\n\"'`;<>"

// keyLimit is how many bytes after BEGIN may belong to a private key; the longest in use have
// fewer than 13,000.
const keyLimit = 16 << 10

var (
	keyEnd  = regexp.MustCompile(`-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----`)
	keyBody = regexp.MustCompile(`^(?:[A-Za-z0-9+/=\s]*|(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash): [^\r\n]*\s*)$`)
)

// span is a secret found in a line.
type span struct {
	from, to int
	shape    int // its number
	rule     string
	open     bool
}

// rules are the compiled shapes and the automaton that finds where to try them.
type rules struct {
	shapes []shape
	exprs  []*regexp.Regexp
	words  automaton
	folded uint64 // shapes that want the line in lower case
	digits uint64 // shapes of numbers
}

// table compiles once; it never changes afterwards.
var table = sync.OnceValue(func() *rules {
	t := &rules{shapes: shapes()}
	byWord := map[string]uint64{}
	for i, s := range t.shapes {
		t.exprs = append(t.exprs, nil)
		if s.scan == nil {
			t.exprs[i] = regexp.MustCompile(`\A(?:` + s.pattern + `)`)
		}
		if s.fold {
			t.folded |= 1 << i
		}
		if s.words == "" {
			t.digits |= 1 << i
		}
		for w := range strings.FieldsSeq(s.words) {
			byWord[w] |= 1 << i
		}
	}
	t.words = newAutomaton(byWord)
	return t
})

// find returns the secrets of a line, in order and without overlaps.
func (t *rules) find(line []byte) []span {
	var spans []span
	var lower []byte
	scanned := uint64(0)
	if manyDigits(line) {
		scanned = t.digits
	}
	state := uint16(0)
	for pos, c := range line {
		state = t.words.next[state][c]
		for _, hit := range t.words.hits[state] {
			if hit.shapes&t.folded != 0 && lower == nil {
				lower = lowerASCII(line)
			}
			for rest := hit.shapes; rest != 0; rest &= rest - 1 {
				i := lowest(rest)
				if t.shapes[i].scan != nil {
					scanned |= 1 << i
					continue
				}
				spans = t.try(spans, i, line, lower, pos+1-hit.length)
			}
		}
	}
	for rest := scanned; rest != 0; rest &= rest - 1 {
		i := lowest(rest)
		for _, n := range t.shapes[i].scan(line) {
			spans = append(spans, span{from: n[0], to: n[1], shape: i, rule: t.shapes[i].id})
		}
	}
	return merge(spans)
}

// try matches one shape at one place.
func (t *rules) try(spans []span, i int, line, lower []byte, at int) []span {
	s := &t.shapes[i]
	if s.behind != nil && !s.behind(line, at) {
		return spans
	}
	text, look := line, defaultLook
	if s.fold {
		text = lower
	}
	if s.look > 0 {
		look = s.look
	}
	end := min(len(text), at+look)
	loc := t.exprs[i].FindSubmatchIndex(text[at:end])
	if loc == nil {
		return spans
	}
	from, to := at+loc[0], at+loc[1]
	for g := 2; g < len(loc); g += 2 {
		if loc[g] >= 0 {
			from, to = at+loc[g], at+loc[g+1]
			break
		}
	}
	if to == end && end < len(line) {
		to = len(line)
		if n := bytes.IndexAny(line[end:], stops); n >= 0 {
			to = end + n
		}
	}
	from, to = unquote(line, from, to)
	if to > from && !marked(line[from:to]) && (s.accept == nil || s.accept(line[from:to])) {
		spans = append(spans, span{from: from, to: to, shape: i, rule: s.id, open: s.open})
	}
	return spans
}

// merge sorts spans and joins those that overlap; the first, by place and then by shape, names the mark.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.from-b.from, a.shape-b.shape) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from < out[n-1].to {
			longer := s.to >= out[n-1].to
			out[n-1].to = max(out[n-1].to, s.to)
			out[n-1].open = longer && s.open || !longer && out[n-1].open
			continue
		}
		out = append(out, s)
	}
	return out
}

// unquote leaves the quotation marks around a value in place, so that a masked file stays
// readable as what it is.
func unquote(line []byte, from, to int) (int, int) {
	for _, q := range []string{`\"`, `"`, `'`} {
		if !bytes.HasPrefix(line[from:to], []byte(q)) {
			continue
		}
		from += len(q)
		if bytes.HasSuffix(line[from:to], []byte(q)) {
			to -= len(q)
		}
		break
	}
	return from, to
}

// marked reports whether a value is already a mark.
func marked(v []byte) bool {
	return bytes.HasPrefix(v, []byte("[redacted:")) && bytes.IndexByte(v, ']') == len(v)-1
}
