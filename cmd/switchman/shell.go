package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
	"github.com/switchman-dr/switchman/web"
)

// shell is what all commands share: the terminal and the global flags.
type shell struct {
	term   *terminal
	json   bool
	as     string
	flags  globals
	code   int    // exit code of a command that ended well but not with "done"
	own    *self  // who asks, once the server was asked; see me
	zoned  bool   // the time zone of rows was said
	speaks *voice // how answers for people are worded, once that is known; see voice
}

// globals are flags that stand for settings.
type globals struct{ org, state, server, lang, config string }

// settings reads the configuration with the flags laid over it.
func (sh *shell) settings() (*config.Config, error) { return sh.settingsWith(nil) }

func (sh *shell) settingsWith(more map[string]string) (*config.Config, error) {
	return sh.settingsFrom(sh.term.environ, more)
}

// settingsFrom reads settings with an environment and further flags.
func (sh *shell) settingsFrom(environ []string, more map[string]string) (*config.Config, error) {
	set := map[string]string{}
	for name, value := range map[string]string{"org": sh.flags.org, "state_dir": sh.flags.state, "server": sh.flags.server, "lang": sh.flags.lang} {
		if value != "" {
			set[name] = value
		}
	}
	for name, value := range more {
		set[name] = value
	}
	return config.Load(config.Input{Environ: environ, File: sh.flags.config, Flags: set})
}

// client is the way to the server.
func (sh *shell) client() (*client.Client, error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	server := cfg.Server
	if server == "" {
		server = "unix:" + filepath.Join(cfg.StateDir, web.SocketName)
	}
	token := cfg.Token.Reveal()
	if sh.as != "" {
		token = ""
	}
	return client.New(client.Options{Server: server, Token: token, As: sh.as, Lang: sh.asks(cfg)})
}

// noteHere says that an answer comes from the state directory, and from which where a server was named: it may not be
// that one's.
func (sh *shell) noteHere() {
	cfg, err := sh.settings()
	if err != nil || cfg.Server == "" {
		sh.note("server not running; read from the state directory")
		return
	}
	sh.note("server not running at %s; read from the state directory %s, which may be another's", cfg.Server, cfg.StateDir)
}

// away reports whether nobody answers and the organisation's files may be read instead. Whoever names a server wants
// that one's.
func (sh *shell) away(err error) bool {
	cfg, bad := sh.settings()
	return notRunning(err) && bad == nil && cfg.Server == ""
}

// call asks the server once.
func (sh *shell) call(ctx context.Context, method, path string, in, out any) error {
	c, err := sh.client()
	if err != nil {
		return err
	}
	return c.Call(ctx, method, path, in, out)
}

// show prints an answer: as JSON, or by the function for people.
func (sh *shell) show(answer any, people func(io.Writer)) error {
	if sh.json {
		return sh.printJSON(answer)
	}
	people(sh.term.out)
	return nil
}

// printJSON writes one document on one line.
func (sh *shell) printJSON(v any) error {
	raw, err := encodeJSON(v)
	if err != nil {
		return err
	}
	if _, err := sh.term.out.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}

// encodeJSON writes JSON without escapes for HTML, so that rows keep the bytes that were hashed.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing an answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// note says something beside the answer; it never mixes with it.
func (sh *shell) note(format string, a ...any) { fmt.Fprintf(sh.term.err, format+"\n", a...) }

// lang is the language asked for by flag or setting, for what has no reader of its own: a story, an
// evaluation. Answers to a person come in language.
func (sh *shell) lang() string {
	if cfg, err := sh.settings(); err == nil && cfg.Lang != "" {
		return cfg.Lang
	}
	return "en"
}

// exitCode maps kinds of errors to what scripts see.
func exitCode(kind dr.ErrKind) int {
	switch kind {
	case dr.Usage:
		return 2
	case dr.Refused, dr.SignIn:
		return 3
	case dr.Invalid:
		return 4
	case dr.NotFound:
		return 5
	case dr.Conflict:
		return 6
	case dr.Unavailable:
		return 7
	case dr.Unverified:
		return 8
	}
	return 1
}

// told is an error as people and scripts read it.
type told struct {
	Kind    dr.ErrKind `json:"kind"`
	Message string     `json:"message"`
	Hint    string     `json:"hint"`
	Ref     string     `json:"ref"`
}

// finish shows an error and turns it into the exit code.
func (sh *shell) finish(err error) int {
	if err == nil {
		return sh.code
	}
	if errors.Is(err, context.Canceled) {
		return 130 // as shells report an interrupt
	}
	t := sh.tell(err)
	if sh.json {
		if err := sh.printJSON(map[string]told{"error": t}); err != nil {
			sh.note("%v", err)
		}
	}
	text := t.Message
	if t.Hint != "" {
		text += "\n  " + t.Hint
	}
	if t.Ref != "" {
		text += "\n  reference " + t.Ref
	}
	sh.note("switchman: %s", text)
	return exitCode(t.Kind)
}

func (sh *shell) tell(err error) told {
	var remote *client.Problem
	var known *dr.Error
	switch {
	case errors.As(err, &remote):
		if remote.Told.Kind != dr.Unexpected && locale.Has(remote.Told.ID) {
			lang := sh.language(context.Background())
			remote.Told.Message, remote.Told.Hint = locale.Say(lang, remote.Told.ID, remote.Told.Args), locale.Hint(lang, remote.Told.ID, remote.Told.Args)
		}
		return told{Kind: remote.Told.Kind, Message: remote.Told.Message, Hint: remote.Told.Hint, Ref: remote.Ref}
	case errors.As(err, &known) && (known.Kind != dr.Unexpected || locale.Has(known.ID)):
		message, hint := locale.Error(sh.language(context.Background()), known)
		return told{Kind: known.Kind, Message: message, Hint: hint}
	}
	if t, ok := fileTrouble(err); ok {
		return t
	}
	ref := strings.ToLower(rand.Text()[:8])
	slog.New(slog.NewTextHandler(sh.term.err, nil)).Error("command ended in an error", "ref", ref, "error", err)
	return told{Kind: dr.Unexpected, Message: "something went wrong that nobody foresaw", Ref: ref,
		Hint: "the line above with this reference says what happened"}
}
