package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/store"
)

const (
	modelRetry    = time.Minute     // after a model that failed
	encodedAtOnce = 4               // passages, before it is looked whether a run moves
	encodeLater   = 2 * time.Second // while one does
	servedShare   = 0.5             // what the vectors of a model nobody has measured count for beside words
)

// encoders are the models that search by meaning: a server's where one is set, else the built-in ones.
type encoders struct {
	knowledge.Embedders
	served  *llm.Client // nil: built in
	without string      // why one is missing, in words
	close   func() error
}

// openEncoders opens the built-in ones, unless a server makes the vectors; without weights words decide.
func openEncoders(cfg *config.Config, model *llm.Client) encoders {
	nothing := func() error { return nil }
	if model.Embeds() {
		return encoders{served: model, without: "the server that makes embeddings has not been asked yet", close: nothing}
	}
	dir := cfg.Models()
	if dir == "" {
		return encoders{without: "no place for the weights of the built-in encoder is known; name one in SWITCHMAN_MODEL_DIR", close: nothing}
	}
	es, done, err := knowledge.Builtin(dir)
	out := encoders{Embedders: es, close: done}
	if err != nil {
		out.without = fmt.Sprintf("weights of the built-in encoder are missing; `make model` fetches them (%s)", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return out
}

// each names the models by the questions they are for.
func (e encoders) each(do func(lang string, e *knowledge.Embedder)) {
	if e.Main != nil {
		do("en", e.Main)
	}
	if e.CJK != nil {
		do("zh", e.CJK)
	}
}

func (e encoders) told() []bot.Model {
	out := []bot.Model{}
	e.each(func(lang string, e *knowledge.Embedder) { out = append(out, bot.Model{Name: e.Name, For: lang}) })
	return out
}

// embedderOf is a server's model. Its vectors are kept under its name and their length: with another
// length everything is encoded anew.
func embedderOf(model *llm.Client, dim int) *knowledge.Embedder {
	return &knowledge.Embedder{Name: model.EmbedModel(), Digest: fmt.Sprintf("served/%s/%d", model.EmbedModel(), dim), Dim: dim, Share: servedShare,
		Query: func(ctx context.Context, text string) ([]float32, error) {
			v, err := model.Embed(ctx, []string{text}, dim)
			if err != nil {
				return nil, err
			}
			return v[0], nil
		},
		Passage: func(ctx context.Context, heading, body string) ([][]float32, error) {
			return model.Embed(ctx, []string{heading + "\n" + body}, dim)
		}}
}

// meet asks a server what its vectors are like, and puts an index that uses them in place of the one
// without. Until then words decide.
func (l *librarian) meet(ctx context.Context) error {
	probe, err := l.models.served.Embed(ctx, []string{"replication lag"}, 0)
	if err != nil {
		return fmt.Errorf("asking the server that makes embeddings: %w", err)
	}
	e := embedderOf(l.models.served, len(probe[0]))
	next := encoders{Embedders: knowledge.Embedders{Main: e, CJK: e}, served: l.models.served}
	return l.replace(ctx, next)
}

// replace makes an index for other models, reads everything into it, and only then puts it in place.
func (l *librarian) replace(ctx context.Context, next encoders) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	x := l.newIndex(next)
	if err := l.sync(ctx, x); err != nil {
		return err
	}
	l.index.Store(x)
	l.models = next
	l.note(func(s *bot.Shelves) { s.Models, s.Without = next.told(), next.without })
	return nil
}

// encode gives new passages their vectors until the context ends. Meanwhile words decide.
func (l *librarian) encode(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
		}
		again, done := l.encodeAll(ctx)
		l.rest(ctx)
		if done {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(again):
		case <-l.changed:
		}
		l.poke()
	}
}

// rest gives back what reading and loading left of memory, which is as much as stays, unless a run moves.
func (l *librarian) rest(ctx context.Context) {
	err := l.store.Read(ctx, func(r *store.Reader) error { return still(ctx, r) })
	if err == nil {
		debug.FreeOSMemory()
	}
	l.spare()
}

// spare has garbage collected as often as what is in memory now wants it.
func (l *librarian) spare() {
	if l.collect {
		collectFor()
	}
}

