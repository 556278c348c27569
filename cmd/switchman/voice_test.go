package main

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// TestOwnLanguage: sentences come in the language the roster has for whoever asks, unless another one is
// asked for.
func TestOwnLanguage(t *testing.T) {
	d := serve(t, true)
	var v fsm.View
	d.must("--as", "ada", "--json", "run", "request", "move", "--mode", "drill", "--reason", "x").into(t, &v)
	d.must("run", "watch", v.ID, "--until", "awaiting_approval", "--as", "ada")
	for _, c := range []struct {
		args, says string
	}{
		{"--as cleo run start " + v.ID, "审批"},
		{"--as cleo --lang en run start " + v.ID, "waiting for votes"},
		{"--as ben run start " + v.ID, "waiting for votes"},
		{"--as ben --lang zh run start " + v.ID, "审批"},
	} {
		s := d.with("DRC-0000-0000-0000-7\n", strings.Fields(c.args)...)
		if s.code != 3 || !strings.Contains(s.err, c.says) {
			t.Errorf("switchman %s: exit %d, no %q in\n%s", c.args, s.code, c.says, s.err)
		}
	}
	if s := d.must("--as", "cleo", "run", "show", v.ID); !strings.Contains(s.out, "等待审批，还缺 ") {
		t.Errorf("what the run waits for is told to Cleo as\n%s", s.out)
	}
	if s := d.must("--as", "ben", "run", "show", v.ID); strings.Contains(s.out, "等待") || !strings.Contains(s.out, "approvals are missing: 1 of operations (approver in operations)") {
		t.Errorf("what the run waits for is told to Ben as\n%s", s.out)
	}
}

// TestOneLanguage: no answer mixes two. What an organisation's files say stays as they say it; here that is English.
func TestOneLanguage(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	for _, args := range []string{"run show " + id, "run list", "plan list", "plan show move", "knowledge status", "situation list", "search zzyzx", "run approve " + id} {
		zh := d.must(strings.Fields("--as cleo " + args)...)
		if !strings.ContainsFunc(zh.out, func(r rune) bool { return r >= 0x4e00 && r < 0xa000 }) {
			t.Errorf("%s: nothing in Chinese\n%s", args, zh.out)
		}
		for _, english := range []string{"STATE", "PLAN", "waits", "you may", "then", "digest", " of ", "awaiting", "switchover", "runbook,"} {
			if strings.Contains(zh.out, english) {
				t.Errorf("%s: %q among Chinese\n%s", args, english, zh.out)
			}
		}
	}
}

// TestLanguageOfTheTerminal: where nobody says who they are, LANG decides, after --lang and SWITCHMAN_LANG.
func TestLanguageOfTheTerminal(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	for _, c := range []struct {
		environ, args string
		chinese       bool
	}{
		{"LANG=zh_CN.UTF-8", "plan list", true},
		{"LANG=en_GB.UTF-8 LC_ALL=zh_CN", "plan list", true},
		{"LANG=zh_CN.UTF-8 LC_MESSAGES=en_US", "plan list", false},
		{"LANG=zh_CN.UTF-8 SWITCHMAN_LANG=en", "plan list", false},
		{"LANG=zh_CN.UTF-8", "plan list --lang en", false},
		{"LANG=C", "plan list", false},
		{"LANG=fr_FR.UTF-8", "plan list", false},
		{"LANG=en_GB.UTF-8", "plan list --as cleo", true},
	} {
		d.environ = strings.Fields(c.environ)
		if s := d.must(strings.Fields(c.args)...); strings.HasPrefix(s.out, "预案") != c.chinese {
			t.Errorf("%s, %s:\n%s", c.environ, c.args, s.out)
		}
	}
}

func shanghai(t *testing.T, lang string) voice {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return voice{lang, zone}
}

// byHandView is a run that waits for a person in every way it can, and what its plan says of that.
func byHandView() (fsm.View, details) {
	v := sampleView()
	v.Waiting = []string{"waiting_votes", "waiting_manual", "waiting_code_entry"}
	v.Round = fsm.RoundView{Number: 2, Need: 3, Have: 1, Votes: []dr.Vote{{Person: "chen", For: "wu", Verdict: "approve"}}}
	v.Kind, v.CodeLive, v.Reason, v.Digest, v.Handover = dr.Switchover, true, "east is dark", "sha256:"+strings.Repeat("0", 64), "zhou"
	v.Checks = []dr.Check{{ID: "lag", Level: "warn", Text: "7 s behind"}}
	v.Overrides = []dr.Override{{Check: "window", Person: "lin", Reason: "no batch today"}}
	v.Force = &dr.ForceAsk{By: "lin", Systems: []string{"ledger", "payments"}, Reason: "no answer"}
	return v, details{
		steps:   map[string]dr.Step{"call-branches": {Call: dr.Call{Params: map[string]any{"text": "Call all branches, then say done."}}}},
		missing: []dr.Group{{Name: "business", N: 1, Roles: []dr.Role{dr.Approver}, Teams: []string{"channels", "payments"}}, {Name: "anybody", N: 1, Roles: []dr.Role{dr.Approver}}},
	}
}

