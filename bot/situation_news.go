package bot

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	sitRedraw  = dr.Millis(3000)           // between two drawings of one card: a storm moves it every moment
	sitMost    = 50                        // situations looked after at once in one place
	remindTime = dr.Millis(15 * 60 * 1000) // between two reminders
	remindMost = 3                         // of one situation in one place, ever
)

// patience is the least time between two drawings that the surface does not ask for itself.
func (m told) patience() dr.Millis {
	if m.Situation != "" {
		return sitRedraw
	}
	return 0
}

// goingOn are the situations that are open, read before the narrator's own transaction. Where they cannot be
// read the news of runs goes on without them.
func (n *Narrator) goingOn(ctx context.Context) []dr.Situation {
	if n.bot.cfg.Situations == nil {
		return nil
	}
	all, err := n.bot.cfg.Situations.List(ctx, false)
	switch {
	case err == nil:
		n.blind = ""
	case ctx.Err() == nil && err.Error() != n.blind:
		n.blind = err.Error()
		n.bot.cfg.Log.WarnContext(ctx, "situations cannot be read; their cards stay as they are", "place", n.name, "error", err)
	}
	return all[:min(len(all), sitMost)]
}

// Marks of one place about one situation are kept as cursors: what was drawn last, how often people were
// reminded, and whether they want to be.
func (n *Narrator) drawnMark(id string) string  { return n.name + "/drawn/" + id }
func (n *Narrator) remindMark(id string) string { return n.name + "/reminded/" + id }
func mutedMark(place, id string) string         { return place + "/muted/" + id }

// behind says whether a card shows less than is known, or people are to be reminded.
func (n *Narrator) behind(ctx context.Context, r *store.Reader, open []dr.Situation) (bool, error) {
	for _, s := range open {
		if moved, err := n.moved(ctx, r, s); err != nil || moved {
			return moved, err
		}
		if due, err := n.remindDue(ctx, r, s); err != nil || due > 0 {
			return due > 0, err
		}
	}
	return false, nil
}

// moved says whether a situation that has a card here is not the one drawn last.
func (n *Narrator) moved(ctx context.Context, r *store.Reader, s dr.Situation) (bool, error) {
	drawn, err := r.Cursor(ctx, n.drawnMark(s.ID))
	if err != nil {
		return false, err
	}
	now, err := drawnAs(ctx, r, s)
	if err != nil || drawn == now {
		return false, err
	}
	_, err = r.Outbox(ctx, n.boardKey(s.ID))
	if dr.KindOf(err) == dr.NotFound {
		return false, nil
	}
	return err == nil, err
}

// remindDue is the number of the reminder that is due; 0: none is. While nobody has acted on a plan that is
// recommended there is one each quarter of an hour, and three in all; those that fell into a time when nobody
// could be told are not made up for.
func (n *Narrator) remindDue(ctx context.Context, r *store.Reader, s dr.Situation) (int64, error) {
	if s.State != sitOpen || s.Advice.Verdict != dr.Recommend || !advised(s) {
		return 0, nil
	}
	due := min(int64(n.bot.cfg.Clock.Time().Since(s.Advice.At)/remindTime), remindMost)
	sent, err := r.Cursor(ctx, n.remindMark(s.ID))
	if err != nil || due <= sent {
		return 0, err
	}
	muted, err := r.Cursor(ctx, mutedMark(n.name, s.ID))
	if err != nil || muted > 0 {
		return 0, err
	}
	run, err := Carrying(ctx, r, s)
	if err != nil || run != nil {
		return 0, err
	}
	return due, nil
}

// Carrying is the open run of the plan a situation's advice names, whoever asked for it and why; nil: there is none.
func Carrying(ctx context.Context, r *store.Reader, s dr.Situation) (*dr.Run, error) {
	if !advised(s) {
		return nil, nil //nolint:nilnil // nothing to carry out
	}
	open, err := r.Runs(ctx, store.Filter{States: openStates()})
	i := slices.IndexFunc(open, func(run dr.Run) bool { return run.Mode != dr.Rehearsal && run.Plan == s.Advice.Plan })
	if err != nil || i < 0 {
		return nil, err
	}
	return &open[i], nil
}

