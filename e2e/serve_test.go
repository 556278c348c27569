//go:build !race

package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
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
