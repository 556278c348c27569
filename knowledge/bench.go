package knowledge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	chromem "github.com/philippgille/chromem-go"
)

// Alone is the yardstick of a search by vectors: one chromem-go collection with all of them, asked for
// the ten nearest. Measurements only.
func Alone(ctx context.Context, vectors [][]float32) (ask func(query []float32) error, err error) {
	never := func(context.Context, string) ([]float32, error) {
		return nil, fmt.Errorf("every document brings its vector")
	}
	all, err := chromem.NewDB().CreateCollection("all", nil, never)
	if err != nil {
		return nil, fmt.Errorf("making a collection of vectors: %w", err)
	}
	for i, v := range vectors {
		if err := all.AddDocument(ctx, chromem.Document{ID: strconv.Itoa(i), Embedding: v}); err != nil {
			return nil, fmt.Errorf("adding a vector: %w", err)
		}
	}
	return func(query []float32) error {
		_, err := all.QueryEmbedding(ctx, query, min(defaultLimit, len(vectors)), nil, nil)
		return err
	}, nil
}

// Plain is the yardstick of a ranking: passages by BM25F alone, at most ten. Measurements only.
func (x *Index) Plain(q Query) []Result {
	w := x.view(x.current.Load(), q.Audience)
	a := w.ask(q)
	scores := make([]float32, len(w.passages))
	w.parts.score(a.terms[:a.own], scores)
	var all []candidate
	for _, p := range best(scores, pool) {
		all = append(all, candidate{passage: p, score: float64(scores[p])})
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.passage, y.passage))
	})
	return w.spread(a, all, defaultLimit)
}
