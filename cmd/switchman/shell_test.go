package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

func TestExitCodes(t *testing.T) {
	want := map[dr.ErrKind]int{dr.Unexpected: 1, dr.Usage: 2, dr.Refused: 3, dr.SignIn: 3, dr.Invalid: 4, dr.NotFound: 5, dr.Conflict: 6, dr.Unavailable: 7, dr.Unverified: 8}
	for kind, code := range want {
		if got := exitCode(kind); got != code {
			t.Errorf("%s ends with %d, want %d", kind, got, code)
		}
	}
}

func TestUsage(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, ""},
		{"--help", 0, ""},
		{"run", 0, ""},
		{"run --help", 0, ""},
		{"rn", 2, "did you mean: switchman run"},
		{"run aprove", 2, "did you mean: switchman run approve"},
		{"run aprove r1", 2, "did you mean"},
		{"plan show", 2, "wants a PLAN"},
		{"plan show a b", 2, "\"b\" is one argument too many"},
		{"plan list extra", 2, "no argument"},
		{"ask", 2, "ask wants a QUESTION\n  for example: switchman ask how"},
		{"search", 2, "search wants a QUERY"},
		{"search --limit 3", 2, "search wants a QUERY"},
		{"situation list extra", 2, "no argument"},
		{"knowledge model install", 2, "knowledge model install wants a FILE"},
		{"eval alerts", 2, "eval alerts needs --in and --out"},
		{"eval retrieval --out x", 2, "eval retrieval needs --corpus and --cases"},
		{"alert send testdata", 4, "testdata is a directory, not a file"},
		{"alert send testdata/nothing", 5, "there is no file testdata/nothing"},
		{"report r1 --out /nowhere/deep/x.zip", 5, "there is no directory /nowhere/deep"},
		{"report r1 --out shell_test.go/x.zip", 4, "shell_test.go is a file, not a directory"},
		{"restore testdata", 4, "testdata is a directory, not a file"},
		{"verify --state shell_test.go", 4, "shell_test.go is a file, not a directory"},
		{"run list --state shell_test.go", 4, "shell_test.go is a file, not a directory"},
		{"eval alerts --in testdata --out x", 4, "testdata is a directory, not a file"},
		{"plan show nothing", 5, "switchman plan list"},
		{"plan show move --mode fast", 2, "modes are"},
		{"plan show move --format png", 2, "formats are"},
		{"plan list --nonsense", 2, "--help"},
		{"run request move", 2, "--mode and --reason"},
		{"run request move --mode drill", 2, "--reason"},
		{"run request move --mode drill --reason x --override lag", 2, "CHECK=REASON"},
		{"run request move --mode drill --reason x --impact yesterday", 2, "RFC 3339"},
		{"run watch r1 --until never", 2, "no state"},
		{"report r1 --anchor 3", 2, "--out FILE.zip"},
		{"report r1 --out x.pdf", 2, ".zip, .html, .md or .json"},
		{"check /nowhere", 5, "no directory"},
		{"run list", 7, "switchman demo"},
		{"run list --server ftp://x", 4, "http"},
		{"--lang fr plan list", 4, "--lang: lang is \"fr\", want one of en, zh"},
		{"bench --rounds 0", 2, "--rounds"},
	} {
		s := d.run(strings.Fields(c.args)...)
		if s.code != c.code || !strings.Contains(s.err, c.says) {
			t.Errorf("switchman %s: exit %d, want %d saying %q\n%s", c.args, s.code, c.code, c.says, s.err)
		}
		if c.code != 0 && s.out != "" {
			t.Errorf("switchman %s: an error on standard output: %s", c.args, s.out)
		}
		s = d.run(append(strings.Fields(c.args), "--json")...)
		var answer struct{ Error told }
		if c.code != 0 {
			if s.into(t, &answer); answer.Error.Kind == "" || answer.Error.Message == "" {
				t.Errorf("switchman %s --json: %s", c.args, s.out)
			}
		}
	}
}

func TestUnexpectedErrorsShowAReference(t *testing.T) {
	var out, errs output
	sh := &shell{term: &terminal{out: &out, err: &errs}, json: true}
	if code := sh.finish(fmt.Errorf("opening the vault: %w", errors.New("disk on fire"))); code != 1 {
		t.Errorf("exit %d", code)
	}
	if strings.Contains(out.String(), "fire") || !strings.Contains(out.String(), `"ref":"`) || !strings.Contains(errs.String(), "disk on fire") {
		t.Errorf("out %s\nerr %s", out.String(), errs.String())
	}
}

