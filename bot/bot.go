package bot

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/store"
)

// Config is what a bot is made of. Everything is required unless said otherwise.
type Config struct {
	Engine  *fsm.Engine
	Store   *store.Store
	Catalog func() (*catalog.Catalog, error) // organisation, roster and plans as they are now
	Clock   dr.Clock
	Log     *slog.Logger
	Secret  []byte // makes nonces that nobody can guess; at least 16 bytes, the same on every replica
	Console string // address of the web console for links; empty: links are relative
	// Library answers questions from the runbooks; nil: the answer says that knowledge is not set up.
	Library *Library
	// Situations is what is going on; nil: no signals come in.
	Situations *Situations
	// Report makes a run's report bundle; nil: cards say where it can be fetched.
	Report func(ctx context.Context, run string) (File, error)
}

// Bot answers people. It is safe for use by several goroutines.
type Bot struct {
	cfg    Config
	mu     sync.Mutex
	slices map[string]*dr.Slice // frozen plans by digest; they never change
	doors  map[string]door      // refusals the bot itself gave lately, by person
}

// door counts what is journaled of one person's refused presses in one minute.
type door struct {
	since time.Time
	rows  int
}

// New makes a bot.
func New(cfg Config) (*Bot, error) {
	if len(cfg.Secret) < 16 {
		return nil, fmt.Errorf("the bot's secret has %d bytes; want 16 or more", len(cfg.Secret))
	}
	cfg.Console = strings.TrimRight(cfg.Console, "/")
	return &Bot{cfg: cfg, slices: map[string]*dr.Slice{}, doors: map[string]door{}}, nil
}

// Handle answers one intent. The error is only for a context that has ended or a defect nobody foresaw;
// refusals and failures are replies.
func (b *Bot) Handle(ctx context.Context, in Intent) (Reply, error) {
	t, err := b.turn(in)
	if err != nil {
		return b.failed(ctx, voice{lang: locale.English, zone: time.UTC}, in, err), ctx.Err()
	}
	r, err := t.answer(ctx)
	if err != nil {
		r = b.failed(ctx, t.voice, in, err)
	} else if err := t.nonces.keep(ctx, b.cfg.Store); err != nil {
		// What was asked is done; only the buttons of the answer could not be kept.
		b.cfg.Log.ErrorContext(ctx, "keeping the buttons of an answer", "error", err)
		run := r.Run
		r.Card, r.Form = t.each(func(e easel) Card { return e.said("done", run, Warn, e.say("bot_no_buttons", dr.Args{"run": run})) }), nil
	}
	if r.Run == "" {
		r.Run = r.Card.Run
	}
	return r, ctx.Err()
}

// turn is one intent being answered.
type turn struct {
	easel
	bot *Bot
	in  Intent
	by  dr.Actor
	cat *catalog.Catalog
}

