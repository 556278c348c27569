package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// reading is a librarian of an organisation on disk.
func reading(t *testing.T, clock dr.Clock, models encoders, more ...config.RunbookSource) (*librarian, string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	org := t.TempDir()
	return newLibrarian(&config.Config{Org: org, Runbooks: more}, s, "here", models, clock, slog.New(slog.DiscardHandler)), filepath.Join(org, bot.OrganisationSource)
}

func shelve(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// encoded has everything encoded and says whether that came to an end.
func (l *librarian) encoded(t *testing.T) bool {
	_, done := l.encodeAll(t.Context())
	return done
}

// text is a document as the index has it.
func (l *librarian) text(doc string) string {
	d, _, ok := l.index.Load().Document([]string{knowledge.Internal}, doc)
	if !ok {
		return ""
	}
	return d.Text
}

func (l *librarian) changedAt(t *testing.T, doc string) time.Time {
	t.Helper()
	var all []store.Runbook
	err := l.store.Read(t.Context(), func(r *store.Reader) (err error) {
		all, err = r.Runbooks(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		if b.Doc == doc {
			return b.Changed.Time
		}
	}
	return time.Time{}
}

// TestRunbooksAreReadAgain: a change is found by looking, what is broken is told and stops nothing, and what
// was read stays while a folder is away.
func TestRunbooksAreReadAgain(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	l, dir := reading(t, c.clock(), encoders{})
	ctx := t.Context()
	l.look(ctx) // an organisation without runbooks is no mistake
	if s := l.State(); s.Read.IsZero() || s.Documents != 0 || s.Trouble != "" || s.Sources[0].Trouble != "" {
		t.Fatalf("%+v", s)
	}
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the primary.\n")
	shelve(t, dir, "db/disk.md", "# Disk\n\nMake room.\n")
	shelve(t, dir, "bad.md", "---\naudiense: public\n---\n# Bad\n")
	l.look(ctx)
	if s := l.State(); s.Documents != 2 || len(s.Problems) != 1 || s.Problems[0].Doc != "runbooks/bad.md" || s.Reading {
		t.Fatalf("%+v", s)
	}
	if at := l.changedAt(t, "runbooks/lag.md"); !at.IsZero() {
		t.Errorf("what was there at the first reading is said to have changed %v", at)
	}
	c.now = c.now.Add(time.Minute)
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the standby instead.\n")
	l.look(ctx)
	if got := l.text("runbooks/lag.md"); !strings.Contains(got, "standby instead") {
		t.Errorf("the index still has %q", got)
	}
	if !l.changedAt(t, "runbooks/lag.md").Equal(c.now) || l.changedAt(t, "runbooks/db/disk.md").Equal(c.now) {
		t.Error("when runbooks changed is not known")
	}
	if err := os.Remove(filepath.Join(dir, "db", "disk.md")); err != nil {
		t.Fatal(err)
	}
	l.look(ctx)
	if l.text("runbooks/db/disk.md") != "" || !l.changedAt(t, "runbooks/db/disk.md").IsZero() {
		t.Error("a runbook that was taken away is still there")
	}
}

func TestSeveralSources(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	dba := t.TempDir()
	shelve(t, dba, "glass.md", "# Glass\n\nThe envelope.\n")
	shelve(t, dba, "notes.txt", "not wanted")
	l, dir := reading(t, c.clock(), encoders{}, config.RunbookSource{Name: "dba", Dir: dba, Audience: []string{"team:database"}, Only: []string{"*.md"}},
		config.RunbookSource{Name: "gone", Dir: filepath.Join(dba, "nowhere")})
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the primary.\n")
	l.look(t.Context())
	s := l.State()
	if s.Documents != 2 || s.Sources[2].Trouble == "" || s.Sources[1].Trouble != "" {
		t.Fatalf("%+v", s)
	}
	if _, _, ok := l.index.Load().Document([]string{"internal"}, "dba/glass.md"); ok {
		t.Error("everybody sees what is for the database team")
	}
	if _, _, ok := l.index.Load().Document([]string{"team:database"}, "dba/glass.md"); !ok {
		t.Error("the database team does not see its runbook")
	}
	if err := os.Rename(dba, dba+"-away"); err != nil {
		t.Fatal(err)
	}
	l.look(t.Context())
	if _, _, ok := l.index.Load().Document([]string{"team:database"}, "dba/glass.md"); !ok || l.State().Trouble == "" {
		t.Errorf("a folder that is away for a moment took its runbooks with it: %+v", l.State())
	}
	if err := os.Rename(dba+"-away", dba); err != nil {
		t.Fatal(err)
	}
	l.look(t.Context())
	if s := l.State(); s.Trouble != "" || s.Documents != 2 {
		t.Errorf("%+v", s)
	}
}

// TestChangeIsHeard: with a clock that stands still only the system can tell of a change.
func TestChangeIsHeard(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	at := make(chan time.Time)
	close(at)
	clock := dr.Clock{Now: func() time.Time { return now }, After: func(d time.Duration) <-chan time.Time {
		if d == shelvesRest {
			return at
		}
		return nil
	}}
	l, dir := reading(t, clock, encoders{})
	shelve(t, dir, "a/lag.md", "# Lag\n\nAsk the primary.\n")
	committed, stop := l.store.Watch()
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(ctx) }()
	defer func() { cancel(); <-ended }()
	until := func(doc, want string) {
		t.Helper()
		for deadline := time.After(20 * time.Second); !strings.Contains(l.text(doc), want); {
			select {
			case <-committed:
			case <-time.After(20 * time.Millisecond): // the folder is watched only after it was read
				shelve(t, dir, doc[len("runbooks/"):], "# Lag\n\n"+want+"\n")
			case <-deadline:
				t.Fatalf("%s has %q", doc, l.text(doc))
			}
		}
	}
	until("runbooks/a/lag.md", "Ask the primary.")
	until("runbooks/a/lag.md", "Ask the standby.")
	until("runbooks/b/c/new.md", "In a folder that is new.")
}

// TestEncodingFailsAndGoesOn: a model that fails leaves words, says so, and is tried again.
func TestEncodingFailsAndGoesOn(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	var broken atomic.Bool
	broken.Store(true)
	e := &knowledge.Embedder{Name: "toy", Digest: "toy", Dim: 2, Share: 0.5,
		Query: func(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil },
		Passage: func(context.Context, string, string) ([][]float32, error) {
			if broken.Load() {
				return nil, errors.New("the model is tired")
			}
			return [][]float32{{0, 1}}, nil
		}}
	l, dir := reading(t, c.clock(), encoders{Embedders: knowledge.Embedders{Main: e}})
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the primary.\n")
	l.look(t.Context())
	if l.encodeWith(t.Context(), e, "en") == nil || !strings.Contains(l.State().Models[0].Trouble, "tired") {
		t.Errorf("%+v", l.State().Models)
	}
	found, err := l.index.Load().Search(t.Context(), knowledge.Query{Text: "primary", Audience: []string{"internal"}})
	if err != nil || found.Mode != knowledge.Lexical || len(found.Results) == 0 {
		t.Errorf("%+v, %v", found, err)
	}
	broken.Store(false)
	if l.encodeWith(t.Context(), e, "en") != nil {
		t.Error("it did not recover")
	}
	if m := l.State().Models[0]; m.Done != m.Of || m.Of != 1 || m.Trouble != "" {
		t.Errorf("%+v", m)
	}
	if found, err = l.index.Load().Search(t.Context(), knowledge.Query{Text: "primary", Audience: []string{"internal"}}); err != nil || found.Mode != knowledge.Hybrid {
		t.Errorf("%+v, %v", found, err)
	}
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the primary twice.\n")
	l.look(t.Context())
	c.now = c.now.Add(48 * time.Hour)
	if !l.encoded(t) {
		t.Error("it was not encoded")
	}
	var names map[string][]string
	err = l.store.Read(t.Context(), func(r *store.Reader) (err error) {
		names, err = r.VectorNames(t.Context())
		return err
	})
	if err != nil || len(names["toy"]) != 1 {
		t.Errorf("vectors of %d passages are kept, %v", len(names["toy"]), err)
	}
}
