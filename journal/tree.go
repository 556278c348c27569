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

// IndexedHash is a hash of the tree together with the place it has in stored form
// ([tlog.StoredHashIndex]).
type IndexedHash struct {
	Index int64
	Hash  tlog.Hash
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

// Append adds the bytes of one row. It returns the head without a note, and the hashes to store,
// whose indexes follow one another. The given head is left as it was.
func Append(h Head, leaf []byte) (Head, []IndexedHash, error) {
	if err := h.Check(); err != nil {
		return Head{}, nil, err
	}
	n := h.Size
	full := bits.TrailingZeros64(^uint64(n)) // subtrees the new leaf completes
	kept := len(h.Frontier) - full
	next := Head{Size: n + 1, Frontier: make([][]byte, kept+1), Register: h.Register}
	copy(next.Frontier, h.Frontier[:kept])

	hash := tlog.RecordHash(leaf)
	stored := make([]IndexedHash, 1, full+1)
	stored[0] = IndexedHash{tlog.StoredHashIndex(0, n), hash}
	for level := 1; level <= full; level++ {
		left := tlog.Hash(h.Frontier[len(h.Frontier)-level])
		hash = tlog.NodeHash(left, hash)
		stored = append(stored, IndexedHash{tlog.StoredHashIndex(level, n>>level), hash})
	}
	next.Frontier[kept] = hash[:]
	return next, stored, nil
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
