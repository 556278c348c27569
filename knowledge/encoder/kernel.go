package encoder

// #cgo CFLAGS: -O3 -fopenmp-simd -std=c11
// #cgo LDFLAGS: -lm
// #include "kernel.h"
import "C"

import (
	"sync"
	"unsafe"
)

const (
	span      = C.SPAN
	mostTimes = C.MOST_TIMES
	block     = C.BLOCK
	lift      = C.LIFT
	panel     = C.PANEL
	head      = C.HEAD
	step      = C.STEP
	wide      = C.WIDE
)

func floats(s []float32) *C.float { return (*C.float)(unsafe.SliceData(s)) }

// roundUp is the number of tokens that buffers have room for.
func roundUp(tokens int) int { return (tokens + step - 1) / step * step }

// attentionRoom is how many numbers attend needs room for.
func attentionRoom(tokens int) int { return (2*head + step) * (tokens + wide - 1) }

// matrix is a linear layer: either whole numbers, the size of one step for each row, and how many steps a
// number stands for, for each span of them; or numbers of four bits and the size of one step for each block.
type matrix struct {
	weight []int8
	times  []uint8

	packed []uint8

	scale, bias []float32
	in, out     int
}

// steps is a matrix of activations as whole numbers: in steps of its rows, or of each block of them.
type steps struct {
	rows   []int16
	blocks []int8
	lift   []int32 // of a block
	scale  []float32
}

func newSteps(tokens, width int) steps {
	return steps{rows: make([]int16, tokens*width), blocks: make([]int8, tokens*width), lift: make([]int32, tokens*width/block), scale: make([]float32, tokens*width/block)}
}

// bestWay is how this processor multiplies; it knows the ways before that too.
var bestWay = sync.OnceValue(func() C.enum_way { return C.best_way() })

// apply fills y with bias + x · weightᵀ; s is room for x in steps.
func (m *matrix) apply(s steps, x, y []float32, tokens int) { m.applyBy(bestWay(), s, x, y, tokens) }

func (m *matrix) applyBy(way C.enum_way, s steps, x, y []float32, tokens int) {
	n, in, out, scale, bias := C.int(tokens), C.int(m.in), C.int(m.out), floats(m.scale), floats(m.bias)
	if m.packed != nil {
		blocks, lift := (*C.int8_t)(unsafe.SliceData(s.blocks)), (*C.int32_t)(unsafe.SliceData(s.lift))
		C.split(floats(x), blocks, floats(s.scale), lift, n, in)
		C.dense_packed(way, (*C.uint8_t)(unsafe.SliceData(m.packed)), scale, bias, blocks, floats(s.scale), lift, floats(y), n, in, out)
		return
	}
	rows := (*C.int16_t)(unsafe.SliceData(s.rows))
	C.quantize(floats(x), rows, floats(s.scale), n, in)
	C.dense(way, (*C.int8_t)(unsafe.SliceData(m.weight)), (*C.uint8_t)(unsafe.SliceData(m.times)), scale, bias, rows, floats(s.scale), floats(y), n, in, out)
}

// normal is a layer normalisation.
type normal struct{ gain, bias []float32 }

// add fills x with the normalised sum of x and y.
func (n *normal) add(x, y []float32, epsilon float32, tokens, width int) {
	C.add_norm(floats(x), floats(y), floats(n.gain), floats(n.bias), C.float(epsilon), C.int(tokens), C.int(width))
}

// attend fills y with what each token takes from the others.
func attend(qkv, y, room []float32, tokens int) {
	C.attend(floats(qkv), floats(y), floats(room), C.int(tokens), heads)
}

func gelu(x []float32) { C.gelu(floats(x), C.int(len(x))) }
