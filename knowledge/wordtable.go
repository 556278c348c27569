package knowledge

import (
	"math/bits"
	"math/rand/v2"
	"strings"
)

// wordTable finds the terms of a word without following a pointer: reading a library is mostly this, and a
// map of strings waits for memory four times where this waits once or twice. Most words lie in the table
// themselves, four to a line of the processor's cache; long ones are in a map.
type wordTable struct {
	seed  [2]uint64 // of the hash, so that nobody can write words that all fall on one place
	slots []wordSlot
	used  int
	terms []term // of all words, one after the other
	long  map[string][]term
}

// wordSlot is a word of up to 12 bytes, with zeros behind it: no word holds one, and none is empty. Its terms
// are those from a sixteenth of at, as many as are left over.
type wordSlot struct {
	first uint64 // zero: nobody lives here
	rest  uint32
	at    uint32
}

const (
	shortWord = 12
	mostTerms = 15
	fullTable = 1 << 28 // terms beyond which words are put into the map
)

func newWordTable() wordTable {
	return wordTable{seed: [2]uint64{rand.Uint64(), rand.Uint64()}, slots: make([]wordSlot, 1<<10), long: map[string][]term{}}
}

// slotOf is a word as it lies in the table.
func slotOf(word string) (s wordSlot) {
	for i := range min(len(word), 8) {
		s.first |= uint64(word[i]) << (8 * i)
	}
	for i := 8; i < len(word); i++ {
		s.rest |= uint32(word[i]) << (8 * (i - 8))
	}
	return s
}

// place is where a word is, or the free place where it belongs.
func (t *wordTable) place(s wordSlot) *wordSlot {
	high, low := bits.Mul64(s.first^t.seed[0], uint64(s.rest)^t.seed[1])
	for at := high ^ low; ; at++ {
		p := &t.slots[at&uint64(len(t.slots)-1)]
		if p.first == 0 || p.first == s.first && p.rest == s.rest {
			return p
		}
	}
}

// find gives the terms of a word.
func (t *wordTable) find(word string) ([]term, bool) {
	if len(word) <= shortWord {
		if p := t.place(slotOf(word)); p.first != 0 {
			from := p.at / (mostTerms + 1)
			return t.terms[from : from+p.at%(mostTerms+1)], true
		}
	}
	terms, ok := t.long[word]
	return terms, ok
}

// put remembers the terms of a word that is not there yet.
func (t *wordTable) put(word string, terms []term) {
	if len(word) > shortWord || len(terms) > mostTerms || len(t.terms) >= fullTable {
		t.long[strings.Clone(word)] = terms // not the document it stands in
		return
	}
	if t.used++; t.used > len(t.slots)/2 {
		before := t.slots
		t.slots = make([]wordSlot, 2*len(before))
		for _, s := range before {
			if s.first != 0 {
				*t.place(s) = s
			}
		}
	}
	s := slotOf(word)
	s.at = uint32(len(t.terms)*(mostTerms+1) + len(terms))
	*t.place(s) = s
	t.terms = append(t.terms, terms...)
}
