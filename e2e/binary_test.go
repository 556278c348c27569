//go:build !race

package e2e

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests run the built program as people do. The race detector would not reach into it.

// binary is the program, built for this test.
type binary struct {
	*testing.T
	path string
	env  []string
}

func buildBinary(t *testing.T) *binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "switchman")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../cmd/switchman").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return &binary{T: t, path: path}
}

// command is the program with arguments. It dies with the test.
func (b *binary) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), b.path, args...)
	cmd.Env = b.env
	return cmd
}

// alive lists the processes of the program, by what they were started as.
func (b *binary) alive() []string {
	b.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == b.path {
			args, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline"))
			out = append(out, strings.ReplaceAll(string(args), "\x00", " "))
		}
	}
	return out
}

// allGone waits until no process of the program is left.
func (b *binary) allGone() {
	b.Helper()
	s := scene{T: b.T}
	var left []string
	defer func() {
		if len(left) > 0 {
			b.Logf("left: %q", left)
		}
	}()
	s.eventually("no process is left", func() bool { left = b.alive(); return len(left) == 0 })
}

// temporary lists what is left in the directory for temporary files.
func (b *binary) temporary() []string {
	left, err := filepath.Glob(filepath.Join(strings.TrimPrefix(b.env[2], "TMPDIR="), "*"))
	if err != nil {
		b.Fatal(err)
	}
	return left
}

// story is the contract's last line of `demo --auto --json`.
type story struct {
	Run           string `json:"run"`
	SwitchbackRun string `json:"switchback_run"`
	PlanDigest    string `json:"plan_digest"`
	Systems       int    `json:"systems"`
	Nodes         int    `json:"nodes"`
	Mode          string `json:"mode"`
	Outbound      *times `json:"outbound"`
	Switchback    *times `json:"switchback"`
	Traffic       *struct {
		Acknowledged     int  `json:"acknowledged"`
		ServedAtStandby  int  `json:"served_at_standby"`
		Lost             *int `json:"lost"`
		LongestGapMillis int  `json:"longest_gap_ms"`
	} `json:"traffic"`
	Approvals []struct {
		Person string `json:"person"`
		Round  int    `json:"round"`
		Via    string `json:"via"`
	} `json:"approvals"`
	Code struct {
		Issuer    string `json:"issuer"`
		Submitter string `json:"submitter"`
	} `json:"code"`
	Report   string `json:"report"`
	Verified bool   `json:"verified"`
}

type times struct {
	Total        int64 `json:"total_ms"`
	Machine      int64 `json:"machine_ms"`
	People       int64 `json:"people_ms"`
	Verification int64 `json:"verification_ms"`
	CriticalPath int64 `json:"critical_path_ms"`
}

// TestProgram builds the program once and uses it as people do.
func TestProgram(t *testing.T) {
	b := buildBinary(t)
	t.Run("demo", func(t *testing.T) { b.in(t).demos() })
	t.Run("demo interrupted", func(t *testing.T) { b.in(t).interrupted() })
	t.Run("demo killed", func(t *testing.T) { b.in(t).killed() })
	t.Run("serve", func(t *testing.T) { b.in(t).serves() })
}

// in is the program in a test of its own.
func (b *binary) in(t *testing.T) *binary {
	c := *b
	c.T, c.env = t, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}
	return &c
}

// demos plays the demo's story through the program and reads its last line as outside checks do.
func (b *binary) demos() {
	rounds := 1
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		rounds = 10
	}
	for n := range rounds {
		began := time.Now()
		s := b.demo()
		took := time.Since(began)
		if took > time.Minute {
			b.Errorf("the story took %s", took)
		}
		b.Logf("soak: demo %d: %d acknowledged, %d lost, longest gap %d ms, out %d ms (critical path %d), back %d ms (%d), %s in all", n+1, s.Traffic.Acknowledged,
			*s.Traffic.Lost, s.Traffic.LongestGapMillis, s.Outbound.Machine, s.Outbound.CriticalPath, s.Switchback.Machine, s.Switchback.CriticalPath, took.Round(100*time.Millisecond))
	}
}

func (b *binary) demo() story {
	b.Helper()
	cmd := b.command("demo", "--auto", "--json")
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		b.Fatalf("demo: %v\n%s%s", err, out.String(), talk.String())
	}
	if left := b.alive(); len(left) > 0 {
		b.Errorf("processes are left: %q", left)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			b.Errorf("not JSON on standard output: %s", line)
		}
	}
	var s story
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
		b.Fatal(err)
	}
	b.checkStory(s)
	for _, line := range strings.Split(strings.TrimSpace(talk.String()), "\n") {
		if strings.TrimSpace(line) != "" && !strings.Contains(line, "SAMPLE") {
			b.Errorf("a line is not marked as a sample: %q", line)
		}
	}
	return s
}

