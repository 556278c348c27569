package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func identities(b *bench) {
	now := b.time.time()
	pending := store.Identity{Person: "lin", Enrolment: "e1", Password: "p", TOTP: "t", Made: now}
	counts := store.Identity{Person: "lin", Password: "q", TOTP: "u", Counter: 7, Made: now}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutIdentity(b.Context(), store.Identity{Person: "lin", Enrolment: "e1"}), tx.PutIdentity(b.Context(), pending))
	})
	b.read(func(r *store.Reader) error {
		got, err := r.Identity(b.Context(), "lin", "e1")
		same(b, "identity that waits", got, pending)
		people, err2 := r.People(b.Context())
		same(b, "nobody can sign in yet", len(people), 0)
		return errors.Join(err, err2)
	})
	b.refused(dr.NotFound, "not_in_store", func(tx *store.Tx) error { _, err := tx.Identity(b.Context(), "lin", ""); return err })
	b.write(func(tx *store.Tx) error { return tx.PutIdentity(b.Context(), counts) })
	b.write(func(tx *store.Tx) error { return tx.MoveCounter(b.Context(), "lin", 8) })
	for _, old := range []int64{8, 7} {
		b.refused(dr.Conflict, "totp_used", func(tx *store.Tx) error { return tx.MoveCounter(b.Context(), "lin", old) })
	}
	b.refused(dr.Conflict, "totp_used", func(tx *store.Tx) error { return tx.MoveCounter(b.Context(), "nobody", 9) })
	b.write(func(tx *store.Tx) error {
		there, err := tx.DropIdentity(b.Context(), "lin")
		same(b, "dropped", there, true)
		again, err2 := tx.DropIdentity(b.Context(), "lin")
		same(b, "dropped again", again, false)
		return errors.Join(err, err2)
	})
	strikes(b)
	s := store.Session{Hash: "hs", Person: "wu", Surface: "console", Made: now, Expires: now.Plus(10_000), Used: now, Detail: `{}`}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutSession(b.Context(), s), tx.TouchSession(b.Context(), "hs", now.Plus(5)), tx.TouchSession(b.Context(), "hs", now.Plus(3)),
			tx.MarkSession(b.Context(), "hs", `{"a":1}`))
	})
	s.Used, s.Detail = now.Plus(5), `{"a":1}`
	b.read(func(r *store.Reader) error {
		got, err := r.SessionsOf(b.Context(), "wu")
		same(b, "sessions of wu", got, []store.Session{s})
		return err
	})
	b.refused(dr.Conflict, "session_gone", func(tx *store.Tx) error { return tx.MarkSession(b.Context(), "none", `{}`) })
}

func strikes(b *bench) {
	now := b.time.time()
	for want := 1; want <= 3; want++ {
		b.write(func(tx *store.Tx) error {
			n, err := tx.AddStrike(b.Context(), "a", now, now.Plus(-1000))
			same(b, "tries", n, want)
			return errors.Join(err, tx.HoldStrike(b.Context(), "a", now.Plus(60_000)))
		})
	}
	b.read(func(r *store.Reader) error {
		got, err := r.Strike(b.Context(), "a")
		same(b, "strike", got, store.Strike{Name: "a", Fails: 3, Since: now, Until: now.Plus(60_000)})
		none, err2 := r.Strike(b.Context(), "b")
		same(b, "no strike", none, store.Strike{Name: "b"})
		return errors.Join(err, err2)
	})
	b.write(func(tx *store.Tx) error {
		n, err := tx.AddStrike(b.Context(), "a", now.Plus(5000), now.Plus(1))
		same(b, "tries after a rest", n, 1)
		return err
	})
	b.time.forward(time.Hour)
	b.write(func(tx *store.Tx) error { return tx.DropOldStrikes(b.Context(), b.time.time()) })
	b.write(func(tx *store.Tx) error {
		got, err := tx.Strike(b.Context(), "a")
		same(b, "an old strike", got.Fails, 0)
		return errors.Join(err, tx.DropStrike(b.Context(), "a"))
	})
}