// poke has the passages looked at again.
func (l *librarian) poke() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// encodeAll encodes with every model; false: it is to be tried again, after a while.
func (l *librarian) encodeAll(ctx context.Context) (after time.Duration, done bool) {
	if l.models.served != nil && l.models.Main == nil {
		if err := l.meet(ctx); err != nil {
			if ctx.Err() == nil {
				l.log.Error("words alone decide what is found in the runbooks; it is tried again", "error", err)
				l.note(func(s *bot.Shelves) { s.Without = err.Error() })
			}
			return modelRetry, false
		}
	}
	var failed error
	l.models.each(func(lang string, e *knowledge.Embedder) { failed = errors.Join(failed, l.encodeWith(ctx, e, lang)) })
	if failed == nil && ctx.Err() == nil {
		if err := l.tidy(ctx); err != nil && ctx.Err() == nil {
			l.log.Error("letting go of vectors of passages that are gone; it is tried again", "error", err)
		}
	}
	if l.models.served != nil && llm.KindOf(failed) == llm.Mismatch { // it makes others now: everything is encoded anew
		if err := l.replace(ctx, encoders{served: l.models.served, without: "the server's embeddings have changed"}); err != nil && ctx.Err() == nil {
			l.log.Error("reading the runbooks for another model; it is tried again", "error", err)
		}
	}
	if errors.Is(failed, errFollows) {
		return indexerLooks, false
	}
	return modelRetry, failed == nil
}

// encodeWith has passages encoded by this process if it leads, and takes what the one that leads has made
// if it follows.
func (l *librarian) encodeWith(ctx context.Context, e *knowledge.Embedder, lang string) error {
	tell := func(change func(*bot.Model)) {
		l.note(func(s *bot.Shelves) {
			for i := range s.Models {
				if s.Models[i].For == lang {
					change(&s.Models[i])
				}
			}
		})
	}
	x, of := l.index.Load(), l.State().Passages
	err := x.Recall(ctx, e)
	if err == nil && x.Missing(e)+x.Unkept(e) > 0 {
		err = l.writes.keep(ctx)
	}
	if err == nil {
		err = x.Embed(ctx, e, func(done, missing int) {
			tell(func(m *bot.Model) { m.Done, m.Of, m.Trouble = of-missing+done, of, "" })
			l.giveWay(ctx, done)
		})
	}
	if ctx.Err() != nil {
		return nil
	}
	left := x.Missing(e)
	if left == 0 && errors.Is(err, errFollows) { // what was made here is kept once this process leads
		err = nil
	}
	tell(func(m *bot.Model) {
		m.Done, m.Of, m.Trouble = of-left, of, ""
		if err != nil && !errors.Is(err, errFollows) {
			m.Trouble = err.Error()
		}
	})
	if err != nil && !errors.Is(err, errFollows) && ctx.Err() == nil {
		l.log.Error("encoding runbooks; words alone decide meanwhile, and it is tried again", "model", e.Name, "error", err)
	}
	return err
}

// tidy lets go of vectors of passages that no runbook has any more, once a day: a text that comes back
// soon needs no encoding.
func (l *librarian) tidy(ctx context.Context) error {
	now := l.clock.Now()
	if now.Before(l.tidyAt) {
		return nil
	}
	x, alive := l.index.Load(), map[string]bool{}
	for _, passages := range x.All() {
		for _, p := range passages {
			alive[p.Digest] = true
		}
	}
	var names map[string][]string
	err := l.store.Read(ctx, func(r *store.Reader) (err error) {
		names, err = r.VectorNames(ctx)
		return err
	})
	l.models.each(func(_ string, e *knowledge.Embedder) {
		gone := slices.DeleteFunc(names[e.Digest], func(passage string) bool { return alive[passage] })
		for some := range slices.Chunk(gone, tidyAtOnce) {
			err = errors.Join(err, l.writes.write(ctx, func(tx *store.Tx) error { return tx.DropVectors(ctx, e.Digest, some) }))
		}
	})
	l.tidyAt = now.Add(tidyEvery)
	if errors.Is(err, errFollows) {
		return nil
	}
	return err
}

// giveWay waits while a run moves: processors belong to it.
func (l *librarian) giveWay(ctx context.Context, done int) {
	for done%encodedAtOnce == 0 && ctx.Err() == nil {
		if err := l.store.Read(ctx, func(r *store.Reader) error { return still(ctx, r) }); !errors.Is(err, errLater) {
			return
		}
		_ = l.writes.keep(ctx) // nobody else is to begin meanwhile; whoever lost the lease finds out at the next saving
		select {
		case <-ctx.Done():
		case <-l.clock.After(encodeLater):
		}
	}
}
