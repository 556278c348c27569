package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// maxSecret is the most a secret file is read for.
const maxSecret = 64 << 10

// secretName is what may stand behind "secret:" in a plan.
var secretName = regexp.MustCompile(`\A[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}\z`)

// Secret is text that must not be seen. However it is printed, logged or encoded, it shows only
// whether it is there.
type Secret struct{ text string }

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal gives the text to whoever must use it. Search for its callers to see who can leak it.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether nothing is there.
func (s Secret) Empty() bool { return s.text == "" }

// String is "[secret]", or nothing when empty.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return "[secret]"
}

// GoString answers %#v.
func (s Secret) GoString() string { return s.String() }

// Format answers every verb, %x and %d too, which would otherwise walk into the struct.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue answers slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText answers every encoder that asks for text: JSON, YAML and XML among them.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Secret resolves a plan's reference, secret:NAME, at the moment it is needed. The file is opened
// below SecretsDir and nowhere else, whatever links there may be.
func (c *Config) Secret(name string) (string, error) {
	if !secretName.MatchString(name) {
		return "", dr.Errorf(dr.Invalid, "%q is not the name of a secret", name)
	}
	if c.SecretsDir == "" {
		return "", dr.Errorf(dr.Unavailable, "secret %s is wanted, but secrets_dir is not set", name).
			WithHint("Set %sSECRETS_DIR to a directory with the file %s.", prefix, name)
	}
	root, err := os.OpenRoot(c.SecretsDir)
	if err != nil {
		return "", fmt.Errorf("opening secrets_dir: %w", err)
	}
	defer root.Close()
	f, err := root.Open(name)
	var raw []byte
	if err == nil {
		raw, err = io.ReadAll(io.LimitReader(f, maxSecret))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", dr.Errorf(dr.Unavailable, "secret %s cannot be read: %w", name, err).
			WithHint("Put it into %s.", filepath.Join(c.SecretsDir, name))
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return "", dr.Errorf(dr.Unavailable, "secret %s is empty", name)
	}
	return text, nil
}