func (b *binary) checkStory(s story) {
	b.Helper()
	if s.Traffic == nil || s.Traffic.Lost == nil || s.Outbound == nil || s.Switchback == nil {
		b.Fatalf("the line lacks traffic or times: %+v", s)
	}
	if *s.Traffic.Lost != 0 || s.Traffic.Acknowledged == 0 || s.Traffic.ServedAtStandby == 0 || s.Traffic.LongestGapMillis <= 0 {
		b.Errorf("traffic %+v, lost %d", *s.Traffic, *s.Traffic.Lost)
	}
	if s.Systems != 4 || s.Nodes != 39 || s.Mode != "drill" || !strings.HasPrefix(s.PlanDigest, "sha256:") || s.Run == "" || s.SwitchbackRun == "" || s.Run == s.SwitchbackRun {
		b.Errorf("%+v", s)
	}
	if s.Code.Issuer == "" || s.Code.Submitter == "" || s.Code.Issuer == s.Code.Submitter {
		b.Errorf("code %+v", s.Code)
	}
	people := map[string]int{}
	for _, a := range s.Approvals {
		people[a.Person]++
		if a.Via == "" || a.Round < 1 || a.Person == s.Code.Issuer || a.Person == s.Code.Submitter {
			b.Errorf("approval %+v, code %+v", a, s.Code)
		}
	}
	if len(s.Approvals) != 4 || len(people) < 2 {
		b.Errorf("approvals %+v: want two on each way, by two people", s.Approvals)
	}
	for _, w := range []*times{s.Outbound, s.Switchback} {
		if w.Total <= 0 || w.Machine <= 0 || w.CriticalPath <= 0 || w.CriticalPath > w.Total || w.Machine > w.Total {
			b.Errorf("times %+v", *w)
		}
	}
	if !s.Verified {
		b.Error("the report is not verified")
	}
	out, err := b.command("verify", s.Report, "--json").Output()
	if err != nil || !strings.Contains(string(out), `"ok":true`) {
		b.Errorf("verifying the report again: %v %s", err, out)
	}
	if err := os.Remove(s.Report); err != nil {
		b.Error(err)
	}
	if left := b.temporary(); len(left) > 0 {
		b.Errorf("temporary state is left: %v", left)
	}
}

// midway starts the demo and waits until the bank moves.
func (b *binary) midway() *exec.Cmd {
	b.Helper()
	cmd := b.command("demo", "--auto", "--json")
	talk, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(talk)
	for lines.Scan() && !strings.Contains(lines.Text(), "✓ warm") {
	}
	if lines.Err() != nil || !strings.Contains(lines.Text(), "✓ warm") {
		b.Fatalf("the story never came to its middle: %v", lines.Err())
	}
	go func() { _, _ = io.Copy(io.Discard, talk) }()
	if n := len(b.alive()); n < 3 {
		b.Fatalf("%d processes in mid-run; two sites and the server were expected", n)
	}
	return cmd
}

func (b *binary) interrupted() {
	cmd := b.midway()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		b.Errorf("after an interrupt: %v", err)
	}
	b.allGone()
	if left := b.temporary(); len(left) > 0 {
		b.Errorf("temporary state is left: %v", left)
	}
}

func (b *binary) killed() {
	cmd := b.midway()
	if err := cmd.Process.Kill(); err != nil {
		b.Fatal(err)
	}
	_ = cmd.Wait()
	b.allGone()
}

// told is how a command ended.
type told struct {
	code     int
	out, err string
}

