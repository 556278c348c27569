// Package actionstest is the one suite every action must pass: what it says about itself is true, its
// outcomes are honest, its looks change nothing, secrets do not come back out of it, and it leaves
// nothing running.
//
// A subject brings a world: a real target of its own, such as a program, a server on a loopback port
// or a file. Nothing here is mocked. Parts a world leaves out are not run; a world says by that what
// its action cannot do.
package actionstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"go.yaml.in/yaml/v3"
)

// World is a real target and jobs against it.
type World struct {
	Options   actions.Options
	Do        actions.Job   // ends as DoState
	DoState   dr.StepState  // ok when empty
	Probe     *actions.Job  // looks whether the effect of Do is there
	Effects   func() int    // how often it is there; nil: Do has no effect of its own
	ByToken   bool          // the target takes a token once
	State     func() string // everything about the target that a look must not change
	No        *actions.Job  // the target says no: failed
	Unsent    *actions.Job  // cannot be sent: failed
	Slow      *actions.Job  // does not end by itself: SlowState
	SlowState dr.StepState  // unknown when empty; failed where nothing is sent
	Loud      *actions.Job  // answers with more than MaxLoud
	Leak      *actions.Job  // the target repeats Secret, which the job names as secret:leak
	Secret    string
}

// MaxLoud is the limit a loud job must exceed; worlds with one get it as MaxOutput.
const MaxLoud = 256 << 10

// Clock is the real one; actions themselves may not make it.
func Clock() dr.Clock { return dr.Clock{Now: time.Now, After: time.After} }

// Exercise runs the suite. newAction makes the action under test; newWorld a fresh world for each part.
func Exercise(t *testing.T, newAction func(actions.Options) actions.Action, newWorld func(*testing.T) World) {
	t.Helper()
	e := exercise{newAction: newAction, newWorld: newWorld}
	for _, part := range []struct {
		name string
		run  func(*testing.T, World, actions.Action)
	}{
		{"spec", e.spec}, {"params", e.params}, {"truth", e.truth}, {"repeat", e.repeat}, {"looking", e.looking},
		{"no", e.no}, {"unsent", e.unsent}, {"timeout", e.timeout}, {"cancel", e.cancel}, {"dead on arrival", e.dead},
		{"limit", e.limit}, {"secrets", e.secrets},
	} {
		t.Run(part.name, func(t *testing.T) {
			w := newWorld(t)
			w.Options.Clock = Clock()
			if w.Loud != nil {
				w.Options.MaxOutput = MaxLoud
			}
			w.Options.Secrets = func(name string) (string, error) {
				if name != "leak" {
					return "", errors.New("not there")
				}
				return w.Secret, nil
			}
			part.run(t, w, newAction(w.Options))
		})
	}
}

type exercise struct {
	newAction func(actions.Options) actions.Action
	newWorld  func(*testing.T) World
}

// spec: complete, and its example is a call the action accepts by name.
func (e exercise) spec(t *testing.T, _ World, a actions.Action) {
	s := a.Spec()
	if s.Name == "" || s.Title == "" || s.Kind == "" || len(s.Classes) == 0 || s.Example == "" {
		t.Fatalf("incomplete: %+v", s)
	}
	seen := map[string]bool{}
	for _, p := range s.Params {
		known := slices.Contains([]string{"string", "int", "bool", "duration", "list", "map", "call"}, p.Type)
		if p.Name == "" || p.Doc == "" || !known || seen[p.Name] {
			t.Errorf("parameter %+v: incomplete, of unknown type or twice", p)
		}
		seen[p.Name] = true
	}
	var example struct {
		Action string         `yaml:"action"`
		With   map[string]any `yaml:"with"`
		Class  dr.Class       `yaml:"class"`
	}
	dec := yaml.NewDecoder(strings.NewReader(s.Example))
	dec.KnownFields(true)
	if err := dec.Decode(&example); err != nil || strings.Contains(s.Example, "\n") {
		t.Fatalf("example is not one line of YAML: %v\n%s", err, s.Example)
	}
	if example.Action != s.Name || !slices.Contains(s.Classes, example.Class) {
		t.Errorf("example is for %q of class %q", example.Action, example.Class)
	}
	for name := range example.With {
		if !seen[name] {
			t.Errorf("example uses the parameter %q, which does not exist", name)
		}
	}
}

