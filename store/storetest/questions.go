package storetest

import (
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// questions: what was said of answers, and what was asked in vain.
func questions(b *bench) {
	ctx := b.Context()
	at := dr.FromMicros(1_000_000_000)
	b.write(func(tx *store.Tx) error {
		for i, verdict := range []string{"helped", "wrong"} {
			f := store.Feedback{ID: "f1", At: at.Plus(dr.Millis(i)), Person: "ada", Verdict: verdict, Note: "the view has a new name", Question: "how far behind?", Docs: []string{"runbooks/lag.md"}}
			if err := tx.PutFeedback(ctx, f); err != nil {
				return err
			}
		}
		for i := range 3 {
			if err := tx.PutUnanswered(ctx, store.Unanswered{ID: "q1", Question: "who has the key?", Lang: "en", Last: at.Plus(dr.Millis(i))}); err != nil {
				return err
			}
		}
		return tx.PutUnanswered(ctx, store.Unanswered{ID: "q2", Question: "钥匙在哪里", Lang: "zh", Last: at.Plus(10)})
	})
	var said []store.Feedback
	var vain []store.Unanswered
	look := func() {
		b.Helper()
		b.read(func(r *store.Reader) (err error) {
			if said, err = r.Feedback(ctx, 10); err == nil {
				vain, err = r.Unanswered(ctx, 10)
			}
			return err
		})
	}
	look()
	if len(said) != 1 || said[0].Verdict != "wrong" || said[0].Docs[0] != "runbooks/lag.md" || !said[0].At.Equal(at.Plus(1).Time) {
		b.Errorf("%+v", said)
	}
	if len(vain) != 2 || vain[0].ID != "q2" || vain[1].Times != 3 || !vain[1].First.Equal(at.Time) || !vain[1].Last.Equal(at.Plus(2).Time) {
		b.Errorf("%+v", vain)
	}
	b.write(func(tx *store.Tx) error { return tx.DropUnanswered(ctx, "q1") })
	if look(); len(vain) != 1 {
		b.Errorf("%+v", vain)
	}
}
