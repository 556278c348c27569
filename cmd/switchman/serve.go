package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/web"
)

// stopWait is how long steps in flight may take to land when the server is stopped.
const stopWait = 30 * time.Second

func serveCommand(sh *shell) *cobra.Command {
	var addr, rollback, site string
	c := &cobra.Command{
		Use: "serve", Short: "Run the server: it keeps the state and carries out runs",
		Long: `Run the server: the API, the journal and whatever carries out approved runs. It listens on a unix
socket in the state directory (for this account and root) and on --addr. Interrupt it and it lets
steps in flight land first; started again, it takes up the runs where they stood.

Every setting is in docs/config.md; "switchman doctor" says what is configured and what is missing.`,
		Example: "  switchman serve --org ./bank --state /var/lib/switchman\n  switchman serve --addr off\n  switchman serve --site east",
		RunE: func(cmd *cobra.Command, _ []string) error {
			more := map[string]string{}
			if addr != "" {
				more["addr"] = addr
			}
			if site != "" {
				more["site"] = site
			}
			cfg, err := sh.settingsWith(more)
			if err != nil {
				return err
			}
			return sh.serve(cmd.Context(), cfg, rollback)
		},
	}
	c.Flags().StringVar(&addr, "addr", "", "`HOST:PORT` to listen on besides the socket, or off (SWITCHMAN_ADDR; default: 127.0.0.1:8080)")
	c.Flags().StringVar(&site, "site", "", "`SITE` of the organisation this server is at (SWITCHMAN_SITE); for servers at two sites on one PostgreSQL")
	c.Flags().StringVar(&rollback, "accept-rollback", "", "go on with a state older than its own head, for this `REASON`; the journal keeps it")
	return c
}

func (sh *shell) serve(ctx context.Context, cfg *config.Config, rollback string) error {
	news := sh.term.out
	if sh.json {
		news = sh.term.err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Stdout: news,
		AcceptRollback: rollback})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, stopWithin(ctx, a.Stop))
	}
	sh.note("switchman %s serves on %s and on unix:%s", version(), firstText(a.Addr(), "no address"), filepath.Join(cfg.StateDir, web.SocketName))
	if sh.json {
		if err := sh.printJSON(map[string]string{"addr": a.Addr(), "socket": filepath.Join(cfg.StateDir, web.SocketName)}); err != nil {
			return errors.Join(err, stopWithin(ctx, a.Stop))
		}
	}
	<-ctx.Done()
	sh.note("stopping; steps in flight may land first")
	return stopWithin(ctx, a.Stop)
}

// stopWithin stops something although the context that ran it has ended.
func stopWithin(ctx context.Context, stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	return stop(ctx)
}

func (sh *shell) logger(cfg *config.Config) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel.Level()}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(sh.term.err, opts))
	}
	return slog.New(slog.NewTextHandler(sh.term.err, opts))
}

// noticeEntry is the hidden entry point that files the demo's notices.
const noticeEntry = "demo-notice"

// fileNotice appends one notice, read from standard input, to a file.
func (t *terminal) fileNotice(args []string) int {
	if len(args) == 0 {
		return exitCode(dr.Usage)
	}
	text, err := io.ReadAll(io.LimitReader(t.in, 64<<10))
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			_, err = fmt.Fprintf(f, "%s  %-12s %s\n", t.clock.Time(), t.env("SWITCHMAN_NOTIFY_TO"), oneLine(strings.TrimSpace(string(text))))
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		fmt.Fprintln(t.err, "filing a notice:", err)
		return 1
	}
	return 0
}

// sampleMain is the other life of the binary: it is also the sample bank's sites, and, under the
// name demo-node, the command that reaches into one of their nodes.
func (t *terminal) sampleMain(name string, args []string) (code int, ours bool) {
	switch {
	case name == "demo-node":
		return demo.NodeMain(args, t.out, t.err), true
	case len(args) > 0 && args[0] == "demo-node":
		return demo.NodeMain(args[1:], t.out, t.err), true
	case len(args) > 0 && args[0] == noticeEntry:
		return t.fileNotice(args[1:]), true
	case len(args) > 0 && args[0] == "demo-site":
		return demo.SiteMain(args[1:], t.in, t.out, t.err), true
	}
	return 0, false
}
