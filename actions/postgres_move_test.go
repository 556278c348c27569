//go:build !race

package actions_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// pair is a primary, its standby, the hands that move them, and who pays meanwhile.
type pair struct {
	*testing.T
	a, b *actionstest.Postgres
	set  *actions.Set
	w    *actionstest.Teller
}

func (p *pair) do(want dr.StepState, on *actionstest.Postgres, params ...any) actions.Result {
	p.Helper()
	j := pgJob(on.Address, params...)
	j.Class = dr.Idempotent
	if slices.Contains(params, any("promote")) {
		j.Class = dr.Once
	}
	began := time.Now()
	r := p.set.Hands().Do(p.Context(), j)
	p.Logf("%v: %s %q %v in %s", params, r.State, r.Text, r.Facts, time.Since(began).Round(time.Millisecond))
	if r.State != want {
		p.Fatalf("%v: %s %q, want %s\n%s", params, r.State, r.Text, want, on.Log())
	}
	return r
}

func (p *pair) is(claim string, on *actionstest.Postgres, params ...any) {
	p.Helper()
	last := ""
	until(p.T, claim, func() bool {
		s := p.set.Eyes().Look(p.Context(), pgJob(on.Address, append(params, "is", claim)...))
		if s.Text != last {
			last = s.Text
		}
		return s.Found == dr.FoundDone
	})
}

// run is a step of the plan's own: a program on the machine of a server.
func (p *pair) run(on *actionstest.Postgres, program string, args ...string) {
	p.Helper()
	j := job("token-of-"+program, "exec", map[string]any{"argv": on.Argv(program, args...), "env": map[string]string{"LC_ALL": "C"}})
	if r := p.set.Hands().Do(p.Context(), j); r.State != dr.StepOK {
		p.Fatalf("%s: %s %q", program, r.State, r.Text)
	}
}

// missing is what was acknowledged and is not there.
func (p *pair) missing(on *actionstest.Postgres) []string {
	p.Helper()
	lost, err := p.w.Missing(p.Context(), on)
	if err != nil {
		p.Fatal(err)
	}
	return lost
}

// switchover moves from one to the other while the teller pays, and says how long nobody could pay.
func (p *pair) switchover(from, to *actionstest.Postgres) time.Duration {
	p.Helper()
	p.w.Longest()
	p.do(dr.StepFail, to, "do", "promote", "peer", from.Address) // it still takes writes
	p.do(dr.StepOK, from, "do", "freeze")
	r := p.do(dr.StepOK, to, "do", "catch-up", "peer", from.Address)
	if r.Facts["lost_bytes"] != 0 || r.Facts["lag_ms"] != 0 {
		p.Errorf("%v", r.Facts)
	}
	p.do(dr.StepOK, to, "do", "promote", "peer", from.Address)
	p.do(dr.StepFail, to, "do", "promote", "peer", from.Address)
	p.is("primary", to)
	paid := p.w.Count()
	until(p.T, "payments go on", func() bool { return p.w.Count() > paid+20 })
	if lost := p.missing(to); len(lost) > 0 {
		p.Fatalf("%d acknowledged payments are lost", len(lost))
	}
	return p.w.Longest()
}

// rejoin makes the server that was primary a standby of the new one.
func (p *pair) rejoin(old, primary *actionstest.Postgres, running bool) {
	p.Helper()
	if running {
		p.run(old, "pg_ctl", "stop", "-D", old.Dir, "-m", "fast")
	}
	if err := old.Rest(); err != nil {
		p.Fatal(err)
	}
	p.do(dr.StepOK, primary, "do", "slot", "slot", "rejoined")
	p.do(dr.StepOK, primary, "do", "checkpoint") // until then pg_rewind would not see its new timeline
	if s := p.set.Eyes().Look(p.Context(), pgJob(primary.Address, "do", "checkpoint")); s.Found != dr.FoundDone {
		p.Errorf("after a checkpoint: %s %q", s.Found, s.Text)
	}
	host, port, err := net.SplitHostPort(primary.Address)
	if err != nil {
		p.Fatal(err)
	}
	p.run(old, "pg_rewind", "-D", old.Dir, "-R", "--no-sync", "--source-server", "host="+host+" port="+port+" user=postgres dbname=postgres")
	if err := old.Start(); err != nil {
		p.Fatal(err)
	}
	p.do(dr.StepOK, old, "do", "unfreeze")
	p.do(dr.StepOK, old, "do", "repoint", "peer", primary.Address, "slot", "rejoined")
	p.is("standby", old, "max_lag", "5s")
}

