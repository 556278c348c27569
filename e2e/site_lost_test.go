//go:build !race

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
)

// shelves is Switchman's own store on real PostgreSQL: a primary at the east, whose commits wait for the
// standby at the west.
type shelves struct {
	*binary
	east, west *actionstest.Postgres
}

func (b *binary) shelves() *shelves {
	b.Helper()
	s := &shelves{binary: b}
	var err error
	s.east, err = actionstest.StartPostgresAt("127.0.0.2")
	s.fine(err)
	b.Cleanup(func() { s.fine(s.east.Stop()) })
	s.fine(s.east.Exec(b.Context(), "CREATE DATABASE switchman OWNER "+actionstest.PostgresUser,
		"ALTER SYSTEM SET synchronous_standby_names = '*'")) // the copy has the setting too, as after a real loss
	s.west, err = s.east.CopyTo("127.0.0.3", s.east.Address)
	s.fine(err)
	b.Cleanup(func() { s.fine(s.west.Stop()) })
	s.fine(s.east.Exec(b.Context(), "SELECT pg_reload_conf()"))
	(&scene{T: b.T}).eventually("commits wait for the standby", func() bool {
		c, err := s.east.Connect(b.Context())
		s.fine(err)
		defer c.Close(b.Context()) //nolint:errcheck // it has answered
		var state string
		err = c.QueryRow(b.Context(), "SELECT COALESCE(max(sync_state), '') FROM pg_stat_replication").Scan(&state)
		return err == nil && state == "sync"
	})
	return s
}

