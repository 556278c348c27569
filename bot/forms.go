package bot

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

const maxReason = 500

// form is the dialog of a verb. p is what the button stood for; the form's own nonce belongs to the
// person and, but for the secret, to the same moment of the run.
func (e easel) form(p press, r fsm.View, s *dr.Slice) Form {
	p.Act, p.Person, p.Surface, p.Dest = sendIt, e.person, e.surface, e.dest
	f := Form{Lang: e.lang, Run: r.ID, Title: e.say("bot_confirm_title", dr.Args{"what": e.label(p.Verb), "title": r.Title}),
		Submit: e.label(p.Verb), Cancel: e.say("bot_no", nil), Danger: dangerous(p.Verb)}
	f.Parts = append(f.Parts, text(e.means(p.Verb, r, s, p.Step)))
	given := fsm.Args{}
	if p.Args != nil {
		given = *p.Args
	}
	switch p.Verb {
	case dr.VerbApprove:
		f.Parts = append(f.Parts, facts(Fact{e.say("bot_f_words", nil), words(r)}))
		f.Fields = []Field{{Name: "words", Kind: FieldText, Label: e.say("bot_l_words", nil), Hint: e.say("bot_l_words_hint", nil), Max: 100}}
	case dr.VerbStart:
		f.Parts = append(f.Parts, facts(Fact{e.say("bot_f_tries", nil), number(r.CodeLeft)}, Fact{e.say("bot_f_expires", nil), e.clock(r.Round.Expires, r.Now)}))
		f.Fields = []Field{{Name: "code", Kind: FieldSecret, Label: e.say("bot_l_code", nil), Hint: e.say("bot_l_code_hint", nil), Max: 128}}
	case dr.VerbHandover:
		f.Fields = []Field{{Name: "to", Kind: FieldSelect, Label: e.say("bot_l_to", nil), Options: e.commanders(), Value: given.To}}
	case dr.VerbDecide:
		f.Fields = []Field{{Name: "verdict", Kind: FieldSelect, Label: e.say("bot_l_verdict", nil), Value: given.Verdict, Options: []Option{
			{"done", e.say("bot_verdict_done", nil)}, {"failed", e.say("bot_verdict_not_done", nil)}, {"again", e.say("bot_verdict_again", nil)}}}, e.reasonField(given.Reason)}
	case dr.VerbForce:
		f.Fields = []Field{e.systemsField(r), e.reasonField(given.Reason)}
	case dr.VerbOverride:
		f.Fields = []Field{{Name: "check", Kind: FieldSelect, Label: e.say("bot_l_check", nil), Options: blocking(r), Value: given.Check}, e.reasonField(given.Reason)}
	case dr.VerbOrder:
		f.Fields = []Field{{Name: "text", Kind: FieldText, Label: e.say("bot_l_challenge", nil), Max: 40}}
	case dr.VerbObserve, dr.VerbSignOff:
		f.Fields = []Field{{Name: "text", Kind: FieldLong, Label: e.say("bot_l_text", nil), Value: given.Text, Max: maxText}}
	case dr.VerbFinding:
		f.Fields = []Field{{Name: "text", Kind: FieldLong, Label: e.say("bot_l_text", nil), Value: given.Text, Max: maxText},
			{Name: "owner", Kind: FieldText, Label: e.say("bot_l_owner", nil), Value: given.Owner, Optional: true, Max: 60},
			{Name: "due", Kind: FieldText, Label: e.say("bot_l_due", nil), Value: given.Due, Optional: true, Max: 20}}
	default:
		f.Fields = []Field{e.reasonField(given.Reason)}
	}
	f.Nonce = e.nonces.nonce(p)
	return f.Fit()
}

func dangerous(v dr.Verb) bool {
	return v == dr.VerbDeny || v == dr.VerbAbort || v == dr.VerbForce || v == dr.VerbRollback
}

func (e easel) reasonField(value string) Field {
	return Field{Name: "reason", Kind: FieldLong, Label: e.say("bot_l_reason", nil), Hint: e.say("bot_l_reason_hint", nil), Value: value, Max: maxReason}
}

func (e easel) systemsField(r fsm.View) Field {
	f := Field{Name: "systems", Kind: FieldMulti, Label: e.say("bot_l_systems", nil), Hint: e.say("bot_l_systems_hint", nil), Optional: true}
	for _, s := range r.Systems {
		f.Options = append(f.Options, Option{s.ID, s.Name})
	}
	return f
}

func (e easel) commanders() (all []Option) {
	for _, p := range e.org.Roster.People {
		if p.ID != e.person && p.Has(dr.Commander) && !p.Disabled {
			all = append(all, Option{p.ID, e.voice.person(p.ID)})
		}
	}
	return all
}

func blocking(r fsm.View) (all []Option) {
	for _, c := range r.Checks {
		if !c.OK && !slices.ContainsFunc(r.Overrides, func(o dr.Override) bool { return o.Check == c.ID }) {
			all = append(all, Option{c.ID, c.ID + ": " + c.Text})
		}
	}
	return all
}

// requestForm asks what shall be done.
func (e easel) requestForm(plans []catalog.PlanInfo, w wish) Form {
	p := press{Act: sendIt, Command: "request", Verb: dr.VerbRequest, Surface: e.surface, Dest: e.dest, Person: e.person, Situation: w.situation, Made: e.nonces.now.Micros()}
	f := Form{Lang: e.lang, Title: e.say("bot_request_title", nil), Submit: e.label(dr.VerbRequest), Cancel: e.say("bot_no", nil),
		Parts: []Part{text(e.say("bot_request_text", nil))}}
	var ids, modes []Option
	for _, one := range plans {
		ids = append(ids, Option{one.ID, one.Title})
	}
	for _, m := range dr.Modes() {
		modes = append(modes, Option{string(m), e.word("mode", string(m))})
	}
	mode := w.mode
	if mode == "" {
		mode = dr.Rehearsal
	}
	f.Fields = []Field{{Name: "plan", Kind: FieldSelect, Label: e.say("bot_l_plan", nil), Options: ids, Value: w.plan, Live: true},
		{Name: "mode", Kind: FieldSelect, Label: e.say("bot_l_mode", nil), Options: modes, Value: string(mode), Live: true},
		{Name: "reason", Kind: FieldLong, Label: e.say("bot_l_reason", nil), Hint: e.say("bot_l_reason_hint", nil), Value: w.reason, Max: maxReason}}
	if i := slices.IndexFunc(plans, func(one catalog.PlanInfo) bool { return one.ID == w.plan }); i >= 0 && w.situation != "" && len(plans[i].Systems) > 1 {
		f.Fields = slices.Insert(f.Fields, 2, e.wishedSystems(plans[i].Systems))
	}
	f.Nonce = e.nonces.nonce(p)
	return f.Fit()
}

// wishedSystems are those a plan moves, all of them to begin with.
func (e easel) wishedSystems(ids []string) Field {
	f := Field{Name: "systems", Kind: FieldMulti, Label: e.say("bot_f_systems", nil), Value: strings.Join(ids, ",")}
	for _, id := range ids {
		f.Options = append(f.Options, Option{id, e.system(id)})
	}
	return f
}
