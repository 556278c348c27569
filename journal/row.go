package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
)

// MaxRow bounds a row. What is longer belongs into a blob whose digest the row holds.
const MaxRow = 1 << 20

// Encode writes a row in its one form: fields in the order of [dr.Row], no blanks, no escapes that
// are not needed.
func Encode(r dr.Row) ([]byte, error) {
	if r.Kind == "" {
		return nil, errors.New("journal row without a kind")
	}
	if r.Seq < 0 {
		return nil, fmt.Errorf("journal row with sequence %d", r.Seq)
	}
	if len(r.Data) == 0 {
		r.Data = json.RawMessage("{}")
	}
	if err := checkJSON(r.Data); err != nil {
		return nil, fmt.Errorf("data of a %s row: %w", r.Kind, err)
	}
	return write(r)
}

// write is Encode for data already checked.
func write(r dr.Row) ([]byte, error) {
	r.At = dr.At(r.At.Time)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("writing a %s row: %w", r.Kind, err)
	}
	b := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(b) > MaxRow {
		return nil, fmt.Errorf("a %s row of %d bytes is over the limit of %d; put the text into a blob", r.Kind, len(b), MaxRow)
	}
	return b, nil
}

// Decode reads a row and refuses every form but the one [Encode] writes.
func Decode(raw []byte) (dr.Row, error) {
	if len(raw) > MaxRow {
		return dr.Row{}, fmt.Errorf("journal row of %d bytes is over the limit of %d", len(raw), MaxRow)
	}
	if row, ok := quick(raw); ok {
		return row, nil
	}
	return decode(raw)
}

// decode is [Decode] for every row there can be.
func decode(raw []byte) (dr.Row, error) {
	if err := checkJSON(raw); err != nil {
		return dr.Row{}, fmt.Errorf("journal row: %w", err)
	}
	var r dr.Row
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return dr.Row{}, fmt.Errorf("journal row: %w", err)
	}
	if r.Kind == "" || r.Seq < 0 || len(r.Data) == 0 {
		return dr.Row{}, errors.New("journal row without kind, place or data")
	}
	again, err := write(r)
	if err != nil {
		return dr.Row{}, err
	}
	if !bytes.Equal(raw, again) {
		return dr.Row{}, errors.New("journal row is not in canonical form")
	}
	return r, nil
}

// DecodeData reads a row's data into the struct its kind names and refuses keys the struct does not
// have in exactly these letters.
func DecodeData(r dr.Row, into any) error {
	if err := checkJSON(r.Data); err != nil {
		return fmt.Errorf("data of row %d (%s): %w", r.Seq, r.Kind, err)
	}
	dec := json.NewDecoder(bytes.NewReader(r.Data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("data of row %d (%s): %w", r.Seq, r.Kind, err)
	}
	if err := checkKeys(r.Data, into); err != nil {
		return fmt.Errorf("data of row %d (%s): %w", r.Seq, r.Kind, err)
	}
	return nil
}
