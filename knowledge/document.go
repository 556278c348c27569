package knowledge

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Audiences every organisation has. Others are names of its own, such as "role:manager".
const (
	Public   = "public"   // anybody, also in channels shared with the outside
	Internal = "internal" // the organisation's own people
)

// Document is one runbook as people cite it.
type Document struct {
	Path     string   `json:"doc"` // source and path below it
	Title    string   `json:"title"`
	Systems  []string `json:"systems,omitempty"`
	Alerts   []string `json:"alerts,omitempty"`
	Audience []string `json:"audience"` // any of these may see it
	Owner    string   `json:"owner,omitempty"`
	Reviewed string   `json:"reviewed,omitempty"` // YYYY-MM-DD
	Commit   string   `json:"commit,omitempty"`
	Digest   string   `json:"digest"` // sha256 of the file
	Lines    int      `json:"lines"`
	Text     string   `json:"-"` // the whole document, made safe to show
}

// front is what may stand between the two lines of dashes at the top of a runbook.
type front struct {
	Title    string `yaml:"title"`
	Systems  names  `yaml:"systems"`
	Alerts   names  `yaml:"alerts"`
	Audience names  `yaml:"audience"`
	Owner    string `yaml:"owner"`
	Reviewed string `yaml:"reviewed"`
}

// names is a list that may be written as one word.
type names []string

// UnmarshalYAML accepts one word or a list of words.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	var one string
	if node.Kind == yaml.ScalarNode && node.Decode(&one) == nil {
		*n = nil
		if one != "" {
			*n = names{one}
		}
		return nil
	}
	var many []string
	if err := node.Decode(&many); err != nil {
		return fmt.Errorf("line %d: want a name or a list of names", node.Line)
	}
	*n = many
	return nil
}

// splitFront parts front matter from the text below it; line is the line the text begins at.
func splitFront(body string) (head, text string, line int) {
	rest, ok := strings.CutPrefix(body, "---\n")
	if !ok {
		return "", body, 1
	}
	for at := 0; at < len(rest); {
		end := strings.IndexByte(rest[at:], '\n')
		this := rest[at:]
		if end >= 0 {
			this = rest[at : at+end]
		}
		if this = strings.TrimRight(this, " \t"); this == "---" || this == "..." {
			if end < 0 {
				return rest[:at], "", strings.Count(rest[:at], "\n") + 3
			}
			return rest[:at], rest[at+end+1:], strings.Count(rest[:at], "\n") + 3
		}
		if end < 0 {
			break
		}
		at += end + 1
	}
	return "", body, 1 // a line of dashes and no second one: a rule, not front matter
}

// readFront reads front matter. Ours is strict; foreign gives a title or nothing.
func readFront(head string, foreign bool) (front, error) {
	var f front
	if head == "" {
		return f, nil
	}
	if foreign {
		var any struct {
			Title string `yaml:"title"`
		}
		_ = yaml.Unmarshal([]byte(head), &any) // another tool's header need not be YAML we know
		f.Title = any.Title
		return f, nil
	}
	d := yaml.NewDecoder(bytes.NewReader([]byte(head)))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && err != io.EOF {
		return f, fmt.Errorf("front matter: %s", oneLine(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	if f.Reviewed != "" {
		if _, err := time.Parse(time.DateOnly, f.Reviewed); err != nil {
			return f, fmt.Errorf("front matter: reviewed is %q; write the day as 2026-11-26", f.Reviewed)
		}
	}
	for _, list := range [][]string{f.Systems, f.Alerts, f.Audience} {
		if slices.Contains(list, "") {
			return f, fmt.Errorf("front matter: there is an empty name in a list")
		}
	}
	return f, nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// parse turns a file into its document and passages.
func (s Source) parse(f file) (*Document, []*Passage, error) {
	text := Safe(strings.TrimPrefix(string(f.body), "\uFEFF"))
	head, body, line := splitFront(text)
	fm, err := readFront(head, s.Foreign)
	if err != nil {
		return nil, nil, err
	}
	blocks := formatOf(f.path)(body)
	for i := range blocks {
		blocks[i].shift(line - 1)
	}
	doc := &Document{Path: f.path, Title: oneLine(fm.Title), Systems: fm.Systems, Alerts: fm.Alerts, Audience: fm.Audience, Owner: fm.Owner,
		Reviewed: fm.Reviewed, Commit: s.Commit, Digest: f.digest, Lines: 1 + strings.Count(strings.TrimSuffix(text, "\n"), "\n"), Text: text}
	if len(doc.Audience) == 0 {
		doc.Audience = s.Audience
	}
	if len(doc.Audience) == 0 {
		doc.Audience = []string{Internal}
	}
	if doc.Title == "" {
		doc.Title = titleOf(f.path, blocks)
	}
	return doc, cut(doc, blocks), nil
}

// titleOf is the first heading of the highest rank that comes before any text, else the file's name.
func titleOf(name string, blocks []block) string {
	for _, b := range blocks {
		if b.level == 1 && b.text != "" {
			return b.text
		}
	}
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	return cmp.Or(strings.Join(strings.FieldsFunc(base, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }), " "), name)
}
