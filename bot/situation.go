package bot

import (
	"context"

	"github.com/switchman-dr/switchman/dr"
)

// Situations is what the conversation reads of what is going on, and the one thing it writes: what a person
// said of the advice. Nil in [Config]: nothing watches the house, and the cards say so.
type Situations struct {
	// List gives situations, those that are open first, the newest first among them; all: the ended ones too,
	// as far as they are kept.
	List func(ctx context.Context, all bool) ([]dr.Situation, error)
	// Get is one; an error of kind dr.NotFound where there is none, or none any more.
	Get func(ctx context.Context, id string) (dr.Situation, error)
	// Signals are those that belong to it, the oldest first, bounded: its timeline.
	Signals func(ctx context.Context, id string) ([]dr.Signal, error)
	// Noise are those that came in meanwhile and were left out, bounded.
	Noise func(ctx context.Context, id string) ([]dr.Signal, error)
	// Unresolved are alerts that fire and whose labels name nothing of the organisation, the newest first,
	// bounded: they belong to no situation and stay visible as such.
	Unresolved func(ctx context.Context) ([]dr.Signal, error)
	// Answer keeps what somebody said of the advice: NotThis, or nothing, which takes it back.
	Answer func(ctx context.Context, by dr.Actor, id, answer string) error
}

// NotThis is the answer that the advice does not fit.
const NotThis = "not_this"
