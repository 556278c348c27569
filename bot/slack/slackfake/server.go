package slackfake

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Options make a workspace. The zero value is a small one, on the machine's clock, with Slack's limits.
type Options struct {
	Clock    dr.Clock      // times of messages and every deadline
	Seed     uint64        // which of several sockets gets an envelope
	Team     Team          //
	AppName  string        // of the app under test
	Scopes   []string      // of its bot token; everything it can use when empty
	Events   []string      // it subscribes to; the usual ones when empty
	Ping     time.Duration // between WebSocket pings, in real time; 10 s when zero
	NoRates  bool          // switches the rate limits off
	Users    []User        // besides the app's own
	Channels []Channel     // the app and all full members join those without members
}

// TheApp stands for the bot user of the app under test among the members of a channel.
const TheApp = "app"

// Team is the workspace.
type Team struct{ ID, Name, Domain string }

// Server is one workspace with its apps. It is an http.Handler.
type Server struct {
	mu           sync.Mutex
	clock        dr.Clock
	team         Team
	noRates      bool
	ping         time.Duration
	random       *rand.Rand
	ids          int
	last         int64 // newest time stamp, in microseconds
	users        map[string]*User
	userOrder    []string
	channels     map[string]*Channel
	channelOrder []string
	apps         []*app
	app          *app // the one under test
	tokens       map[string]grant
	files        map[string]*file
	triggers     map[string]*trigger
	answers      map[string]*answerURL
	sweepAt      int
	views        map[string]*view
	budgets      map[string]*bucket
	faults       faults
	stats        stats
	watchers     map[chan string]bool
	routes       *http.ServeMux
	done         chan struct{}
}

// New makes a workspace. Close ends its sockets.
func New(o Options) *Server {
	if o.Clock.Now == nil {
		o.Clock = dr.Clock{Now: time.Now, After: time.After}
	}
	if o.Team.ID == "" {
		o.Team = Team{ID: "T0HARBOR1", Name: "Harbor Bank", Domain: "harbor-bank"}
	}
	if o.Ping == 0 {
		o.Ping = 10 * time.Second
	}
	s := &Server{clock: o.Clock, team: o.Team, noRates: o.NoRates, ping: o.Ping, random: rand.New(rand.NewPCG(o.Seed, 1)),
		users: map[string]*User{}, channels: map[string]*Channel{}, tokens: map[string]grant{}, files: map[string]*file{},
		triggers: map[string]*trigger{}, answers: map[string]*answerURL{}, views: map[string]*view{}, budgets: map[string]*bucket{},
		watchers: map[chan string]bool{}, stats: newStats(), done: make(chan struct{})}
	name := o.AppName
	if name == "" {
		name = "Switchman"
	}
	s.app = s.newApp(name, o.Scopes, o.Events)
	for _, u := range o.Users {
		s.putUser(u)
	}
	for _, c := range o.Channels {
		if len(c.Members) == 0 && !c.IM {
			c.Members = s.fullMembers()
		}
		s.putChannel(c)
	}
	s.routes = s.mux()
	return s
}

func (s *Server) fullMembers() []string {
	var ids []string
	for _, id := range s.userOrder {
		if u := s.users[id]; !u.guest() && !u.Deleted && (u.app == nil || u.app == s.app) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Server) mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("/api/{method}", s.serveAPI)
	m.HandleFunc("GET /link/", s.serveLink)
	m.HandleFunc("POST /respond/{id}", s.serveRespond)
	m.HandleFunc("POST /upload/{id}", s.serveUpload)
	m.HandleFunc("GET /files/{id}/{name}", s.serveFile)
	m.HandleFunc("/_person/{act}", s.servePerson)
	m.HandleFunc("POST /_fault", s.serveFault)
	m.HandleFunc("POST /_fault/clear", s.serveClear)
	m.HandleFunc("GET /_stats", s.serveStats)
	m.HandleFunc("GET /_page/workspace", s.servePageWorkspace)
	m.HandleFunc("GET /_page/live", s.servePageLive)
	m.HandleFunc("GET /_page/{file}", servePageFile)
	m.HandleFunc("GET /{$}", servePage)
	return m
}

// ServeHTTP answers the Web API, Socket Mode, uploads, the person and fault handles, and the page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ours := strings.HasPrefix(r.URL.Path, "/_") || r.URL.Path == "/"; !ours && s.broken(w, r) {
		return
	}
	s.routes.ServeHTTP(w, r)
}

// Listen serves on an address until the context ends. It calls ready with the address it got.
func (s *Server) Listen(ctx context.Context, addr string, ready func(host string)) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	ready(l.Addr().String())
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		s.Close()
		_ = h.Close()
	})
	defer stop()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close drops every socket and ends everything that waits.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return
	default:
	}
	close(s.done)
	for _, a := range s.apps {
		for _, k := range a.sockets {
			k.drop()
		}
	}
}

// changed wakes the pages that watch. What they missed they read anew.
func (s *Server) changed(what string) {
	for w := range s.watchers {
		select {
		case w <- what:
		default:
		}
	}
}

// Await looks again after every change until ok says yes, or the context ends.
func (s *Server) Await(ctx context.Context, ok func() bool) error {
	wake := make(chan string, 1)
	s.mu.Lock()
	s.watchers[wake] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, wake)
		s.mu.Unlock()
	}()
	for !ok() {
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return errors.New("the workspace is closed")
		}
	}
	return nil
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
