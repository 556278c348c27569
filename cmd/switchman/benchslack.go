package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

const (
	clicksEvery    = 5 * time.Millisecond // 200 a second
	refreshEvery   = 600 * time.Millisecond
	openLatency    = 250 // ms
	outageLasts    = 8 * time.Second
	ackAtMost      = 250 // ms
	redrawsAtMost  = 20  // a minute for one board
	boardEvents    = 1000
	slackBenchRoom = "C0BENCH01"
)

// clickers are approvers who press the button to deny again and again. Each click is stored, answered with
// the dialog that asks for a reason, and marked; none of them changes the run, so the button stays.
var clickers = []string{"U0BENCH01", "U0BENCH04", "U0LOOK00", "U0LOOK01", "U0LOOK02", "U0LOOK03", "U0LOOK04", "U0LOOK05"}

// benchSlack measures the conversation in Slack against a workspace on this machine: what people click
// while Slack takes its connections away, beside an app on one plain socket; and how often a board of 39
// systems is redrawn while a thousand things happen to it in a minute.
func (sh *shell) benchSlack(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	clicks, err := sh.benchClicks(ctx, filepath.Join(dir, "clicks"), want.seconds)
	if err != nil {
		return nil, err
	}
	board, err := sh.benchBoard(ctx, filepath.Join(dir, "board"), want.seconds)
	return append(clicks, board...), err
}

// benchRoom is a workspace with the people of the generated organisation.
type benchRoom struct {
	*slackfake.Server
	host  string
	close func()
}

func (sh *shell) benchRoom(ctx context.Context, noRates bool) (*benchRoom, error) {
	o := slackfake.Options{Clock: sh.term.clock, NoRates: noRates, Channels: []slackfake.Channel{{ID: slackBenchRoom, Name: "dr-room"}}}
	for _, id := range clickers {
		o.Users = append(o.Users, slackfake.User{ID: id, Name: strings.ToLower(id), RealName: id})
	}
	ctx, stop := context.WithCancel(ctx)
	r := &benchRoom{Server: slackfake.New(o)}
	up, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- r.Listen(ctx, "127.0.0.1:0", func(host string) { up <- host }) }()
	r.close = func() { stop(); <-ended }
	select {
	case r.host = <-up:
		return r, nil
	case err := <-ended:
		stop()
		return nil, fmt.Errorf("opening a workspace: %w", err)
	}
}

// serve starts a server of the generated organisation that talks in the room.
func (sh *shell) serveRoom(ctx context.Context, dir string, shape benchShape, r *benchRoom) (*app.App, error) {
	if err := writeBenchOrg(filepath.Join(dir, "org"), shape); err != nil {
		return nil, err
	}
	as := r.App()
	cfg, err := config.Load(config.Input{Environ: []string{"SWITCHMAN_ORG=" + filepath.Join(dir, "org"), "SWITCHMAN_STATE_DIR=" + filepath.Join(dir, "state"),
		"SWITCHMAN_ADDR=off", "SWITCHMAN_ANCHORS=", "SWITCHMAN_SLACK_BOT_TOKEN=" + as.BotToken, "SWITCHMAN_SLACK_APP_TOKEN=" + as.AppToken,
		"SWITCHMAN_SLACK_CHANNEL=" + slackBenchRoom, "SWITCHMAN_SLACK_URL=http://" + r.host + "/api/", "SWITCHMAN_LOG_LEVEL=error"}})
	if err != nil {
		return nil, err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Stdout: io.Discard})
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, errors.Join(err, stopWithin(ctx, a.Stop))
	}
	return a, nil
}

// button waits for a message with an action whose id ends so.
func (r *benchRoom) button(ctx context.Context, ending string) (slackfake.Press, error) {
	press := slackfake.Press{Channel: slackBenchRoom}
	err := r.Await(ctx, func() bool {
		all, err := r.Person(clickers[0]).Messages(slackBenchRoom)
		if err != nil {
			return false
		}
		for _, m := range all {
			var blocks []struct {
				Block    string `json:"block_id"`
				Elements []struct {
					Action string `json:"action_id"`
				} `json:"elements"`
			}
			if json.Unmarshal(m.Blocks, &blocks) != nil {
				continue
			}
			for _, b := range blocks {
				for _, e := range b.Elements {
					if strings.HasSuffix(e.Action, ending) {
						press.TS, press.Block, press.Action = m.TS, b.Block, e.Action
						return true
					}
				}
			}
		}
		return false
	})
	return press, err
}

