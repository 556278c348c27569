//go:build !race

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/store/storetest"
)

// replica is one `serve` process among several on a database.
type replica struct {
	client
	addr string
	cmd  *exec.Cmd
	said *everything
}

// joins starts a further server on a database. The first one makes the keys, which all share.
func (b *binary) joins(dir, name, url string, first *replica, args ...string) *replica {
	b.Helper()
	r := &replica{client: client{binary: b, state: filepath.Join(dir, name)}, said: &everything{}}
	if first != nil {
		shareKeys(b.T, dir, filepath.Base(first.state), name)
	}
	r.cmd = b.command(append([]string{"serve", "--org", filepath.Join(dir, "org"), "--state", r.state, "--addr", "127.0.0.1:0", "--json"}, args...)...)
	r.cmd.Env = []string{"PATH=" + toolPath(b, dir), "TOOL_DIR=" + filepath.Join(dir, "facts"), "SWITCHMAN_EXEC_ENV=PATH,TOOL_DIR",
		"SWITCHMAN_DATABASE_URL=" + url, "SWITCHMAN_MODEL_DIR=" + b.TempDir()}
	r.cmd.Stderr = r.said
	out, err := r.cmd.StdoutPipe()
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(r.kill)
	var at struct {
		Addr string `json:"addr"`
	}
	if err := json.NewDecoder(out).Decode(&at); err != nil || at.Addr == "" {
		b.Fatalf("serve: %v\n%s", err, r.said.bytes())
	}
	r.addr = at.Addr
	return r
}

// kill ends it as kill -9 does.
func (r *replica) kill() {
	if r.cmd.ProcessState == nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}
}

// rowHeard is a journal row as a console hears it.
type rowHeard struct {
	id   int64
	kind string
	data string
	at   time.Time
}

// hears follows the journal at a server as a console does, from after a row on.
func (r *replica) hears(ctx context.Context, token string, after int64) <-chan rowHeard {
	r.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/api/events", nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Last-Event-ID", strconv.FormatInt(after, 10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.Fatalf("following the journal: %v %v", err, resp)
	}
	rows := make(chan rowHeard, 1000)
	go func() {
		defer close(rows)
		defer resp.Body.Close()
		var row rowHeard
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				row.id, _ = strconv.ParseInt(value, 10, 64)
			case "event":
				row.kind = value
			case "data":
				row.data, row.at = value, time.Now()
				rows <- row
			}
		}
	}()
	return rows
}

// until reads rows up to one, each with the number after the last.
func (r *replica) until(rows <-chan rowHeard, last int64, what string, is func(rowHeard) bool) rowHeard {
	r.Helper()
	deadline := time.After(patience)
	for {
		select {
		case row, open := <-rows:
			if !open || row.id != last+1 {
				r.Fatalf("after row %d came row %d (%v)\n%s", last, row.id, open, r.said.bytes())
			}
			if last = row.id; is(row) {
				return row
			}
		case <-deadline:
			r.Fatalf("no row told that %s; the last one was %d\n%s", what, last, r.said.bytes())
		}
	}
}

// takesOver lets two servers share a database and people use both, kills the one that carries the run while a
// step is under way, and follows the journal at the other from where the killed one had told it.
func (b *binary) takesOver() {
	s := prepareScene(b.T)
	url := storetest.Postgres(b.T)
	one := b.joins(s.dir, "one", url, nil)
	two := b.joins(s.dir, "two", url, one)
	ann := one.as(one.enrol("ann"))
	bob, cat, dan := one.as(one.must("token", "create", "bob")), two.as(two.must("token", "create", "cat")), two.as(two.must("token", "create", "dan"))
	s.fact("core-app-e.slow", "3")
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(ann.must("run", "request", "move", "--mode", "drill", "--reason", "two servers", "--json")), &v); err != nil {
		b.Fatal(err)
	}
	ann.must("run", "watch", v.ID, "--until", "awaiting_approval")
	at2 := func(c client) client { c.state = two.state; return c }
	at2(bob).must("run", "approve", v.ID) // a token made at one is good at the other
	cat.must("run", "approve", v.ID)
	code := dan.must("code", "issue", v.ID) // and so is a code

	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	rows := one.hears(ctx, ann.token, 0)
	if r := ann.run(code+"\n", "run", "start", v.ID); r.code != 0 {
		b.Fatalf("start: exit %d\n%s", r.code, r.err)
	}
	sent := one.until(rows, 0, "the slow step was sent", func(r rowHeard) bool {
		return r.kind == "step.intent" && strings.Contains(r.data, `"stop@core-app-e"`)
	})
	one.kill()
	killed := time.Now()
	rows = two.hears(ctx, ann.token, sent.id)
	taken := two.until(rows, sent.id, "the other server looks what became of it", func(r rowHeard) bool {
		return r.kind == "step.outcome" && strings.Contains(r.data, `"stop@core-app-e"`)
	})
	there := two.until(rows, taken.id, "the run stands at the standby", func(r rowHeard) bool {
		return r.kind == "run.state" && strings.Contains(r.data, `"to":"at_standby"`)
	})
	took := taken.at.Sub(killed)
	if took > takeoverMost {
		b.Errorf("the run stood for %s", took)
	}
	s.quick("core-app-e")
	if made := s.made(); !slices.Equal(made, allMoved()) {
		b.Errorf("effects %v", made)
	}
	b.Logf("soak: the run stood for %s when its server was killed, and was at the standby after %s", took.Round(10*time.Millisecond), there.at.Sub(killed).Round(10*time.Millisecond))
	b.listsServers(s, at2(ann), 2)
}

