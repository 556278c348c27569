package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/prompts"
)

const (
	shortenMost  = 20 * time.Second // for one language
	shortenRest  = 5 * time.Second  // an advice stands before its words are worth a model's time
	shortenTries = 3                // of one situation, ever
	shortenFacts = 2                // one sentence is short already
)

// shorten puts facts into fewer words; what is not made of them alone does not come in.
func (w words) shorten(ctx context.Context, lang string, facts []string) (short string, err error) {
	ctx, cancel := context.WithTimeout(ctx, shortenMost)
	defer cancel()
	s := prompts.Shorten{Lang: lang, Facts: facts, Own: w.own}
	r, err := s.Render(prompts.Nonce())
	if err != nil {
		return "", err
	}
	_, err = w.model.Structured(ctx, llm.Request(r), nil, func(text string) (err error) {
		short, err = s.Read(text)
		return err
	})
	return short, err
}

// shortener has the why of an advice shortened, beside the loop and one situation at a time. The card is there
// long before: it says the same in our words, and is drawn anew when there are shorter ones.
type shortener struct {
	ask   func(ctx context.Context, lang string, facts []string) (string, error) // nil: there is no model
	langs []string

	mu    sync.Mutex
	busy  bool
	tries map[string]int
	kept  map[string]shorter
	work  sync.WaitGroup
}

// languages are those of the house; with files nobody can read, English.
func (a *App) languages() []string {
	c, err := a.Files.Catalog()
	if err != nil || len(c.Organisation().Languages) == 0 {
		return []string{locale.English}
	}
	return c.Organisation().Languages
}

// shorter are words for facts; when the facts change they are over.
type shorter struct {
	facts string
	texts map[string]string
}

// factsOf are the reasons of an advice as people read them.
func factsOf(org dr.Organisation, lang string, x dr.Situation) (out []string) {
	for _, c := range x.Advice.Why {
		out = append(out, bot.ClueText(org, lang, c))
	}
	return out
}

func factsKey(org dr.Organisation, x dr.Situation) string {
	return strings.Join(factsOf(org, locale.English, x), "\n")
}

// shown is a situation as it is kept for readers: with shorter words where there are some that still hold. Its
// version counts these, too.
func (w *watch) shown(x dr.Situation) dr.Situation {
	w.short.mu.Lock()
	defer w.short.mu.Unlock()
	x.Version *= 2
	if s, ok := w.short.kept[x.ID]; ok && going(x) && s.facts == factsKey(w.house.Organisation(), x) {
		x.Short = s.texts
		x.Version++
	}
	return x
}

// recall takes the words over that a situation was stored with.
func (w *watch) recall(x dr.Situation) {
	if len(x.Short) == 0 {
		return
	}
	w.short.mu.Lock()
	defer w.short.mu.Unlock()
	w.short.kept[x.ID] = shorter{factsKey(w.house.Organisation(), x), x.Short}
}

// word sees to it that the newest advice that stands for a moment is put into shorter words.
func (w *watch) word(ctx context.Context) {
	if w.short.ask == nil {
		return
	}
	for _, x := range slices.Backward(w.engine.Situations()) {
		if x.State == "open" && len(x.Advice.Why) >= shortenFacts && w.clock.Now().Sub(x.Advice.At.Time) >= shortenRest && w.short.begin(x.ID, factsKey(w.house.Organisation(), x)) {
			org := w.house.Organisation()
			w.short.work.Go(func() { w.shortenOne(ctx, org, x) })
			return
		}
	}
}

// begin says whether a situation's words are to be asked for now.
func (s *shortener) begin(id, facts string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy || s.kept[id].facts == facts || s.tries[id] >= shortenTries {
		return false
	}
	s.busy = true
	s.tries[id]++
	return true
}

// shortenOne asks in each language of the house. What a model does not manage stays in our words; why is
// logged where it is asked.
func (w *watch) shortenOne(ctx context.Context, org dr.Organisation, x dr.Situation) {
	texts := map[string]string{}
	for _, lang := range w.short.langs {
		if short, err := w.short.ask(ctx, lang, factsOf(org, lang, x)); err == nil {
			texts[lang] = short
		}
	}
	w.short.mu.Lock()
	w.short.busy = false
	if len(texts) > 0 {
		w.short.kept[x.ID] = shorter{factsKey(org, x), texts}
	}
	w.short.mu.Unlock()
	w.heard()
}

// forget lets go of words nobody reads any more.
func (s *shortener) forget(over func(id string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.tries {
		if over(id) {
			delete(s.tries, id)
			delete(s.kept, id)
		}
	}
}
