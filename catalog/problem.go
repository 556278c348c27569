package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Severity says whether a problem keeps everything from running.
type Severity string

const (
	Error   Severity = "error"   // nothing runs until it is mended
	Warning Severity = "warning" // worth knowing
)

// Problem is one mistake in one place of the files. Line and Column count from 1 and are 0 when the
// problem is a whole file's.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
	Hint     string   `json:"hint,omitempty"`
}

// Where is the place in the form editors and terminals understand: file:line:column.
func (p Problem) Where() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Errors counts the problems that are errors.
func Errors(problems []Problem) int {
	n := 0
	for _, p := range problems {
		if p.Severity == Error {
			n++
		}
	}
	return n
}

// FormatProblems lays problems out for a terminal, one or two lines each.
func FormatProblems(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s: %s: %s\n", p.Where(), p.Severity, p.Text)
		if p.Hint != "" {
			fmt.Fprintf(&b, "    %s\n", p.Hint)
		}
	}
	return b.String()
}

// pos is a place in a file.
type pos struct {
	file         string
	line, column int
}

// reporter collects problems.
type reporter struct {
	problems []Problem
	seen     map[Problem]bool
}

func (r *reporter) add(at pos, sev Severity, text, hint string) {
	p := Problem{File: at.file, Line: at.line, Column: at.column, Severity: sev, Text: text, Hint: hint}
	if r.seen[p] {
		return
	}
	if r.seen == nil {
		r.seen = map[Problem]bool{}
	}
	r.seen[p] = true
	r.problems = append(r.problems, p)
}

func (r *reporter) err(at pos, hint, format string, a ...any) {
	r.add(at, Error, fmt.Sprintf(format, a...), hint)
}

func (r *reporter) warn(at pos, hint, format string, a ...any) {
	r.add(at, Warning, fmt.Sprintf(format, a...), hint)
}

// sorted puts the problems in reading order and cuts a list nobody would read to its end.
func (r *reporter) sorted() []Problem {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Text, b.Text))
	})
	if more := len(r.problems) - maxProblems; more > 0 {
		cut := r.problems[maxProblems:]
		sev := Warning
		if Errors(cut) > 0 {
			sev = Error
		}
		r.problems = append(r.problems[:maxProblems:maxProblems], Problem{File: cut[0].File, Severity: sev, Text: fmt.Sprintf("… and %s more", count(more, "problem"))})
	}
	return r.problems
}

// count says "1 mistake", "2 mistakes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// didYouMean is a hint naming the known word nearest to a wrong one, or all of them when they are
// few and none is near.
func didYouMean(got string, known []string) string {
	if hint := nearest(got, known); hint != "" {
		return hint
	}
	if n := len(known); n > 0 && n <= 12 {
		known = slices.Sorted(slices.Values(known))
		return "known: " + strings.Join(slices.Compact(known), ", ")
	}
	return ""
}

// nearest is a hint naming the known word nearest to a wrong one, if one is near.
func nearest(got string, known []string) string {
	best, distance := "", len(got)/3+2
	for _, k := range known {
		if d := editDistance(strings.ToLower(got), strings.ToLower(k), distance+1); d < distance || d == distance && best != "" && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// editDistance is the number of letters to add, drop, change or swap with a neighbour; limit or more
// is reported as limit.
func editDistance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d >= limit || -d >= limit {
		return limit
	}
	before, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return min(prev[len(y)], limit)
}
