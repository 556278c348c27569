package actions_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// onePostgres is a primary that all tests of this package share that do not move it.
var onePostgres = sync.OnceValues(func() (*actionstest.Postgres, error) {
	p, err := actionstest.StartPostgres()
	if err == nil {
		atExit = append(atExit, func() { p.Stop() })
	}
	return p, err
})

// oneCopy is its standby.
var oneCopy = sync.OnceValues(func() (*actionstest.Postgres, error) {
	p, err := onePostgres()
	if err != nil {
		return nil, err
	}
	c, err := p.Copy(p.Address)
	if err == nil {
		atExit = append(atExit, func() { c.Stop() })
	}
	return c, err
})

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sql(t *testing.T, p *actionstest.Postgres, statements ...string) {
	t.Helper()
	if err := p.Exec(context.Background(), statements...); err != nil { // it also cleans up, when the test's own has ended
		t.Fatal(err)
	}
}

func value(t *testing.T, p *actionstest.Postgres, query string) string {
	t.Helper()
	c, err := p.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background()) //nolint:errcheck // it was only asked
	out := ""
	if err := c.QueryRow(context.Background(), query).Scan(&out); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

// pgJob is a job on a server, as the role for it.
func pgJob(address string, params ...any) actions.Job {
	with := map[string]any{"address": address, "user": actionstest.PostgresUser, "password": "secret:PG", "sslmode": "disable"}
	for i := 0; i < len(params); i += 2 {
		with[params[i].(string)] = params[i+1]
	}
	return job("token-of-postgres", "postgres", with)
}

func pgOptions(allow ...string) actions.Options {
	return actions.Options{Clock: realClock(), AllowHTTP: allow, Secrets: func(string) (string, error) { return actionstest.PostgresPassword, nil }}
}

// TestPostgres: the suite of all actions. The server is frozen by it, and taken back after each part.
func TestPostgres(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	c, err := oneCopy()
	must(t, c, err)
	actionstest.Exercise(t, action("postgres"), func(t *testing.T) actionstest.World {
		as := func(address string, params ...any) actions.Job {
			j := pgJob(address, params...)
			delete(j.Call.Params, "password")
			j.Call.Params["user"] = "postgres"
			return j
		}
		t.Cleanup(func() { sql(t, p, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()") })
		until(t, "writes are taken again", func() bool {
			return value(t, p, "SELECT current_setting('default_transaction_read_only')") == "off"
		})
		gone := nobody(t)
		sql(t, c, "SELECT pg_wal_replay_pause()")
		t.Cleanup(func() { sql(t, c, "SELECT pg_wal_replay_resume()") })
		slow := as(c.Address, "do", "catch-up", "peer", p.Address, "for", "1h")
		return actionstest.World{
			Options: actions.Options{AllowHTTP: []string{p.Address, c.Address, gone}, SpoolDir: t.TempDir()},
			Do:      as(p.Address, "do", "freeze"), Probe: ptr(as(p.Address, "is", "frozen")),
			No:     ptr(as(p.Address, "do", "promote", "mode", "failover")),
			Unsent: ptr(as(gone, "do", "freeze")),
			Slow:   slowFrozen(t, p, slow), SlowState: dr.StepFail,
			Effects: func() int {
				return len(value(t, p, "SELECT CASE setting WHEN 'on' THEN 'x' ELSE '' END FROM pg_settings WHERE name = 'default_transaction_read_only'"))
			},
			State: func() string {
				return value(t, p, "SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings")
			},
			ByToken: true, Secret: actionstest.PostgresPassword,
		}
	})
}

// slowFrozen gives the parts that cut a slow job short a primary that is frozen already.
func slowFrozen(t *testing.T, p *actionstest.Postgres, j actions.Job) *actions.Job {
	if name := t.Name(); strings.HasSuffix(name, "/timeout") || strings.HasSuffix(name, "/cancel") {
		if r := actions.NewSet(pgOptions(p.Address)).Hands().Do(t.Context(), pgJob(p.Address, "do", "freeze")); r.State != dr.StepOK {
			t.Fatal(r.Text)
		}
		sql(t, p, "SELECT pg_switch_wal()", "CHECKPOINT")
	}
	return &j
}

// wall stands before a server and can be told to swallow what comes from it.
type wall struct {
	net.Listener
	on     string      // what goes through last; ""
	closed atomic.Bool // nothing comes back
}

func newWall(t *testing.T, to, on string) *wall {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wall{Listener: l, on: on}
	var lines sync.WaitGroup
	t.Cleanup(lines.Wait)
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test is over
	lines.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			lines.Go(func() { w.pass(c, to) })
		}
	})
	return w
}

