package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// lostSite is a situation of the sample bank: its first site is gone.
func lostSite() dr.Situation {
	began := dr.At(newClock().now)
	look := func(probe, proves, site, found string) dr.Look {
		return dr.Look{Probe: probe, Proves: proves, Site: site, Found: found, At: began.Plus(9000)}
	}
	return dr.Situation{ID: "s1125-4f9q", Version: 5, State: sitOpen, FirstAt: began, LastAt: began.Plus(8000), Times: 1, Entity: dr.Entity{Scope: "site", ID: "east"}, Fault: dr.FaultDown,
		Systems: []string{"channels", "ledger", "payments", "identity"}, Site: "east", Signals: 43, Firing: 43, Noise: 7,
		For: []dr.Clue{{ID: "alert_is_down_units", Args: dr.Args{"entity": "east", "since": "20:15", "covered": "39", "units": "39"}},
			{ID: "alert_signs", Args: dr.Args{"name": "TargetDown", "count": "39", "entity": "channels-web-e1", "since": "20:15"}}, {ID: "alert_follows", Args: dr.Args{"count": "4", "systems": "channels, ledger"}}},
		Against: []dr.Clue{{ID: "alert_but_rival", Args: dr.Args{"entity": "ledger", "fault": "replication_broken"}}},
		Looks:   []dr.Look{look("channels/can-reach", "business", "", "no"), look("payments/can-pay", "business", "", "no"), look("ledger/can-transfer", "business", "", "unknown")},
		Wants:   []string{"identity/can-login"},
		Changes: []dr.Suspect{{Name: "deploy", Text: "web front 7.5.0 <!channel> see <https://evil.example|the report>", Entity: dr.Entity{Scope: "system", ID: "channels"}, By: "chen", At: began.Plus(-240_000), Weight: .4}},
		Advice: dr.Advice{Verdict: dr.Recommend, Plan: "bank-failover", Confidence: .97, At: began.Plus(9000),
			Headline: dr.Clue{ID: "alert_advice_recommend", Args: dr.Args{"plan": "bank-failover", "systems": "channels, ledger, payments, identity", "from": "east", "to": "west"}},
			Why: []dr.Clue{{ID: "alert_is_down_units", Args: dr.Args{"entity": "east", "since": "20:15", "covered": "39", "units": "39"}}, {ID: "alert_why_fallen", Args: dr.Args{"systems": "channels, ledger, payments, identity"}},
				{ID: "alert_why_change_by", Args: dr.Args{"name": "deploy", "entity": "channels", "by": "chen", "since": "20:11", "text": "web front 7.5.0"}}}}}
}

func planOf(t testing.TB, id string) catalog.PlanInfo {
	p, ok := sample(t).Plan(id)
	if !ok {
		t.Fatal(id)
	}
	return p
}

func (s seenSituation) with(change func(*seenSituation)) seenSituation { change(&s); return s }

