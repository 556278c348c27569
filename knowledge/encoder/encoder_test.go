package encoder

import (
	"cmp"
	"os"
	"path/filepath"
	"testing"
)

// models is where the weights are for tests.
func models(t testing.TB) string {
	if dir := os.Getenv("SWITCHMAN_MODEL_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "switchman", "model")
}

func open(t testing.TB, kind Kind) *Model {
	t.Helper()
	m, err := Open(models(t), kind)
	if err != nil {
		t.Fatalf("%v; run make model", err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func cosine(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
