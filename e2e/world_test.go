package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "switchman-victim" {
		os.Exit(victimMain())
	}
	if filepath.Base(os.Args[0]) == "demo-node" {
		os.Exit(demo.NodeMain(os.Args[1:], os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == "demo-site" {
		os.Exit(demo.SiteMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	testscript.Main(m, nil)
}

// world is one story: the app, its clock, and the run the story is about.
type world struct {
	dir   string
	path  string
	url   string // of a PostgreSQL database; empty: SQLite
	clock *skewClock
	app   *app.App
	run   string
	code  string
	logs  *logKeeper
}

// patience bounds a wait in real time; a story that needs more hangs.
const patience = 20 * time.Second

func TestStories(t *testing.T) { playStories(t, setup) }

// TestStoriesPostgres plays the same stories with the store in PostgreSQL.
func TestStoriesPostgres(t *testing.T) {
	playStories(t, func(env *testscript.Env) error {
		err := setup(env)
		env.Values[worldKey{}].(*world).url = storetest.Postgres(t)
		return err
	})
}

func playStories(t *testing.T, setup func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir:   "scripts",
		Setup: setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"app":     withWorld((*world).start),
			"as":      withWorld((*world).as),
			"until":   withWorld((*world).until),
			"advance": withWorld((*world).advance),
			"crash":   withWorld((*world).crash),
			"stop":    withWorld((*world).stop),
			"show":    withWorld((*world).show),
			"rows":    withWorld((*world).rows),
			"edit":    withWorld((*world).edit),
			"verbs":   withWorld((*world).verbs),
			"run":     withWorld((*world).turnTo),
			"locks":   withWorld((*world).locks),
			"expect":  withWorld((*world).expectLog),

			"alert":      withWorld((*world).alert),
			"situation":  withWorld((*world).situation),
			"milestones": withWorld((*world).milestones),
		},
	})
}

type worldKey struct{}

func setup(env *testscript.Env) error {
	path, err := installTool(env.WorkDir)
	if err != nil {
		return err
	}
	env.Setenv("PATH", path)
	w := &world{dir: env.WorkDir, path: path, clock: newSkewClock(), logs: &logKeeper{}}
	env.Values[worldKey{}] = w
	env.Setenv("TOOL_DIR", filepath.Join(env.WorkDir, "facts"))
	env.Defer(func() {
		if w.app != nil {
			if err := w.app.Stop(context.Background()); err != nil {
				env.T().Fatal("stopping the app: ", err)
			}
		}
		if lines := w.logs.unexpected(); len(lines) > 0 {
			env.T().Fatal("errors were logged that the story did not announce:\n", strings.Join(lines, "\n"))
		}
	})
	if err := os.MkdirAll(filepath.Join(env.WorkDir, "facts"), 0o700); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(env.WorkDir, "org"), os.DirFS("testdata/org"))
}

func withWorld(f func(*world, *testscript.TestScript, bool, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		f(ts.Value(worldKey{}).(*world), ts, neg, args)
	}
}

func (w *world) start(ts *testscript.TestScript, neg bool, _ []string) {
	w.logs.mute(false)
	// On PostgreSQL too the one that comes after a crash has the name of the one before it, as a
	// container has that is started again: it need not wait for leases to run out.
	a, err := opening{dir: w.dir, path: w.path, clock: w.clock.clock(), log: slog.New(w.logs), url: w.url, instance: "here"}.start()
	if neg {
		if err == nil {
			ts.Fatalf("the app started")
		}
		fmt.Fprintln(ts.Stderr(), err)
		return
	}
	ts.Check(err)
	w.app = a
}

// opening is what the real app is started with, on dir/org and dir/state.
type opening struct {
	dir      string
	path     string // where commands are found
	clock    dr.Clock
	log      *slog.Logger
	point    func(string)
	url      string   // of a PostgreSQL database; empty: SQLite
	instance string   // see app.Options
	more     []string // further settings
}

func openApp(dir, path string, clock dr.Clock, log *slog.Logger, point func(string)) (*app.App, error) {
	return opening{dir: dir, path: path, clock: clock, log: log, point: point}.start()
}

func (o opening) start() (*app.App, error) { return o.startIn(context.Background()) }

