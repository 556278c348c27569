package actionstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Patroni is a real Patroni that has taken over a server which was there before it. It keeps its state itself, together with
// its partner, and needs no other store.
type Patroni struct {
	API string // where it listens
	dir string

	keeper *exec.Cmd // ends it with the test process, however that ends
	stdin  io.Closer
}

// StartPatroni has a Patroni take over each of some servers: a primary, and the standbys of it.
func StartPatroni(servers ...*Postgres) (out []*Patroni, err error) {
	var rafts []string
	for i, p := range servers {
		raft, err := free()
		if err == nil {
			var h *Patroni
			if h, err = p.startPatroni(fmt.Sprint("member", i), raft, rafts); err == nil {
				out, rafts = append(out, h), append(rafts, raft)
				err = out[0].leads() // whoever has a standby joins a cluster that is there
			}
		}
		if err != nil {
			for _, h := range out {
				err = errors.Join(err, errors.New(h.Log()), h.Stop())
			}
			return nil, err
		}
	}
	return out, nil
}

// leads waits until it takes its server for the primary.
func (h *Patroni) leads() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.API+"/primary", nil)
		if err != nil {
			return err
		}
		r, err := http.DefaultClient.Do(q)
		if err == nil {
			r.Body.Close() //nolint:errcheck // the status says it
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("Patroni does not lead")
		}
	}
}

func (p *Postgres) startPatroni(name, raft string, partners []string) (*Patroni, error) {
	host, _, err := net.SplitHostPort(p.Address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	h := &Patroni{API: l.Addr().String()}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if h.dir, err = os.MkdirTemp("", "patroni"); err != nil {
		return nil, err
	}
	peers, err := json.Marshal(append([]string{}, partners...))
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`scope: bank
name: %[1]s
restapi: {listen: %[2]q, connect_address: %[2]q}
raft: {data_dir: %[3]q, self_addr: %[4]q, partner_addrs: %[5]s}
bootstrap:
  dcs: {ttl: 30, loop_wait: 1, retry_timeout: 10, postgresql: {use_pg_rewind: true}}
postgresql:
  listen: %[6]q
  connect_address: %[6]q
  data_dir: %[7]q
  bin_dir: %[8]q
  pgpass: %[9]q
  authentication: {superuser: {username: postgres, password: none-here}, replication: {username: postgres, password: none-here}}
  parameters: {unix_socket_directories: "", fsync: "off", shared_buffers: 16MB}
`, name, h.API, filepath.Join(h.dir, "raft"), raft, peers, p.Address, p.Dir, p.bin, filepath.Join(h.dir, "pgpass"))
	config := filepath.Join(h.dir, "patroni.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if err := own(h.dir, p.who); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(h.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // it has its own
	argv := append(as(p.who), "patroni", config)
	h.keeper = exec.Command("/bin/sh", append([]string{"-c", `"$@" & pid=$!; cat >/dev/null; kill -KILL $pid; wait $pid`, "keeper"}, argv...)...)
	h.keeper.Stdout, h.keeper.Stderr, h.keeper.Dir, h.keeper.Env = log, log, "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	if h.stdin, err = h.keeper.StdinPipe(); err != nil {
		return nil, err
	}
	if err := h.keeper.Start(); err != nil {
		return nil, fmt.Errorf("starting Patroni (package patroni): %w", err)
	}
	return h, nil
}

// Log is what it had to say.
func (h *Patroni) Log() string {
	b, _ := os.ReadFile(filepath.Join(h.dir, "log")) //nolint:errcheck // it only explains
	return string(b)
}

// Stop ends it at once and leaves its server as it is.
func (h *Patroni) Stop() error {
	err := h.stdin.Close()
	h.keeper.Wait() //nolint:errcheck // it ends as it was told
	return errors.Join(err, os.RemoveAll(h.dir))
}
