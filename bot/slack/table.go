package slack

import (
	"strings"

	"golang.org/x/text/width"
)

// table lays rows out in columns of a fixed-width font, in which a Chinese character is two wide.
func table(columns []string, rows [][]string) string {
	all := append([][]string{columns}, rows...)
	var wide []int
	for _, r := range all {
		for i, cell := range r {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], columnsOf(cell))
		}
	}
	var b strings.Builder
	for _, r := range all {
		line := ""
		for i, cell := range r {
			line += cell
			if i < len(r)-1 {
				line += strings.Repeat(" ", wide[i]-columnsOf(cell)+2)
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// widest is how many columns the longest line takes.
func widest(text string) (n int) {
	for l := range strings.SplitSeq(text, "\n") {
		n = max(n, columnsOf(l))
	}
	return n
}

func columnsOf(text string) (n int) {
	for _, r := range text {
		n++
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n++
		}
	}
	return n
}
