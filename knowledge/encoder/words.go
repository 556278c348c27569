package encoder

import "fmt"

// words are the rows of the vocabulary's tokens, before anything was thought about them: the largest
// matrix of a model, of which a text needs a few rows.
type words struct {
	weight []int8 // whole numbers, a step for each row
	scale  []float32

	packed []uint8 // or blocks of 32 numbers in four bits each behind the step of the block
}

const blockBytes = 2 + block/2

// packedBytes is how long so many numbers are in blocks.
func packedBytes(numbers int) int { return numbers / block * blockBytes }

// row writes the row of a token.
func (w *words) row(id uint32, into []float32) {
	if w.packed == nil {
		for i, n := range w.weight[int(id)*width:][:width] {
			into[i] = w.scale[id] * float32(n)
		}
		return
	}
	unpack(w.packed[int(id)*packedBytes(width):][:packedBytes(width)], into)
}

// unpack reads blocks: the step as a half float, then the first 16 numbers in the low halves of 16 bytes
// and the last 16 in the high halves, all of them eight too large.
func unpack(blocks []uint8, into []float32) {
	for ; len(blocks) > 0; blocks, into = blocks[blockBytes:], into[block:] {
		step := half(uint16(blocks[0]) | uint16(blocks[1])<<8)
		for i, b := range blocks[2:blockBytes] {
			into[i] = step * float32(int(b&15)-lift)
			into[i+block/2] = step * float32(int(b>>4)-lift)
		}
	}
}

// readWords takes the rows from a file, which has at least one for each token.
func readWords(t *tensors, tokens int) words {
	if _, packed := t.entry["words.packed"]; !packed {
		return words{weight: get[int8](t, "words.weight", tokens*width), scale: get[float32](t, "words.scale", tokens)}
	}
	rows := t.length("words.packed") / packedBytes(width)
	if rows < tokens && t.err == nil {
		t.err = fmt.Errorf("%d words for %d tokens", rows, tokens)
	}
	return words{packed: get[uint8](t, "words.packed", rows*packedBytes(width))}
}
