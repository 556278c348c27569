package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/config"
)

// mostExposed is ten times the exposure systemd-analyze may find, on its scale from 0 (sealed) to 10.
const mostExposed = "15"

// TestUnit checks the unit without a running systemd: that it parses, that its sandbox is tight,
// and that the settings it gives are ones Switchman knows. It does not start the service, so it
// does not show that the binary is content inside the system call filter.
func TestUnit(t *testing.T) {
	const unit = "switchman.service"
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("parses", func(t *testing.T) {
		// A program that is not installed here is the one thing the check may not complain about.
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), unit)
		if err := os.WriteFile(copied, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/switchman", self)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", copied).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("sandbox", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "--offline=true", "--no-pager", "security", "--threshold="+mostExposed, unit).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
	})
	t.Run("settings", func(t *testing.T) {
		credentials := t.TempDir()
		var environ []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if name, ok := strings.CutPrefix(line, "LoadCredential="); ok {
				name, _, _ = strings.Cut(name, ":")
				if err := os.WriteFile(filepath.Join(credentials, name), []byte(strings.Repeat("x", 32)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if pair, ok := strings.CutPrefix(line, "Environment="); ok && !strings.HasPrefix(pair, "SWITCHMAN_CONFIG=") {
				environ = append(environ, strings.ReplaceAll(pair, "%d", credentials))
			}
		}
		cfg, err := config.Load(config.Input{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Pepper.Empty() || cfg.LogKey.Empty() || cfg.SecretsDir != credentials {
			t.Error("credentials do not arrive")
		}
	})
}
