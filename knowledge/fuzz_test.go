package knowledge

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead: whatever a file holds, reading it ends, and every passage stands where it says it does.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"# A\n\ntext\n\n- a\n  - b\n\n> c\n\n```go\nx\n```\n|a|\n|-|\n|1|\n", "---\ntitle: x\naudience: [public]\n---\n# T\n", "---\n---",
		"<h1>a<h2>b</h1><pre>x\n\ny<script>z", "- - - a\n\t- b\n1. \n", "```\nopen", "[a]: b\n\n# \n\n---\n===\n", "> - > ```\nx", "a\r\nb\u2028c\x00", "|a|\n|-|", "\t\tcode\n\n\n\n\tmore"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) {
			return
		}
		for _, name := range []string{"a.md", "a.html", "a.txt"} {
			doc, passages, err := sourceOf(nil).parse(file{path: "runbooks/" + name, body: []byte(body)})
			if err != nil {
				continue
			}
			lines := strings.Split(doc.Text, "\n")
			ids := map[string]bool{}
			for _, p := range passages {
				if p.Start < 1 || p.End < p.Start || p.End > len(lines) || p.Text == "" || ids[p.ID] {
					t.Fatalf("%s: passage %+v of %d lines", name, *p, len(lines))
				}
				ids[p.ID] = true
				unitsOf(p)
				first, _, _ := strings.Cut(p.Text, "\n")
				if name == "a.md" && len(passages) > 1 && !strings.Contains(lines[p.first-1], first) {
					t.Fatalf("line %d is said to be %q and is %q", p.first, first, lines[p.first-1])
				}
			}
			words := newLexicon().reader()
			for _, p := range passages {
				words.weigh(p)
			}
		}
	})
}
