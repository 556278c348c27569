//go:build !race

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// ownServer is a PostgreSQL server that a test may treat badly.
func ownServer(t *testing.T) *actionstest.Postgres {
	t.Helper()
	p, err := actionstest.StartPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func storeURL(addresses ...string) string {
	return "postgres://postgres@" + strings.Join(addresses, ",") + "/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2"
}

// TestFault10ServerDiesPostgres ends the database's processes at once in mid-run and starts them again: the run
// goes on to its end, and nothing was done twice. SQLite has no processes of its own; its end is ours, fault 1.
func TestFault10ServerDiesPostgres(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	s := prepareScene(t)
	s.url = storeURL(p.Address)
	s.fact("core-db-w.slow", "500ms")
	s.logs.mute(true) // a database that is away is told of in many words
	s.open(nil)
	run := s.ready("move", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepIntent })
	if err := errors.Join(p.Kill(), p.Start()); err != nil {
		t.Fatal(err)
	}
	s.arrives(run)
}

// arrives waits, over errors, until a run stands at the standby with every effect made once.
func (s *scene) arrives(run string) {
	s.Helper()
	var v fsm.View
	var err error
	ctx, cancel := context.WithTimeout(s.Context(), 4*patience)
	defer cancel()
	for v, err = s.app.Engine.View(ctx, dr.Actor{}, run); err != nil || v.State != dr.AtStandby; v, err = s.app.Engine.View(ctx, dr.Actor{}, run) {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			s.Fatalf("the run is %s %s: %v%s", v.State, v.Pause, err, steps(v))
		}
	}
	s.quick("core-db-w")
	if made := s.made(); !slices.Equal(made, allMoved()) {
		s.Errorf("effects %v", made)
	}
	if _, err := s.app.Store.Verify(s.Context()); err != nil {
		s.Error(err)
	}
}

// cutter passes a database's lines on, and cuts one when a commit goes over it: every so many commits before it is
// passed on, and as often after it was and before its answer comes back.
type cutter struct {
	to      string
	every   int64
	armed   atomic.Bool
	commits atomic.Int64
	before  atomic.Int64
	after   atomic.Int64
}

func (c *cutter) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.to)
		if err != nil {
			client.Close()
			continue
		}
		var once sync.Once
		end := func() { once.Do(func() { client.Close(); server.Close() }) }
		lost := make(chan struct{})
		go func() { defer end(); c.pass(server, client, lost) }()
		go func() { defer end(); c.answer(client, server, lost) }()
	}
}

// pass passes on what a client says.
func (c *cutter) pass(server, client net.Conn, lost chan struct{}) {
	b := make([]byte, 64<<10)
	for {
		n, err := client.Read(b)
		if err != nil {
			return
		}
		if c.armed.Load() && bytes.Contains(bytes.ToLower(b[:n]), []byte("commit\x00")) {
			switch k := c.commits.Add(1); {
			case k%c.every == 0:
				c.before.Add(1)
				return
			case k%c.every == c.every/2:
				c.after.Add(1)
				close(lost)
			}
		}
		if _, err := server.Write(b[:n]); err != nil {
			return
		}
	}
}

// answer passes on what the server says, until an answer is to be lost: that one is read, so it was given.
func (c *cutter) answer(client, server net.Conn, lost chan struct{}) {
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if err != nil {
			return
		}
		select {
		case <-lost:
			return
		default:
		}
		if _, err := client.Write(b[:n]); err != nil && err != io.EOF {
			return
		}
	}
}

// TestFault10AnswerLostPostgres cuts the line to the database around COMMIT, again and again, so that nobody here
// knows whether it was committed. It is read again and never assumed: people who ask once more and a run that goes on
// by itself come to the end, and nothing was done or counted twice.
func TestFault10AnswerLostPostgres(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := &cutter{to: ownServer(t).Address, every: 8}
	go c.serve(l)
	s := prepareScene(t)
	s.url = storeURL(l.Addr().String())
	s.fact("core-db-w.slow", "100ms")
	s.logs.mute(true)
	s.open(nil)
	c.armed.Store(true)
	p := people{app: s.app, dir: s.dir, plan: "move"}
	for err = p.drill(t.Context()); dr.KindOf(err) == dr.Unavailable || dr.KindOf(err) == dr.Conflict; err = p.drill(t.Context()) {
		t.Logf("asked once more after: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.arrives(v.ID)
	c.armed.Store(false)
	rows, err := journalRows(t.Context(), s.app, v.ID)
	if n := countKind(rows, dr.RowStarted); err != nil || n != 1 || countKind(rows, dr.RowVote) != 2 {
		t.Errorf("started %d times, %d votes of two people, %v", n, countKind(rows, dr.RowVote), err)
	}
	if c.before.Load() == 0 || c.after.Load() == 0 {
		t.Errorf("%d commits never left, the answers of %d were lost", c.before.Load(), c.after.Load())
	}
	t.Logf("soak: of %d commits %d never left and the answers of %d were lost: nothing done or counted twice", c.commits.Load(), c.before.Load(), c.after.Load())
}

// TestFault11FailoverPostgres loses the database's primary in mid-run and promotes its synchronous standby: no row
// that anybody was told of is gone, and the run goes on there to its end. SQLite has no standby, but a copy that is shipped.
func TestFault11FailoverPostgres(t *testing.T) {
	t.Parallel()
	primary := ownServer(t)
	standby, err := primary.Copy(primary.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Stop(); err != nil {
			t.Error(err)
		}
	})
	said := &words{}
	s := prepareScene(t)
	s.url = storeURL(primary.Address, standby.Address)
	s.fact("core-db-w.slow", "500ms")
	alone, err := opening{dir: s.dir, path: toolPath(t, s.dir), clock: app.SystemClock(), log: slog.New(slog.NewTextHandler(said, nil)), url: s.url, instance: "here"}.start()
	if err != nil || !strings.Contains(said.String(), "no synchronous standby") {
		t.Fatalf("without a synchronous standby: %v\n%s", err, said)
	}
	if err := errors.Join(alone.Stop(t.Context()), primary.Exec(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")); err != nil {
		t.Fatal(err)
	}
	s.logs.mute(true)
	s.open(nil)
	run := s.ready("move", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return stepOf(v, "promote@core-db-w").State == dr.StepIntent })
	told, err := journalRows(t.Context(), s.app, run)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(primary.Kill(), standby.Exec(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_promote()", "SELECT pg_reload_conf()")); err != nil {
		t.Fatal(err)
	}
	s.arrives(run)
	rows, err := journalRows(t.Context(), s.app, run)
	if err != nil || len(rows) < len(told) {
		t.Fatalf("%d rows, %d were told, %v", len(rows), len(told), err)
	}
	for i, r := range told {
		if rows[i].Seq != r.Seq || rows[i].Kind != r.Kind || string(rows[i].Data) != string(r.Data) {
			t.Errorf("row %d is %d %s, it was %d %s", i, rows[i].Seq, rows[i].Kind, r.Seq, r.Kind)
		}
	}
}

// words keeps what was said, by several at once.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
