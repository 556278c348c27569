package e2e

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// logKeeper keeps error lines, so that a story fails on one nobody announced.
type logKeeper struct {
	mu      sync.Mutex
	muted   bool
	lines   []string
	awaited []string
}

func (k *logKeeper) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (k *logKeeper) WithAttrs([]slog.Attr) slog.Handler           { return k }
func (k *logKeeper) WithGroup(string) slog.Handler                { return k }

func (k *logKeeper) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.String()
		return true
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.muted {
		k.lines = append(k.lines, line)
	}
	return nil
}

// mute drops what a crashed app still says.
func (k *logKeeper) mute(on bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.muted = on
}

func (k *logKeeper) announce(part string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.awaited = append(k.awaited, part)
}

func (k *logKeeper) unexpected() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for _, line := range k.lines {
		known := false
		for _, part := range k.awaited {
			known = known || strings.Contains(line, part)
		}
		if !known {
			out = append(out, line)
		}
	}
	return out
}
