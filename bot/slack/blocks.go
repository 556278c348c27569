package slack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// Limits of Block Kit, in characters or pieces: https://docs.slack.dev/reference/block-kit. A card was cut
// by the bot already, to what fits here too; these are for what one part becomes.
const (
	messageMost = 50
	viewMost    = 100
	sectionMost = 3000
	headerMost  = 150
	fieldsMost  = 10
	actionsMost = 25
	contextMost = 10
	chars       = 12_500 // of one message; Slack refuses somewhat above 13,000
)

// drawn is a card as a message.
func drawn(c bot.Card) []api.MsgOption {
	return []api.MsgOption{api.MsgOptionText(escape(typed.ReplaceAllString(summary(c), "“$1”")), false), api.MsgOptionBlocks(blocks(c, messageMost)...),
		api.MsgOptionDisableLinkUnfurl(), api.MsgOptionDisableMediaUnfurl()}
}

// summary is what a notification shows of a card.
func summary(c bot.Card) string {
	for _, p := range c.Parts {
		if p.Text != "" {
			return clip(p.Text, 300)
		}
	}
	return c.Kind
}

// blocks draws a card with the blocks every client shows: header, section, fields, actions, context,
// divider. Everything is plain text, but for the words between the fences of a code block, which are
// escaped.
func blocks(c bot.Card, most int) []api.Block {
	c = c.Fit()
	d := &drawing{mark: c.Mark, quotes: c.Kind == "answer" || c.Kind == "nearest"}
	for i, p := range c.Parts {
		d.part(p, i)
	}
	if len(d.out) > most { // actions are what a person needs; words are cut
		d.cut(most)
	}
	return d.out
}

type drawing struct {
	out    []api.Block
	mark   string
	quotes bool // of runbooks, which stay as they are to the letter
	chars  int
}

// plain is a text of the card.
func (d *drawing) plain(text string) *api.TextBlockObject {
	o := plain(text)
	if d.quotes {
		o.Text = text
	}
	return o
}

func (d *drawing) add(b api.Block) { d.out = append(d.out, b) }

// cut drops blocks without actions from the end of the middle.
func (d *drawing) cut(most int) {
	for i := len(d.out) - 1; i > 0 && len(d.out) > most; i-- {
		if _, acts := d.out[i].(*api.ActionBlock); !acts {
			d.out = append(d.out[:i], d.out[i+1:]...)
		}
	}
}

func (d *drawing) part(p bot.Part, n int) {
	switch p.Kind {
	case bot.PartTitle:
		text := lamp(p.Severity) + p.Text
		if d.mark != "" {
			text = "[" + d.mark + "] " + text
			d.mark = ""
		}
		d.add(&api.HeaderBlock{Type: api.MBTHeader, Text: d.plain(clip(text, headerMost))})
	case bot.PartText:
		d.words(p.Text)
	case bot.PartFacts:
		d.facts(p.Facts)
	case bot.PartTable:
		d.table(p.Columns, p.Rows)
	case bot.PartPlan:
		d.plan(p.Steps)
	case bot.PartProgress:
		d.words(bar(p.Done, p.Total) + " " + p.Text)
	case bot.PartCode:
		d.code(p.Text)
	case bot.PartFile:
		d.file(*p.File, n)
	case bot.PartActions:
		d.actions(p.Actions, n)
	case bot.PartContext:
		d.context(p.Texts)
	}
}

// lamp stands before a title.
func lamp(s bot.Severity) string {
	switch s {
	case bot.Good:
		return "✅ "
	case bot.Warn:
		return "⚠️ "
	case bot.Urgent:
		return "🔴 "
	}
	return ""
}

func (d *drawing) words(text string) {
	if text = d.room(text); text != "" {
		d.add(&api.SectionBlock{Type: api.MBTSection, Text: d.plain(text)})
	}
}

// room cuts a text to what the message still takes.
func (d *drawing) room(text string) string {
	left := chars - d.chars
	if left < 20 {
		return ""
	}
	text = clip(text, min(left, sectionMost))
	d.chars += len([]rune(text))
	return text
}

// beside is how much of a fact fits into half the width, in columns.
const beside = 40

func (d *drawing) facts(all []bot.Fact) {
	if !slices.ContainsFunc(all, func(f bot.Fact) bool { return columnsOf(f.Value) <= beside }) { // such as what an answer is taken from
		var lines []string
		for _, f := range all {
			lines = append(lines, f.Name+" "+f.Value)
		}
		d.lines(lines)
		return
	}
	for len(all) > 0 {
		n := min(len(all), fieldsMost)
		var fields []*api.TextBlockObject
		for _, f := range all[:n] {
			if text := d.room(f.Name + "\n" + f.Value); text != "" {
				fields = append(fields, d.plain(clip(text, 2000)))
			}
		}
		if len(fields) > 0 {
			d.add(&api.SectionBlock{Type: api.MBTSection, Fields: fields})
		}
		all = all[n:]
	}
}

