package evals

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// A runbook is its front matter and its text.
type runbook struct {
	path string
	head struct {
		Title    string
		Systems  []string
		Alerts   []string
		Audience words
		Owner    string
		Reviewed string
	}
	text string
}

// words is a list that may be written as one word.
type words []string

func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = words{n.Value}
		return nil
	}
	return n.Decode((*[]string)(w))
}

func runbooks(t *testing.T) []runbook {
	t.Helper()
	var out []runbook
	err := fs.WalkDir(data.FS(), "runbooks", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		r := runbook{path: strings.TrimPrefix(name, "runbooks/")}
		r.text = text(t, r.path)
		_, rest, _ := strings.Cut(r.text, "---\n")
		head, _, ok := strings.Cut(rest, "\n---\n")
		if !ok {
			t.Errorf("%s has no front matter", r.path)
		}
		if err := yaml.Unmarshal([]byte(head), &r.head); err != nil {
			t.Errorf("%s: %v", r.path, err)
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sample is the sample organisation with what the runbooks may name in it.
func sample(t *testing.T) (dr.Organisation, *catalog.Catalog) {
	t.Helper()
	c, problems := catalog.Load(data.FS(), actions.Specs(), "test", time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC))
	for _, p := range problems {
		if p.Severity == catalog.Error {
			t.Fatal(p)
		}
	}
	return c.Organisation(), c
}

// TestNames: whoever types nothing but the name of an alert that a runbook declares gets that runbook, from its
// top, and no refusal.
func TestNames(t *testing.T) {
	x, _ := indexed(t)
	for _, r := range runbooks(t) {
		for _, name := range r.head.Alerts {
			for _, question := range []string{name, name + " alert"} {
				f, err := x.Search(t.Context(), knowledge.Query{Text: question, Audience: everybody})
				if err != nil || len(f.Results) == 0 {
					t.Fatal(question, err)
				}
				first := f.Results[0].Passage
				if first.Doc.Path != r.path || f.Abstain() || first.Start > 14 {
					t.Errorf("%s: %s line %d, refused %v (%.2f), wanted the top of %s", question, first.Doc.Path, first.Start, f.Abstain(), f.Confidence, r.path)
				}
			}
		}
	}
}

// TestFrontMatter checks that the runbooks name only what the sample has, and that the demo can show
// what it wants to: old ones, ones not everybody may see, and ones everybody may.
func TestFrontMatter(t *testing.T) {
	o, _ := sample(t)
	var old, restricted, public, inChinese int
	alerts, titles := map[string]string{}, map[string]string{}
	all := runbooks(t)
	for _, r := range all {
		if titles[r.head.Title] != "" || !strings.Contains(r.text, "\n# "+r.head.Title+"\n") {
			t.Errorf("%s: the title is not its own first heading, or somebody else's too", r.path)
		}
		titles[r.head.Title] = r.path
		if n := strings.Count(r.text, "\n"); n < 60 || n > 180 {
			t.Errorf("%s has %d lines; a runbook has 60 to 180", r.path, n)
		}
		for _, s := range r.head.Systems {
			if !slices.ContainsFunc(o.Systems, func(x dr.System) bool { return x.ID == s }) {
				t.Errorf("%s: there is no system %s", r.path, s)
			}
		}
		if !slices.ContainsFunc(o.Roster.Teams, func(x dr.Team) bool { return x.ID == r.head.Owner }) {
			t.Errorf("%s: its owner %q is no team of the roster", r.path, r.head.Owner)
		}
		for _, a := range r.head.Alerts {
			if alerts[a] != "" {
				t.Errorf("%s and %s both claim the alert %s", r.path, alerts[a], a)
			}
			alerts[a] = r.path
		}
		if r.head.Reviewed < "2026" {
			old++
		}
		switch {
		case slices.Equal(r.head.Audience, words{"public"}):
			public++
		case !slices.Contains(r.head.Audience, "internal"):
			restricted++
		}
		if chinese(r.text) {
			inChinese++
		}
	}
	if len(all) < 44 || 3*inChinese < len(all) || old < 3 || restricted < 3 || public < 1 {
		t.Errorf("%d runbooks, %d in Chinese, %d old, %d restricted, %d public: the demo has too few of something", len(all), inChinese, old, restricted, public)
	}
}

var (
	nodeCommand = regexp.MustCompile("demo-node ([a-z]+-[a-z]+-[a-z][0-9]|bank|east|west) ([a-z]+(?:-[a-z]+)?)")
	ourCommand  = regexp.MustCompile("(?m)(?:^|[`$|(] ?|sudo |switchman )switchman ([a-z][^`\n]*)")
	plan        = regexp.MustCompile(`\b(?:bank|identity|ledger|payments|channels)-(?:switchover|failover|switchback)\b`)
)

// TestLinks follows what the plans say people should read: every plan has a runbook, and every runbook
// that is named is there.
func TestLinks(t *testing.T) {
	_, c := sample(t)
	steps := 0
	for _, p := range c.Plans() {
		own := c.Runbook(p.ID, "")
		if own == "" {
			t.Errorf("the plan %s names no runbook", p.ID)
		}
		if c.Runbook(p.ID, "promote") != own {
			steps++
		}
		for _, problem := range c.Problems(p.ID) {
			if strings.Contains(problem.Text, "runbook") {
				t.Error(problem)
			}
		}
	}
	if steps < 10 {
		t.Errorf("only %d plans say what to read when the promotion fails", steps)
	}
}

// TestCommands holds what the runbooks tell people to type against what there is: nodes and their
// verbs, plans, and our own commands with their flags. At 3 a.m. nobody checks a runbook first.
func TestCommands(t *testing.T) {
	o, c := sample(t)
	nodes := map[string]bool{"bank": true, "east": true, "west": true}
	for _, s := range o.Systems {
		for _, n := range s.Nodes {
			nodes[n.ID] = true
		}
	}
	plans := map[string]bool{}
	for _, p := range c.Plans() {
		plans[p.ID] = true
	}
	verbs := strings.Fields("status is can start stop drain undrain activate deactivate record freeze unfreeze promote demote rejoin " +
		"lag rpo count rows served cut hang slow partition bad-deploy heal")
	manual, err := os.ReadFile("../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runbooks(t) {
		for _, m := range nodeCommand.FindAllStringSubmatch(r.text, -1) {
			if !nodes[m[1]] || !slices.Contains(verbs, m[2]) {
				t.Errorf("%s: the demo has no %q", r.path, m[0])
			}
		}
		for _, p := range plan.FindAllString(r.text, -1) {
			if !plans[p] {
				t.Errorf("%s: there is no plan %s", r.path, p)
			}
		}
		for _, m := range ourCommand.FindAllStringSubmatch(r.text, -1) {
			if wrong := unknown(string(manual), m[1]); wrong != "" {
				t.Errorf("%s: switchman %s: %s is in no manual", r.path, m[1], wrong)
			}
		}
	}
}

// unknown is the first command or flag of a line that the manual does not have.
func unknown(manual, line string) string {
	fields := strings.Fields(line)
	command := fields[0]
	if len(fields) > 1 && strings.Contains(manual, "\n### switchman "+command+" "+fields[1]+"\n") {
		command += " " + fields[1]
	} else if !strings.Contains(manual, "\n## switchman "+command+"\n") || slices.Contains([]string{"run", "person", "token", "code", "plan"}, command) {
		return strings.Join(fields[:min(2, len(fields))], " ")
	}
	_, page, _ := strings.Cut(manual, "# switchman "+command+"\n")
	if end := strings.Index(page, "\n##"); end >= 0 {
		page = page[:end]
	}
	globals, _, _ := strings.Cut(manual, "\n## switchman backup")
	for _, f := range fields {
		if flag, _, _ := strings.Cut(strings.TrimRight(f, ";"), "="); strings.HasPrefix(flag, "--") && !strings.Contains(page+globals, flag) {
			return flag
		}
		if strings.ContainsAny(f, "|;<") {
			break
		}
	}
	return ""
}

// TestSearchReadsThem indexes the sample without a word of complaint.
func TestSearchReadsThem(t *testing.T) {
	_, change := indexed(t)
	for _, p := range change.Problems {
		t.Error(p)
	}
	t.Logf("%d documents, %d passages", change.Documents, change.Passages)
	if change.Documents < 44 || change.Passages < 5*change.Documents {
		t.Errorf("%d documents in %d passages", change.Documents, change.Passages)
	}
}
