package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func FuzzDecodeRow(f *testing.F) {
	for _, s := range []string{`{"n":1,"id":"a","amount":5,"site":"east","epoch":1,"at":1}`, `{"n":0}`, `{"n":1,"id":"a","x":2}`, ``, `[]`, "{\"n\":1,\"id\":\"\\u0000\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := decodeRow(b)
		if err != nil {
			return
		}
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeRow(line); err != nil || again != row {
			t.Errorf("%q became %+v, then %+v, %v", b, row, again, err)
		}
	})
}

func FuzzParseTransaction(f *testing.F) {
	for _, s := range []string{`{"id":"a","amount":5,"kind":"payment"}`, `{"id":"","kind":"login"}`, `{"kind":"x"}`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if tr, err := parseTransaction(b); err == nil && (tr.ID == "" || len(tr.ID) > 64 || tr.Kind == "") {
			t.Errorf("%q passed as %+v", b, tr)
		}
	})
}

func FuzzReadOrder(f *testing.F) {
	for _, s := range []string{"{\"node\":\"a\",\"args\":[\"stop\"]}\n", "{}\n", "\n", "{", "{\"args\":[1]}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		readOrder(bufio.NewReader(bytes.NewReader(b))) // must not panic, whatever it thinks of it
	})
}

// A ledger survives whatever its last write was cut into.
func TestATornLastLineIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ledger")
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		if err := l.append(Row{N: n, ID: string(rune('a' + n)), Amount: 10}); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := openLedger(path)
		if err != nil || again.size() != 2 || again.amount != 20 {
			t.Fatalf("cut at %d: %v, %d rows", cut, err, again.size())
		}
		again.file.Close()
		if b, err := os.ReadFile(path); err != nil || len(b) != last {
			t.Errorf("cut at %d: %d bytes left, want %d, %v", cut, len(b), last, err)
		}
	}
	if err := os.WriteFile(path, append([]byte("rubbish\n"), whole...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openLedger(path); err == nil {
		t.Error("a damaged ledger was opened")
	}
}
