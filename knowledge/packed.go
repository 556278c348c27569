package knowledge

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"math"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// Packed is vectors as a file that goes along with texts, by model and passage digest. A number is a byte,
// which moves no figure of the search by more than chance.
type Packed map[string]map[string][]packed

// packed is one vector.
type packed struct {
	Scale   float32
	Numbers []byte // int8, times Scale
}

// Unpack reads what [Packed.Bytes] wrote.
func Unpack(raw []byte) (Packed, error) {
	p := Packed{}
	if err := gob.NewDecoder(bytes.NewReader(raw)).Decode(&p); err != nil {
		return nil, fmt.Errorf("reading packed vectors: %w", err)
	}
	return p, nil
}

// Bytes is the file.
func (p Packed) Bytes() ([]byte, error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(p); err != nil {
		return nil, fmt.Errorf("packing vectors: %w", err)
	}
	return b.Bytes(), nil
}

// Put takes in vectors of a model.
func (p Packed) Put(model string, passages map[string][][]float32) {
	if p[model] == nil {
		p[model] = map[string][]packed{}
	}
	for passage, windows := range passages {
		p[model][passage] = nil
		for _, v := range windows {
			p[model][passage] = append(p[model][passage], pack(v))
		}
	}
}

// Before lends an index these vectors beside what next keeps; new ones go to next alone.
func (p Packed) Before(next Keep) Keep {
	load := next.Load
	next.Load = func(ctx context.Context, model string, each func(string, [][]float32) error) error {
		if load != nil {
			if err := load(ctx, model, each); err != nil {
				return err
			}
		}
		for passage, windows := range p[model] {
			all := make([][]float32, len(windows))
			for i, w := range windows {
				all[i] = w.unpack()
			}
			if err := each(passage, all); err != nil {
				return err
			}
		}
		return nil
	}
	return next
}

func pack(v []float32) packed {
	most := float32(0)
	for _, x := range v {
		most = max(most, float32(math.Abs(float64(x))))
	}
	w := packed{Scale: max(most/127, math.SmallestNonzeroFloat32), Numbers: make([]byte, len(v))}
	for i, x := range v {
		w.Numbers[i] = byte(int8(math.Round(float64(x / w.Scale))))
	}
	return w
}

// unpack gives the vector back, of length 1 again.
func (w packed) unpack() []float32 {
	v := make([]float32, len(w.Numbers))
	for i, b := range w.Numbers {
		v[i] = float32(int8(b)) * w.Scale
	}
	encoder.Unit(v)
	return v
}
