package knowledge

import (
	"context"
	"fmt"
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
