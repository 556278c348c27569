//go:build !race

package evals

import (
	"cmp"
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/knowledge"
)

var newVectors = flag.Bool("vectors", false, "encode the sample runbooks anew and keep their vectors; takes minutes")

// vectorsFile goes along with the sample's runbooks, because encoding them takes minutes.
const vectorsFile = "../data/vectors.gob"

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
	k, err := knowledge.Unpack(data.Vectors())
	if err != nil {
		t.Fatal(err)
	}
	if *newVectors {
		k = knowledge.Packed{}
	}
	keep := k.Before(knowledge.Keep{Save: func(_ context.Context, model string, passages map[string][][]float32) error {
		k.Put(model, passages)
		return nil
	}})
	folder, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	x := knowledge.New(knowledge.Options{Embedders: es, Keep: keep})
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
		raw, err := k.Bytes()
		if err == nil {
			err = os.WriteFile(vectorsFile, raw, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return x
}
