//go:build !race

// Package console plays the story in a real browser: several people with a browser each, against a
// demo server that is killed in the middle. The acts are in story.mjs; here is only what they need.
package console

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestStoryInABrowser(t *testing.T) {
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		run(t, nil, "npm", "ci")
	}
	program := filepath.Join(t.TempDir(), "switchman")
	run(t, nil, "go", "build", "-o", program, "../../cmd/switchman")
	t.Logf("%s", run(t, append(os.Environ(), "SWITCHMAN="+program), "node", "story.mjs"))
}

func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}
