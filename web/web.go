package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// Config is everything the edge works with. All fields but Ready, Socket and Addr are needed.
type Config struct {
	Engine  *fsm.Engine
	Store   *store.Store
	Catalog func() (*catalog.Catalog, error) // the organisation's files as they are now
	Clock   dr.Clock
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Ready   func(context.Context) []Check // what must be well before the server may take work
	// Parts says how what is configured fares; it never keeps a server from taking work. nil: nothing.
	Parts func(context.Context) []Health
	// Problems are the mistakes `check` finds in the files as they are now; nil: not told.
	Problems func() []catalog.Problem
	Version  string
	Instance string   // names this server among those of the store
	Demo     bool     // no passwords: X-Switchman-As names the person
	Secret   []byte   // keys of passwords and second factors are made from it; not in the database
	Console  fs.FS    // the web console's files, index.html at their root; nil: none
	Bot      *bot.Bot // answers in the console's channel; nil: there is none
	Chat     *Console // the channel the narrator tells; nil: none
	// Library answers from the runbooks; nil: there are none.
	Library *bot.Library
	// Stage breaks and mends the sample bank; only a demo has one.
	Stage http.Handler
	// Hooks are the sources that may send signals, each with its own secret.
	Hooks []Hook
	// Heard is told after signals were stored; nil: nobody.
	Heard func()
	// Situations are what is going on; nil: nothing watches.
	Situations *bot.Situations
	// Phone is the host:port of a second listener, on which nothing but signing in, voting and codes can be
	// reached; empty: none.
	Phone string
	// ConsoleURL is the address people open the console at; empty: made from where the server listens.
	ConsoleURL string
	// TrustedProxies are believed when they say who asks, and that it came by HTTPS.
	TrustedProxies []netip.Prefix
	Socket         string // path of the unix socket; empty: none
	Addr           string // host:port; empty: none
}

// Check is one condition of readiness.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
}

// Server is the HTTP edge. New makes it, Handler can be used without listeners, Start and Stop
// open and close them.
type Server struct {
	cfg      Config
	owner    int
	knocks   *knocks
	metrics  *meters
	identity *identity // nil: nobody can sign in with a password
	touched  touched
	hooks    *hooks
	sent     pace // of what people send from the command line
	queue    *queue
	ended    bell // rung when somebody's session ended
	fanout   fanout
	drawn    drawings
	callings callings
	began    time.Time
	shelf    shelf
	handler  http.Handler
	http     *http.Server
	socket   net.Listener
	tcp      net.Listener
	phone    *http.Server
	small    net.Listener // of the phone server
	closing  chan struct{}
}

// New wires the routes; nothing listens yet.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, owner: os.Getuid(), knocks: newKnocks(cfg.Clock), metrics: newMeters(cfg.Metrics),
		began: cfg.Clock.Now(), closing: make(chan struct{})}
	s.identity = newIdentity(cfg.Secret, cfg.Log)
	s.fanout.s = s
	s.hooks, s.queue, s.sent.clock = newHooks(cfg), newQueue(cfg.Store, cfg.Heard), cfg.Clock
	s.handler = s.middleware(s.mux())
	s.http, s.phone = s.listener(withConn), s.listener(withPhone)
	return s
}

// listener is a server with our limits.
func (s *Server) listener(about func(context.Context, net.Conn) context.Context) *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ConnContext:       about,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute, // a stream of events lifts both for itself
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
}

// Handler is the whole edge as one handler.
func (s *Server) Handler() http.Handler { return s.handler }

// Start opens the listeners and serves until Stop.
func (s *Server) Start(ctx context.Context) error {
	var err error
	if s.cfg.Socket != "" {
		if s.socket, err = listenSocket(ctx, s.cfg.Socket); err != nil {
			return err
		}
		go s.serve(s.http, s.socket)
	}
	if s.cfg.Addr != "" {
		if s.tcp, err = listenTCP(ctx, s.cfg.Addr, "choose another address with --addr"); err != nil {
			return errors.Join(err, s.Stop(ctx))
		}
		go s.serve(s.http, s.tcp)
	}
	if s.cfg.Phone != "" {
		if s.small, err = listenTCP(ctx, s.cfg.Phone, "choose another address with SWITCHMAN_PHONE_ADDR"); err != nil {
			return errors.Join(err, s.Stop(ctx))
		}
		go s.serve(s.phone, s.small)
	}
	return nil
}

func listenTCP(ctx context.Context, addr, hint string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, dr.Errorf(dr.Unavailable, "listening on %s: %w", addr, err).WithHint("%s", hint)
	}
	return l, nil
}

func (s *Server) serve(with *http.Server, l net.Listener) {
	if err := with.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.cfg.Log.Error("serving ended", "address", l.Addr().String(), "error", err)
	}
}

// Stop ends streams, lets answers under way finish while ctx lasts, and closes the listeners. It
// may be called more than once, also after a Start that failed.
func (s *Server) Stop(ctx context.Context) error {
	select {
	case <-s.closing:
	default:
		close(s.closing)
	}
	err := errors.Join(s.http.Shutdown(ctx), s.phone.Shutdown(ctx))
	if s.socket != nil {
		if rm := os.Remove(s.cfg.Socket); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("removing the socket: %w", rm))
		}
		s.socket = nil
	}
	return err
}

// bell wakes everybody who waits for it.
type bell struct {
	mu    sync.Mutex
	ch    chan struct{}
	rings uint64
}

// wait is closed at the next ring.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

// count is how often it has rung.
func (b *bell) count() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rings
}

// ring wakes them.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings++
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

// Addr is where the TCP listener listens, empty without one; useful when port 0 was asked for.
func (s *Server) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// PhoneAddr is where the second listener listens, empty without one.
func (s *Server) PhoneAddr() string {
	if s.small == nil {
		return ""
	}
	return s.small.Addr().String()
}
