package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/web"
)

const (
	readyAtMost  = 500 // ms
	startsARound = 3
	benchWait    = 5 * time.Minute // for anything that hangs
)

// benchStart measures the time from the start of a server's process, on a state directory that does
// not exist yet, to the first answer of /readyz that says ready.
func (sh *shell) benchStart(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var ready []float64
	for i := range want.rounds * startsARound {
		ms, err := sh.startOnce(ctx, filepath.Join(dir, fmt.Sprintf("start-%d", i)))
		if err != nil {
			return nil, err
		}
		ready = append(ready, ms)
	}
	return []figure{figureOf("a server's start to ready", "ms", readyAtMost, ready...)}, nil
}

func (sh *shell) startOnce(ctx context.Context, state string) (ms float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	c, err := client.New(client.Options{Server: "unix:" + filepath.Join(state, web.SocketName)})
	if err != nil {
		return 0, err
	}
	begun := sh.term.clock.Now()
	server, err := demo.Launch([]string{"serve", "--state", state, "--addr", "off"}, sh.plainEnviron(), io.Discard, io.Discard)
	if err != nil {
		return 0, err
	}
	err = sh.untilReady(ctx, c, server)
	ms = sh.msSince(begun)
	if err == nil {
		err = server.Interrupt()
	}
	_, _, end := server.Wait(ctx)
	return ms, errors.Join(err, end)
}

// untilReady asks until the server says that it is ready, and gives up when it has ended.
func (sh *shell) untilReady(ctx context.Context, c *client.Client, server *demo.Program) error {
	for {
		var answer struct {
			Ready bool `json:"ready"`
		}
		if err := c.Call(ctx, "GET", "/readyz", nil, &answer); err == nil && answer.Ready {
			return nil
		}
		if server.Ended() {
			return dr.Errorf(dr.Unavailable, "the server ended before it was ready").WithHint("switchman serve, in an empty directory, says why")
		}
		select {
		case <-sh.term.clock.After(2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (sh *shell) msSince(begun time.Time) float64 {
	return float64(sh.term.clock.Now().Sub(begun)) / float64(time.Millisecond)
}
