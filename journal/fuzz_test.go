package journal

import (
	"bytes"
	"testing"
)

// FuzzDecode: whatever is read as a row is written as the same bytes again.
func FuzzDecode(f *testing.F) {
	raw, err := Encode(testRow(3))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"seq":0,"at":null,"kind":"installed","data":{}}`))
	f.Add([]byte(`{"seq":0,"at":null,"kind":"x","data":{"a":1,"A":2}}`))
	f.Add([]byte(`{"seq":0,"SEQ":1,"at":"2026-11-03T02:00:00.000Z","kind":"x","data":[1e400]}`))
	f.Add([]byte("{\"seq\":0,\"at\":null,\"kind\":\"\u2028\",\"data\":\"\\ud800\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		row, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Encode(row)
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("%q was read and is written as %q, %v", raw, again, err)
		}
	})
}

// FuzzCheckpoint: nothing verifies but what the key signed, and what is peeked at has one form.
func FuzzCheckpoint(f *testing.F) {
	key := testKey(f)
	_, _, head := testLog(f, key, 9)
	f.Add(head.Note)
	f.Add([]byte("switchman/x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— switchman/x AAAA\n"))
	f.Add([]byte("a\n01\nb\n\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if cp, err := Verify(msg, key.Public()); err == nil && cp.Size != 9 {
			t.Fatalf("verified a tree of %d rows", cp.Size)
		}
		if cp, err := Peek(msg); err == nil && (cp.Size < 0 || cp.Origin == "" || cp.Key != "") {
			t.Fatalf("peeked at %+v", cp)
		}
	})
}

// FuzzProof: what is read as a proof is written as the same text again, and proves nothing false.
func FuzzProof(f *testing.F) {
	key := testKey(f)
	rows, hashes, head := testLog(f, key, 21)
	for _, seq := range []int64{0, 13, 20} {
		p, err := InclusionProof(21, seq, head.Note, reader(hashes))
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(p.String()))
	}
	f.Add([]byte(proofTag + "\nextra AAAA\nindex 0\n\nx"))
	f.Add([]byte(proofTag + "\nindex 00\n\nx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		if p.String() != string(text) {
			t.Fatalf("%q was read and is written as %q", text, p.String())
		}
		if _, err := VerifyInclusion(p, []byte("never logged"), key.Public()); err == nil {
			t.Fatal("a row that was never logged was proven")
		}
		if p.Index < 21 {
			return
		}
		if _, err := VerifyInclusion(p, rows[0], key.Public()); err == nil {
			t.Fatal("a row beyond the tree was proven")
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	row := testRow(1)
	for b.Loop() {
		if _, err := Encode(row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := Encode(testRow(1))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	raw, err := Encode(testRow(1))
	if err != nil {
		b.Fatal(err)
	}
	var head Head
	for b.Loop() {
		if head, _, err = Append(head, raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSign is what each commit with rows pays for its signature.
func BenchmarkSign(b *testing.B) {
	key := testKey(b)
	_, _, head := testLog(b, key, 100)
	root, err := Root(head)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := key.Sign(head, root); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	key := testKey(b)
	rows, _, head := testLog(b, key, 1000)
	for b.Loop() {
		if _, err := Check(seqOf(rows), head.Note, key.Public()); err != nil {
			b.Fatal(err)
		}
	}
}

// The quick way takes nothing that the slow way refuses, and reads the same out of it.
func FuzzQuick(f *testing.F) {
	for _, raw := range []string{
		`{"seq":5,"at":"2026-11-26T01:18:20.706Z","run":"r1","prev":3,"kind":"vote","actor":"ada","surface":"cli","data":{"a":[{"b":1},"x:"],"c":{"a":2}}}`,
		`{"seq":0,"at":"2026-11-26T01:18:20.706Z","kind":"installed","data":{}}`,
		`{"seq":1,"at":"2026-11-26T01:18:20.706Z","kind":"x","data":{"a":1,"A":2}}`,
		`{"seq":1,"at":"2026-11-26T01:18:20.706Z","kind":"x","data":{"a": 1}}`,
		`{"seq":1,"at":"2026-11-26T01:18:20.706Z","kind":"x","data":{"a":-0.5e+3,"b":[null,true,false,[]],"c":"\"\\\n数","d":{}}}`,
		`{"seq":1,"at":"2026-11-26T01:18:20.706Z","kind":"x","data":{"a":01}}`,
		`{"seq":1,"at":"2026-11-26T01:18:20.706Z","kind":"x","data":{"k":1,"\u212a":2}}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := quick(raw)
		if !ok {
			return
		}
		want, err := decode(raw)
		if err != nil || got.Seq != want.Seq || !got.At.Equal(want.At.Time) || got.Run != want.Run || got.Prev != want.Prev || got.Kind != want.Kind ||
			got.Actor != want.Actor || got.Surface != want.Surface || string(got.Data) != string(want.Data) {
			t.Errorf("%q: %+v, the slow way reads %+v (%v)", raw, got, want, err)
		}
	})
}
