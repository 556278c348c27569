package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/report"
)

// requestRun asks for a drill as ada and answers its id once votes may come.
func requestRun(d *desk) string {
	d.t.Helper()
	var v fsm.View
	d.must("run", "request", "move", "--mode", "drill", "--reason", "spring drill", "--as", "ada", "--json").into(d.t, &v)
	d.must("run", "watch", v.ID, "--until", "awaiting_approval", "--as", "ada")
	return v.ID
}

// approve lets the two teams vote and a manager issue a code.
func approve(d *desk, id string) (code string) {
	d.t.Helper()
	d.must("run", "approve", id, "--as", "ben")
	d.must("run", "approve", id, "--as", "cleo")
	return strings.TrimSpace(d.must("code", "issue", id, "--as", "dora").out)
}

func TestStoryOnTheCommandLine(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	if s := d.run("run", "approve", id, "--as", "ada"); s.code != 3 || !strings.Contains(s.err, "does not count") {
		t.Errorf("the requester's vote: exit %d %s", s.code, s.err)
	}
	code := approve(d, id)
	if !strings.HasPrefix(code, "DRC-") {
		t.Fatalf("code %q", code)
	}
	if s := d.must("run", "show", id, "--as", "ada"); !strings.Contains(s.out, "the security code was issued and has to be entered") || strings.Contains(s.out, "is missing") {
		t.Errorf("with its code issued the run waits for\n%s", s.out)
	}
	if s := d.with(misread(code)+"\n", "run", "start", id, "--as", "ada"); s.code != 3 || !strings.Contains(s.err, "misread or misheard") || !strings.Contains(s.err, "not counted as a try") {
		t.Errorf("a misread code: exit %d %s", s.code, s.err)
	}
	if s := d.with(code+"\n", "run", "start", id, "--as", "dora"); s.code != 3 {
		t.Errorf("the issuer started the run: exit %d %s", s.code, s.err)
	}
	if s := d.with(code+"\n", "run", "start", id, "--as", "ada"); s.code != 0 {
		t.Fatalf("start: exit %d %s", s.code, s.err)
	}
	watched := d.must("run", "watch", id, "--until", "at_standby", "--as", "ada")
	for _, want := range []string{"Ada asked for Move the ledger", "Ben: yes, 1 of 2 votes", "Dora was shown a one-time code", "Ada started the run", id + " is at standby"} {
		if !strings.Contains(watched.out, want) {
			t.Errorf("watch does not say %q:\n%s", want, watched.out)
		}
	}
	if strings.Contains(watched.out, code) {
		t.Error("watch shows the code")
	}
	d.theWayBack(id)
	d.whatIsLeft(id)
}

// misread is a code with one symbol taken for another.
func misread(code string) string {
	if strings.HasSuffix(code, "7") {
		return code[:len(code)-1] + "8"
	}
	return code[:len(code)-1] + "7"
}

func (d *desk) theWayBack(id string) {
	d.t.Helper()
	var back fsm.View
	d.must("run", "switchback", id, "--reason", "home", "--as", "ada", "--json").into(d.t, &back)
	d.must("run", "watch", back.ID, "--until", "awaiting_approval", "--as", "ada")
	code := approve(d, back.ID)
	if s := d.with(code, "run", "start", back.ID, "--as", "ada"); s.code != 0 {
		d.t.Fatalf("the way back: exit %d %s", s.code, s.err)
	}
	if s := d.must("run", "watch", back.ID, "--as", "ada"); !strings.Contains(s.out, "is closed") {
		d.t.Errorf("the way back:\n%s", s.out)
	}
	if s := d.must("run", "watch", id, "--as", "ada"); !strings.Contains(s.out, "is closed") {
		d.t.Errorf("the run after its way back:\n%s", s.out)
	}
}

