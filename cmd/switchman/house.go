package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

func doctorCommand(sh *shell) *cobra.Command {
	var health, slack bool
	c := &cobra.Command{
		Use: "doctor", Short: "Say what is configured, what is missing, what choices mean",
		Long: `Look at settings, organisation, state, store and server, and say what is configured, what is missing
and what each choice means. Nothing is changed. Ends with 4 when something needed does not work.
With --slack it asks Slack instead, and says what to click.`,
		Example: "  switchman doctor\n  switchman doctor --slack\n  switchman doctor --health && echo alive\n  switchman doctor --json | jq '.findings[] | select(.level==\"problem\")'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if health {
				return sh.healthy(cmd.Context())
			}
			cfg, err := sh.settings()
			if err != nil {
				return err
			}
			if slack {
				return sh.askSlack(cmd.Context(), cfg)
			}
			findings := config.Doctor(cfg, sh.facts(cmd.Context(), cfg))
			ok := config.Worst(findings) != config.Problem
			if !ok {
				sh.code = exitCode(dr.Invalid)
			}
			return sh.showFindings(ok, findings)
		},
	}
	c.Flags().BoolVar(&health, "health", false, "only ask the server whether it is alive: 0 yes, 7 no (for container health checks)")
	c.Flags().BoolVar(&slack, "slack", false, "only ask Slack about the app: tokens, scopes, channel; 7 when it cannot be reached, 3 when it refuses a token")
	return c
}

func (sh *shell) showFindings(ok bool, findings []config.Finding) error {
	return sh.show(map[string]any{"ok": ok, "findings": findings}, func(w io.Writer) { doctorText(w, findings, sh.term.colour()) })
}

// slackPatience bounds the questions to Slack; it answers within seconds or not at all.
const slackPatience = 30 * time.Second

// askSlack says whether the app is set up, and what to click where it is not.
func (sh *shell) askSlack(ctx context.Context, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, slackPatience)
	defer cancel()
	findings, state := config.DoctorSlack(cfg, app.LookAtSlack(ctx, cfg))
	switch state {
	case config.SlackUnreachable:
		sh.code = exitCode(dr.Unavailable)
	case config.SlackRefused:
		sh.code = exitCode(dr.Refused)
	case config.SlackWrong:
		sh.code = exitCode(dr.Invalid)
	}
	return sh.showFindings(state == config.SlackFine, findings)
}

// healthy asks the server whether it is alive, and nothing else.
func (sh *shell) healthy(ctx context.Context) error {
	cl, err := sh.client()
	if err != nil {
		return err
	}
	return cl.Call(ctx, http.MethodGet, "/healthz", nil, nil)
}

func doctorText(w io.Writer, findings []config.Finding, colour bool) {
	area := ""
	for _, f := range findings {
		if f.Area != area {
			area = f.Area
			fmt.Fprintln(w, area)
		}
		sign := map[config.Level]string{config.Problem: paint(colour, "31", "✗"), config.Warning: paint(colour, "33", "!"), config.Note: "·", config.Fine: paint(colour, "32", "✓")}[f.Level]
		var text string
		wrapInto(&text, f.Text)
		fmt.Fprintf(w, "  %s %s\n", sign, text)
		if f.Next != "" {
			wrap(w, "      ", f.Next, narrow)
		}
	}
}

// wrapInto wraps a text for an indent of four, the first line without it.
func wrapInto(to *string, text string) {
	var lines buffer
	wrap(&lines, "    ", text, narrow)
	*to = lines.trimmed(4)
}

// buffer collects wrapped lines.
type buffer struct{ text string }

func (b *buffer) Write(p []byte) (int, error) {
	b.text += string(p)
	return len(p), nil
}

func (b *buffer) trimmed(indent int) string {
	if len(b.text) <= indent {
		return ""
	}
	return b.text[indent : len(b.text)-1]
}

func backupCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write a consistent, verified copy of the state to a file", Args: exactly("FILE"),
		Long: `Write a consistent copy of the state to a file, read it through, and only then give it its name: runs,
journal, evidence and credentials. The server may go on meanwhile. The log key and the pepper are
not in it; keep them with your other secrets. For PostgreSQL use its own tools.`,
		Example: "  switchman backup /backup/switchman-$(date +%F).db",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := sh.settings()
			if err != nil {
				return err
			}
			st, err := sh.openForReading(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			v, err := st.Backup(cmd.Context(), args[0])
			if err := errors.Join(err, st.Close()); err != nil {
				return err
			}
			return sh.copied(args[0], v)
		},
	}
}

func restoreCommand(sh *shell) *cobra.Command {
	var replace string
	c := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup into the state directory", Args: exactly("FILE"),
		Long: `Read a backup through and put it into the state directory; the server must be stopped. Put log key and
pepper back beside it. A state that is newer than the backup is given up only with --replace and a
reason, which the journal keeps; what was there is set aside, not erased.`,
		Example: "  switchman restore /backup/switchman-2026-11-25.db --state ./restored\n  switchman restore old.db --replace \"disk lost, newest copy is of Tuesday\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := sh.settings()
			if err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return dr.Errorf(dr.NotFound, "there is no file %s", args[0])
			}
			if info.IsDir() {
				return dr.Errorf(dr.Invalid, "%s is a directory, not a file", args[0]).WithHint("name a file that switchman backup wrote")
			}
			v, err := store.Restore(cmd.Context(), args[0], cfg.StateDir, store.RestoreOptions{Replace: replace, Clock: sh.term.clock, Log: sh.logger(cfg)})
			if err != nil {
				return err
			}
			return sh.copied(cfg.StateDir, v)
		},
	}
	c.Flags().StringVar(&replace, "replace", "", "give up a newer state, for this `REASON`")
	return c
}

// copied says what a copy holds, verified row by row.
func (sh *shell) copied(where string, v store.Verified) error {
	answer := map[string]any{"file": where, "rows": v.Rows, "artefacts": v.Slices + v.Blobs, "verified": true,
		"checkpoint": checkpointOf(v.Checkpoint)}
	return sh.show(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n  verified: %s, %s\n", where, plural(int(v.Rows), "row"), plural(int(v.Slices+v.Blobs), "artefact"))
	})
}
