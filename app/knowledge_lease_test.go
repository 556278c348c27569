package app

import (
	"context"
	"fmt"
	"log/slog"
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
	"github.com/switchman-dr/switchman/store/storetest"
)

// replica is one of two servers over the same store and the same files.
type replica struct {
	*librarian
	encodings atomic.Int64
}

func newReplica(s *store.Store, org, instance string, clock dr.Clock) *replica {
	r := &replica{}
	e := &knowledge.Embedder{Name: "toy", Digest: "toy", Dim: 2, Share: 0.5,
		Query: func(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil },
		Passage: func(context.Context, string, string) ([][]float32, error) {
			r.encodings.Add(1)
			return [][]float32{{0, 1}}, nil
		}}
	r.librarian = newLibrarian(&config.Config{Org: org}, s, instance, encoders{Embedders: knowledge.Embedders{Main: e}}, clock, slog.New(slog.DiscardHandler))
	return r
}

func (r *replica) mode(t *testing.T) knowledge.Mode {
	t.Helper()
	found, err := r.index.Load().Search(t.Context(), knowledge.Query{Text: "primary", Audience: []string{knowledge.Internal}})
	if err != nil {
		t.Fatal(err)
	}
	return found.Mode
}

// noted is what the store has of runbooks.
func (r *replica) noted(t *testing.T) (docs []string, vectors int) {
	t.Helper()
	err := r.store.Read(t.Context(), func(rd *store.Reader) error {
		books, err := rd.Runbooks(t.Context())
		if err != nil {
			return err
		}
		for _, b := range books {
			docs = append(docs, strings.TrimPrefix(b.Doc, "runbooks/"))
		}
		names, err := rd.VectorNames(t.Context())
		for _, all := range names {
			vectors += len(all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs, vectors
}

// many is a runbook of so many passages, each of its own words.
func many(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", name)
	for i := range n {
		fmt.Fprintf(&b, "\n## Part %d\n\nAsk the primary for %s%d.\n", i, name, i)
	}
	return b.String()
}

// TestOneServerWritesWhatIsKept: of two servers one encodes and notes, the other reads that and answers as
// well; when the one goes, the other goes on.
func TestOneServerWritesWhatIsKept(t *testing.T) {
	for name, url := range map[string]func() string{"SQLite": func() string { return "" }, "PostgreSQL": func() string { return storetest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			clock := SystemClock()
			at, dir := url(), t.TempDir()
			opened := func() *store.Store {
				s, err := store.Open(t.Context(), store.Options{Dir: dir, URL: at, Organisation: "tiny-bank", Clock: clock})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			}
			first := opened()
			second := first // a file of SQLite has one process
			if at != "" {
				second = opened()
			}
			org := t.TempDir()
			shelf := filepath.Join(org, bot.OrganisationSource)
			shelve(t, shelf, "lag.md", many("lag", 20))
			east, west := newReplica(first, org, "east", clock), newReplica(second, org, "west", clock)
			for _, r := range []*replica{east, west} {
				r.look(t.Context())
			}
			if after, done := west.encodeAll(t.Context()); done || after != indexerLooks || west.mode(t) != knowledge.Lexical || west.State().Models[0].Trouble != "" {
				t.Errorf("the one that follows: %v, %v, %+v", after, done, west.State().Models)
			}
			if !east.encoded(t) || !west.encoded(t) || east.mode(t) != knowledge.Hybrid || west.mode(t) != knowledge.Hybrid {
				t.Error("both should rank by meaning")
			}
			if e, w := east.encodings.Load(), west.encodings.Load(); e != 20 || w != 0 {
				t.Errorf("%d passages were encoded by the one, %d by the other", e, w)
			}
			shelve(t, shelf, "disk.md", many("disk", 3)) // so few that each encodes them for itself
			west.look(t.Context())
			if docs, vectors := west.noted(t); len(docs) != 1 || vectors != 20 || west.mode(t) != knowledge.Hybrid {
				t.Errorf("the one that follows wrote: %v, %d vectors; it ranks %s", docs, vectors, west.mode(t))
			}
			if err := east.writes.release(t.Context()); err != nil {
				t.Fatal(err)
			}
			west.look(t.Context()) // nothing has changed; what was owed is noted
			shelve(t, shelf, "dns.md", many("dns", 20))
			west.look(t.Context())
			if !west.encoded(t) || west.mode(t) != knowledge.Hybrid {
				t.Error("the other does not go on")
			}
			east.look(t.Context())
			if !east.encoded(t) || east.encodings.Load() != 20 {
				t.Errorf("the one that follows now encoded %d", east.encodings.Load())
			}
			if docs, vectors := east.noted(t); strings.Join(docs, " ") != "disk.md dns.md lag.md" || vectors < 40 {
				t.Errorf("noted are %v, %d vectors", docs, vectors)
			}
		})
	}
}

// TestSilentServerLosesItsLease: one that stands still for half a minute is no longer waited for, and writes
// nothing when it wakes.
func TestSilentServerLosesItsLease(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: c.clock()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	east, west := &indexer{store: s, instance: "east"}, &indexer{store: s, instance: "west"}
	if err := east.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(indexerHolds - time.Second)
	if err := west.keep(t.Context()); err != errFollows {
		t.Errorf("both hold the lease: %v", err)
	}
	c.now = c.now.Add(indexerHolds + time.Second)
	if err := west.keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wrote := false
	if err := east.write(t.Context(), func(*store.Tx) error { wrote = true; return nil }); err != errFollows || wrote {
		t.Errorf("the one that woke wrote: %v", err)
	}
}
