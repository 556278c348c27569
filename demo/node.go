package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Faults a person can give a node.
const (
	faultHang      = "hang"       // takes connections, never answers
	faultSlow      = "slow"       // everything takes much longer
	faultPartition = "partition"  // cannot reach the other site, nor be reached from it
	faultBad       = "bad-deploy" // a version that fails every second request
	faultUnfed     = "unfed"      // a database whose copy is not fed any more
)

const (
	goodVersion = "7.4.2"
	badVersion  = "7.5.0"
	slowness    = 700 * time.Millisecond
)

// record is what the DNS node answers: the site that serves, and the number of the change.
type record struct {
	Site   string `json:"site"`
	Serial int64  `json:"serial"`
}

// nodeState is what survives a restart of the site.
type nodeState struct {
	Stopped bool   `json:"stopped,omitempty"`
	Active  bool   `json:"active,omitempty"`
	Drained bool   `json:"drained,omitempty"`
	Version string `json:"version"`
	Record  record `json:"record,omitzero"` // DNS only
}

// node is one running service.
type node struct {
	Node
	site *site
	db   *database // role db only

	mu     sync.Mutex
	state  nodeState
	faults map[string]bool
	server *http.Server
	cancel context.CancelFunc // ends the node's background work

	requests, failures, micros atomic.Int64
	depth                      atomic.Int64 // queue: events waiting; batch and transfer: work done
}

func (n *node) snapshot() nodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

func (n *node) is(fault string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.faults[fault]
}

// change alters the node's state and keeps it. It reports whether there was anything to change.
func (n *node) change(f func(*nodeState)) (bool, error) {
	n.mu.Lock()
	before := n.state
	f(&n.state)
	changed := n.state != before
	n.mu.Unlock()
	if !changed {
		return false, nil
	}
	return true, n.site.keep()
}

// listen opens the node's port and starts its background work.
func (n *node) listen(ctx context.Context) error {
	ln, err := listenOn(n.port(n.site.base))
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.ID, err)
	}
	n.open(ctx, ln)
	return nil
}

func (n *node) open(ctx context.Context, ln net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	srv := &http.Server{Handler: http.HandlerFunc(n.serve), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second}
	n.mu.Lock()
	n.server, n.cancel = srv, cancel
	n.mu.Unlock()
	go func() {
		if err := srv.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			n.site.logf("%s: %v", n.ID, err)
		}
	}()
	switch n.Role {
	case "db":
		go n.follow(ctx)
	case "dns":
		go n.followRecord(ctx)
	case "batch", "transfer":
		go n.work(ctx)
	}
}

// shut closes the port and ends background work, like a process that is gone.
func (n *node) shut() {
	n.mu.Lock()
	srv, cancel := n.server, n.cancel
	n.server, n.cancel = nil, nil
	n.mu.Unlock()
	if srv != nil {
		cancel()
		srv.Close()
	}
}

// serve is every request to the node: what all roles share, faults first.
func (n *node) serve(w http.ResponseWriter, r *http.Request) {
	if n.is(faultHang) {
		<-r.Context().Done()
		return
	}
	if from := r.Header.Get(headerSite); from != "" && from != n.Site && n.is(faultPartition) {
		panic(http.ErrAbortHandler) // the connection breaks; there is no answer
	}
	if n.is(faultSlow) && !pause(r.Context(), slowness) {
		return
	}
	switch path := r.URL.Path; {
	case path == "/healthz":
		reply(w, http.StatusOK, map[string]any{"status": "ok", "node": n.ID, "watermark": Watermark,
			"now": time.Now().UTC().Format("2006-01-02T15:04:05.000Z")})
	case path == "/metrics":
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		io.WriteString(w, n.metrics())
	case strings.HasPrefix(path, "/is/"):
		n.serveIs(w, r, strings.TrimPrefix(path, "/is/"))
	case strings.HasPrefix(path, "/do/"):
		n.serveDo(w, r, strings.TrimPrefix(path, "/do/"))
	case n.db != nil && (path == "/rows" || path == "/state" || path == "/ledger"):
		n.serveRows(w, r)
	case path == "/count" && n.db != nil:
		reply(w, http.StatusOK, n.db.count())
	case path == "/lag" && n.db != nil:
		reply(w, http.StatusOK, n.db.lag())
	case path == "/record" && n.Role == "dns":
		reply(w, http.StatusOK, n.snapshot().Record)
	default:
		n.business(w, r)
	}
}

