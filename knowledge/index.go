package knowledge

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Options say what an index may use besides words.
type Options struct {
	Embedders Embedders // none: words alone
	Keep      Keep      // where vectors outlive the process; zero: they don't
}

// Index answers questions from the newest snapshot of its sources. All methods may be called at the
// same time; those that build wait for each other, those that ask never wait.
type Index struct {
	opts    Options
	words   *lexicon
	vault   vault
	mu      sync.Mutex // held by whoever builds the next snapshot
	current atomic.Pointer[snapshot]
}

// New makes an empty index.
func New(o Options) *Index {
	x := &Index{opts: o, words: newLexicon(), vault: vault{models: map[string]map[string][][]float32{}}}
	x.current.Store(newSnapshot(nil, nil))
	return x
}

// snapshot is everything that was read at one time. It never changes, but for views that are made when
// they are first asked for.
type snapshot struct {
	books    []*book // by path
	problems []Problem

	mu    sync.Mutex
	views map[string]*lazyView
}

// book is a document with its passages.
type book struct {
	doc      *Document
	passages []*Passage
	of       string // likeness of the source it was read with
}

func newSnapshot(books []*book, problems []Problem) *snapshot {
	return &snapshot{books: books, problems: problems, views: map[string]*lazyView{}}
}

// lazyView is made by the first who needs it; the others wait for that one only.
type lazyView struct {
	once sync.Once
	view *view
}

// mostViews bounds how many audiences are kept ready; one person's set of roles is one.
const mostViews = 16

// audienceKey names a set of labels; everybody sees what is public.
func audienceKey(audience []string) string {
	set := slices.Clone(audience)
	set = append(set, Public)
	slices.Sort(set)
	return strings.Join(slices.Compact(set), "\x00")
}

// view is the index as somebody with these labels has it.
func (x *Index) view(s *snapshot, audience []string) *view {
	key := audienceKey(audience)
	s.mu.Lock()
	lazy := s.views[key]
	if lazy == nil {
		if len(s.views) >= mostViews {
			clear(s.views) // those in use live on; the next question makes its own again
		}
		lazy = &lazyView{}
		s.views[key] = lazy
	}
	s.mu.Unlock()
	lazy.once.Do(func() { lazy.view = newView(s.books, strings.Split(key, "\x00"), x.words, &x.vault, x.opts.Embedders) })
	return lazy.view
}

// Change says what a Sync found.
type Change struct {
	Documents int       `json:"documents"`
	Passages  int       `json:"passages"`
	Read      int       `json:"read"` // new or changed documents
	Gone      int       `json:"gone"`
	Problems  []Problem `json:"problems"`
}

// Sync reads the sources again and puts the outcome in place of what was there, whole. Documents that
// have not changed are not cut again. On an error the old snapshot stays.
func (x *Index) Sync(ctx context.Context, sources ...Source) (Change, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.current.Load()
	before := make(map[string]*book, len(old.books))
	for _, b := range old.books {
		before[b.doc.Path] = b
	}
	found := map[string]*book{}
	var c Change
	for _, s := range sources {
		read, problems, err := x.read(ctx, s, before)
		if err != nil {
			return Change{}, fmt.Errorf("reading runbooks: %w", err)
		}
		for _, r := range read {
			switch {
			case r.problem != nil:
				problems = append(problems, *r.problem)
			case found[r.book.doc.Path] != nil:
				problems = append(problems, Problem{Doc: r.book.doc.Path, Text: "two sources have a document of this path; the first is kept"})
			default:
				found[r.book.doc.Path] = r.book
				if r.fresh {
					c.Read++
				}
			}
		}
		c.Problems = append(c.Problems, problems...)
	}
	next := newSnapshot(slices.SortedFunc(maps.Values(found), func(a, b *book) int { return strings.Compare(a.doc.Path, b.doc.Path) }), c.Problems)
	for _, b := range next.books {
		c.Documents++
		c.Passages += len(b.passages)
		delete(before, b.doc.Path)
	}
	c.Gone = len(before)
	return c, x.swap(ctx, old, next)
}

// reading is what became of one file.
type reading struct {
	book    *book
	fresh   bool // new or changed
	problem *Problem
}

// read reads the files of a source on as many processors as there are, in the order of their names.
func (x *Index) read(ctx context.Context, s Source, before map[string]*book) ([]reading, []Problem, error) {
	names, problems, err := s.walk(ctx)
	if err != nil {
		return nil, nil, err
	}
	out := make([]reading, len(names))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			words := x.words.reader()
			for i := next.Add(1) - 1; i < int64(len(names)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				out[i] = s.book(names[i], before[s.path(names[i])], words)
			}
		})
	}
	workers.Wait()
	return out, problems, ctx.Err()
}

// book reads and cuts a file, or takes what was made of it before.
func (s Source) book(name string, old *book, words wordReader) reading {
	f, text := s.read(name)
	if text != "" {
		return reading{problem: &Problem{Doc: s.path(name), Text: text}}
	}
	if old != nil && old.doc.Digest == f.digest && old.of == s.likeness() {
		return reading{book: old}
	}
	doc, passages, err := s.parse(f)
	if err != nil {
		return reading{problem: &Problem{Doc: f.path, Text: err.Error()}}
	}
	for _, p := range passages {
		words.weigh(p)
	}
	return reading{book: &book{doc: doc, passages: passages, of: s.likeness()}, fresh: old == nil || old.doc.Digest != f.digest}
}

// likeness is what of a source goes into its documents: with another one they are made anew.
func (s Source) likeness() string {
	return fmt.Sprint(s.Foreign, s.Commit, s.Audience)
}

// swap makes a snapshot the current one, with the views ready that were in use.
func (x *Index) swap(ctx context.Context, old, next *snapshot) error {
	if err := x.embedFew(ctx, next); err != nil {
		return err
	}
	old.mu.Lock()
	used := slices.Collect(maps.Keys(old.views))
	old.mu.Unlock()
	for _, key := range used {
		x.view(next, strings.Split(key, "\x00"))
	}
	x.current.Store(next)
	return nil
}

// Documents lists what somebody with these labels may read, by path.
func (x *Index) Documents(audience []string) []*Document {
	return x.view(x.current.Load(), audience).docs
}

// Document finds one by its path; false where there is none or it may not be seen, which is the same.
func (x *Index) Document(audience []string, path string) (*Document, []*Passage, bool) {
	for _, b := range x.current.Load().books {
		if b.doc.Path == path && visible(b.doc, audience) {
			return b.doc, b.passages, true
		}
	}
	return nil, nil, false
}

// Passage finds one by its id, with its neighbours' document; false as for Document.
func (x *Index) Passage(audience []string, id string) (*Passage, bool) {
	for _, b := range x.current.Load().books {
		if !visible(b.doc, audience) {
			continue
		}
		for _, p := range b.passages {
			if p.ID == id {
				return p, true
			}
		}
	}
	return nil, false
}

func visible(d *Document, audience []string) bool {
	return slices.ContainsFunc(d.Audience, func(label string) bool { return label == Public || slices.Contains(audience, label) })
}

// Labels lists every audience the documents name, and [Public]: what somebody may see who may see all.
func (x *Index) Labels() []string {
	all := []string{Public}
	for _, b := range x.current.Load().books {
		all = append(all, b.doc.Audience...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