// drawnAs is what a card shows as a number: the version of the situation, and the run that carries its plan out.
func drawnAs(ctx context.Context, r *store.Reader, s dr.Situation) (int64, error) {
	run, err := Carrying(ctx, r, s)
	if err != nil || run == nil {
		return s.Version, err
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, run.ID+"/"+string(run.State))
	return s.Version + int64(h.Sum32()>>1)<<32, nil
}

// keepUp queues what situations want without a row of the journal: a card that has moved on, and reminders.
func (s *scribe) keepUp(ctx context.Context, open []dr.Situation) error {
	for _, one := range open {
		if err := s.keepUpOne(ctx, one); err != nil {
			return fmt.Errorf("telling of situation %s: %w", one.ID, err)
		}
	}
	return nil
}

func (s *scribe) keepUpOne(ctx context.Context, one dr.Situation) error {
	moved, err := s.n.moved(ctx, &s.tx.Reader, one)
	if err != nil {
		return err
	}
	if moved {
		if err := s.wall(ctx, one.ID, told{Situation: one.ID}, s.now.Micros(), s.now); err != nil {
			return err
		}
		drawn, err := drawnAs(ctx, &s.tx.Reader, one)
		if err != nil {
			return err
		}
		if err := s.tx.SetCursor(ctx, s.n.drawnMark(one.ID), drawn); err != nil {
			return err
		}
	}
	due, err := s.n.remindDue(ctx, &s.tx.Reader, one)
	if err != nil || due == 0 {
		return err
	}
	c, err := s.n.bot.cfg.Catalog()
	if err != nil {
		return err
	}
	v := s.n.bot.voice(c.Organisation(), s.n.place.Lang)
	card := each(v.lang, s.n.place.Each, func(lang string) Card { return v.in(lang).reminder(one, int(due)) })
	key := fmt.Sprintf("%s/situation/%s/remind/%d", s.n.name, one.ID, due)
	if err := s.put(ctx, key, kindPost, dr.Row{At: s.now, Run: one.ID}, told{Card: card}); err != nil {
		return err
	}
	return s.tx.SetCursor(ctx, s.n.remindMark(one.ID), due)
}

// situation queues the card of a milestone's situation, and what is told below it.
func (s *scribe) situation(ctx context.Context, v voice, row dr.Row) error {
	d, err := read[dr.SituationData](row)
	if err != nil || d.ID == "" {
		return nil // a newer version's, or nobody's
	}
	if err := s.wall(ctx, d.ID, told{Situation: d.ID}, row.Seq, row.At); err != nil {
		return err
	}
	card := each(v.lang, s.n.place.Each, func(lang string) Card { return v.in(lang).milestone(row, d) })
	if len(card.Parts) == 0 {
		return nil
	}
	row.Run = d.ID // what is told about one situation keeps its order
	return s.put(ctx, s.key(row.Seq, string(row.Kind)), kindPost, row, told{Card: card})
}

// drawSituation draws the card of what is going on, from what is known now.
func (n *Narrator) drawSituation(ctx context.Context, o store.Outgoing) (Ref, error) {
	if n.bot.cfg.Situations == nil {
		return n.boardRef(ctx, o.Run)
	}
	s, err := n.bot.cfg.Situations.Get(ctx, o.Run)
	if dr.KindOf(err) == dr.NotFound { // it is not kept any more; what hangs there stays
		return n.boardRef(ctx, o.Run)
	}
	if err != nil {
		return "", fmt.Errorf("drawing the card of %s: %w", o.Run, err)
	}
	c, err := n.bot.cfg.Catalog()
	if err != nil {
		return "", dr.Errorf(dr.Unavailable, "drawing the card of %s: %w", o.Run, err)
	}
	e := easel{voice: n.bot.voice(c.Organisation(), n.place.Lang), nonces: n.bot.nonces(), surface: n.place.Surface, dest: n.place.Dest}
	q := Question{Channel: first(n.place.Channel, n.place.Dest), Lang: e.lang}
	seen, err := n.bot.seen(ctx, s, n.name, q, c)
	if err != nil {
		return "", err
	}
	card := each(e.lang, n.place.Each, func(lang string) Card { return e.to(lang).situation(seen) })
	if err := e.nonces.keep(ctx, n.bot.cfg.Store); err != nil {
		return "", err
	}
	return n.hang(ctx, o, card)
}

