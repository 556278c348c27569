package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/dr"
)

func testRow(seq int64) dr.Row {
	return dr.Row{Seq: seq, At: dr.At(time.Date(2026, 11, 3, 2, 0, 0, int(seq)*1e6, time.UTC)), Run: "r1", Kind: dr.RowVote, Actor: "lin", Surface: "cli",
		Data: json.RawMessage(fmt.Sprintf(`{"person":"林华","n":%d,"text":"<a&b>"}`, seq))}
}

func testKey(t testing.TB) *Signer {
	t.Helper()
	key, err := NewKey(rand.Reader, Origin("harbor-bank"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// testLog is a journal of n rows with its stored hashes and signed head.
func testLog(t testing.TB, key *Signer, n int64) (rows [][]byte, hashes []tlog.Hash, head Head) {
	t.Helper()
	for seq := range n {
		raw, err := Encode(testRow(seq))
		if err != nil {
			t.Fatal(err)
		}
		var stored []tlog.Hash
		if head, stored, err = Append(head, raw); err != nil {
			t.Fatal(err)
		}
		for level, h := range stored {
			if at := tlog.StoredHashIndex(level, seq>>level); at != int64(len(hashes)) {
				t.Fatalf("row %d stores hash %d after %d", seq, at, len(hashes))
			}
			hashes = append(hashes, h)
		}
		rows = append(rows, raw)
	}
	root, err := Root(head)
	if err != nil {
		t.Fatal(err)
	}
	if head.Note, err = key.Sign(head, root); err != nil {
		t.Fatal(err)
	}
	return rows, hashes, head
}

func reader(hashes []tlog.Hash) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			if x < 0 || x >= int64(len(hashes)) {
				return nil, fmt.Errorf("no hash %d", x)
			}
			out[i] = hashes[x]
		}
		return out, nil
	})
}

