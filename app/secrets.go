package app

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// smtpSecret is the name under which the mail account's password is asked for.
const smtpSecret = "SWITCHMAN_SMTP_PASSWORD"

// hidden is what must not be shown: the pepper of security codes, the key of the journal, and the
// place where plans' secrets are read from at the moment of use.
type hidden struct {
	cfg    *config.Config
	pepper []byte
	logKey *journal.Signer // nil: the store makes one at its first start
	smtp   string
	values []string
}

func openSecrets(cfg *config.Config) (*hidden, error) {
	h := &hidden{cfg: cfg, pepper: []byte(cfg.Pepper.Reveal()), smtp: cfg.SMTPPassword.Reveal()}
	for _, s := range []config.Secret{cfg.Pepper, cfg.SMTPPassword, cfg.Token, cfg.DatabaseURL, cfg.SlackBotToken, cfg.SlackAppToken, cfg.LLMKey} {
		if v := s.Reveal(); v != "" {
			h.values = append(h.values, v)
		}
	}
	if len(h.pepper) == 0 {
		var err error
		if h.pepper, err = keptPepper(cfg.StateDir); err != nil {
			return nil, err
		}
	}
	if key := cfg.LogKey.Reveal(); key != "" {
		signer, err := journal.ParseKey(strings.TrimSpace(key))
		if err != nil {
			return nil, dr.Errorf(dr.Invalid, "reading the log key: %w", err)
		}
		h.logKey = signer
	}
	return h, nil
}

// key makes a key for one purpose out of the pepper, so that no two parts share one.
func (h *hidden) key(purpose string) []byte {
	m := hmac.New(sha256.New, h.pepper)
	m.Write([]byte("switchman key v1 " + purpose))
	return m.Sum(nil)
}

// known are the values every output is masked for.
func (h *hidden) known() []string { return h.values }

// plan reads a plan's secret:NAME when a step needs it.
func (h *hidden) plan(name string) (string, error) {
	if name == smtpSecret {
		return h.smtp, nil
	}
	return h.cfg.Secret(name)
}

// openSSH reads the keys to other machines. Host keys stay files: they are read at every new line, so that
// a machine may be added without a restart.
func openSSH(cfg *config.Config) (actions.SSH, error) {
	out := actions.SSH{User: cfg.SSHUser, KnownHosts: cfg.SSHKnownHosts}
	for _, list := range []struct {
		files []string
		into  *[][]byte
	}{{cfg.SSHKeys, &out.Keys}, {cfg.SSHCertificates, &out.Certificates}} {
		for _, file := range list.files {
			b, err := os.ReadFile(file)
			if err != nil {
				return out, dr.Errorf(dr.Invalid, "reading what ssh signs in with: %w", err)
			}
			*list.into = append(*list.into, b)
		}
	}
	return out, nil
}

// keptPepper reads the pepper an earlier start made, or makes it.
func keptPepper(dir string) ([]byte, error) {
	path := filepath.Join(dir, "pepper")
	b, err := os.ReadFile(path)
	if err == nil && len(b) >= 32 {
		return b, nil
	}
	if err == nil {
		return nil, dr.Errorf(dr.Invalid, "the pepper in %s is too short", path).WithHint("restore it from a backup; codes issued with it are void otherwise")
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the pepper: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	raw := make([]byte, 32)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("making a pepper: %w", err)
	}
	b = []byte(hex.EncodeToString(raw))
	return b, writeOnce(path, b)
}

// writeOnce writes a secret file that must not exist yet, durably.
func writeOnce(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
