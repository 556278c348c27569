package bot

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits, in characters or pieces. They are the least of what surfaces take (Slack's Block Kit:
// https://docs.slack.dev/reference/block-kit/blocks), so that a card that fits fits everywhere; a surface
// with more room still gets the same card.
const (
	maxTitle      = 150
	maxText       = 2900
	maxFacts      = 20
	maxFactName   = 60
	maxFactValue  = 600
	maxRows       = 40
	maxColumns    = 8
	maxCell       = 80
	maxSteps      = 60
	maxStepTitle  = 120
	maxCodeLines  = 20
	maxCode       = 2000
	maxActions    = 20
	maxLabel      = 75
	maxOptions    = 100
	maxOption     = 75
	maxConfirm    = 300
	maxConfirmTop = 100
	maxConfirmBtn = 30
	maxContext    = 8
	maxContextOne = 200
	maxParts      = 30
	maxCard       = 12_000 // all text together
	maxFormButton = 24
	maxFormLabel  = 150
	ellipsis      = "…"
)

// Fit cleans every text of a card and cuts what is too long, so that the same card comes out for the same
// input whatever was fed into it. What is cut ends in an ellipsis; the whole is in the console.
func (c Card) Fit() Card {
	out := c
	out.Parts = make([]Part, 0, len(c.Parts))
	left := maxCard
	for i, p := range c.Parts {
		if i == maxParts {
			break
		}
		p = p.fit()
		if p.Kind == PartActions { // what can be done is never cut off by what is said
			out.Parts = append(out.Parts, p)
			continue
		}
		n := p.size()
		if n > left {
			if p.Text == "" || left < len(ellipsis) {
				continue
			}
			p.Text = clip(p.Text, left)
			n = p.size()
		}
		left -= n
		out.Parts = append(out.Parts, p)
	}
	return out
}

func (p Part) fit() Part {
	switch p.Kind {
	case PartTitle:
		p.Text = clipLine(p.Text, maxTitle)
	case PartText, PartProgress:
		p.Text = clipText(p.Text, maxText)
	case PartCode:
		p.Text = tail(clean(p.Text), maxCodeLines, maxCode)
	}
	p.Facts = fitFacts(p.Facts)
	p.Columns = fitCells(p.Columns)
	p.Rows = fitRows(p.Rows)
	p.Steps = fitSteps(p.Steps)
	p.Actions = fitActions(p.Actions)
	p.Texts = fitEach(p.Texts, maxContext, maxContextOne)
	if p.File != nil {
		f := *p.File
		f.Name, f.Alt = clipLine(f.Name, maxTitle), clipLine(f.Alt, maxTitle)
		p.File = &f
	}
	return p
}

func fitFacts(in []Fact) []Fact {
	if in == nil {
		return nil
	}
	out := make([]Fact, 0, min(len(in), maxFacts))
	for _, f := range in[:min(len(in), maxFacts)] {
		out = append(out, Fact{clipLine(f.Name, maxFactName), clipText(f.Value, maxFactValue)})
	}
	return out
}

func fitCells(in []string) []string { return fitEach(in, maxColumns, maxCell) }

func fitEach(in []string, most, long int) []string {
	if in == nil {
		return nil
	}
	out := make([]string, 0, min(len(in), most))
	for _, s := range in[:min(len(in), most)] {
		out = append(out, clipLine(s, long))
	}
	return out
}

func fitRows(in [][]string) [][]string {
	if in == nil {
		return nil
	}
	out := make([][]string, 0, min(len(in), maxRows))
	for _, r := range in[:min(len(in), maxRows)] {
		out = append(out, fitCells(r))
	}
	return out
}

func fitSteps(in []PlanStep) []PlanStep {
	if in == nil {
		return nil
	}
	out := make([]PlanStep, 0, min(len(in), maxSteps))
	for _, s := range in[:min(len(in), maxSteps)] {
		s.ID, s.Title, s.Note = clipLine(s.ID, maxStepTitle), clipLine(s.Title, maxStepTitle), clipLine(s.Note, maxStepTitle)
		out = append(out, s)
	}
	return out
}

func fitActions(in []Action) []Action {
	if in == nil {
		return nil
	}
	out := make([]Action, 0, min(len(in), maxActions))
	for _, a := range in[:min(len(in), maxActions)] {
		a.Label = clipLine(a.Label, maxLabel)
		a.Options = fitOptions(a.Options)
		if a.Confirm != nil {
			c := *a.Confirm
			c.Title, c.Text = clipLine(c.Title, maxConfirmTop), clipText(c.Text, maxConfirm)
			c.Yes, c.No = clipLine(c.Yes, maxConfirmBtn), clipLine(c.No, maxConfirmBtn)
			a.Confirm = &c
		}
		out = append(out, a)
	}
	return out
}

func fitOptions(in []Option) []Option {
	if in == nil {
		return nil
	}
	out := make([]Option, 0, min(len(in), maxOptions))
	for _, o := range in[:min(len(in), maxOptions)] {
		o.Label = clipLine(o.Label, maxOption)
		out = append(out, o)
	}
	return out
}

// size counts the characters a part shows.
func (p Part) size() int {
	n := utf8.RuneCountInString(p.Text)
	for _, f := range p.Facts {
		n += utf8.RuneCountInString(f.Name) + utf8.RuneCountInString(f.Value)
	}
	for _, r := range slices.Concat(p.Rows, [][]string{p.Columns, p.Texts}) {
		for _, s := range r {
			n += utf8.RuneCountInString(s)
		}
	}
	for _, s := range p.Steps {
		n += utf8.RuneCountInString(s.ID) + utf8.RuneCountInString(s.Title) + utf8.RuneCountInString(s.Note)
	}
	return n
}

// clip cuts text to n characters, the last of them an ellipsis where something was lost.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	at := 0
	for i := range s {
		if at == n-1 {
			return strings.TrimRight(s[:i], " \n") + ellipsis
		}
		at++
	}
	return s
}

// tail keeps the last lines, which is where an output says what went wrong.
func tail(s string, lines, most int) string {
	s = strings.TrimRight(s, "\n")
	all := strings.Split(s, "\n")
	cut := len(all) > lines
	if cut {
		all = all[len(all)-lines:]
	}
	s = strings.Join(all, "\n")
	if n := utf8.RuneCountInString(s); n > most {
		s, cut = string([]rune(s)[n-most:]), true
	}
	if cut {
		return ellipsis + "\n" + s
	}
	return s
}

// clipLine is clean text on one line, of at most n characters; clipText keeps its lines.
func clipLine(s string, n int) string { return clip(line(head(s, n)), n) }
func clipText(s string, n int) string { return clip(clean(head(s, n)), n) }

// head is of a text no more than has to be read to show n characters of it, so that a board of many steps with a novel
// each is drawn as fast as any other.
func head(s string, n int) string {
	most := 16*n + 256 // room for what clean drops, and for letters of several bytes
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) && most > 0 {
		most--
	}
	return s[:most] + ellipsis
}

// line is clean text on one line.
func line(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// clean drops what changes how text reads without being text: control characters, direction overrides,
// zero-width characters, tags; broken bytes become a mark. Everything else stays as it was said.
func clean(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\n' || s[i] >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		case r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0' || r == '\u034f': // blanks that look like nothing
			return -1
		case unicode.Is(unicode.Variation_Selector, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
