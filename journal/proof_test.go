package journal

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCheckpoint(t *testing.T) {
	key, other := testKey(t), testKey(t)
	_, _, head := testLog(t, key, 5)
	cp, err := Verify(head.Note, other.Public(), key.Public())
	root, _ := Root(head)
	if err != nil || cp.Size != 5 || cp.Root != root || cp.Origin != "switchman/harbor-bank" || cp.Key != key.Public() {
		t.Errorf("checkpoint is %+v, %v", cp, err)
	}
	if peeked, err := Peek(head.Note); err != nil || peeked.Size != 5 || peeked.Key != "" {
		t.Errorf("peeked: %+v, %v", peeked, err)
	}
	for name, keys := range map[string][]string{"another key": {other.Public()}, "no key": {}, "nonsense": {"x"}} {
		if _, err := Verify(head.Note, keys...); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	for i := range head.Note {
		changed := slices.Clone(head.Note)
		changed[i] ^= 1
		if got, err := Verify(changed, key.Public()); err == nil {
			t.Errorf("byte %d changed: verified as %+v", i, got)
		}
	}
	foreign, err := NewKey(rand.Reader, Origin("other-bank"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(head.Note), "\n\n")
	signed, err := foreign.SignText(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify([]byte(signed), foreign.Public()); err == nil {
		t.Error("a checkpoint signed under another journal's name was verified")
	}
}

func TestKeyStaysSecret(t *testing.T) {
	key := testKey(t)
	again, err := ParseKey(key.Secret() + "\n")
	if err != nil || again.Public() != key.Public() || again.Origin() != key.Origin() {
		t.Errorf("the key comes back as %v, %v", again, err)
	}
	j, _ := json.Marshal(key)
	for _, shown := range []string{key.String(), fmt.Sprintf("%v %+v %#v %s", key, key, key, key), string(j), key.LogValue().String()} {
		if strings.Contains(shown, "PRIVATE") || strings.Contains(shown, key.Secret()) {
			t.Errorf("the key shows itself: %s", shown)
		}
	}
	for _, bad := range []string{"", "x", key.Public(), key.Secret()[:40], strings.Replace(key.Secret(), "PRIVATE", "PUBLIC", 1)} {
		if _, err := ParseKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) && len(bad) > 20 {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestProofs(t *testing.T) {
	key := testKey(t)
	rows, hashes, head := testLog(t, key, 77)
	r := reader(hashes)
	newer, err := Verify(head.Note, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for seq := range int64(77) {
		p, err := InclusionProof(77, seq, head.Note, r)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = ParseProof([]byte(p.String())); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyInclusion(p, rows[seq], key.Public()); err != nil {
			t.Errorf("row %d: %v", seq, err)
		}
		wrong := rows[(seq+1)%77]
		if _, err := VerifyInclusion(p, wrong, key.Public()); err == nil {
			t.Errorf("row %d: another row was proven", seq)
		}
		p.Index++
		if _, err := VerifyInclusion(p, rows[seq], key.Public()); err == nil {
			t.Errorf("row %d was proven at another place", seq)
		}
	}
	for size := int64(1); size <= 77; size++ {
		at, err := HeadAt(size, r)
		if err != nil {
			t.Fatal(err)
		}
		root, _ := Root(at)
		older := Checkpoint{Origin: newer.Origin, Size: size, Root: root}
		p, err := ConsistencyProof(77, size, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyConsistency(p, newer, older); err != nil {
			t.Errorf("%d rows: %v", size, err)
		}
		older.Root[3] ^= 1
		if err := VerifyConsistency(p, newer, older); err == nil {
			t.Errorf("%d rows: another tree was continued", size)
		}
	}
	for _, size := range []int64{0, 78} {
		if _, err := ConsistencyProof(77, size, r); err == nil {
			t.Errorf("a proof for %d rows", size)
		}
		if err := VerifyConsistency(nil, newer, Checkpoint{Origin: newer.Origin, Size: size}); err == nil {
			t.Errorf("%d rows are continued", size)
		}
	}
	for _, seq := range []int64{-1, 77} {
		if _, err := InclusionProof(77, seq, head.Note, r); err == nil {
			t.Errorf("a proof for row %d", seq)
		}
	}
}
