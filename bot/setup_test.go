package bot

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

var update = flag.Bool("update", false, "write golden files anew")

// clock is moved by hand; what waits on it is woken when its moment has come.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits map[chan time.Time]time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC), waits: map[chan time.Time]time.Time{}}
}

func (c *clock) clock() dr.Clock { return dr.Clock{Now: c.Now, After: c.After} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	if d <= 0 {
		ch <- c.now
		return ch
	}
	c.waits[ch] = c.now.Add(d)
	return ch
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for ch, at := range c.waits {
		if !at.After(c.now) {
			ch <- c.now
			delete(c.waits, ch)
		}
	}
}

// house is a bot on real parts: SQLite, the engine, files, the actions.
type house struct {
	testing.TB
	dir    string
	clock  *clock
	store  *store.Store
	engine *fsm.Engine
	bot    *Bot
	files  func() (*catalog.Catalog, error)
	logs   *bytes.Buffer
	ways   map[string][]actions.Target // by which people are called out; nil: none
}

var secret = bytes.Repeat([]byte("k"), 32)

func open(t testing.TB) *house {
	t.Helper()
	h := &house{TB: t, dir: t.TempDir(), clock: newClock(), logs: &bytes.Buffer{}}
	h.start(h.dir)
	t.Cleanup(h.stop)
	return h
}