// whatIsLeft: report, journal and proof, with the server and without.
func (d *desk) whatIsLeft(id string) {
	d.t.Helper()
	bundle := filepath.Join(short(d.t), "drill.zip")
	d.must("report", id, "--out", bundle, "--as", "ada")
	var v report.Verdict
	d.must("verify", bundle, "--json").into(d.t, &v)
	if !v.OK || v.Trusted || len(v.Runs) != 2 || v.Rows < 20 || v.Checkpoint.Size != v.Rows || v.Checkpoint.Key == "" {
		d.t.Errorf("verify %+v", v)
	}
	key := filepath.Join(short(d.t), "bank.pub")
	if err := os.WriteFile(key, []byte("# pier bank\n"+v.Checkpoint.Key+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.must("verify", bundle, "--trust", key, "--json").into(d.t, &v)
	if !v.Trusted {
		d.t.Error("the key named is not trusted")
	}
	md := d.must("report", id, "--as", "ada").out
	for _, want := range []string{"# Move the ledger", "TEST", "## The way back", "| ledger |", "approves", "switchman/"} {
		if !strings.Contains(md, want) {
			d.t.Errorf("the report lacks %q", want)
		}
	}
}

func TestRunOfDeniedEndsWith3(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	if s := d.run("run", "deny", id, "--as", "ben"); s.code != 2 || !strings.Contains(s.err, "--reason") {
		t.Errorf("deny without a reason: exit %d %s", s.code, s.err)
	}
	d.must("run", "deny", id, "--reason", "month end", "--as", "ben")
	s := d.run("run", "watch", id, "--as", "ada", "--json")
	if s.code != 3 {
		t.Errorf("watch of a denied run: exit %d", s.code)
	}
	lines := strings.Split(strings.TrimSpace(s.out), "\n")
	var last fsm.View
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.State != dr.Denied {
		t.Errorf("the last line is not the run: %v %s", err, lines[len(lines)-1])
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestWithoutAServer(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	stop := d.start(true)
	id := requestRun(d)
	stop()
	for _, args := range [][]string{{"run", "show", id}, {"run", "list"}, {"journal"}, {"journal", id}, {"report", id}} {
		s := d.must(args...)
		if !strings.Contains(s.err, "server not running") || !strings.Contains(s.out, id) {
			t.Errorf("%v:\n%s%s", args, s.out, s.err)
		}
	}
	for _, args := range [][]string{{"run", "show", id}, {"run", "list"}, {"journal"}, {"report", id}} {
		s := d.must(append(args, "--server", "http://127.0.0.1:9")...)
		if !strings.Contains(s.err, "server not running at http://127.0.0.1:9; read from the state directory "+d.state) || !strings.Contains(s.out, id) {
			t.Errorf("%v of a server that isn't there:\n%s%s", args, s.out, s.err)
		}
	}
	for _, args := range [][]string{{"person", "list"}, {"ask", "what of the ledger?"}} {
		s := d.run(append(args, "--server", "http://127.0.0.1:9")...)
		if s.code != 7 || s.out != "" || !strings.Contains(s.err, "no server is running at http://127.0.0.1:9") {
			t.Errorf("%v of a server that isn't there: exit %d\n%s%s", args, s.code, s.out, s.err)
		}
	}
	var v fsm.View
	d.must("run", "show", id, "--json").into(t, &v)
	if v.ID != id || len(v.Verbs) != 0 {
		t.Errorf("without a server %s may %v", v.ID, v.Verbs)
	}
	if s := d.run("run", "approve", id, "--as", "ben"); s.code != 7 || !strings.Contains(s.err, "switchman demo") {
		t.Errorf("a vote without a server: exit %d %s", s.code, s.err)
	}
	var own report.Verdict
	d.must("verify", "--json").into(t, &own)
	if !own.OK || own.Rows == 0 || own.Artefacts == 0 {
		t.Errorf("verify of the state: %+v", own)
	}
	copied := filepath.Join(short(t), "copy.db")
	d.must("backup", copied)
	if s := d.run("backup", copied); s.code == 0 {
		t.Error("a backup was overwritten")
	}
	other := &desk{t: t, state: filepath.Join(short(t), "restored")}
	other.must("restore", copied)
	if s := other.must("run", "list"); !strings.Contains(s.out, id) {
		t.Errorf("restored:\n%s", s.out)
	}
}

// A bundle verifies where it is not known who made it, is trusted by whoever kept key and root, and a
// change in it is found; how many kinds of change, package report tests.
func TestBundles(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	stop := d.start(true)
	t.Cleanup(stop)
	dir := short(t)
	trust, bundle := filepath.Join(dir, "bank.txt"), filepath.Join(dir, "a.zip")
	id := requestRun(d)
	if err := os.WriteFile(trust, []byte(d.must("journal", "--anchor", "--as", "ada").out), 0o600); err != nil {
		t.Fatal(err)
	}
	var kept struct{ Size int64 }
	d.must("journal", "--anchor", "--json", "--as", "ada").into(t, &kept)
	if s := d.run("run", "approve", id, "--as", "ada"); s.code != 3 { // the journal grows by a refusal
		t.Errorf("her own run: exit %d %s", s.code, s.err)
	}
	var v report.Verdict
	d.must("report", id, "--out", bundle, "--anchor", fmt.Sprint(kept.Size), "--as", "ada")
	d.must("verify", bundle, "--trust", trust, "--json").into(t, &v)
	if !v.Trusted || v.Anchors != 1 || v.Checkpoint.Size <= kept.Size {
		t.Errorf("with the root at %d: %+v", kept.Size, v)
	}
	if s := d.must("verify", bundle, "--trust", trust); !strings.Contains(s.out, "grown from 1 root you kept") {
		t.Error(s.out)
	}
	stop()
	if d.must("verify", "--trust", trust, "--json").into(t, &v); !v.Trusted || v.Anchors != 1 || !slices.Equal(v.Runs, []string{id}) {
		t.Errorf("the state itself: %+v", v)
	}
	again := filepath.Join(dir, "again.zip")
	size := fmt.Sprint(kept.Size)
	d.must("report", id, "--out", bundle, "--anchor", size)
	d.must("report", id, "--out", again, "--anchor", size)
	raw, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(again); err != nil || !bytes.Equal(raw, other) {
		t.Errorf("two reports of one journal differ (%v)", err)
	}
	away := &desk{t: t, state: dir}
	away.must("verify", bundle, "--json").into(t, &v)
	if !v.OK || v.Trusted || v.Rows == 0 || !slices.Contains(v.Runs, id) {
		t.Errorf("%+v", v)
	}
	if s := away.must("verify", bundle); !strings.Contains(s.out, "origin unproven") {
		t.Errorf("%s", s.out)
	}
	away.must("verify", bundle, "--trust", trust, "--json").into(t, &v)
	if !v.OK || !v.Trusted {
		t.Errorf("with the bank's key: %+v", v)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(bundle, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := away.run("verify", bundle, "--json"); s.code != 8 {
		t.Errorf("changed: exit %d %s", s.code, s.out)
	}
	if s := away.run("verify", filepath.Join(dir, "none.zip")); s.code != 5 {
		t.Errorf("no bundle: exit %d", s.code)
	}
	if s := away.run("verify", "setup_test.go"); s.code != 8 {
		t.Errorf("not a bundle: exit %d", s.code)
	}
	if s := away.run("verify", again, "--trust", "setup_test.go"); s.code != 4 {
		t.Errorf("trust that holds no key: exit %d", s.code)
	}
}

func TestCredentials(t *testing.T) {
	d := serve(t, false)
	if s := d.run("run", "list"); s.code != 3 || !strings.Contains(s.err, "SWITCHMAN_TOKEN_FILE") {
		t.Errorf("nobody: exit %d %s", s.code, s.err)
	}
	if s := d.run("run", "list", "--as", "ada"); s.code != 3 || !strings.Contains(s.err, "Only a demo") {
		t.Errorf("--as outside a demo: exit %d %s", s.code, s.err)
	}
	enrolment := d.must("person", "enrol", "ada").out
	s := d.with(enrolment, "token", "create", "--enrolment", "--label", "laptop")
	if s.code != 0 || !strings.HasPrefix(s.out, "swt_") {
		t.Fatalf("exit %d %s", s.code, s.err)
	}
	file := filepath.Join(short(t), "token")
	if err := os.WriteFile(file, []byte(s.out), 0o600); err != nil {
		t.Fatal(err)
	}
	d.environ = []string{"SWITCHMAN_TOKEN_FILE=" + file}
	d.must("run", "list")
	if s := d.must("token", "list"); !strings.Contains(s.out, "laptop") || strings.Contains(s.out, "swt_") {
		t.Errorf("token list:\n%s", s.out)
	}
	if s := d.must("person", "list"); !strings.Contains(s.out, "cleo") {
		t.Errorf("person list:\n%s", s.out)
	}
	if s := d.run("person", "revoke", "ben"); s.code != 3 {
		t.Errorf("ada revoked ben: exit %d", s.code)
	}
}

func TestSecretsComeFromPromptOrInput(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	code := approve(d, id)
	d.tty, d.typed = true, code
	s := d.run("run", "start", id, "--as", "ada")
	if s.code != 0 || !strings.Contains(s.err, "Code (not shown):") || strings.Contains(s.out+s.err, code) {
		t.Errorf("exit %d\n%s%s", s.code, s.out, s.err)
	}
	d.tty = false
	d.must("run", "watch", id, "--until", "at_standby", "--as", "ada")
}

func TestAPersonIsAskedOnceMore(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	d.tty = true
	if s := d.with("n\n", "run", "approve", id, "--as", "ben"); s.code != 2 || !strings.Contains(s.err, "digest") || !strings.Contains(s.err, "nothing was done") {
		t.Errorf("no: exit %d\n%s", s.code, s.err)
	}
	if s := d.with("y\n", "run", "approve", id, "--as", "ben"); s.code != 0 {
		t.Errorf("yes: exit %d\n%s", s.code, s.err)
	}
	if s := d.run("run", "approve", id, "--as", "cleo", "--yes"); s.code != 0 {
		t.Errorf("--yes: exit %d\n%s", s.code, s.err)
	}
}

// TestWatchOnAScreen: the board redraws itself and ends with the run.
func TestWatchOnAScreen(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	screen := &desk{t: t, state: d.state, tty: true, environ: []string{"NO_COLOR=1"}}
	done := make(chan said, 1)
	go func() { done <- screen.run("run", "watch", id, "--as", "ada") }()
	d.must("run", "cancel", id, "--reason", "enough", "--as", "ada")
	select {
	case s := <-done:
		if s.code != 3 || !strings.Contains(s.out, "CANCELLED") || !strings.Contains(s.out, "\x1b[J") && !strings.Contains(s.out, "CANCELLED") {
			t.Errorf("exit %d\n%s", s.code, s.out)
		}
		if strings.Contains(s.out, "\x1b[3") {
			t.Error("colour in spite of NO_COLOR")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("watch did not end")
	}
}

func TestInterruptEndsWatch(t *testing.T) {
	d := serve(t, true)
	id := requestRun(d)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if s := d.within(ctx, strings.NewReader(""), "run", "watch", id, "--as", "ada"); s.code == 0 {
		t.Errorf("exit %d", s.code)
	}
}