func (w *wall) pass(c net.Conn, to string) {
	defer c.Close() //nolint:errcheck // it may be closed
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	go func() {
		through(c, up, func(b []byte) bool {
			if w.on != "" && strings.Contains(string(b), w.on) {
				w.closed.Store(true)
			}
			return true
		})
		up.Close() //nolint:errcheck // the other way ends too
	}()
	through(up, c, func([]byte) bool { return !w.closed.Load() })
}

// through carries bytes until somebody hangs up.
func through(from, to net.Conn, may func([]byte) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && may(buf[:n]) {
			to.Write(buf[:n]) //nolint:errcheck // the other way tells
		}
		if err != nil {
			return
		}
	}
}

// TestPostgresSecrets: a wrong password, an unknown user and a refused TLS say why, and nothing of the secret.
func TestPostgresSecrets(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	o := pgOptions(p.Address)
	o.Secrets = func(string) (string, error) { return "n0t-the-right-one", nil }
	for name, c := range map[string]struct {
		job  actions.Job
		want string
	}{
		"password":      {pgJob(p.Address, "is", "primary"), "password authentication failed"},
		"tls":           {pgJob(p.Address, "is", "primary", "sslmode", "verify-full"), "refused TLS"},
		"plain secret":  {pgJob(p.Address, "is", "primary", "password", "n0t-the-right-one"), "must be a reference"},
		"other address": {pgJob("127.0.0.1:1", "is", "primary"), "neither a node of the plan"},
		"both":          {pgJob(p.Address, "is", "primary", "do", "promote"), "only one of them"},
		"neither":       {pgJob(p.Address), "needs do or is"},
	} {
		set := actions.NewSet(o)
		sight, r := set.Eyes().Look(t.Context(), c.job), set.Hands().Do(t.Context(), c.job)
		if sight.Found != dr.FoundInconclusive || r.State != dr.StepFail || !strings.Contains(r.Text, c.want) || strings.Contains(sight.Text+r.Text, "n0t-the") {
			t.Errorf("%s: %s %q, %s %q", name, sight.Found, sight.Text, r.State, r.Text)
		}
	}
	for class, do := range map[dr.Class]string{dr.Idempotent: "promote", dr.Read: "freeze"} {
		j := pgJob(p.Address, "do", do)
		j.Class = class
		if r := actions.NewSet(o).Hands().Do(t.Context(), j); r.State != dr.StepFail || !strings.Contains(r.Text, "class") {
			t.Errorf("%s of class %s: %s %q", do, class, r.State, r.Text)
		}
	}
}

// TestPostgresLooks: both roles tell what they are, in words and numbers.
func TestPostgresLooks(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	c, err := oneCopy()
	must(t, c, err)
	eyes := actions.NewSet(pgOptions(p.Address, c.Address)).Eyes()
	look := func(want dr.Found, address string, params ...any) actions.Sight {
		t.Helper()
		var s actions.Sight
		until(t, fmt.Sprint(params, " is ", want), func() bool { s = eyes.Look(t.Context(), pgJob(address, params...)); return s.Found == want })
		return s
	}
	s := look(dr.FoundDone, p.Address, "is", "primary")
	if s.Facts["standby"] != 0 || s.Facts["timeline"] != 1 || s.Facts["copies"] != 1 || s.Facts["position"] == 0 {
		t.Errorf("%q %v", s.Text, s.Facts)
	}
	look(dr.FoundDone, p.Address, "is", "writable")
	look(dr.FoundNotDone, p.Address, "is", "standby")
	look(dr.FoundNotDone, p.Address, "do", "freeze")
	look(dr.FoundNotDone, p.Address, "do", "slot", "slot", "not_there")
	look(dr.FoundNotDone, c.Address, "do", "promote")
	look(dr.FoundDone, c.Address, "is", "streaming", "peer", p.Address)
	look(dr.FoundNotDone, c.Address, "is", "streaming", "peer", "127.0.0.1:1")
	until(t, "the standby has replayed what there is", func() bool { // a server writes a little by itself now and then
		s = look(dr.FoundDone, c.Address, "is", "standby", "max_lag", "10s")
		return s.Facts["lag_bytes"] == 0 && s.Facts["lag_ms"] == 0
	})
	if s.Facts["standby"] != 1 || s.Facts["connected"] != 1 {
		t.Errorf("%q %v", s.Text, s.Facts)
	}
	look(dr.FoundDone, p.Address, "do", "checkpoint")
	sql(t, p, "CREATE TABLE lagging()")
	until(t, "the table is there", func() bool { return value(t, c, "SELECT coalesce(to_regclass('lagging')::text, '')") != "" })
	sql(t, c, "SELECT pg_wal_replay_pause()")
	sql(t, p, "DROP TABLE lagging")
	until(t, "the lag is seen", func() bool {
		s = eyes.Look(t.Context(), pgJob(c.Address, "is", "standby", "max_lag", "1ms"))
		return s.Found == dr.FoundNotDone && s.Facts["lag_ms"] > 0 && s.Facts["lag_bytes"] > 0
	})
	look(dr.FoundNotDone, c.Address, "is", "caught-up", "peer", p.Address)
	sql(t, c, "SELECT pg_wal_replay_resume()")
}