func (h *house) start(dir string) {
	h.Helper()
	log := slog.New(slog.NewTextHandler(&guarded{w: h.logs}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var err error
	h.store, err = store.Open(context.Background(), store.Options{Dir: dir, Organisation: "quay-bank", Environment: dr.Test, Clock: h.clock.clock(), Log: log})
	if err != nil {
		h.Fatal(err)
	}
	set := actions.NewSet(actions.Options{Clock: h.clock.clock(), Log: log, Stdout: io.Discard, Dir: dir, SpoolDir: h.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}, Notify: h.ways})
	var contacts []string
	for class := range h.ways {
		contacts = append(contacts, strings.TrimPrefix(class, "contact:"))
	}
	c, problems := catalog.Load(os.DirFS("testdata/org"), set.Specs(), "test", h.clock.Now())
	if catalog.Errors(problems) > 0 {
		h.Fatal(catalog.FormatProblems(problems))
	}
	h.files = func() (*catalog.Catalog, error) { return c, nil }
	h.engine = fsm.New(fsm.Config{Store: h.store, Catalog: h.files, Hands: set.Hands(), Eyes: set.Eyes(), Clock: h.clock.clock(),
		Pepper: bytes.Repeat([]byte("p"), 32), Log: log, Version: "test", Instance: "test", Parallel: 4, Contacts: contacts})
	if err := h.engine.Start(context.Background()); err != nil {
		h.Fatal(err)
	}
	h.bot = h.newBot(log)
}

func (h *house) newBot(log *slog.Logger) *Bot {
	b, err := New(Config{Engine: h.engine, Store: h.store, Catalog: h.files, Clock: h.clock.clock(), Log: log, Secret: secret, Console: "https://dr.quay.example/"})
	if err != nil {
		h.Fatal(err)
	}
	return b
}

func (h *house) stop() {
	if err := errors.Join(h.engine.Stop(context.Background()), h.store.Close()); err != nil {
		h.Error(err)
	}
}

type guarded struct {
	mu sync.Mutex
	w  io.Writer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.w.Write(p)
}

// handle hands an intent in and expects an answer.
func (h *house) handle(in Intent) Reply {
	h.Helper()
	if in.Surface == "" {
		in.Surface, in.Dest = "console", "ops"
	}
	r, err := h.bot.Handle(context.Background(), in)
	if err != nil {
		h.Fatalf("%+v: %v", in, err)
	}
	if len(r.Card.Parts) == 0 && len(r.Errors) == 0 {
		h.Fatalf("no answer to %+v", in)
	}
	return r
}

func (h *house) say(person, text string) Reply {
	h.Helper()
	return h.handle(Intent{Person: person, Kind: Command, Args: text})
}

// press finds a button by the beginning of its id and presses it.
func (h *house) press(person string, c Card, id string) Reply {
	h.Helper()
	a := button(c, id)
	if a.Nonce == "" {
		h.Fatalf("no button %s in\n%s", id, Text(c, 0))
	}
	return h.handle(Intent{Person: person, Kind: Press, Args: a.Nonce, Confirmed: a.Confirm != nil})
}

func button(c Card, id string) (found Action) {
	for _, p := range c.Parts {
		for _, a := range p.Actions {
			if found.ID == "" && strings.HasPrefix(a.ID, id) {
				found = a
			}
		}
	}
	return found
}

func (h *house) submit(person string, f *Form, values map[string]string) Reply {
	h.Helper()
	if f == nil {
		h.Fatal("no form")
	}
	return h.handle(Intent{Person: person, Kind: Submit, Args: f.Nonce, Values: values})
}

func (h *house) view(run string) fsm.View {
	h.Helper()
	v, err := h.engine.View(context.Background(), dr.Actor{}, run)
	if err != nil {
		h.Fatal(err)
	}
	return v
}

// until waits for the engine, which works beside the test, woken by the store's own commits.
func (h *house) until(run string, ok func(fsm.View) bool) fsm.View {
	h.Helper()
	ch, stop := h.store.Watch()
	defer stop()
	deadline := time.After(20 * time.Second)
	for {
		v := h.view(run)
		if ok(v) {
			return v
		}
		h.clock.advance(20 * time.Millisecond)
		select {
		case <-ch:
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			h.Fatalf("run is %s (%s); %v", v.State, v.Pause, v.Steps)
		}
	}
}

func (h *house) state(run string, want dr.State) fsm.View {
	h.Helper()
	return h.until(run, func(v fsm.View) bool { return v.State == want })
}

func (h *house) rows(run string) (rows []dr.Row) {
	h.Helper()
	err := h.store.Read(context.Background(), func(r *store.Reader) (err error) {
		rows, err = r.RowsOf(context.Background(), run)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return rows
}

func (h *house) count(run string, kind dr.RowKind) (n int) {
	for _, row := range h.rows(run) {
		if row.Kind == kind {
			n++
		}
	}
	return n
}

// wall is a chat in memory: idempotent by key, as a surface has to be.
type wall struct {
	mu       sync.Mutex
	keys     []string
	cards    map[Ref]Card
	updates  map[Ref]int
	whispers map[string]Card // by key
	to       map[string]string
	down     error
	refuse   func(Card) error
	caps     Caps
	calls    int
	files    []File
}

func newWall() *wall {
	return &wall{cards: map[Ref]Card{}, updates: map[Ref]int{}, whispers: map[string]Card{}, to: map[string]string{}}
}

func (w *wall) trouble(c Card) error {
	w.calls++
	if w.down != nil {
		return w.down
	}
	if w.refuse != nil {
		return w.refuse(c)
	}
	return nil
}

func (w *wall) Post(_ context.Context, _ string, c Card, key string) (Ref, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(c); err != nil {
		return "", err
	}
	if _, again := w.cards[Ref(key)]; !again {
		w.keys = append(w.keys, key)
		w.cards[Ref(key)] = c
	}
	return Ref(key), nil
}

func (w *wall) Update(_ context.Context, ref Ref, c Card) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(c); err != nil {
		return err
	}
	if _, ok := w.cards[ref]; !ok {
		return fmt.Errorf("no message %s", ref)
	}
	w.cards[ref] = c
	w.updates[ref]++
	return nil
}

func (w *wall) Whisper(_ context.Context, _, person string, c Card) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(c); err != nil {
		return err
	}
	w.whispers[c.Key], w.to[c.Key] = c, person
	return nil
}

func (w *wall) Form(context.Context, string, Form) error { return nil }

func (w *wall) Upload(_ context.Context, _ string, f File) (Ref, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.trouble(f.Comment); err != nil {
		return "", err
	}
	for _, known := range w.files {
		if known.Key == f.Key {
			return Ref(f.Key), nil
		}
	}
	w.files = append(w.files, f)
	return Ref(f.Key), nil
}

func (w *wall) Caps() Caps { return w.caps }

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as it was; look at the difference, then -update:\n%s", path, got)
	}
}

// readSample reads the embedded organisation once.
var readSample = sync.OnceValues(func() (*catalog.Catalog, []catalog.Problem) {
	return catalog.Load(data.FS(), actions.Specs(), "test", newClock().Now())
})

// sample is the embedded organisation.
func sample(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, problems := readSample()
	if catalog.Errors(problems) > 0 {
		t.Fatal(catalog.FormatProblems(problems))
	}
	return c
}
