package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// site is one child process: every service of one place.
type site struct {
	name   string
	dir    string // DIR/east or DIR/west
	base   int
	nodes  map[string]*node
	order  []Node
	client *http.Client
	turn   atomic.Uint64 // spreads requests over nodes of a role
	errs   io.Writer

	mu       sync.Mutex
	suspects map[string]time.Time // nodes that did not answer, and until when they are left alone
}

// SiteMain is the child process: `switchman demo-site east|west --dir DIR`. It serves until its
// standard input closes. One line on out says that it is ready.
func SiteMain(args []string, in io.Reader, out, errs io.Writer) int {
	fs := flag.NewFlagSet("demo-site", flag.ContinueOnError)
	fs.SetOutput(errs)
	dir := fs.String("dir", "", "directory of the demo")
	if len(args) < 1 || (args[0] != East && args[0] != West) || fs.Parse(args[1:]) != nil || *dir == "" {
		fmt.Fprintln(errs, "usage: switchman demo-site east|west --dir DIR")
		return 2
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s, err := newSite(args[0], *dir, errs)
	if err == nil {
		err = s.serve(ctx)
	}
	if err != nil {
		fmt.Fprintf(errs, "demo-site %s: %v\n", args[0], err)
		return 1
	}
	fmt.Fprintf(out, "ready %s\n", args[0])
	io.Copy(io.Discard, in)
	return 0
}

func newSite(name, dir string, errs io.Writer) (*site, error) {
	l, err := readLayout(dir)
	if err != nil {
		return nil, err
	}
	s := &site{name: name, dir: filepath.Join(dir, name), base: l.Base, nodes: map[string]*node{}, errs: errs,
		suspects: map[string]time.Time{}, client: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 5 * time.Second, Proxy: nil}}}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making %s: %w", s.dir, err)
	}
	kept := map[string]nodeState{}
	if err := readJSON(s.stateFile(), &kept); err != nil {
		return nil, fmt.Errorf("reading %s: %w", s.stateFile(), err)
	}
	for _, spec := range Nodes() {
		if spec.Site != name {
			continue
		}
		st, ok := kept[spec.ID]
		if !ok {
			st = nodeState{Active: name == East, Version: goodVersion, Record: record{Site: East, Serial: 1}}
		}
		n := &node{Node: spec, site: s, state: st}
		if spec.Role == "db" {
			if n.db, err = openDatabase(s.dir, name, spec.ID); err != nil {
				return nil, err
			}
		}
		s.nodes[spec.ID] = n
		s.order = append(s.order, spec)
	}
	return s, nil
}

func (s *site) stateFile() string { return filepath.Join(s.dir, "nodes.json") }

// keep writes what every node would have to know after a restart. Faults are not kept: a restart
// clears them, as restarts do.
func (s *site) keep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]nodeState{}
	for id, n := range s.nodes {
		all[id] = n.snapshot()
	}
	if err := writeJSON(s.stateFile(), all); err != nil {
		return fmt.Errorf("writing the site's state: %w", err)
	}
	return nil
}

// serve opens the control socket and every node that is not stopped.
func (s *site) serve(ctx context.Context) error {
	for _, spec := range s.order {
		n := s.nodes[spec.ID]
		if n.db != nil {
			n.fenceEarly(ctx)
		}
		if n.snapshot().Stopped {
			continue
		}
		if err := n.listen(ctx); err != nil {
			return err
		}
	}
	return s.control(ctx)
}

func (s *site) logf(format string, a ...any) { fmt.Fprintf(s.errs, Watermark+" "+format+"\n", a...) }

// Headers that let a partitioned node tell where a request comes from, and stop relays in a circle.
const (
	headerSite    = "X-Sample-Site"
	headerRelayed = "X-Sample-Relayed"
)

var errPartition = errors.New("no route to the other site")

// request sends one request from a node of this site to any node of the estate.
func (s *site) request(ctx context.Context, from *node, to, method, path string, body []byte, relayed bool) (int, []byte, error) {
	target, ok := FindNode(to)
	if !ok {
		return 0, nil, fmt.Errorf("no node %q", to)
	}
	if target.Site != s.name && from.is(faultPartition) {
		return 0, nil, errPartition
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+target.Address(s.base)+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", to, err)
	}
	req.Header.Set(headerSite, s.name)
	if relayed {
		req.Header.Set(headerRelayed, "1")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", to, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("asking %s: %w", to, err)
	}
	return res.StatusCode, b, nil
}

// get reads JSON from a node.
func (s *site) get(ctx context.Context, from *node, to, path string, out any) error {
	code, b, err := s.request(ctx, from, to, http.MethodGet, path, nil, false)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("asking %s: HTTP %d", to, code)
	}
	return json.Unmarshal(b, out)
}

const (
	hopTimeout  = 400 * time.Millisecond // patience with one node before the next is tried
	suspectTime = 2 * time.Second        // how long a silent node is left alone
)

// ask sends a request to a node of a system's role at this site, trying the next one when a node
// does not answer or will not work itself (500, 503). 502 means that something further down fails;
// another node of this role would find the same.
func (s *site) ask(ctx context.Context, from *node, system, role, method, path string, body []byte) (int, []byte) {
	answer := []byte(fmt.Sprintf("no %s of %s answers\n", role, system))
	for _, id := range s.candidates(system, role) {
		hop, cancel := context.WithTimeout(ctx, hopTimeout)
		c, b, err := s.request(hop, from, id, method, path, body, false)
		cancel()
		if err != nil {
			s.suspect(id)
			continue
		}
		if c < 500 || c == http.StatusBadGateway {
			return c, b
		}
		answer = b
	}
	return http.StatusBadGateway, answer
}

// candidates lists the nodes to try, in turn, those that were silent lately at the end.
func (s *site) candidates(system, role string) []string {
	var ids []string
	for _, n := range s.order {
		if n.System == system && n.Role == role {
			ids = append(ids, n.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	k := int(s.turn.Add(1) % uint64(len(ids)))
	ids = slices.Concat(ids[k:], ids[:k])
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	slices.SortStableFunc(ids, func(a, b string) int {
		return btoi(s.suspects[a].After(now)) - btoi(s.suspects[b].After(now))
	})
	return ids
}

func (s *site) suspect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspects[id] = time.Now().Add(suspectTime)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// layout is what parent and children agree on.
type layout struct {
	Base int `json:"port_base"`
}

func layoutFile(dir string) string { return filepath.Join(dir, "demo.json") }

func readLayout(dir string) (layout, error) {
	var l layout
	if err := readJSON(layoutFile(dir), &l); err != nil {
		return l, fmt.Errorf("reading %s: %w", layoutFile(dir), err)
	}
	if l.Base == 0 {
		return l, fmt.Errorf("%s is missing: the demo writes it at its start", layoutFile(dir))
	}
	return l, nil
}

// listenOn opens a port on 127.0.0.1 only.
func listenOn(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
