package evals

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/switchman-dr/switchman/data"
)

var update = flag.Bool("update", false, "find the lines of the sections again by their headings")

// A Case is one line of a file of cases.
type Case struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`              // question or alert
	Variant    string `json:"variant,omitempty"` // of an alert: named or nameless
	Origin     string `json:"origin,omitempty"`
	Lang       string `json:"lang,omitempty"`
	Scope      string `json:"scope"`
	Source     string `json:"source,omitempty"`
	Question   string `json:"question,omitempty"`
	Answerable bool   `json:"answerable"`
	Alert      *Alert `json:"alert,omitempty"`
	Gold       []Gold `json:"gold"`
}

// Alert is what Alertmanager sends of one alert.
type Alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    string            `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// Gold is a right answer; grade 2 is the one that was meant, grade 1 is right as well.
type Gold struct {
	Doc     string `json:"doc"`
	Start   int    `json:"start,omitempty"` // lines of the section, from 1
	End     int    `json:"end,omitempty"`
	Heading string `json:"heading,omitempty"`
	Grade   int    `json:"grade"`
}

const (
	questionsFile    = "questions.jsonl"
	unanswerableFile = "unanswerable.jsonl"
	nearMissesFile   = "near_misses.jsonl" // asked of what the runbooks are about, and answered nowhere
	alertsFile       = "alerts.jsonl"
)

// cases reads files of cases strictly: an unknown field is a mistake.
func cases(t testing.TB, names ...string) []Case {
	t.Helper()
	var out []Case
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(b))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
			d.DisallowUnknownFields()
			var c Case
			if err := d.Decode(&c); err != nil {
				t.Fatalf("%s:%d: %v", name, n, err)
			}
			out = append(out, c)
		}
	}
	return out
}

// section is where a heading stands and the last line that belongs to it.
type section struct{ start, end int }

// sections finds the headings of a document; a heading that stands twice has no place in a case.
func sections(t testing.TB, doc string) map[string]section {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text(t, doc), "\n"), "\n")
	type head struct {
		line, level int
		words       string
	}
	var heads []head
	code := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
		}
		marks := len(line) - len(strings.TrimLeft(line, "#"))
		if !code && marks > 0 && strings.HasPrefix(line[marks:], " ") {
			heads = append(heads, head{i + 1, marks, strings.TrimSpace(line[marks:])})
		}
	}
	out := map[string]section{}
	for i, h := range heads {
		end := len(lines)
		for _, next := range heads[i+1:] {
			if next.level <= h.level || h.level == 1 {
				end = next.line - 1
				break
			}
		}
		for end > h.line && strings.TrimSpace(lines[end-1]) == "" {
			end--
		}
		if _, twice := out[h.words]; twice {
			t.Errorf("%s has two headings %q", doc, h.words)
		}
		out[h.words] = section{h.line, end}
	}
	return out
}

func text(t testing.TB, doc string) string {
	t.Helper()
	b, err := fs.ReadFile(data.FS(), "runbooks/"+doc)
	if err != nil {
		t.Fatalf("a case names a runbook that is not there: %v", err)
	}
	return string(b)
}

// chinese says whether a text is written in Chinese; a few quoted titles don't make it so.
func chinese(text string) bool {
	n := 0
	for _, r := range text {
		if unicode.Is(unicode.Han, r) {
			n++
		}
	}
	return n > 300
}

// TestCases checks the set itself: that every case is whole, and that every section it calls right is
// where it says.
func TestCases(t *testing.T) {
	ids := map[string]bool{}
	known := map[string]map[string]section{}
	for _, name := range []string{questionsFile, unanswerableFile, nearMissesFile, alertsFile} {
		all := cases(t, name)
		for i := range all {
			c := &all[i]
			if ids[c.ID] {
				t.Errorf("%s: the id %s is used twice", name, c.ID)
			}
			ids[c.ID] = true
			for _, wrong := range c.wrong() {
				t.Errorf("%s: %s: %s", name, c.ID, wrong)
			}
			for g := range c.Gold {
				doc := c.Gold[g].Doc
				if known[doc] == nil {
					known[doc] = sections(t, doc)
				}
				place(t, c.ID, &c.Gold[g], known[doc])
			}
		}
		if *update {
			write(t, name, all)
		}
	}
}

// wrong lists what a case lacks.
func (c *Case) wrong() (out []string) {
	say := func(bad bool, text string) {
		if bad {
			out = append(out, text)
		}
	}
	say(c.ID == "" || c.Scope == "", "has no id or no scope")
	say(c.Answerable != (len(c.Gold) > 0), "says answerable and has no right answer, or the other way round")
	switch c.Kind {
	case "question":
		say(c.Lang != "en" && c.Lang != "zh", "is in no language we measure")
		say(len(c.Question) < 15 || c.Alert != nil, "asks nothing")
		for _, g := range c.Gold {
			say(strings.Contains(strings.ToLower(c.Question), strings.ToLower(g.Heading)), "repeats the heading it is about")
			say(g.Heading == "" && g.Grade == 2, "names no section")
		}
	case "alert":
		say(c.Alert == nil || c.Alert.Annotations["summary"] == "", "has no alert")
		say(c.Alert != nil && (c.Variant == "named") != (c.Alert.Labels["alertname"] != ""), "is named and has no name, or the other way round")
	default:
		say(true, "is of no kind we know")
	}
	say(c.Answerable && !slices.ContainsFunc(c.Gold, func(g Gold) bool { return g.Grade == 2 }), "has no answer of grade 2")
	return out
}

// place checks where a section stands, or finds it again.
func place(t *testing.T, id string, g *Gold, at map[string]section) {
	t.Helper()
	if g.Heading == "" {
		return
	}
	is, ok := at[g.Heading]
	switch {
	case !ok:
		t.Errorf("%s: %s has no heading %q any more; look whether the question is still answered", id, g.Doc, g.Heading)
	case *update:
		g.Start, g.End = is.start, is.end
	case is != section{g.Start, g.End}:
		t.Errorf("%s: %s: %q is at lines %d to %d, the case says %d to %d; run go test ./evals -update", id, g.Doc, g.Heading, is.start, is.end, g.Start, g.End)
	}
}

func write(t *testing.T, name string, all []Case) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, c := range all {
		if c.Gold == nil {
			c.Gold = []Gold{}
		}
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEnough keeps the set large enough for its figures to mean something.
func TestEnough(t *testing.T) {
	count := map[string]int{}
	for _, c := range cases(t, questionsFile, unanswerableFile, alertsFile) {
		switch {
		case c.Kind == "alert" && c.Answerable:
			count["alerts"]++
		case c.Kind == "question" && !c.Answerable:
			count["unanswerable "+c.Lang]++
		case c.Kind == "question":
			count[languages(t, c)]++
		}
	}
	for what, least := range map[string]int{"alerts": 50, "unanswerable en": 20, "unanswerable zh": 15, "en→en": 50, "zh→zh": 30, "zh→en": 40, "en→zh": 30} {
		if count[what] < least {
			t.Errorf("%s: %d cases, want at least %d", what, count[what], least)
		}
	}
}

// languages names a question by the language it is asked in and the one its answer is written in.
func languages(t testing.TB, c Case) string {
	to := "en"
	if chinese(text(t, c.Gold[0].Doc)) {
		to = "zh"
	}
	return fmt.Sprintf("%s→%s", c.Lang, to)
}
