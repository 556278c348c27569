package bot

import (
	"context"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// situationOr answers `/dr situation`: the list, one of them, or its noise.
func (t *turn) situationOr(ctx context.Context, c typed) (Reply, error) {
	if t.bot.cfg.Situations == nil {
		return Reply{Card: t.each(func(e easel) Card { return e.unwatched() })}, nil
	}
	id := strings.ToLower(clipLine(c.get("situation"), 60))
	if id == "" {
		all, err := t.bot.cfg.Situations.List(ctx, true)
		if err != nil {
			return Reply{}, err
		}
		lost, err := t.bot.cfg.Situations.Unresolved(ctx)
		if err != nil {
			return Reply{}, err
		}
		return Reply{Card: t.each(func(e easel) Card { return e.situations(all, lost, t.nonces.now) })}, nil
	}
	if strings.EqualFold(strings.TrimSpace(c.get("text")), "noise") {
		return t.showNoise(ctx, id)
	}
	return t.showSituation(ctx, id)
}

// situationOf reads a situation for somebody who asks.
func (t *turn) situationOf(ctx context.Context, id string) (dr.Situation, error) {
	if t.bot.cfg.Situations == nil {
		return dr.Situation{}, noSuchSituation(id)
	}
	s, err := t.bot.cfg.Situations.Get(ctx, id)
	if dr.KindOf(err) == dr.NotFound {
		err = noSuchSituation(id)
	}
	return s, err
}

func noSuchSituation(id string) error {
	return &dr.Error{Kind: dr.NotFound, ID: "no_such_situation", Args: dr.Args{"situation": clipLine(id, 60)}}
}

// showSituation draws one for this person, with the runbooks whoever reads it here may see.
func (t *turn) showSituation(ctx context.Context, id string) (Reply, error) {
	s, err := t.situationOf(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	q := t.question("", "")
	if q.Company == InHouse {
		q.Company = Alone // the answer is this person's
	}
	seen, err := t.bot.seen(ctx, s, t.surface+"/"+t.dest, q, t.cat)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Own: true, Card: t.each(func(e easel) Card { return e.situation(seen) })}, nil
}

func (t *turn) showNoise(ctx context.Context, id string) (Reply, error) {
	s, err := t.situationOf(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	all, err := t.bot.cfg.Situations.Noise(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Own: true, Card: t.each(func(e easel) Card { return e.noise(s, all, t.nonces.now) })}, nil
}

// pressedSituation answers a button below a situation.
func (t *turn) pressedSituation(ctx context.Context, p press) (Reply, error) {
	switch p.Command {
	case "situation":
		return t.showSituation(ctx, p.Situation)
	case "noise":
		return t.showNoise(ctx, p.Situation)
	}
	s, err := t.situationOf(ctx, p.Situation)
	if err != nil {
		return Reply{}, err
	}
	if over(s) {
		return Reply{}, &dr.Error{Kind: dr.Conflict, ID: "situation_over", Args: dr.Args{"situation": s.ID}}
	}
	if p.Verb == dr.VerbRequest {
		return t.requestAbout(ctx, p, s)
	}
	if !t.maySay() {
		return Reply{}, t.refuse(ctx, "", "", "situation_answer", dr.Refuse("situation_not_yours", dr.Args{"person": t.voice.person(t.person)}))
	}
	switch p.Command {
	case "not_this":
		err = t.bot.cfg.Situations.Answer(ctx, t.by, s.ID, NotThis)
	case "take_back":
		err = t.bot.cfg.Situations.Answer(ctx, t.by, s.ID, "")
	case "mute", "unmute":
		err = t.mute(ctx, s.ID, p.Command == "mute")
	default:
		err = &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	}
	if err != nil {
		return Reply{}, err
	}
	return Reply{Own: true, Done: true, Card: t.each(func(e easel) Card {
		return e.said("done", "", Good, e.say("situation_said_"+p.Command, dr.Args{"situation": s.ID}))
	})}, nil
}

// maySay says whether somebody's word on an advice counts: whoever has a part in moving anything.
func (t *turn) maySay() bool {
	p, _ := t.org.Roster.Person(t.person)
	return slices.ContainsFunc([]dr.Role{dr.Requester, dr.Approver, dr.CodeIssuer, dr.Operator, dr.Commander, dr.Admin}, p.Has)
}

// mute ends the reminders of a situation in this place, or begins them again. Nothing outside hears of it.
func (t *turn) mute(ctx context.Context, id string, on bool) error {
	mark := int64(0)
	if on {
		mark = 1
	}
	return t.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		place := t.surface + "/" + t.dest
		if err := tx.SetCursor(ctx, mutedMark(place, id), mark); err != nil {
			return err
		}
		return tx.SetCursor(ctx, place+"/drawn/"+id, 0) // its card says so
	})
}

// requestAbout opens the request of the plan that is advised, with what is known filled in.
func (t *turn) requestAbout(ctx context.Context, p press, s dr.Situation) (Reply, error) {
	what := t.broken(s.Entity, s.Fault)
	if p.Mode != dr.Rehearsal { // the button may hang there since before the run was asked for
		var run *dr.Run
		err := t.bot.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
			run, err = Carrying(ctx, r, s)
			return err
		})
		if err == nil && run != nil && run.Plan == p.Plan {
			err = &dr.Error{Kind: dr.Conflict, ID: "situation_has_run", Args: dr.Args{"plan": p.Plan, "run": run.ID}}
		}
		if err != nil {
			return Reply{}, err
		}
	}
	return t.requestFor(ctx, wish{plan: p.Plan, mode: p.Mode, reason: t.say("situation_reason", dr.Args{"what": what, "situation": s.ID}), situation: s.ID})
}

// goingOn are the situations that are open, for a page of the whole.
func (t *turn) goingOn(ctx context.Context) ([]dr.Situation, error) {
	if t.bot.cfg.Situations == nil {
		return nil, nil
	}
	return t.bot.cfg.Situations.List(ctx, false)
}
