package slackfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

const (
	lin      = "U0HB10041"
	chen     = "U0HB10057"
	guest    = "U0GUEST01"
	stranger = "U0OTHER01"
	leaver   = "U0GONE001"
	ops      = "C0OPS0001"
)

// fake is a workspace with the official client.
type fake struct {
	*slackfake.Server
	base string
	http *http.Client
	dial *websocket.Dialer
	bot  *slack.Client
}

// start makes a workspace behind a listener of this machine.
func start(t *testing.T, o slackfake.Options) fake {
	t.Helper()
	s := slackfake.New(filled(o))
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		h.CloseClientConnections()
		h.Close()
	})
	return newFake(s, h.URL, http.DefaultClient, websocket.DefaultDialer)
}

func newFake(s *slackfake.Server, base string, c *http.Client, d *websocket.Dialer) fake {
	a := s.App()
	return fake{s, base, c, d, slack.New(a.BotToken, slack.OptionAppLevelToken(a.AppToken), slack.OptionAPIURL(base+"/api/"), slack.OptionHTTPClient(c))}
}

func filled(o slackfake.Options) slackfake.Options {
	sample := slackfake.Sample()
	if o.Users == nil {
		o.Users = sample.Users
	}
	if o.Channels == nil {
		o.Channels = sample.Channels
	}
	return o
}

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

// bubble runs a test in synthetic time: minutes pass when nothing else can happen.
func bubble(t *testing.T, o slackfake.Options, body func(t *testing.T, f fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := slackfake.New(filled(o))
		p := pipes{make(chan net.Conn), make(chan struct{})}
		h := &http.Server{Handler: s, ErrorLog: nil}
		served := make(chan error)
		go func() { served <- h.Serve(p) }()
		tr := &http.Transport{DialContext: p.dial}
		t.Cleanup(func() {
			s.Close()
			close(p.done)
			tr.CloseIdleConnections()
			_ = h.Close()
			<-served
		})
		body(t, newFake(s, "http://slack.test", &http.Client{Transport: tr}, &websocket.Dialer{NetDialContext: p.dial}))
	})
}

// connect opens one socket of the official client and hands what it hears to hear.
func (f fake) connect(t *testing.T, hear func(*socketmode.Client, socketmode.Event)) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := socketmode.New(f.bot, socketmode.OptionDialer(f.dial))
	hello := make(chan bool, 100)
	done := make(chan bool, 2)
	go func() {
		_ = c.RunContext(ctx)
		done <- true
	}()
	go func() {
		for {
			select {
			case e := <-c.Events:
				if e.Type == socketmode.EventTypeHello {
					hello <- true
				}
				hear(c, e)
			case <-ctx.Done():
				done <- true
				return
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		<-done
	})
	<-hello
}

// ackAll acknowledges everything at once.
func ackAll(c *socketmode.Client, e socketmode.Event) {
	if e.Request != nil && e.Request.EnvelopeID != "" {
		_ = c.Ack(*e.Request)
	}
}

// call calls a method without a client library, with any body.
func (f fake) call(t *testing.T, method, token, contentType, body string) map[string]any {
	t.Helper()
	o, _ := f.raw(t, "/api/"+method, token, contentType, body)
	return o
}

func (f fake) raw(t *testing.T, path, token, contentType, body string) (map[string]any, *http.Response) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := f.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	o := map[string]any{}
	_ = json.Unmarshal(text, &o)
	return o, resp
}

func (f fake) json(t *testing.T, method string, body any) map[string]any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return f.call(t, method, f.App().BotToken, "application/json; charset=utf-8", string(text))
}

type obj = map[string]any

func plain(text string) obj { return obj{"type": "plain_text", "text": text} }