// TestRunText: a run in both languages, with the organisation's clock, the step to do by hand and who is missing.
func TestRunText(t *testing.T) {
	v, more := byHandView()
	for _, lang := range []string{"en", "zh"} {
		var b strings.Builder
		runText(&b, v, shanghai(t, lang), more)
		for _, line := range strings.Split(b.String(), "\n") {
			if cells(line) > narrow || strings.ContainsAny(line, "{}") {
				t.Errorf("%s, %d columns: %q", lang, cells(line), line)
			}
		}
		golden(t, "testdata/run-show."+lang+".txt", b.String())
		golden(t, "testdata/board."+lang+".txt", picture(v, func(b *board) { b.voice, b.more = shanghai(t, lang), more }))
	}
}

// TestStepTitlesAreWhole: a terminal wraps them, a pipe has them on one line.
func TestStepTitlesAreWhole(t *testing.T) {
	v := sampleView()
	long := "Confirm that east is really lost, from two places that do not depend on each other"
	v.Steps[0].Title = long
	var pipe, screen strings.Builder
	stepTable(&pipe, v, voice{"en", time.UTC}, math.MaxInt)
	stepTable(&screen, v, voice{"en", time.UTC}, 79)
	if !strings.Contains(pipe.String(), "  "+long+"\n") {
		t.Errorf("a pipe has\n%s", pipe.String())
	}
	if got := strings.Join(strings.Fields(screen.String()), " "); !strings.Contains(got, long) || strings.Contains(got, "…") {
		t.Errorf("a screen has\n%s", screen.String())
	}
	for _, line := range strings.Split(screen.String(), "\n") {
		if cells(line) > 79 {
			t.Errorf("%d columns: %q", cells(line), line)
		}
	}
}

// TestMissingGroups: whose votes are missing is said only where it agrees with the server's count.
func TestMissingGroups(t *testing.T) {
	people := []person{{ID: "ben", Teams: []string{"operations"}}, {ID: "cleo", Teams: []string{"business"}}}
	groups := []dr.Group{{Name: "operations", N: 1, Teams: []string{"operations"}}, {Name: "business", N: 1, Teams: []string{"business"}}}
	yes := func(p string) dr.Vote { return dr.Vote{Person: p, Verdict: "approve"} }
	for _, c := range []struct {
		votes []dr.Vote
		have  int
		want  string
	}{
		{nil, 0, "operations business"},
		{[]dr.Vote{yes("ben")}, 1, "business"},
		{[]dr.Vote{yes("cleo")}, 1, "operations"},
		{[]dr.Vote{yes("cleo"), yes("ben")}, 2, ""},
		{[]dr.Vote{{Person: "ben", Verdict: "withdrawn"}}, 0, "operations business"},
		{[]dr.Vote{yes("ben")}, 0, ""}, // ben's doesn't count, for a reason only the server knows
	} {
		var got []string
		for _, g := range missingGroups(groups, fsm.RoundView{Need: 2, Have: c.have, Votes: c.votes}, people) {
			got = append(got, g.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("votes %v: %v are missing, want %s", c.votes, got, c.want)
		}
	}
}

// TestFileTrouble: what is wrong with a file is said of the part of its path that is wrong.
func TestFileTrouble(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		err  error
		kind dr.ErrKind
		says string
	}{
		{&fs.PathError{Op: "open", Path: filepath.Join(dir, "a/b/x.zip.part"), Err: syscall.ENOENT}, dr.NotFound, "there is no directory " + filepath.Join(dir, "a/b")},
		{&fs.PathError{Op: "open", Path: filepath.Join(dir, "x.json"), Err: syscall.ENOENT}, dr.NotFound, "there is no file " + filepath.Join(dir, "x.json")},
		{&fs.PathError{Op: "read", Path: dir, Err: syscall.EISDIR}, dr.Invalid, dir + " is a directory, not a file"},
		{&fs.PathError{Op: "open", Path: "voice_test.go/x", Err: syscall.ENOTDIR}, dr.Invalid, "voice_test.go is a file, not a directory"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, dr.Invalid, "this account may not use /x"},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EROFS}, dr.Invalid, "read-only"},
		{&fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, dr.Unavailable, "no room"},
		{&fs.PathError{Op: "mkdir", Path: filepath.Join(dir, "x"), Err: syscall.ENOENT}, dr.Invalid, "no directory can be made in " + dir},
	} {
		got, ok := fileTrouble(errors.Join(errors.New("writing"), c.err))
		if !ok || got.Kind != c.kind || !strings.Contains(got.Message, c.says) {
			t.Errorf("%v: %v %+v, want %s saying %q", c.err, ok, got, c.kind, c.says)
		}
	}
	for _, other := range []error{errors.New("x"), &fs.PathError{Op: "read", Path: dir, Err: syscall.EIO}} {
		if got, ok := fileTrouble(other); ok {
			t.Errorf("%v is told as %+v", other, got)
		}
	}
}