// startIn starts an app that lives in a context: once that ends, nothing of the app goes on.
func (o opening) startIn(ctx context.Context) (*app.App, error) {
	cfg, err := config.Load(config.Input{Environ: append([]string{
		"SWITCHMAN_ORG=" + filepath.Join(o.dir, "org"), "SWITCHMAN_STATE_DIR=" + filepath.Join(o.dir, "state"), "SWITCHMAN_ADDR=off",
		"SWITCHMAN_ANCHORS=", "PATH=" + o.path, "SWITCHMAN_HOOK_ALERTMANAGER=" + hookSecret, "SWITCHMAN_DATABASE_URL=" + o.url,
		`SWITCHMAN_NOTIFY={"contact:mail": [{"file": "` + filepath.Join(o.dir, "mail.jsonl") + `"}], "contact:phone": [{"file": "` + filepath.Join(o.dir, "phone.jsonl") + `"}]}`},
		o.more...)})
	if err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: "test", Log: o.log, Clock: &o.clock, Point: o.point,
		Stdout: io.Discard, Instance: o.instance, Env: []string{"TOOL_DIR=" + filepath.Join(o.dir, "facts")}})
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, a.Stop(context.Background()))
	}
	return a, nil
}

// as acts for one person: `as ann request move drill why`, `as bob approve`, `as ann start CODE`.
func (w *world) as(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: as PERSON VERB [name=value …]")
	}
	by := dr.Actor{Person: args[0], Surface: "cli"}
	err := w.act(ts, by, dr.Verb(args[1]), args[2:])
	switch {
	case neg && err == nil:
		ts.Fatalf("%s %s was allowed", args[0], args[1])
	case neg:
		say(ts, err)
	case err != nil:
		say(ts, err)
		ts.Fatalf("%s %s: %v", args[0], args[1], err)
	}
}

// say puts the sentence id and the sentences in both languages on stderr.
func say(ts *testscript.TestScript, err error) {
	var e *dr.Error
	if errors.As(err, &e) {
		fmt.Fprintln(ts.Stderr(), e.ID, e.Kind)
	}
	for _, lang := range []string{"en", "zh"} {
		message, hint := locale.Error(lang, err)
		fmt.Fprintln(ts.Stderr(), message, "|", hint)
	}
}

func (w *world) act(ts *testscript.TestScript, by dr.Actor, verb dr.Verb, rest []string) error {
	ctx := context.Background()
	named := map[string]string{}
	for _, a := range rest {
		k, v, _ := strings.Cut(a, "=")
		named[k] = v
	}
	switch verb {
	case dr.VerbRequest:
		v, err := w.app.Engine.Request(ctx, by, fsm.Request{Plan: named["plan"], Mode: dr.Mode(named["mode"]), Reason: named["reason"], Parent: named["parent"],
			Systems: split(named["systems"]), Profile: named["profile"]})
		if err == nil {
			w.run = v.ID
			ts.Setenv("RUN", v.ID)
		}
		return err
	case dr.VerbIssue:
		issued, err := w.app.Engine.IssueCode(ctx, by, w.run)
		if err == nil {
			w.code = issued.Code.Reveal()
			ts.Setenv("CODE", w.code)
		}
		return err
	}
	shown, err := w.app.Engine.View(ctx, by, w.run)
	ts.Check(err)
	words, nonce := named["words"], shown.Round.Nonce
	if n, given := named["nonce"]; given {
		nonce = n
	}
	if words == "yes" {
		v := shown
		words = v.Words[0].Word + " " + v.Words[1].Word + " " + v.Words[2].Word
	}
	attempt, _ := strconv.Atoi(named["attempt"])
	v, err := w.app.Engine.Do(ctx, by, w.run, verb, fsm.Args{Words: words, Attempt: attempt, Reason: named["reason"], Confirmed: named["confirmed"] == "yes",
		Code: named["code"], Step: named["step"], Verdict: named["verdict"], Check: named["check"], To: named["to"], Text: named["text"],
		Nonce: nonce, Systems: split(named["systems"])})
	if err == nil && verb == dr.VerbSwitchback {
		w.run = v.ID
		ts.Setenv("PARENT", v.Parent)
		ts.Setenv("RUN", v.ID)
	}
	return err
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// until waits for a state, or for another field to have a value, woken by the store's own commits.
func (w *world) until(ts *testscript.TestScript, _ bool, args []string) {
	ch, stop := w.app.Store.Watch()
	defer stop()
	deadline := time.After(patience)
	name, want := "state", args[0]
	if len(args) > 1 {
		name, want = args[0], args[1]
	}
	for {
		v, err := w.app.Engine.View(context.Background(), dr.Actor{}, w.run)
		ts.Check(err)
		got := field(v, name)
		if got == want {
			return
		}
		select {
		case <-ch:
		case <-deadline:
			ts.Fatalf("%s is %s, not %s; steps: %s", name, got, want, steps(v))
		}
	}
}

func steps(v fsm.View) string {
	var b strings.Builder
	for _, s := range v.Steps {
		fmt.Fprintf(&b, "\n  %-24s %-12s %d %s %s", s.ID, s.State, s.Attempt, s.Text, s.Reason)
	}
	return b.String()
}

func (w *world) advance(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	w.clock.advance(d)
}

// crash drops the app: its files are closed under it, as the kernel does for a dead process, and
// nothing is stopped in order or written any more.
func (w *world) crash(ts *testscript.TestScript, _ bool, _ []string) {
	w.logs.mute(true)
	w.logs.announce("is closed") // the dead process's last words may come late
	ts.Check(w.app.Store.Close())
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.app.Engine.Stop(dead) // a dead process answers nobody
	_ = w.app.Web.Stop(dead)
	w.app = nil
}

func (w *world) stop(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(w.app.Stop(context.Background()))
	w.app = nil
}

func (w *world) edit(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(b), args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(b), args[1], args[2])), 0o600))
	w.clock.advance(2 * time.Second) // files are looked at once a second
}

