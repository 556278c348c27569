package knowledge

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what an index may use besides words.
type Options struct {
	Embedders Embedders // none: words alone
	Keep      Keep      // where vectors outlive the process; zero: they don't
	// Now tells the time, so that files which were left alone are not read again; nil: all of them are.
	Now func() time.Time
}

// Index answers questions from the newest snapshot of its sources. All methods may be called at the
// same time; those that build wait for each other, those that ask never wait.
type Index struct {
	opts    Options
	words   *lexicon
	vault   vault
	mu      sync.Mutex // held by whoever builds the next snapshot
	current atomic.Pointer[snapshot]
	read    atomic.Int64 // files looked at by the Sync that goes on
	toRead  atomic.Int64
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
	labels   map[string]bool // every audience there is
	most     int             // views kept ready

	mu    sync.Mutex
	views map[string]*lazyView
}

// book is a document with its passages.
type book struct {
	doc      *Document
	passages []*Passage
	of       string // likeness of the source it was read with
	stamp    stamp  // of the file; zero: it is read again
}

func newSnapshot(books []*book, problems []Problem) *snapshot {
	s := &snapshot{books: books, problems: problems, views: map[string]*lazyView{}, labels: map[string]bool{Public: true}}
	passages := 0
	for _, b := range books {
		passages += len(b.passages)
		for _, label := range b.doc.Audience {
			s.labels[label] = true
		}
	}
	s.most = min(max(passagesReady/max(passages, 1), leastViews), mostViews)
	return s
}

// lazyView is made by the first who needs it; the others wait for that one only.
type lazyView struct {
	once sync.Once
	view *view
}

// A view takes some kilobytes for each of its passages, so fewer are kept ready of a large library. One
// person's set of roles is one, but for roles that no document names.
const (
	mostViews     = 16
	leastViews    = 2
	passagesReady = 60_000 // of all views together
)

// audienceKey names a set of labels; everybody sees what is public. Labels that no document has make no
// difference, so that those who see the same mostly share a view.
func (s *snapshot) audienceKey(audience []string) string {
	set := append(slices.DeleteFunc(slices.Clone(audience), func(label string) bool { return !s.labels[label] }), Public)
	slices.Sort(set)
	return strings.Join(slices.Compact(set), "\x00")
}

// view is the index as somebody with these labels has it.
func (x *Index) view(s *snapshot, audience []string) *view {
	key := s.audienceKey(audience)
	s.mu.Lock()
	lazy := s.views[key]
	if lazy == nil {
		if len(s.views) >= s.most {
			clear(s.views) // those in use live on; the next question makes its own again
		}
		lazy = &lazyView{}
		s.views[key] = lazy
	}
	s.mu.Unlock()
	lazy.once.Do(func() { lazy.view = x.newView(s, key, nil) })
	return lazy.view
}

func (x *Index) newView(s *snapshot, key string, before *view) *view {
	return newView(s.books, strings.Split(key, "\x00"), x.words, &x.vault, x.opts.Embedders, before)
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
	x.read.Store(0)
	x.toRead.Store(0)
	old := x.current.Load()
	before := make(map[string]*book, len(old.books))
	for _, b := range old.books {
		before[b.doc.Path] = b
	}
	found := map[string]*book{}
	var c Change
	for _, s := range sources {
		read, problems, err := x.readAll(ctx, s, before)
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
	if slices.Equal(next.books, old.books) && slices.Equal(next.problems, old.problems) {
		return c, nil
	}
	return c, x.swap(ctx, old, next)
}

// Progress says how many of how many files the Sync that goes on has looked at.
func (x *Index) Progress() (done, of int) { return int(x.read.Load()), int(x.toRead.Load()) }

// reading is what became of one file.
type reading struct {
	book    *book
	fresh   bool // new or changed
	problem *Problem
}

// readAll reads the files of a source on as many processors as there are, in the order of their names.
func (x *Index) readAll(ctx context.Context, s Source, before map[string]*book) ([]reading, []Problem, error) {
	names, problems, err := s.walk(ctx)
	if err != nil {
		return nil, nil, err
	}
	x.toRead.Add(int64(len(names)))
	settled := int64(math.MinInt64) // nothing is
	if x.opts.Now != nil {
		settled = x.opts.Now().Add(-settles).UnixNano()
	}
	out := make([]reading, len(names))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		workers.Go(func() {
			r := reader{Source: s, likeness: s.likeness(), words: x.words.reader(), settled: settled}
			for i := next.Add(1) - 1; i < int64(len(names)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				out[i] = r.book(names[i], before[s.path(names[i].name)])
				x.read.Add(1)
			}
		})
	}
	workers.Wait()
	return out, problems, ctx.Err()
}