func (s *shelves) fine(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// url reaches the store at whichever of some servers takes writes.
func (s *shelves) url(at ...*actionstest.Postgres) string {
	var hosts []string
	for _, p := range at {
		hosts = append(hosts, p.Address)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(actionstest.PostgresUser, actionstest.PostgresPassword), Host: strings.Join(hosts, ","), Path: "/switchman"}
	q := url.Values{"sslmode": {"disable"}, "connect_timeout": {"5"}}
	if len(at) > 1 {
		q.Set("target_session_attrs", "read-write")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// losesSite is the whole drill of docs/replicas.md on real parts. The primary of Switchman's store and the server
// beside it die in the middle of a run. The standby is promoted; a server that was there goes on, another one
// is started, two people take the site, and the run comes to its end. All that was acknowledged is there.
func (b *binary) losesSite() {
	s, db := prepareScene(b.T), b.shelves()
	east := b.joins(s.dir, "east", db.url(db.east), nil, "--site", "east")
	west := b.joins(s.dir, "west", db.url(db.east, db.west), east, "--site", "west")
	fay := east.as(east.enrol("fay"))
	token := func(who string) client { return east.as(east.must("token", "create", who)) }
	ann, bob, cat, dan, eve := token("ann"), token("bob"), token("cat"), token("dan"), token("eve")
	at := func(c client, r *replica) client { c.state = r.state; return c }
	b.strangers(s.dir, db, east)
	b.doctor(east, db.url(db.east), "east", "Work is taken here, at east", "(at east,", "does: ", "no synchronous standby")

	s.fact("core-app-e.slow", "3")
	run := b.begins(ann, bob, cat, dan)
	rows := east.hears(b.Context(), ann.token, 0)
	sent := east.until(rows, 0, "the slow step was sent", func(r rowHeard) bool {
		return r.kind == "step.intent" && strings.Contains(r.data, `"stop@core-app-e"`)
	})
	taken, stop := east.observes(eve.token, run)
	s.eventually("observations are taken", func() bool { return taken() >= 20 })
	db.fine(db.east.Kill())
	lost := time.Now()
	east.kill()
	acknowledged := stop()
	s.quick("core-app-e")

	if r := at(bob, west).run("", "site", "confirm", "west"); r.code == 0 || r.code == 1 {
		b.Errorf("without a database: exit %d\n%s%s", r.code, r.out, r.err)
	}
	db.fine(db.west.Exec(b.Context(), "SELECT pg_promote()", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()"))
	late := b.joins(s.dir, "late", db.url(db.west), east, "--site", "west")
	s.eventually("the server that was there reaches the promoted database", func() bool { return at(fay, west).run("", "site", "list").code == 0 })
	b.doctor(late, db.url(db.west), "west", "no synchronous standby", "Work is taken at east; a server here, at west", "switchman site take west", "Work is taken here")
	at(fay, west).must("site", "take", "west", "--reason", "east lost its power, promoted")
	at(bob, late).must("site", "confirm", "west")
	took := time.Now()
	rows = late.hears(b.Context(), ann.token, sent.id) // the number the last row had at the east
	late.until(rows, sent.id, "the run stands at the standby", func(r rowHeard) bool {
		return r.kind == "run.state" && strings.Contains(r.data, `"to":"at_standby"`)
	})
	b.Logf("soak: the site was taken %s after the loss, and the run arrived %s later; %d observations acknowledged", took.Sub(lost).Round(10*time.Millisecond),
		time.Since(took).Round(10*time.Millisecond), len(acknowledged))
	if made := s.made(); !slices.Equal(made, allMoved()) {
		b.Errorf("effects %v", made)
	}
	b.kept(at(ann, late), acknowledged)
}

// doctor reads the health of a server; the last of the words must not be in it.
func (b *binary) doctor(r *replica, store, site string, words ...string) {
	b.Helper()
	cmd := b.command("doctor", "--org", filepath.Join(filepath.Dir(r.state), "org"), "--state", r.state, "--json")
	cmd.Env = append(slices.Clone(b.env), "SWITCHMAN_DATABASE_URL="+store, "SWITCHMAN_SITE="+site, "SWITCHMAN_MODEL_DIR="+b.TempDir())
	out, err := cmd.Output()
	var all struct {
		Findings []struct{ Area, Text, Next string }
	}
	if bad := json.Unmarshal(out, &all); bad != nil {
		b.Fatalf("doctor: %v, %v\n%s", err, bad, out)
	}
	said := ""
	for _, f := range all.Findings {
		if f.Area == "replicas" {
			said += f.Text + " " + f.Next + "\n"
		}
	}
	for n, word := range words {
		if strings.Contains(said, word) != (n < len(words)-1) {
			b.Errorf("doctor at the %s, about %q:\n%s", site, word, said)
		}
	}
}

// begins brings a run to its start.
func (b *binary) begins(ann, bob, cat, dan client) (run string) {
	b.Helper()
	var v struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(ann.must("run", "request", "move", "--mode", "drill", "--reason", "two sites", "--json")), &v); err != nil {
		b.Fatal(err)
	}
	ann.must("run", "watch", v.ID, "--until", "awaiting_approval")
	bob.must("run", "approve", v.ID)
	cat.must("run", "approve", v.ID)
	if r := ann.run(dan.must("code", "issue", v.ID)+"\n", "run", "start", v.ID); r.code != 0 {
		b.Fatalf("start: exit %d\n%s", r.code, r.err)
	}
	return v.ID
}

// strangers are servers that are turned away, each with a sentence that says what to do: one whose database is the
// standby, and one that has another pepper than the others.
func (b *binary) strangers(dir string, db *shelves, east *replica) {
	b.Helper()
	shareKeys(b.T, dir, filepath.Base(east.state), "early")
	for name, one := range map[string]struct{ url, says string }{
		"early": {db.url(db.west), "start this server when the standby was promoted"},
		"other": {db.url(db.east), "give every server the same SWITCHMAN_PEPPER"},
	} {
		if name == "other" { // it has the log key of the others, and makes a pepper of its own
			shareKeys(b.T, dir, filepath.Base(east.state), name, "log.key")
		}
		cmd := b.command("serve", "--org", filepath.Join(dir, "org"), "--state", filepath.Join(dir, name), "--addr", "127.0.0.1:0", "--site", "west")
		cmd.Env = []string{"PATH=" + toolPath(b, dir), "SWITCHMAN_DATABASE_URL=" + one.url, "SWITCHMAN_MODEL_DIR=" + b.TempDir()}
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		err := cmd.Run()
		exit, _ := err.(*exec.ExitError) //nolint:errorlint // it is what Run gives
		if exit == nil || exit.ExitCode() == 1 || !strings.Contains(said.String(), one.says) {
			b.Errorf("%s: %v\n%s", name, err, said.String())
		}
	}
}

// observes has somebody note one thing after the other, four at a time, as fast as a server takes them. taken counts
// what was acknowledged; stop waits until nobody answers any more and lists it.
func (r *replica) observes(token, run string) (taken func() int, stop func() []string) {
	var mu sync.Mutex
	var acknowledged []string
	var all sync.WaitGroup
	for hand := range 4 {
		all.Go(func() {
			for n := 0; ; n++ {
				text := fmt.Sprintf("seen by hand %d: %05d", hand, n)
				body, _ := json.Marshal(map[string]string{"text": text}) //nolint:errchkjson // two strings
				req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+r.addr+"/api/runs/"+run+"/observe", bytes.NewReader(body))
				if err != nil {
					return
				}
				req.Header.Set("Authorization", "Bearer "+token)
				req.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					return // it is dead
				}
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					mu.Lock()
					acknowledged = append(acknowledged, text)
					mu.Unlock()
				}
			}
		})
	}
	return func() int { mu.Lock(); defer mu.Unlock(); return len(acknowledged) },
		func() []string { all.Wait(); return acknowledged }
}

// kept wants all that was acknowledged at the lost site in the journal, and both people's acts about the site.
func (b *binary) kept(c client, acknowledged []string) {
	b.Helper()
	told := c.must("journal", "--json")
	lost := slices.DeleteFunc(slices.Clone(acknowledged), func(text string) bool { return strings.Contains(told, text) })
	if len(lost) > 0 {
		b.Errorf("%d of %d acknowledged observations are lost: %q", len(lost), len(acknowledged), lost[:min(3, len(lost))])
	}
	for _, want := range []string{`"event":"asked"`, `"event":"taken"`, `"by":"fay"`, `"actor":"bob"`, "east lost its power, promoted"} {
		if !strings.Contains(told, want) {
			b.Errorf("the journal lacks %s", want)
		}
	}
}
