package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
)

// targets turns the configured ways to reach people into those of the notify action. A sample
// organisation for which nothing is configured tells all its recipients through a file in the state
// directory, so that its plans can run.
func targets(cfg *config.Config, c *catalog.Catalog) map[string][]actions.Target {
	out := map[string][]actions.Target{}
	for class, ways := range cfg.Notify {
		for _, w := range ways {
			out[class] = append(out[class], target(cfg, w))
		}
	}
	if c.Organisation().Environment == dr.Sample && len(out) == 0 {
		for _, class := range append(recipients(c), "contact:phone", "contact:mail") {
			out[class] = []actions.Target{{Kind: "file", Name: noticeFile, File: filepath.Join(cfg.StateDir, noticeFile)}}
		}
	}
	if _, set := out["contact:mail"]; !set && cfg.SMTPAddr != "" {
		out["contact:mail"] = []actions.Target{target(cfg, config.Target{Mail: []string{""}})}
	}
	return out
}

// contacts are the kinds of contact people can be called out by.
func contacts(ways map[string][]actions.Target) []string {
	var out []string
	for class := range ways {
		if kind, ok := strings.CutPrefix(class, "contact:"); ok {
			out = append(out, kind)
		}
	}
	slices.Sort(out)
	return out
}

// noticeFile receives the notices of a sample.
const noticeFile = "notices.jsonl"

// recipients are the classes of people that plans tell something.
func recipients(c *catalog.Catalog) []string {
	var out []string
	for _, p := range c.Plans() {
		s, err := c.Compile(catalog.Selection{Plan: p.ID, Mode: dr.Drill})
		if err != nil {
			continue // a plan that does not compile tells nobody
		}
		for _, st := range s.Steps {
			if st.Notify != nil && !slices.Contains(out, st.Notify.To) {
				out = append(out, st.Notify.To)
			}
		}
	}
	return out
}

func target(cfg *config.Config, w config.Target) actions.Target {
	switch {
	case len(w.Command) > 0:
		return actions.Target{Kind: "command", Name: w.Command[0], Argv: w.Command}
	case w.File != "":
		return actions.Target{Kind: "file", Name: w.File, File: w.File}
	case w.Stdout:
		return actions.Target{Kind: "stdout"}
	case len(w.Mail) > 0:
		return actions.Target{Kind: "mail", Address: cfg.SMTPAddr, From: cfg.SMTPFrom, To: w.Mail, User: cfg.SMTPUser,
			Password: "secret:" + smtpSecret, TLS: cfg.SMTPTLS}
	}
	u, err := url.Parse(w.Webhook.Reveal())
	if err != nil {
		return actions.Target{Kind: "webhook"} // config has checked the address; an empty one reaches nobody and says so
	}
	t := actions.Target{Kind: "webhook", Name: u.Host, Address: hostPort(u), Path: u.RequestURI()}
	if u.Scheme == "https" {
		t.TLS = "tls"
	}
	return t
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}

// anchors writes the journal's root where the configuration says: places a thief of the database
// cannot reach. What fails is logged and left out of the answer.
func anchors(cfg *config.Config, hands actions.Hands, stdout io.Writer, log *slog.Logger) func(context.Context, string) []string {
	return func(ctx context.Context, text string) []string {
		var where []string
		for _, a := range cfg.Anchors {
			if err := anchor(ctx, hands, stdout, a, text); err != nil {
				log.Warn("writing the journal's root outside", "to", a, "err", err)
				continue
			}
			where = append(where, a)
		}
		slices.Sort(where)
		return where
	}
}

func anchor(ctx context.Context, hands actions.Hands, stdout io.Writer, to, text string) error {
	switch {
	case to == "stdout":
		_, err := fmt.Fprintln(stdout, text)
		return err
	case to == "syslog":
		w, err := syslog.New(syslog.LOG_NOTICE|syslog.LOG_AUTH, "switchman")
		if err != nil {
			return fmt.Errorf("opening syslog: %w", err)
		}
		defer w.Close()
		return w.Notice(text)
	}
	class, _ := strings.CutPrefix(to, "notify:")
	res := hands.Do(ctx, actions.Job{Step: "anchor", Token: dr.Digest([]byte(text)), Class: dr.Idempotent, Timeout: 10_000,
		Call: dr.Call{Action: "notify", Params: map[string]any{"to": class, "text": text}}})
	if res.State != dr.StepOK {
		return fmt.Errorf("telling %s: %s", class, res.Text)
	}
	return nil
}