// reader reads files of a source one after the other.
type reader struct {
	Source
	likeness string
	words    *wordReader
	settled  int64  // when a file must have been left alone for its stamp to be believed
	body     []byte // of the file at hand
}

// book reads and cuts a file, or takes what was made of it before.
func (r *reader) book(e listed, old *book) reading {
	same := old != nil && old.of == r.likeness
	now := e.stamp()
	if same && now != (stamp{}) && old.stamp == now {
		return reading{book: old.at(r.Commit, now)}
	}
	if now.changed >= r.settled {
		now = stamp{} // it may change once more and look the same
	}
	f, text := r.read(e.name, r.body)
	r.body = f.body
	if text != "" {
		return reading{problem: &Problem{Doc: r.path(e.name), Text: text}}
	}
	if same && old.doc.Digest == f.digest {
		return reading{book: old.at(r.Commit, now)}
	}
	doc, passages, err := r.parse(f)
	if err != nil {
		return reading{problem: &Problem{Doc: f.path, Text: err.Error()}}
	}
	for _, p := range passages {
		r.words.weigh(p)
	}
	return reading{book: &book{doc: doc, passages: passages, of: r.likeness, stamp: now}, fresh: old == nil || old.doc.Digest != f.digest}
}

// at is the same book as of a commit: of a document that has not changed only that is another.
func (b *book) at(commit string, now stamp) *book {
	if b.doc.Commit == commit && b.stamp == now {
		return b
	}
	out := &book{doc: b.doc, passages: b.passages, of: b.of, stamp: now}
	if b.doc.Commit == commit {
		return out
	}
	doc := *b.doc
	doc.Commit = commit
	out.doc, out.passages = &doc, make([]*Passage, len(b.passages))
	for i, p := range b.passages {
		same := *p
		same.Doc = &doc
		out.passages[i] = &same
	}
	return out
}

// likeness is what of a source goes into how its documents are made: with another one they are made anew.
func (s Source) likeness() string {
	return fmt.Sprint(s.Foreign, s.Audience)
}

// swap makes a snapshot the current one, with the views ready that were in use.
func (x *Index) swap(ctx context.Context, old, next *snapshot) error {
	if err := x.embedFew(ctx, next); err != nil {
		return err
	}
	old.mu.Lock()
	used := slices.Collect(maps.Keys(old.views))
	old.mu.Unlock()
	x.prepare(old, next, used)
	return nil
}

// prepare makes views of a snapshot, each from what it was before, and puts the snapshot in place.
func (x *Index) prepare(old, next *snapshot, keys []string) {
	x.vault.unseen.Store(false)
	for _, key := range keys {
		lazy := &lazyView{}
		lazy.once.Do(func() { lazy.view = x.newView(next, key, x.view(old, strings.Split(key, "\x00"))) })
		next.views[key] = lazy
	}
	x.current.Store(next)
}

// Documents lists what somebody with these labels may read, by path.
func (x *Index) Documents(audience []string) []*Document {
	return x.view(x.current.Load(), audience).docs
}

// All are all documents with their passages, by path, whoever may see them: for the house, never for an answer.
func (x *Index) All() iter.Seq2[*Document, []*Passage] {
	return func(yield func(*Document, []*Passage) bool) {
		for _, b := range x.current.Load().books {
			if !yield(b.doc, b.passages) {
				return
			}
		}
	}
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
