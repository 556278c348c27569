package knowledge

import (
	"context"
)

// Embedder turns text into vectors that are near each other where meanings are. It is a value of
// functions, so that an encoder in this process and a service far away are used alike.
type Embedder struct {
	Name   string // for people
	Digest string // of the model: vectors of another digest are never compared with its own
	Dim    int
	// Query is the vector of a question, of length 1.
	Query func(ctx context.Context, text string) ([]float32, error)
	// Passage is one vector of length 1 for each window of a passage; a long one has several.
	Passage func(ctx context.Context, heading, body string) ([][]float32, error)
	// Share is what the vectors count for beside the words of a question, from 0 to 1, give or take a little
	// by how much of it words find; AlertShare the same for alerts, 0 meaning Share.
	Share, AlertShare float64
	// Centre takes the middle of all passages of a script away from each of them before they are compared,
	// which a model needs whose vectors all lean one way.
	Centre bool
}

func (e *Embedder) share(k Kind) float64 {
	if k == Alert && e.AlertShare > 0 {
		return e.AlertShare
	}
	return e.Share
}

// Embedders are the models in use, each for its kind of question.
type Embedders struct {
	Main *Embedder // of questions in Latin script; nil: words alone
	CJK  *Embedder // of questions that hold Chinese or Japanese signs, and of passages in them; nil: words alone
}

func (es Embedders) list() []*Embedder { return []*Embedder{es.Main, es.CJK} }

// For chooses the model of a question; nil: words alone.
func (es Embedders) For(question string) *Embedder { return es.list()[scriptOfAsk(question)] }

// Keep stores vectors beyond the life of the process, by model and passage digest. Either may be nil.
type Keep struct {
	Load func(ctx context.Context, model string, each func(passage string, windows [][]float32) error) error
	Save func(ctx context.Context, model string, passages map[string][][]float32) error
}
