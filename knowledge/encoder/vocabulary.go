package encoder

import (
	"bytes"
	"fmt"
	"math/bits"
)

// vocabulary finds the id of a piece of text without making strings: the pieces lie one after the other,
// and a hash table beside them is part of the weight file, so that nothing is built at start.
type vocabulary struct {
	pieces  []byte
	offsets []uint32 // of each piece, and the end of the last
	table   []uint32 // open addressing by hash; id + 1, 0 where nobody lives
	longest int      // bytes of the longest piece
}

// The hash is FNV-1a, which can be carried on from a piece to a longer one.
const (
	hashStart = uint32(2166136261)
	hashPrime = uint32(16777619)
)

func hash(h uint32, text []byte) uint32 {
	for _, b := range text {
		h = (h ^ uint32(b)) * hashPrime
	}
	return h
}

// newVocabulary makes the table, without pieces that stand for something other than text: nobody can write them.
func newVocabulary(pieces [][]byte, special func(piece []byte) bool) *vocabulary {
	v := &vocabulary{offsets: []uint32{0}, table: make([]uint32, 2<<bits.Len(uint(len(pieces))))}
	for id, p := range pieces {
		v.pieces = append(v.pieces, p...)
		v.offsets = append(v.offsets, uint32(len(v.pieces)))
		v.longest = max(v.longest, len(p))
		if special(p) {
			continue
		}
		at := v.slot(hash(hashStart, p))
		for v.table[at] != 0 {
			at = v.slot(at + 1)
		}
		v.table[at] = uint32(id) + 1
	}
	return v
}

func (v *vocabulary) slot(h uint32) uint32 { return h & uint32(len(v.table)-1) }

func (v *vocabulary) size() int { return len(v.offsets) - 1 }

func (v *vocabulary) piece(id uint32) []byte { return v.pieces[v.offsets[id]:v.offsets[id+1]] }

// find is the id of a piece whose hash is h.
func (v *vocabulary) find(h uint32, piece []byte) (uint32, bool) {
	for at := v.slot(h); v.table[at] != 0; at = v.slot(at + 1) {
		if id := v.table[at] - 1; bytes.Equal(v.piece(id), piece) {
			return id, true
		}
	}
	return 0, false
}

// put adds the vocabulary to a file.
func (v *vocabulary) put(d *draft) {
	put(d, "tokens.pieces", v.pieces, len(v.pieces))
	put(d, "tokens.offsets", v.offsets, len(v.offsets))
	put(d, "tokens.table", v.table, len(v.table))
}

// readVocabulary takes it from a file and checks what find relies on.
func readVocabulary(t *tensors) (*vocabulary, error) {
	v := &vocabulary{
		pieces:  get[uint8](t, "tokens.pieces", t.length("tokens.pieces")),
		offsets: get[uint32](t, "tokens.offsets", t.length("tokens.offsets")),
		table:   get[uint32](t, "tokens.table", t.length("tokens.table")),
	}
	if t.err != nil {
		return nil, t.err
	}
	if len(v.offsets) < 2 || len(v.table) < len(v.offsets) || len(v.table)&(len(v.table)-1) != 0 {
		return nil, fmt.Errorf("a vocabulary of %d tokens in a table of %d", v.size(), len(v.table))
	}
	for i := range v.size() {
		if v.offsets[i] > v.offsets[i+1] || int(v.offsets[i+1]) > len(v.pieces) {
			return nil, fmt.Errorf("token %d ends at byte %d of %d", i, v.offsets[i+1], len(v.pieces))
		}
		v.longest = max(v.longest, int(v.offsets[i+1]-v.offsets[i]))
	}
	free := false
	for _, at := range v.table {
		free = free || at == 0
		if int(at) > v.size() {
			return nil, fmt.Errorf("the table names token %d of %d", at-1, v.size())
		}
	}
	if !free {
		return nil, fmt.Errorf("the table of tokens is full")
	}
	return v, nil
}
