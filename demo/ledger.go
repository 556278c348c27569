package demo

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Row is one line of a database's ledger.
type Row struct {
	N      int    `json:"n"` // 1, 2, 3 …
	ID     string `json:"id"`
	Amount int64  `json:"amount"` // in cents
	Site   string `json:"site"`   // where it was written first
	Epoch  int64  `json:"epoch"`  // of the primary that wrote it
	At     int64  `json:"at"`     // Unix milliseconds
}

// ledger is an append-only file of rows, held in memory as well. It is not safe for concurrent use;
// its database locks it.
type ledger struct {
	path   string
	file   *os.File
	rows   []Row
	byID   map[string]int
	amount int64
	chain  [sha256.Size]byte // each row's hash covers the one before it
}

// openLedger reads what an earlier life left. A last line without its end is cut off: it was never
// acknowledged.
func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	l := &ledger{path: path, file: f, byID: map[string]int{}}
	good, err := l.load(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Truncate(good); err != nil {
		f.Close()
		return nil, fmt.Errorf("cutting a torn line off %s: %w", filepath.Base(path), err)
	}
	if _, err := f.Seek(good, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("seeking in ledger: %w", err)
	}
	return l, nil
}

func (l *ledger) load(f io.Reader) (good int64, err error) {
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return good, nil
		}
		if err != nil {
			return 0, fmt.Errorf("reading ledger: %w", err)
		}
		row, err := decodeRow(line)
		if err != nil || row.N != len(l.rows)+1 {
			return 0, fmt.Errorf("%s, row %d is damaged", filepath.Base(l.path), len(l.rows)+1)
		}
		l.note(row, line)
		good += int64(len(line))
	}
}

// decodeRow reads one line of a ledger.
func decodeRow(line []byte) (Row, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var row Row
	if err := dec.Decode(&row); err != nil {
		return Row{}, fmt.Errorf("reading ledger row: %w", err)
	}
	if row.N < 1 || row.ID == "" {
		return Row{}, errors.New("reading ledger row: number or id is missing")
	}
	return row, nil
}

func (l *ledger) append(row Row) error {
	line, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("writing ledger row: %w", err)
	}
	line = append(line, '\n')
	if _, err := l.file.Write(line); err != nil {
		return fmt.Errorf("writing ledger row: %w", err)
	}
	l.note(row, line)
	return nil
}

func (l *ledger) note(row Row, line []byte) {
	l.rows = append(l.rows, row)
	l.byID[row.ID] = row.N
	l.amount += row.Amount
	l.chain = sha256.Sum256(append(l.chain[:], line...))
}

// cut keeps the first n rows and moves the rest to a file of their own, which it also returns.
func (l *ledger) cut(n int) ([]Row, error) {
	tail := append([]Row(nil), l.rows[n:]...)
	if err := writeJSON(fmt.Sprintf("%s.cut-%d", l.path, time.Now().UnixMilli()), tail); err != nil {
		return nil, fmt.Errorf("keeping the rows cut off: %w", err)
	}
	keep := l.rows[:n]
	l.rows, l.byID, l.amount, l.chain = nil, map[string]int{}, 0, [sha256.Size]byte{}
	var size int64
	for _, row := range keep {
		line, err := json.Marshal(row)
		if err != nil {
			return nil, fmt.Errorf("writing ledger row: %w", err)
		}
		line = append(line, '\n')
		size += int64(len(line))
		l.note(row, line)
	}
	if err := l.file.Truncate(size); err != nil {
		return nil, fmt.Errorf("cutting ledger: %w", err)
	}
	if _, err := l.file.Seek(size, io.SeekStart); err != nil {
		return nil, fmt.Errorf("seeking in ledger: %w", err)
	}
	return tail, nil
}

func (l *ledger) size() int { return len(l.rows) }

// Count is what reconciliation compares on both sides.
type Count struct {
	Count  int    `json:"count"`
	Amount int64  `json:"amount"`
	Digest string `json:"digest"`
	Role   string `json:"role"`
	Epoch  int64  `json:"epoch"`
	Site   string `json:"site"`
}

func (l *ledger) count() Count {
	return Count{Count: l.size(), Amount: l.amount, Digest: "sha256:" + hex.EncodeToString(l.chain[:])}
}

// writeJSON replaces a small file by rename.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// readJSON reads one; a file that is not there leaves v as it is.
func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
