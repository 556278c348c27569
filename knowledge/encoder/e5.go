package encoder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// fromE5 makes our file out of the published one, whose format is its own: the measures, the pieces of
// text with their scores, what letters are replaced by, a directory, and matrices in blocks of four bits.
// The words stay as they are.
func fromE5(file []byte, d *draft) error {
	r := &reader{from: bytes.NewReader(file)}
	head := many[uint32](r, 11)
	if r.err == nil && (string(file[:4]) != "E5S1" || head[2] != width || head[3] != 12 || head[4] != heads || head[5] != hidden || head[7] != places) {
		return errors.New("the published file is not multilingual-e5-small in the format E5S1")
	}
	r.tokens(d)
	r.replacements(d)
	at := r.directory(file)
	if r.err != nil {
		return fmt.Errorf("reading the published file: %w", r.err)
	}
	rows := int(head[6])
	if len(at["emb.word"]) != rows*packedBytes(width) {
		return fmt.Errorf("the published file has %d bytes for %d words", len(at["emb.word"]), rows)
	}
	put(d, "words.packed", at["emb.word"], rows, packedBytes(width))
	wanted := func(name string, bytes, length int) []uint8 {
		if len(at[name]) == bytes {
			return at[name]
		}
		if r.err == nil {
			r.err = fmt.Errorf("%s has %d bytes for %d numbers", name, len(at[name]), length)
		}
		return make([]uint8, bytes)
	}
	putLayers(d, published{
		blocks: func(name string, length int) []uint8 { return wanted(name, packedBytes(length), length) },
		floats: func(name string, length int) []float32 {
			numbers := make([]float32, length)
			if len(at[name]) == packedBytes(length) {
				unpack(at[name], numbers)
			} else {
				copy(numbers, many[float32](&reader{from: bytes.NewReader(wanted(name, 4*length, length))}, length))
			}
			return numbers
		},
	}, 12)
	return r.err
}

// reader takes numbers from a file until something is missing, which it keeps in err.
type reader struct {
	from *bytes.Reader
	err  error
}

// many are the next n numbers.
func many[T number | uint16 | uint64](r *reader, n int) []T {
	if size := binary.Size(*new(T)); r.err == nil && (n < 0 || n > r.from.Len()/size) {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err != nil {
		return nil
	}
	all := make([]T, n)
	r.err = binary.Read(r.from, binary.LittleEndian, all)
	return all
}

func one[T number | uint16 | uint64](r *reader) T {
	if all := many[T](r, 1); len(all) == 1 {
		return all[0]
	}
	return 0
}

// tokens reads the pieces. Those that stand for something other than text cannot be written in a text.
func (r *reader) tokens(d *draft) {
	n := int(one[uint32](r))
	special := many[uint32](r, 4) // start, end, padding, unknown
	length := one[uint64](r)
	offsets := many[uint32](r, n+1)
	scores := many[float32](r, n)
	text := many[uint8](r, int(min(length, math.MaxInt32)))
	if r.err != nil {
		return
	}
	pieces := make([][]byte, n)
	for i := range pieces {
		if offsets[i] > offsets[i+1] || int(offsets[i+1]) > len(text) {
			r.err = fmt.Errorf("piece %d ends at byte %d of %d", i, offsets[i+1], len(text))
			return
		}
		pieces[i] = text[offsets[i]:offsets[i+1]]
	}
	newVocabulary(pieces, func(piece []byte) bool {
		return slices.Contains([]string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"}, string(piece))
	}).put(d)
	put(d, "tokens.score", scores, n)
	put(d, "tokens.special", []uint32{special[0], special[1], special[3]}, 3)
}

// replacements reads what each letter is written as before it is cut.
func (r *reader) replacements(d *draft) {
	n := int(one[uint32](r))
	one[uint32](r) // bytes
	var letters, written []uint32
	ends := []uint32{0}
	for range n {
		letters = append(letters, one[uint32](r))
		written = append(written, many[uint32](r, int(one[uint8](r)))...)
		ends = append(ends, uint32(len(written)))
		if r.err != nil {
			return
		}
	}
	put(d, "letters", letters, len(letters))
	put(d, "letters.offsets", ends, len(ends))
	put(d, "letters.written", written, len(written))
}

// directory gives the bytes of each matrix by its name.
func (r *reader) directory(file []byte) map[string][]byte {
	at := map[string][]byte{}
	for range one[uint32](r) {
		name := string(many[uint8](r, int(one[uint16](r))))
		many[uint8](r, 1+4) // type and count
		from, length := one[uint64](r), one[uint64](r)
		if r.err == nil && (from > uint64(len(file)) || length > uint64(len(file))-from) {
			r.err = fmt.Errorf("%s lies outside the file", name)
		}
		if r.err != nil {
			return nil
		}
		at[name] = file[from : from+length]
	}
	return at
}
