package encoder

import (
	"fmt"
	"strconv"
)

// published gives a matrix of a model as its authors gave it to the world. Names are those of the e5
// file, which are short: l0.q.w are the weights that make queries in the first layer, .b their bias.
type published struct {
	floats func(name string, length int) []float32
	blocks func(name string, length int) []uint8 // of a matrix, where it was published in blocks of four bits
}

// Both models have the same measures, but for the number of layers.
const (
	width  = 384
	hidden = 1536
	places = 512
	heads  = width / head
)

// putLayers adds everything but the words to our file: whole numbers for floats, and query, key and value
// as one matrix.
func putLayers(d *draft, from published, layers int) {
	normal := func(to, name string) {
		put(d, to+".gain", from.floats(name+".w", width), width)
		put(d, to+".bias", from.floats(name+".b", width), width)
	}
	matrix := func(to string, in, out int, names ...string) {
		var weight, bias []float32
		var blocks []uint8
		for _, name := range names {
			bias = append(bias, from.floats(name+".b", out/len(names))...)
			if from.blocks != nil {
				blocks = append(blocks, from.blocks(name+".w", in*out/len(names))...)
			} else {
				weight = append(weight, from.floats(name+".w", in*out/len(names))...)
			}
		}
		if from.blocks != nil {
			packed, scale := inPanels(blocks, in)
			put(d, to+".packed", packed, out, in/2)
			put(d, to+".scale", scale, out, in/block)
		} else {
			steps, times, scale := rounded(weight, in)
			put(d, to+".weight", steps, out, in)
			put(d, to+".times", times, out, in/span)
			put(d, to+".scale", scale, out)
		}
		put(d, to+".bias", bias, out)
	}
	// Every token is of the first of two types, so that its row is part of every place.
	position, kind := from.floats("emb.pos", places*width), from.floats("emb.type", 2*width)
	together := make([]float32, len(position))
	for i, f := range position {
		together[i] = f + kind[i%width]
	}
	put(d, "position", together, places, width)
	normal("first", "emb.ln")
	for i := range layers {
		l, to := "l"+strconv.Itoa(i)+".", layerName(i)
		matrix(to+"qkv", width, 3*width, l+"q", l+"k", l+"v")
		matrix(to+"attended", width, width, l+"ao")
		normal(to+"after_attention", l+"aln")
		matrix(to+"up", width, hidden, l+"fi")
		matrix(to+"down", hidden, width, l+"fo")
		normal(to+"after_feed", l+"oln")
	}
}

func layerName(i int) string { return fmt.Sprintf("layer.%d.", i) }

// readNetwork is the other way round, out of our file; the numbers stay where they are.
func readNetwork(t *tensors, tokens int) (*network, error) {
	f32 := func(name string, n int) []float32 { return get[float32](t, name, n) }
	normal := func(name string) normal {
		return normal{gain: f32(name+".gain", width), bias: f32(name+".bias", width)}
	}
	matrix := func(name string, in, out int) matrix {
		m := matrix{bias: f32(name+".bias", out), in: in, out: out}
		if _, packed := t.entry[name+".packed"]; packed {
			m.packed, m.scale = get[uint8](t, name+".packed", in*out/2), f32(name+".scale", in*out/block)
		} else {
			m.weight, m.times, m.scale = get[int8](t, name+".weight", in*out), get[uint8](t, name+".times", in*out/span), f32(name+".scale", out)
		}
		return m
	}
	n := &network{words: readWords(t, tokens), position: f32("position", places*width), first: normal("first"), epsilon: 1e-12}
	for i := range 64 {
		l := layerName(i)
		if _, more := t.entry[l+"qkv.bias"]; !more {
			break
		}
		n.layers = append(n.layers, layer{
			qkv: matrix(l+"qkv", width, 3*width), attended: matrix(l+"attended", width, width),
			up: matrix(l+"up", width, hidden), down: matrix(l+"down", hidden, width),
			afterAttention: normal(l + "after_attention"), afterFeed: normal(l + "after_feed"),
		})
	}
	return n, t.err
}
