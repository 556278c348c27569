package demo

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// order is what demo-node sends down a site's control socket; the site answers with told lines, the
// last of which carries the exit code.
type order struct {
	Node string   `json:"node"`
	Args []string `json:"args"`
}

type told struct {
	Line string `json:"line,omitempty"`
	Exit *int   `json:"exit,omitempty"`
}

// socketPath is DIR/east.sock, or a name in the temporary directory where DIR is too long for a
// Unix socket (108 bytes on Linux, fewer elsewhere).
func socketPath(dir, site string) string {
	p := filepath.Join(dir, site+".sock")
	if len(p) <= 100 {
		return p
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(os.TempDir(), "switchman-demo-"+hex.EncodeToString(sum[:6])+"-"+site+".sock")
}

// control opens the socket. A socket file left by a killed site is replaced; the port block keeps
// two living sites apart.
func (s *site) control(ctx context.Context) error {
	path := socketPath(filepath.Dir(s.dir), s.name)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go s.obey(ctx, c)
		}
	}()
	return nil
}

// obey carries out one order. Closing the connection cancels it.
func (s *site) obey(ctx context.Context, c net.Conn) {
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := bufio.NewReader(c)
	o, err := readOrder(in)
	enc := json.NewEncoder(c)
	if err != nil {
		two := 2
		enc.Encode(told{Line: err.Error(), Exit: &two})
		return
	}
	go func() {
		io.Copy(io.Discard, in)
		cancel()
	}()
	exit := s.command(ctx, o, func(line string) { enc.Encode(told{Line: line}) })
	enc.Encode(told{Exit: &exit})
}

func readOrder(in *bufio.Reader) (order, error) {
	var o order
	line, err := in.ReadSlice('\n')
	if err != nil {
		return o, fmt.Errorf("reading order: %w", err)
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, fmt.Errorf("reading order: %w", err)
	}
	return o, nil
}

// command is one order to one node, or to all nodes when it names the site.
func (s *site) command(ctx context.Context, o order, say teller) int {
	if o.Node == s.name {
		return s.toAll(ctx, o.Args, say)
	}
	n, ok := s.nodes[o.Node]
	if !ok {
		say(fmt.Sprintf("%s has no node %q", s.name, o.Node))
		return 2
	}
	return n.verb(ctx, o.Args, say)
}

// toAll gives every node the same order. `can` is asked of the front doors only: it is a question
// about the site.
func (s *site) toAll(ctx context.Context, args []string, say teller) int {
	worst := 0
	for _, spec := range s.order {
		if len(args) > 0 && args[0] == "can" {
			if spec.Role != "frontdoor" {
				continue
			}
			if exit := s.nodes[spec.ID].verb(ctx, args, say); exit == 0 {
				return 0
			}
			worst = 1
			continue
		}
		worst = max(worst, s.nodes[spec.ID].verb(ctx, args, say))
	}
	return worst
}

// NodeMain is the command `demo-node NODE VERB…`, the hands of the sample bank's runbooks. It finds
// the demo through SWITCHMAN_DEMO_DIR, or beside itself when called as DIR/bin/demo-node. Exit codes: 0 done or yes, 1 refused or no, 2 nobody can tell.
func NodeMain(args []string, stdout, stderr io.Writer) int {
	dir := os.Getenv("SWITCHMAN_DEMO_DIR")
	if len(args) < 2 {
		fmt.Fprintf(stderr, "usage: demo-node NODE|east|west|bank VERB…\nverbs: %s; of a site also answers, kill, power-on; of the bank also break, mend\n", verbList)
		return 2
	}
	if dir == "" {
		dir = filepath.Dir(filepath.Dir(os.Args[0])) // DIR/bin/demo-node, called by its path
	}
	if _, err := os.Stat(layoutFile(dir)); err != nil {
		fmt.Fprintln(stderr, "demo-node: no demo here; SWITCHMAN_DEMO_DIR names the directory of a running one")
		return 2
	}
	return command(context.Background(), dir, args, stdout, stderr)
}

func command(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	site := args[0]
	if site == "bank" {
		site = servingSite(ctx, dir)
		args = append([]string{site}, args[1:]...)
	} else if n, ok := FindNode(args[0]); ok {
		site = n.Site
	} else if site != East && site != West {
		fmt.Fprintf(stderr, "demo-node: no node %q\n", args[0])
		return 2
	}
	if args[1] == "answers" {
		return answers(ctx, dir, site, stdout)
	}
	machine := slices.Contains([]string{"count", "lag", "cut", "rpo", "rows", "served", "record"}, args[1])
	socket := site
	if isPower(args[1]) {
		socket = powerSocket
	}
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socketPath(dir, socket))
	if err != nil {
		fmt.Fprintf(stderr, "%s %s: site %s does not answer\n", Watermark, args[0], site)
		if args[1] == "can" && args[0] == site { // asked for a customer, who is not served
			return 1
		}
		return 2
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := json.NewEncoder(conn).Encode(order{Node: args[0], Args: args[1:]}); err != nil {
		fmt.Fprintf(stderr, "%s %s: site %s broke off: %v\n", Watermark, args[0], site, err)
		return 2
	}
	if !machine {
		fmt.Fprintf(stdout, "%s %s$ %s\n", Watermark, args[0], strings.Join(args[1:], " "))
	}
	return listen(conn, site, stdout, stderr)
}

// answers says whether a site is reached from outside: one of its front doors says that it is well.
func answers(ctx context.Context, dir, site string, stdout io.Writer) int {
	l, err := readLayout(dir)
	if err != nil {
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, 2*hopTimeout)
	defer cancel()
	for _, n := range Nodes() {
		if n.Site == site && n.Role == "frontdoor" {
			if _, err := fetch(ctx, http.DefaultClient, n.Address(l.Base), "/healthz"); err == nil {
				fmt.Fprintf(stdout, "%s %s answers\n", Watermark, n.ID)
				return 0
			}
		}
	}
	fmt.Fprintf(stdout, "%s no front door of %s answers\n", Watermark, site)
	return 1
}

// fetch asks a node from outside the estate; anything but 200 is an error.
func fetch(ctx context.Context, client *http.Client, address, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	if res.StatusCode != http.StatusOK {
		return b, answered(res.StatusCode)
	}
	return b, nil
}

// answered is an answer other than 200.
type answered int

func (a answered) Error() string { return fmt.Sprintf("HTTP %d", int(a)) }

// servingSite is where the newest DNS record sends customers. `demo-node bank can pay` asks there,
// whichever site it is.
func servingSite(ctx context.Context, dir string) string {
	best := record{Site: East}
	for _, n := range Nodes() {
		if n.Role != "dns" {
			continue
		}
		var out bytes.Buffer
		var rec record
		if command(ctx, dir, []string{n.ID, "record"}, &out, io.Discard) == 0 && json.Unmarshal(out.Bytes(), &rec) == nil && rec.Serial > best.Serial {
			best = rec
		}
	}
	return best.Site
}

// listen prints a site's answer until the exit code arrives.
func listen(conn io.Reader, site string, stdout, stderr io.Writer) int {
	dec := json.NewDecoder(conn)
	for {
		var t told
		if err := dec.Decode(&t); err != nil {
			fmt.Fprintf(stderr, "%s site %s broke off before it had answered\n", Watermark, site)
			return 2
		}
		if t.Line != "" {
			fmt.Fprintln(stdout, t.Line)
		}
		if t.Exit != nil {
			return *t.Exit
		}
	}
}
