package bot

import (
	"context"
	"slices"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// changed draws a request's form anew for the plan and mode that were chosen in it. Nothing is done by it.
func (t *turn) changed(ctx context.Context) (Reply, error) {
	p, err := t.bot.recall(ctx, t.in)
	if err != nil {
		return Reply{}, t.refusePress(ctx, p, err)
	}
	if p.Verb != dr.VerbRequest {
		return Reply{}, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	}
	return t.requestFor(ctx, wish{plan: t.in.Values["plan"], mode: dr.Mode(t.in.Values["mode"]), situation: p.Situation})
}

// outlook says what is known beforehand of a request: what would move and where its systems are now, who
// has to agree, and what the newest checks of these systems found. The checks themselves are made once the
// run is asked for. Nothing chosen yet, or files that cannot be compiled, say nothing: the request is refused
// with the reason.
func (t *turn) outlook(ctx context.Context, plan string, mode dr.Mode) []Part {
	if plan == "" {
		return nil
	}
	if mode == "" {
		mode = dr.Rehearsal
	}
	s, err := t.cat.Compile(catalog.Selection{Plan: plan, Mode: mode})
	if err != nil {
		return nil
	}
	var ids []string
	for _, sys := range s.Systems {
		ids = append(ids, sys.ID)
	}
	f := []Fact{{t.say("bot_f_way", nil), t.site(s.From) + " → " + t.site(s.To)}, {t.say("bot_f_systems", nil), t.few(ids)}, {t.say("bot_c_steps", nil), number(len(s.Steps))}}
	if mode != dr.Rehearsal {
		f = append(f, Fact{t.say("bot_f_people", nil), t.say("bot_plan_people", dr.Args{"need": number(s.Rule.Quorum()), "people": number(s.Rule.MinPeople), "codes": number(s.Rule.Codes)})})
	}
	places, err := t.bot.cfg.Engine.Placements(ctx)
	if err != nil {
		return []Part{facts(f...)}
	}
	var away []string
	for _, p := range places {
		if slices.Contains(ids, p.System) && p.Site != s.From {
			away = append(away, p.System)
		}
	}
	if len(away) > 0 {
		f = append(f, Fact{"⚠ " + t.say("bot_c_at", nil), t.say("bot_outlook_away", dr.Args{"systems": t.few(away), "from": t.site(s.From)})})
	}
	return []Part{facts(append(f, t.lastChecks(ctx, ids)...)...)}
}

// lastChecks are what the newest preflight that looked at one of the systems found wanting.
func (t *turn) lastChecks(ctx context.Context, systems []string) []Fact {
	runs, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Limit: 20})
	if err != nil {
		return nil
	}
	touches := func(v fsm.View) bool {
		return slices.ContainsFunc(v.Systems, func(s fsm.SystemView) bool { return slices.Contains(systems, s.ID) })
	}
	i := slices.IndexFunc(runs, touches)
	if i < 0 {
		return []Fact{{t.say("bot_f_checks", nil), t.say("bot_outlook_unchecked", nil)}}
	}
	v, err := t.bot.cfg.Engine.View(ctx, t.by, runs[i].ID)
	if err != nil || len(v.Checks) == 0 {
		return nil
	}
	bad, at := []string{}, dr.Time{}
	for _, c := range v.Checks {
		if c.At.After(at.Time) {
			at = c.At
		}
		if !c.OK {
			bad = append(bad, c.ID)
		}
	}
	args := dr.Args{"n": number(len(v.Checks)), "run": v.ID, "time": t.clock(at, t.nonces.now), "bad": t.list(bad[:min(len(bad), 5)])}
	id := "bot_outlook_fine"
	if len(bad) > 0 {
		id = "bot_outlook_bad"
	}
	return []Fact{{t.say("bot_f_checks", nil), t.say(id, args)}}
}