// listsServers wants so many servers listed: one that was killed stays for a minute.
func (b *binary) listsServers(s *scene, c client, n int) {
	b.Helper()
	type server struct {
		Here   bool     `json:"here"`
		Leases []string `json:"leases"`
	}
	var all struct {
		Replicas []server `json:"replicas"`
	}
	s.eventually("the server that is left does what one alone does", func() bool {
		text := c.must("site", "list", "--json")
		if err := json.Unmarshal([]byte(text), &all); err != nil || len(all.Replicas) != n {
			b.Fatalf("%d servers, %v: %s", len(all.Replicas), err, text)
		}
		return slices.ContainsFunc(all.Replicas, func(r server) bool { return r.Here && slices.Contains(r.Leases, "tender") })
	})
}

// movesSite is the drill of docs/replicas.md: servers at two sites, the other site is made the active one by two
// people, and the server of the first one carries nothing out any more.
func (b *binary) movesSite() {
	s := prepareScene(b.T)
	url := storetest.Postgres(b.T)
	east := b.joins(s.dir, "east", url, nil, "--site", "east")
	west := b.joins(s.dir, "west", url, east, "--site", "west")
	fay := east.as(east.enrol("fay"))
	ann, bob := east.as(east.must("token", "create", "ann")), east.as(east.must("token", "create", "bob"))
	at := func(c client, r *replica) client { c.state = r.state; return c }
	ready := func(r *replica, want int) {
		b.Helper()
		s.eventually(fmt.Sprintf("%s answers /readyz with %d", filepath.Base(r.state), want), func() bool {
			resp, err := http.Get("http://" + r.addr + "/readyz")
			if err == nil {
				_ = resp.Body.Close()
			}
			return err == nil && resp.StatusCode == want
		})
	}
	ask := []string{"run", "request", "move", "--mode", "drill", "--reason", "which site"}
	refused := func(c client, code int, args ...string) {
		b.Helper()
		if r := c.run("", args...); r.code != code {
			b.Errorf("%v: exit %d, want %d\n%s%s", args, r.code, code, r.out, r.err)
		}
	}
	ready(east, http.StatusOK)
	ready(west, http.StatusServiceUnavailable)
	refused(at(ann, west), 7, ask...)                                                // it shows, and takes no work
	at(ann, west).must("run", "list")                                                //
	refused(at(fay, west), 3, "site", "confirm", "west")                             // nobody has asked
	refused(at(bob, west), 3, "site", "take", "west", "--reason", "east is lost")    // without the role
	refused(at(fay, west), 3, "site", "take", "north", "--reason", "east is lost")   // nobody is there
	at(fay, west).must("site", "take", "west", "--reason", "east is lost, promoted") //
	ready(west, http.StatusServiceUnavailable)
	refused(at(fay, west), 3, "site", "confirm", "west") // the same person
	at(bob, west).must("site", "confirm", "west")
	ready(west, http.StatusOK)
	ready(east, http.StatusServiceUnavailable)
	refused(ann, 7, ask...) // a server of the old site that still runs
	at(ann, west).must(ask...)
	if !strings.Contains(at(ann, west).must("journal"), "east is lost, promoted") {
		b.Error("the journal does not say why")
	}
}
