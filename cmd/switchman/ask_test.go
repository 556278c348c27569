package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/knowledge"
)

// TestAskingTheServer: questions go to the server where one is up; without one the files are read here.
func TestAskingTheServer(t *testing.T) {
	d := serve(t, true)
	var synced struct {
		Documents int `json:"documents"`
	}
	d.must("knowledge", "sync", "--as", "fay", "--json").into(t, &synced)
	if synced.Documents != 1 {
		t.Fatalf("the server has %d runbooks", synced.Documents)
	}
	var told struct {
		Verdict string `json:"verdict"`
		Asked   string `json:"asked"`
		Sources []struct {
			Doc string `json:"doc"`
			URL string `json:"url"`
		} `json:"sources"`
	}
	s := d.must("ask", "--as", "fay", "--json", "what of the ledger?")
	if s.into(t, &told); told.Asked == "" || len(told.Sources) == 0 || told.Sources[0].Doc != "runbooks/ledger.md" || strings.Contains(s.err, "not running") {
		t.Errorf("%s%s", s.out, s.err)
	}
	if s := d.must("ask", "--as", "fay", "what of the ledger?"); strings.Contains(s.err, "nobody") || !strings.Contains(s.out, "you asked for") && !strings.Contains(s.out, "don't answer this") {
		t.Errorf("%s%s", s.out, s.err)
	}
	for _, args := range [][]string{{"ask", "what of the ledger?"}, {"search", "ledger"}, {"knowledge", "status"}} {
		if s := d.must(args...); !strings.Contains(s.err, "asked as nobody: public runbooks only; add --as PERSON") {
			t.Errorf("%v\n%s%s", args, s.out, s.err)
		}
	}
	if s := d.run("ask", " "); s.code != 2 || !strings.Contains(s.err, "switchman ask how") || strings.Contains(s.err, "/dr") {
		t.Errorf("exit %d %s", s.code, s.err)
	}
	if s := d.run("situation", "show", "s1", "--as", "fay"); s.code != 5 || !strings.Contains(s.err, "switchman situation list") || strings.Contains(s.err, "/dr") {
		t.Errorf("exit %d %s", s.code, s.err)
	}
	if s := d.must("search", "--as", "fay", "ledger"); !strings.Contains(s.out, "runbooks/ledger.md:") {
		t.Error(s.out)
	}
	if s := d.must("knowledge", "status", "--as", "fay"); !strings.Contains(s.out, "1 runbook, 1 passage\naudiences: internal\n") {
		t.Error(s.out)
	}
	d.must("ask", "--as", "fay", "zzyzx qwrk?")
	if s := d.must("knowledge", "feedback", "--as", "fay"); !strings.Contains(s.out, "asked but not answered:") || !strings.Contains(s.out, "1×  zzyzx qwrk?") {
		t.Error(s.out)
	}
	away := &desk{t: t, state: filepath.Join(t.TempDir(), "var")}
	if s := away.must("ask", "what of the ledger?"); !strings.Contains(s.err, "server not running") || !strings.Contains(s.out, "runbooks/ledger.md:") {
		t.Errorf("%s%s", s.out, s.err)
	}
	if s := away.run("knowledge", "feedback"); s.code != 7 {
		t.Errorf("exit %d: %s", s.code, s.err)
	}
}

// TestAnswerGrows: what stands there is not printed again, and an answer that begins anew says so.
func TestAnswerGrows(t *testing.T) {
	var out strings.Builder
	u := unfolding{w: &out}
	a := knowledge.Answer{Mode: "model", Verdict: knowledge.Answered, Sources: []knowledge.Cited{{Doc: "a.md", Heading: "A", Start: 3}},
		Parts: []knowledge.Part{{Text: "One.", Quote: "one"}, {Text: "Two.", Quote: "two"}}}
	first := a
	first.Parts = a.Parts[:1]
	u.more(first)
	u.more(a)
	whole := out.String()
	if whole != "A\n  a.md:3\nOne.\n  | one\nTwo.\n  | two\n" {
		t.Errorf("%q", whole)
	}
	b := a
	b.Mode, b.Parts = "extractive", []knowledge.Part{{Quote: "three"}}
	u.more(b)
	if got := strings.TrimPrefix(out.String(), whole); got != "\nThat was not to be the answer. This is:\n\nA\n  a.md:3\n  | three\n" {
		t.Errorf("%q", got)
	}
}