func TestCheck(t *testing.T) {
	d := &desk{t: t, state: short(t)}
	if s := d.must("check"); !strings.Contains(s.out, "pier-bank: 1 system, 2 nodes, 2 plans, 10 people; 0 errors, 0 warnings") {
		t.Errorf("%s", s.out)
	}
	dir := short(t)
	if err := os.CopyFS(dir, os.DirFS(pier)); err != nil {
		t.Fatal(err)
	}
	plan := filepath.Join(dir, "plans", "move.yaml")
	raw, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(plan, []byte(strings.Replace(string(raw), "action: wait", "action: wiat", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := d.run("check", dir)
	if s.code != 4 || !strings.Contains(s.out, "plans/move.yaml:8:") || !strings.Contains(s.out, "wait") {
		t.Errorf("exit %d\n%s", s.code, s.out)
	}
	var answer struct {
		OK       bool
		Errors   int
		Problems []struct {
			File string
			Line int
		}
	}
	d.run("check", dir, "--json").into(t, &answer)
	if answer.OK || answer.Errors == 0 || answer.Problems[0].Line == 0 {
		t.Errorf("%+v", answer)
	}
}

func TestPlanShow(t *testing.T) {
	d := &desk{t: t, state: short(t)}
	golden(t, "testdata/plan-list.txt", d.must("plan", "list").out)
	golden(t, "testdata/plan-show.txt", d.must("plan", "show", "move", "--mode", "emergency").out)
	if s := d.must("plan", "show", "move", "--format", "svg"); !strings.HasPrefix(s.out, "<svg") {
		t.Error("no picture")
	}
	var plan struct{ Digest, Mode string }
	d.must("plan", "show", "move", "--json").into(t, &plan)
	if !strings.HasPrefix(plan.Digest, "sha256:") || plan.Mode != "drill" {
		t.Errorf("%+v", plan)
	}
}

func TestDoctor(t *testing.T) {
	d := serve(t, true)
	var answer struct {
		OK       bool
		Findings []struct{ Area, Level, Text string }
	}
	d.must("doctor", "--json").into(t, &answer)
	areas := map[string]bool{}
	for _, f := range answer.Findings {
		areas[f.Area] = true
	}
	for _, area := range []string{"organisation", "state", "store", "server"} {
		if !areas[area] {
			t.Errorf("doctor says nothing about %s: %+v", area, answer)
		}
	}
	if s := d.must("doctor"); !strings.Contains(s.out, "The server answers and takes work.") {
		t.Errorf("%s", s.out)
	}
}

func TestVersionAndBench(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	var v map[string]string
	if d.must("version", "--json").into(t, &v); v["version"] == "" || v["go"] == "" {
		t.Errorf("%v", v)
	}
	var b struct{ Figures []figure }
	if d.must("bench", "commits", "--commits", "3", "--rounds", "1", "--json").into(t, &b); len(b.Figures) != 6 || b.Figures[0].Median <= 0 || b.Figures[3].Met == nil {
		t.Errorf("%+v", b)
	}
	left, err := os.ReadDir(d.state)
	if err != nil || len(left) != 0 {
		t.Errorf("bench left %v %v", left, err)
	}
}

func TestTables(t *testing.T) {
	tab := table{head: []string{"RUN", "STATE", "WHAT"}}
	tab.add("r1125-x7kq", "awaiting approval", strings.Repeat("Bring the bank home ", 9))
	tab.add("r1125-中文", "运行中", "把整个银行切换到另一个站点，"+strings.Repeat("很长", 40))
	tab.add("r1\x1b[2J", "line\nbreak", "bidi \u202e text \xff")
	var b strings.Builder
	tab.print(&b, narrow)
	for _, line := range strings.Split(b.String(), "\n") {
		if cells(line) > narrow || strings.ContainsAny(line, "\x1b\u202e") || !utf8.ValidString(line) {
			t.Errorf("%d columns: %q", cells(line), line)
		}
	}
	golden(t, "testdata/table.txt", b.String())
}

func FuzzOneLine(f *testing.F) {
	f.Add("plain", 10)
	f.Add("\x1b]0;title\x07", 3)
	f.Add("中文字符", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		n = 1 + (n&0x7f)%100
		got := fit(oneLine(text), n)
		if strings.ContainsAny(got, "\n\r\x1b\x07\x00") || !utf8.ValidString(got) || cells(got) > n {
			t.Errorf("%q to %d gives %q (%d)", text, n, got, cells(got))
		}
	})
}

func TestSpans(t *testing.T) {
	for m, want := range map[dr.Millis]string{0: "0ms", 850: "850ms", 12_340: "12.3s", 245_000: "4m05s", 7_800_000: "2h10m", 200_000_000: "2d7h", -1500: "-1.5s"} {
		if got := span(m); got != want {
			t.Errorf("span(%d) = %q, want %q", m, got, want)
		}
	}
}
