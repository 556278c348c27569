//go:build !race

package evals

import (
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/knowledge"
)

var newVectors = flag.Bool("vectors", false, "encode the sample runbooks anew and keep their vectors; takes minutes")

// vectorsFile keeps what the encoders make of the sample runbooks, because making it again takes minutes
// and the gate has seconds. A number is a byte, which moves no figure by more than chance.
const vectorsFile = "vectors.gob"

// kept is the file: by model and passage, the windows of the passage.
type kept map[string]map[string][]window

type window struct {
	Scale   float32
	Numbers []byte // int8, times Scale
}

func squeeze(v []float32) window {
	most := float32(0)
	for _, x := range v {
		most = max(most, float32(math.Abs(float64(x))))
	}
	w := window{Scale: most / 127, Numbers: make([]byte, len(v))}
	for i, x := range v {
		w.Numbers[i] = byte(int8(math.Round(float64(x / w.Scale))))
	}
	return w
}

// stretch gives the vector back, of length 1 again.
func (w window) stretch() []float32 {
	v, sum := make([]float32, len(w.Numbers)), 0.0
	for i, b := range w.Numbers {
		v[i] = float32(int8(b)) * w.Scale
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// keep lends an index the vectors of the file, and takes new ones in.
func (k kept) keep() knowledge.Keep {
	return knowledge.Keep{
		Load: func(_ context.Context, model string, each func(string, [][]float32) error) error {
			for passage, windows := range k[model] {
				var all [][]float32
				for _, w := range windows {
					all = append(all, w.stretch())
				}
				if err := each(passage, all); err != nil {
					return err
				}
			}
			return nil
		},
		Save: func(_ context.Context, model string, passages map[string][][]float32) error {
			if k[model] == nil {
				k[model] = map[string][]window{}
			}
			for passage, windows := range passages {
				k[model][passage] = nil
				for _, v := range windows {
					k[model][passage] = append(k[model][passage], squeeze(v))
				}
			}
			return nil
		},
	}
}

func readVectors(t testing.TB) kept {
	t.Helper()
	k := kept{}
	f, err := os.Open(vectorsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return k
	}
	if err == nil {
		err = errors.Join(gob.NewDecoder(f).Decode(&k), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k kept) write(t testing.TB) {
	t.Helper()
	f, err := os.Create(vectorsFile)
	if err == nil {
		err = errors.Join(gob.NewEncoder(f).Encode(k), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// models is where `make model` puts the weights.
func models(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("SWITCHMAN_MODEL_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "switchman", "model")
}

// fewMissing is how many passages may have been edited since the vectors were kept; they are encoded on
// the spot.
const fewMissing = 20

// withModels is the index of the sample with both encoders at work.
func withModels(t testing.TB) *knowledge.Index {
	t.Helper()
	es, done, err := knowledge.Builtin(models(t))
	if err != nil {
		t.Fatalf("%v; run make model", err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	k := readVectors(t)
	if *newVectors {
		k = kept{}
	}
	folder, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	x := knowledge.New(knowledge.Options{Embedders: es, Keep: k.keep()})
	if _, err := x.Sync(t.Context(), knowledge.Source{FS: folder}); err != nil {
		t.Fatal(err)
	}
	if err := x.Recall(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*knowledge.Embedder{es.Main, es.CJK} {
		if n := x.Missing(e); n > fewMissing && !*newVectors {
			t.Fatalf("%d passages have no vectors of %s; keep them by go test ./evals -run Models -vectors", n, e.Name)
		}
		if err := x.Embed(t.Context(), e, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	if *newVectors {
		k.write(t)
	}
	return x
}
