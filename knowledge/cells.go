package knowledge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	chromem "github.com/philippgille/chromem-go"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// chromem-go compares a question with every vector there is, and takes a fifth of a second of one
// processor for a hundred thousand. So a large index is parted into cells of vectors that lie near each
// other, a collection each, and a question is compared with the middles of the cells first, then with what
// is in the nearest of them.
const (
	cellFrom  = 2000 // vectors from which on parting pays; fewer are one cell and searched to the last
	cellSize  = 200  // vectors of a cell, about
	mostCells = 128
	sampled   = 4000 // vectors the middles are found from
	rounds    = 4    // of finding them
	probed    = 0.2  // share of all vectors that is looked at
	moved     = 0.1  // share of them that may come and go before other middles are found
)

// cells are the vectors of a view in collections.
type cells struct {
	parts   []*chromem.Collection
	middles [][]float32
	homes   map[*float32]int // cell of each vector, by where it is kept; nil of one cell
	changes int              // vectors that came or went since the middles were found
}

// newCells parts vectors and puts them into collections, each under its place as a name. kept are the same
// vectors as the vault has them: those that were there before an edit are still in the cells they were in,
// since finding the middles takes most of the time.
func newCells(vectors, kept [][]float32, before *cells) (*cells, error) {
	c := before.after(vectors, kept)
	db := chromem.NewDB()
	never := func(context.Context, string) ([]float32, error) {
		return nil, errors.New("every document brings its vector")
	}
	for i := range c.middles {
		part, err := db.CreateCollection(strconv.Itoa(i), nil, never)
		if err != nil {
			return nil, fmt.Errorf("making a collection of vectors: %w", err)
		}
		c.parts = append(c.parts, part)
	}
	ctx := context.Background() // nothing waits: it is all in memory
	for i, v := range vectors {
		at := 0
		if len(c.parts) > 1 {
			at = c.homes[&kept[i][0]]
		}
		if err := c.parts[at].AddDocument(ctx, chromem.Document{ID: strconv.Itoa(i), Embedding: v}); err != nil {
			return nil, fmt.Errorf("adding a vector: %w", err)
		}
	}
	return c, nil
}

// after gives vectors their cells: those of before, unless too much has changed.
func (c *cells) after(vectors, kept [][]float32) *cells {
	if c != nil && c.homes != nil && len(vectors) >= cellFrom {
		next := &cells{middles: c.middles, homes: make(map[*float32]int, len(kept))}
		stay := 0
		for i, k := range kept {
			at, known := c.homes[&k[0]]
			if known {
				stay++
			} else {
				at = nearest(c.middles, vectors[i])
			}
			next.homes[&k[0]] = at
		}
		if next.changes = c.changes + len(kept) - stay + len(c.homes) - stay; float64(next.changes) <= moved*float64(len(kept)) {
			return next
		}
	}
	next := &cells{middles: middlesOf(vectors)}
	if len(next.middles) > 1 {
		next.homes = make(map[*float32]int, len(kept))
		for i, k := range kept {
			next.homes[&k[0]] = nearest(next.middles, vectors[i])
		}
	}
	return next
}

// middlesOf finds the middles of cells in a sample: k-means on the sphere, from evenly spread beginnings,
// so that the same vectors always give the same cells.
func middlesOf(vectors [][]float32) [][]float32 {
	n := len(vectors)
	if n < cellFrom {
		return make([][]float32, min(n, 1))
	}
	sample := make([][]float32, min(n, sampled))
	for i := range sample {
		sample[i] = vectors[i*n/len(sample)]
	}
	middles := make([][]float32, min(n/cellSize, mostCells))
	for i := range middles {
		middles[i] = slices.Clone(sample[i*len(sample)/len(middles)])
	}
	for range rounds {
		sums := make([][]float32, len(middles))
		for i := range sums {
			sums[i] = make([]float32, len(sample[0]))
		}
		for _, v := range sample {
			sum := sums[nearest(middles, v)]
			for j, f := range v {
				sum[j] += f
			}
		}
		for i, sum := range sums {
			encoder.Unit(sum)
			if dot(sum, sum) > 0 { // an empty cell keeps its middle
				middles[i] = sum
			}
		}
	}
	return middles
}

func nearest(middles [][]float32, v []float32) int {
	best, at := float32(-2), 0
	for i, m := range middles {
		if s := dot(m, v); s > best {
			best, at = s, i
		}
	}
	return at
}

// query gives up to n of the nearest vectors: those of the nearest cells that hold a fifth of all.
func (c *cells) query(ctx context.Context, v []float32, n int, each func(vector int, cosine float64)) error {
	order := make([]int, len(c.parts))
	near := make([]float32, len(c.parts))
	all := 0
	for i, m := range c.middles {
		order[i] = i
		if m != nil {
			near[i] = dot(m, v)
		}
		all += c.parts[i].Count()
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(near[b], near[a]), cmp.Compare(a, b)) })
	seen := 0
	for _, i := range order {
		size := c.parts[i].Count()
		if size == 0 {
			continue
		}
		found, err := c.parts[i].QueryEmbedding(ctx, v, min(n, size), nil, nil)
		if err != nil {
			return fmt.Errorf("asking the vectors: %w", err)
		}
		for _, f := range found {
			id, err := strconv.Atoi(f.ID)
			if err != nil {
				return fmt.Errorf("reading a vector's name: %w", err)
			}
			each(id, float64(f.Similarity))
		}
		if seen += size; float64(seen) >= probed*float64(all) && len(c.parts) > 1 {
			return nil
		}
	}
	return nil
}

// dot is the cosine of two vectors of length 1. Eight sums at once keep the processor from waiting for
// the one before.
func dot(v, q []float32) float32 {
	var s [8]float32
	for len(v) >= 8 && len(q) >= 8 {
		x, y := (*[8]float32)(v), (*[8]float32)(q)
		s[0] += x[0] * y[0]
		s[1] += x[1] * y[1]
		s[2] += x[2] * y[2]
		s[3] += x[3] * y[3]
		s[4] += x[4] * y[4]
		s[5] += x[5] * y[5]
		s[6] += x[6] * y[6]
		s[7] += x[7] * y[7]
		v, q = v[8:], q[8:]
	}
	for i := range min(len(v), len(q)) {
		s[0] += v[i] * q[i]
	}
	return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]
}
