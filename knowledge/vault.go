package knowledge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// vault holds the vectors of passages in memory, by model and passage digest.
type vault struct {
	mu     sync.RWMutex
	models map[string]map[string][][]float32
	unseen atomic.Bool                       // there are vectors that came after the views were made
	unkept map[string]map[string][][]float32 // those [Keep] has not taken yet
}

func (v *vault) get(model, passage string) ([][]float32, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	w, ok := v.models[model][passage]
	return w, ok
}

func (v *vault) put(model, passage string, windows [][]float32) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.models[model] == nil {
		v.models[model] = map[string][][]float32{}
	}
	v.models[model][passage] = windows
	v.unseen.Store(true)
}

// few is how many passages are embedded before a changed file becomes visible: so many take less than
// a second, and ranking never has to fall back to words for an edit.
const few = 12

// embedFew gives the passages of a small change their vectors before it becomes visible.
func (x *Index) embedFew(ctx context.Context, s *snapshot) error {
	for _, e := range x.opts.Embedders.list() {
		if e == nil {
			continue
		}
		missing := x.missing(e, s, few+1)
		if len(missing) > few || len(missing) == 0 {
			continue
		}
		if err := x.embed(ctx, e, missing, func(int) {}); err != nil && ctx.Err() != nil {
			return err
		} // a model that fails leaves the words, and Embed says so
	}
	return nil
}

// missing lists passages without vectors, at most so many.
func (x *Index) missing(e *Embedder, s *snapshot, most int) []*Passage {
	var out []*Passage
	seen := map[string]bool{}
	for _, b := range s.books {
		for _, p := range b.passages {
			if seen[p.Digest] || !x.opts.Embedders.reads(e, p.script) {
				continue
			}
			seen[p.Digest] = true
			if _, ok := x.vault.get(e.Digest, p.Digest); !ok {
				if out = append(out, p); len(out) == most {
					return out
				}
			}
		}
	}
	return out
}

// batch is how many passages are saved together.
const batch = 16

// embed makes vectors and keeps them. Those that could not be kept are used all the same, and kept the next
// time.
func (x *Index) embed(ctx context.Context, e *Embedder, passages []*Passage, done func(int)) error {
	for i, p := range passages {
		windows, err := e.Passage(ctx, p.way(), p.Text)
		if err == nil {
			err = e.fits(windows...)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("encoding %s line %d with %s: %w", p.Doc.Path, p.Start, e.Name, err), x.save(ctx, e))
		}
		x.vault.put(e.Digest, p.Digest, windows)
		if x.vault.owe(e.Digest, p.Digest, windows) >= batch {
			if err := x.save(ctx, e); err != nil {
				return err
			}
		}
		done(i + 1)
	}
	return x.save(ctx, e)
}

// owe remembers vectors until they are kept, and says how many there are of the model.
func (v *vault) owe(model, passage string, windows [][]float32) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.unkept == nil {
		v.unkept = map[string]map[string][][]float32{}
	}
	if v.unkept[model] == nil {
		v.unkept[model] = map[string][][]float32{}
	}
	v.unkept[model][passage] = windows
	return len(v.unkept[model])
}

// save has the vectors of a model kept that are not.
func (x *Index) save(ctx context.Context, e *Embedder) error {
	x.vault.mu.Lock()
	fresh := x.vault.unkept[e.Digest]
	delete(x.vault.unkept, e.Digest)
	x.vault.mu.Unlock()
	if x.opts.Keep.Save == nil || len(fresh) == 0 {
		return nil
	}
	err := x.opts.Keep.Save(ctx, e.Digest, fresh)
	if err == nil {
		return nil
	}
	for passage, windows := range fresh {
		x.vault.owe(e.Digest, passage, windows)
	}
	return fmt.Errorf("keeping vectors: %w", err)
}

// Unkept counts vectors that were made here and could not be kept yet; [Index.Embed] keeps them.
func (x *Index) Unkept(e *Embedder) int {
	x.vault.mu.RLock()
	defer x.vault.mu.RUnlock()
	return len(x.vault.unkept[e.Digest])
}

// fits refuses vectors that cannot be compared with the others.
func (e *Embedder) fits(vectors ...[]float32) error {
	if len(vectors) == 0 {
		return errors.New("the model gave no vector")
	}
	for _, v := range vectors {
		if len(v) != e.Dim {
			return fmt.Errorf("the model gave %d numbers instead of %d", len(v), e.Dim)
		}
		var sum float64
		for _, f := range v {
			sum += float64(f) * float64(f)
		}
		if !(sum > 0.98 && sum < 1.02) { // also false for what is no number
			return fmt.Errorf("the model gave a vector of length² %.3f instead of 1", sum)
		}
	}
	return nil
}

// Embed gives every passage its vectors of a model that has none: first those kept from before, then by
// the model. progress is told how many of how many are done. Until it has ended, questions are answered
// by words alone; when it fails half-way, they go on to be.
func (x *Index) Embed(ctx context.Context, e *Embedder, progress func(done, of int)) error {
	if err := x.Recall(ctx, e); err != nil {
		return err
	}
	missing := x.missing(e, x.current.Load(), 1<<30)
	if err := x.embed(ctx, e, missing, func(n int) { progress(n, len(missing)) }); err != nil {
		return err
	}
	x.refresh()
	return nil
}

// Recall loads the vectors kept from before that are missing, of these models or of every one, without making
// any.
func (x *Index) Recall(ctx context.Context, of ...*Embedder) error {
	if len(of) == 0 {
		of = x.opts.Embedders.list()
	}
	for _, e := range of {
		if e == nil || len(x.missing(e, x.current.Load(), 1)) == 0 {
			continue
		}
		if err := x.recall(ctx, e); err != nil {
			return err
		}
	}
	x.refresh()
	return nil
}

// Missing counts the passages a model has not encoded; 0: it takes part in every search.
func (x *Index) Missing(e *Embedder) int { return len(x.missing(e, x.current.Load(), 1<<30)) }

// recall loads kept vectors of a model; what does not fit is left to be made again.
func (x *Index) recall(ctx context.Context, e *Embedder) error {
	if x.opts.Keep.Load == nil {
		return nil
	}
	err := x.opts.Keep.Load(ctx, e.Digest, func(passage string, windows [][]float32) error {
		if _, ok := x.vault.get(e.Digest, passage); !ok && e.fits(windows...) == nil {
			x.vault.put(e.Digest, passage, windows)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("loading the vectors of %s: %w", e.Name, err)
	}
	return nil
}

// refresh makes the views anew if more vectors are there than when they were made.
func (x *Index) refresh() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.vault.unseen.Load() {
		return
	}
	old := x.current.Load()
	next := newSnapshot(old.books, old.problems)
	old.mu.Lock()
	keys := make([]string, 0, len(old.views))
	for key := range old.views {
		keys = append(keys, key)
	}
	old.mu.Unlock()
	x.prepare(old, next, keys)
}
