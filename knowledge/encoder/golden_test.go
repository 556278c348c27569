//go:build !race

package encoder

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden is what the encoder made of a text of ours when it agreed with the models' own programs: the
// tokens and the vector.
type golden struct {
	Kind   Kind      `json:"kind"`
	Text   string    `json:"text"`
	Tokens []uint32  `json:"tokens"`
	Vector []float32 `json:"vector"`
}

// TestGolden: a text gives the same tokens and the same bits on every processor.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.json"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []golden
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	models := map[Kind]*Model{MiniLM: open(t, MiniLM), E5: open(t, E5)}
	var lines []string
	for _, g := range want {
		got := golden{Kind: g.Kind, Text: g.Text, Tokens: models[g.Kind].cut(models[g.Kind].question + g.Text)}
		v, err := models[g.Kind].Query(t.Context(), g.Text)
		if err != nil {
			t.Fatal(err)
		}
		got.Vector = v
		line, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
		if *update {
			continue
		}
		if !slices.Equal(got.Tokens, g.Tokens) {
			t.Errorf("%s: %q is cut into %v, wanted %v", g.Kind, g.Text, got.Tokens, g.Tokens)
		}
		if !slices.Equal(v, g.Vector) {
			t.Errorf("%s: %q: not the same bits, cosine %.9f", g.Kind, g.Text, cosine(v, g.Vector))
		}
	}
	if *update {
		text := fmt.Sprintf("[\n%s\n]\n", strings.Join(lines, ",\n"))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQueryMean makes the mean of the Chinese sentences anew.
func TestQueryMean(t *testing.T) {
	m := open(t, E5)
	sum := make([]float64, width)
	sentences := strings.Split(strings.TrimSpace(chinese), "\n")
	for _, s := range sentences {
		v, err := m.Query(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range v {
			sum[i] += float64(f)
		}
	}
	mean := make([]float32, width)
	for i := range sum {
		mean[i] = float32(sum[i] / float64(len(sentences)))
	}
	if *update {
		raw, err := binary.Append(nil, binary.LittleEndian, mean)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("chinese.mean", raw, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept := m.QueryMean()
	if near := cosine(mean, kept) / math.Sqrt(cosine(mean, mean)*cosine(kept, kept)); near < 0.9999 {
		t.Errorf("chinese.mean is not the mean of chinese.txt: cosine %.6f", near)
	}
	if got := open(t, MiniLM).QueryMean(); got != nil {
		t.Errorf("the model for Latin script has a mean of %d numbers", len(got))
	}
}