func seqOf(rows [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func TestRowHasOneForm(t *testing.T) {
	raw, err := Encode(testRow(7))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":7,"at":"2026-11-03T02:00:00.007Z","run":"r1","kind":"vote","actor":"lin","surface":"cli","data":{"person":"林华","n":7,"text":"<a&b>"}}`
	if string(raw) != want {
		t.Errorf("a row is\n%s, want\n%s", raw, want)
	}
	back, err := Decode(raw)
	if err != nil || back.Seq != 7 || back.Actor != "lin" || string(back.Data) != `{"person":"林华","n":7,"text":"<a&b>"}` {
		t.Errorf("it comes back as %+v, %v", back, err)
	}
	for name, other := range map[string]string{
		"blank":             strings.Replace(want, `"seq":7`, `"seq": 7`, 1),
		"trailing newline":  want + "\n",
		"trailing value":    want + "{}",
		"second key":        strings.Replace(want, `"seq":7`, `"seq":6,"seq":7`, 1),
		"second data":       strings.Replace(want, `"data":`, `"data":{},"data":`, 1),
		"other letters":     strings.Replace(want, `"kind"`, `"Kind"`, 1),
		"unknown key":       strings.Replace(want, `"run"`, `"extra":1,"run"`, 1),
		"other order":       strings.Replace(want, `"seq":7,"at":"2026-11-03T02:00:00.007Z"`, `"at":"2026-11-03T02:00:00.007Z","seq":7`, 1),
		"empty field":       strings.Replace(want, `"actor":"lin"`, `"actor":""`, 1),
		"escaped":           strings.Replace(want, `"lin"`, `"\u006cin"`, 1),
		"other zone":        strings.Replace(want, `02:00:00.007Z`, `10:00:00.007+08:00`, 1),
		"more digits":       strings.Replace(want, `.007Z`, `.0070Z`, 1),
		"exponent":          strings.Replace(want, `"seq":7`, `"seq":7e0`, 1),
		"minus zero":        strings.Replace(want, `"seq":7`, `"seq":-0`, 1),
		"negative":          strings.Replace(want, `"seq":7`, `"seq":-7`, 1),
		"no kind":           strings.Replace(want, `"kind":"vote",`, ``, 1),
		"no data":           strings.Replace(want, `,"data":{"person":"林华","n":7,"text":"<a&b>"}`, ``, 1),
		"data twice inside": strings.Replace(want, `"n":7`, `"n":7,"n":8`, 1),
		"data case inside":  strings.Replace(want, `"n":7`, `"n":7,"N":8`, 1),
		"long s inside":     strings.Replace(want, `"n":7`, `"s":7,"ſ":8`, 1),
		"kelvin inside":     strings.Replace(want, `"n":7`, `"k":7,"`+"\u212a"+`":8`, 1),
		"blank inside":      strings.Replace(want, `"n":7`, `"n": 7`, 1),
		"broken utf-8":      strings.Replace(want, "华", "\xe5\x8d", 1),
		"byte order mark":   "\ufeff" + want,
		"null":              "null", "nothing": "", "list": "[]", "cut": want[:len(want)-1],
	} {
		if row, err := Decode([]byte(other)); err == nil {
			t.Errorf("%s: %s was read as %+v", name, other, row)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	for name, r := range map[string]dr.Row{
		"no kind": {}, "negative": {Seq: -1, Kind: "x"}, "data": {Kind: "x", Data: []byte(`{`)}, "two values": {Kind: "x", Data: []byte(`{}{}`)},
		"deep": {Kind: "x", Data: []byte(deep)}, "long": {Kind: "x", Data: []byte(`"` + strings.Repeat("a", MaxRow) + `"`)},
	} {
		if raw, err := Encode(r); err == nil {
			t.Errorf("%s: encoded as %.60s", name, raw)
		}
	}
	if raw, err := Encode(dr.Row{Kind: "x"}); err != nil || !strings.HasSuffix(string(raw), `"data":{}}`) {
		t.Errorf("a row without data is %s, %v", raw, err)
	}
}

func TestDecodeData(t *testing.T) {
	read := func(data string, into any) error {
		return DecodeData(dr.Row{Kind: dr.RowVote, Data: []byte(data)}, into)
	}
	vote := `{"person":"chen","human":"10042","verdict":"approve","via":"cli","round":1,"digest":"sha256:00","at":"2026-11-03T02:00:00.000Z","have":1,"need":2}`
	var v dr.VoteData
	if err := read(vote, &v); err != nil || v.Person != "chen" || v.Need != 2 {
		t.Errorf("a vote is %+v, %v", v, err)
	}
	for name, data := range map[string]string{
		"case": strings.Replace(vote, `"person"`, `"Person"`, 1), "unknown": strings.Replace(vote, `"have"`, `"had"`, 1),
		"twice": strings.Replace(vote, `"have":1`, `"have":1,"have":1`, 1), "trailing": vote + "1",
	} {
		if err := read(data, &dr.VoteData{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := read(`{"checks":[{"id":"a","Title":"b"}]}`, &dr.PreflightData{}); err == nil {
		t.Error("a key in other letters inside a list was accepted")
	}
	if err := read(`{"verb":"start","rule":"x","id":"y","args":{"Person":"z"}}`, &dr.RefusalData{}); err != nil {
		t.Errorf("a map's keys are free: %v", err)
	}
}

// TestTreeIsRFC6962 compares with x/mod, which reads stored hashes where we carry the right edge.
func TestTreeIsRFC6962(t *testing.T) {
	key := testKey(t)
	_, hashes, _ := testLog(t, key, 600)
	var head Head
	for n := range int64(600) {
		root, err := Root(head)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tlog.TreeHash(n, reader(hashes))
		if err != nil || root != want {
			t.Fatalf("%d rows: root %v, want %v, %v", n, root, want, err)
		}
		at, err := HeadAt(n, reader(hashes))
		if err != nil || at.Size != n || !slices.EqualFunc(at.Frontier, head.Frontier, bytes.Equal) {
			t.Fatalf("%d rows: the right edge from stored hashes is %v, %v", n, at, err)
		}
		raw, err := Encode(testRow(n))
		if err != nil {
			t.Fatal(err)
		}
		if head, _, err = Append(head, raw); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAppendLeavesItsInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var head Head
		for range rapid.IntRange(0, 40).Draw(t, "before") {
			head, _, _ = Append(head, []byte("x"))
		}
		before, err := Root(head)
		if err != nil {
			t.Fatal(err)
		}
		a, _, err1 := Append(head, []byte("a"))
		b, _, err2 := Append(head, []byte("b"))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		ra, _ := Root(a)
		rb, _ := Root(b)
		again, _ := Root(head)
		if again != before || ra == rb || ra == before {
			t.Fatal("two appends to one head got in each other's way")
		}
	})
}

func TestHeadRefusesNonsense(t *testing.T) {
	for _, h := range []Head{{Size: -1}, {Size: 1}, {Size: 3, Frontier: [][]byte{make([]byte, 32)}}, {Size: 1, Frontier: [][]byte{{1}}}} {
		if _, err := Root(h); err == nil {
			t.Errorf("%+v has a root", h)
		}
		if _, _, err := Append(h, nil); err == nil {
			t.Errorf("%+v was appended to", h)
		}
	}
}

// TestTampering flips every byte of every row, deletes, swaps, repeats, cuts and adds, in a journal of
// 1,000 rows. A flipped byte is looked for in its row and its row's proof, which is what [Check]
// comes down to; every 29th is looked for with Check itself.
func TestTampering(t *testing.T) {
	key := testKey(t)
	rows, hashes, head := testLog(t, key, 1000)
	check := func(rows [][]byte) error {
		_, err := Check(seqOf(rows), head.Note, key.Public())
		return err
	}
	if err := check(rows); err != nil {
		t.Fatalf("the journal itself: %v", err)
	}
	found := func(what string, rows [][]byte) {
		t.Helper()
		var p *Problem
		if err := check(rows); !errors.As(err, &p) {
			t.Errorf("%s was not found: %v", what, err)
		}
	}
	root, err := Root(head)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		proof, err := tlog.ProveRecord(1000, int64(i), reader(hashes))
		if err != nil {
			t.Fatal(err)
		}
		flipped := slices.Clone(rows[i])
		for p := range flipped {
			flipped[p] ^= 1 << (p % 8)
			if _, err := CheckRow(flipped, int64(i)); err == nil && tlog.CheckRecord(proof, 1000, root, int64(i), tlog.RecordHash(flipped)) == nil {
				t.Errorf("byte %d of row %d was flipped and not found", p, i)
			}
			flipped[p] = rows[i][p]
		}
		if i%29 == 0 {
			changed := slices.Clone(rows)
			flipped[i%len(flipped)] ^= 1
			changed[i] = flipped
			found(fmt.Sprintf("byte %d of row %d", i%len(flipped), i), changed)
		}
	}
	for i := 0; i < 1000; i += 45 {
		found(fmt.Sprintf("row %d deleted", i), slices.Delete(slices.Clone(rows), i, i+1))
		found(fmt.Sprintf("row %d repeated", i), slices.Insert(slices.Clone(rows), i, rows[i]))
		swapped := slices.Clone(rows)
		j := (i + 13) % 1000
		swapped[i], swapped[j] = swapped[j], swapped[i]
		found(fmt.Sprintf("rows %d and %d swapped", i, j), swapped)
		found(fmt.Sprintf("cut after %d", i), rows[:i])
	}
	more, err := Encode(testRow(1000))
	if err != nil {
		t.Fatal(err)
	}
	found("a row added", append(slices.Clone(rows), more))
	renumbered := slices.Clone(rows[:999]) // cut in the middle and closed up again
	for i := 500; i < 999; i++ {
		r := testRow(int64(i))
		r.Data = testRow(int64(i + 1)).Data
		if renumbered[i], err = Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	found("a row cut out and the rest renumbered", renumbered)
}
