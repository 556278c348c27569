// Package prompts holds every prompt as a file with its schema, fills it in, and judges what comes back.
//
// It owns the words that are sent to a model ([Answer], [Rewrite]) and the only door through which a
// model's words come in ([Accept]). Files are NAME.LANGUAGE.md, with what we say before the line "---"
// and the data after it, and NAME.schema.json.
//
// It refuses to trust either side of the model. What runbooks, alerts and people wrote goes in as data,
// fenced by a word nobody can guess. What comes out is kept only where it proves itself: each statement
// with a quote that stands in the passage it names, no link, no picture, no mark-up, no name or number
// that the passage does not have, and no claim that something was done or approved. Links are made by
// us, from the passage. How well a model behaves is nobody's defence.
//
// Everything here is pure; asking is package llm's, searching is knowledge's.
package prompts

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"text/template"

	"github.com/switchman-dr/switchman/redact"
)

//go:embed *.md *.schema.json
var files embed.FS

// Request is a filled prompt. It has the fields of llm.Request, so that one converts into the other.
type Request struct {
	Name      string          // of the prompt, for the log
	System    string          // ours
	User      string          // with the data in it
	Schema    json.RawMessage // of the answer
	MaxTokens int             // of the answer
}

// Passage is a piece of a runbook as retrieval found it.
type Passage struct {
	ID    string // ours; a model sees P1, P2, … instead
	Title string // document and headings
	Text  string
}

// Answer asks for an answer out of passages.
type Answer struct {
	Lang     string // of the asker: en or zh
	Question string
	Passages []Passage // best first; at most [MaxPassages] are offered
	Own      []string  // domains of the house, such as bank.com.cn: names of its hosts are no links
}

// MaxPassages is how many passages are offered to a model at most.
const MaxPassages = 8

// longestPassage bounds the characters of a passage that are offered, longestQuestion those of what a
// person asked.
const (
	longestPassage  = 4000
	longestQuestion = 1000
)

// Render fills the prompt. The nonce comes from [Nonce], a new one for each request.
func (a Answer) Render(nonce string) (Request, error) {
	offered := a.offered()
	if len(offered) == 0 {
		return Request{}, fmt.Errorf("rendering the answer prompt: no passages to answer from")
	}
	ids := make([]string, len(offered))
	data := struct {
		IDs, Nonce, Question string
		Passages             []Passage
	}{Nonce: nonce, Question: harmless(a.Question, nonce, longestQuestion)}
	for i, p := range offered {
		ids[i] = alias(i)
		data.Passages = append(data.Passages, Passage{ID: ids[i], Title: attribute(p.Title, nonce), Text: harmless(p.Text, nonce, longestPassage)})
	}
	data.IDs = strings.Join(ids, ", ")
	r, err := fill("answer", a.Lang, data)
	if err != nil {
		return Request{}, err
	}
	list, err := json.Marshal(ids)
	r.Schema = json.RawMessage(strings.Replace(string(r.Schema), `["ids"]`, string(list), 1))
	r.MaxTokens = 1200
	return r, err
}

// offered are the passages a model is shown.
func (a Answer) offered() []Passage { return a.Passages[:min(len(a.Passages), MaxPassages)] }

// alias is a passage's id for the model: nothing that could be guessed from another request.
func alias(i int) string { return "P" + strconv.Itoa(i+1) }

// Turn is something said earlier in a thread.
type Turn struct {
	From string // person or switchman
	Text string
}

// Rewrite asks for a follow-up question in words that stand alone.
type Rewrite struct {
	Lang     string
	Question string
	Thread   []Turn   // oldest first; the last [MaxTurns] are offered
	Own      []string // as in [Answer]
}

// MaxTurns is how much of a thread is offered to a model at most.
const MaxTurns = 6

// Render fills the prompt.
func (r Rewrite) Render(nonce string) (Request, error) {
	data := struct {
		Nonce, Question string
		Thread          []Turn
	}{Nonce: nonce, Question: harmless(r.Question, nonce, longestQuestion)}
	for _, t := range r.offered() {
		from := "person"
		if t.From == "switchman" {
			from = t.From
		}
		data.Thread = append(data.Thread, Turn{From: from, Text: harmless(t.Text, nonce, longestQuestion)})
	}
	req, err := fill("rewrite", r.Lang, data)
	req.MaxTokens = 200
	return req, err
}

func (r Rewrite) offered() []Turn { return r.Thread[max(0, len(r.Thread)-MaxTurns):] }

// Nonce makes the word that fences data in one request.
func Nonce() string { return strings.ToLower(rand.Text()) }

// templates are parsed once; they never change afterwards.
var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("prompts").Option("missingkey=error").ParseFS(files, "*.md")
})

// fill executes one prompt and parts what is ours from the data.
func fill(name, lang string, data any) (Request, error) {
	if lang != "zh" {
		lang = "en"
	}
	all, err := templates()
	if err != nil {
		return Request{}, fmt.Errorf("reading prompts: %w", err)
	}
	schema, err := files.ReadFile(name + ".schema.json")
	if err != nil {
		return Request{}, fmt.Errorf("reading the schema of prompt %s: %w", name, err)
	}
	var b strings.Builder
	if err := all.ExecuteTemplate(&b, name+"."+lang+".md", data); err != nil {
		return Request{}, fmt.Errorf("filling prompt %s: %w", name, err)
	}
	system, user, _ := strings.Cut(b.String(), "\n---\n")
	return Request{Name: name, System: system, User: strings.TrimSpace(user), Schema: schema}, nil
}

// harmless makes data safe to stand inside the fence: no invisible characters, nothing that ends the
// fence, none of the marks that chat templates of local models take for the borders of a message, and
// no "---" line of ours.
func harmless(text, nonce string, limit int) string {
	text = redact.Safe(text)
	for _, mark := range []string{nonce, "<|", "|>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>", "<start_of_turn>", "<end_of_turn>", "<think>", "</think>"} {
		if mark != "" && strings.Contains(text, mark) {
			text = strings.ReplaceAll(text, mark, mark[:1]+" "+mark[1:])
		}
	}
	n := 0
	for i := range text {
		if n++; n > limit {
			return text[:i]
		}
	}
	return text
}

// attribute makes data safe to stand between quotation marks.
func attribute(text, nonce string) string {
	return strings.NewReplacer(`"`, "'", "<", "(", ">", ")").Replace(redact.Line(harmless(text, nonce, 200), 200))
}
