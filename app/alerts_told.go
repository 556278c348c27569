package app

import (
	"context"
	"slices"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

const (
	toldSignals    = 500  // of one situation
	noiseLooked    = 5000 // signals looked through for noise
	unresolvedMost = 200
)

// reading is what others read of situations. Everything comes from the store, so that every server answers the
// same, whichever of them watches.
func (w *watch) reading() *bot.Situations {
	return &bot.Situations{List: w.list, Get: w.get, Signals: w.signals, Noise: w.noise, Answer: w.answer, Unresolved: w.unresolved}
}

func (w *watch) list(ctx context.Context, all bool) (out []dr.Situation, err error) {
	err = w.store.Read(ctx, func(r *store.Reader) (err error) {
		out, err = r.Situations(ctx, all, situationMax)
		return err
	})
	return out, err
}

func (w *watch) get(ctx context.Context, id string) (x dr.Situation, err error) {
	err = w.store.Read(ctx, func(r *store.Reader) (err error) {
		x, err = r.Situation(ctx, id)
		return err
	})
	if dr.KindOf(err) == dr.NotFound {
		err = &dr.Error{Kind: dr.NotFound, ID: "no_such_situation", Args: dr.Args{"situation": id}}
	}
	return x, err
}

// signals are those of a situation, the oldest first; of very many the newest.
func (w *watch) signals(ctx context.Context, id string) (out []dr.Signal, err error) {
	x, err := w.get(ctx, id)
	if err != nil {
		return nil, err
	}
	keys := x.Keys[max(0, len(x.Keys)-toldSignals):]
	err = w.store.Read(ctx, func(r *store.Reader) (err error) {
		out, err = r.SignalsOf(ctx, keys)
		return err
	})
	slices.SortFunc(out, func(a, b dr.Signal) int { return int(a.Seq - b.Seq) })
	return out, err
}

// noise are alerts that came in while a situation lasted and belong to none.
func (w *watch) noise(ctx context.Context, id string) (out []dr.Signal, err error) {
	x, err := w.get(ctx, id)
	if err != nil {
		return nil, err
	}
	until := x.EndedAt
	if until.IsZero() {
		until = w.clock.Time()
	}
	err = w.store.Read(ctx, func(r *store.Reader) error {
		out = nil
		came, err := r.AlertsBetween(ctx, x.FirstAt, until, noiseLooked)
		if err != nil {
			return err
		}
		situations, err := r.Situations(ctx, true, situationMax)
		if err != nil {
			return err
		}
		belongs := map[string]bool{}
		for _, y := range situations {
			for _, key := range y.Keys {
				belongs[printKey(key)] = true
			}
		}
		for _, s := range came {
			if s.Status == dr.Firing && !belongs[printKey(s.Key)] && len(out) < toldSignals {
				out = append(out, s)
			}
		}
		return nil
	})
	return out, err
}

// unresolved are alerts that fire and whose labels name nothing of the organisation, the newest first.
func (w *watch) unresolved(ctx context.Context) (out []dr.Signal, err error) {
	c, err := w.files()
	if err != nil {
		return nil, err
	}
	topology := alerts.NewTopology(c.Organisation())
	err = w.store.Read(ctx, func(r *store.Reader) error {
		out = nil
		firing, err := r.Firing(ctx, "", noiseLooked)
		for _, s := range firing {
			if _, ok := topology.Resolve(s.Labels); !ok && len(out) < unresolvedMost {
				out = append(out, s)
			}
		}
		return err
	})
	return out, err
}

// answer keeps what somebody says of an advice, in the order of the signals, and for whoever fits weights
// anew.
func (w *watch) answer(ctx context.Context, by dr.Actor, id, said string) error {
	x, err := w.get(ctx, id)
	if err != nil {
		return err
	}
	if !going(x) {
		return &dr.Error{Kind: dr.Conflict, ID: "situation_over", Args: dr.Args{"situation": id}}
	}
	s := alerts.Answered(id, said, w.clock.Time())
	s.By = by.Person
	s.Labels["surface"] = by.Surface
	err = w.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.PutSignals(ctx, []dr.Signal{s}); err != nil {
			return err
		}
		return tx.PutSituationAnswer(ctx, store.SituationAnswer{Situation: x, At: s.At, Person: by.Person, Answer: said})
	})
	if err == nil {
		w.heard()
	}
	return err
}

// hooksOf are the sources of the settings as the edge takes them.
func hooksOf(cfg *config.Config) []web.Hook {
	var out []web.Hook
	for _, h := range cfg.AllHooks() {
		if !h.Secret.Empty() {
			out = append(out, web.Hook{Kind: h.Kind, Name: h.Name, Secret: h.Secret.Reveal()})
		}
	}
	return out
}

func hookSource(h config.Hook) string { return web.Hook{Kind: h.Kind, Name: h.Name}.Source() }

// printKey is source and fingerprint of a key.
func printKey(key string) string { return printOf(dr.Signal{Key: key}) }

// health says how the sources that are asked fare.
func (w *watch) health() web.Health {
	out := web.Health{Name: "alerts", OK: true, Configured: len(w.pulls) > 0}
	for _, p := range w.pulls {
		if t := p.trouble.Load(); t != nil && out.OK {
			out.OK, out.Since, out.Text = false, t.since, p.source+" does not answer: "+t.text
		}
	}
	return out
}
