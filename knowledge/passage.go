package knowledge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	long     = 1800 // signs of a passage, about what is read at a glance and what an encoder takes in
	longest  = 3600 // signs of a table that is still kept whole
	leftover = 300  // signs at a section's end too few to stand alone
)

// Passage is a piece of a document that answers one thing: a section under its heading, or a part of
// a long one.
type Passage struct {
	ID       string    `json:"id"` // stays when the text under the heading is edited
	Doc      *Document `json:"-"`
	Headings []string  `json:"headings"` // below the title, outermost first
	Start    int       `json:"start"`    // lines of the document, from 1, both included
	End      int       `json:"end"`
	Text     string    `json:"text"`   // as it stands there
	Digest   string    `json:"digest"` // of what an encoder is shown

	script script
	aside  bool    // its heading says that it comes after the deed
	first  int     // line of the first line of Text
	terms  []entry // what words it holds, for the index
	size   float32 // how many, weighted as they are
}

// Heading is the way to the passage for people: title and headings.
func (p *Passage) Heading() string {
	if len(p.Headings) == 0 {
		return p.Doc.Title
	}
	return p.Doc.Title + " › " + strings.Join(p.Headings, " › ")
}

// way is the same for an encoder, in signs every one of them has met.
func (p *Passage) way() string {
	return strings.Join(append([]string{p.Doc.Title}, p.Headings...), " > ")
}

// cut makes passages of a document's blocks.
func cut(doc *Document, blocks []block) []*Passage {
	c := cutter{doc: doc, times: map[string]int{}}
	for _, b := range blocks {
		if b.level > 0 {
			c.section()
			c.enter(b)
			continue
		}
		c.add(b)
	}
	c.section()
	if len(c.out) == 0 && c.heading > 0 { // nothing but headings: they are all there is to find
		c.open = []block{{start: 1, end: c.heading, text: cmp.Or(strings.Trim(strings.Join(c.path, "\n"), "\n"), doc.Title)}}
		c.section()
	}
	return c.out
}

type cutter struct {
	doc     *Document
	out     []*Passage
	path    []string // headings that are open, and their levels
	levels  []int
	heading int     // line of the innermost heading, until a passage has begun with it
	open    []block // of the section
	times   map[string]int
	whole   []byte // what the digest of a passage is made of; kept for its memory
}

// enter opens a heading, closing those of its rank and below.
func (c *cutter) enter(b block) {
	for len(c.levels) > 0 && c.levels[len(c.levels)-1] >= b.level {
		c.levels, c.path = c.levels[:len(c.levels)-1], c.path[:len(c.path)-1]
	}
	c.levels, c.path = append(c.levels, b.level), append(c.path, b.text)
	c.heading = b.start
}

// add takes a block into the section, in parts where it is too long for one passage.
func (c *cutter) add(b block) {
	size := utf8.RuneCountInString(b.text)
	switch {
	case strings.TrimSpace(b.text) == "":
	case size <= long || b.whole && (size <= longest || !strings.HasPrefix(strings.TrimSpace(b.text), "|")):
		b.size = size
		c.open = append(c.open, b)
	case len(b.parts) > 1:
		for _, part := range b.parts {
			c.add(part)
		}
	default:
		for _, piece := range byLines(b) {
			piece.size = utf8.RuneCountInString(piece.text)
			c.open = append(c.open, piece)
		}
	}
}

// byLines cuts a block that has no parts, between lines, and a line only where it is longer than a passage.
func byLines(b block) []block {
	var out []block
	var text []string
	size, start := 0, b.start
	lines := strings.Split(b.text, "\n")
	for i, line := range lines {
		n := utf8.RuneCountInString(line)
		if size > 0 && size+n > long {
			out = append(out, block{start: start, end: b.start + i - 1, text: strings.Join(text, "\n")})
			text, size, start = nil, 0, b.start+i
		}
		for n > longest {
			head := string([]rune(line)[:long])
			out = append(out, block{start: b.start + i, end: b.start + i, text: head})
			line, n = line[len(head):], n-long
		}
		text, size = append(text, line), size+n+1
	}
	return append(out, block{start: start, end: max(b.end, start), text: strings.Join(text, "\n")})
}

// section makes passages of the open blocks: as many as fit into one, then the next.
func (c *cutter) section() {
	var group []block
	size := 0
	rest := 0
	for _, b := range c.open {
		rest += b.size
	}
	for _, b := range c.open {
		if size > 0 && size+b.size > long && rest > leftover {
			c.passage(group)
			group, size = nil, 0
		}
		group, size, rest = append(group, b), size+b.size, rest-b.size
	}
	if len(group) > 0 {
		c.passage(group)
	}
	c.open = nil
}

// passage closes one.
func (c *cutter) passage(group []block) {
	p := &Passage{Doc: c.doc, Start: group[0].start, End: group[len(group)-1].end, first: group[0].start, Text: together(group)}
	if at := strings.Index(c.doc.Text, p.Text); at >= 0 { // mostly it stands there as it is, and is kept once
		p.Text = c.doc.Text[at : at+len(p.Text)]
	}
	for _, h := range c.path {
		if h != c.doc.Title && h != "" {
			p.Headings = append(p.Headings, h)
		}
	}
	if c.heading > 0 {
		p.Start, c.heading = min(p.Start, c.heading), 0
	}
	p.aside = len(p.Headings) > 0 && asideMark().MatchString(p.Headings[len(p.Headings)-1])
	way := c.doc.Path + "\x00" + strings.Join(p.Headings, "\x00")
	p.ID = short([]byte(way + "\x00" + strconv.Itoa(c.times[way])))
	c.times[way]++
	c.whole = append(append(append(c.whole[:0], p.way()...), 0), p.Text...)
	p.Digest, p.script = short(c.whole), scriptOf(p.way(), p.Text)
	c.out = append(c.out, p)
}

// asideMark matches headings of what comes after the deed in most runbooks, whatever they are about.
var asideMark = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(verif|validat|proof|check that it worked|escalat|stop and call|whom to call|prevent|references?$|see also|related|further reading|don['’]t|do not|afterwards|` +
		`验证|如何确认|确认(恢复|结束)|升级|停手|预防|防止|参考|相关|不要|之后)`)
})

// together is the text of several blocks.
func together(group []block) string {
	if len(group) == 1 {
		return group[0].text
	}
	var text strings.Builder
	line := group[0].start
	for i, b := range group {
		if i > 0 {
			text.WriteString(strings.Repeat("\n", min(20, max(1, b.start-line)))) // so that a line of the text is a line of the document
		}
		text.WriteString(b.text)
		line = b.end
	}
	return text.String()
}

// short is a digest that names things among at most millions of others.
func short(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}
