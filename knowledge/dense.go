package knowledge

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// dense finds the passages of a view, of one script, whose vectors are nearest. The vectors are in memory
// only, in a chromem-go collection; what outlives the process is kept by [Keep].
type dense struct {
	all     *cells
	windows [][]float32 // the same vectors
	owner   []uint32    // passage of each window
	firstOf []uint32    // window of each passage of the view; one more than there are, none of the other script
}

// newDense is nil as long as a single passage of the script has no vector, and where there is none. before
// is what there was before an edit, if anything.
func newDense(passages []*Passage, s script, e *Embedder, v *vault, before *dense) *dense {
	if e == nil {
		return nil
	}
	d := &dense{}
	for i, p := range passages {
		d.firstOf = append(d.firstOf, uint32(len(d.windows)))
		if p.script != s {
			continue
		}
		windows, ok := v.get(e.Digest, p.Digest)
		if !ok {
			return nil
		}
		for _, w := range windows {
			d.windows = append(d.windows, w)
			d.owner = append(d.owner, uint32(i))
		}
	}
	d.firstOf = append(d.firstOf, uint32(len(d.windows)))
	if len(d.windows) == 0 {
		return nil
	}
	kept := d.windows
	if e.Centre {
		d.centre()
	}
	var cellsBefore *cells
	if before != nil {
		cellsBefore = before.all
	}
	var err error
	if d.all, err = newCells(d.windows, kept, cellsBefore); err != nil {
		return nil
	}
	return d
}

// surely is how many vectors a mean needs before half of it is believed.
const surely = 10

// centre takes the mean away: what all passages of a script have in common tells none from another. The
// mean of a few is mostly what they say, so little of it is taken.
func (d *dense) centre() {
	sum := make([]float64, len(d.windows[0]))
	for _, w := range d.windows {
		for i, f := range w {
			sum[i] += float64(f)
		}
	}
	mean := make([]float32, len(sum))
	for i, s := range sum {
		mean[i] = float32(s / float64(len(d.windows)+surely))
	}
	out := make([][]float32, len(d.windows))
	for i, w := range d.windows {
		out[i] = slices.Clone(w)
		encoder.Centre(out[i], mean)
	}
	d.windows = out
}

// near adds the n passages nearest to a question, each by its best window.
func (d *dense) near(ctx context.Context, query []float32, n int, out map[uint32]float64) error {
	type one struct {
		passage uint32
		cosine  float64
	}
	var all []one
	err := d.all.query(ctx, query, n, func(window int, cosine float64) { all = append(all, one{d.owner[window], cosine}) })
	slices.SortFunc(all, func(a, b one) int { return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.passage, b.passage)) })
	for _, o := range all {
		if _, better := out[o.passage]; !better && n > 0 {
			out[o.passage] = o.cosine
			n--
		}
	}
	return err
}

// to is how near one passage is.
func (d *dense) to(passage uint32, query []float32) float64 {
	best := float32(0)
	for w := d.firstOf[passage]; w < d.firstOf[passage+1]; w++ {
		best = max(best, dot(d.windows[w], query))
	}
	return float64(best)
}