// show compares a field of the run, such as `show have 1` or `show step:stop@core-app-e ok`.
func (w *world) show(ts *testscript.TestScript, neg bool, args []string) {
	v, err := w.app.Engine.View(context.Background(), dr.Actor{}, w.run)
	ts.Check(err)
	got := field(v, args[0])
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %q (wanted: %s, negated: %v)%s", args[0], got, args[1], neg, steps(v))
	}
}

func field(v fsm.View, name string) string {
	if id, ok := strings.CutPrefix(name, "step:"); ok {
		for _, s := range v.Steps {
			if s.ID == id {
				return string(s.State)
			}
		}
		return "no such step"
	}
	if id, ok := strings.CutPrefix(name, "attempt:"); ok {
		for _, s := range v.Steps {
			if s.ID == id {
				return fmt.Sprint(s.Attempt)
			}
		}
	}
	if id, ok := strings.CutPrefix(name, "system:"); ok {
		for _, s := range v.Systems {
			if s.ID == id {
				return s.State + "@" + s.Site
			}
		}
	}
	if id, ok := strings.CutPrefix(name, "check:"); ok {
		for _, c := range v.Checks {
			if c.ID == id {
				return fmt.Sprintf("%v %s", c.OK, c.Level)
			}
		}
	}
	switch name {
	case "have":
		return fmt.Sprint(v.Round.Have)
	case "need":
		return fmt.Sprint(v.Round.Need)
	case "round":
		return fmt.Sprint(v.Round.Number)
	case "state":
		if v.Pause != "" {
			return string(v.State) + ":" + string(v.Pause)
		}
		return string(v.State)
	case "verdict":
		return v.Verdict
	case "commander":
		return v.Commander
	case "profile":
		return v.Profile
	case "tries_left":
		return fmt.Sprint(v.CodeLeft)
	}
	return "no such field " + name
}

// verbs compares what a person may do: `verbs bob approve,deny`.
func (w *world) verbs(ts *testscript.TestScript, _ bool, args []string) {
	v, err := w.app.Engine.View(context.Background(), dr.Actor{Person: args[0]}, w.run)
	ts.Check(err)
	var got []string
	for _, verb := range v.Verbs {
		got = append(got, string(verb))
	}
	if strings.Join(got, ",") != args[1] {
		ts.Fatalf("%s may %s, not %s", args[0], strings.Join(got, ","), args[1])
	}
}

// turnTo makes another run the one the story is about: `run $PARENT`.
func (w *world) turnTo(ts *testscript.TestScript, _ bool, args []string) {
	w.run = args[0]
	ts.Setenv("RUN", w.run)
}

// locks compares what a run holds: `locks $RUN resource:dns,system:core`, or nothing.
func (w *world) locks(ts *testscript.TestScript, _ bool, args []string) {
	var held []string
	ts.Check(w.app.Store.Read(context.Background(), func(r *store.Reader) error {
		all, err := r.Locks(context.Background())
		for _, l := range all {
			if l.Run == args[0] {
				held = append(held, l.Name)
			}
		}
		return err
	}))
	if got := strings.Join(held, ","); got != strings.Join(args[1:], ",") {
		ts.Fatalf("%s holds %q, not %q", args[0], got, args[1:])
	}
}

// rows waits until the story's run has so many journal rows of a kind.
func (w *world) rows(ts *testscript.TestScript, _ bool, args []string) {
	ch, stop := w.app.Store.Watch()
	defer stop()
	deadline := time.After(patience)
	for {
		n := 0
		ts.Check(w.app.Store.Read(context.Background(), func(r *store.Reader) error {
			rows, err := r.RowsOf(context.Background(), w.run)
			n = countKind(rows, dr.RowKind(args[0]))
			return err
		}))
		if fmt.Sprint(n) == args[1] {
			return
		}
		select {
		case <-ch:
		case <-deadline:
			ts.Fatalf("%d rows of kind %s, not %s", n, args[0], args[1])
		}
	}
}

func (w *world) expectLog(_ *testscript.TestScript, _ bool, args []string) {
	w.logs.announce(strings.Join(args, " "))
}
