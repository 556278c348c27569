package actions

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxRows bounds the rows of one side.
const maxRows = 1_000_000

// side is one side of a protection as it was read.
type side struct {
	name   string
	count  int64
	amount int64
	digest string          // as the side told it; "": it told none
	rows   map[string]line // nil: the side told totals only
}

// line is one row, with a digest of everything in it.
type line struct {
	amount int64
	sum    [8]byte
}

// totals is the form with totals; Rows may be left out.
type totals struct {
	Count  *int64            `json:"count"`
	Amount json.RawMessage   `json:"amount"`
	Digest string            `json:"digest"`
	Rows   []json.RawMessage `json:"rows"`
}

// parseSide reads either form. A single object with a count is totals; everything else is lines.
func parseSide(raw []byte, scale int) (*side, error) {
	raw = bytes.TrimSpace(raw)
	var t totals
	if json.Unmarshal(raw, &t) == nil && t.Count != nil {
		return fromTotals(t, scale)
	}
	out := &side{rows: map[string]line{}}
	scan := bufio.NewScanner(bytes.NewReader(raw))
	scan.Buffer(nil, maxText)
	for n := 1; scan.Scan(); n++ {
		text := bytes.TrimSpace(scan.Bytes())
		if len(text) == 0 {
			continue
		}
		if err := out.add(text, scale); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("reading lines: %w", err)
	}
	return out, nil
}

func fromTotals(t totals, scale int) (*side, error) {
	out := &side{}
	if t.Rows != nil {
		out.rows = map[string]line{}
		for i, raw := range t.Rows {
			if err := out.add(raw, scale); err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
		}
	}
	if *t.Count < 0 {
		return nil, errors.New("a negative count")
	}
	amount := out.amount
	if len(t.Amount) > 0 {
		var err error
		if amount, err = minor(t.Amount, scale); err != nil {
			return nil, fmt.Errorf("amount: %w", err)
		}
	}
	if out.rows != nil && (out.count != *t.Count || out.amount != amount) {
		return nil, fmt.Errorf("its own totals (%d, %d) are not those of its rows (%d, %d)", *t.Count, amount, out.count, out.amount)
	}
	out.count, out.amount, out.digest = *t.Count, amount, t.Digest
	return out, nil
}

// add takes one row. Two rows with one id are an error: nothing could be told about them.
func (s *side) add(raw []byte, scale int) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return errors.New("no JSON object")
	}
	id, err := rowID(fields["id"])
	if err != nil {
		return err
	}
	l := line{}
	if rawAmount := fields["amount"]; len(rawAmount) > 0 {
		if l.amount, err = minor(rawAmount, scale); err != nil {
			return fmt.Errorf("amount of %s: %w", quote(id), err)
		}
	}
	if _, twice := s.rows[id]; twice {
		return fmt.Errorf("id %s twice", quote(id))
	}
	if len(s.rows) >= maxRows {
		return fmt.Errorf("more than %d rows; let the side answer totals", maxRows)
	}
	sum, ok := within(s.amount, l.amount)
	if !ok {
		return errors.New("the sum of amounts is too large")
	}
	fields["amount"] = strconv.AppendInt(nil, l.amount, 10) // 12.5 and 12.50 are the same
	canonical, err := json.Marshal(fields)
	if err != nil {
		return errors.New("no JSON object")
	}
	digest := sha256.Sum256(canonical)
	copy(l.sum[:], digest[:])
	s.rows[id], s.amount, s.count = l, sum, s.count+1
	return nil
}

