package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// text builds Markdown out of the page's words. What is written by its methods is whole: one line stays
// one line and one cell one cell, whatever somebody put into a name.
type text struct {
	*page
	b bytes.Buffer
}

// say words a sentence: the text's own where it has one, else the page's.
func (t *text) say(id string, pairs ...any) string {
	if own := "text_" + id; locale.Has(own) {
		args := dr.Args{}
		for i := 0; i+1 < len(pairs); i += 2 {
			args[fmt.Sprint(pairs[i])] = fmt.Sprint(pairs[i+1])
		}
		return locale.Say(t.Lang, own, args)
	}
	return t.page.say(id, pairs...)
}

func (t *text) line(format string, args ...any) {
	fmt.Fprintf(&t.b, format+"\n", args...)
}

// head opens a part of the report. Every chapter says what environment it is about: pages of a long
// text are passed on one by one.
func (t *text) head(level int, id string, pairs ...any) {
	title := plain(t.say(id, pairs...))
	w := t.Watermark()
	if w != "" && level > 2 {
		title += " · " + plain(w)
	}
	t.line("\n%s %s\n", strings.Repeat("#", level), title)
	if w != "" && level == 2 {
		t.mark()
	}
}

// mark is the line that says that this is not about production.
func (t *text) mark() {
	if w := t.Watermark(); w != "" {
		t.line("> **%s** %s\n", plain(w), plain(t.say("watermark_note")))
	}
}

// item is one line of a list.
func (t *text) item(level int, parts ...string) {
	t.line("%s- %s", strings.Repeat("  ", level), strings.Join(parts, " "))
}

// fact is one line of a list: what, and how it is.
func (t *text) fact(id, value string) {
	if value != "" {
		t.item(0, plain(t.say(id)+t.colon()+value))
	}
}

// said is a sentence in a paragraph of its own.
func (t *text) said(id string, pairs ...any) { t.line("%s\n", plain(t.say(id, pairs...))) }

// table prints rows under headings named by ids; without rows it says what none means.
func (t *text) table(none string, ids []string, rows [][]string) {
	if len(rows) == 0 {
		if none != "" {
			t.said(none)
		}
		return
	}
	heads := make([]string, len(ids))
	for i, id := range ids {
		heads[i] = plain(t.say("c_" + id))
	}
	t.line("| %s |\n|%s", strings.Join(heads, " | "), strings.Repeat("---|", len(ids)))
	for _, row := range rows {
		cells := make([]string, len(ids))
		for i := range cells {
			cells[i] = cell(row[i])
		}
		t.line("| %s |", strings.Join(cells, " | "))
	}
	t.line("")
}

// sentences joins what stands beside each other; Chinese needs no gap.
func (t *text) sentences(parts ...string) string {
	gap := " "
	if t.Lang == locale.Chinese {
		gap = ""
	}
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, gap)
}

// plain keeps text from elsewhere on one line and out of the markup, wherever in a line it stands.
func plain(s string) string { return unlisted(strings.TrimLeft(cell(s), " ")) }

// cell is plain for text that begins no line; addresses do not become links.
func cell(s string) string {
	var b strings.Builder
	for _, r := range seen(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_[]#|~", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), "://", `:\/\/`), "www.", `www\.`)
}

// unlisted keeps a line from opening a list or underlining the one above.
func unlisted(s string) string {
	rest := strings.TrimLeft(s, "0123456789")
	switch digits := len(s) - len(rest); {
	case s == "":
		return s
	case strings.ContainsRune("-+=", rune(s[0])):
		return `\` + s
	case digits > 0 && rest != "" && (rest[0] == '.' || rest[0] == ')') && (len(rest) == 1 || rest[1] == ' '):
		return s[:digits] + `\` + rest
	}
	return s
}

// code shows text as it is typed, on one line; what would end the code, or looks like markup to a
// reader that knows no code, is shown as plain text.
func code(s string) string {
	s = strings.TrimSpace(seen(s))
	if s == "" || strings.ContainsAny(s, "`<>") {
		return plain(s)
	}
	return "`" + s + "`"
}

// seen puts text on one line and shows by their number the characters nobody sees and those that turn
// the order of others.
func seen(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Co, unicode.Zl, unicode.Zp) || hidden(r):
			fmt.Fprintf(&b, "(U+%04X)", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func orNone(s, none string) string {
	if s == "" {
		return none
	}
	return s
}
