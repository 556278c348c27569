package journal

import (
	"fmt"
	"iter"

	"github.com/switchman-dr/switchman/dr"
)

// Problem is the first thing found wrong with a journal. Seq is the row it was found at, -1 when
// only the whole tells.
type Problem struct {
	Code string // row | sequence | signature | size | root | hash | key | register
	Seq  int64
	Text string
}

func (p *Problem) Error() string {
	if p.Seq >= 0 {
		return fmt.Sprintf("row %d: %s", p.Seq, p.Text)
	}
	return p.Text
}

// Check reads a whole journal, from row 0 on, and compares it with a checkpoint signed by one of
// the keys. It returns the checkpoint and nil, or the first problem as a [*Problem]; an error of
// the rows themselves ends the check and is returned as it is.
func Check(rows iter.Seq2[[]byte, error], note []byte, keys ...string) (Checkpoint, error) {
	cp, err := Verify(note, keys...)
	if err != nil {
		return Checkpoint{}, &Problem{Code: "signature", Seq: -1, Text: err.Error()}
	}
	var edge Edge
	var fold Fold
	for raw, err := range rows {
		if err != nil {
			return Checkpoint{}, fmt.Errorf("reading row %d: %w", edge.size, err)
		}
		row, err := CheckRow(raw, edge.size)
		if err == nil {
			err = fold.Read(row)
		}
		if err != nil {
			return Checkpoint{}, err
		}
		edge.Append(raw)
	}
	if err := CheckHead(edge.Head(), cp); err != nil {
		return cp, err
	}
	return cp, fold.Check(cp)
}

// CheckRow decodes one row strictly and compares its place.
func CheckRow(raw []byte, seq int64) (dr.Row, error) {
	row, err := Decode(raw)
	if err != nil {
		return row, &Problem{Code: "row", Seq: seq, Text: err.Error()}
	}
	if row.Seq != seq {
		return row, &Problem{Code: "sequence", Seq: seq, Text: fmt.Sprintf("holds row %d; rows were cut, added or swapped", row.Seq)}
	}
	return row, nil
}

// CheckHead compares a tree made from rows with what a checkpoint says.
func CheckHead(h Head, cp Checkpoint) error {
	if h.Size != cp.Size {
		return &Problem{Code: "size", Seq: -1, Text: fmt.Sprintf("the journal has %d rows, its checkpoint says %d", h.Size, cp.Size)}
	}
	root, err := Root(h)
	if err != nil {
		return err
	}
	if root != cp.Root {
		return &Problem{Code: "root", Seq: -1, Text: fmt.Sprintf("the %d rows have root %s, their checkpoint says %s", h.Size, root, cp.Root)}
	}
	return nil
}