func (b *Bot) turn(in Intent) (*turn, error) {
	c, err := b.cfg.Catalog()
	if err != nil {
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	v := b.voice(c.Organisation(), "")
	if p, ok := v.org.Roster.Person(in.Person); ok && p.Language != "" {
		v.lang = locale.Language(p.Language)
	}
	if in.Lang != "" {
		v.lang = locale.Language(in.Lang)
	}
	e := easel{voice: v, nonces: b.nonces(), surface: in.Surface, dest: in.Dest, person: in.Person}
	return &turn{easel: e, bot: b, in: in, by: dr.Actor{Person: in.Person, Surface: in.Surface}, cat: c}, nil
}

// each draws an answer in the person's language, and in the others where others read it too.
func (t *turn) each(draw func(e easel) Card) Card {
	return each(t.lang, t.in.Each, func(lang string) Card { return draw(t.easel.to(lang)) })
}

// voice speaks a language, or the organisation's own where none is given.
func (b *Bot) voice(org dr.Organisation, lang string) voice {
	if lang == "" && len(org.Languages) > 0 {
		lang = org.Languages[0]
	}
	zone, err := time.LoadLocation(org.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return voice{lang: locale.Language(lang), zone: zone, org: org, console: b.cfg.Console, books: b.cfg.Library != nil}
}

// answer finds out what is meant. A code seen anywhere but in a secret field comes first: whatever else
// was meant, that one is lost.
func (t *turn) answer(ctx context.Context) (Reply, error) {
	p, known := t.org.Roster.Person(t.in.Person)
	known = known && !p.Disabled
	if r, seen, err := t.leaked(ctx, known); seen {
		return r, err
	}
	if t.in.Kind == Aside {
		return t.aside(ctx, known)
	}
	if !known {
		return Reply{}, t.refuse(ctx, "", "", "known_person", dr.Refuse("person_unknown", dr.Args{"person": clipLine(t.in.Person, 40)}))
	}
	switch t.in.Kind {
	case Command, Mention:
		return t.command(ctx)
	case Press:
		return t.pressed(ctx)
	case Submit:
		return t.submitted(ctx)
	case Change:
		return t.changed(ctx)
	case Dismiss:
		return Reply{Card: t.each(func(e easel) Card { return e.said("closed", "", Calm, e.say("bot_dismissed", nil)) })}, nil
	case Home:
		return t.home(ctx)
	}
	return Reply{}, &dr.Error{Kind: dr.Usage, ID: "bot_command_unknown", Args: dr.Args{"given": clip(string(t.in.Kind), 20)}}
}

// leaked looks for a code where others can read it.
func (t *turn) leaked(ctx context.Context, known bool) (r Reply, seen bool, err error) {
	where := ""
	switch t.in.Kind {
	case Command, Mention, Aside:
		where = t.in.Verb + " " + t.in.Args
	case Submit:
		where = t.keptValues()
	}
	if !fsm.NearlyCode(where) {
		return r, false, nil
	}
	r, err = t.codeSeen(ctx, where, known)
	return r, true, err
}

// keptValues are the fields of a form that may be stored and shown.
func (t *turn) keptValues() string {
	var all []string
	for name, v := range t.in.Values {
		if name != "code" {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// codeSeen warns whoever typed a code where others read it, and has it revoked. A stranger is warned and
// learns nothing of runs.
func (t *turn) codeSeen(ctx context.Context, where string, known bool) (Reply, error) {
	var runs []string
	looked := true
	for _, code := range fsm.FindCodes(where) {
		found, err := t.bot.cfg.Engine.RevokeLeaked(ctx, t.by, code)
		if err != nil {
			looked = false
			if dr.KindOf(err) != dr.Refused {
				t.bot.cfg.Log.ErrorContext(ctx, "revoking a code that was seen in a message", "error", err)
			}
		}
		runs = append(runs, found...)
	}
	refusal := &dr.Error{Kind: dr.Refused, ID: "bot_code_in_message"}
	_ = t.refuse(ctx, first(runs...), dr.VerbStart, "C10_code_seen", refusal)
	next := "bot_code_seen_none"
	switch {
	case !known:
		next = ""
	case len(runs) > 0:
		next = "bot_code_seen_revoked"
	case !looked:
		next = "bot_code_seen_reissue"
	}
	about := first(runs...)
	if !known {
		about = ""
	}
	card := t.each(func(e easel) Card {
		return e.said("warning", about, Urgent, e.say("bot_code_in_message", nil), text(e.say(next, dr.Args{"runs": e.list(runs)})), text(locale.Hint(e.lang, "bot_code_in_message", nil)))
	})
	return Reply{Card: card, Done: known && len(runs) > 0}, nil
}

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// refuse journals a refusal the engine never saw, a few a minute for each person, and gives it back.
func (t *turn) refuse(ctx context.Context, run string, verb dr.Verb, rule string, refusal *dr.Error) error {
	if !t.bot.mayJournal(t.in.Person) {
		return refusal
	}
	data, err := json.Marshal(dr.RefusalData{Verb: verb, Rule: rule, ID: refusal.ID, Args: refusal.Args})
	if err == nil {
		err = t.bot.cfg.Store.Write(context.WithoutCancel(ctx), func(tx *store.Tx) error {
			tx.Journal(dr.Row{At: t.nonces.now, Run: run, Kind: dr.RowRefusal, Actor: clipLine(t.in.Person, 40), Surface: clipLine(t.in.Surface, 20), Data: data})
			return nil
		})
	}
	if err != nil {
		t.bot.cfg.Log.ErrorContext(ctx, "journaling a refusal", "rule", rule, "error", err)
	}
	return refusal
}

const (
	doorRows  = 10   // rows a minute for one person
	doorKinds = 1024 // people remembered; strangers can make up names
)

func (b *Bot) mayJournal(person string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Clock.Now()
	d := b.doors[person]
	if since := now.Sub(d.since); since >= time.Minute || since < 0 {
		d = door{since: now}
	}
	d.rows++
	if _, known := b.doors[person]; !known && len(b.doors) >= doorKinds {
		clear(b.doors)
	}
	b.doors[person] = d
	return d.rows <= doorRows
}

// failed puts an error into words. What nobody foresaw is logged under a reference the person is given.
func (b *Bot) failed(ctx context.Context, v voice, in Intent, err error) Reply {
	var known *dr.Error
	if !errors.As(err, &known) || known.Kind == dr.Unexpected || known.ID != "" && !locale.Has(known.ID) {
		ref := strings.ToLower(rand.Text()[:8])
		b.cfg.Log.ErrorContext(ctx, "an intent ended in an error", "ref", ref, "surface", in.Surface, "kind", in.Kind, "error", err)
		known = &dr.Error{Kind: dr.Unexpected, ID: "unexpected_ref", Args: dr.Args{"ref": ref}}
	} else if known.Kind == dr.Unavailable {
		b.cfg.Log.ErrorContext(ctx, "an intent met something that is down", "surface", in.Surface, "kind", in.Kind, "error", err)
	}
	return Reply{Card: each(v.lang, in.Each, func(lang string) Card { return v.in(lang).refusal(known) })}
}

// slice reads a frozen plan.
func (b *Bot) slice(ctx context.Context, digest string) (*dr.Slice, error) {
	b.mu.Lock()
	s := b.slices[digest]
	b.mu.Unlock()
	if s != nil {
		return s, nil
	}
	var raw []byte
	err := b.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		raw, err = r.Slice(ctx, digest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	return b.remember(digest, raw)
}

// remember decodes a frozen plan and keeps it.
func (b *Bot) remember(digest string, raw []byte) (*dr.Slice, error) {
	s := &dr.Slice{}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	s.Index()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.slices) > 32 {
		clear(b.slices)
	}
	b.slices[digest] = s
	return s, nil
}

// look reads a run as this person sees it, with its frozen plan.
func (t *turn) look(ctx context.Context, run string) (fsm.View, *dr.Slice, error) {
	v, err := t.bot.cfg.Engine.View(ctx, t.by, run)
	if err != nil {
		return v, nil, err
	}
	s, err := t.bot.slice(ctx, v.Digest)
	return v, s, err
}
