//go:build !race

package conformance

import (
	"os"
	"os/exec"
	"testing"
)

// TestBolt plays the scenarios with the app on Slack's own libraries, installed by the lock file.
// Node runs outside the race detector, so once is enough.
func TestBolt(t *testing.T) {
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		if out, err := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	w := newWorld(t)
	a := w.App()
	app := exec.CommandContext(t.Context(), "node", "app.mjs")
	app.Env = append(os.Environ(), "API="+w.api, "BOT_TOKEN="+a.BotToken, "APP_TOKEN="+a.AppToken)
	app.Stderr, app.Stdout = t.Output(), t.Output()
	leave, err := app.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = leave.Close()
		_ = app.Wait()
	})
	play(w)
}
