package encoder

// #cgo CFLAGS: -O3 -fopenmp-simd
// #cgo LDFLAGS: -lm
// #include "kernel.h"
import "C"

import "unsafe"

const (
	span      = C.SPAN
	mostTimes = C.MOST_TIMES
	head      = C.HEAD
	step      = C.STEP
	wide      = C.WIDE
)

func floats(s []float32) *C.float { return (*C.float)(unsafe.SliceData(s)) }
func shorts(s []int16) *C.int16_t { return (*C.int16_t)(unsafe.SliceData(s)) }

// roundUp is the number of tokens that buffers have room for.
func roundUp(tokens int) int { return (tokens + step - 1) / step * step }

// attentionRoom is how many numbers attend needs room for.
func attentionRoom(tokens int) int { return (2*head + step) * (tokens + wide - 1) }

// matrix is a linear layer of whole numbers, the size of one step for each row, and how many steps a number
// stands for, for each span of them.
type matrix struct {
	weight      []int8
	times       []uint8
	scale, bias []float32
	in, out     int
}

// apply fills y with bias + x · weightᵀ.
func (m *matrix) apply(x quantized, y []float32, tokens int) {
	C.dense((*C.int8_t)(unsafe.SliceData(m.weight)), (*C.uint8_t)(unsafe.SliceData(m.times)), floats(m.scale), floats(m.bias), shorts(x.steps), floats(x.scale), floats(y), C.int(tokens), C.int(m.in), C.int(m.out))
}

// applyAnywhere is apply as it is on processors for which nothing is written by hand; both must agree.
func (m *matrix) applyAnywhere(x quantized, y []float32, tokens int) {
	C.dense_anywhere((*C.int8_t)(unsafe.SliceData(m.weight)), (*C.uint8_t)(unsafe.SliceData(m.times)), floats(m.scale), floats(m.bias), shorts(x.steps), floats(x.scale), floats(y), C.int(tokens), C.int(m.in), C.int(m.out))
}

// quantized is a matrix of activations in steps of its rows' scales.
type quantized struct {
	steps []int16
	scale []float32
}

func (q quantized) set(x []float32, tokens, width int) {
	C.quantize(floats(x), shorts(q.steps), floats(q.scale), C.int(tokens), C.int(width))
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
