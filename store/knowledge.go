package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// vectorPage is how many passages are read at once: some megabytes.
const vectorPage = 1000

// Vectors hands on the vectors of every passage a model has encoded, one for each window of the passage.
// A row that does not hold together is left out: it is made again.
func (r *Reader) Vectors(ctx context.Context, model string, each func(passage string, windows [][]float32) error) error {
	for after := ""; ; {
		rows, err := r.q.PassageVectors(ctx, model, after, vectorPage)
		if err != nil {
			return fmt.Errorf("reading vectors of model %s: %w", model, err)
		}
		for _, row := range rows {
			after = row.Passage
			windows, ok := windowsOf(row.Body, int(row.Dim))
			if !ok {
				continue
			}
			if err := each(row.Passage, windows); err != nil {
				return err
			}
		}
		if len(rows) < vectorPage {
			return nil
		}
	}
}

func windowsOf(body []byte, dim int) ([][]float32, bool) {
	if dim <= 0 || len(body) == 0 || len(body)%(4*dim) != 0 {
		return nil, false
	}
	flat := make([]float32, len(body)/4)
	for i := range flat {
		flat[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return slices.Collect(slices.Chunk(flat, dim)), true
}

// PutVectors stores vectors of one model by passage. All vectors have the same dimension.
func (t *Tx) PutVectors(ctx context.Context, model string, passages map[string][][]float32) error {
	for _, passage := range slices.Sorted(maps.Keys(passages)) {
		windows := passages[passage]
		if len(windows) == 0 || len(windows[0]) == 0 {
			return fmt.Errorf("storing vectors of passage %s: there are none", passage)
		}
		dim := len(windows[0])
		body := make([]byte, 0, 4*dim*len(windows))
		for _, w := range windows {
			if len(w) != dim {
				return fmt.Errorf("storing vectors of passage %s: one has %d numbers, another %d", passage, dim, len(w))
			}
			for _, f := range w {
				body = binary.LittleEndian.AppendUint32(body, math.Float32bits(f))
			}
		}
		err := t.q.PutPassageVector(ctx, queries.PutPassageVectorParams{Model: model, Passage: passage, Dim: int64(dim), Body: body})
		if err != nil {
			return fmt.Errorf("storing vectors of passage %s: %w", passage, err)
		}
	}
	return nil
}

// VectorNames lists which passages have vectors, by model.
func (r *Reader) VectorNames(ctx context.Context) (map[string][]string, error) {
	rows, err := r.q.PassageVectorNames(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing vectors: %w", err)
	}
	out := map[string][]string{}
	for _, row := range rows {
		out[row.Model] = append(out[row.Model], row.Passage)
	}
	return out, nil
}

// DropVectors forgets the vectors of passages, as of those no runbook holds any more.
func (t *Tx) DropVectors(ctx context.Context, model string, passages []string) error {
	for _, passage := range passages {
		if err := t.q.DropPassageVector(ctx, model, passage); err != nil {
			return fmt.Errorf("dropping vectors of passage %s: %w", passage, err)
		}
	}
	return nil
}

// Runbook is a document as it was last seen.
type Runbook struct {
	Doc     string
	Digest  string
	Changed dr.Time // when this digest was first seen
}

// Runbooks lists the documents seen last, by path.
func (r *Reader) Runbooks(ctx context.Context) ([]Runbook, error) {
	rows, err := r.q.Runbooks(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading runbooks: %w", err)
	}
	out := make([]Runbook, len(rows))
	for i, row := range rows {
		out[i] = Runbook{Doc: row.Doc, Digest: row.Digest, Changed: dr.FromMicros(row.ChangedAt)}
	}
	return out, nil
}

// PutRunbook notes a document's digest; the time counts only if the digest is another than before.
func (t *Tx) PutRunbook(ctx context.Context, b Runbook) error {
	if err := t.q.PutRunbook(ctx, b.Doc, b.Digest, b.Changed.Micros()); err != nil {
		return fmt.Errorf("storing the state of runbook %s: %w", b.Doc, err)
	}
	return nil
}

// DropRunbook forgets a document that is gone.
func (t *Tx) DropRunbook(ctx context.Context, doc string) error {
	if err := t.q.DropRunbook(ctx, doc); err != nil {
		return fmt.Errorf("forgetting runbook %s: %w", doc, err)
	}
	return nil
}
