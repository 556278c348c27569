package fsm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
)

const (
	// escalateAfter is how long a person has to answer before their next contact is tried.
	escalateAfter = dr.Millis(2 * 60_000)
	// calloutLease keeps several replicas from calling the same person twice.
	calloutLease = "callouts"
	// unheardAfter is how long a place may not answer before somebody is called about it.
	unheardAfter = dr.Millis(5 * 60_000)
	aboutUnheard = "chat_down"
)

// callout is one person who is wanted, and for what.
type callout struct {
	about  string // approval | code | paused | unknown | chat_down
	person dr.Person
	place  string // chat_down: where nothing arrives
	since  dr.Time
}

// Unheard says since when nothing arrives in a place where people follow their runs; the zero time says
// that it arrives again. Runs go on; after a while whoever leads one is called, so that a room that has
// gone silent is not taken for one in which nothing happens.
func (e *Engine) Unheard(place string, since dr.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if since.IsZero() {
		delete(e.unheard, place)
	} else {
		e.unheard[place] = since
	}
}

// silent lists the places that have heard nothing for so long that somebody is called.
func (e *Engine) silent() (places []callout) {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for place, since := range e.unheard {
		if now.Since(since) >= unheardAfter {
			places = append(places, callout{about: aboutUnheard, place: place, since: since})
		}
	}
	slices.SortFunc(places, func(a, b callout) int { return strings.Compare(a.place, b.place) })
	return places
}

// leads says who is called about a run nobody hears of: its commander, or whoever could lead it where
// there is none that can be called.
func leads(s Situation, kinds []string) (wanted []dr.Person) {
	reachable := func(p dr.Person) bool {
		return !p.Disabled && slices.ContainsFunc(p.Contacts, func(c dr.Contact) bool { return slices.Contains(kinds, c.Kind) })
	}
	if p, ok := s.Roster.Person(s.Run.Commander); ok && reachable(p) {
		return []dr.Person{p}
	}
	var duty []dr.Person
	for _, p := range s.Roster.People {
		if !reachable(p) || !p.Has(dr.Operator) && !p.Has(dr.Commander) {
			continue
		}
		wanted = append(wanted, p)
		if approval.OnDuty(p, s.Zone, s.Now) {
			duty = append(duty, p)
		}
	}
	if len(duty) > 0 {
		return duty
	}
	return wanted
}

// calls says who is wanted by a run now: whoever could give the missing votes, whoever issues
// codes, whoever leads a run that stands still. Those on duty are called; where nobody who could
// help is on duty, all are.
func calls(s Situation) []callout {
	about := ""
	var could func(dr.Person) bool
	switch {
	case s.Run.State == dr.AwaitingApproval:
		about = "approval"
		could = func(p dr.Person) bool {
			return approval.MayVerb(s.Case, p.ID, dr.VerbApprove) == nil && !voted(s.Run, p)
		}
	case s.Run.State == dr.AwaitingCode && !s.Run.CodeLocked && !codeLive(s.Run, s.Now):
		about = "code"
		could = func(p dr.Person) bool { return approval.MayVerb(s.Case, p.ID, dr.VerbIssue) == nil }
	case s.Run.State == dr.Paused && s.Run.Pause != dr.ByOperator:
		about = "paused"
		if s.Run.Pause == dr.OutcomeUnknown {
			about = "unknown"
		}
		could = func(p dr.Person) bool { return p.Has(dr.Operator) || p.Has(dr.Commander) }
	default:
		return nil
	}
	var all, duty []callout
	for _, p := range s.Roster.People {
		if p.Disabled || !could(p) {
			continue
		}
		all = append(all, callout{about: about, person: p})
		if approval.OnDuty(p, s.Zone, s.Now) {
			duty = append(duty, callout{about: about, person: p})
		}
	}
	if len(duty) > 0 {
		return duty
	}
	return all
}