// benchClicks lets eight people click in two workspaces at once, one with the adapter and one with a plain
// socket, while both lose their connections in the same way.
func (sh *shell) benchClicks(ctx context.Context, dir string, seconds int) (out []figure, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	ours, err := sh.benchRoom(ctx, true)
	if err != nil {
		return nil, err
	}
	defer ours.close()
	plain, err := sh.benchRoom(ctx, true)
	if err != nil {
		return nil, err
	}
	defer plain.close()
	a, err := sh.serveRoom(ctx, dir, benchShape{stages: 1}, ours)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
	if _, err := a.Engine.Request(ctx, dr.Actor{Person: "ann"}, fsm.Request{Plan: "wide", Mode: dr.Drill, Reason: "measuring"}); err != nil {
		return nil, err
	}
	alone, end := context.WithCancel(ctx)
	defer end()
	go func() { _ = slackfake.Plain(alone, "http://"+plain.host+"/api/", plain.App(), slackBenchRoom) }()
	rooms := []*crowd{{room: ours, ending: ":deny"}, {room: plain, ending: "press"}}
	for _, c := range rooms {
		if c.press, err = c.room.button(ctx, c.ending); err != nil {
			return nil, fmt.Errorf("waiting for a button: %w", err)
		}
	}
	sh.clickAway(ctx, rooms, time.Duration(seconds)*time.Second)
	if err := sh.inboxWorked(ctx, a); err != nil {
		return nil, err
	}
	silent, err := rooms[0].unanswered()
	return figuresOfClicks(rooms[0].count(), rooms[1].count(), silent), errors.Join(err, ctx.Err())
}

// clickAway lets people click for a while, takes a connection every 0.6 s, and Slack as a whole in the middle.
func (sh *shell) clickAway(ctx context.Context, rooms []*crowd, span time.Duration) {
	now := sh.term.clock.Now
	begun, outage := now(), min(outageLasts, span/3)
	var all sync.WaitGroup
	refreshes, dead := 0, false
	for _, c := range rooms {
		_ = c.room.Break(slackfake.Fault{Kind: slackfake.SlowOpen, MS: openLatency})
	}
	for i := 0; now().Sub(begun) < span && ctx.Err() == nil; i++ {
		select {
		case <-sh.term.clock.After(time.Duration(i)*clicksEvery - now().Sub(begun)):
		case <-ctx.Done():
		}
		passed := now().Sub(begun)
		if !dead && passed > (span-outage)/2 {
			dead = true
			for _, c := range rooms {
				c.gone, c.back = now(), now().Add(outage)
				_ = c.room.Break(slackfake.Fault{Kind: slackfake.Outage, MS: int(outage.Milliseconds())})
			}
		}
		if int(passed/refreshEvery) > refreshes {
			refreshes = int(passed / refreshEvery)
			for _, c := range rooms {
				_ = c.room.Break(slackfake.Fault{Kind: slackfake.RefreshOne})
			}
		}
		for _, c := range rooms {
			all.Go(func() { c.click(ctx, now, clickers[i%len(clickers)]) })
		}
	}
	all.Wait()
}

// inboxWorked waits until everything in the inbox is answered.
func (sh *shell) inboxWorked(ctx context.Context, a *app.App) error {
	for {
		var open []store.InboxEvent
		err := a.Store.Read(ctx, func(rd *store.Reader) (err error) {
			open, err = rd.OpenInbox(ctx, 1)
			return err
		})
		if err != nil || len(open) == 0 {
			return err
		}
		select {
		case <-sh.term.clock.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// benchBoard carries a plan of single steps out, so that a thousand rows come in a minute, one by one, and
// counts how often its board is drawn.
func (sh *shell) benchBoard(ctx context.Context, dir string, seconds int) (out []figure, err error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	r, err := sh.benchRoom(ctx, false) // with Slack's own limits
	if err != nil {
		return nil, err
	}
	defer r.close()
	stages := max(1, boardEvents*seconds/60/(2*benchSystems*benchNodes))
	wait := time.Duration(seconds) * time.Second / time.Duration(stages*benchSystems*benchNodes)
	a, err := sh.serveRoom(ctx, dir, benchShape{stages: stages, wait: wait.Truncate(time.Millisecond).String(), flight: 1}, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
	run, err := sh.drill(ctx, a)
	if err != nil {
		return nil, err
	}
	var rows []dr.Row
	if err := a.Store.Read(ctx, func(rd *store.Reader) error { rows, err = rd.RowsOf(ctx, run); return err }); err != nil {
		return nil, err
	}
	minutes := rows[len(rows)-1].At.Sub(rows[0].At.Time).Minutes()
	s := r.Stats()
	return []figure{
		figureOf("rows about one run", "/min", 0, float64(len(rows))/minutes),
		figureOf("redraws of its board", "/min", redrawsAtMost, float64(s.Calls["chat.update"])/minutes),
		figureOf("answers that asked to wait", "/min", 0, float64(s.Errors["ratelimited"])/minutes),
	}, nil
}