func cards(b *bench) {
	now := b.time.time()
	for _, c := range []store.Card{{ID: "c1", Dest: "console", Body: `{"a":1}`, Made: now}, {ID: "c2", Dest: "console", Person: "lin", Body: `{"b":1}`, Made: now}, {ID: "c1", Dest: "console", Body: `{"again":1}`, Made: now}} {
		b.write(func(tx *store.Tx) error { return tx.PutCard(b.Context(), c) })
	}
	b.write(func(tx *store.Tx) error { return tx.RedrawCard(b.Context(), "c1", `{"a":2}`) })
	b.refused(dr.NotFound, "not_in_store", func(tx *store.Tx) error { return tx.RedrawCard(b.Context(), "c9", `{}`) })
	first := store.Card{ID: "c1", Dest: "console", Place: 1, Change: 3, Version: 2, Body: `{"a":2}`, Made: now}
	second := store.Card{ID: "c2", Dest: "console", Person: "lin", Place: 2, Change: 2, Version: 1, Body: `{"b":1}`, Made: now}
	b.read(func(r *store.Reader) error {
		lins, err := r.CardsBefore(b.Context(), "console", "lin", 1<<40, 10)
		same(b, "what lin sees", lins, []store.Card{second, first})
		others, err2 := r.CardsBefore(b.Context(), "console", "wu", 1<<40, 10)
		same(b, "what others see", others, []store.Card{first})
		older, err3 := r.CardsBefore(b.Context(), "console", "lin", 2, 10)
		same(b, "older ones", older, []store.Card{first})
		news, err4 := r.CardsChanged(b.Context(), 1, 10)
		same(b, "new drawings", news, []store.Card{second, first})
		last, err5 := r.LastCardChange(b.Context())
		same(b, "newest drawing", last, int64(3))
		one, err6 := r.Card(b.Context(), "c1")
		same(b, "card", one, first)
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
}

// pruned: what was said long ago goes, by age and by count; what an open run needs stays, and so does what
// numbers the next card.
func pruned(b *bench) {
	now := b.time.time()
	old, young := now.Plus(-100*day), now.Plus(-day)
	open, ended := b.insert("r-open"), b.insert("r-ended")
	b.write(func(tx *store.Tx) error {
		run, err := tx.LockRun(b.Context(), ended.ID)
		if err != nil {
			return err
		}
		run.State = dr.Cancelled
		return tx.UpdateRun(b.Context(), &run)
	})
	b.write(func(tx *store.Tx) error {
		var errs []error
		for _, c := range []store.Card{
			{ID: "line", Made: old}, {ID: "open", Run: open.ID, Made: old}, {ID: "ended", Run: ended.ID, Made: old}, {ID: "ended-late", Run: ended.ID, Made: young},
			{ID: "gone", Run: "r-gone", Made: old}, {ID: "drawn", Made: old}, {ID: "last", Made: old},
		} {
			c.Dest, c.Body = "console", "{}"
			errs = append(errs, tx.PutCard(b.Context(), c))
		}
		errs = append(errs, tx.RedrawCard(b.Context(), "drawn", "{}"))
		for _, o := range []store.Outgoing{
			{Key: "news", Run: ended.ID, Kind: "post"}, {Key: "board", Run: ended.ID, Kind: "board"}, {Key: "open-news", Run: open.ID, Kind: "post"}, {Key: "nobody", Kind: "whisper"}, {Key: "waits", Kind: "post"},
		} {
			o.Surface, o.Body, o.Made, o.Due = "console", "{}", old, old
			_, err := tx.PutOutbox(b.Context(), o)
			errs = append(errs, err)
			if o.Key != "waits" {
				errs = append(errs, tx.SentOutbox(b.Context(), o.Key, "", now.Plus(-30*day)))
			}
		}
		return errors.Join(errs...)
	})
	left := func(p store.Pruning) (cards, messages []string) {
		b.write(func(tx *store.Tx) error {
			for {
				n, m, err := tx.Prune(b.Context(), p)
				if err != nil || n+m == 0 {
					return err
				}
			}
		})
		b.read(func(r *store.Reader) error {
			all, err := r.CardsBefore(b.Context(), "console", "", 1<<40, 100)
			for _, c := range all {
				cards = append(cards, c.ID)
			}
			for _, key := range []string{"news", "board", "open-news", "nobody", "waits"} {
				_, missing := r.Outbox(b.Context(), key)
				if missing == nil {
					messages = append(messages, key)
				}
			}
			return err
		})
		slices.Sort(cards)
		return cards, messages
	}
	c, m := left(store.Pruning{Sent: now.Plus(-7 * day), Cards: now.Plus(-90 * day), Keep: 1000, Most: 1})
	same(b, "cards after 90 days", c, []string{"drawn", "ended", "ended-late", "last", "open"})
	same(b, "messages after 7 days", m, []string{"board", "open-news", "waits"})
	c, m = left(store.Pruning{Sent: now.Plus(-7 * day), Cards: now, Keep: 1000, Most: 10})
	same(b, "cards of quiet runs", c, []string{"drawn", "last", "open"})
	same(b, "boards of quiet runs", m, []string{"open-news", "waits"})
	b.write(func(tx *store.Tx) error {
		return tx.PutCard(b.Context(), store.Card{ID: "next", Dest: "console", Body: "{}", Made: now})
	})
	c, _ = left(store.Pruning{Keep: 1, Most: 10})
	same(b, "the newest and what is open", c, []string{"next", "open"})
}

const day = dr.Millis(24 * 60 * 60_000)
