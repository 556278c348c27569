package bot

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
)

// command answers a typed line.
func (t *turn) command(ctx context.Context) (Reply, error) {
	text := strings.TrimSpace(t.in.Verb + " " + t.in.Args)
	c, refusal := parse(text)
	if refusal != nil {
		if t.in.Kind == Mention && (refusal.ID == "bot_command_unknown" || refusal.ID == "bot_command_typo") {
			return t.ask(ctx, text, "") // somebody speaks to the bot as to a colleague
		}
		return Reply{}, refusal
	}
	switch c.command.name {
	case "help":
		return t.help(ctx, c.get("text"))
	case "ask":
		return t.ask(ctx, c.get("text"), c.options["system"])
	case "plans":
		return t.plansOr(ctx, c)
	case "request":
		return t.request(ctx, c)
	case "situation":
		return t.situationOr(ctx, c)
	case "site":
		return t.ourSites(ctx, c)
	case "status":
		if c.get("run") == "" {
			return t.statusAll(ctx)
		}
		return t.status(ctx, c.get("run"))
	}
	run, err := t.runMeant(ctx, c)
	if err != nil {
		return Reply{}, err
	}
	if c.command.name == "report" {
		return t.report(ctx, run)
	}
	return t.verb(ctx, run, c)
}

// runMeant is the run named, or the only one it can be.
func (t *turn) runMeant(ctx context.Context, c typed) (string, error) {
	if run := c.get("run"); run != "" {
		return strings.ToLower(clipLine(run, 40)), nil
	}
	open, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Open: c.command.name != "report", Limit: 20})
	if err != nil {
		return "", err
	}
	if c.command.name == "report" && len(open) > 0 {
		return open[0].ID, nil
	}
	var ids []string
	for _, one := range open {
		ids = append(ids, one.ID)
	}
	switch len(ids) {
	case 0:
		return "", &dr.Error{Kind: dr.NotFound, ID: "bot_no_run", Args: dr.Args{"command": c.command.name}}
	case 1:
		return ids[0], nil
	}
	return "", &dr.Error{Kind: dr.Usage, ID: "bot_which_run", Args: dr.Args{"runs": t.list(ids), "command": c.command.name, "run": ids[0]}}
}

