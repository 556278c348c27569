package slack

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
)

// pipes is a network inside a bubble of synthetic time.
type pipes struct {
	in   chan net.Conn
	done chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.in:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.in <- there:
		return here, nil
	case <-p.done:
		return nil, errors.New("closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

const testRoom, testPerson = "C0ROOM001", "U0ANN0001"

// listener is an adapter that only listens, and the workspace it listens to.
type listener struct {
	*Slack
	*slackfake.Server
	line  *line
	alarm []dr.Time // told under the line's lock
}

func (l *listener) alarms() []dr.Time {
	l.line.mu.Lock()
	defer l.line.mu.Unlock()
	return slices.Clone(l.alarm)
}

// listening runs a test in synthetic time with some sockets of an adapter open. What they hear waits in frames.
func listening(t *testing.T, sockets int, o slackfake.Options, body func(t *testing.T, l *listener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.NoRates, o.Channels, o.Users = true, []slackfake.Channel{{ID: testRoom, Name: "room"}}, []slackfake.User{{ID: testPerson, Name: "ann"}}
		l := &listener{Server: slackfake.New(o)}
		p := pipes{make(chan net.Conn), make(chan struct{})}
		h := &http.Server{Handler: l.Server, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		served := make(chan error)
		go func() { served <- h.Serve(p) }()
		tr := &http.Transport{DialContext: p.dial}
		l.Slack = New(Config{Clock: dr.Clock{Now: time.Now, After: time.After}, Log: slog.New(slog.DiscardHandler), Alarm: func(at dr.Time) { l.alarm = append(l.alarm, at) }})
		as := l.App()
		l.api = api.New(as.BotToken, api.OptionAppLevelToken(as.AppToken), api.OptionAPIURL("http://slack.test/api/"), api.OptionHTTPClient(&http.Client{Transport: tr}))
		l.dialer.NetDialContext = p.dial
		l.line = l.newLine()
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for n := range sockets {
			all.Go(func() { l.socket(ctx, n, l.line) })
		}
		all.Go(func() { l.line.watch(ctx) })
		synctest.Wait()
		body(t, l)
		stop()
		all.Wait()
		l.Server.Close()
		close(p.done)
		tr.CloseIdleConnections()
		_ = h.Close()
		<-served
	})
}

// says types a command, and hands on what the person sees at once.
func (l *listener) says(ctx context.Context) <-chan slackfake.Act {
	seen := make(chan slackfake.Act, 1)
	go func() { seen <- l.Person(testPerson).Slash(ctx, testRoom, "/dr", "help") }()
	return seen
}

func (l *listener) breaks(t *testing.T, f slackfake.Fault) {
	t.Helper()
	if err := l.Break(f); err != nil {
		t.Fatal(err)
	}
}

// stores takes what comes in, as the inbox does, until the context ends.
func (l *listener) stores(ctx context.Context) {
	for {
		select {
		case f := <-l.frames:
			f.kept(false, claim{}, nil)
		case <-ctx.Done():
			return
		}
	}
}

// TestRefreshesLoseNothing: while Slack takes a connection away every 0.6 s, and is away itself once, nothing is
// lost as long as it is there, and it is heard soon after it is back.
func TestRefreshesLoseNothing(t *testing.T) {
	listening(t, sockets, slackfake.Options{}, func(t *testing.T, l *listener) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go l.stores(ctx)
		l.breaks(t, slackfake.Fault{Kind: slackfake.SlowOpen, MS: 250})
		var all sync.WaitGroup
		var mu sync.Mutex
		var heard time.Time
		const goes, stays, ends = 8 * time.Second, 8 * time.Second, 24 * time.Second
		began := time.Now()
		refresh, outage := time.Tick(600*time.Millisecond), time.After(goes)
		taken := 0
		for now := began; now.Sub(began) < ends; now = <-time.After(20 * time.Millisecond) {
			select {
			case <-refresh:
				l.breaks(t, slackfake.Fault{Kind: slackfake.RefreshOne})
			case <-outage:
				l.breaks(t, slackfake.Fault{Kind: slackfake.Outage, MS: int(stays.Milliseconds())})
			default:
			}
			all.Go(func() {
				act := l.Person(testPerson).Slash(ctx, testRoom, "/dr", "help")
				mu.Lock()
				defer mu.Unlock()
				after := now.Sub(began)
				switch {
				case act.Error == "":
					taken++
					if after > goes+stays && heard.IsZero() {
						heard = now
					}
				case after >= goes && after < goes+stays && act.Error == "slack_is_down", after >= goes+stays && heard.IsZero():
				default:
					t.Errorf("after %s: %s", after, act.Error)
				}
			})
		}
		all.Wait()
		if silent := heard.Sub(began.Add(goes + stays)); taken < 500 || silent > 1600*time.Millisecond {
			t.Errorf("%d were taken; silent for %s after Slack was back", taken, silent)
		}
	})
}

// TestReadUntilReplaced: what came by a connection that Slack takes away is acknowledged on it, also after
// another is open; then it is closed. What is never acknowledged does not keep it open.
func TestReadUntilReplaced(t *testing.T) {
	for name, stored := range map[string]bool{"stored in time": true, "never stored": false} {
		t.Run(name, func(t *testing.T) {
			listening(t, 1, slackfake.Options{}, func(t *testing.T, l *listener) {
				seen := l.says(t.Context())
				f := <-l.frames
				l.breaks(t, slackfake.Fault{Kind: slackfake.RefreshOne})
				<-time.After(time.Second)
				if s := l.Stats(); s.Opened != 2 || s.Sockets != 2 {
					t.Fatalf("%d opened, %d open", s.Opened, s.Sockets)
				}
				if stored {
					f.kept(false, claim{}, nil)
				}
				act := <-seen
				if (act.Error == "") != stored {
					t.Errorf("the person sees %+v", act)
				}
				<-time.After(2 * time.Second)
				if s := l.Stats(); s.Sockets != 1 || s.AcksUnknown != 0 {
					t.Errorf("%d open, %d acknowledged twice", s.Sockets, s.AcksUnknown)
				}
			})
		})
	}
}

// TestAckOutlivesItsSocket: a connection that dies takes no acknowledgement with it; the next one carries it.
func TestAckOutlivesItsSocket(t *testing.T) {
	for n := 1; n <= sockets; n++ {
		listening(t, n, slackfake.Options{}, func(t *testing.T, l *listener) {
			l.breaks(t, slackfake.Fault{Kind: slackfake.SlowOpen, MS: 250})
			l.breaks(t, slackfake.Fault{Kind: slackfake.DropSocket})
			seen := l.says(t.Context())
			f := <-l.frames
			synctest.Wait() // the connection is gone
			f.kept(false, claim{}, nil)
			if act := <-seen; act.Error != "" || n > 1 && act.Acked > 0 {
				t.Errorf("with %d sockets: %+v", n, act)
			}
		})
	}
}

// TestSilentConnection: one on which Slack does not even ping any more is given up, and another opened.
func TestSilentConnection(t *testing.T) {
	listening(t, 1, slackfake.Options{Ping: time.Hour}, func(t *testing.T, l *listener) {
		<-time.After(silence - time.Second)
		if s := l.Stats(); s.Opened != 1 {
			t.Errorf("%d opened too early", s.Opened)
		}
		<-time.After(2 * time.Second)
		if s := l.Stats(); s.Opened != 2 || s.Sockets != 1 {
			t.Errorf("%d opened, %d open", s.Opened, s.Sockets)
		}
	})
	listening(t, 1, slackfake.Options{}, func(t *testing.T, l *listener) {
		<-time.After(time.Hour)
		if s := l.Stats(); s.Opened != 1 {
			t.Errorf("%d opened although Slack pings", s.Opened)
		}
	})
}

// TestAlarm: fifteen seconds without any connection are told, and that there is one again; tries become
// rare, and end for all sockets when one is open.
func TestAlarm(t *testing.T) {
	listening(t, sockets, slackfake.Options{}, func(t *testing.T, l *listener) {
		l.breaks(t, slackfake.Fault{Kind: slackfake.APIError, Method: "apps.connections.open", Code: "internal_error"})
		l.breaks(t, slackfake.Fault{Kind: slackfake.Disconnect})
		<-time.After(14 * time.Second)
		if told := l.alarms(); len(told) != 0 {
			t.Errorf("alarms %v", told)
		}
		<-time.After(10 * time.Minute)
		if told := l.alarms(); len(told) != 1 || told[0].IsZero() {
			t.Errorf("alarms %v", told)
		}
		if n := l.Stats().Errors["internal_error"]; n < 60 || n > 200 {
			t.Errorf("%d tries in ten minutes", n)
		}
		l.Mend()
		for began := time.Now(); l.Stats().Sockets == 0 && time.Since(began) < 2*patience; {
			<-time.After(10 * time.Millisecond)
		}
		synctest.Wait() // one has found Slack again, and the other need not wait
		if told, s := l.alarms(), l.Stats(); s.Sockets != sockets || len(told) != 2 || !told[1].IsZero() {
			t.Errorf("%d open, alarms %v", s.Sockets, told)
		}
	})
}

// TestWaitsAsTold: Slack is not asked for a connection before it wants to be, nor often with a token it refuses.
func TestWaitsAsTold(t *testing.T) {
	for name, c := range map[string]struct {
		fault slackfake.Fault
		tries int // in a minute
	}{
		"rate limited":  {slackfake.Fault{Kind: slackfake.RateLimited, Method: "apps.connections.open", MS: 60_000}, 1},
		"token revoked": {slackfake.Fault{Kind: slackfake.APIError, Method: "apps.connections.open", Code: "token_revoked"}, 2},
	} {
		listening(t, 1, slackfake.Options{}, func(t *testing.T, l *listener) {
			l.breaks(t, c.fault)
			l.breaks(t, slackfake.Fault{Kind: slackfake.Disconnect})
			before := l.Stats().Calls["apps.connections.open"]
			<-time.After(59 * time.Second)
			if n := l.Stats().Calls["apps.connections.open"] - before; n > c.tries+1 || n == 0 { // and one at once
				t.Errorf("%s: %d tries", name, n)
			}
		})
	}
}
