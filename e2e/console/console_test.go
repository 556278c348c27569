//go:build !race

// Package console plays stories in a real browser, several people with a browser each: one at a demo, which
// is killed in the middle of it, one at a server that asks for passwords, and one at two sites' servers on one
// PostgreSQL. play.mjs plays them; here is only what they need.
package console

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/store/storetest"
)

func TestStoriesInABrowser(t *testing.T) {
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		run(t, nil, "npm", "ci")
	}
	program := filepath.Join(t.TempDir(), "switchman")
	run(t, nil, "go", "build", "-o", program, "../../cmd/switchman")
	t.Logf("%s", run(t, append(os.Environ(), "SWITCHMAN="+program, "POSTGRES="+storetest.Postgres(t)), "node", "play.mjs"))
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