// seen gathers what a card of a situation shows besides the situation.
func (b *Bot) seen(ctx context.Context, s dr.Situation, place string, q Question, c *catalog.Catalog) (seenSituation, error) {
	seen := seenSituation{Situation: s, now: b.cfg.Clock.Time()}
	seen.plan, _ = c.Plan(s.Advice.Plan)
	err := b.cfg.Store.Read(ctx, func(r *store.Reader) error {
		muted, err := r.Cursor(ctx, mutedMark(place, s.ID))
		if err != nil {
			return err
		}
		seen.muted = muted > 0
		seen.run, err = Carrying(ctx, r, s)
		return err
	})
	if err != nil || b.cfg.Library == nil || over(s) {
		return seen, err
	}
	signals, err := b.cfg.Situations.Signals(ctx, s.ID)
	if err != nil {
		return seen, err
	}
	seen.books, err = b.cfg.Library.Fitting(ctx, q, s, signals)
	return seen, err
}

// milestone words a row about a situation; a card without parts says nothing: the card of the situation does.
func (v voice) milestone(row dr.Row, d dr.SituationData) Card {
	c := v.card("news", "", v.org.Environment)
	broken := v.broken(d.Entity, d.Fault)
	args := dr.Args{"broken": broken, "plan": d.Plan, "percent": percent(d.Confidence), "others": v.list(d.Others), "actor": v.person(row.Actor)}
	switch d.Event {
	case "named":
		c.add(title(Warn, v.say("situation_n_named", args)))
	case "advised":
		v.advisedNews(&c, d, args)
	case "merged":
		c.add(title(Calm, v.say("situation_n_merged", args)))
	case "merged_into":
		c.add(title(Calm, v.say("situation_n_merged_into", args)))
	case "split":
		c.add(title(Warn, v.say("situation_n_split", args)))
	case "reopened":
		c.add(title(Warn, v.say("situation_n_reopened", args)))
	case "quiet":
		if d.Verdict == dr.Recommend || d.Verdict == dr.Possible {
			c.add(title(Calm, v.say("situation_n_quiet", args)))
		}
	case "closed":
		args["broken"] = v.wasBroken(d.Entity, d.Fault)
		c.add(title(Good, v.say("situation_n_closed", args)))
	case "answered":
		id := "situation_n_take_back"
		if d.Answer == NotThis {
			id = "situation_n_not_this"
		}
		c.add(title(Calm, v.say(id, args)))
	}
	if len(c.Parts) > 0 {
		c.add(footnote(v.say("situation_n_foot", dr.Args{"situation": d.ID, "time": v.clock(row.At, dr.Time{})})))
	}
	return c.Fit()
}

func (v voice) advisedNews(c *Card, d dr.SituationData, args dr.Args) {
	switch d.Verdict {
	case dr.Recommend:
		c.add(title(Urgent, v.say("situation_n_recommend", args)), text(v.say("situation_n_recommend_next", nil)))
	case dr.Possible:
		c.add(title(Warn, v.say("situation_n_possible", args)))
	case dr.NoneFits:
		if d.Fault == dr.FaultUnprotected {
			return // its card says that it is expected
		}
		c.add(title(Warn, v.say("situation_n_none", nil)))
	}
}

// reminder says that a plan is recommended and nobody has acted.
func (v voice) reminder(s dr.Situation, n int) Card {
	c := v.card("news", "", v.org.Environment)
	c.add(title(Urgent, v.say("situation_n_remind", dr.Args{"broken": v.broken(s.Entity, s.Fault)})),
		text(v.say("situation_n_remind_next", dr.Args{"plan": s.Advice.Plan, "time": v.clock(s.Advice.At, dr.Time{}), "n": number(n), "most": number(remindMost)})))
	c.add(footnote(s.ID))
	return c.Fit()
}
