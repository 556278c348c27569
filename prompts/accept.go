package prompts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/redact"
)

// Reply is a model's answer as it came, of the right shape and nothing more.
type Reply struct {
	Answered   bool    `json:"answered"`
	Statements []Draft `json:"statements"`
}

// Draft is a statement nobody has checked.
type Draft struct {
	Source string `json:"source"` // P1, P2, …
	Quote  string `json:"quote"`
	Text   string `json:"text"`
}

// Statement is a sentence of an answer with its proof. Text is one line without links and mark-up;
// Quote is cut out of the passage by us: Passage.Text[Start:End].
type Statement struct {
	Text   string `json:"text"`
	Source string `json:"source"` // the passage's own id
	Quote  string `json:"quote"`
	Start  int    `json:"start"` // bytes
	End    int    `json:"end"`
}

// Reason is why a statement was left out.
type Reason string

// The reasons.
const (
	NotOffered Reason = "not_offered" // names a passage that was not offered
	Unproven   Reason = "unproven"    // the quote does not stand in the passage, or is too short to prove anything
	Linked     Reason = "linked"      // a link or an address of the internet
	MarkedUp   Reason = "marked_up"   // pictures, HTML, mentions of people
	Claims     Reason = "claims"      // says that something was done or approved, or need not be
	Harvests   Reason = "harvests"    // asks people to hand over codes or passwords
	Secret     Reason = "secret"      // looks like one
	Invented   Reason = "invented"    // a name, number or command that the passage it names does not have
	OtherWords Reason = "other_words" // not the asker's language
	Shapeless  Reason = "shapeless"   // empty, too long, or said already
)

// Dropped says which statement was left out, and why. What it said is not kept.
type Dropped struct {
	Number int // from 0
	Why    Reason
}

const (
	mostStatements  = 8
	longestSentence = 400 // characters
	longestQuote    = 600
	enough          = 8 // weight of a quote that proves something
)

// ErrReply is why [Answer.Read] wants another attempt.
var ErrReply = errors.New("the reply cannot be used")

// Read takes a model's reply: its statements that hold, and those that were left out. An error wraps
// [ErrReply] and means that the reply is not of the right shape, or that nothing of what it said holds;
// asking once more may help. No statements and no error: the model finds no answer in the passages.
func (a Answer) Read(text string) ([]Statement, []Dropped, error) {
	reply, err := parse[Reply](text)
	if err != nil {
		return nil, nil, err
	}
	kept, dropped := a.accept(reply)
	if len(kept) == 0 && len(reply.Statements) > 0 {
		return nil, dropped, fmt.Errorf("%w: nothing of it holds", ErrReply)
	}
	return kept, dropped, nil
}

// accept is Accept with the asker's language.
func (a Answer) accept(reply Reply) ([]Statement, []Dropped) {
	return a.door().all(reply)
}

// Accept is the door for what a model says. A statement comes in when its quote stands in the passage it
// names, white space aside, and nothing else speaks against it; see [Reason]. passages are those that
// were offered, in their order, as retrieval found them: a quote of what was masked on the way out does not
// stand there. Never show a model's words that did not come through here.
func Accept(reply Reply, passages []Passage) ([]Statement, []Dropped) {
	return newDoor(passages, "").all(reply)
}

// door is the door to this prompt.
func (a Answer) door() *door {
	d := newDoor(a.offered(), a.Lang)
	for _, domain := range a.Own {
		d.own = append(d.own, strings.ToLower(strings.Trim(domain, ".")))
	}
	return d
}

// parse reads the one JSON object of a reply, with the wrappings that models put around it.
func parse[T any](text string) (T, error) {
	var out T
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if rest, ok := strings.CutPrefix(text, "<think>"); ok {
		_, text, _ = strings.Cut(rest, "</think>")
	}
	text = strings.TrimSpace(text)
	if m := fenced.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return out, fmt.Errorf("%w: not the object that was asked for", ErrReply)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return out, fmt.Errorf("%w: more than one object", ErrReply)
	}
	return out, nil
}

var fenced = regexp.MustCompile("(?s)\\A```(?:json)?\\s*(.*?)\\s*```\\z")

// door judges statements against the passages that were offered.
type door struct {
	lang     string
	passages []Passage
	folded   []folded
	lower    []string // the folded passages and their titles, in lower case
	own      []string // domains of the house
	seen     map[string]bool
	masker   *redact.Masker
}

func newDoor(passages []Passage, lang string) *door {
	d := &door{lang: lang, passages: passages, seen: map[string]bool{}}
	for _, p := range passages {
		f := fold(p.Text)
		d.folded = append(d.folded, f)
		d.lower = append(d.lower, strings.ToLower(emphasis.Replace(f.text+"\n"+fold(p.Title).text)))
	}
	return d
}

