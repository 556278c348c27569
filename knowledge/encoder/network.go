package encoder

import (
	"context"
	"math"
)

// network is a BERT encoder: both models are one, with different weights.
type network struct {
	words    words     // a row for each token of the vocabulary
	position []float32 // a row for each place in a window
	first    normal
	layers   []layer

	epsilon float32 // keeps a row of equal numbers from being divided by zero
}

type layer struct {
	qkv, attended, up, down   matrix
	afterAttention, afterFeed normal
}

// scratch is the memory of one pass. It grows to what the longest window so far needed.
type scratch struct {
	x, y, wide, room []float32
	steps            steps
}

// fit makes room for a window.
func (s *scratch) fit(tokens int) {
	t := roundUp(tokens)
	wide := max(3*width, hidden)
	if len(s.x) < t*width {
		*s = scratch{
			x: make([]float32, t*width), y: make([]float32, t*width), wide: make([]float32, t*wide),
			room:  make([]float32, attentionRoom(t)),
			steps: newSteps(t, max(width, hidden)),
		}
	}
}

// encode is the meaning of a window: the mean of its tokens after the last layer, at length 1.
func (n *network) encode(ctx context.Context, s *scratch, ids []uint32) ([]float32, error) {
	s.fit(len(ids))
	for t, id := range ids {
		n.words.row(id, s.x[t*width:(t+1)*width])
	}
	n.first.add(s.x, n.position, n.epsilon, len(ids), width)
	for i := range n.layers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n.pass(&n.layers[i], s, len(ids))
	}
	mean := make([]float32, width)
	for t := range ids {
		for i, f := range s.x[t*width : (t+1)*width] {
			mean[i] += f
		}
	}
	Unit(mean)
	return mean, nil
}

// pass sends the tokens through one layer: each looks at the others, then each thinks for itself.
func (n *network) pass(l *layer, s *scratch, tokens int) {
	l.qkv.apply(s.steps, s.x, s.wide, tokens)
	attend(s.wide, s.y, s.room, tokens)
	l.attended.apply(s.steps, s.y, s.y, tokens)
	l.afterAttention.add(s.x, s.y, n.epsilon, tokens, width)

	l.up.apply(s.steps, s.x, s.wide, tokens)
	gelu(s.wide[:tokens*hidden])
	l.down.apply(s.steps, s.wide, s.y, tokens)
	l.afterFeed.add(s.x, s.y, n.epsilon, tokens, width)
}

// Unit stretches a vector to length 1, in place; one of zeros stays as it is.
func Unit(v []float32) {
	var sum float64
	for _, f := range v {
		sum += float64(float64(f) * float64(f)) // rounded before it is added, on every processor
	}
	if sum == 0 {
		return
	}
	by := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= by
	}
}