// rowID takes text or a whole number.
func rowID(raw json.RawMessage) (string, error) {
	var id string
	if json.Unmarshal(raw, &id) == nil && id != "" {
		return id, nil
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return "", errors.New("a row without id")
}

// minor reads an amount, a JSON number or text, as a whole number of the smallest unit.
func minor(raw json.RawMessage, scale int) (int64, error) {
	text := string(raw)
	var quoted string
	if json.Unmarshal(raw, &quoted) == nil {
		text = quoted
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, decimals, _ := strings.Cut(digits, ".")
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > scale {
		return 0, fmt.Errorf("has more than %d decimals: set scale", scale)
	}
	all := whole + decimals + strings.Repeat("0", scale-len(decimals))
	n, err := strconv.ParseInt(all, 10, 64)
	if err != nil || whole == "" || all[0] == '+' || all[0] == '-' {
		return 0, errors.New("is no plain decimal number")
	}
	if negative {
		n = -n
	}
	return n, nil
}

// fingerprint names the content of a side: of its rows in any order, or as the side told it.
func (s *side) fingerprint() string {
	if s.rows == nil {
		return s.digest
	}
	ids := make([]string, 0, len(s.rows))
	for id := range s.rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	h := sha256.New()
	for _, id := range ids {
		sum := s.rows[id].sum
		h.Write(sum[:])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// difference is the outcome of a comparison.
type difference struct {
	left, right          *side
	lost, extra, changed int64
	lostAmount           int64
	list                 []string
	most                 int
}

// compare compares row by row where both sides have rows, by totals otherwise.
func compare(left, right *side, most int) *difference {
	d := &difference{left: left, right: right, most: most}
	if left.rows == nil || right.rows == nil {
		d.lost = max(0, left.count-right.count)
		d.extra = max(0, right.count-left.count)
		d.lostAmount = max(0, left.amount-right.amount)
		return d
	}
	var ids []string
	for id := range left.rows {
		ids = append(ids, id)
	}
	for id := range right.rows {
		if _, both := left.rows[id]; !both {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		d.row(id)
	}
	return d
}

func (d *difference) row(id string) {
	l, inLeft := d.left.rows[id]
	r, inRight := d.right.rows[id]
	switch {
	case !inRight:
		d.lost++
		d.lostAmount += l.amount
		d.note("lost\t%s\t%d", id, l.amount)
	case !inLeft:
		d.extra++
		d.note("extra\t%s\t%d", id, r.amount)
	case l.amount != r.amount:
		d.changed++
		d.note("changed\t%s\t%d\t%d", id, l.amount, r.amount)
	case l.sum != r.sum:
		d.changed++
		d.note("changed\t%s\t%d\t(other fields)", id, l.amount)
	}
}

func (d *difference) note(format string, a ...any) {
	if len(d.list) < d.most {
		d.list = append(d.list, fmt.Sprintf(format, a...))
	}
}

// equal wants the same count and amount, no row that differs, and the same digest where both told one.
func (d *difference) equal() bool {
	l, r := d.left, d.right
	return l.count == r.count && l.amount == r.amount && d.lost+d.extra+d.changed == 0 &&
		(l.digest == r.digest || l.rows != nil && r.rows != nil || l.digest == "" || r.digest == "")
}

func (d *difference) words() string {
	l, r := d.left, d.right
	if d.equal() {
		return fmt.Sprintf("equal: %d rows, amount %d on both sides", l.count, l.amount)
	}
	text := fmt.Sprintf("different: %s has %d rows, amount %d; %s has %d rows, amount %d; lost %d, extra %d, changed %d",
		l.name, l.count, l.amount, r.name, r.count, r.amount, d.lost, d.extra, d.changed)
	if l.count == r.count && l.amount == r.amount && d.changed == 0 {
		text += "; the digests differ"
	}
	return text
}

func (d *difference) facts() map[string]int64 {
	return map[string]int64{
		"left_count": d.left.count, "right_count": d.right.count, "left_amount": d.left.amount, "right_amount": d.right.amount,
		"lost": d.lost, "extra": d.extra, "changed": d.changed, "lost_amount": d.lostAmount,
	}
}

// write lists totals and differences.
func (d *difference) write(w io.Writer) {
	var b strings.Builder
	for _, s := range []*side{d.left, d.right} {
		fmt.Fprintf(&b, "side\t%s\tcount %d\tamount %d\t%s\n", s.name, s.count, s.amount, s.fingerprint())
	}
	for _, l := range d.list {
		b.WriteString(l + "\n")
	}
	if more := d.lost + d.extra + d.changed - int64(len(d.list)); more > 0 && d.left.rows != nil && d.right.rows != nil {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	io.WriteString(w, b.String()) //nolint:errcheck // a keeper never fails
}
