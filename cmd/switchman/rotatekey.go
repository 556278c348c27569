package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func rotateKeyCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use: "rotate-key", Short: "Go over to a new log key, signed by the old and the new one",
		Long: `Make a new log key and go over to it: the journal gets one row that both keys have signed, and the new key
signs from there on. The server must be stopped. Afterwards keep the new log.key with your secrets, give
the new public key to whoever verifies reports, and, where several servers share one database, copy
log.key into the state directory of each before it starts.`,
		Example: "  switchman rotate-key\n  switchman rotate-key --state /var/lib/switchman --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := sh.settings()
			if err != nil {
				return err
			}
			if err := sh.term.confirm("rotate the log key: verifiers will need the new public key?"); err != nil {
				return err
			}
			old, key, err := sh.rotateKey(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			file := filepath.Join(cfg.StateDir, "log.key")
			return sh.show(map[string]string{"old": old, "new": key, "file": file}, func(w io.Writer) {
				fmt.Fprintf(w, "old  %s\nnew  %s\n", old, key)
				sh.note("keep a copy of %s with your secrets; give the new public key to whoever verifies reports", file)
			})
		},
	}
}

// rotateKey holds the state alone while it changes the key; a running server refuses that.
func (sh *shell) rotateKey(ctx context.Context, cfg *config.Config) (old, key string, err error) {
	if cfg.DatabaseURL.Empty() {
		if _, err := os.Stat(filepath.Join(cfg.StateDir, "state.db")); errors.Is(err, os.ErrNotExist) {
			return "", "", dr.Errorf(dr.NotFound, "there is no state in %s", cfg.StateDir).WithHint("name the state directory with --state")
		}
	}
	st, err := store.Open(ctx, store.Options{Dir: cfg.StateDir, URL: cfg.DatabaseURL.Reveal(), Clock: sh.term.clock, Log: sh.logger(cfg)})
	if err != nil {
		return "", "", err
	}
	old = st.PublicKey()
	key, err = st.RotateKey(ctx, dr.Actor{Surface: "cli"})
	return old, key, errors.Join(err, st.Close())
}
