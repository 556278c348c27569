package store

import (
	"context"
	"fmt"
	"time"
)

// ModelUse is what was asked of language models in a day.
type ModelUse struct {
	Day    string // 2026-11-20
	Tokens int64
	Calls  int64
}

// useKept is how many days are kept, for whoever asks what it came to.
const useKept = 90

// AddModelUse adds to a day and gives what all servers together have come to; adding nothing only asks.
func (t *Tx) AddModelUse(ctx context.Context, more ModelUse) (ModelUse, error) {
	day, err := time.Parse(time.DateOnly, more.Day)
	if err != nil {
		return ModelUse{}, fmt.Errorf("adding to what models were used: %w", err)
	}
	sum, err := t.q.AddModelUse(ctx, more.Day, more.Tokens, more.Calls)
	if err == nil {
		err = t.q.TrimModelUse(ctx, day.AddDate(0, 0, -useKept).Format(time.DateOnly))
	}
	if err != nil {
		return ModelUse{}, fmt.Errorf("adding to what models were used: %w", err)
	}
	return ModelUse{Day: more.Day, Tokens: sum.Tokens, Calls: sum.Calls}, nil
}
