//go:build !race

package e2e

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// estate is a PostgreSQL primary and its standby, an sshd beside each, and a teller who pays. It outlives many
// runs: whichever server is the primary counts as the one at the east.
type estate struct {
	*testing.T
	servers [2]*actionstest.Postgres
	sshd    [2]*actionstest.Daemon
	ha      []*actionstest.Patroni // of both servers, where they have one
	teller  *actionstest.Teller
	port    string // of both sshd

	kills       int      // of Switchman
	lostForGood []string // payments that are known to be lost
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{T: t} // its own T is that of the part under way
	a, err := actionstest.StartPostgresAt("127.0.0.2")
	e.must(err)
	t.Cleanup(func() { a.Stop() }) //nolint:errcheck // a server started by a plan is not the one it knows
	e.must(a.Exec(t.Context(), slices.Concat(actionstest.Ledger(), []string{"CREATE ROLE rejoin LOGIN REPLICATION",
		"GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean) TO rejoin"})...))
	b, err := a.CopyTo("127.0.0.3", a.Address)
	e.must(err)
	t.Cleanup(func() { b.Stop() }) //nolint:errcheck // as above
	e.servers = [2]*actionstest.Postgres{a, b}
	e.janitor()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	e.must(err)
	_, e.port, err = net.SplitHostPort(l.Addr().String())
	e.must(errors.Join(err, l.Close()))
	for i, p := range e.servers {
		e.sshd[i], err = p.StartDaemon(e.port)
		e.must(err)
		t.Cleanup(func() { e.must(e.sshd[i].Stop()) })
	}
	e.teller = actionstest.StartTeller(a.Address, b.Address)
	t.Cleanup(e.teller.Stop)
	e.pays(20)
	return e
}

func (e *estate) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// janitor ends the servers plans have started, however this process ends.
func (e *estate) janitor() {
	e.Helper()
	cmd := exec.Command("/bin/sh", "-c", `cat >/dev/null; for d; do read -r pid <"$d"/postmaster.pid && kill -QUIT "$pid"; done 2>/dev/null`, "janitor", e.servers[0].Dir, e.servers[1].Dir)
	in, err := cmd.StdinPipe()
	e.must(errors.Join(err, cmd.Start()))
	e.Cleanup(func() {
		in.Close()
		cmd.Wait() //nolint:errcheck // it says only whether the last of them ran
		for _, p := range e.servers {
			e.stopped(p)
		}
	})
}

// stopped waits until a server has gone.
func (e *estate) stopped(p *actionstest.Postgres) {
	for range 1000 {
		if _, err := os.Stat(filepath.Join(p.Dir, "postmaster.pid")); err != nil {
			return
		}
		<-time.After(5 * time.Millisecond) // another process, in real time: nothing here could wake us
	}
	e.Errorf("%s did not end\n%s", p.Address, p.Log())
}

// pays waits for so many payments more.
func (e *estate) pays(more int) {
	e.Helper()
	paid := e.teller.Count()
	e.until(func() bool { return e.teller.Count() >= paid+more })
}

// until looks again and again, without taking the servers' processor.
func (e *estate) until(so func() bool) {
	e.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-look.C:
		case <-deadline:
			e.Fatal("it never came about")
		}
	}
}

// east is the primary, west its standby.
func (e *estate) sides() (east, west *actionstest.Postgres) {
	e.Helper()
	if e.value(e.servers[0], "SELECT pg_is_in_recovery()::text") == "true" {
		return e.servers[1], e.servers[0]
	}
	return e.servers[0], e.servers[1]
}

func (e *estate) value(p *actionstest.Postgres, query string) (v string) {
	e.Helper()
	c, err := p.Connect(e.Context())
	e.must(err)
	defer c.Close(e.Context()) //nolint:errcheck // it has answered
	e.must(c.QueryRow(e.Context(), query).Scan(&v))
	return v
}

// lost is what was acknowledged and is not at a server, beside what is known to be lost.
func (e *estate) lost(p *actionstest.Postgres) []string {
	e.Helper()
	lost, err := e.teller.Missing(e.Context(), p)
	e.must(err)
	return slices.DeleteFunc(lost, func(id string) bool { return slices.Contains(e.lostForGood, id) })
}

// promotions is how often a server was told to promote.
func promotions(p *actionstest.Postgres) int {
	return strings.Count(p.Log(), "received promote request")
}

// lay writes the organisation that docs/postgres shows, with this estate's addresses, ports and users, and the
// people of the tiny bank. more is what else is to be written otherwise, old and new in turn.
func (e *estate) lay(more ...string) *scene {
	e.Helper()
	s := &scene{T: e.T, dir: e.TempDir(), clock: newSkewClock(), logs: &logKeeper{}}
	east, west := e.sides()
	org := filepath.Join(s.dir, "org")
	words := append(more, "10.1.0.11:5432", east.Address, "10.2.0.11:5432", west.Address, "10.1.0.21:5432", east.Address, "10.2.0.21:5432", west.Address,
		"user: postgres,", "user: "+e.sshd[0].User+", port: "+e.port+",", `"secret:PG"`, `"secret:PG", sslmode: disable`)
	if e.ha != nil {
		words = append(words, "10.1.0.21:8008", e.patroni(east).API, "10.2.0.21:8008", e.patroni(west).API)
	}
	change := strings.NewReplacer(words...)
	e.must(errors.Join(os.CopyFS(org, os.DirFS("../docs/postgres")), os.Mkdir(filepath.Join(s.dir, "facts"), 0o700), os.Mkdir(filepath.Join(s.dir, "secrets"), 0o700),
		os.WriteFile(filepath.Join(s.dir, "secrets", "PG"), []byte(actionstest.PostgresPassword), 0o600)))
	for _, name := range []string{"roster.yaml", "policy.yaml"} {
		b, err := os.ReadFile(filepath.Join("testdata/org", name))
		e.must(errors.Join(err, os.WriteFile(filepath.Join(org, name), b, 0o600)))
	}
	files, err := filepath.Glob(filepath.Join(org, "*", "*.yaml"))
	e.must(err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		e.must(errors.Join(err, os.WriteFile(file, []byte(change.Replace(string(b))), 0o600)))
	}
	return s
}

// settings are how Switchman reaches the estate.
func (e *estate) settings(s *scene) []string {
	return []string{"SWITCHMAN_SSH_KEYS=" + e.sshd[0].Key + "," + e.sshd[1].Key, "SWITCHMAN_SSH_KNOWN_HOSTS=" + e.sshd[0].Known + "," + e.sshd[1].Known,
		"SWITCHMAN_SECRETS_DIR=" + filepath.Join(s.dir, "secrets")}
}

// kill ends a server as a machine that loses its power does.
func (e *estate) kill(p *actionstest.Postgres) {
	e.Helper()
	e.must(p.Kill())
}

// falls makes the standby hear nothing more while its primary lives on.
func (e *estate) falls(primary *actionstest.Postgres) {
	e.Helper()
	pid, err := strconv.Atoi(e.value(primary, "SELECT pid::text FROM pg_stat_replication"))
	e.must(err)
	e.must(exec.Command("kill", "-STOP", strconv.Itoa(pid)).Run())
}

// was is how often a step was sent, by its name without the node.
func (s *scene) was(run, step string) (attempts int, state dr.StepState, text string) {
	s.Helper()
	for _, st := range s.view(run).Steps {
		if name, _, _ := strings.Cut(st.ID, "@"); name == step {
			return st.Attempt, st.State, st.Text
		}
	}
	s.Fatalf("%s has no step %s", run, step)
	return 0, "", ""
}
