package bot

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/switchman-dr/switchman/locale"
)

// Columns is the width plain text is laid out for when nobody says otherwise.
const Columns = 80

// Text draws a card as plain text for mail, a terminal or a telephone, at most width columns wide (a
// Chinese character takes two). Buttons are told as what to type instead.
func Text(c Card, width int) string {
	w := &writer{width: wide(width), lang: c.Lang}
	for _, p := range c.Fit().Parts {
		w.part(p, c.Mark)
	}
	return strings.TrimRight(w.b.String(), "\n") + "\n"
}

// FormText draws a form as plain text, for surfaces without dialogs and for reading.
func FormText(f Form, width int) string {
	w := &writer{width: wide(width), lang: f.Lang}
	f = f.Fit()
	w.part(title(Calm, f.Title), "")
	for _, p := range f.Parts {
		w.part(p, "")
	}
	for _, field := range f.Fields {
		w.wrap(field.Label+": ["+string(field.Kind)+"] "+field.Value, "  ")
		if field.Hint != "" {
			w.wrap("  "+field.Hint, "  ")
		}
		for _, o := range field.Options {
			w.wrap("  · "+o.Label+" ("+o.Value+")", "    ")
		}
	}
	w.wrap("["+f.Submit+"]  ["+f.Cancel+"]", "")
	return strings.TrimRight(w.b.String(), "\n") + "\n"
}

// wide is a width text can be laid out in.
func wide(width int) int {
	if width < 20 {
		return Columns
	}
	return width
}

type writer struct {
	b     strings.Builder
	width int
	lang  string
}

func (w *writer) part(p Part, mark string) {
	switch p.Kind {
	case PartTitle:
		head := sign(p.Severity) + " " + p.Text
		if mark != "" {
			head += " [" + mark + "]"
		}
		w.wrap(head, "  ")
		w.b.WriteString(strings.Repeat("─", min(w.width, columnsOf(head))) + "\n")
	case PartText:
		w.wrap(p.Text, "")
	case PartFacts:
		w.facts(p.Facts)
	case PartTable:
		w.table(p)
	case PartPlan:
		for _, s := range p.Steps {
			w.wrap(stepSign(string(s.State))+" "+join("  ", s.Title, s.Note), "  ")
		}
	case PartProgress:
		w.progress(p)
	case PartCode:
		for row := range strings.SplitSeq(p.Text, "\n") {
			w.b.WriteString("  │ " + cutColumns(row, w.width-4) + "\n")
		}
	case PartFile:
		w.wrap(p.File.Name+": "+p.File.URL, "  ")
	case PartActions:
		w.actions(p.Actions)
	case PartContext:
		for _, t := range p.Texts {
			w.wrap("· "+t, "  ")
		}
	}
}

func sign(s Severity) string {
	switch s {
	case Good:
		return "✔"
	case Warn:
		return "▲"
	case Urgent:
		return "‼"
	}
	return "●"
}

func stepSign(state string) string {
	switch state {
	case "ok":
		return "✔"
	case "failed":
		return "✘"
	case "unknown":
		return "?"
	case "intent":
		return "▸"
	case "skipped", "undone", "not_executed":
		return "–"
	}
	return "·"
}

func (w *writer) facts(all []Fact) {
	wide := 0
	for _, f := range all {
		wide = max(wide, min(columnsOf(f.Name), w.width/3))
	}
	for _, f := range all {
		w.wrap(pad(f.Name, wide)+"  "+f.Value, strings.Repeat(" ", wide+2))
	}
}

func (w *writer) progress(p Part) {
	const cells = 24
	done := min(max(p.Done, 0), p.Total)
	full := done * cells / p.Total
	w.wrap(fmt.Sprintf("%s%s %d/%d  %s", strings.Repeat("█", full), strings.Repeat("░", cells-full), p.Done, p.Total, p.Text), "")
}

// actions tells what to type; what only a button can do is named as such.
func (w *writer) actions(all []Action) {
	for _, a := range all {
		switch {
		case a.Kind == ActLink:
			w.wrap("→ "+a.Label+": "+a.URL, "  ")
		case a.Command != "":
			w.wrap("→ "+a.Label+": "+a.Command, "  ")
		default:
			w.wrap("→ "+a.Label+" ("+locale.Say(w.lang, "bot_button_only", nil)+")", "  ")
		}
	}
}

const gutter = 2

// table lays columns out as wide as their widest cell, and takes from the widest until all fit.
func (w *writer) table(p Part) {
	wide := make([]int, len(p.Columns))
	for _, row := range append([][]string{p.Columns}, p.Rows...) {
		for i, cell := range row[:min(len(row), len(wide))] {
			wide[i] = max(wide[i], columnsOf(cell))
		}
	}
	for sum(wide)+gutter*(len(wide)-1) > w.width {
		widest := 0
		for i := range wide {
			if wide[i] > wide[widest] {
				widest = i
			}
		}
		if wide[widest] <= 3 {
			break
		}
		wide[widest]--
	}
	w.row(p.Columns, wide)
	rule := make([]string, len(wide))
	for i := range wide {
		rule[i] = strings.Repeat("─", wide[i])
	}
	w.row(rule, wide)
	for _, r := range p.Rows {
		w.row(r, wide)
	}
}

func (w *writer) row(cells []string, wide []int) {
	var b strings.Builder
	for i := range wide {
		cell := ""
		if i < len(cells) {
			cell = cutColumns(cells[i], wide[i])
		}
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gutter))
		}
		b.WriteString(pad(cell, wide[i]))
	}
	w.b.WriteString(strings.TrimRight(b.String(), " ") + "\n")
}

func sum(all []int) (n int) {
	for _, v := range all {
		n += v
	}
	return n
}

// wrap writes text with line breaks; further lines begin with indent.
func (w *writer) wrap(s, indent string) {
	for i, row := range strings.Split(s, "\n") {
		lead := ""
		if i > 0 {
			lead = indent
		}
		w.wrapLine(lead+row, indent)
	}
}

func (w *writer) wrapLine(s, indent string) {
	for columnsOf(s) > w.width {
		at := breakAt(s, w.width, columnsOf(indent))
		w.b.WriteString(strings.TrimRight(s[:at], " ") + "\n")
		s = indent + strings.TrimLeft(s[at:], " ")
	}
	w.b.WriteString(strings.TrimRight(s, " ") + "\n")
}

// breakAt finds where a line ends: after the last blank or next to the last wide character that fits,
// else in the middle of a word.
func breakAt(s string, width, indent int) int {
	used, best, hard := 0, 0, 0
	for i, r := range s {
		n := columnOf(r)
		if used+n > width {
			break
		}
		if used > indent && (r == ' ' || n == 2 && !strings.ContainsRune("，。；：、！？）》」』”’", r)) {
			best = i
		}
		used += n
		hard = i + len(string(r))
	}
	if best > 0 && strings.TrimSpace(s[:best]) != "" {
		return best
	}
	return hard
}

// cutColumns cuts text to so many columns.
func cutColumns(s string, width int) string {
	if columnsOf(s) <= width {
		return s
	}
	used := 0
	for i, r := range s {
		if used+columnOf(r) > width-1 {
			return s[:i] + ellipsis
		}
		used += columnOf(r)
	}
	return s
}

func pad(s string, width int) string {
	if n := columnsOf(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

func columnsOf(s string) (n int) {
	for _, r := range s {
		n += columnOf(r)
	}
	return n
}

// columnOf is how many terminal columns a character takes.
func columnOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

func join(sep string, texts ...string) string {
	kept := texts[:0:0]
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, sep)
}