func voted(r dr.Run, p dr.Person) bool {
	return slices.ContainsFunc(r.Round.Votes, func(v dr.Vote) bool { return v.Human == p.Human })
}

func codeLive(r dr.Run, now dr.Time) bool {
	return liveCodes(r, now) > 0
}

// liveCodes counts the codes that were issued and could be typed.
func liveCodes(r dr.Run, now dr.Time) (n int) {
	for _, c := range r.Codes {
		if c.Used.IsZero() && c.Revoked.IsZero() && c.Round == r.Round.Number && now.Before(c.Expires.Time) {
			n++
		}
	}
	return n
}

// callOut tells the people a run waits for, each by their contacts in order: the next one when the
// last has not been answered in time. Acting on the run is an answer.
func (e *Engine) callOut(ctx context.Context, run dr.Run) error {
	waits := run.State == dr.AwaitingApproval || run.State == dr.AwaitingCode || run.State == dr.Paused
	silent := e.silent()
	if len(e.cfg.Contacts) == 0 || !waits && (len(silent) == 0 || !run.State.Moving()) {
		return nil
	}
	s, err := e.readSituation(ctx, run.ID)
	if err != nil || s.ClockStepped || s.RosterErr != nil {
		return err
	}
	wanted := calls(s)
	for _, c := range silent {
		for _, p := range leads(s, e.cfg.Contacts) {
			c.person = p
			wanted = append(wanted, c)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	sent, err := e.notices(ctx, run.ID)
	if err != nil {
		return err
	}
	for _, c := range wanted {
		n, contact := e.nextCall(s, c, sent)
		if n == nil {
			continue
		}
		if err := e.call(ctx, s, c, *n, contact); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) notices(ctx context.Context, run string) (out []store.Notice, err error) {
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		out, err = r.Notices(ctx, run)
		return err
	})
	return out, err
}

// occasion names what a call is about, so that the same question is not asked twice and a new one is:
// a round by its number, a stop by how many attempts the run had made and which steps are stuck.
// Somebody who only looks in and says so is no new occasion.
func occasion(s Situation, c callout) string {
	about := c.about
	if about == aboutUnheard {
		return fmt.Sprintf("%s/%s/%s/%d", s.Run.ID, about, c.place, c.since.Micros())
	}
	if about != "paused" && about != "unknown" {
		round := fmt.Sprintf("%s/%s/%d", s.Run.ID, about, s.Run.Round.Number)
		if n := len(s.Run.Codes); about == "code" && n > 0 { // one was issued and is gone: another is wanted now
			round += fmt.Sprintf(".%d", n)
		}
		return round
	}
	stuck := dr.Digest([]byte(strings.Join(s.stuck(), " ")))
	return fmt.Sprintf("%s/%s/%s/%d/%.15s", s.Run.ID, about, s.Run.Pause, len(s.Attempts), stuck)
}

// nextCall finds the contact to try now: the first that was not tried, if the one before it has had
// its time and nobody answered.
func (e *Engine) nextCall(s Situation, c callout, sent []store.Notice) (*store.Notice, dr.Contact) {
	prefix := occasion(s, c) + "/" + c.person.ID + "/"
	var last dr.Time
	tried := 0
	for _, n := range sent {
		if !strings.HasPrefix(n.ID, prefix) {
			continue
		}
		if !n.Acked.IsZero() {
			return nil, dr.Contact{}
		}
		tried++
		if n.Sent.After(last.Time) {
			last = n.Sent
		}
	}
	var ways []dr.Contact
	for _, contact := range c.person.Contacts {
		if slices.Contains(e.cfg.Contacts, contact.Kind) {
			ways = append(ways, contact)
		}
	}
	if tried >= len(ways) || (tried > 0 && s.Now.Since(last) < escalateAfter) {
		return nil, dr.Contact{}
	}
	return &store.Notice{ID: fmt.Sprintf("%s%d", prefix, tried), Run: s.Run.ID, About: c.about, Person: c.person.ID, Sent: s.Now,
		Due: s.Now.Plus(escalateAfter)}, ways[tried]
}

// call sends one call-out and writes what came of it. The notice is stored first, so that a crash
// calls nobody twice.
func (e *Engine) call(ctx context.Context, s Situation, c callout, n store.Notice, contact dr.Contact) error {
	text := e.wording(s, c)
	n.State = "sent"
	mine := false
	err := e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		_, held, err := tx.AcquireLease(ctx, calloutLease, e.cfg.Instance, leaseHolds)
		if mine = held; err != nil || !held {
			return err
		}
		return tx.PutNotice(ctx, n)
	})
	if err != nil || !mine {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	res := e.cfg.Hands.Do(ctx, actions.Job{Token: dr.Digest([]byte(n.ID)), Run: s.Run.ID, Step: "call-out", Class: dr.Idempotent, Timeout: 15_000,
		Watermark: watermark(s.Slice), Call: dr.Call{Action: "notify", Params: map[string]any{"to": "contact:" + contact.Kind,
			"contact": contact.Kind + ":" + contact.Value, "text": text}}})
	if res.State != dr.StepOK {
		n.State = "failed"
	}
	detail, err := json.Marshal(map[string]string{"kind": contact.Kind, "proof": res.Proof, "text": res.Text})
	if err != nil {
		return fmt.Errorf("writing a call-out: %w", err)
	}
	n.Detail = string(detail)
	return e.cfg.Store.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		tx.Journal(newRow(e.now(), s.Run.ID, dr.RowNotice, dr.Itself(), dr.NoticeData{About: n.About, To: n.Person, Via: contact.Kind, Text: text,
			Due: n.Due, State: n.State, Proof: res.Proof}))
		return tx.PutNotice(ctx, n)
	})
}

