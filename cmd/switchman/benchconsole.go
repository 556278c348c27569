package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
)

const (
	coresAtMost    = 1
	benchConsoles  = 200
	newsEvery      = 50 * time.Millisecond // 20 a second
	newsRows       = 100                   // five seconds of them
	newsStages     = 2                     // of the plan: 156 steps, about as many as the sample bank's
	rereadAfter    = 200 * time.Millisecond
	rereadRest     = 8 // times as long as an answer took
	rereadMost     = 5 * time.Second
	ticksPerSecond = 100 // Linux tells every program that its clock ticks so, whatever it really does
)

// benchConsole measures what open consoles cost a server in a process of its own, while a run has twenty
// rows of news a second. A console is a person's session and its stream of events; a page on the room of
// that run also reads the run again after news, as the console's own code does. Every stream must bring
// every row, once and in order.
func (sh *shell) benchConsole(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var one, many, pages, lag, late, lost []float64
	for i := range want.rounds {
		err := sh.withServer(ctx, filepath.Join(dir, fmt.Sprintf("console-%d", i)), nil, func(ctx context.Context, s *newsroom) error {
			for _, part := range []struct {
				consoles int
				pages    bool
				cores    *[]float64
			}{{1, false, &one}, {benchConsoles, false, &many}, {benchConsoles, true, &pages}} {
				got, err := s.measure(ctx, part.consoles, part.pages)
				if err != nil {
					return err
				}
				*part.cores = append(*part.cores, got.cores)
				lost = append(lost, float64(got.lost))
				if part.pages {
					lag, late = append(lag, got.median), append(late, got.p99)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return []figure{
		figureOf("1 open console at 20 events/s", "cores", 0, one...),
		figureOf(fmt.Sprintf("%d open consoles at 20 events/s", benchConsoles), "cores", coresAtMost, many...),
		figureOf(fmt.Sprintf("%d pages on the run itself", benchConsoles), "cores", 0, pages...),
		figureOf("their news: median age on arrival", "ms", 0, lag...),
		figureOf("their news: 99th percentile", "ms", 0, late...),
		figureOf("rows lost, doubled or out of order", "", 0, lost...),
	}, nil
}

// newsroom is a server with a run that has news.
type newsroom struct {
	sh     *shell
	door   *client.Client
	run    string
	pid    int
	server *demo.Program
}

// withServer starts a server in a directory, with a run to watch, for as long as f takes.
func (sh *shell) withServer(ctx context.Context, dir string, shape []string, f func(context.Context, *newsroom) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	told, tell := io.Pipe()
	var talk bytes.Buffer
	s := &newsroom{sh: sh}
	s.server, err = demo.Launch(append([]string{"bench", "newsroom", dir}, shape...), sh.plainEnviron(), tell, &talk)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = told.CloseWithError(ctx.Err()) })
	go func() {
		_, _, err := s.server.Wait(ctx)
		_ = tell.CloseWithError(errors.Join(err, io.ErrUnexpectedEOF))
	}()
	defer func() {
		err = errors.Join(err, s.server.Interrupt())
		_, _, end := s.server.Wait(ctx)
		err = errors.Join(err, end)
	}()
	var hello consoleHello
	if err := json.NewDecoder(told).Decode(&hello); err != nil {
		return fmt.Errorf("starting a server for consoles: %w: %s", err, talk.String())
	}
	s.pid = hello.PID
	if s.door, err = client.New(client.Options{Server: "http://" + hello.Addr}); err != nil {
		return err
	}
	var run struct{ ID string }
	ask := map[string]any{"plan": "wide", "mode": dr.Drill, "reason": "measuring"}
	if err := s.door.As("ann").Call(ctx, "POST", "/api/runs", ask, &run); err != nil {
		return err
	}
	s.run = run.ID
	return f(ctx, s)
}

// consoleHello is how the server's process says that it listens.
type consoleHello struct {
	Addr string `json:"addr"`
	PID  int    `json:"pid"`
}

// consoleChild is the process of that server: a demo without sites, since sign-in by name is a demo's alone.
func (sh *shell) consoleChild() *cobra.Command {
	var shape benchShape
	var models string
	c := &cobra.Command{Use: "newsroom", Hidden: true, Args: exactly("DIR"), RunE: func(cmd *cobra.Command, args []string) (err error) {
		ctx := cmd.Context()
		if err := writeBenchOrg(filepath.Join(args[0], "org"), shape); err != nil {
			return err
		}
		cfg, err := config.Load(config.Input{Environ: []string{"SWITCHMAN_ORG=" + filepath.Join(args[0], "org"),
			"SWITCHMAN_STATE_DIR=" + filepath.Join(args[0], "state"), "SWITCHMAN_ADDR=127.0.0.1:0", "SWITCHMAN_ANCHORS=", "SWITCHMAN_MODEL_DIR=" + models}})
		if err != nil {
			return err
		}
		a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Stdout: sh.term.err, Demo: true})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
		if err := a.Start(ctx); err != nil {
			return err
		}
		if err := sh.printJSON(consoleHello{Addr: a.Web.Addr(), PID: os.Getpid()}); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}
	c.Flags().IntVar(&shape.stages, "stages", newsStages, "steps of the plan on each node: `N`")
	c.Flags().StringVar(&shape.wait, "wait", "", "how long a step waits: `DURATION`")
	c.Flags().IntVar(&shape.flight, "flight", 0, "steps under way at once: `N`")
	c.Flags().StringVar(&models, "models", "", "`DIR` with the weights of the encoders")
	c.Flags().BoolVar(&shape.lost, "lost", false, "with a plan for a lost site")
	return c
}

// consoleNews is what was measured of one number of consoles.
type consoleNews struct {
	cores       float64 // processor time of the server per second
	median, p99 float64 // ms from a row's moment to its arrival
	lost        int64
}

// console is one open page, as the measurement keeps it.
type console struct {
	door  *client.Client
	next  int64 // row to come
	lost  int64
	ages  []float64
	stale atomic.Bool // there was news since the run was last read
}

// The first and the last news of a measurement.
const greeting, farewell = "here we go", "that was it"

// measure opens consoles, lets the run have news for some seconds, and waits until each console has the last.
func (s *newsroom) measure(ctx context.Context, consoles int, pages bool) (out consoleNews, err error) {
	all, err := s.signIn(ctx, consoles)
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var open sync.WaitGroup
	arrived := make(chan struct{}, 2*consoles)
	for _, c := range all {
		open.Go(func() { cancel(s.follow(ctx, c, arrived)) })
		if pages {
			open.Go(func() { cancel(s.reread(ctx, c)) })
		}
	}
	if err := s.greet(ctx, arrived, consoles); err != nil {
		return out, err
	}
	begun, before := s.sh.term.clock.Now(), s.processor()
	if err := errors.Join(s.news(ctx), allOf(ctx, arrived, consoles)); err != nil {
		return out, err
	}
	out.cores = (s.processor() - before) / (s.sh.msSince(begun) / 1000)
	cancel(nil)
	open.Wait()
	var ages []float64
	for _, c := range all {
		ages, out.lost = append(ages, c.ages...), out.lost+c.lost
	}
	slices.Sort(ages)
	out.median, out.p99 = middle(ages), ages[len(ages)*99/100]
	return out, nil
}

func (s *newsroom) signIn(ctx context.Context, consoles int) (all []*console, err error) {
	for i := range consoles {
		door, err := s.door.SignIn(ctx, "o"+strconv.Itoa(i%benchOnlookers))
		if err != nil {
			return nil, err
		}
		all = append(all, &console{door: door})
	}
	var journal struct{ Size int64 }
	err = s.door.Call(ctx, "GET", "/api/journal?limit=1", nil, &journal)
	for _, c := range all {
		c.next = journal.Size
	}
	return all, err
}

// follow reads the stream of one console and says when the first and the last news have arrived.
func (s *newsroom) follow(ctx context.Context, c *console, arrived chan<- struct{}) error {
	measuring := false
	for ev, err := range c.door.Events(ctx, "", c.next) {
		if err != nil {
			return err
		}
		if ev.Kind == "" {
			continue // the drawing of a card
		}
		if ev.Seq != c.next {
			c.lost++
		}
		c.next = ev.Seq + 1
		if ev.Run != s.run {
			continue
		}
		c.stale.Store(true)
		if measuring {
			c.ages = append(c.ages, float64(s.sh.term.clock.Now().Sub(ev.At.Time))/float64(time.Millisecond))
		}
		switch {
		case bytes.Contains(ev.Data, []byte(greeting)):
			measuring = true
			arrived <- struct{}{}
		case bytes.Contains(ev.Data, []byte(farewell)):
			arrived <- struct{}{}
			measuring = false
		}
	}
	return errors.New("a stream ended by itself")
}

// reread does what a page on the run does (web/ui/src/lib/load.svelte.ts): it reads the run a moment after
// news, and rests eight times as long as the answer took.
func (s *newsroom) reread(ctx context.Context, c *console) error {
	rest := rereadAfter
	for {
		select {
		case <-s.sh.term.clock.After(rest):
		case <-ctx.Done():
			return ctx.Err()
		}
		rest = rereadAfter
		if c.stale.Swap(false) {
			begun := s.sh.term.clock.Now()
			if err := c.door.Call(ctx, "GET", "/api/runs/"+url.PathEscape(s.run), nil, nil); err != nil {
				return err
			}
			rest = max(rereadAfter, min(rereadMost, rereadRest*s.sh.term.clock.Now().Sub(begun)))
		}
	}
}

// greet sends the first news until every console is known to listen, and lets the server come to rest.
func (s *newsroom) greet(ctx context.Context, arrived <-chan struct{}, consoles int) error {
	if err := errors.Join(s.observe(ctx, greeting), allOf(ctx, arrived, consoles)); err != nil {
		return err
	}
	select {
	case <-s.sh.term.clock.After(time.Second):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func allOf(ctx context.Context, arrived <-chan struct{}, consoles int) error {
	for range consoles {
		select {
		case <-arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// news has people see something in the run, twenty times a second whatever the server makes of it, and in
// the end the last thing.
func (s *newsroom) news(ctx context.Context) error {
	var told sync.WaitGroup
	var failed atomic.Pointer[error]
	begun := s.sh.term.clock.Now()
	for i := range newsRows {
		select {
		case <-s.sh.term.clock.After(time.Duration(i)*newsEvery - s.sh.term.clock.Now().Sub(begun)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		told.Go(func() {
			if err := s.observe(ctx, fmt.Sprintf("seen %d", i)); err != nil {
				failed.Store(&err)
			}
		})
	}
	told.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return s.observe(ctx, farewell)
}

func (s *newsroom) observe(ctx context.Context, text string) error {
	return s.door.As("o0").Call(ctx, "POST", "/api/runs/"+url.PathEscape(s.run)+"/observe", map[string]string{"text": text}, nil)
}

// processor is the processor time in seconds that the server has used so far; 0 where the kernel does not say.
func (s *newsroom) processor() float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(raw, []byte(") ")) // after the name, which may hold anything
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(string(fields[11]), 64)
	system, _ := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / ticksPerSecond
}
