package knowledge

import (
	"cmp"
	"context"
	"slices"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// dense finds the passages of a view whose vectors are nearest. The vectors are in memory only, in a
// chromem-go collection; what outlives the process is kept by [Keep].
type dense struct {
	all     *cells
	windows [][]float32 // the same vectors
	owner   []uint32    // passage of each window
	firstOf []uint32    // window of each passage; one more than there are passages
}

// newDense is nil as long as a single passage has no vector.
func newDense(passages []*Passage, e *Embedder, v *vault) *dense {
	if e == nil || len(passages) == 0 {
		return nil
	}
	d := &dense{}
	for i, p := range passages {
		windows, ok := v.get(e.Digest, p.Digest)
		if !ok {
			return nil
		}
		d.firstOf = append(d.firstOf, uint32(len(d.windows)))
		for _, w := range windows {
			d.windows = append(d.windows, w)
			d.owner = append(d.owner, uint32(i))
		}
	}
	d.firstOf = append(d.firstOf, uint32(len(d.windows)))
	if e.Centre {
		d.centre(passages)
	}
	var err error
	if d.all, err = newCells(d.windows); err != nil {
		return nil
	}
	return d
}

// surely is how many vectors a mean needs before half of it is believed.
const surely = 10

// centre takes the mean away, of each language for itself: what all its passages have in common tells
// none from another. The mean of a few is mostly what they say, so little of it is taken.
func (d *dense) centre(passages []*Passage) {
	lang := make([]bool, len(passages))
	for i, p := range passages {
		lang[i] = mostlyCJK(p.Text)
	}
	sums, counts := map[bool][]float64{}, map[bool]float64{}
	for i, w := range d.windows {
		l := lang[d.owner[i]]
		if sums[l] == nil {
			sums[l] = make([]float64, len(w))
		}
		for j, f := range w {
			sums[l][j] += float64(f)
		}
		counts[l]++
	}
	out := make([][]float32, len(d.windows))
	for i, w := range d.windows {
		l := lang[d.owner[i]]
		out[i] = make([]float32, len(w))
		for j, f := range w {
			out[i][j] = f - float32(sums[l][j]/(counts[l]+surely))
		}
		encoder.Unit(out[i])
	}
	d.windows = out
}

func mostlyCJK(text string) bool {
	all, han := 0, 0
	for _, r := range text {
		if r > ' ' {
			all++
			if cjk(r) {
				han++
			}
		}
	}
	return han*5 > all
}

// near gives the n passages nearest to a question, each by its best window.
func (d *dense) near(ctx context.Context, query []float32, n int) (map[uint32]float64, error) {
	type one struct {
		passage uint32
		cosine  float64
	}
	var all []one
	err := d.all.query(ctx, query, n, func(window int, cosine float64) { all = append(all, one{d.owner[window], cosine}) })
	slices.SortFunc(all, func(a, b one) int { return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.passage, b.passage)) })
	out := make(map[uint32]float64, n)
	for _, o := range all {
		if _, better := out[o.passage]; !better && len(out) < n {
			out[o.passage] = o.cosine
		}
	}
	return out, err
}

// to is how near one passage is.
func (d *dense) to(passage uint32, query []float32) float64 {
	best := float32(0)
	for w := d.firstOf[passage]; w < d.firstOf[passage+1]; w++ {
		best = max(best, dot(d.windows[w], query))
	}
	return float64(best)
}
