//go:build eval

package encoder

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReference compares tokens and vectors with those of the models' own programs. The texts are in the
// folder encoder below SWITCHMAN_EVAL_DIR; make reference runs it.
func TestReference(t *testing.T) {
	dir := os.Getenv("SWITCHMAN_EVAL_DIR")
	if dir == "" {
		t.Fatal("SWITCHMAN_EVAL_DIR does not say where the evaluation sets are")
	}
	for _, kind := range Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			m := open(t, kind)
			n, least := 0, 1.0
			for _, c := range references(t, filepath.Join(dir, "encoder", string(kind)+".jsonl")) {
				ids := m.cut(c.Prefix + c.Text)
				ids = slices.Concat([]uint32{m.start}, ids[:min(len(ids), m.window-2)], []uint32{m.end})
				if !slices.Equal(ids, c.IDs) {
					t.Errorf("%q is cut into\n%v, wanted\n%v", c.Text, ids, c.IDs)
				}
				ask := func(text string) ([]float32, error) { return m.Query(t.Context(), text) }
				if strings.HasPrefix(c.Prefix, "passage") {
					ask = func(text string) ([]float32, error) {
						all, err := m.Passage(t.Context(), "", text)
						return all[0], err
					}
				}
				v, err := ask(c.Text)
				if err != nil {
					t.Fatal(err)
				}
				near := cosine(v, c.Vector)
				if near < 0.999 {
					t.Errorf("%q: cosine %.6f", c.Text, near)
				}
				n, least = n+1, min(least, near)
			}
			t.Logf("%d texts, least cosine %.6f", n, least)
		})
	}
}

type reference struct {
	Prefix string    `json:"prefix"`
	Text   string    `json:"text"`
	IDs    []uint32  `json:"ids"`
	Vector []float32 `json:"vector"`
}

func references(t *testing.T, path string) []reference {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []reference
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c reference
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