// business measures a request that customers caused and hands it to the role.
func (n *node) business(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	code, answer := http.StatusBadRequest, []byte("unreadable request\n")
	if err == nil {
		code, answer = n.handle(r, body)
	}
	n.requests.Add(1)
	n.micros.Add(time.Since(begin).Microseconds())
	if code >= 500 {
		n.failures.Add(1)
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	w.Write(answer)
}

func (n *node) handle(r *http.Request, body []byte) (int, []byte) {
	st := n.snapshot()
	if st.Drained {
		return http.StatusServiceUnavailable, []byte(n.ID + " takes no new work\n")
	}
	if n.is(faultBad) && n.requests.Load()%2 == 0 {
		return http.StatusInternalServerError, []byte(n.ID + " " + st.Version + ": null reference in TransactionMapper\n")
	}
	if !st.Active && n.Role != "db" && n.Role != "dns" {
		if r.URL.Path == "/can/serve" { // asks for this very node
			return http.StatusServiceUnavailable, []byte(n.ID + " is not active\n")
		}
		return n.relay(r, body)
	}
	return n.role(r, body)
}

// relay is what a passive node does with a request that comes all the same: it hands it to its peer
// across the link, once. That is why one system can move while the others stay.
func (n *node) relay(r *http.Request, body []byte) (int, []byte) {
	if r.Header.Get(headerRelayed) != "" || n.Role == "frontdoor" {
		return http.StatusServiceUnavailable, []byte(n.ID + " is not active\n")
	}
	ctx, cancel := context.WithTimeout(r.Context(), hopTimeout)
	defer cancel()
	code, b, err := n.site.request(ctx, n, n.Peer(), r.Method, r.URL.RequestURI(), body, true)
	if err != nil {
		return http.StatusBadGateway, []byte(n.ID + " is not active, and its peer does not answer\n")
	}
	return code, b
}

func (n *node) serveIs(w http.ResponseWriter, r *http.Request, what string) {
	yes, known := n.question(r.Context(), what)
	switch {
	case !known:
		reply(w, http.StatusNotFound, map[string]string{"error": "no such question: " + what})
	case yes:
		reply(w, http.StatusOK, map[string]any{what: true, "clock_ms": time.Now().UnixMilli()})
	default:
		reply(w, http.StatusConflict, map[string]any{what: false, "clock_ms": time.Now().UnixMilli()})
	}
}

// serveDo is the verb by HTTP, for plans that use the http action.
func (n *node) serveDo(w http.ResponseWriter, r *http.Request, verb string) {
	if r.Method != http.MethodPost {
		reply(w, http.StatusMethodNotAllowed, map[string]string{"error": "POST it"})
		return
	}
	var lines []string
	exit := n.verb(r.Context(), append([]string{verb}, r.URL.Query()["arg"]...), func(s string) { lines = append(lines, s) })
	code := http.StatusOK
	if exit != 0 {
		code = http.StatusConflict
	}
	reply(w, code, map[string]any{"exit": exit, "lines": lines})
}

// transaction is what a customer wants booked.
type transaction struct {
	ID     string `json:"id"`
	Amount int64  `json:"amount"`
	Kind   string `json:"kind"` // transfer | payment | login
}

func parseTransaction(b []byte) (transaction, error) {
	var t transaction
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("reading transaction: %w", err)
	}
	if t.ID == "" || len(t.ID) > 64 {
		return t, errors.New("reading transaction: id of 1 to 64 characters wanted")
	}
	switch t.Kind {
	case "transfer", "payment", "login":
		return t, nil
	}
	return t, fmt.Errorf("reading transaction: kind %q is not known", t.Kind)
}