func (d *drawing) code(text string) {
	text = escape(strings.ReplaceAll(redact.Safe(text), "```", "'''"))
	if text = d.room(text); text != "" {
		text = "```\n" + clip(text, sectionMost-10) + "\n```"
		d.add(&api.SectionBlock{Type: api.MBTSection, Text: &api.TextBlockObject{Type: api.MarkdownType, Text: text, Verbatim: true}})
	}
}

func (d *drawing) plan(steps []bot.PlanStep) {
	var lines []string
	for _, s := range steps {
		line := glyph(s.State) + " " + s.Title
		if s.Note != "" {
			line += " · " + s.Note
		}
		lines = append(lines, line)
	}
	d.lines(lines)
}

// lines puts as many lines into a section as it takes, and begins another.
func (d *drawing) lines(all []string) {
	var some []string
	size := 0
	for _, l := range all {
		n := len([]rune(l)) + 1
		if size+n > sectionMost && size > 0 {
			d.words(strings.Join(some, "\n"))
			some, size = nil, 0
		}
		some, size = append(some, l), size+n
	}
	d.words(strings.Join(some, "\n"))
}

// tableMost is what fits beside each other in a message on a telephone; a wider table would wrap into a
// heap there, so its rows become two lines each.
const tableMost = 42

func (d *drawing) table(columns []string, rows [][]string) {
	text := table(columns, rows)
	if widest(text) <= tableMost {
		d.code(text)
		return
	}
	first := 2 // a name and what it is called
	var all []string
	if len(columns) <= 3 {
		first, all = len(columns), []string{strings.Join(columns, " · ") + ":"}
	}
	for _, r := range rows {
		all = append(all, strings.Join(slices.DeleteFunc(slices.Clone(r[:first]), empty), " · "))
		rest := slices.Clone(r[first:])
		for i, cell := range rest {
			if bare(cell) { // a number says nothing without its column
				rest[i] = columns[first+i] + " " + cell
			}
		}
		if rest = slices.DeleteFunc(rest, empty); len(rest) > 0 {
			all[len(all)-1] += "\n    " + strings.Join(rest, " · ")
		}
	}
	d.lines(all)
}

func empty(text string) bool { return text == "" }

// bare says whether a cell holds a count or a share, such as 78 or 3/10, or a moment of the day.
func bare(text string) bool { return text != "" && strings.Trim(text, "0123456789/:") == "" }

// glyph is a step's state in one sign.
func glyph(s dr.StepState) string {
	switch s {
	case dr.StepOK:
		return "✓"
	case dr.StepIntent, dr.StepReady:
		return "▸"
	case dr.StepFail:
		return "✗"
	case dr.StepUnknown:
		return "?"
	case dr.StepSkipped:
		return "–"
	case dr.StepUndone:
		return "↺"
	}
	return "·"
}

func bar(done, total int) string {
	const width = 12
	full := 0
	if total > 0 {
		full = min(width, done*width/total)
	}
	return strings.Repeat("▰", full) + strings.Repeat("▱", width-full) + " " + strconv.Itoa(done) + "/" + strconv.Itoa(total)
}

func (d *drawing) file(f bot.FileLink, n int) {
	if !strings.HasPrefix(f.URL, "https://") && !strings.HasPrefix(f.URL, "http://") { // a link of the console itself
		d.words(f.Name)
		return
	}
	d.add(&api.ActionBlock{Type: api.MBTAction, BlockID: fmt.Sprintf("file-%d", n), Elements: &api.BlockElements{ElementSet: []api.BlockElement{
		&api.ButtonBlockElement{Type: api.METButton, ActionID: "link:file", Text: plain(clip("📄 "+f.Name, 75)), URL: f.URL}}}})
}

func (d *drawing) context(texts []string) {
	for len(texts) > 0 {
		n := min(len(texts), contextMost)
		var all []api.MixedElement
		for _, t := range texts[:n] {
			if t = d.room(t); t != "" {
				all = append(all, d.plain(t))
			}
		}
		if len(all) > 0 {
			d.add(&api.ContextBlock{Type: api.MBTContext, ContextElements: api.ContextElements{Elements: all}})
		}
		texts = texts[n:]
	}
}

func section(text string) *api.SectionBlock {
	return &api.SectionBlock{Type: api.MBTSection, Text: plain(text)}
}

// typed are the commands and names our sentences mark as such, which plain text has no sign for but quotes.
var typed = regexp.MustCompile("`((?:/dr|switchman) [^`\\n]*|[a-z0-9][a-z0-9._:@-]*)`")

// plain is text that Slack shows as it is.
func plain(text string) *api.TextBlockObject {
	off := false
	return &api.TextBlockObject{Type: api.PlainTextType, Text: typed.ReplaceAllString(text, "“$1”"), Emoji: &off}
}

// escape makes text harmless where Slack reads markup.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// clip cuts text to n characters, the last of them an ellipsis where something was lost.
func clip(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:max(n-1, 0)]) + "…"
}