// params: what the spec does not list, lists otherwise or requires is refused before anything is sent.
func (e exercise) params(t *testing.T, w World, a actions.Action) {
	before := state(w)
	refused := func(what string, job actions.Job) {
		t.Helper()
		if r := a.Do(t.Context(), job); r.State != dr.StepFail || r.Text == "" {
			t.Errorf("%s: %s %q, want failed with a reason", what, r.State, r.Text)
		}
	}
	refused("unknown parameter", with(w.Do, "no_such_parameter", "x"))
	for _, p := range a.Spec().Params {
		refused(p.Name+" of a wrong type", with(w.Do, p.Name, []any{map[string]any{"x": []any{1.5}}}))
		refused(p.Name+" left as a placeholder", with(w.Do, p.Name, "{peer}"))
		if p.Secret {
			refused(p.Name+" in plain text", with(w.Do, p.Name, "hunter2hunter2"))
		}
		if len(p.Enum) > 0 {
			refused(p.Name+" outside its values", with(w.Do, p.Name, "none-of-these"))
		}
		if p.Required {
			job := with(w.Do, p.Name, nil)
			delete(job.Call.Params, p.Name)
			refused(p.Name+" missing", job)
		}
	}
	if after := state(w); after != before {
		t.Errorf("a refused call changed the target: %s, was %s", after, before)
	}
}

// truth: the probe says no before and yes after, and the effect is there once.
func (e exercise) truth(t *testing.T, w World, a actions.Action) {
	if w.Probe != nil {
		e.expectFound(t, a, w, dr.FoundNotDone)
	}
	want := w.DoState
	if want == "" {
		want = dr.StepOK
	}
	r := a.Do(t.Context(), w.Do)
	defer remove(t, r)
	if r.State != want || r.Text == "" {
		t.Fatalf("%s %q, want %s", r.State, r.Text, want)
	}
	if w.Effects != nil && w.Effects() != 1 {
		t.Errorf("the effect is there %d times", w.Effects())
	}
	if w.Probe != nil {
		e.expectFound(t, a, w, dr.FoundDone)
	}
}

func (e exercise) expectFound(t *testing.T, a actions.Action, w World, want dr.Found) {
	t.Helper()
	if got := a.Look(t.Context(), *w.Probe); got.Found != want {
		t.Fatalf("found %s (%s), want %s", got.Found, got.Text, want)
	}
}

// repeat: the same token twice has one effect where the target can tell.
func (e exercise) repeat(t *testing.T, w World, a actions.Action) {
	if !w.ByToken {
		return
	}
	for range 2 {
		r := a.Do(t.Context(), w.Do)
		if r.State != dr.StepOK {
			t.Fatalf("%s %q", r.State, r.Text)
		}
		remove(t, r)
	}
	if n := w.Effects(); n != 1 {
		t.Errorf("the same token had its effect %d times", n)
	}
}

// looking changes nothing, not even with the call of a Do.
func (e exercise) looking(t *testing.T, w World, a actions.Action) {
	before := state(w)
	if w.Probe != nil {
		a.Look(t.Context(), *w.Probe)
	}
	if !isProgram(a) { // a program does what it does: its author says what looks
		a.Look(t.Context(), w.Do)
	}
	if after := state(w); after != before {
		t.Errorf("looking changed the target: %s, was %s", after, before)
	}
}

func isProgram(a actions.Action) bool { return a.Spec().Name == "exec" || a.Spec().Name == "ssh" }

func (e exercise) no(t *testing.T, w World, a actions.Action) { e.ends(t, a, w.No, dr.StepFail) }

func (e exercise) unsent(t *testing.T, w World, a actions.Action) {
	e.ends(t, a, w.Unsent, dr.StepFail)
	if w.Effects != nil && w.Effects() != 0 {
		t.Error("something arrived all the same")
	}
}

func (e exercise) ends(t *testing.T, a actions.Action, job *actions.Job, want dr.StepState) {
	t.Helper()
	if job == nil {
		return
	}
	r := a.Do(t.Context(), *job)
	defer remove(t, r)
	if r.State != want || r.Text == "" || strings.ContainsAny(r.Text, "\r\n\x1b") {
		t.Errorf("%s %q, want %s with a line that says why", r.State, r.Text, want)
	}
}

