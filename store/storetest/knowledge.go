package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func vectors(b *bench) {
	many := map[string][][]float32{}
	for i := range 1100 { // more than are read at once
		many[fmt.Sprintf("p%04d", i)] = [][]float32{{float32(i), -0.5}, {0, 1}}
	}
	b.write(func(tx *store.Tx) error {
		return errors.Join(tx.PutVectors(b.Context(), "small", many), tx.PutVectors(b.Context(), "large", map[string][][]float32{"p0001": {{1, 2, 3}}}))
	})
	b.write(func(tx *store.Tx) error { // again, with another dimension
		return errors.Join(tx.PutVectors(b.Context(), "large", map[string][][]float32{"p0001": {{4, 5, 6, 7}}}),
			tx.DropVectors(b.Context(), "small", []string{"p0002", "nobody"}))
	})
	delete(many, "p0002")
	b.read(func(r *store.Reader) error {
		got := map[string][][]float32{}
		err := r.Vectors(b.Context(), "small", func(p string, w [][]float32) error { got[p] = w; return nil })
		same(b, "vectors", got, many)
		clear(got)
		err2 := r.Vectors(b.Context(), "large", func(p string, w [][]float32) error { got[p] = w; return nil })
		same(b, "vectors of the other model", got, map[string][][]float32{"p0001": {{4, 5, 6, 7}}})
		names, err3 := r.VectorNames(b.Context())
		same(b, "names", []int{len(names["small"]), len(names["large"])}, []int{1099, 1})
		return errors.Join(err, err2, err3)
	})
	for name, bad := range map[string][][]float32{"none": nil, "uneven": {{1, 2}, {1}}} {
		err := b.s.Write(b.Context(), func(tx *store.Tx) error {
			return tx.PutVectors(b.Context(), "small", map[string][][]float32{"x": bad})
		})
		if err == nil {
			b.Errorf("vectors were stored though they are %s", name)
		}
	}
}

func runbooks(b *bench) {
	first := b.time.time()
	put := func(doc, digest string, at dr.Time) {
		b.write(func(tx *store.Tx) error {
			return tx.PutRunbook(b.Context(), store.Runbook{Doc: doc, Digest: digest, Changed: at})
		})
	}
	later := dr.At(first.Add(time.Hour))
	put("runbooks/a.md", "1", first)
	put("runbooks/b.md", "1", first)
	put("runbooks/c.md", "1", first)
	put("runbooks/a.md", "1", later) // seen again, not changed
	put("runbooks/b.md", "2", later)
	b.write(func(tx *store.Tx) error { return tx.DropRunbook(b.Context(), "runbooks/c.md") })
	b.read(func(r *store.Reader) error {
		all, err := r.Runbooks(b.Context())
		same(b, "runbooks", all, []store.Runbook{{Doc: "runbooks/a.md", Digest: "1", Changed: first}, {Doc: "runbooks/b.md", Digest: "2", Changed: later}})
		return err
	})
}

// modelUse has two servers add to the same day.
func modelUse(b *bench) {
	add := func(day string, tokens, calls int64) (sum store.ModelUse) {
		b.write(func(tx *store.Tx) (err error) {
			sum, err = tx.AddModelUse(b.Context(), store.ModelUse{Day: day, Tokens: tokens, Calls: calls})
			return err
		})
		return sum
	}
	same(b, "asked before anything was used", add("2026-08-01", 0, 0), store.ModelUse{Day: "2026-08-01"})
	add("2026-08-01", 7, 1)
	add("2026-11-20", 90, 2)
	same(b, "what two servers used", add("2026-11-20", 10, 1), store.ModelUse{Day: "2026-11-20", Tokens: 100, Calls: 3})
	same(b, "a day long ago", add("2026-08-01", 0, 0), store.ModelUse{Day: "2026-08-01"})
	if err := b.s.Write(b.Context(), func(tx *store.Tx) error {
		_, err := tx.AddModelUse(b.Context(), store.ModelUse{Day: "today"})
		return err
	}); err == nil {
		b.Error("a day that is none was taken")
	}
}