// situationCards are the cards of situations, by name.
func situationCards(t testing.TB) map[string]func(easel) any {
	site := lostSite()
	now := dr.At(newClock().now).Plus(12_000)
	books := []knowledge.Cited{{Title: "A whole site is lost", URL: "https://dr.harbor.example/#/runbooks/moves%2Fsite-lost.md?passage=p1"}, {Title: "Who is told what", URL: "https://dr.harbor.example/#/runbooks/communication%2Ftell.md?passage=p2"}}
	lost := seenSituation{Situation: site, books: books, plan: planOf(t, "bank-failover"), now: now}
	cut := lost.with(func(s *seenSituation) {
		s.Entity, s.Fault, s.Signals, s.Firing, s.Noise, s.Changes, s.Wants = dr.Entity{Scope: "link", ID: "dci"}, dr.FaultPartition, 4, 4, 0, nil, nil
		s.Looks = []dr.Look{{Probe: "channels/can-reach", Proves: "business", Found: "yes", At: now.Plus(-3000)}, {Probe: "channels/door-east", Proves: "frontdoor", Site: "east", Found: "yes", At: now.Plus(-3000)}}
		s.For = []dr.Clue{{ID: "alert_is_partition", Args: dr.Args{"entity": "dci", "since": "20:15", "covered": "3", "units": "3"}}}
		s.Against = nil
		s.Advice = dr.Advice{Verdict: dr.NoneFits, Nearest: "bank-failover", Confidence: .96, At: now, Headline: dr.Clue{ID: "alert_advice_partition", Args: dr.Args{"link": "dci"}}, Why: s.For,
			Forbids: []dr.Clue{{ID: "alert_forbid_partition", Args: dr.Args{"plan": "bank-failover", "situation": s.ID, "to": "west"}}}}
	})
	perhaps := lost.with(func(s *seenSituation) {
		s.Entity, s.Systems, s.Advice = dr.Entity{Scope: "node", ID: "ledger-db-e1"}, []string{"ledger"}, dr.Advice{Verdict: dr.Possible, Plan: "ledger-failover", Confidence: .71, At: now}
		s.For, s.Against = []dr.Clue{{ID: "alert_is_down", Args: dr.Args{"entity": "ledger-db-e1", "since": "20:15"}}}, []dr.Clue{{ID: "alert_but_maintenance", Args: dr.Args{"entity": "ledger", "text": "new disks, until 21:00"}}}
		s.Advice.Headline = dr.Clue{ID: "alert_advice_possible", Args: dr.Args{"plan": "ledger-failover", "entity": "ledger-db-e1", "from": "east", "to": "west", "systems": "ledger"}}
		s.Advice.Needs = []dr.Clue{{ID: "alert_need_look", Args: dr.Args{"probes": "ledger/can-transfer, payments/can-pay"}}, {ID: "alert_need_contradicted", Args: dr.Args{"probe": "channels/door-east", "site": "east", "age": "8s"}}}
		s.plan = planOf(t, "ledger-failover")
		s.Looks, s.Noise, s.Times, s.muted = nil, 0, 2, true
	})
	shortened := lost.with(func(s *seenSituation) {
		s.Short = map[string]string{"en": "Harbor East is down since 20:15, customers lose Payments.", "zh": "Harbor East 自 20:15 起停止服务，客户无法使用 Payments。"}
	})
	withdrawn := lost.with(func(s *seenSituation) { s.Answer = NotThis })
	running := lost.with(func(s *seenSituation) {
		s.run = &dr.Run{ID: "r-20261125-1", Plan: "bank-failover", State: dr.AwaitingApproval}
	})
	quiet := lost.with(func(s *seenSituation) {
		s.State, s.Firing, s.Wants = sitQuiet, 0, nil
		s.For = slices.Clone(s.For)
		s.For[0].ID = "alert_was_down_units"
		s.Advice = dr.Advice{Verdict: dr.NoneFits, At: now, Headline: dr.Clue{ID: "alert_advice_over", Args: dr.Args{"until": "20:25:20"}}}
	})
	fading := lost.with(func(s *seenSituation) {
		s.Firing, s.Advice = 2, dr.Advice{Verdict: dr.NoneFits, At: now, Headline: dr.Clue{ID: "alert_advice_fading"}}
	})
	behind := lost.with(func(s *seenSituation) {
		s.Fault, s.Signals, s.Firing, s.Noise, s.Changes, s.Systems, s.books = dr.FaultUnprotected, 3, 3, 0, nil, []string{"identity", "ledger", "payments"}, nil
		s.Wants, s.Looks = []string{"ledger/stream"}, []dr.Look{{Probe: "ledger/stream", Proves: "replication", Found: "no", At: now.Plus(-3000)}}
		args := dr.Args{"entity": "east", "since": "20:15", "systems": "identity, ledger, payments", "covered": "0", "units": "0"}
		s.For, s.Against = []dr.Clue{{ID: "alert_is_unprotected", Args: args}, {ID: "alert_signs", Args: dr.Args{"name": "ReplicationBroken", "count": "3", "entity": "ledger-db-w1", "since": "20:15"}}}, nil
		s.Advice = dr.Advice{Verdict: dr.NoneFits, At: now, Why: s.For[:1], Headline: dr.Clue{ID: "alert_advice_unprotected_plan", Args: dr.Args{"site": "east", "systems": "identity, ledger, payments", "plan": "bank-switchback"}}}
	})
	closed := lost.with(func(s *seenSituation) { // three of its alerts still hang when it ends
		s.State, s.Firing, s.EndedAt, s.books, s.Fault = sitClosed, 3, now, nil, dr.FaultStandby
		s.For = slices.Clone(s.For)
		s.For[0].ID = "alert_was_standby"
	})
	merged := lost.with(func(s *seenSituation) { s.State, s.Into, s.EndedAt = sitMerged, "s1125-0001", now })
	draw := func(s seenSituation) func(easel) any { return func(e easel) any { return e.situation(s) } }
	noise := []dr.Signal{{Name: "CPUHigh", Severity: "warning", StartsAt: now, Labels: map[string]string{"instance": "payments-batch-w1:9100"}}, {Name: "CertificateExpiresSoon", Severity: "info", StartsAt: now, Source: "prometheus"}}
	all := map[string]func(easel) any{
		"situation-recommend": draw(lost), "situation-partition": draw(cut), "situation-possible": draw(perhaps), "situation-withdrawn": draw(withdrawn), "situation-shortened": draw(shortened),
		"situation-running": draw(running), "situation-fading": draw(fading), "situation-unprotected": draw(behind), "situation-quiet": draw(quiet), "situation-closed": draw(closed), "situation-merged": draw(merged),
		"situation-list": func(e easel) any {
			return e.situations([]dr.Situation{lost.Situation, cut.with(func(s *seenSituation) { s.ID = "s1125-7m2k" }).Situation, closed.with(func(s *seenSituation) { s.ID = "s1124-aaaa" }).Situation}, []dr.Signal{{Name: "DiskFull"}, {Name: "DiskFull"}}, now)
		},
		"situation-list-none": func(e easel) any { return e.situations(nil, nil, now) },
		"situation-noise":     func(e easel) any { return e.noise(lost.Situation, noise, now) },
		"situation-unwatched": func(e easel) any { return e.unwatched() },
		"situation-reminder":  func(e easel) any { return e.reminder(lost.Situation, 2) },
		"form-situation": func(e easel) any {
			return e.requestForm(sample(t).Plans(), wish{plan: "bank-failover", mode: dr.Emergency, reason: e.say("situation_reason", dr.Args{"what": e.broken(site.Entity, site.Fault), "situation": site.ID}), situation: site.ID})
		},
		"home-situation": func(e easel) any { return e.home([]dr.Situation{lost.Situation}, nil, nil, nil, nil, now) },
	}
	for event, change := range map[string]func(*dr.SituationData){"named": nil, "reopened": nil, "closed": nil,
		"advised": nil, "quiet": nil,
		"advised-no":  func(d *dr.SituationData) { d.Verdict = dr.NoneFits },
		"advised-may": func(d *dr.SituationData) { d.Verdict = dr.Possible },
		"merged":      func(d *dr.SituationData) { d.Others = []string{"s1125-0001", "s1125-0002"} },
		"merged_into": func(d *dr.SituationData) { d.Others = []string{"s1125-0001"} },
		"split":       func(d *dr.SituationData) { d.Others = []string{"s1125-0003"} },
		"answered":    func(d *dr.SituationData) { d.Answer = NotThis }, "answered-back": nil} {
		d := dr.SituationData{ID: site.ID, Entity: site.Entity, Fault: site.Fault, Verdict: dr.Recommend, Plan: "bank-failover", Confidence: .97, Signals: 43}
		d.Event, _, _ = strings.Cut(event, "-")
		if change != nil {
			change(&d)
		}
		all["news-situation-"+event] = func(e easel) any {
			return e.milestone(dr.Row{Seq: 9, At: now, Kind: dr.RowSituation, Actor: "chen"}, d)
		}
	}
	return all
}

