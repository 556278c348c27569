package bot

import (
	"context"
	"net/url"
	"slices"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

const (
	homeRuns       = 8 // runs shown with their buttons
	homeButtons    = 4 // buttons for one run
	homeSituations = 3
	homeLooked     = 500 // runs looked at for the last drill of a plan
)

// Wanted lists the verbs a run may be waiting for somebody to use, the most pressing first. Verbs that
// merely are allowed, such as pause, ask for nobody.
func Wanted(v fsm.View) []dr.Verb {
	switch v.State {
	case dr.AwaitingApproval:
		return []dr.Verb{dr.VerbAccept, dr.VerbApprove}
	case dr.AwaitingCode:
		if v.CodeLive {
			return []dr.Verb{dr.VerbAccept, dr.VerbStart}
		}
		return []dr.Verb{dr.VerbAccept, dr.VerbIssue}
	case dr.Running, dr.Verifying, dr.RollingBack:
		return []dr.Verb{dr.VerbAccept, dr.VerbDecide, dr.VerbDone, dr.VerbContinue, dr.VerbForce}
	case dr.Paused:
		return []dr.Verb{dr.VerbAccept, dr.VerbDecide, dr.VerbDone, dr.VerbContinue, dr.VerbRetry, dr.VerbForce, dr.VerbResume}
	case dr.AtStandby:
		return []dr.Verb{dr.VerbAccept, dr.VerbSwitchback}
	}
	return []dr.Verb{dr.VerbAccept}
}

// NeedsOf are the verbs a run waits for this reader of it to use.
func NeedsOf(v fsm.View) (mine []dr.Verb) {
	for _, verb := range Wanted(v) {
		if slices.Contains(v.Verbs, verb) && (verb != dr.VerbForce || v.Force != nil) {
			mine = append(mine, verb)
		}
	}
	return mine
}

// Succeeded says whether a run did what its plan is for: it moved and proved everything.
func Succeeded(v fsm.View) bool {
	if v.State == dr.AtStandby {
		return true
	}
	return (v.State == dr.Closed || v.State == dr.ClosedWithExceptions) && v.Verdict != "failed"
}

// seenRun is an open run as its reader may use it.
type seenRun struct {
	view  fsm.View
	slice *dr.Slice
	needs []dr.Verb
}

// home answers who opened the bot's own page: what waits for them, what is under way, and how ready the
// house is.
func (t *turn) home(ctx context.Context) (Reply, error) {
	open, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Open: true, Limit: maxRows})
	if err != nil {
		return Reply{}, err
	}
	var runs []seenRun
	for _, one := range open {
		r, s, err := t.look(ctx, one.ID)
		if err != nil {
			return Reply{}, err
		}
		runs = append(runs, seenRun{r, s, NeedsOf(r)})
	}
	slices.SortStableFunc(runs, func(a, b seenRun) int { return min(len(b.needs), 1) - min(len(a.needs), 1) })
	places, err := t.bot.cfg.Engine.Placements(ctx)
	if err != nil {
		return Reply{}, err
	}
	past, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Limit: homeLooked})
	if err != nil {
		return Reply{}, err
	}
	going, err := t.goingOn(ctx)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Card: t.each(func(e easel) Card { return e.home(going, runs, places, t.cat.Plans(), lastDrills(past), t.nonces.now) })}, nil
}

// lastDrills are the newest drills of each plan that went well; runs come newest first.
func lastDrills(runs []fsm.View) map[string]fsm.View {
	last := map[string]fsm.View{}
	for _, v := range runs {
		if _, known := last[v.Plan]; !known && (v.Mode == dr.Drill || v.Mode == dr.SurpriseDrill) && v.State.Started() && Succeeded(v) {
			last[v.Plan] = v
		}
	}
	return last
}

// home draws the bot's own page for one person.
func (e easel) home(going []dr.Situation, runs []seenRun, places []dr.Placement, plans []catalog.PlanInfo, drills map[string]fsm.View, now dr.Time) Card {
	c := e.card("home", "", e.org.Environment)
	needs := 0
	for _, r := range runs {
		needs += min(len(r.needs), 1)
	}
	if needs > 0 {
		c.add(title(Warn, e.say("bot_home_needs", dr.Args{"n": number(needs)})))
	} else {
		mood := Good
		if len(going) > 0 {
			mood = Warn
		}
		c.add(title(mood, e.say("bot_home_nothing", nil)))
	}
	if len(runs) == 0 {
		c.add(text(e.say("bot_status_none", nil)))
	}
	for _, s := range going[:min(len(going), homeSituations)] {
		c.add(text(e.homeSituation(s)), buttons(e.link("situation@"+s.ID, e.say("bot_open", nil), "situations/"+url.PathEscape(s.ID))))
	}
	for _, r := range runs[:min(len(runs), homeRuns)] {
		c.add(text(e.homeLine(r)), buttons(e.homeButtons(r)...))
	}
	if more := len(runs) - homeRuns; more > 0 {
		c.add(text(e.say("bot_home_more", dr.Args{"n": number(more)})))
	}
	c.add(e.placeTable(places, now), e.readiness(plans, drills, now), buttons(e.link("now", e.say("bot_open", nil), "now")))
	c.add(footnote(e.say("bot_as_of", dr.Args{"time": e.clock(now, dr.Time{}), "zone": e.zone.String()})))
	return c.Fit()
}

// homeLine is one run: what it is, where it stands, what it waits for.
func (e easel) homeLine(r seenRun) string {
	v := r.view
	head := join(" · ", v.Title, e.word("mode", string(v.Mode)), e.word("state", string(v.State)), number(v.Progress.Done)+"/"+number(v.Progress.Total), v.ID)
	if len(r.needs) > 0 {
		head = e.say("bot_home_you", dr.Args{"what": e.label(r.needs[0])}) + "\n" + head
	}
	return join("\n", head, e.wants(v))
}

// homeButtons are what this person is waited for with, then what else they may do about the whole run.
func (e easel) homeButtons(r seenRun) []Action {
	var out []Action
	steps := e.stepButtons(r.view, r.slice, r.needs)
	whole := e.verbs(r.view, r.slice, r.needs)
	others := e.verbs(r.view, r.slice, slices.DeleteFunc(slices.Clone(r.view.Verbs), func(v dr.Verb) bool { return slices.Contains(r.needs, v) }))
	for _, a := range slices.Concat(whole, steps, others) {
		if len(out) == homeButtons {
			break
		}
		a.ID += "@" + r.view.ID // several runs stand on one page
		out = append(out, a)
	}
	return append(out, Action{ID: "open@" + r.view.ID, Kind: ActLink, Label: e.say("bot_open", nil), URL: e.console + "/#/run/" + r.view.ID})
}

// readiness says of each plan when a drill of it last went well.
func (e easel) readiness(plans []catalog.PlanInfo, drills map[string]fsm.View, now dr.Time) Part {
	var rows [][]string
	for _, p := range plans {
		when, run := e.say("bot_home_never", nil), ""
		if v, ok := drills[p.ID]; ok {
			when, run = e.clock(v.Clocks.Started, now), v.ID
		}
		rows = append(rows, []string{p.Title, when, run})
	}
	return table([]string{e.say("bot_c_plan", nil), e.say("bot_c_drill", nil), e.say("bot_c_run", nil)}, rows)
}
