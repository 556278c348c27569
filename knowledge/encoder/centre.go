package encoder

import (
	_ "embed"
	"encoding/binary"
	"math"
)

// chinese are a hundred sentences of people who run systems, one a line, which ask for nothing in common.
//
//go:embed chinese.txt
var chinese string

// chineseMean is the mean of their vectors, as little-endian floats. A test makes it anew.
//
//go:embed chinese.mean
var chineseMean string

// QueryMean is what the vectors of Chinese questions have in common, whatever they ask. e5 puts texts of
// one language together before texts of one meaning; [Centre] with this mean for a Chinese question, and
// with the mean of all passages for each of them, lets it find English passages. It is nil for a model
// that does not read Chinese.
func (m *Model) QueryMean() []float32 {
	if m.kind != E5 {
		return nil
	}
	mean := make([]float32, width)
	for i := range mean {
		mean[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(chineseMean[4*i:])))
	}
	return mean
}

// Centre takes a mean away from a vector and stretches what is left to length 1.
func Centre(v, mean []float32) {
	for i := range mean {
		v[i] -= mean[i]
	}
	Unit(v)
}
