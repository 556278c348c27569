package knowledge

import (
	"context"

	"github.com/switchman-dr/switchman/store"
)

// KeepIn keeps vectors in the store, beside everything else that must outlive the process.
func KeepIn(st *store.Store) Keep {
	return Keep{
		Load: func(ctx context.Context, model string, each func(string, [][]float32) error) error {
			return st.Read(ctx, func(r *store.Reader) error { return r.Vectors(ctx, model, each) })
		},
		Save: func(ctx context.Context, model string, passages map[string][][]float32) error {
			return st.Write(ctx, func(tx *store.Tx) error { return tx.PutVectors(ctx, model, passages) })
		},
	}
}