// TestHostileAlerts: what alerts and changes say is data, on every card there is.
func TestHostileAlerts(t *testing.T) {
	evil := "<!channel> <@U1> <http://x|bank>\u202egnp.exe\x1b[31m" + strings.Repeat("长", 5000) + "\n\n\n"
	s := lostSite()
	s.Entity, s.Changes[0] = dr.Entity{Scope: "node", ID: evil}, dr.Suspect{Name: evil, Text: evil, By: evil, Entity: dr.Entity{Scope: "host", ID: evil}}
	s.Looks[0].Probe, s.Wants, s.Short = evil, []string{evil}, map[string]string{"en": evil}
	s.For, s.Against = []dr.Clue{{ID: "situation_book", Args: dr.Args{"runbook": evil}}}, slices.Repeat([]dr.Clue{{ID: evil}}, 40)
	e := at(t, "en", "lin")
	seen := seenSituation{Situation: s, books: slices.Repeat([]knowledge.Cited{{Title: evil}}, 9), now: s.LastAt}
	noise := slices.Repeat([]dr.Signal{{Name: evil, Severity: evil, Labels: map[string]string{"node": evil}}}, 500)
	for name, c := range map[string]Card{"card": e.situation(seen), "list": e.situations(slices.Repeat([]dr.Situation{s}, 1), noise, s.LastAt), "noise": e.noise(s, noise, s.LastAt), "reminder": e.reminder(s, 1)} {
		fits(t, c)
		raw, err := json.Marshal(c)
		if err != nil || len(raw) > 120_000 {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
		for _, r := range []rune{'\u202e', 0x1b} {
			if strings.ContainsRune(Text(c, 80), r) {
				t.Errorf("%s: %U is still there", name, r)
			}
		}
		for _, p := range c.Parts {
			for _, a := range p.Actions {
				if strings.HasPrefix(a.URL, "http://x") {
					t.Errorf("%s: a text became a link", name)
				}
			}
		}
	}
}

// watched is a house in which one thing is going on, and what was answered.
type watched struct {
	*house
	going   []dr.Situation
	answers []string
	down    error
}

func watch(t testing.TB) *watched {
	w := &watched{house: open(t)}
	find := func(id string) (dr.Situation, error) {
		i := slices.IndexFunc(w.going, func(s dr.Situation) bool { return s.ID == id })
		if i < 0 || w.down != nil {
			return dr.Situation{}, errors.Join(w.down, dr.Errorf(dr.NotFound, "no situation %s", id))
		}
		return w.going[i], nil
	}
	w.bot.cfg.Situations = &Situations{
		List: func(_ context.Context, all bool) (out []dr.Situation, _ error) {
			return slices.DeleteFunc(slices.Clone(w.going), func(s dr.Situation) bool { return !all && over(s) }), w.down
		},
		Get:        func(_ context.Context, id string) (dr.Situation, error) { return find(id) },
		Signals:    func(context.Context, string) ([]dr.Signal, error) { return nil, nil },
		Unresolved: func(context.Context) ([]dr.Signal, error) { return nil, nil },
		Noise:      func(context.Context, string) ([]dr.Signal, error) { return []dr.Signal{{Name: "CPUHigh"}}, nil },
		Answer: func(_ context.Context, by dr.Actor, id, answer string) error {
			w.answers = append(w.answers, by.Person+" "+id+" "+answer)
			return nil
		},
	}
	return w
}

// moved is the situation of the test organisation.
func (w *watched) lost() dr.Situation {
	s := lostSite()
	s.Systems, s.Looks, s.Wants, s.Changes, s.For = []string{"desk"}, nil, nil, nil, nil
	s.Entity, s.Advice.Plan, s.Advice.At = dr.Entity{Scope: "site", ID: "north"}, "move", dr.At(w.clock.Now())
	return s
}

func (w *watched) row(s dr.Situation, event string) {
	w.Helper()
	raw, err := json.Marshal(dr.SituationData{ID: s.ID, Event: event, Entity: s.Entity, Fault: s.Fault, Verdict: s.Advice.Verdict, Plan: s.Advice.Plan, Confidence: s.Advice.Confidence, Signals: s.Signals})
	if err != nil {
		w.Fatal(err)
	}
	err = w.store.Write(context.Background(), func(tx *store.Tx) error {
		tx.Journal(dr.Row{At: dr.At(w.clock.Now()), Kind: dr.RowSituation, Data: raw})
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// TestSituationCard: one card, edited; milestones below it; three reminders at most, none once somebody has
// acted or silenced them; and whoever tells after a crash says nothing twice.
func TestSituationCard(t *testing.T) {
	w := watch(t)
	chat := newWall()
	narrator := func() *Narrator {
		return w.bot.Narrator(Place{Surface: "console", Dest: "ops", Chat: chat, Instance: "here"})
	}
	n := narrator()
	w.hushAll(n)
	one := w.lost()
	w.going = []dr.Situation{one}
	w.row(one, "opened")
	w.row(one, "advised")
	w.hushAll(n)
	board := Ref(boardKey(n.name, one.ID))
	if len(chat.cards) != 2 || !strings.Contains(Text(chat.cards[board], 0), "`move`") {
		t.Fatalf("%v\n%s", chat.keys, Text(chat.cards[board], 0))
	}
	if c := chat.cards[Ref(chat.keys[1])]; c.Thread != board {
		t.Errorf("a milestone stands by itself: %+v", c)
	}
	// Evidence comes in without a row: the card is drawn anew, not more often than every three seconds.
	before := chat.updates[board]
	pass := func() {
		for range 3 { // what is queued in one is sent in the next
			if _, err := n.Pass(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 20 {
		w.going[0].Version++
		w.going[0].Signals++
		w.clock.advance(300 * time.Millisecond)
		pass()
	}
	w.clock.advance(3 * time.Second)
	pass()
	if drawn := chat.updates[board] - before; drawn < 2 || drawn > 4 || !strings.Contains(Text(chat.cards[board], 0), "63,") {
		t.Errorf("drawn %d times in 9 s\n%s", drawn, Text(chat.cards[board], 0))
	}
	// Another process begins where this one ended.
	n = narrator()
	w.hushAll(n)
	if len(chat.cards) != 2 {
		t.Errorf("after a restart: %v", chat.keys)
	}
	for range 8 {
		w.clock.advance(16 * time.Minute)
		w.hushAll(n)
	}
	if len(chat.cards) != 5 {
		t.Errorf("two hours later: %v", chat.keys)
	}
	w.going[0].State, w.going[0].EndedAt = sitClosed, dr.At(w.clock.Now())
	w.row(w.going[0], "closed")
	w.hushAll(n)
	if c := chat.cards[board]; len(chat.cards) != 6 || button(c, "situation-request").Nonce != "" || !strings.Contains(Text(c, 0), "It is over") {
		t.Errorf("%v\n%s", chat.keys, Text(chat.cards[board], 0))
	}
	w.down = errors.New("the engine is being mended") // news of runs goes on
	run := w.moved()
	w.hushAll(n)
	if chat.cards[Ref(boardKey(n.name, run))].Kind != "board" {
		t.Error("the trouble of situations silenced a run")
	}
	w.down = nil
}

// TestNoReminders: nobody is reminded of what they silenced, said no to, or act on.
func TestNoReminders(t *testing.T) {
	for name, act := range map[string]func(w *watched, c Card){
		"muted": func(w *watched, c Card) { w.press("ada", c, "situation-mute") },
		"not_this": func(w *watched, c Card) {
			w.press("ada", c, "situation-not_this")
			w.going[0].Answer = NotThis
		},
		"requested": func(w *watched, c Card) {
			r := w.press("ada", c, "situation-request")
			w.submit("ada", r.Form, map[string]string{"plan": "move", "mode": "drill", "reason": "it is down"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t)
			chat := newWall()
			n := w.bot.Narrator(Place{Surface: "console", Dest: "ops", Chat: chat, Instance: "here"})
			w.hushAll(n)
			w.going = []dr.Situation{w.lost()}
			w.row(w.going[0], "opened")
			w.hushAll(n)
			act(w, chat.cards[Ref(boardKey(n.name, w.going[0].ID))])
			w.hushAll(n)
			step := 16 * time.Minute
			if name == "requested" {
				step = 9 * time.Minute // its round expires after half an hour, and then nobody acts on it any more
			}
			for range 3 {
				w.clock.advance(step)
				w.hushAll(n)
			}
			for _, key := range chat.keys {
				if strings.Contains(key, "remind") {
					t.Error(key)
				}
			}
		})
	}
}

// TestMilestonesThatSayNothing: what the card says by itself is not told below it, too.
func TestMilestonesThatSayNothing(t *testing.T) {
	for name, d := range map[string]dr.SituationData{
		"it was expected": {ID: "s1125-4f9q", Event: "advised", Verdict: dr.NoneFits, Fault: dr.FaultUnprotected},
		"nothing was recommended when it went quiet": {ID: "s1125-4f9q", Event: "quiet", Verdict: dr.NoneFits, Fault: dr.FaultDown},
	} {
		if c := at(t, "en", "lin").milestone(dr.Row{Kind: dr.RowSituation}, d); len(c.Parts) > 0 {
			t.Errorf("%s: %s", name, Text(c, 0))
		}
	}
}

// TestSituationNamesItsRun: once somebody asked for the plan that is advised, whoever and why, its card names the run
// and asks for no second one, nor does a button that still hangs somewhere. When the run is over, it may be asked for
// again.
func TestSituationNamesItsRun(t *testing.T) {
	w := watch(t)
	chat := newWall()
	n := w.bot.Narrator(Place{Surface: "console", Dest: "ops", Chat: chat, Instance: "here"})
	w.hushAll(n)
	w.going = []dr.Situation{w.lost()}
	w.row(w.going[0], "opened")
	w.hushAll(n)
	board := Ref(boardKey(n.name, w.going[0].ID))
	old := chat.cards[board]
	if button(old, "situation-request").Nonce == "" {
		t.Fatal(Text(old, 0))
	}
	run := w.say("ada", `request move drill "spring drill"`).Run // by hand, with a reason of its own
	w.state(run, dr.AwaitingApproval)
	w.clock.advance(5 * time.Second)
	w.hushAll(n)
	c := chat.cards[board]
	if button(c, "situation-request").Nonce != "" || button(c, "situation-rehearse").Nonce != "" || !strings.HasSuffix(button(c, "situation-run").URL, "/runs/"+run) || !strings.Contains(Text(c, 0), "run `"+run+"`") {
		t.Errorf("the run is not named:\n%s", Text(c, 0))
	}
	if r := w.press("ada", old, "situation-request"); r.Form != nil || r.Card.Kind != "refusal" || !strings.Contains(Text(r.Card, 0), run) {
		t.Errorf("a second request:\n%s", Text(r.Card, 0))
	}
	before := chat.updates[board]
	w.clock.advance(time.Hour) // nobody votes
	w.until(run, func(v fsm.View) bool { return v.State.Ended() })
	w.clock.advance(5 * time.Second)
	w.hushAll(n)
	if c = chat.cards[board]; chat.updates[board] == before || button(c, "situation-request").Nonce == "" {
		t.Errorf("the run is over:\n%s", Text(c, 0))
	}
}

// TestSituationButtons: each button does what its label says, for those who may.
func TestSituationButtons(t *testing.T) {
	w := watch(t)
	if c := w.say("ada", "situation").Card; !strings.Contains(Text(c, 0), "Nothing is going on") {
		t.Error(Text(c, 0))
	}
	w.going = []dr.Situation{w.lost()}
	id := w.going[0].ID
	if c := w.say("ada", "situation").Card; button(c, "situation@"+id).Nonce == "" {
		t.Error(Text(c, 0))
	}
	c := w.press("ada", w.say("ada", "situation").Card, "situation@").Card
	if c.Kind != "situation" || c.Kind != w.say("ada", "situation "+id).Card.Kind {
		t.Fatal(Text(c, 0))
	}
	for button, mode := range map[string]dr.Mode{"situation-rehearse": dr.Rehearsal, "situation-request": dr.Emergency} {
		w.clock.advance(time.Second) // a form drawn at the same moment for the same person is the same form
		r := w.press("ada", c, button)
		if r.Form == nil {
			t.Fatal(Text(r.Card, 0))
		}
		values := map[string]string{}
		for _, f := range r.Form.Fields {
			values[f.Name] = f.Value
		}
		if values["plan"] != "move" || values["mode"] != string(mode) || !strings.Contains(values["reason"], id) {
			t.Errorf("%s: %v", button, values)
		}
		run := w.submit("ada", r.Form, values).Run
		v := w.view(run)
		if v.Plan != "move" || v.Mode != mode || !strings.Contains(v.Reason, id) || v.Clocks.Impact.IsZero() == (mode == dr.Emergency) {
			t.Errorf("%+v", v)
		}
		if mode == dr.Rehearsal {
			w.until(run, func(v fsm.View) bool { return v.State.Ended() })
		}
	}
	w.press("ada", c, "situation-not_this")
	w.going[0].Answer = NotThis
	c = w.say("ada", "situation "+id).Card
	if button(c, "situation-request").Nonce != "" {
		t.Error("an advice that was withdrawn can still be pressed")
	}
	w.press("ada", c, "situation-take_back")
	if want := []string{"ada " + id + " " + NotThis, "ada " + id + " "}; !slices.Equal(w.answers, want) {
		t.Error(w.answers)
	}
	if c := w.press("ada", c, "situation-noise").Card; c.Kind != "noise" || !strings.Contains(Text(c, 0), "CPUHigh") {
		t.Error(Text(c, 0))
	}
	w.going[0].State = sitClosed
	if r := w.press("ada", c, "situation-take_back"); r.Card.Kind != "refusal" || len(w.answers) != 2 {
		t.Error(Text(r.Card, 0))
	}
	if r := w.say("ada", "situation s0000-none"); r.Card.Kind != "refusal" {
		t.Error(Text(r.Card, 0))
	}
	w.bot.cfg.Situations = nil
	if r := w.say("ada", "situation"); !strings.Contains(Text(r.Card, 0), "No alerts come in") {
		t.Error(Text(r.Card, 0))
	}
}

// TestEvidenceNamesTheSite: two probes of one name are told apart by the side they show, and a side is said once.
func TestEvidenceNamesTheSite(t *testing.T) {
	org := sample(t).Organisation()
	for id, want := range map[string]string{"channels/door-east": "The front door answers (Harbor East): no", "channels/door-west": "The front door answers (Harbor West): no", "channels/can-reach": "A customer reaches the bank and can book: no"} {
		if got := ClueText(org, "en", dr.Clue{ID: "alert_look_no", Args: dr.Args{"probe": id, "age": "8s"}}); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := ClueText(org, "en", dr.Clue{ID: "alert_need_contradicted", Args: dr.Args{"probe": "channels/door-east", "site": "east", "age": "8s"}}); strings.Count(got, "Harbor East") != 1 {
		t.Error(got)
	}
}
