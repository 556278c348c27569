package knowledge

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sourceOf is a source of files given by name and text.
func sourceOf(files map[string]string) Source {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Source{Name: "runbooks", FS: m}
}

// parsed cuts one document.
func parsed(t *testing.T, name, text string) (*Document, []*Passage) {
	t.Helper()
	doc, passages, err := sourceOf(nil).parse(file{path: "runbooks/" + name, body: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return doc, passages
}

// outline is passages in short: lines, headings, text in one line.
func outline(passages []*Passage) string {
	var b strings.Builder
	for _, p := range passages {
		fmt.Fprintf(&b, "%d-%d %s: %s\n", p.Start, p.End, strings.Join(p.Headings, " › "), oneLine(p.Text))
	}
	return b.String()
}

func TestPassages(t *testing.T) {
	tests := []struct{ name, file, text, title, want string }{
		{"sections", "a.md", "# Standby\n\nIntro.\n\n## See the lag\n\nRun this:\n\n```sql\nSELECT 1;\n\n# no heading\n```\n\n## Fix it\n### By hand\n1. one\n2. two\n",
			"Standby", "1-3 : Intro.\n5-13 See the lag: Run this: ```sql SELECT 1; # no heading ```\n16-18 Fix it › By hand: 1. one 2. two\n"},
		{"front matter", "b.md", "---\ntitle: Lag\nsystems: [ledger]\n---\n# Other\ntext\n", "Lag", "5-6 Other: text\n"},
		{"underlined headings", "c.md", "Title\n=====\n\ntext\n\nPart\n----\nmore\n", "Title", "1-4 : text\n6-8 Part: more\n"},
		{"marks in a heading", "d.md", "# The `pg` **lag** of [ledger](x.md) {#lag}\ntext\n", "The pg lag of ledger", "1-2 : text\n"},
		{"table", "e.md", "# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nafter\n", "T", "1-7 : | a | b | |---|---| | 1 | 2 | after\n"},
		{"no heading", "slow-query.md", "Just text.\n", "slow query", "1-1 : Just text.\n"},
		{"only headings", "f.md", "# One\n## Two\n", "One", "1-2 Two: One Two\n"},
		{"empty", "g.md", "", "g", ""},
		{"not front matter", "h.md", "---\ntext\n", "h", "2-2 : text\n"},
		{"rule between", "i.md", "# I\none\n\n---\n\ntwo\n", "I", "1-6 : one --- two\n"},
		{"text", "j.txt", "first line\nsecond\n\nthird\n", "j", "1-4 : first line second third\n"},
		{"page", "k.html", "<html><head><title>x</title><style>p{}</style></head><body><h1>Lag</h1>\n<p>See <b>it</b></p>\n<script>evil()</script>\n<pre>a\n b</pre>\n" +
			"<table><tr><td>1</td><td>2</td></tr></table><h2>Fix</h2><ul><li>one</li><li>two</li></ul></body></html>", "Lag",
			"1-6 : See it a b 1 | 2\n6-6 Fix: one two\n"},
		{"Chinese", "l.md", "# 备库延迟\n\n## 处理\n先看 `lag`。\n", "备库延迟", "3-4 处理: 先看 `lag`。\n"},
		{"byte order mark and returns", "m.md", "\ufeff# M\r\n\r\ntext\r\n", "M", "1-3 : text\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, passages := parsed(t, tt.file, tt.text)
			if got := outline(passages); got != tt.want || doc.Title != tt.title {
				t.Errorf("title %q, passages\n%swant %q\n%s", doc.Title, got, tt.title, tt.want)
			}
		})
	}
}

// TestCutting: code stays whole however long, lists are cut between items, text between lines.
func TestCutting(t *testing.T) {
	fence := "```\n" + strings.Repeat("echo a long line of a script\n", 200) + "```"
	var list, prose []string
	for i := range 120 {
		list = append(list, fmt.Sprintf("- item %d says something of about fifty signs or so", i))
		prose = append(prose, fmt.Sprintf("Line %d of a paragraph that goes on and on without an end.", i))
	}
	_, passages := parsed(t, "long.md", "# Long\n\n## Script\n\n"+fence+"\n\n## List\n\n"+strings.Join(list, "\n")+"\n\n## Prose\n\n"+strings.Join(prose, "\n")+
		"\n\n## Line\n\n"+strings.Repeat("字", 5000)+"\n")
	count := map[string]int{}
	for _, p := range passages {
		count[p.Headings[0]]++
		n := len([]rune(p.Text))
		switch p.Headings[0] {
		case "Script":
			if p.Text != fence {
				t.Errorf("the fence was cut: %d signs", n)
			}
		case "List":
			if !strings.HasPrefix(p.Text, "- item") || n > long+leftover {
				t.Errorf("a list was cut inside an item, or too late: %d signs, %.40q", n, p.Text)
			}
		default:
			if n > longest {
				t.Errorf("%s: a passage of %d signs", p.Headings[0], n)
			}
		}
	}
	if count["Script"] != 1 || count["List"] < 3 || count["Prose"] < 3 || count["Line"] < 2 {
		t.Errorf("passages: %v", count)
	}
}

func TestFrontMatter(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"unknown field", "audiance: public", "audiance"},
		{"twice", "title: a\ntitle: b", "already defined"},
		{"bad day", "reviewed: 26.11.2026", "write the day as"},
		{"no list", "systems: {a: 1}", "want a name or a list of names"},
		{"empty name", "systems: ['']", "empty name"},
		{"no YAML", "title: [", "front matter"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := sourceOf(nil).parse(file{path: "runbooks/a.md", body: []byte("---\n" + tt.head + "\n---\ntext\n")})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	foreign := Source{Name: "x", Foreign: true, Audience: []string{Public}}
	doc, _, err := foreign.parse(file{path: "x/a.md", body: []byte("---\nlayout: page\ntitle: Lag\naudience: secret\n---\ntext\n")})
	if err != nil || doc.Title != "Lag" || !slices.Equal(doc.Audience, []string{Public}) {
		t.Errorf("foreign front matter: %+v, %v", doc, err)
	}
	doc, _ = parsed(t, "a.md", "---\naudience: role:manager\nalerts: [A, B]\nreviewed: 2026-11-26\n---\ntext\n")
	if !slices.Equal(doc.Audience, []string{"role:manager"}) || len(doc.Alerts) != 2 || doc.Reviewed != "2026-11-26" {
		t.Errorf("front matter: %+v", doc)
	}
}

// TestBrokenFiles: what cannot be read is named with its reason, and the rest is there.
func TestBrokenFiles(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "good.md"), "# Good\ntext\n")
	write(filepath.Join(dir, "null.md"), "a\nb\x00c\n")
	write(filepath.Join(dir, "latin.md"), "a\n\nstra\xdfe\n")
	write(filepath.Join(dir, "wrong.md"), "---\naudiance: public\n---\n")
	write(filepath.Join(dir, "picture.png"), "\x00")
	write(filepath.Join(outside, "secret.md"), "# Secret\n")
	write(filepath.Join(dir, "huge.md"), "")
	hidden := filepath.Join(dir, ".git")
	for _, err := range []error{os.Truncate(filepath.Join(dir, "huge.md"), 200<<20), os.Mkdir(hidden, 0o700),
		os.Symlink(filepath.Join(outside, "secret.md"), filepath.Join(dir, "out.md")), os.Symlink("good.md", filepath.Join(dir, "in.md"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(hidden, "x.md"), "# Hidden\n")
	files, done, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	x := New(Options{})
	change, err := x.Sync(t.Context(), Source{Name: "r", FS: files})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range change.Problems {
		got += p.String() + "\n"
	}
	want := "r/huge.md: has 200 MB; a runbook may have at most 8 MB. Split it, or leave it out of the folder\n" +
		"r/latin.md: is not UTF-8: line 3 cannot be read; save it as UTF-8\n" +
		"r/null.md: is not text: there is a null byte in line 2\n" +
		"r/out.md: cannot be read: it is a link that leads out of the folder\n" +
		"r/wrong.md: front matter: unmarshal errors: line 1: field audiance not found in type knowledge.front\n"
	if got != want {
		t.Errorf("problems\n%swant\n%s", got, want)
	}
	if change.Documents != 2 {
		t.Errorf("%d documents, want good.md and the link to it", change.Documents)
	}
	if _, _, err := Folder(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

func TestOnly(t *testing.T) {
	s := sourceOf(map[string]string{"a/x.md": "x", "a/y.txt": "y", "b/z.md": "z", "c.html": "c"})
	for only, want := range map[string]string{"": "a/x.md a/y.txt b/z.md c.html", "*.md": "a/x.md b/z.md", "a/*": "a/x.md a/y.txt", "[": ""} {
		if s.Only = nil; only != "" {
			s.Only = []string{only}
		}
		files, _, err := s.walk(context.Background())
		var names []string
		for _, f := range files {
			names = append(names, f.name)
		}
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("%q: %q, %v", only, got, err)
		}
	}
}

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain 文本\n\ttab":         "plain 文本\n\ttab",
		"pass\u200bword":          "password",
		"a\u202eb":                "a[U+202E]b",
		"x\u2066y\u2069":          "x[U+2066]y[U+2069]",
		"bell\x07 \x1b[31m":       "bell␇ ␛[31m",
		"one\r\ntwo\u2028three":   "one\ntwo[U+2028]three",
		"tag\U000E0041":           "tag[U+E0041]",
		"rm\u00ad -rf \ufeff/tmp": "rm -rf /tmp",
	} {
		if got := Safe(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestDeepNesting: a file of nothing but nested marks is read in no time, as text.
func TestDeepNesting(t *testing.T) {
	for _, mark := range []string{">", "> ", "- ", "* > "} {
		_, passages := parsed(t, "deep.md", strings.Repeat(mark, 50_000)+"x\n")
		if len(passages) == 0 {
			t.Errorf("%q: nothing was read", mark)
		}
	}
}
