package knowledge

import (
	"path"
	"strings"
)

// A block is a piece of a document that reads as one: a paragraph, a list, a table, a fence of code.
type block struct {
	level      int    // of a heading, from 1; 0: no heading
	whole      bool   // never cut: code, and tables as long as they are bearable
	start, end int    // lines, from 1, both included
	text       string // as it stands in the document; of a heading, its words without marks
	size       int    // signs of text, once it is to be part of a passage
	parts      []block
}

func (b *block) shift(lines int) {
	b.start, b.end = b.start+lines, b.end+lines
	for i := range b.parts {
		b.parts[i].shift(lines)
	}
}

// formatOf finds the reader for a file by its name; nil: it is nothing people read here.
func formatOf(name string) func(string) []block {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".markdown":
		return markdownBlocks
	case ".txt", ".text":
		return textBlocks
	case ".html", ".htm":
		return htmlBlocks
	}
	return nil
}

// textBlocks reads plain text: paragraphs between empty lines.
func textBlocks(body string) []block {
	var out []block
	var open []string
	flush := func(before int) { // before: the line the paragraph ends above
		if len(open) > 0 {
			out = append(out, block{start: before - len(open), end: before - 1, text: strings.Join(open, "\n")})
			open = nil
		}
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			flush(i + 1)
			continue
		}
		open = append(open, line)
	}
	flush(len(lines) + 1)
	return out
}