// timeout: unknown once something was sent, in time, and nothing of it is left.
func (e exercise) timeout(t *testing.T, w World, a actions.Action) {
	if w.Slow == nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	e.cutShort(t, a, w, ctx)
}

func (e exercise) cancel(t *testing.T, w World, a actions.Action) {
	if w.Slow == nil {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := time.AfterFunc(300*time.Millisecond, cancel)
	defer stop.Stop()
	e.cutShort(t, a, w, ctx)
}

func (e exercise) cutShort(t *testing.T, a actions.Action, w World, ctx context.Context) {
	t.Helper()
	want := w.SlowState
	if want == "" {
		want = dr.StepUnknown
	}
	began := time.Now()
	r := a.Do(ctx, *w.Slow)
	defer remove(t, r)
	if r.State != want {
		t.Errorf("%s %q, want %s", r.State, r.Text, want)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s to end", took)
	}
	NoProcess(t, w.Slow.Token)
}

// dead: a context that has ended sends nothing.
func (e exercise) dead(t *testing.T, w World, a actions.Action) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := state(w)
	r := a.Do(ctx, w.Do)
	defer remove(t, r)
	if r.State != dr.StepFail && r.State != actions.Pending {
		t.Errorf("%s %q, want failed", r.State, r.Text)
	}
	if after := state(w); after != before {
		t.Errorf("something arrived: %s, was %s", after, before)
	}
}

// limit: a loud answer is cut, says so, and does not harm the step.
func (e exercise) limit(t *testing.T, w World, a actions.Action) {
	if w.Loud == nil {
		return
	}
	job := *w.Loud
	job.Evidence = append(slices.Clone(job.Evidence), "output")
	r := a.Do(t.Context(), job)
	defer remove(t, r)
	if r.State != dr.StepOK || len(r.Files) == 0 {
		t.Fatalf("%s %q with %d files", r.State, r.Text, len(r.Files))
	}
	for _, f := range r.Files {
		content := read(t, f)
		if len(content) > MaxLoud+1024 || !bytes.Contains(content, []byte("cut")) {
			t.Errorf("%s: %d bytes, the end is %q", f.Name, len(content), content[max(0, len(content)-80):])
		}
	}
}

// secrets: what the target repeats is masked in every text and file, and counted.
func (e exercise) secrets(t *testing.T, w World, a actions.Action) {
	if w.Leak == nil {
		return
	}
	job := *w.Leak
	job.Evidence = []string{"output", "recording"}
	r := a.Do(t.Context(), job)
	defer remove(t, r)
	sight := a.Look(t.Context(), job)
	texts := map[string]string{"text": r.Text, "proof": r.Proof, "sight": sight.Text}
	for _, f := range r.Files {
		texts[f.Name] = string(read(t, f))
		if f.Size != int64(len(texts[f.Name])) {
			t.Errorf("%s says %d bytes and has %d", f.Name, f.Size, len(texts[f.Name]))
		}
	}
	for name, text := range texts {
		if strings.Contains(text, w.Secret) {
			t.Errorf("the secret is in the %s: %q", name, text)
		}
	}
	if r.Masked == 0 || !slices.Contains(r.MaskRules, "secret") {
		t.Errorf("masked %d by %v; did the target repeat the secret? %q", r.Masked, r.MaskRules, r.Text)
	}
}

// NoProcess fails when a process that got the token in its environment is still there after a moment.
func NoProcess(t *testing.T, token string) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Second)
	for {
		left := processes(token)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still running: %v", left)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func processes(token string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err == nil && token != "" && bytes.Contains(env, []byte("SWITCHMAN_STEP_TOKEN="+token+"\x00")) {
			cmd, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
			out = append(out, string(bytes.ReplaceAll(cmd, []byte{0}, []byte{' '})))
		}
	}
	return out
}

func state(w World) string {
	if w.State == nil {
		return ""
	}
	return w.State()
}

// with copies a job and sets one parameter.
func with(job actions.Job, name string, v any) actions.Job {
	params := map[string]any{name: v}
	for k, old := range job.Call.Params {
		if k != name {
			params[k] = old
		}
	}
	job.Call.Params = params
	return job
}

func read(t *testing.T, f actions.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func remove(t *testing.T, r actions.Result) {
	t.Helper()
	for _, f := range r.Files {
		if err := f.Remove(); err != nil {
			t.Errorf("removing %s: %v", f.Name, err)
		}
	}
}
