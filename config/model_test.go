package config

import "testing"

func TestModels(t *testing.T) {
	for _, c := range []struct {
		name, want string
		env        []string
	}{
		{"said", "/models", []string{"HOME=/home/ana", "XDG_CACHE_HOME=/cache", "SWITCHMAN_MODEL_DIR=/models"}},
		{"the user's cache", "/cache/switchman/model", []string{"XDG_CACHE_HOME=/cache", "HOME=/home/ana"}},
		{"whatever comes first", "/cache/switchman/model", []string{"HOME=/home/ana", "XDG_CACHE_HOME=/cache"}},
		{"a cache that is nowhere", "/home/ana/.cache/switchman/model", []string{"HOME=/home/ana", "XDG_CACHE_HOME=cache"}},
		{"nobody's home", "", []string{"PATH=/bin", "HOME="}},
	} {
		if got := load(t, Input{Environ: c.env}).Models(); got != c.want {
			t.Errorf("%s: %q, wanted %q", c.name, got, c.want)
		}
	}
}
