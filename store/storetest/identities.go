package storetest

import (
	"errors"
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
