package knowledge

import (
	"context"
	"testing"
)

// Packed vectors come back nearly as they were, beside what was kept elsewhere, and new ones go there.
func TestPackedVectors(t *testing.T) {
	v := []float32{.6, -.64, .48, 0}
	p := Packed{}
	p.Put("m", map[string][][]float32{"a": {v, v}})
	raw, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = Unpack(raw); err != nil {
		t.Fatal(err)
	}
	saved := 0
	keep := p.Before(Keep{
		Load: func(_ context.Context, _ string, each func(string, [][]float32) error) error {
			return each("b", [][]float32{v})
		},
		Save: func(context.Context, string, map[string][][]float32) error { saved++; return nil }})
	seen := map[string]int{}
	err = keep.Load(t.Context(), "m", func(passage string, windows [][]float32) error {
		seen[passage] = len(windows)
		if near := dot(windows[0], v); near < .999 || near > 1.001 {
			t.Errorf("%s: cosine %v", passage, near)
		}
		return nil
	})
	if err != nil || seen["a"] != 2 || seen["b"] != 1 || keep.Save(t.Context(), "m", nil) != nil || saved != 1 {
		t.Errorf("%v, %v, %d saved", err, seen, saved)
	}
	if _, err := Unpack(raw[:len(raw)/2]); err == nil {
		t.Error("half a file was read")
	}
}
