package actions_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/cast"
	"github.com/switchman-dr/switchman/dr"
)

func content(t *testing.T, r actions.Result, kind string) string {
	t.Helper()
	for _, f := range r.Files {
		if f.Kind == kind {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(in)
			if err := errors.Join(err, in.Close(), f.Remove()); err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
	}
	t.Fatalf("no file of kind %s: %s %q", kind, r.State, r.Text)
	return ""
}

// shell runs a text through sh, as a plan would have to say it: in argv.
func shell(text string, more ...any) actions.Job {
	p := map[string]any{"argv": []string{"sh", "-c", text}}
	for i := 0; i < len(more); i += 2 {
		p[more[i].(string)] = more[i+1]
	}
	return job("token", "exec", p)
}

func plainSet(t *testing.T) *actions.Set {
	t.Helper()
	return actions.NewSet(actions.Options{Clock: realClock(), SpoolDir: t.TempDir(), Env: []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC"},
		Secrets: func(name string) (string, error) {
			if name == "short" {
				return "abc", nil
			}
			return "s3cret-of-" + name, nil
		}})
}

func TestAHundredMegabytes(t *testing.T) {
	if testing.Short() {
		return
	}
	j := shell(`yes "2026-11-22 一行普通的输出 with a few words and number 12345" | head -c 104857600`)
	j.Evidence = []string{"output"}
	r := plainSet(t).Hands().Do(t.Context(), j)
	if r.State != dr.StepOK || len(r.Files) != 1 || r.Files[0].Size != 104857600 {
		t.Fatalf("%s %q %+v", r.State, r.Text, r.Files)
	}
	if err := r.Files[0].Remove(); err != nil {
		t.Fatal(err)
	}
}

func TestOutputIsKeptRawAndShownSafe(t *testing.T) {
	raw := "\x1b]0;title\x07\x1b[31m切换\x1b[0m \xff\xfe\x00 done\u202E"
	j := job("t", "exec", map[string]any{"argv": []any{"cat"}, "stdin": "x"})
	file := filepath.Join(t.TempDir(), "raw")
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	j.Call.Params["argv"] = []any{"cat", file}
	j.Evidence = []string{"output"}
	r := plainSet(t).Hands().Do(t.Context(), j)
	if r.State != dr.StepOK || r.Text != "切换 \uFFFD\uFFFD done" {
		t.Errorf("%s %q", r.State, r.Text)
	}
	if got := content(t, r, "output"); got != raw {
		t.Errorf("kept %q", got)
	}
}

func TestRecording(t *testing.T) {
	j := shell(`test -t 1 && test -t 2 && printf 'on a terminal \033[1m强\033[0m\n' && stty size <&1 && echo "pw $PW" && cat`,
		"env", map[string]any{"PW": "secret:db"}, "stdin", "secret:typed")
	j.Evidence, j.Challenge, j.Watermark = []string{"recording"}, "heron", "SAMPLE"
	r := plainSet(t).Hands().Do(t.Context(), j)
	if r.State != dr.StepOK {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	in, err := cast.NewReader(strings.NewReader(content(t, r, "recording")))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, e.Data)
	}
	text := strings.Join(lines, "")
	if len(lines) < 3 || lines[0] != "[ SAMPLE ]\r\n" || lines[1] != "[ heron ]\r\n" {
		t.Errorf("begins with %q", lines)
	}
	for _, want := range []string{"on a terminal \x1b[1m强\x1b[0m\r\n", "30 100\r\n", "pw [redacted:secret]\r\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
	if strings.Contains(text, "s3cret") || in.Header.Title != "run-7 step@n1" || in.Header.Timestamp == 0 {
		t.Errorf("%+v %q", in.Header, text)
	}
	if r.Masked != 2 {
		t.Errorf("masked %d, want the variable and what was typed", r.Masked)
	}
}

// Whoever looks on while a program runs sees no more than what is kept of it.
func TestLiveIsMasked(t *testing.T) {
	j := shell(`echo "first $PW"; read wait; echo "then $wait"`, "env", map[string]any{"PW": "secret:db"}, "stdin", "secret:typed")
	var heard strings.Builder
	j.Live = func(p []byte) { heard.Write(p) }
	if r := plainSet(t).Hands().Do(t.Context(), j); r.State != dr.StepOK {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	if got := heard.String(); got != "first [redacted:secret]\nthen [redacted:secret]\n" {
		t.Errorf("heard %q", got)
	}
}

func TestEnvironmentIsClosed(t *testing.T) {
	t.Setenv("SWITCHMAN_TOKEN", "of the server")
	j := shell("env", "env", map[string]any{"PGHOST": "db", "PW": "secret:db"})
	j.Evidence, j.Node = []string{"output"}, dr.Node{ID: "n1"}
	r := plainSet(t).Hands().Do(t.Context(), j)
	var got []string
	for line := range strings.Lines(content(t, r, "output")) {
		name, _, _ := strings.Cut(line, "=")
		if name != "_" && name != "PWD" && name != "SHLVL" && name != "OLDPWD" { // the shell's own
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{"HOME", "LANG", "PATH", "PGHOST", "PW", "SWITCHMAN_STEP_ATTEMPT", "SWITCHMAN_STEP_ID", "SWITCHMAN_STEP_NODE", "SWITCHMAN_STEP_RUN", "SWITCHMAN_STEP_TOKEN", "TZ"}
	if !slices.Equal(got, want) {
		t.Errorf("environment %v, want %v", got, want)
	}
}

func TestExecRefusals(t *testing.T) {
	for name, j := range map[string]actions.Job{
		"secret in argv":     job("t", "exec", map[string]any{"argv": []string{"echo", "secret:db"}}),
		"no program":         job("t", "exec", map[string]any{"argv": []string{}}),
		"empty program":      job("t", "exec", map[string]any{"argv": []any{""}}),
		"name of a variable": shell("true", "env", map[string]any{"A B": "x"}),
		"variable of ours":   shell("true", "env", map[string]any{"SWITCHMAN_STEP_TOKEN": "x"}),
		"secret too short":   shell("true", "stdin", "secret:short"),
		"secret in a notice": job("t", "notify", map[string]any{"to": "x", "text": "secret:db"}),
		"unknown action":     job("t", "launch", nil),
	} {
		t.Run(name, func(t *testing.T) {
			if r := plainSet(t).Hands().Do(t.Context(), j); r.State != dr.StepFail || r.Code != -1 || strings.Contains(r.Text, "s3cret") {
				t.Errorf("%s %d %q", r.State, r.Code, r.Text)
			}
		})
	}
}

func TestRunIsFilledAtDispatch(t *testing.T) {
	r := plainSet(t).Hands().Do(t.Context(), job("t", "exec", map[string]any{"argv": []any{"echo", "{run}", "{run}x", "a{node}"}}))
	if r.Text != "run-7 {run}x a{node}" {
		t.Errorf("%q", r.Text)
	}
}

func TestEndings(t *testing.T) {
	set := plainSet(t)
	for text, want := range map[string]struct {
		state dr.StepState
		code  int
	}{
		"exit 0": {dr.StepOK, 0}, "exit 3": {dr.StepFail, 3}, "kill -9 $$": {dr.StepUnknown, -1}, "exit 255": {dr.StepFail, 255},
	} {
		if r := set.Hands().Do(t.Context(), shell(text)); r.State != want.state || r.Code != want.code {
			t.Errorf("%s: %s %d %q", text, r.State, r.Code, r.Text)
		}
	}
	for text, want := range map[string]dr.Found{"exit 0": dr.FoundDone, "exit 1": dr.FoundNotDone, "exit 2": dr.FoundInconclusive, "kill -9 $$": dr.FoundInconclusive} {
		if s := set.Eyes().Look(t.Context(), shell(text)); s.Found != want {
			t.Errorf("%s: %s %q", text, s.Found, s.Text)
		}
	}
}

func TestFactsOfALook(t *testing.T) {
	s := plainSet(t).Eyes().Look(t.Context(), shell(`echo offset_ms=-7; echo noise lag=x; echo '{"lag_ms": 12, "name": "x", "half": 1.5}'`))
	if len(s.Facts) != 2 || s.Facts["offset_ms"] != -7 || s.Facts["lag_ms"] != 12 {
		t.Errorf("%v", s.Facts)
	}
}

// A program that ends while something of it lives on in its group: the outcome counts, and what it left is its effect.
func TestWhatAProgramLeavesBehind(t *testing.T) {
	set := actions.NewSet(actions.Options{Clock: realClock(), Grace: 150, Env: []string{"PATH=" + os.Getenv("PATH")}})
	for _, pty := range []bool{false, true} {
		j := shell(`(trap '' HUP; sleep 1) & echo started`, "pty", pty)
		r := set.Hands().Do(t.Context(), j)
		// A terminal is hung up by the kernel when its leader ends; whether that comes first is its business.
		if r.State != dr.StepOK || !pty && !strings.Contains(r.Text, "still holds its output") {
			t.Errorf("pty %t: %s %q", pty, r.State, r.Text)
		}
	}
	actionstest.NoProcess(t, "token")
}

func TestDiskFullHarmsNoStep(t *testing.T) {
	j := shell(`head -c 300000 /dev/zero`)
	j.Evidence = []string{"output"}
	set := actions.NewSet(actions.Options{Clock: realClock(), SpoolDir: filepath.Join(t.TempDir(), "gone"), Env: []string{"PATH=" + os.Getenv("PATH")}})
	if r := set.Hands().Do(t.Context(), j); r.State != dr.StepOK || r.Files[0].Size > 64<<10 {
		t.Errorf("%s %q %+v", r.State, r.Text, r.Files)
	}
}

func TestAllowedEnv(t *testing.T) {
	got := actions.AllowedEnv([]string{"PATH=/bin", "SECRET=x", "TZ=UTC", "SWITCHMAN_DEMO_DIR=/d", "odd"}, "SWITCHMAN_DEMO_DIR")
	if !slices.Equal(got, []string{"PATH=/bin", "TZ=UTC", "SWITCHMAN_DEMO_DIR=/d"}) {
		t.Errorf("%v", got)
	}
}

func TestSpooledFilesHaveNoName(t *testing.T) {
	dir := t.TempDir()
	set := actions.NewSet(actions.Options{Clock: realClock(), SpoolDir: dir, Env: []string{"PATH=" + os.Getenv("PATH")}})
	j := shell(`head -c 300000 /dev/zero`)
	j.Evidence = []string{"output"}
	r := set.Hands().Do(t.Context(), j)
	if left := names(dir); left != "[] <nil>" {
		t.Errorf("left %s", left)
	}
	for range 2 {
		in, err := r.Files[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(in); err != nil || !bytes.Equal(b, make([]byte, 300000)) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	if err := r.Files[0].Remove(); err != nil {
		t.Fatal(err)
	}
}