// wording is what a call-out says, in the language of whoever is called.
func (e *Engine) wording(s Situation, c callout) string {
	lang := c.person.Language
	if lang == "" {
		lang = e.houseLanguage()
	}
	args := dr.Args{"run": s.Run.ID, "title": s.Run.Title, "mode": locale.Term(lang, "mode", string(s.Run.Mode))}
	if c.about == aboutUnheard {
		args["place"], args["time"] = c.place, c.since.In(s.Zone).Format("15:04")
		return locale.Say(lang, "callout_unheard", args)
	}
	args["what"] = locale.Say(lang, "callout_"+c.about, nil)
	return locale.Say(lang, "callout_wanted", args)
}

// houseLanguage is the organisation's first; English while its files cannot be read.
func (e *Engine) houseLanguage() string {
	c, err := e.cfg.Catalog()
	if err != nil || len(c.Organisation().Languages) == 0 {
		return locale.English
	}
	return c.Organisation().Languages[0]
}

// watermark marks everything that leaves the house unless the organisation is the real one.
func watermark(s *dr.Slice) string {
	if s.Environment == dr.Production {
		return ""
	}
	return strings.ToUpper(string(s.Environment))
}

// answered notes that a person who was called has acted; it may be one call of several, or none.
func (e *Engine) answered(ctx context.Context, tx *store.Tx, run, person string) error {
	sent, err := tx.Notices(ctx, run)
	if err != nil {
		return err
	}
	for _, n := range sent {
		if n.Person != person || !n.Acked.IsZero() {
			continue
		}
		err := tx.AckNotice(ctx, n.ID, person, e.now())
		var refused *dr.Error
		if errors.As(err, &refused) && refused.Kind == dr.Conflict {
			continue
		}
		if err != nil {
			return err
		}
		tx.Journal(newRow(e.now(), run, dr.RowNotice, dr.Actor{Person: person},
			dr.NoticeData{About: n.About, To: person, Via: "acted", State: "acknowledged"}))
	}
	return nil
}