// verb answers a typed verb. Votes and starts are never text: they are offered as a button or form. What
// cannot be taken back is asked about first; everything else is done.
func (t *turn) verb(ctx context.Context, run string, c typed) (Reply, error) {
	r, s, err := t.look(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	verb := c.command.verb
	args := fsm.Args{Reason: c.reason(), Text: c.reason(), Step: c.get("step"), Verdict: strings.ToLower(c.get("verdict")), Check: c.get("check"),
		To: first(c.options["to"], c.args["person"]), Systems: commas(c.options["systems"]), Owner: c.options["owner"], Due: c.options["due"], Retest: c.options["retest"]}
	if args.To != "" {
		args.To = t.personMeant(args.To)
	}
	p := press{Act: doIt, Command: c.command.name, Verb: verb, Surface: t.surface, Dest: t.dest, Person: t.person, Step: args.Step, Args: &args}.at(r)
	switch {
	case verb == dr.VerbIssue:
		return Reply{Card: t.each(func(e easel) Card { return e.codeCard(r) })}, nil
	case verb == dr.VerbStart && r.State == dr.AwaitingCode && !r.CodeLive && r.Mode != dr.Rehearsal && !slices.Contains(r.Verbs, verb):
		return Reply{Card: t.each(func(e easel) Card { return e.codeCard(r) })}, nil // a code has to be issued first
	case !slices.Contains(r.Verbs, verb), ofStep(verb) && args.Step == "" && len(t.stepsOf(r, verb)) != 1:
		return t.tryAnyway(ctx, r, s, verb, args)
	case ofStep(verb) && args.Step == "":
		args.Step = t.stepsOf(r, verb)[0]
		p.Step = args.Step
		p = p.at(r)
	}
	if needsForm(verb, r, s) && !complete(verb, args) {
		return t.formFor(p, r, s)
	}
	if asks(verb, r) {
		return t.offer(p, r, s), nil
	}
	return t.do(ctx, p, r, args)
}

// complete says whether all that a form would ask was typed.
func complete(verb dr.Verb, a fsm.Args) bool {
	switch verb {
	case dr.VerbApprove, dr.VerbStart, dr.VerbOrder:
		return false
	case dr.VerbHandover:
		return a.To != ""
	case dr.VerbDecide:
		return a.Verdict != "" && a.Reason != ""
	case dr.VerbOverride:
		return a.Check != "" && a.Reason != ""
	}
	return strings.TrimSpace(a.Reason) != ""
}

// asks says which verbs a line of text never carries out by itself.
func asks(verb dr.Verb, r fsm.View) bool {
	switch verb {
	case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbAbort, dr.VerbRollback, dr.VerbForce, dr.VerbClose:
		return true
	case dr.VerbStart:
		return r.Mode == dr.Rehearsal
	}
	return false
}

// tryAnyway lets the engine say why a verb is not possible: its sentence knows best, and its row is
// written. Nothing a line of text may not do can come of it.
func (t *turn) tryAnyway(ctx context.Context, r fsm.View, s *dr.Slice, verb dr.Verb, args fsm.Args) (Reply, error) {
	if ofStep(verb) && args.Step == "" {
		if steps := t.stepsOf(r, verb); len(steps) > 1 {
			return Reply{}, &dr.Error{Kind: dr.Usage, ID: "bot_which_step", Args: dr.Args{"steps": t.list(steps[:min(len(steps), 8)]), "command": commandOf(verb), "run": r.ID, "step": steps[0]}}
		}
	}
	args.Code, args.Words, args.Confirmed = "", "", false
	if asks(verb, r) { // text never votes or starts, not even in a race; a start with a code is refused without one
		args.Version = r.Version
	}
	if verb == dr.VerbApprove || verb == dr.VerbDeny || verb == dr.VerbWithdraw || verb == dr.VerbStart {
		args.Nonce = r.Round.Nonce
	}
	v, err := t.bot.cfg.Engine.Do(ctx, t.by, r.ID, verb, args)
	if err != nil {
		return Reply{}, err
	}
	return t.done(ctx, verb, r, v, args.Step) // it has become possible between the two looks
}

// stepsOf lists the steps a verb could be about.
func (t *turn) stepsOf(r fsm.View, verb dr.Verb) (ids []string) {
	for _, s := range r.Steps {
		fits := false
		switch verb {
		case dr.VerbRetry:
			fits = s.State == dr.StepFail
		case dr.VerbSkip:
			fits = s.State == dr.StepFail || s.Kind == dr.ManualStep && s.State == dr.StepIntent
		case dr.VerbDecide:
			fits = s.State == dr.StepUnknown
		case dr.VerbDone:
			fits = s.Kind == dr.ManualStep && s.State == dr.StepIntent
		case dr.VerbContinue:
			fits = s.Hold && s.State == dr.StepBlocked && t.reached(r, s)
		}
		if fits {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// personMeant finds somebody by id or name.
func (t *turn) personMeant(name string) string {
	name = strings.TrimPrefix(name, "@")
	for _, p := range t.org.Roster.People {
		if strings.EqualFold(p.ID, name) || strings.EqualFold(p.Name, name) {
			return p.ID
		}
	}
	return name
}

func commas(s string) (out []string) {
	for one := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(", ，、", r) }) {
		out = append(out, one)
	}
	return out
}

// offer asks back with the one button that does it.
func (t *turn) offer(p press, r fsm.View, s *dr.Slice) Reply {
	if p.Verb == dr.VerbApprove || p.Verb == dr.VerbWithdraw || p.Verb == dr.VerbStart {
		p.Args = nil
	}
	return Reply{Card: t.each(func(e easel) Card {
		a := Action{ID: p.Command, Kind: ActButton, Label: e.label(p.Verb), Style: Primary, Confirm: e.confirm(p.Verb, r, s, p.Step), Nonce: e.nonces.nonce(p)}
		if dangerous(p.Verb) {
			a.Style = Danger
		}
		return e.said("confirm", r.ID, Warn, a.Confirm.Title, text(a.Confirm.Text), buttons(a), footnote(e.say("bot_press_to_do", nil)))
	})}
}

// formFor answers with a form; a surface that may not take a code in it says where to go instead.
func (t *turn) formFor(p press, r fsm.View, s *dr.Slice) (Reply, error) {
	if p.Verb == dr.VerbStart && !t.in.Secrets && r.Mode != dr.Drill {
		return Reply{Card: t.each(func(e easel) Card { return e.startElsewhere(r) })}, nil
	}
	f := t.form(p, r, s)
	return Reply{Form: &f, Card: t.each(func(e easel) Card { return e.formCard(e.form(p, r, s), p, r) })}, nil
}

// formCard is the way to a form for who cannot be shown one now: a button that opens it.
func (e easel) formCard(f Form, p press, r fsm.View) Card {
	p.Act = fillIn
	a := Action{ID: p.Command, Kind: ActButton, Label: f.Submit, Style: Primary, Form: true, Nonce: e.nonces.nonce(p)}
	if f.Danger {
		a.Style = Danger
	}
	c := e.card("form", r.ID, e.org.Environment)
	c.add(title(Calm, f.Title))
	c.add(f.Parts...)
	c.add(buttons(a))
	return c.Fit()
}

// pressed answers a button.
func (t *turn) pressed(ctx context.Context) (Reply, error) {
	p, err := t.bot.recall(ctx, t.in)
	if err != nil {
		return Reply{}, t.refusePress(ctx, p, err)
	}
	if p.About != nil {
		return t.pressedAnswer(ctx, p)
	}
	if p.Situation != "" {
		return t.pressedSituation(ctx, p)
	}
	if p.Site != "" {
		return t.pressedSite(ctx, p)
	}
	if p.Verb == dr.VerbRequest && p.Act == fillIn {
		return t.requestFor(ctx, wish{plan: p.Plan, mode: p.Mode})
	}
	r, s, err := t.look(ctx, p.Run)
	if err != nil {
		return Reply{}, err
	}
	if err := p.fits(r); err != nil {
		return t.stale(ctx, p, r, s, err)
	}
	if p.Act == fillIn {
		if !slices.Contains(r.Verbs, p.Verb) { // no form for what would be refused
			return t.tryAnyway(ctx, r, s, p.Verb, fsm.Args{Step: p.Step})
		}
		return t.formFor(p, r, s)
	}
	args := fsm.Args{}
	if p.Args != nil {
		args = *p.Args
	}
	return t.do(ctx, p, r, args)
}

// refusePress journals a press the bot itself refused.
func (t *turn) refusePress(ctx context.Context, p press, err error) error {
	var refusal *dr.Error
	if !errors.As(err, &refusal) || refusal.Kind != dr.Refused {
		return err
	}
	return t.refuse(ctx, p.Run, p.Verb, "I5_button", refusal)
}

// stale answers a button of the past with the present.
func (t *turn) stale(ctx context.Context, p press, r fsm.View, s *dr.Slice, err error) (Reply, error) {
	var refusal *dr.Error
	if errors.As(err, &refusal) {
		_ = t.refuse(ctx, p.Run, p.Verb, "I5_button", refusal)
	}
	return Reply{Card: t.each(func(e easel) Card {
		card := e.board(r, s, r.Verbs)
		message, _ := locale.Error(e.lang, err)
		card.Kind = "refusal"
		card.Parts = append([]Part{title(Warn, message)}, card.Parts...)
		return card.Fit()
	})}, nil
}

// submitted answers a form.
func (t *turn) submitted(ctx context.Context) (Reply, error) {
	p, err := t.bot.recall(ctx, t.in)
	if err != nil {
		return Reply{}, t.refusePress(ctx, p, err)
	}
	if p.About != nil {
		return t.pressedAnswer(ctx, p)
	}
	if p.Verb == dr.VerbRequest {
		return t.sendRequest(ctx, p)
	}
	value := func(name string) string { return strings.TrimSpace(clean(t.in.Values[name])) }
	args := fsm.Args{Step: p.Step, Words: value("words"), Reason: value("reason"), Verdict: value("verdict"), Check: value("check"), To: value("to"),
		Text: value("text"), Owner: value("owner"), Due: value("due"), Systems: commas(value("systems")), Code: t.in.Values["code"]}
	delete(t.in.Values, "code")
	r, s, err := t.look(ctx, p.Run)
	if err != nil {
		return Reply{}, err
	}
	if err := p.fits(r); err != nil {
		return t.stale(ctx, p, r, s, err)
	}
	t.in.Confirmed = true // the form named what it does
	reply, err := t.do(ctx, p, r, args)
	if field := fieldOf(p.Verb); err != nil && field != "" && dr.KindOf(err) == dr.Refused {
		message, hint := locale.Error(t.lang, err)
		return Reply{Card: t.each(func(e easel) Card { return e.refusal(err) }), Run: r.ID, Errors: map[string]string{field: join(" ", message, InChat(hint))}}, nil
	}
	return reply, err
}

// fieldOf is the field a refusal is shown at, so that the form can be mended instead of filled in anew.
func fieldOf(verb dr.Verb) string {
	switch verb {
	case dr.VerbApprove:
		return "words"
	case dr.VerbStart:
		return "code"
	case dr.VerbHandover:
		return "to"
	case dr.VerbDecide:
		return "verdict"
	case dr.VerbOrder, dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff:
		return "text"
	}
	return "reason"
}

// do carries a verb out and says what came of it.
func (t *turn) do(ctx context.Context, p press, r fsm.View, args fsm.Args) (Reply, error) {
	args.Step, args.Attempt = p.Step, p.Attempt
	args.Nonce, args.Version = p.Round, p.Version
	args.Confirmed = t.in.Confirmed
	v, err := t.bot.cfg.Engine.Do(ctx, t.by, r.ID, p.Verb, args)
	if err != nil {
		return Reply{}, err
	}
	return t.done(ctx, p.Verb, r, v, p.Step)
}

// done says what a verb did, and what there is to do next.
func (t *turn) done(_ context.Context, verb dr.Verb, before, after fsm.View, step string) (Reply, error) {
	args := dr.Args{"run": after.ID, "have": number(after.Round.Have), "need": number(after.Round.Need), "title": after.Title,
		"step": stepTitle(before, step), "state": string(after.State), "verb": string(verb)}
	id := "bot_did"
	if locale.Has("bot_did_" + string(verb)) {
		id = "bot_did_" + string(verb)
	}
	if verb == dr.VerbForce && before.Force == nil && after.Force != nil {
		id = "bot_did_force_asked"
	}
	card := t.each(func(e easel) Card {
		c := e.card("done", after.ID, after.Environment)
		c.add(title(Good, locale.Say(e.lang, id, args)), text(e.wants(after)))
		c.add(buttons(e.link("open", e.say("bot_open", nil), "run/"+after.ID)))
		return c.Fit()
	})
	return Reply{Card: card, Run: after.ID, Done: true}, nil
}

// request answers a typed request: at once when it is whole, else with a form. A request moves nothing.
func (t *turn) request(ctx context.Context, c typed) (Reply, error) {
	mode := dr.Mode(strings.ReplaceAll(strings.ToLower(c.get("mode")), "-", "_"))
	plan, reason := c.get("plan"), c.reason()
	if plan == "" || mode == "" || reason == "" {
		return t.requestFor(ctx, wish{plan: plan, mode: mode, reason: reason})
	}
	return t.openRun(ctx, fsm.Request{Plan: plan, Mode: mode, Reason: reason, Systems: commas(c.options["systems"]), Profile: c.options["profile"]})
}

// wish is what a request's form begins with.
type wish struct {
	plan      string
	mode      dr.Mode
	reason    string
	situation string // it is about one: the systems are shown to choose from
}

func (t *turn) requestFor(ctx context.Context, w wish) (Reply, error) {
	if _, ok := t.cat.Plan(w.plan); w.plan != "" && !ok {
		return Reply{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_plan", Args: dr.Args{"plan": clipLine(w.plan, 60)}}
	}
	f := t.requestForm(t.cat.Plans(), w)
	f.Parts = append(f.Parts, t.outlook(ctx, w.plan, w.mode)...)
	p := press{Act: fillIn, Command: "request", Verb: dr.VerbRequest, Surface: t.surface, Dest: t.dest, Person: t.person, Plan: w.plan, Mode: w.mode, Situation: w.situation}
	return Reply{Form: &f, Card: t.each(func(e easel) Card {
		return e.formCard(e.requestForm(t.cat.Plans(), w), p, fsm.View{})
	})}, nil
}

// sendRequest takes a request's form, once: a second sending of it is not a second run.
func (t *turn) sendRequest(ctx context.Context, p press) (Reply, error) {
	q := fsm.Request{Plan: t.in.Values["plan"], Mode: dr.Mode(t.in.Values["mode"]), Reason: strings.TrimSpace(clean(t.in.Values["reason"])), Systems: commas(t.in.Values["systems"])}
	errs := map[string]string{}
	plan, ok := t.cat.Plan(q.Plan)
	// A plan that was chosen after the systems moves its own; all of them is what it says by itself.
	q.Systems = slices.DeleteFunc(q.Systems, func(id string) bool { return !slices.Contains(plan.Systems, id) })
	if len(q.Systems) == len(plan.Systems) {
		q.Systems = nil
	}
	if !ok {
		errs["plan"] = t.say("no_such_plan", dr.Args{"plan": clipLine(q.Plan, 60)})
	}
	if q.Reason == "" {
		errs["reason"] = t.say("reason_missing", dr.Args{"verb": "request"})
	}
	if len(errs) > 0 {
		return Reply{Errors: errs, Card: t.each(func(e easel) Card { return e.said("refusal", "", Warn, e.say("bot_refused", nil)) })}, nil
	}
	if p.Situation != "" && q.Mode == dr.Emergency { // the time to recover counts from when it broke
		s, err := t.situationOf(ctx, p.Situation)
		if err != nil {
			return Reply{}, err
		}
		q.Impact = s.FirstAt
	}
	err := t.bot.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.TakeNonce(ctx, buttonPurpose, t.in.Args)
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	return t.openRun(ctx, q)
}

// openRun requests a run.
func (t *turn) openRun(ctx context.Context, q fsm.Request) (Reply, error) {
	if _, ok := t.cat.Plan(q.Plan); !ok {
		return Reply{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_plan", Args: dr.Args{"plan": clipLine(q.Plan, 60)}}
	}
	r, err := t.bot.cfg.Engine.Request(ctx, t.by, q)
	if err != nil {
		return Reply{}, err
	}
	return t.done(ctx, dr.VerbRequest, r, r, "")
}

func (t *turn) plansOr(_ context.Context, c typed) (Reply, error) {
	id := c.get("plan")
	if id == "" {
		return Reply{Card: t.each(func(e easel) Card { return e.plans(t.cat.Plans()) }), Public: true}, nil
	}
	if _, ok := t.cat.Plan(id); !ok {
		return Reply{}, &dr.Error{Kind: dr.NotFound, ID: "no_such_plan", Args: dr.Args{"plan": clipLine(id, 60)}}
	}
	mode := dr.Mode(strings.ReplaceAll(strings.ToLower(c.get("mode")), "-", "_"))
	if mode == "" {
		mode = dr.Drill
	}
	if !slices.Contains(dr.Modes(), mode) {
		return Reply{}, &dr.Error{Kind: dr.Usage, ID: "mode_unknown", Args: dr.Args{"mode": clip(string(mode), 30)}}
	}
	s, err := t.cat.Compile(catalog.Selection{Plan: id, Mode: mode})
	if err != nil {
		return Reply{}, err
	}
	raw, err := s.Bytes()
	if err != nil {
		return Reply{}, err
	}
	p, _ := t.org.Roster.Person(t.person)
	return Reply{Card: t.each(func(e easel) Card { return e.plan(s, dr.Digest(raw), p.Has(dr.Requester)) })}, nil
}

func (t *turn) status(ctx context.Context, run string) (Reply, error) {
	r, s, err := t.look(ctx, strings.ToLower(clipLine(run, 40)))
	if err != nil {
		return Reply{}, err
	}
	return Reply{Card: t.each(func(e easel) Card { return e.board(r, s, r.Verbs) })}, nil
}

func (t *turn) statusAll(ctx context.Context) (Reply, error) {
	open, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Open: true, Limit: maxRows})
	if err != nil {
		return Reply{}, err
	}
	places, err := t.bot.cfg.Engine.Placements(ctx)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Card: t.each(func(e easel) Card { return e.status(open, places, t.nonces.now) }), Public: true}, nil
}

// help shows what this person may do to the runs that are open now, and what anybody may always do.
func (t *turn) help(ctx context.Context, about string) (Reply, error) {
	open, err := t.bot.cfg.Engine.List(ctx, t.by, fsm.Filter{Open: true, Limit: 10})
	if err != nil {
		return Reply{}, err
	}
	p, _ := t.org.Roster.Person(t.person)
	may := map[dr.Verb]bool{dr.VerbRequest: p.Has(dr.Requester)}
	for _, one := range open {
		r, err := t.bot.cfg.Engine.View(ctx, t.by, one.ID)
		if err != nil {
			return Reply{}, err
		}
		for _, verb := range r.Verbs {
			may[verb] = true
		}
	}
	return Reply{Card: t.each(func(e easel) Card { return e.help(may, strings.TrimSpace(about)) })}, nil
}

func (t *turn) report(ctx context.Context, run string) (Reply, error) {
	r, _, err := t.look(ctx, run)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Card: t.each(func(e easel) Card { return e.report(r, nil) })}, nil
}
