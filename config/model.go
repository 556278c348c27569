package config

import (
	"path/filepath"
	"strings"
)

// Models is the directory with the weights of the built-in encoder: ModelDir, or the place below the
// user's cache where make model puts them. It is "" for a user without a home.
func (c *Config) Models() string {
	if c.ModelDir != "" {
		return c.ModelDir
	}
	cache := ""
	for _, pair := range c.environ {
		if home, ok := strings.CutPrefix(pair, "HOME="); ok && home != "" && cache == "" {
			cache = filepath.Join(home, ".cache")
		}
		if dir, ok := strings.CutPrefix(pair, "XDG_CACHE_HOME="); ok && filepath.IsAbs(dir) {
			cache = dir
		}
	}
	if cache == "" {
		return ""
	}
	return filepath.Join(cache, "switchman", "model")
}
