// Package app wires the house: it makes every part, hands each what it needs as values, starts
// them in order and stops them in the opposite one.
//
// It owns the clock (nobody else may ask the system what time it is), the order of start and stop,
// and the clean-ups, which also undo a start that failed half-way. It refuses to decide anything
// about runs: it has no rule of its own. imports_test.go in this package holds the whole module to
// the lines of the house.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/bot/slack"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
	"github.com/switchman-dr/switchman/web/ui"
)

// Options are what the app is made from.
type Options struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger
	Demo    bool              // a sample bank on this machine: people act by name, without credentials
	Clock   *dr.Clock         // nil: the system's; tests move theirs by hand
	Point   func(name string) // see fsm.Config.Point
	Stdout  io.Writer         // where the anchor called stdout goes; nil: standard output
	Env     []string          // further NAME=VALUE for commands of steps
	Stage   http.Handler      // breaks and mends the sample bank; only a demo has one
	// AcceptRollback is the reason for which a state older than its own head is accepted; it is
	// journaled. Empty: such a state is refused.
	AcceptRollback string
	// Instance names this process among those that share a database; empty: its machine and number.
	Instance string
}

// App is the running whole.
type App struct {
	Store  *store.Store
	Engine *fsm.Engine
	Web    *web.Server
	Files  *Files

	log       *slog.Logger
	keeper    *keeper
	peers     *peers
	librarian *librarian
	watch     *watch
	shorten   func(ctx context.Context, lang string, facts []string) (string, error) // nil without a model
	narrators []*bot.Narrator                                                        // one for each place that is told what happens
	slack     *slack.Slack                                                           // nil where it is not set up
	cleanups  []cleanup
}

type cleanup struct {
	name string
	stop func(context.Context) error
}

// SystemClock is the machine's clock.
func SystemClock() dr.Clock { return dr.Clock{Now: time.Now, After: time.After} }

// New makes every part and opens the store. Nothing listens and nothing runs before Start; after
// an error nothing is left open.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{log: o.Log}
	if err := a.build(ctx, o); err != nil {
		return nil, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return a, nil
}

func (a *App) build(ctx context.Context, o Options) error {
	cfg, clock := o.Config, SystemClock()
	if o.Clock != nil {
		clock = *o.Clock
	}
	hidden, err := openSecrets(cfg)
	if err != nil {
		return err
	}
	a.Files = newFiles(cfg.Org, actions.Specs(), o.Version, clock)
	catalog, err := a.Files.Catalog()
	if err != nil {
		return err
	}
	if err := knownSite(cfg.Site, catalog.Organisation()); err != nil {
		return err
	}
	stdout := o.Stdout
	if stdout == nil {
		stdout = os.Stdout
	}
	ways := targets(cfg, catalog)
	lines, err := openSSH(cfg)
	if err != nil {
		return err
	}
	set := actions.NewSet(actions.Options{Clock: clock, SSH: lines, Secrets: hidden.plan, Known: hidden.known(), AllowHTTP: cfg.AllowHTTP,
		Env: append(cfg.CommandEnv(), o.Env...), Dir: cfg.StateDir, Notify: ways, Stdout: os.Stderr, Log: o.Log})
	a.onStop("lines to other machines", func(context.Context) error { set.Close(); return nil })
	a.Store, err = store.Open(ctx, store.Options{Dir: cfg.StateDir, URL: cfg.DatabaseURL.Reveal(), Organisation: catalog.Organisation().ID,
		Environment: catalog.Organisation().Environment, AcceptRollback: o.AcceptRollback,
		Clock: clock, Key: hidden.logKey, Log: o.Log, Site: cfg.Site})
	if err != nil {
		return err
	}
	a.onStop("store", func(context.Context) error { return a.Store.Close() })
	instance := a.instance(o.Instance)
	a.Engine = fsm.New(fsm.Config{Store: a.Store, Catalog: a.Files.Catalog, Hands: set.Hands(), Eyes: set.Eyes(), Clock: clock,
		Pepper: hidden.pepper, Log: o.Log, Version: o.Version, Instance: instance, Parallel: cfg.MaxParallel, Contacts: contacts(ways),
		Anchor: anchors(cfg, set.Hands(), stdout, o.Log), Copy: shipping(a.Store, cfg, catalog.Organisation().ID, clock, o.Log), Point: o.Point})
	metrics := prometheus.NewRegistry()
	a.peers = newPeers(a.Store, store.Replica{ID: instance, Site: cfg.Site, Version: o.Version, Keys: hex.EncodeToString(hidden.key("replica"))[:16]}, clock, o.Log, metrics)
	a.keeper = newKeeper(a.Store, cfg, catalog.Organisation().ID, instance, clock, o.Log, metrics)
	addr := cfg.Addr
	if !cfg.Listens() {
		addr = ""
	}
	chat := web.NewConsole(a.Store, clock, redact.New(hidden.known()...))
	library, err := a.openLibrary(cfg, catalog.Organisation(), instance, clock, hidden, o.Log)
	if err != nil {
		return err
	}
	a.watch = a.newWatch(cfg, set.Eyes(), instance, clock, o)
	a.watch.meter(metrics)
	situations := a.watch.reading()
	talk, err := bot.New(bot.Config{Library: library, Situations: situations, Engine: a.Engine, Store: a.Store, Catalog: a.Files.Catalog, Clock: clock, Log: o.Log, Secret: hidden.key("bot"), Console: cfg.ConsoleURL,
		Report: a.bundle(o.Version)})
	if err != nil {
		return err
	}
	a.narrators = []*bot.Narrator{talk.Narrator(bot.Place{Surface: "console", Dest: web.ConsoleChannel, Channel: bot.House, Each: true, Chat: chat, Instance: instance, Point: o.Point})}
	a.joinSlack(cfg, talk, clock, o, instance)
	a.Web = web.New(web.Config{Library: library, Situations: situations, Hooks: hooksOf(cfg), Heard: a.watch.heard, ConsoleURL: cfg.ConsoleURL, Engine: a.Engine, Store: a.Store, Catalog: a.Files.Catalog, Clock: clock, Log: o.Log, Metrics: metrics,
		Ready: a.ready, Parts: a.parts(cfg), Problems: a.Files.Problems, Version: o.Version, Instance: instance, Demo: o.Demo, Stage: o.Stage, Secret: hidden.key("web"), Console: ui.Files(), Bot: talk, Chat: chat,
		TrustedProxies: cfg.Proxies(), Socket: filepath.Join(cfg.StateDir, web.SocketName), Addr: addr, Phone: cfg.PhoneAddr})
	return nil
}

