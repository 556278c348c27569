package journal

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Head is all that is needed to append to a tree and to name it.
type Head struct {
	Size int64 // rows in the tree
	// Frontier is the right edge: the hashes of the complete subtrees the rows fall into, largest
	// first, one for each bit set in Size.
	Frontier [][]byte
	// Register is the digest of the register of runs; zero stands for that of a register without runs.
	Register tlog.Hash
	Note     []byte // the signed checkpoint of exactly this size; see [Signer.Sign]
}

// Check reports whether the frontier can belong to the size.
func (h Head) Check() error {
	if h.Size < 0 || len(h.Frontier) != bits.OnesCount64(uint64(h.Size)) {
		return fmt.Errorf("tree of %d rows with %d hashes at its right edge", h.Size, len(h.Frontier))
	}
	for _, f := range h.Frontier {
		if len(f) != tlog.HashSize {
			return fmt.Errorf("tree of %d rows with a hash of %d bytes", h.Size, len(f))
		}
	}
	return nil
}

// Append adds the bytes of one row. It returns the head without a note, and the hashes to store: the
// row's own, then those of the subtrees it completes, level by level ([tlog.StoredHashIndex] of level
// and row>>level). The given head is left as it was.
func Append(h Head, leaf []byte) (Head, []tlog.Hash, error) {
	e, err := h.edge()
	if err != nil {
		return Head{}, nil, err
	}
	completed := e.Append(leaf)
	return e.Head(), completed, nil
}

// Edge is a head that grows in place, for whoever adds many rows. Make one with [Head.Edge].
type Edge struct {
	size      int64
	register  tlog.Hash
	subtrees  [63]tlog.Hash // by level; meant where size has its bit set
	completed []tlog.Hash
}

// Edge begins where the head stands.
func (h Head) Edge() (*Edge, error) {
	e, err := h.edge()
	return &e, err
}

func (h Head) edge() (Edge, error) {
	if err := h.Check(); err != nil {
		return Edge{}, err
	}
	e := Edge{size: h.Size, register: h.Register}
	rest := uint64(h.Size)
	for _, hash := range h.Frontier {
		level := bits.Len64(rest) - 1
		e.subtrees[level] = tlog.Hash(hash)
		rest &^= 1 << level
	}
	return e, nil
}

// Size is the number of rows in the tree.
func (e *Edge) Size() int64 { return e.size }

// Append adds the bytes of one row and answers as [Append] does; the hashes hold until the next row.
func (e *Edge) Append(leaf []byte) []tlog.Hash {
	hash := tlog.RecordHash(leaf)
	e.completed = append(e.completed[:0], hash)
	level := 0
	for ; e.size&(1<<level) != 0; level++ {
		hash = tlog.NodeHash(e.subtrees[level], hash)
		e.completed = append(e.completed, hash)
	}
	e.subtrees[level] = hash
	e.size++
	return e.completed
}

// Head is where the edge stands now, without a note.
func (e *Edge) Head() Head {
	h := Head{Size: e.size, Frontier: make([][]byte, 0, bits.OnesCount64(uint64(e.size))), Register: e.register}
	for level := bits.Len64(uint64(e.size)) - 1; level >= 0; level-- {
		if e.size&(1<<level) != 0 {
			hash := e.subtrees[level]
			h.Frontier = append(h.Frontier, hash[:])
		}
	}
	return h
}

// Root is the hash that names the tree.
func Root(h Head) (tlog.Hash, error) {
	if err := h.Check(); err != nil {
		return tlog.Hash{}, err
	}
	if h.Size == 0 {
		return tlog.Hash(sha256.Sum256(nil)), nil
	}
	i := len(h.Frontier) - 1
	root := tlog.Hash(h.Frontier[i])
	for i--; i >= 0; i-- {
		root = tlog.NodeHash(tlog.Hash(h.Frontier[i]), root)
	}
	return root, nil
}

// HeadAt builds the head of a smaller or equal tree from stored hashes, without a note.
func HeadAt(size int64, r tlog.HashReader) (Head, error) {
	var at []int64
	var start int64
	for level := 62; level >= 0; level-- {
		if size&(1<<level) != 0 {
			at = append(at, tlog.StoredHashIndex(level, start>>level))
			start += 1 << level
		}
	}
	hashes, err := r.ReadHashes(at)
	if err != nil {
		return Head{}, fmt.Errorf("reading the right edge of a tree of %d rows: %w", size, err)
	}
	h := Head{Size: size, Frontier: make([][]byte, len(hashes))}
	for i := range hashes {
		h.Frontier[i] = hashes[i][:]
	}
	return h, h.Check()
}
