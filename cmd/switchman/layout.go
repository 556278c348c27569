package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

// table lays rows out in columns no wider than width. The last column gives way first, then the
// widest; what is cut ends in "…". It is for people: scripts use --json.
type table struct {
	head  []string
	rows  [][]string
	whole bool // what is too long for the last column goes on below it instead of being cut
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = oneLine(cells[i])
	}
	t.rows = append(t.rows, cells)
}

const columnGap = 2

func (t *table) print(w io.Writer, width int) {
	cols := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			cols[i] = max(cols[i], cells(cell))
		}
	}
	squeeze(cols, t.head, width)
	for _, row := range append([][]string{t.head}, t.rows...) {
		var b strings.Builder
		if last := len(row) - 1; t.whole && cells(row[last]) > cols[last] {
			t.printWhole(w, row, cols)
			continue
		}
		for i, cell := range row {
			cell = fit(cell, cols[i])
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", cols[i]-cells(cell)+columnGap))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// printWhole wraps the last column of a row under itself.
func (t *table) printWhole(w io.Writer, row []string, cols []int) {
	var head, text strings.Builder
	indent := 0
	for i, cell := range row[:len(row)-1] {
		cell = fit(cell, cols[i])
		head.WriteString(cell + strings.Repeat(" ", cols[i]-cells(cell)+columnGap))
		indent += cols[i] + columnGap
	}
	wrap(&text, strings.Repeat(" ", indent), row[len(row)-1], indent+cols[len(row)-1])
	io.WriteString(w, head.String()+text.String()[min(indent, text.Len()):])
}

// squeeze narrows columns until the whole fits: the last one down to a few words, then whichever is
// widest. The first, which names the thing, stays whole while anything else can give way.
func squeeze(cols []int, head []string, width int) {
	const words = 14
	for {
		total := columnGap * (len(cols) - 1)
		for _, n := range cols {
			total += n
		}
		if total <= width {
			return
		}
		give := len(cols) - 1
		if cols[give] <= max(words, cells(head[give])) {
			give = widest(cols, head)
		}
		if give < 0 {
			return
		}
		cols[give]--
	}
}

// widest finds the column that can best give way; the first only when nothing else can.
func widest(cols []int, head []string) int {
	const least = 6
	found := -1
	for i := 1; i < len(cols); i++ {
		if cols[i] > max(cells(head[i]), least) && (found < 0 || cols[i] >= cols[found]) {
			found = i
		}
	}
	if found < 0 && cols[0] > max(cells(head[0]), least) {
		return 0
	}
	return found
}

// cells is how many columns of a terminal a text takes: Chinese letters take two.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r == 0 || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
		r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1f64f || r >= 0x20000 && r <= 0x3fffd):
		return 2
	}
	return 1
}

// fit cuts a text to n columns.
func fit(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	var b strings.Builder
	left := n - 1
	for _, r := range s {
		if left -= runeCells(r); left < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// oneLine makes text from elsewhere safe for a terminal: no line breaks, no escape sequences.
func oneLine(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "�")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return '·'
		}
		return r
	}, s)
}

// wrap breaks a text at blanks into lines of at most n columns, each after an indent.
func wrap(w io.Writer, indent, text string, n int) {
	line := ""
	for _, word := range breakable(oneLine(text), n-cells(indent)) {
		if line != "" && cells(indent)+cells(line)+1+cells(word) > n {
			fmt.Fprintln(w, indent+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		fmt.Fprintln(w, indent+line)
	}
}

// breakable are the words of a text. What is too long for a line and written without blanks, as Chinese is,
// is broken into pieces that fit; what is typed or compared, such as a digest, stays whole.
func breakable(text string, n int) []string {
	var out []string
	for _, word := range strings.Fields(text) {
		if cells(word) <= n || !strings.ContainsFunc(word, func(r rune) bool { return runeCells(r) == 2 }) {
			out = append(out, word)
			continue
		}
		piece := ""
		for _, sign := range signs(word) {
			if piece != "" && cells(piece)+cells(sign) > n {
				out = append(out, piece)
				piece = ""
			}
			piece += sign
		}
		out = append(out, piece)
	}
	return out
}

// signs are the Chinese letters of a word one by one, and what stands between them, such as a name, whole.
// A mark that ends something stays with what it ends.
func signs(word string) []string {
	var out []string
	narrow := false // the last one goes on
	for _, r := range word {
		ends := strings.ContainsRune("，。、；：！？）》”", r)
		if wide := runeCells(r) == 2; (wide || !narrow) && !(ends && len(out) > 0) {
			out, narrow = append(out, string(r)), !wide
			continue
		}
		out[len(out)-1] += string(r)
		narrow = narrow && !ends
	}
	return out
}

// field prints a field under the name it has in the reader's language.
func (o voice) field(w io.Writer, id, value string) { field(w, o.label(id), value) }

// field prints one "name  value" line, its value wrapped under itself. A word too long to stand
// beside its name, such as a digest, gets a line of its own.
func field(w io.Writer, name, value string) {
	if value == "" {
		return
	}
	if !strings.ContainsAny(value, " \t\n") && cells(value) > narrow-15 {
		fmt.Fprintf(w, "  %s\n    %s\n", name, fit(oneLine(value), max(narrow-4, 71)))
		return
	}
	var b strings.Builder
	wrap(&b, strings.Repeat(" ", 15), value, narrow)
	text := b.String()
	if len(text) > 15 {
		text = text[15:]
	}
	fmt.Fprintf(w, "  %s  %s", name+strings.Repeat(" ", max(0, 11-cells(name))), text)
}

// span says a duration the way people do: 850ms, 12.3s, 4m05s, 2h10m.
func span(m dr.Millis) string {
	d := m.Duration()
	switch {
	case m < 0:
		return "-" + span(-m)
	case d < time.Second:
		return fmt.Sprintf("%dms", m)
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// paint wraps a text in an ANSI colour, when colours are wanted.
func paint(on bool, code, text string) string {
	if !on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