// Start begins to carry runs and to listen.
func (a *App) Start(ctx context.Context) error {
	if err := a.peers.join(ctx); err != nil {
		return err
	}
	a.onStop("place among the servers", a.peers.leave)
	a.onStop("look at the other servers", inBackground(ctx, a.peers.run))
	if err := a.Engine.Start(ctx); err != nil {
		return fmt.Errorf("starting the engine: %w", err)
	}
	a.onStop("engine", a.Engine.Stop)
	a.onStop("librarian", inBackground(ctx, a.librarian.run))
	a.onStop("watch", inBackground(ctx, a.watch.run))
	if a.slack != nil {
		a.onStop("slack", inBackground(ctx, a.slack.Run))
	}
	for _, n := range a.narrators {
		a.onStop("narrator of "+n.Name(), inBackground(ctx, n.Run))
	}
	if err := a.Web.Start(ctx); err != nil {
		return err
	}
	a.onStop("web", a.Web.Stop)
	a.onStop("keeper", a.keeper.start(ctx))
	return nil
}

// inBackground runs something until it is stopped; stopping waits for its end.
func inBackground(ctx context.Context, run func(context.Context)) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	return func(patience context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-patience.Done():
			return patience.Err()
		}
	}
}

// Stop stops what was started, last first. It may be called after a start that failed, and twice.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		if err := a.cleanups[i].stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stopping %s: %w", a.cleanups[i].name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(errs...)
}

func (a *App) onStop(name string, stop func(context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, stop})
}

// Addr is where HTTP is served; empty without a TCP port.
func (a *App) Addr() string { return a.Web.Addr() }

// ready says what must be well before the server may take work.
func (a *App) ready(ctx context.Context) []web.Check {
	store := web.Check{Name: "store", OK: true}
	if err := a.Store.Ping(ctx); err != nil {
		store.OK, store.Text = false, err.Error()
	}
	files := web.Check{Name: "organisation", OK: true}
	c, err := a.Files.Catalog()
	if err == nil {
		err = c.Runnable()
	}
	if err != nil {
		files.OK, files.Text = false, err.Error()
	}
	return append([]web.Check{store, files}, a.peers.ready()...)
}

// parts says what is set up besides what a server needs to take work.
func (a *App) parts(cfg *config.Config) func(context.Context) []web.Health {
	all := []web.Health{{Name: "notices", OK: true, Configured: len(cfg.Notify) > 0}, {Name: "backup", OK: true, Configured: cfg.BackupPath != ""},
		{Name: "phone", OK: true, Configured: cfg.PhoneAddr != ""}}
	return func(context.Context) []web.Health {
		talk := web.Health{Name: "chat", OK: true, Configured: true}
		for _, n := range a.narrators {
			if since := n.Down(); !since.IsZero() && talk.OK {
				talk.OK, talk.Since, talk.Text = false, since, n.Name()+" does not answer; runs go on, and what is to be told waits"
			}
		}
		return append(append(slices.Clone(all), talk, a.watch.health()), a.peers.health()...)
	}
}

// instance names this process in leases: machine and process. SQLite lets one process in at a time,
// so whoever holds the file takes over what the one before it left, at once.
func (a *App) instance(given string) string {
	if given != "" {
		return given
	}
	if a.Store.Dialect() == "sqlite" {
		return "here"
	}
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	// Containers may share both name and number, so each start adds something of its own.
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}