// TestPostgresSilence: what a server may have got is unknown when its answer does not come, and its probe knows.
func TestPostgresSilence(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	w := newWall(t, p.Address, "pg_create_physical_replication_slot")
	at := w.Addr().String()
	set := actions.NewSet(pgOptions(at, p.Address))
	t.Cleanup(func() {
		sql(t, p, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'silent'")
	})
	j := pgJob(at, "do", "slot", "slot", "silent")
	j.Timeout = 700
	if r := set.Hands().Do(t.Context(), j); r.State != dr.StepUnknown || !strings.Contains(r.Text, "no end within") {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	j.Call.Params["address"] = p.Address
	until(t, "its probe knows", func() bool { return set.Eyes().Look(t.Context(), j).Found == dr.FoundDone })
	if r := set.Hands().Do(t.Context(), j); r.State != dr.StepOK {
		t.Errorf("sent again: %s %q", r.State, r.Text)
	}
}

// TestPostgresReconcile: tables are compared row by row, with keys of any kind, sums and other columns.
func TestPostgresReconcile(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	sql(t, p, "CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE a.ledger (id int PRIMARY KEY, amount numeric(12,2), words text)",
		"CREATE TABLE a.pair (x text, y text, PRIMARY KEY (y, x))", "INSERT INTO a.pair VALUES ('a/b', 'c'), ('a', 'b/c'), ('é', 'Z')",
		"INSERT INTO a.ledger SELECT n, n * 1.25, 'row ' || n FROM generate_series(1, 1000) n",
		"CREATE TABLE b.ledger (LIKE a.ledger INCLUDING ALL)", "CREATE TABLE b.pair (LIKE a.pair INCLUDING ALL)", "CREATE TABLE a.keyless (x int)",
		"INSERT INTO b.ledger SELECT * FROM a.ledger", "INSERT INTO b.pair SELECT * FROM a.pair",
		"GRANT USAGE ON SCHEMA a, b TO switchman", "GRANT SELECT ON ALL TABLES IN SCHEMA a, b TO switchman", "CREATE DATABASE other TEMPLATE postgres")
	t.Cleanup(func() { sql(t, p, "DROP SCHEMA a CASCADE", "DROP SCHEMA b CASCADE", "DROP DATABASE other") })
	side := func(db string, tables ...string) map[string]any {
		j := pgJob(p.Address, "tables", tables, "amounts", map[string]any{"a.ledger": "amount"}, "dbname", db)
		return map[string]any{"action": "postgres", "params": j.Call.Params}
	}
	set := actions.NewSet(pgOptions(p.Address))
	compare := func(right map[string]any) actions.Result {
		return set.Hands().Do(t.Context(), job("t", "reconcile", map[string]any{"left": side("postgres", "a.ledger", "a.pair"), "right": right, "scale": int64(2)}))
	}
	r := compare(side("other", "a.ledger", "a.pair"))
	if r.State != dr.StepOK || r.Facts["left_count"] != 1003 || r.Facts["left_amount"] != 62562500 {
		t.Fatalf("%s %q %v", r.State, r.Text, r.Facts)
	}
	sql(t, p, "DELETE FROM a.ledger WHERE id = 7", "UPDATE a.ledger SET words = 'x' WHERE id = 8", "INSERT INTO a.pair VALUES ('new', 'one')")
	r = compare(side("other", "a.ledger", "a.pair"))
	if r.State != dr.StepFail || r.Facts["lost"] != 1 || r.Facts["extra"] != 1 || r.Facts["changed"] != 1 {
		t.Fatalf("%s %q %v", r.State, r.Text, r.Facts)
	}
	text := content(t, r, "text")
	for _, want := range []string{"extra\ta.ledger/7\t875\n", "changed\ta.ledger/8\t1000\t(other fields)\n", `lost	a.pair/["one", "new"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for want, right := range map[string]map[string]any{
		"has no primary key": side("postgres", "a.ledger", "a.keyless"), "no primary key": side("postgres", "a.ledger", "nowhere"),
		"amounts names": side("postgres", "a.pair"), "no tables": side("postgres"),
	} {
		if r := compare(right); r.State != dr.StepFail || !strings.Contains(r.Text, want) || len(r.Files) > 0 {
			t.Errorf("%s: %s %q", want, r.State, r.Text)
		}
	}
}