// error reads the JSON error a command must have printed.
func (r told) error(t *testing.T) (kind string) {
	t.Helper()
	var answer struct {
		Error *struct {
			Kind    string  `json:"kind"`
			Message *string `json:"message"`
			Hint    *string `json:"hint"`
			Ref     *string `json:"ref"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil || answer.Error == nil || answer.Error.Message == nil || *answer.Error.Message == "" ||
		answer.Error.Hint == nil || answer.Error.Ref == nil {
		t.Fatalf("not an error in JSON (%v): %s", err, r.out)
	}
	return answer.Error.Kind
}

// client is a person at the command line of a server.
type client struct {
	*binary
	state string
	token string
}

func (c client) as(token string) client { c.token = token; return c }

func (c client) run(in string, args ...string) told {
	c.Helper()
	cmd := c.command(append(args, "--state", c.state)...)
	if c.token != "" {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "SWITCHMAN_TOKEN="+c.token)
	}
	var out, talk bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &talk
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	return told{cmd.ProcessState.ExitCode(), out.String(), talk.String()}
}

// must runs a command that must succeed and answers what it printed.
func (c client) must(args ...string) string {
	c.Helper()
	r := c.run("", args...)
	if r.code != 0 {
		c.Fatalf("%v: exit %d\n%s%s", args, r.code, r.out, r.err)
	}
	return strings.TrimSpace(r.out)
}

// serves starts the server on a bank of its own and uses it as people with tokens do.
func (b *binary) serves() {
	t := b.T
	dir := t.TempDir()
	if err := errors.Join(os.CopyFS(filepath.Join(dir, "org"), os.DirFS("testdata/org")), os.Mkdir(filepath.Join(dir, "facts"), 0o700)); err != nil {
		t.Fatal(err)
	}
	c := client{binary: b, state: filepath.Join(dir, "state")}
	log, stop := c.serve(dir)
	ann := c.as(c.enrol("ann"))
	bob, cat, dan := c.as(c.must("token", "create", "bob")), c.as(c.must("token", "create", "cat")), c.as(c.must("token", "create", "dan"))
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(ann.must("run", "request", "move", "--mode", "drill", "--reason", "autumn drill", "--json")), &v); err != nil {
		t.Fatal(err)
	}
	ann.must("run", "watch", v.ID, "--until", "awaiting_approval")
	c.refusals(dir, v.ID, ann, bob)
	bob.must("run", "approve", v.ID)
	cat.must("run", "approve", v.ID)
	code := dan.must("code", "issue", v.ID)
	if r := ann.run("", "run", "start", v.ID, code); r.code != 2 {
		t.Errorf("a code among the arguments: exit %d", r.code)
	}
	if r := dan.run(code, "run", "start", v.ID, "--json"); r.code != 3 || r.error(t) != "refused" {
		t.Errorf("the issuer's start: exit %d", r.code)
	}
	if r := ann.run(code+"\n", "run", "start", v.ID); r.code != 0 {
		t.Fatalf("start: exit %d\n%s", r.code, r.err)
	}
	ann.must("run", "watch", v.ID, "--until", "at_standby")
	bundle := filepath.Join(dir, "report.zip")
	ann.must("report", v.ID, "--out", bundle)
	c.must("verify", bundle)
	changed := filepath.Join(dir, "changed.zip")
	if err := os.WriteFile(changed, rewriteBundle(t, bundle, "autumn drill", "spring drill"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := c.run("", "verify", changed, "--json"); r.code != 8 {
		t.Errorf("verifying a changed report: exit %d %s", r.code, r.out)
	}
	copied := filepath.Join(dir, "copy.db")
	c.must("backup", copied)
	if r := c.run("", "backup", copied, "--json"); r.code != 6 || r.error(t) != "conflict" {
		t.Errorf("backup over a backup: exit %d", r.code)
	}
	var held struct {
		Tokens []struct {
			ID string `json:"id"`
		} `json:"tokens"`
	}
	if err := json.Unmarshal([]byte(bob.must("token", "list", "--json")), &held); err != nil || len(held.Tokens) != 1 {
		t.Fatalf("%d tokens, %v", len(held.Tokens), err)
	}
	bob.must("token", "revoke", held.Tokens[0].ID)
	if r := bob.run("", "run", "list", "--json"); r.code != 3 {
		t.Errorf("a revoked token: exit %d", r.code)
	}
	stop()
	if r := ann.run("", "run", "approve", v.ID, "--json"); r.code != 7 || r.error(t) != "unavailable" {
		t.Errorf("without a server: exit %d", r.code)
	}
	secrets := []string{code, ann.token, bob.token, cat.token, dan.token}
	size := huntFiles(t, c.state, secrets)
	hunt(t, "the server's log", log(), secrets)
	t.Logf("0 hits for %d secrets in %d bytes of state", len(secrets), size)
}

// rewriteBundle is a report's bundle with words of its journal replaced.
func rewriteBundle(t *testing.T, path, old, new string) []byte {
	t.Helper()
	from, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var b bytes.Buffer
	to := zip.NewWriter(&b)
	for _, member := range from.File {
		text, err := fs.ReadFile(from, member.Name)
		if err != nil {
			t.Fatal(err)
		}
		if member.Name == "journal.jsonl" {
			text = bytes.ReplaceAll(text, []byte(old), []byte(new))
		}
		w, err := to.Create(member.Name)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// enrol is the whole way of a person's first token.
func (c client) enrol(person string) (token string) {
	c.Helper()
	var e struct {
		Enrolment string `json:"enrolment"`
	}
	if err := json.Unmarshal([]byte(c.must("person", "enrol", person, "--json")), &e); err != nil || e.Enrolment == "" {
		c.Fatalf("no enrolment: %v", err)
	}
	r := c.run(e.Enrolment+"\n", "token", "create", "--enrolment")
	if r.code != 0 {
		c.Fatalf("exchanging an enrolment: exit %d\n%s", r.code, r.err)
	}
	if again := c.run(e.Enrolment+"\n", "token", "create", "--enrolment"); again.code != 3 {
		c.Errorf("an enrolment used twice: exit %d", again.code)
	}
	return strings.TrimSpace(r.out)
}

// refusals are the noes of the command line, each with its exit code and its kind in JSON.
func (c client) refusals(dir, run string, ann, bob client) {
	c.Helper()
	broken := filepath.Join(dir, "broken")
	if err := os.CopyFS(broken, os.DirFS("testdata/org")); err != nil {
		c.Fatal(err)
	}
	rewrite(c, filepath.Join(broken, "organisation.yaml"), func(s string) string { return s + "colour: blue\n" })
	reader := c.as(ann.must("token", "create", "--scope", "read"))
	for _, r := range []struct {
		who  client
		args []string
		code int
		kind string
	}{
		{ann, []string{"run", "approve", run}, 3, "refused"},                                             // one's own request
		{ann, []string{"run", "request", "move", "--mode", "drill", "--reason", "again"}, 3, "refused"},  // one is open
		{bob, []string{"run", "request", "move", "--mode", "drill", "--reason", "me too"}, 3, "refused"}, // without the role
		{bob, []string{"code", "issue", run}, 3, "refused"},
		{reader, []string{"run", "cancel", run}, 3, "refused"},
		{c, []string{"run", "list"}, 3, "sign_in"},
		{c.as("swt_nobody-has-this"), []string{"run", "list"}, 3, "sign_in"},
		{c, []string{"run", "list", "--as", "ann"}, 3, "refused"},
		{c, []string{"person", "revoke", "ann"}, 3, "sign_in"}, // the socket's owner may enrol, and no more
		{ann, []string{"run", "approve"}, 2, "usage"},
		{ann, []string{"run", "list", "--colour"}, 2, "usage"},
		{ann, []string{"run", "deny", run}, 2, "usage"},
		{ann, []string{"run", "request", "move", "--mode", "parade", "--reason", "x"}, 2, "usage"},
		{c, []string{"check", broken}, 4, "invalid"},
		{ann, []string{"run", "show", "r0000-none"}, 5, "not_found"},
		{ann, []string{"run", "request", "no-such-plan", "--mode", "drill", "--reason", "x"}, 5, "not_found"},
	} {
		got := r.who.run("", append(r.args, "--json")...)
		if got.code != r.code {
			c.Errorf("%v: exit %d, want %d\n%s", r.args, got.code, r.code, got.out)
			continue
		}
		if r.args[0] != "check" && got.error(c.T) != r.kind { // check lists mistakes
			c.Errorf("%v: %s, want %s", r.args, got.error(c.T), r.kind)
		}
	}
}

// serve starts the server; stop interrupts it and waits for its end.
func (c client) serve(dir string) (log func() []byte, stop func()) {
	c.Helper()
	cmd := c.command("serve", "--org", filepath.Join(dir, "org"), "--state", c.state, "--addr", "127.0.0.1:0", "--json")
	cmd.Env = []string{"PATH=" + toolPath(c, dir), "TOOL_DIR=" + filepath.Join(dir, "facts"), "SWITCHMAN_EXEC_ENV=PATH,TOOL_DIR", "SWITCHMAN_LOG_LEVEL=debug"}
	said := &everything{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.Fatal(err)
	}
	var at struct {
		Addr   string `json:"addr"`
		Socket string `json:"socket"`
	}
	if err := json.NewDecoder(out).Decode(&at); err != nil || at.Addr == "" || at.Socket == "" {
		c.Fatalf("serve: %v %+v\n%s", err, at, said.bytes())
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			defer time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }).Stop()
			if err := cmd.Wait(); err != nil {
				c.Errorf("the server's end: %v\n%s", err, said.bytes())
			}
		})
	}
	c.Cleanup(stop)
	return said.bytes, stop
}
