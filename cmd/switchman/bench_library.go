package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

const (
	libraryAtMost   = 250 // MiB, with 10,000 passages and both encoders in use
	unaskedAtMost   = 60  // MiB, of a server that nobody has asked yet
	libraryFiles    = 1000
	librarySections = 10 // of each: 10,000 passages
	libraryAsks     = 20 // questions in each language
	libraryLooks    = 200 * time.Millisecond
)

// benchMemory measures what the runbooks cost a server in memory: with many of them and both encoders in
// use, and with the sample's before anybody has asked. Both are processes of their own; what the kernel
// says is resident includes the pages of the program and of the weights. Without weights nothing is measured.
func (sh *shell) benchMemory(ctx context.Context, dir string, want benchWishes) (out []figure, err error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	es, done, err := sh.embedders("")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if es.Main == nil || es.CJK == nil {
		return nil, nil
	}
	var most, now, unasked []float64
	for i := range want.rounds {
		at := filepath.Join(dir, fmt.Sprintf("library-%d", i))
		if err := sh.writeLibrary(ctx, at, es); err != nil {
			return nil, err
		}
		err := sh.withServer(ctx, at, []string{"--stages", "1", "--models", cfg.Models()}, func(ctx context.Context, s *newsroom) error {
			if err := s.askAll(ctx); err != nil {
				return err
			}
			peak, err := memoryOf(s.pid, "VmHWM")
			left, failed := memoryOf(s.pid, "VmRSS")
			most, now = append(most, peak), append(now, left)
			return errors.Join(err, failed)
		})
		if err != nil {
			return nil, err
		}
		if want.quick || i > 0 { // once is enough for a minute of waiting
			continue
		}
		mib, err := sh.unasked(ctx, filepath.Join(dir, fmt.Sprintf("unasked-%d", i)), cfg.Models())
		if err != nil {
			return nil, err
		}
		unasked = append(unasked, mib)
	}
	out = []figure{figureOf("most memory with 10000 passages, both encoders in use", "MiB", libraryAtMost, most...),
		figureOf("the same right after the questions", "MiB", 0, now...)}
	if len(unasked) > 0 {
		out = append(out, figureOf("memory of a server that nobody has asked yet", "MiB", unaskedAtMost, unasked...))
	}
	return out, nil
}

// writeLibrary writes runbooks, half of them Chinese, and keeps vectors of all their passages for both models,
// drawn: to make them would take ten minutes, and only their number matters for memory.
func (sh *shell) writeLibrary(ctx context.Context, dir string, es knowledge.Embedders) error {
	books := filepath.Join(dir, "org", bot.OrganisationSource)
	if err := os.MkdirAll(books, 0o700); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for i := range libraryFiles {
		var text strings.Builder
		words := drawn
		if i%2 == 1 {
			words = drawnHan
		}
		fmt.Fprintf(&text, "# %s\n", words(draw, 5))
		for range librarySections {
			fmt.Fprintf(&text, "\n## %s\n\n%s\n", words(draw, 4), words(draw, 150))
		}
		if err := os.WriteFile(filepath.Join(books, fmt.Sprintf("%04d.md", i)), []byte(text.String()), 0o600); err != nil {
			return fmt.Errorf("writing a runbook: %w", err)
		}
	}
	return sh.keepDrawn(ctx, filepath.Join(dir, "state"), books, es)
}

// keepDrawn keeps drawn vectors of all passages in a state directory.
func (sh *shell) keepDrawn(ctx context.Context, state, books string, es knowledge.Embedders) (err error) {
	st, err := store.Open(ctx, store.Options{Dir: state, Organisation: "bench", Environment: dr.Test, Clock: sh.term.clock})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	files, shut, err := knowledge.Folder(books)
	if err != nil {
		return err
	}
	defer shut() //nolint:errcheck // only read
	model := drawnModel()
	for _, e := range []*knowledge.Embedder{es.Main, es.CJK} {
		drawn := *e
		drawn.Query, drawn.Passage = model.Query, model.Passage
		x := knowledge.New(knowledge.Options{Embedders: knowledge.Embedders{Main: &drawn, CJK: &drawn}, Keep: knowledge.KeepIn(st)})
		if _, err := x.Sync(ctx, knowledge.Source{Name: bot.OrganisationSource, FS: files}); err != nil {
			return err
		}
		if err := x.Embed(ctx, &drawn, func(int, int) {}); err != nil {
			return err
		}
	}
	return nil
}

// drawnHan is a text of Chinese signs, two a word, few of them often and most rarely.
func drawnHan(draw *rand.Rand, words int) string {
	var b strings.Builder
	for range words * 2 {
		b.WriteRune(rune(0x4e00 + int(math.Exp(draw.Float64()*math.Log(300)))))
	}
	return b.String()
}

// askAll asks questions in both languages once every passage has its vectors.
func (s *newsroom) askAll(ctx context.Context) error {
	for asked := 0; asked < 2*libraryAsks; {
		var found struct {
			Ranking knowledge.Mode `json:"ranking"`
		}
		text := "how do I see how far a standby database is behind its primary?"
		if asked%2 == 1 {
			text = "备库落后主库多少，怎么看？"
		}
		err := s.door.As("ann").Call(ctx, "GET", "/api/search?query="+url.QueryEscape(text), nil, &found)
		if err != nil && dr.KindOf(err) != dr.Unavailable { // which it is until the files have been read
			return err
		}
		if found.Ranking == knowledge.Hybrid {
			asked++
			continue
		}
		select {
		case <-s.sh.term.clock.After(libraryLooks):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// unasked is the resident memory of a server with the sample's runbooks, a minute after its start.
func (sh *shell) unasked(ctx context.Context, state, models string) (mib float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	c, err := client.New(client.Options{Server: "unix:" + filepath.Join(state, web.SocketName)})
	if err != nil {
		return 0, err
	}
	env := append(sh.plainEnviron(), "SWITCHMAN_MODEL_DIR="+models)
	server, err := demo.Launch([]string{"serve", "--state", state, "--addr", "off"}, env, io.Discard, io.Discard)
	if err != nil {
		return 0, err
	}
	if err = sh.untilReady(ctx, c, server); err == nil {
		select {
		case <-sh.term.clock.After(idleAfter):
			mib, err = memoryOf(server.PID(), "VmRSS")
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	err = errors.Join(err, server.Interrupt())
	_, _, end := server.Wait(ctx)
	return mib, errors.Join(err, end)
}
