package bot

import (
	"github.com/switchman-dr/switchman/dr"
)

// Card is one message, in parts a surface lays out as it can. It holds plain text: a surface escapes it
// for its own markup and never reads markup out of it, except that text between backquotes is what
// somebody would type.
type Card struct {
	Kind   string `json:"kind"`             // what it is about: board, plans, plan, status, help, refusal …
	Lang   string `json:"lang"`             // language of its words
	Run    string `json:"run,omitempty"`    // the run it is about
	Thread Ref    `json:"thread,omitempty"` // the message it belongs under, where a surface has threads
	Key    string `json:"key,omitempty"`    // idempotency key of a whisper
	Mark   string `json:"mark,omitempty"`   // watermark of an organisation that is not the real one
	Parts  []Part `json:"parts"`
	// Others are the same card in the other languages, for a place where each reader is shown their own.
	Others []Card `json:"others,omitempty"`
}

// In is the card for a reader of a language: in that language, if it was drawn in it.
func (c Card) In(lang string) Card {
	for _, o := range c.Others {
		if o.Lang == lang && c.Lang != lang {
			o.Thread, o.Key = c.Thread, c.Key
			return o
		}
	}
	c.Others = nil
	return c
}

// PartKind says which fields of a part are filled.
type PartKind string

// The parts there are.
const (
	PartTitle    PartKind = "title"    // text, severity
	PartText     PartKind = "text"     // text
	PartFacts    PartKind = "facts"    // facts
	PartTable    PartKind = "table"    // columns, rows
	PartPlan     PartKind = "plan"     // steps
	PartProgress PartKind = "progress" // text, done, total
	PartCode     PartKind = "code"     // text: the tail of an output
	PartFile     PartKind = "file"     // file
	PartActions  PartKind = "actions"  // actions
	PartContext  PartKind = "context"  // texts
)

// Severity colours a title.
type Severity string

// How much a card wants to be looked at.
const (
	Calm   Severity = "calm"   // news
	Good   Severity = "good"   // something is done
	Warn   Severity = "warn"   // somebody has to do something
	Urgent Severity = "urgent" // it stands, and time runs
)

// Part is one piece of a card. Kind decides which of the other fields are there.
type Part struct {
	Kind     PartKind   `json:"kind"`
	Text     string     `json:"text,omitempty"`
	Severity Severity   `json:"severity,omitempty"`
	Facts    []Fact     `json:"facts,omitempty"`
	Columns  []string   `json:"columns,omitempty"`
	Rows     [][]string `json:"rows,omitempty"`
	Steps    []PlanStep `json:"steps,omitempty"`
	Done     int        `json:"done,omitempty"`
	Total    int        `json:"total,omitempty"`
	File     *FileLink  `json:"file,omitempty"`
	Actions  []Action   `json:"actions,omitempty"`
	Texts    []string   `json:"texts,omitempty"`
}

// Fact is a name and a value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// PlanStep is one line of a plan. State is a word of dr.StepState; pending plans have none.
type PlanStep struct {
	ID    string       `json:"id"`
	Title string       `json:"title"`
	State dr.StepState `json:"state,omitempty"`
	Note  string       `json:"note,omitempty"`
}

// FileLink names a file or picture that can be fetched.
type FileLink struct {
	Name  string `json:"name"`
	Media string `json:"media,omitempty"`
	URL   string `json:"url"`
	Alt   string `json:"alt,omitempty"`
	Size  int64  `json:"size,omitempty"`
}

// ActionKind says what an action looks like.
type ActionKind string

// The actions there are.
const (
	ActButton ActionKind = "button" // pressed: an action intent with the nonce
	ActSelect ActionKind = "select" // one of the options chosen: the same, with the value under "choice"
	ActLink   ActionKind = "link"   // leads to URL; no intent
)

// Style makes a button stand out.
type Style string

// Styles of a button.
const (
	Plain   Style = ""
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Action is a button, a choice or a link.
type Action struct {
	ID      string     `json:"id"` // unlike any other of the card; for screen readers, tests and layout
	Kind    ActionKind `json:"kind"`
	Label   string     `json:"label"`
	Style   Style      `json:"style,omitempty"`
	Nonce   string     `json:"nonce,omitempty"` // all that comes back when it is pressed
	URL     string     `json:"url,omitempty"`
	Options []Option   `json:"options,omitempty"`
	Confirm *Confirm   `json:"confirm,omitempty"` // asked by the surface before it sends the intent
	Form    bool       `json:"form,omitempty"`    // the answer will be a form
	Command string     `json:"command,omitempty"` // what does the same when typed
}

// Option is one choice.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// Confirm is the question before an act: Text names what it does.
type Confirm struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Yes   string `json:"yes"`
	No    string `json:"no"`
}

func title(severity Severity, text string) Part {
	return Part{Kind: PartTitle, Text: text, Severity: severity}
}
func text(s string) Part { return Part{Kind: PartText, Text: s} }
func facts(f ...Fact) Part {
	kept := []Fact{}
	for _, one := range f {
		if one.Value != "" {
			kept = append(kept, one)
		}
	}
	return Part{Kind: PartFacts, Facts: kept}
}
func table(columns []string, rows [][]string) Part {
	return Part{Kind: PartTable, Columns: columns, Rows: rows}
}
func progress(label string, done, total int) Part {
	return Part{Kind: PartProgress, Text: label, Done: done, Total: total}
}
func buttons(a ...Action) Part      { return Part{Kind: PartActions, Actions: a} }
func footnote(texts ...string) Part { return Part{Kind: PartContext, Texts: texts} }

// add appends parts that hold something.
func (c *Card) add(parts ...Part) {
	for _, p := range parts {
		if !p.empty() {
			c.Parts = append(c.Parts, p)
		}
	}
}

func (p Part) empty() bool {
	switch p.Kind {
	case PartFacts:
		return len(p.Facts) == 0
	case PartTable:
		return len(p.Rows) == 0
	case PartPlan:
		return len(p.Steps) == 0
	case PartProgress:
		return p.Total == 0
	case PartFile:
		return p.File == nil
	case PartActions:
		return len(p.Actions) == 0
	case PartContext:
		return len(p.Texts) == 0
	}
	return p.Text == ""
}
