package knowledge

import (
	"regexp"
	"strings"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// deepest is how far lists and quotes may be nested before a file is read as plain text. People stop
// at five; a parser that descends once for each is brought down by a million.
const deepest = 60

// blockParser is made once, since making it takes longer than parsing a short runbook. What it knows of a document it keeps
// in that document's own context, so that several may be read at a time.
var blockParser = sync.OnceValue(func() parser.Parser {
	return parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)))
})

// markdownBlocks finds the blocks of a Markdown document. Only its blocks are parsed: what stands inside a line is
// kept as it was written, because people are shown, and quote, the document itself.
func markdownBlocks(body string) []block {
	if tooDeep(body) {
		return textBlocks(body)
	}
	source := []byte(body)
	m := markdown{source: source, lines: strings.Split(body, "\n")}
	m.starts = make([]int, 0, len(m.lines))
	for at, line := 0, 0; line < len(m.lines); line++ {
		m.starts = append(m.starts, at)
		at += len(m.lines[line]) + 1
	}
	return m.blocks(blockParser().Parse(text.NewReader(source)), len(m.lines))
}

// tooDeep looks for a line that opens more quotes and lists than anybody means.
func tooDeep(body string) bool {
	run := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '>', '-', '+', '*':
			if run++; run > deepest && strings.ContainsAny(body[i-1:i+1], "> ") {
				return true
			}
		case ' ', '\t':
		case '\n':
			run = 0
		default:
			if run < deepest { // something else: this line opens no more
				end := strings.IndexByte(body[i:], '\n')
				if end < 0 {
					return false
				}
				i, run = i+end, 0
			}
		}
	}
	return false
}

type markdown struct {
	source []byte
	lines  []string
	starts []int // offset of each line
}

// blocks turns the children of a node into blocks. Each reaches from its first line to the line above
// the next, so that fences, rules and link definitions between two are never lost.
func (m *markdown) blocks(parent ast.Node, last int) []block {
	var out []block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		start, ok := m.first(n)
		if !ok {
			continue // a rule, an empty fence: part of what stands above it
		}
		if k := len(out); k > 0 && out[k-1].start >= start {
			continue // two blocks on one line, as in "- - a": one for people
		}
		out = append(out, m.block(n, start))
	}
	for i := range out {
		end := last
		if i+1 < len(out) {
			end = out[i+1].start - 1
		}
		out[i].end = m.trim(out[i].start, end)
		if out[i].level == 0 {
			out[i].text = strings.Join(m.lines[out[i].start-1:out[i].end], "\n")
		}
	}
	for i := range out {
		m.inside(&out[i])
	}
	return out
}

// block says what a node is.
func (m *markdown) block(n ast.Node, start int) block {
	b := block{start: start}
	switch n := n.(type) {
	case *ast.Heading:
		b.level, b.text = n.Level, plain(string(n.Lines().Value(m.source)))
	case *ast.FencedCodeBlock, *ast.CodeBlock, *extast.Table:
		b.whole = true
	case *ast.List, *ast.Blockquote:
		b.parts = m.parts(n)
	}
	return b
}

// parts are the items of a list or the blocks of a quotation: where it may be cut.
func (m *markdown) parts(n ast.Node) []block {
	var out []block
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if start, ok := m.first(c); ok && (len(out) == 0 || out[len(out)-1].start < start) {
			out = append(out, block{start: start, whole: holdsCode(c)})
		}
	}
	return out
}

// inside gives the parts of a block their ends and text.
func (m *markdown) inside(b *block) {
	for i := range b.parts {
		end := b.end
		if i+1 < len(b.parts) {
			end = b.parts[i+1].start - 1
		}
		p := &b.parts[i]
		p.end = m.trim(p.start, end)
		p.text = strings.Join(m.lines[p.start-1:p.end], "\n")
	}
}

func holdsCode(n ast.Node) bool {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c.(type) {
		case *ast.FencedCodeBlock, *ast.CodeBlock, *extast.Table:
			return true
		}
		if holdsCode(c) {
			return true
		}
	}
	return false
}

// first is the line a node begins at; false where it has no text at all.
func (m *markdown) first(n ast.Node) (int, bool) {
	if n.Type() == ast.TypeInline {
		return 0, false
	}
	if f, ok := n.(*ast.FencedCodeBlock); ok {
		if f.Info != nil {
			return m.line(f.Info.Segment.Start), true
		}
		if f.Lines().Len() > 0 {
			return max(1, m.line(f.Lines().At(0).Start)-1), true // the fence stands above
		}
		return 0, false
	}
	if n.Lines() != nil && n.Lines().Len() > 0 {
		return m.line(n.Lines().At(0).Start), true
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if line, ok := m.first(c); ok {
			return line, true
		}
	}
	return 0, false
}

// line is the line of an offset.
func (m *markdown) line(offset int) int {
	low, high := 0, len(m.starts)
	for low+1 < high {
		if mid := (low + high) / 2; m.starts[mid] <= offset {
			low = mid
		} else {
			high = mid
		}
	}
	return low + 1
}

// trim leaves out empty lines at the end.
func (m *markdown) trim(start, end int) int {
	for end > start && strings.TrimSpace(m.lines[end-1]) == "" {
		end--
	}
	return end
}

var (
	linkMark  = regexp.MustCompile(`!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])`)
	tagMark   = regexp.MustCompile(`</?[a-zA-Z][^>]*>`)
	emphasis  = regexp.MustCompile("[*`]+|(^|[^\\w])_+|_+($|[^\\w])")
	headingID = regexp.MustCompile(`\s*(\{#[^}]*\}|#+)\s*$`)
)

// plain is a heading without the marks of Markdown.
func plain(text string) string {
	if !strings.ContainsAny(text, "[<*_`\\{#") {
		return oneLine(text)
	}
	text = headingID.ReplaceAllString(oneLine(text), "")
	text = linkMark.ReplaceAllString(text, "$1")
	text = tagMark.ReplaceAllString(text, " ")
	text = emphasis.ReplaceAllString(text, "$1$2")
	return oneLine(strings.ReplaceAll(text, `\`, ""))
}
