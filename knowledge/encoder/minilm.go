package encoder

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// fromMiniLM makes our file out of the published weights and the list of tokens.
func fromMiniLM(weights, list []byte, d *draft) error {
	t, err := parse(weights)
	if err != nil {
		return fmt.Errorf("reading the published weights: %w", err)
	}
	pieces := bytes.Split(bytes.TrimSuffix(list, []byte("\n")), []byte("\n"))
	v := newVocabulary(pieces, func(piece []byte) bool { return len(piece) > 1 && piece[0] == '[' })
	v.put(d)
	var special []uint32
	for _, name := range []string{"[CLS]", "[SEP]", "[UNK]"} {
		special = append(special, uint32(slices.IndexFunc(pieces, func(p []byte) bool { return string(p) == name })))
	}
	put(d, "tokens.special", special, 3)
	table := get[float32](t, "embeddings.word_embeddings.weight", v.size()*width)
	if t.err != nil {
		return t.err
	}
	steps, scale := roundedRows(table, width)
	put(d, "words.weight", steps, v.size(), width)
	put(d, "words.scale", scale, v.size())
	putLayers(d, published{floats: func(name string, n int) []float32 {
		if numbers := get[float32](t, miniLMName(name), n); t.err == nil {
			return numbers
		}
		return make([]float32, n) // the mistake is told at the end
	}}, 6)
	return t.err
}

// miniLMName is what a matrix is called in the published file.
func miniLMName(name string) string {
	switch name {
	case "emb.pos":
		return "embeddings.position_embeddings.weight"
	case "emb.type":
		return "embeddings.token_type_embeddings.weight"
	}
	parts := map[string]string{
		"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
		"ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
		"fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
		"ln": "LayerNorm", "w": "weight", "b": "bias",
	}
	at := strings.Split(name, ".") // l0, q, w
	where := "embeddings."
	if layer, ok := strings.CutPrefix(at[0], "l"); ok {
		where = "encoder.layer." + layer + "."
	}
	return where + parts[at[1]] + "." + parts[at[2]]
}
