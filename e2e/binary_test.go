//go:build !race

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	t.Run("two servers, one killed", func(t *testing.T) { b.in(t).takesOver() })
	t.Run("two sites", func(t *testing.T) { b.in(t).movesSite() })
	t.Run("a site is lost with its database", func(t *testing.T) { b.in(t).losesSite() })
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
