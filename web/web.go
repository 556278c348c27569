package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	Version string
	Demo    bool   // no passwords: X-Switchman-As names the person
	Socket  string // path of the unix socket; empty: none
	Addr    string // host:port; empty: none
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
	cfg     Config
	owner   int
	knocks  *knocks
	metrics *meters
	handler http.Handler
	http    *http.Server
	socket  net.Listener
	tcp     net.Listener
	closing chan struct{}
}

// New wires the routes; nothing listens yet.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, owner: os.Getuid(), knocks: newKnocks(cfg.Clock), metrics: newMeters(cfg.Metrics), closing: make(chan struct{})}
	s.handler = s.middleware(s.mux())
	s.http = &http.Server{
		Handler:           s.handler,
		ConnContext:       withConn,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute, // a stream of events lifts both for itself
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return s
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
		go s.serve(s.socket)
	}
	if s.cfg.Addr != "" {
		var lc net.ListenConfig
		if s.tcp, err = lc.Listen(ctx, "tcp", s.cfg.Addr); err != nil {
			return errors.Join(dr.Errorf(dr.Unavailable, "listening on %s: %w", s.cfg.Addr, err).
				WithHint("choose another address with --addr"), s.Stop(ctx))
		}
		go s.serve(s.tcp)
	}
	return nil
}

func (s *Server) serve(l net.Listener) {
	if err := s.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
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
	err := s.http.Shutdown(ctx)
	if s.socket != nil {
		if rm := os.Remove(s.cfg.Socket); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("removing the socket: %w", rm))
		}
		s.socket = nil
	}
	return err
}

// Addr is where the TCP listener listens, empty without one; useful when port 0 was asked for.
func (s *Server) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}
