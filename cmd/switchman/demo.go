package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
)

const demoLong = `The sample bank on this machine, live: two sites as two processes with 39 small services each,
customers who pay, and a server that has no passwords. Whatever it prints is marked SAMPLE.

Leave it running, open a second terminal in the same directory, and be everybody in turn:

  switchman person list                      who may do what
  switchman run request bank-switchover --mode drill --reason "to see it" --as REQUESTER
  switchman run watch RUN                    says at every moment what the run waits for
  switchman run approve RUN --as APPROVER    one of each team
  switchman code issue RUN --as ISSUER       shows a one-time code
  switchman run start RUN --as REQUESTER     asks for the code, and the bank moves
  switchman run switchback RUN --reason "back home" --as REQUESTER    and the same again
  switchman report RUN

With --auto the whole story plays by itself and ends with a verified report.`

func demoCommand(sh *shell) *cobra.Command {
	var auto bool
	var addr string
	c := &cobra.Command{
		Use: "demo", Short: "The sample bank on this machine, live; --auto plays the whole story",
		Long:    demoLong,
		Example: "  switchman demo\n  switchman demo --auto\n  switchman demo --auto --json | tail -1 | jq .traffic",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return sh.demo(cmd.Context(), addr, auto)
		},
	}
	c.Flags().BoolVar(&auto, "auto", false, "play the whole story without a person, on fresh temporary state unless --state is given")
	c.Flags().StringVar(&addr, "addr", "", "`HOST:PORT` to listen on (default: 127.0.0.1 and a free port)")
	return c
}

// demo brings up the estate, then a server for it, and stops both in the opposite order.
func (sh *shell) demo(ctx context.Context, addr string, auto bool) error {
	cfg, err := sh.settings()
	if err != nil {
		return err
	}
	estate, err := demo.Start(ctx, cfg.StateDir)
	if err != nil {
		return err
	}
	defer estate.Stop()
	cfg, err = sh.settingsWith(map[string]string{"org": estate.Organisation(), "addr": firstText(addr, "127.0.0.1:0"),
		"allow_http": strings.Join(estate.Addresses(), ",")})
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Demo: true, Env: estate.Env()})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, stopWithin(ctx, a.Stop))
	}
	if auto {
		return errors.Join(dr.Errorf(dr.Unavailable, "the story is not told by this build"), stopWithin(ctx, a.Stop))
	}
	fmt.Fprintf(sh.term.out, "%s  Harbor Bank is running: http://%s and the socket in %s\n\n%s\n", demo.Watermark, a.Addr(), cfg.StateDir, demoLong[strings.Index(demoLong, "Leave it"):])
	<-ctx.Done()
	sh.note("stopping the sample bank")
	return stopWithin(ctx, a.Stop)
}
