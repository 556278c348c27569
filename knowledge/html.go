package knowledge

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlBlocks reads a page: its headings, paragraphs, items, rows and code, in the order they stand.
// Nothing is followed, run or shown; only words are taken.
func htmlBlocks(body string) []block {
	r := page{tokens: html.NewTokenizer(strings.NewReader(body)), line: 1}
	r.tokens.SetMaxBuf(maxFile)
	for {
		kind := r.tokens.Next()
		if kind == html.ErrorToken {
			r.flush()
			return r.out
		}
		r.next = r.line + strings.Count(string(r.tokens.Raw()), "\n")
		r.token(kind)
		r.line = r.next
	}
}

type page struct {
	tokens     *html.Tokenizer
	line, next int // of the token's first and last sign
	out        []block

	text   strings.Builder
	start  int // line of the first word in text
	level  int // heading that is open
	code   bool
	hidden atom.Atom // element whose content is no text, and how often it is open
	depth  int
}

func (p *page) token(kind html.TokenType) {
	switch kind {
	case html.TextToken:
		if p.hidden == 0 {
			p.say(string(p.tokens.Text()))
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		name, _ := p.tokens.TagName()
		p.open(atom.Lookup(name), kind == html.SelfClosingTagToken)
	case html.EndTagToken:
		name, _ := p.tokens.TagName()
		p.close(atom.Lookup(name))
	}
}

func (p *page) say(text string) {
	if p.text.Len() == 0 {
		trimmed := strings.TrimLeft(text, " \t\n")
		if trimmed == "" {
			return
		}
		p.start = p.line + strings.Count(text[:len(text)-len(trimmed)], "\n")
		text = trimmed
	}
	p.text.WriteString(text)
}

func (p *page) open(a atom.Atom, closed bool) {
	switch {
	case p.hidden != 0:
		if a == p.hidden && !closed {
			p.depth++
		}
	case closed && a != atom.Br:
	case a == atom.Script || a == atom.Style || a == atom.Template || a == atom.Noscript || a == atom.Title || a == atom.Svg:
		p.flush()
		p.hidden, p.depth = a, 1
	case a == atom.Br:
		p.say("\n")
	case rank(a) > 0:
		p.flush()
		p.level = rank(a)
	case a == atom.Pre:
		p.flush()
		p.code = true
	case (a == atom.Td || a == atom.Th) && p.text.Len() > 0:
		p.say(" | ")
	case breaks(a):
		p.flush()
	}
}

func (p *page) close(a atom.Atom) {
	switch {
	case p.hidden != 0:
		if a == p.hidden {
			if p.depth--; p.depth == 0 {
				p.hidden = 0
			}
		}
	case rank(a) > 0 || a == atom.Pre || breaks(a):
		p.flush()
	}
}

// flush ends the block that is open.
func (p *page) flush() {
	text := strings.TrimSpace(p.text.String())
	if !p.code {
		text = folded(text)
	}
	if text != "" {
		p.out = append(p.out, block{level: p.level, whole: p.code, start: p.start, end: max(p.start, p.line), text: text})
	}
	p.text.Reset()
	p.level, p.code = 0, false
}

// folded joins the words of each line by one blank.
func folded(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = oneLine(lines[i])
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func rank(a atom.Atom) int {
	switch a {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4, atom.H5, atom.H6:
		return 4
	}
	return 0
}

// breaks says whether an element begins a line of its own.
func breaks(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Li, atom.Ul, atom.Ol, atom.Tr, atom.Table, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main,
		atom.Nav, atom.Aside, atom.Blockquote, atom.Dl, atom.Dt, atom.Dd, atom.Hr, atom.Body, atom.Head, atom.Figure, atom.Details, atom.Summary:
		return true
	}
	return false
}
