package bot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

const lagBook = `---
title: Replication lag
systems: [ledger]
audience: internal
owner: operations
reviewed: 2026-10-01
---
# Replication lag

## See how far a standby is behind

Ask the primary for the lag of each standby:

` + "```sql\nSELECT client_addr, replay_lag FROM pg_stat_replication;\n```" + `

More than thirty seconds is too much for a switchover.

## Stop the batch that causes it

1. Find the batch on the primary.
2. Pause it; do not kill it.
`

const secretBook = `---
title: Break glass
audience: role:commander
owner: business
reviewed: 2020-01-01
---
# Break glass

## Open the envelope

The envelope with the emergency password lies in the vault on floor two, shelf nine.
`

const publicBook = `---
title: Service status
audience: public
---
# Service status

## Where customers look

Customers read the status page for maintenance windows.
`

// shelf gives a house runbooks to answer from.
func (h *house) shelve(books fstest.MapFS) *Library {
	h.Helper()
	for i := range 60 { // among many runbooks a word that few of them have says something
		books[fmt.Sprintf("more/%02d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "# Topic %d\n\nDevice number%d answers to its own page, gadget%d.\n", i, i, i)}
	}
	x := knowledge.New(knowledge.Options{})
	if _, err := x.Sync(context.Background(), knowledge.Source{Name: OrganisationSource, FS: books}); err != nil {
		h.Fatal(err)
	}
	l := NewLibrary(LibraryConfig{Index: func() *knowledge.Index { return x }, Store: h.store, Catalog: h.files, Clock: h.clock.clock(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Mask: redact.New("hunter2hunter2"), Console: "https://dr.quay.example/", MaxAge: 365 * 24 * time.Hour, State: func() Shelves { return Shelves{} }})
	h.bot.cfg.Library = l
	return l
}

func books() fstest.MapFS {
	return fstest.MapFS{"lag.md": {Data: []byte(lagBook)}, "glass.md": {Data: []byte(secretBook)}, "status.md": {Data: []byte(publicBook)}}
}

func (h *house) feedback() (out []store.Feedback) {
	h.Helper()
	err := h.store.Read(context.Background(), func(r *store.Reader) (err error) {
		out, err = r.Feedback(context.Background(), 10)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// flat is a card's text however it is broken into lines.
func flat(c Card) string { return strings.Join(strings.Fields(Text(c, 0)), " ") }

// in asks as a surface does.
func (h *house) in(company Company, person, text string) Reply {
	h.Helper()
	return h.handle(Intent{Surface: "console", Dest: "ops", Company: company, Person: person, Kind: Mention, Args: text})
}

func TestAskAndJudge(t *testing.T) {
	h := open(t)
	h.shelve(books())
	r := h.in(InHouse, "ada", "ask how do I see how far a standby is behind?")
	got := Text(r.Card, 100)
	for _, want := range []string{"Replication lag", "SELECT client_addr, replay_lag", "[1]", "runbooks/lag.md:", "reviewed 2026-10-01", "Operations"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if r.Own {
		t.Error("an answer everybody may see was for one alone")
	}
	if a := button(r.Card, "answer-open-1"); !strings.HasPrefix(a.URL, "https://dr.quay.example/#/runbooks/runbooks%2Flag.md?passage=") {
		t.Errorf("the citation leads to %q", a.URL)
	}
	if got := h.press("ada", r.Card, "answer-helped"); !got.Done || !got.Own {
		t.Error(Text(got.Card, 0))
	}
	form := h.press("ada", r.Card, "answer-outdated")
	if got := h.submit("ada", form.Form, map[string]string{"note": "the view has a new name; password hunter2hunter2"}); !got.Done {
		t.Error(Text(got.Card, 0))
	}
	said := h.feedback()
	if len(said) != 1 || said[0].Verdict != "outdated" || said[0].Person != "ada" || said[0].Docs[0] != "runbooks/lag.md" ||
		said[0].Question != "how do I see how far a standby is behind?" || strings.Contains(said[0].Note, "hunter2") {
		t.Errorf("%+v", said)
	}
	h.clock.advance(2 * time.Hour) // the question is forgotten, what it was about is not
	if got := h.press("ada", r.Card, "answer-helped"); !got.Done {
		t.Error(Text(got.Card, 0))
	}
	if said = h.feedback(); said[0].Verdict != "helped" {
		t.Errorf("%+v", said)
	}
	if got := h.press("ben", r.Card, "answer-helped"); got.Card.Kind != "refusal" {
		t.Error("somebody else pressed a button of ada's")
	}
}

// TestAudienceInTalk: what somebody may not see does not exist for them, and what not everybody may see is
// shown to one alone and never shared.
func TestAudienceInTalk(t *testing.T) {
	h := open(t)
	h.shelve(books())
	const question = "ask where is the envelope with the emergency password?"
	own := h.in(InHouse, "gus", question)
	if !own.Own || !strings.Contains(flat(own.Card), "shelf nine") || !strings.Contains(flat(own.Card), "2020-01-01") {
		t.Errorf("the commander is told:\n%s", flat(own.Card))
	}
	shared := h.press("gus", own.Card, "answer-share")
	if shared.Post != nil && strings.Contains(flat(*shared.Post), "shelf nine") {
		t.Error("what was for one alone was shared")
	}
	for name, r := range map[string]Reply{"somebody else": h.in(InHouse, "ada", question), "a channel": h.in(InChannel, "gus", question), "alone": h.in(Alone, "ada", question)} {
		if got := flat(r.Card); strings.Contains(got, "shelf nine") || strings.Contains(got, "glass.md") {
			t.Errorf("%s learns:\n%s", name, got)
		}
	}
	if r := h.in(Alone, "gus", question); !r.Own || !strings.Contains(flat(r.Card), "shelf nine") {
		t.Error(Text(r.Card, 0))
	}
}

// TestChannelSeesItsLabel: an unknown channel sees what is public, whoever asks.
func TestChannelSeesItsLabel(t *testing.T) {
	h := open(t)
	l := h.shelve(books())
	org := dr.Organisation{Channels: []dr.Channel{{ID: "ops", Audience: "internal", Slack: "C1"}, {ID: "desk", Audience: "role:commander"}, {ID: "partners", Audience: "external"}}}
	for channel, want := range map[string]string{"ops": "internal", "C1": "internal", "desk": "internal role:commander", "partners": "", "elsewhere": "", "": "", House: "internal"} {
		if got := strings.Join(labelsOf(org, channel), " "); got != want {
			t.Errorf("%q reads %q, want %q", channel, got, want)
		}
	}
	l.cfg.Catalog = func() (*catalog.Catalog, error) { return sample(t), nil }
	q := Question{Text: "replication lag of a standby", Person: "lin", Company: Alone, Channel: "service-status"}
	if labels, err := l.Reads(q); err != nil || len(labels) != 0 {
		t.Errorf("on behalf of a public channel somebody reads %v, %v", labels, err)
	}
	q.Channel = "ops"
	if labels, err := l.Reads(q); err != nil || strings.Join(labels, " ") != "internal" {
		t.Errorf("on behalf of ops somebody reads %v, %v", labels, err)
	}
	q.Channel, q.Person = "", "nobody"
	if labels, err := l.Reads(q); err != nil || labels != nil {
		t.Errorf("a stranger reads %v, %v", labels, err)
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	h := open(t)
	l := h.shelve(fstest.MapFS{})
	if r := h.in(InHouse, "ada", "ask "+strings.Repeat("x", 1<<20)); r.Card.Kind != "refusal" {
		t.Error("a megabyte was taken for a question")
	}
	for _, text := range []string{"ask \x00\x00", "ask \u202e\u200b"} {
		if r := h.in(InHouse, "ada", text); r.Card.Kind != "refusal" {
			t.Errorf("%q: %s", text, Text(r.Card, 0))
		}
	}
	long := Question{Text: strings.Repeat("a ", MaxQuestion), Person: "ada", Company: Alone}
	if _, err := l.Ask(context.Background(), long); dr.KindOf(err) != dr.Usage {
		t.Error(err)
	}
	for range 2 {
		r := h.in(InHouse, "ada", "ask where is the key of token=hunter2hunter2 \u202ekept\u200b?")
		if r.Card.Parts[0].Severity != Warn {
			t.Error(Text(r.Card, 0))
		}
	}
	vain, err := l.Vain(context.Background(), 10)
	if err != nil || len(vain) != 1 || vain[0].Times != 2 || strings.Contains(vain[0].Question, "hunter2") || strings.Contains(vain[0].Question, "\u202e") {
		t.Errorf("%+v, %v", vain, err)
	}
}

// TestUnseen: an audience that nobody can be is found; those of roles, teams and channels are not.
func TestUnseen(t *testing.T) {
	org := dr.Organisation{Roster: dr.Roster{Teams: []dr.Team{{ID: "database"}}}, Channels: []dr.Channel{{ID: "vault", Audience: "keepers"}}}
	shelf, n := fstest.MapFS{}, 0
	for _, audience := range []string{"public", "internal", "role:commander", "team:database", "keepers", "role:comander", "team:nobody", "[internal, everybody]"} {
		shelf[fmt.Sprint(n, ".md")] = &fstest.MapFile{Data: []byte("---\naudience: " + audience + "\n---\n# A\n\nText.\n")}
		n++
	}
	x := knowledge.New(knowledge.Options{})
	if _, err := x.Sync(t.Context(), knowledge.Source{Name: "r", FS: shelf}); err != nil {
		t.Fatal(err)
	}
	got := Unseen(org, x)
	if len(got) != 3 || got[0].Doc != "r/5.md" || !strings.Contains(got[0].Text, "role:comander") || !strings.HasPrefix(got[0].Text, "nobody can read it") ||
		got[1].Doc != "r/6.md" || got[2].Doc != "r/7.md" || strings.HasPrefix(got[2].Text, "nobody") {
		t.Errorf("%+v", got)
	}
}

// TestNothingReadYet: until the runbooks were read once nobody is told that they don't know, and nothing is
// noted as asked in vain.
func TestNothingReadYet(t *testing.T) {
	h := open(t)
	l := h.shelve(books())
	q := Question{Text: "how do I see how far a standby is behind?", Person: "ada", Company: Alone, Lang: "en"}
	for id, state := range map[string]Shelves{"runbooks_soon": {Reading: true}, "runbooks_being_read": {Reading: true, Looked: 20, Files: 10_000}, "runbooks_unread": {Trouble: "no such folder"}} {
		l.cfg.State = func() Shelves { return state }
		_, err := l.Ask(t.Context(), q)
		_, _, err2 := l.Search(t.Context(), q, 5)
		for _, err := range []error{err, err2} {
			var said *dr.Error
			if !errors.As(err, &said) || said.ID != id || said.Kind != dr.Unavailable {
				t.Errorf("%s: %v", id, err)
			}
		}
		if r := h.in(Alone, "ada", "ask "+q.Text); r.Card.Kind != "refusal" || state.Files > 0 && !strings.Contains(flat(r.Card), "20 of 10000") {
			t.Errorf("%s: %s", id, flat(r.Card))
		}
	}
	if vain, err := l.Vain(t.Context(), 10); err != nil || len(vain) != 0 {
		t.Errorf("%+v, %v", vain, err)
	}
	l.cfg.State = func() Shelves { return Shelves{Reading: true, Read: dr.At(h.clock.Now())} } // read once, and again right now
	if told, err := l.Ask(t.Context(), q); err != nil || told.Verdict != knowledge.Answered {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestRunbookOfAStep: a step that stands offers what the runbooks say of it, on the board and by its button.
func TestRunbookOfAStep(t *testing.T) {
	h := open(t)
	run := h.begun()
	h.handMade(run)
	h.shelve(fstest.MapFS{"lag.md": {Data: []byte(lagBook)}, "writes.md": {Data: []byte("# Writes do not stop\n\n## A session holds out\n\nWrites on ledger-db-e1 do not stop while a session holds a lock: end the session.\n")}})
	v := h.view(run)
	var st fsm.StepView
	for _, one := range v.Steps {
		if one.Base == "freeze" {
			st = one
		}
	}
	e := easel{voice: h.bot.voice(dr.Organisation{}, "en"), nonces: h.bot.nonces(), surface: "console", dest: "ops"}
	failed := v
	failed.State, failed.Steps = dr.Paused, []fsm.StepView{st}
	failed.Steps[0].State = dr.StepFail
	var labels []string
	for _, a := range e.stepButtons(failed, nil, nil) {
		labels = append(labels, a.ID)
	}
	if got := strings.Join(labels, " "); got != "runbook:"+st.ID {
		t.Errorf("the board offers %q", got)
	}
	a := e.runbookButton(v, st)
	if err := e.nonces.keep(context.Background(), h.store); err != nil {
		t.Fatal(err)
	}
	r := h.handle(Intent{Surface: "console", Dest: "ops", Company: InHouse, Person: "ada", Kind: Press, Args: a.Nonce})
	if got := flat(r.Card); !r.Own || !strings.Contains(got, "end the session") {
		t.Error(got)
	}
	if _, err := h.bot.cfg.Library.ForStep(context.Background(), Question{Person: "ada", Company: Alone}, v, "nothing", nil); dr.KindOf(err) != dr.NotFound {
		t.Error(err)
	}
}