func newPair(t *testing.T) *pair {
	a, err := actionstest.StartPostgres()
	must(t, a, err)
	t.Cleanup(func() { a.Stop() })
	b, err := a.Copy(a.Address)
	must(t, b, err)
	t.Cleanup(func() { b.Stop() })
	sql(t, a, actionstest.Ledger()...)
	p := &pair{T: t, a: a, b: b, set: actions.NewSet(pgOptions(a.Address, b.Address))}
	p.w = actionstest.StartTeller(a.Address, b.Address)
	t.Cleanup(p.w.Stop)
	until(t, "payments begin", func() bool { return p.w.Count() > 20 })
	return p
}

// TestPostgresMoves: there without loss, back after pg_rewind without loss, and there again when the primary
// dies at once, with what was lost listed payment by payment. With SWITCHMAN_SOAK=1 there and back ten times.
func TestPostgresMoves(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	rounds := 1
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		rounds = 10
	}
	for range rounds {
		there := p.switchover(p.a, p.b)
		p.rejoin(p.a, p.b, true)
		back := p.switchover(p.b, p.a)
		p.rejoin(p.b, p.a, true)
		t.Logf("%d payments, none lost; nobody could pay for %s there and %s back", p.w.Count(), there.Round(time.Millisecond), back.Round(time.Millisecond))
	}
	p.failover()
}

// failover: the line to the standby breaks, payments go on, then the primary dies.
func (p *pair) failover() {
	p.Helper()
	w := newWall(p.T, p.a.Address, "")
	p.do(dr.StepOK, p.b, "do", "repoint", "peer", p.a.Address)
	p.set = actions.NewSet(pgOptions(p.a.Address, p.b.Address, w.Addr().String()))
	p.do(dr.StepOK, p.b, "do", "repoint", "peer", w.Addr().String())
	p.do(dr.StepFail, p.b, "do", "promote", "mode", "failover", "peer", p.a.Address)                 // it is alive
	p.do(dr.StepFail, p.b, "do", "promote", "mode", "failover", "peer", nobody(p.T), "for", "500ms") // the standby hears it
	w.closed.Store(true)
	paid := p.w.Count()
	until(p.T, "payments go on without the standby", func() bool { return p.w.Count() > paid+50 })
	if err := p.a.Kill(); err != nil {
		p.Fatal(err)
	}
	p.do(dr.StepFail, p.b, "do", "promote", "peer", p.a.Address) // a switchover needs both
	r := p.do(dr.StepOK, p.b, "do", "promote", "mode", "failover", "peer", p.a.Address)
	if lag, ok := r.Facts["lag_ms"]; !ok || lag <= 0 || r.Facts["timeline"] < 2 {
		p.Errorf("%v", r.Facts)
	}
	p.do(dr.StepFail, p.b, "do", "promote", "mode", "failover", "peer", p.a.Address)
	p.is("writable", p.b)
	paid = p.w.Count()
	until(p.T, "payments go on", func() bool { return p.w.Count() > paid+5 })
	p.w.Stop()
	p.lostListed()
	p.run(p.a, "pg_ctl", "stop", "-D", p.a.Dir, "-m", "fast")
	p.rejoin(p.a, p.b, false)
	p.is("caught-up", p.a, "peer", p.b.Address)
	if got, want := value(p.T, p.a, "SELECT count(*)::text FROM ledger"), value(p.T, p.b, "SELECT count(*)::text FROM ledger"); got != want {
		p.Errorf("%s payments at the one that was rejoined, %s at the primary", got, want)
	}
}

// lostListed reads the dead primary, alone and read-only, beside the new one.
func (p *pair) lostListed() {
	p.Helper()
	if err := p.a.Start("default_transaction_read_only=on"); err != nil {
		p.Fatal(err)
	}
	side := func(on *actionstest.Postgres) map[string]any {
		return map[string]any{"action": "postgres", "params": pgJob(on.Address, "tables", []string{"ledger"}, "amounts", map[string]any{"ledger": "amount"}).Call.Params}
	}
	r := p.set.Hands().Do(p.Context(), job("token-of-reconcile", "reconcile", map[string]any{"left": side(p.a), "right": side(p.b), "scale": int64(2), "list": int64(1000)}))
	lost := p.missing(p.b)
	p.Logf("%s %q %v: %d of %d acknowledged payments are lost", r.State, r.Text, r.Facts, len(lost), p.w.Count())
	if r.State != dr.StepFail || len(lost) < 50 || r.Facts["lost"] < int64(len(lost)) || r.Facts["lost"] > int64(len(lost))+1 || r.Facts["lost_amount"] != 250*r.Facts["lost"] {
		p.Errorf("%s %q %v, and %d are lost", r.State, r.Text, r.Facts, len(lost))
	}
	text := content(p.T, r, "text")
	for _, id := range lost[:min(len(lost), 1000)] {
		if !strings.Contains(text, fmt.Sprintf("lost\tledger/%s\t250\n", id)) {
			p.Errorf("payment %s is lost and not listed", id)
		}
	}
}