func (d *door) all(reply Reply) ([]Statement, []Dropped) {
	var kept []Statement
	var dropped []Dropped
	for i, draft := range reply.Statements {
		s, why := d.judge(draft)
		if why == "" && len(kept) == mostStatements {
			why = Shapeless
		}
		if why != "" {
			dropped = append(dropped, Dropped{Number: i, Why: why})
			continue
		}
		kept = append(kept, s)
	}
	return kept, dropped
}

// judge lets one statement in or says why not.
func (d *door) judge(draft Draft) (Statement, Reason) {
	n := -1
	for i := range d.passages {
		if alias(i) == strings.TrimSpace(draft.Source) {
			n = i
		}
	}
	if n < 0 {
		return Statement{}, NotOffered
	}
	text := plain(draft.Text)
	if text == "" || utf8.RuneCountInString(text) > longestSentence || utf8.RuneCountInString(draft.Quote) > longestQuote {
		return Statement{}, Shapeless
	}
	from, to, ok := d.prove(n, draft.Quote)
	if !ok {
		return Statement{}, Unproven
	}
	s := Statement{Text: text, Source: d.passages[n].ID, Quote: d.passages[n].Text[from:to], Start: from, End: to}
	if why := d.against(n, s, references.ReplaceAllString(draft.Text, "")); why != "" {
		return Statement{}, why
	}
	key := strings.ToLower(text)
	if d.seen[key] {
		return Statement{}, Shapeless
	}
	d.seen[key] = true
	return s, ""
}

// prove finds a quote in its passage. A quote with a link in it is cut back to the longest piece without:
// an address in a command is proof enough without being shown.
func (d *door) prove(n int, quote string) (from, to int, ok bool) {
	from, to, ok = d.folded[n].find(fold(quote))
	if !ok {
		return 0, 0, false
	}
	text := d.passages[n].Text
	cuts := links(text[from:to], d.own)
	if len(cuts) == 0 {
		return from, to, weight(text[from:to]) >= enough
	}
	best, end, start := from, from, from
	for _, l := range append(cuts, [2]int{to - from, to - from}) {
		if from+l[0]-start > end-best {
			best, end = start, from+l[0]
		}
		start = from + l[1]
	}
	piece := strings.TrimLeft(text[best:end], edges)
	best = end - len(piece)
	end = best + len(strings.TrimRight(piece, edges))
	return best, end, weight(text[best:end]) >= enough
}

// edges are left over where a link was cut out.
const edges = " \t\r\n()[]<>\"'`"

// weight is how much a quote says: one for each letter and digit, three for a Chinese character.
func weight(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case wide(r) && unicode.IsLetter(r):
			n += 3
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			n++
		}
	}
	return n
}

// against says what speaks against a proven statement.
func (d *door) against(n int, s Statement, raw string) Reason {
	switch {
	case markedUp(raw) || markedUp(s.Quote) || redact.Safe(s.Quote) != s.Quote:
		return MarkedUp
	case linked(raw, d.own) || linked(s.Text, d.own) || linked(s.Quote, d.own):
		return Linked
	case claims(s.Text) || claims(s.Quote):
		return Claims
	case harvests(s.Text) || harvests(s.Quote):
		return Harvests
	}
	if _, found := d.masker.Text(s.Text); found.Count > 0 {
		return Secret
	}
	if invents(s.Text, d.lower[n]) {
		return Invented
	}
	if d.lang != "" && !speaks(d.lang, s.Text) {
		return OtherWords
	}
	return ""
}

// plain makes one line of a sentence: without invisible characters, emphasis and references to passages,
// which we make ourselves.
func plain(text string) string {
	text = strings.Join(strings.Fields(redact.Safe(text)), " ")
	text = references.ReplaceAllString(text, "")
	text = emphasis.Replace(text)
	return strings.TrimSpace(strings.TrimLeft(text, "-*• "))
}

// emphasis is mark-up that changes no word.
var emphasis = strings.NewReplacer("**", "", "`", "")

var references = regexp.MustCompile(`\s*[\[(（【]\s*(?:source|来源)?[:：]?\s*P\d+(?:\s*[,，、]\s*P\d+)*\s*[\])）】]`)

// speaks reports whether a sentence is written in the script of a language. Technical words, which are
// the same in all, decide nothing.
func speaks(lang, text string) bool {
	han, latin, other := 0, 0, 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Han, r):
			han++
		case unicode.Is(unicode.Latin, r):
			latin++
		case unicode.IsLetter(r):
			other++
		}
	}
	if lang == "zh" {
		return han > 0 && other*3 <= han
	}
	return latin > 0 && (han+other)*3 <= latin
}
