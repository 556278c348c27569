package journal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that one row is in a signed tree without showing any other row. Its text is the C2SP
// tlog-proof format, which other tools read too.
type Proof struct {
	Index  int64
	Hashes tlog.RecordProof
	Note   []byte // the checkpoint
}

// proofTag opens every proof.
const proofTag = "c2sp.org/tlog-proof@v1"

// InclusionProof makes the proof that row seq is in the tree of size rows that the note signs.
func InclusionProof(size, seq int64, note []byte, r tlog.HashReader) (Proof, error) {
	if seq < 0 || seq >= size {
		return Proof{}, fmt.Errorf("row %d is not in a tree of %d rows", seq, size)
	}
	hashes, err := tlog.ProveRecord(size, seq, r)
	if err != nil {
		return Proof{}, fmt.Errorf("proving row %d in a tree of %d rows: %w", seq, size, err)
	}
	return Proof{Index: seq, Hashes: hashes, Note: note}, nil
}

// VerifyInclusion checks that exactly these bytes are the row the proof is about, in a tree signed
// by one of the keys.
func VerifyInclusion(p Proof, leaf []byte, keys ...string) (Checkpoint, error) {
	cp, err := Verify(p.Note, keys...)
	if err != nil {
		return Checkpoint{}, err
	}
	if p.Index < 0 || p.Index >= cp.Size {
		return Checkpoint{}, fmt.Errorf("row %d is not in a tree of %d rows", p.Index, cp.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, cp.Size, cp.Root, p.Index, tlog.RecordHash(leaf)); err != nil {
		return Checkpoint{}, fmt.Errorf("row %d in the tree of %d rows: %w", p.Index, cp.Size, err)
	}
	return cp, nil
}

// ConsistencyProof makes the proof that the tree of size rows begins with the older tree.
func ConsistencyProof(size, older int64, r tlog.HashReader) (tlog.TreeProof, error) {
	if older < 1 || older > size {
		return nil, fmt.Errorf("a tree of %d rows cannot continue one of %d", size, older)
	}
	p, err := tlog.ProveTree(size, older, r)
	if err != nil {
		return nil, fmt.Errorf("proving that %d rows continue %d: %w", size, older, err)
	}
	return p, nil
}

// VerifyConsistency checks such a proof between two checkpoints already verified.
func VerifyConsistency(p tlog.TreeProof, newer, older Checkpoint) error {
	if older.Size < 1 || older.Size > newer.Size {
		return fmt.Errorf("a tree of %d rows cannot continue one of %d", newer.Size, older.Size)
	}
	if newer.Origin != older.Origin {
		return fmt.Errorf("checkpoints of two journals: %q and %q", newer.Origin, older.Origin)
	}
	if err := tlog.CheckTree(p, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("tree of %d rows does not continue the tree of %d: %w", newer.Size, older.Size, err)
	}
	return nil
}

// String is the proof as text, ready for a .tlog-proof file.
func (p Proof) String() string {
	var b strings.Builder
	b.WriteString(proofTag + "\nindex " + strconv.FormatInt(p.Index, 10) + "\n")
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Note)
	return b.String()
}

// ParseProof reads the text of a proof. Extra data other tools may add is refused: nothing signs it.
func ParseProof(text []byte) (Proof, error) {
	if len(text) > maxNote {
		return Proof{}, errNotProof
	}
	head, rest, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return Proof{}, errNotProof
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != proofTag {
		return Proof{}, errNotProof
	}
	index, ok := strings.CutPrefix(lines[1], "index ")
	if !ok || len(lines)-2 > 63 {
		return Proof{}, errNotProof
	}
	p := Proof{Note: []byte(rest)}
	var err error
	if p.Index, err = parseNumber(index); err != nil {
		return Proof{}, fmt.Errorf("index of a proof: %w", err)
	}
	for _, line := range lines[2:] {
		h, err := parseHash(line)
		if err != nil {
			return Proof{}, fmt.Errorf("hash of a proof: %w", err)
		}
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

var errNotProof = errors.New("this is not a proof (" + proofTag + ")")
