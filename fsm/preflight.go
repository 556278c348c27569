package fsm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// lookAtOnce bounds how many probes a preflight has in flight.
const lookAtOnce = 16

// look gathers the facts of a run through the eyes alone, stores them with their time, and opens
// the first round (or, in a rehearsal, begins) when the run was waiting for them.
func (e *Engine) look(ctx context.Context, id string) error {
	_, err := e.lookAgain(ctx, id)
	return err
}

// looked is what one look made of a run's version; zero where it wrote nothing.
type looked struct{ before, after int64 }

// lookAgain is look, for those who must know that nothing but their look has changed the run.
func (e *Engine) lookAgain(ctx context.Context, id string) (wrote looked, err error) {
	s, err := e.readSituation(ctx, id)
	if err != nil {
		return looked{}, err
	}
	facts := e.facts(ctx, s)
	if ctx.Err() != nil {
		return looked{}, ctx.Err()
	}
	opened := false
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		opened, wrote = false, looked{}
		run, err := tx.LockRun(ctx, id)
		if err != nil {
			return err
		}
		if run.State.Ended() || run.State.Started() || run.Digest != s.Run.Digest {
			return nil // moved on while we looked; whoever moved it asks again
		}
		now, before := e.now(), run.Version
		if run.State == dr.Draft {
			e.event(tx, &run, evCheck)
		}
		run.Checks = facts
		tx.Journal(newRow(now, id, dr.RowPreflight, dr.Itself(), dr.PreflightData{Checks: facts}))
		if run.State == dr.Preflight {
			opened = true
			if err := e.open(ctx, tx, &run, s.Slice); err != nil {
				return err
			}
		}
		err = tx.UpdateRun(ctx, &run)
		wrote = looked{before: before, after: run.Version}
		return err
	})
	if err != nil {
		return looked{}, err
	}
	if opened {
		e.anchor(ctx, id, "freeze")
		e.wake()
	}
	return wrote, nil
}

// event moves a run by something nobody asked for.
func (e *Engine) event(tx *store.Tx, run *dr.Run, ev Event) {
	from, now := run.State, e.now()
	moveRun(run, ev, "", now)
	tx.Journal(stateRow(now, run, from, ev, dr.Itself(), ""))
}

// open follows the facts: a round for people's votes, or straight on in a rehearsal.
func (e *Engine) open(ctx context.Context, tx *store.Tx, run *dr.Run, s *dr.Slice) error {
	if run.Mode == dr.Rehearsal {
		run.Clocks.Started = e.now()
		forced := func(s *dr.RunSystem) { s.Forced = run.Kind == dr.Failover } // as the start would
		for _, row := range setSystems(run, run.Clocks.Started, dr.Itself(), "started", forced) {
			tx.Journal(row)
		}
		e.event(tx, run, evRehearse)
		return nil
	}
	round, row, err := e.nextRound(*run, s, nil)
	if err != nil {
		return err
	}
	e.event(tx, run, evOpen)
	run.Round = round
	tx.Journal(row)
	return tx.AddRound(ctx, run.ID, round)
}

// stale reports whether a fact is getting older than the policy allows at the start.
func stale(s Situation) bool {
	return slices.ContainsFunc(s.Run.Checks, func(c dr.Check) bool { return s.Now.Since(c.At) > s.Slice.Rule.FactsFresh/2 })
}

// facts asks everything a start depends on: the calendar, the placements, and every probe.
func (e *Engine) facts(ctx context.Context, s Situation) []dr.Check {
	checks := calendar(s)
	looks := probesOf(s.Slice)
	found := make([][]dr.Check, len(looks))
	var wg sync.WaitGroup
	gate := make(chan struct{}, lookAtOnce)
	for i, l := range looks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			gate <- struct{}{}
			defer func() { <-gate }()
			found[i] = e.lookOnce(ctx, s, l)
		}()
	}
	lines := e.greet(ctx, s.Slice)
	wg.Wait()
	checks = slices.Concat(append([][]dr.Check{checks, e.ship(ctx, s.Run), lines, automated(s.Slice, s.Now)}, found...)...)
	for i := range checks {
		checks[i].Level = level(s, checks[i])
	}
	return checks
}

// probe is one look of a preflight.
type probe struct {
	check  dr.Check
	call   dr.Call
	site   string
	expect []dr.Found // what counts as well
}

// probesOf lists the looks: each system's own probes, and the first probe of every node, which must at
// least answer, so that a dead node is found before the point of no return.
func probesOf(s *dr.Slice) []probe {
	var out []probe
	for _, sys := range s.Systems {
		for _, p := range sys.Probes {
			if p.Call.Action == "" || (p.Site != "" && p.Site != "from" && p.Site != s.From) {
				continue
			}
			out = append(out, probe{check: dr.Check{ID: "probe:" + p.ID, Title: p.Title, System: sys.ID}, call: p.Call, site: s.From,
				expect: []dr.Found{dr.FoundDone}})
		}
	}
	seen := map[string]bool{}
	for _, st := range s.Steps {
		if st.Kind == dr.ManualStep {
			seen[st.Node] = true // a person goes there first, perhaps to bring up what would answer
		}
		if st.Probe == nil || st.Node == "" || seen[st.Node] {
			continue
		}
		seen[st.Node] = true
		node, _ := s.Node(st.Node)
		out = append(out, probe{check: dr.Check{ID: "reach:" + st.Node, System: st.System, Node: st.Node}, call: *st.Probe, site: node.Site,
			expect: []dr.Found{dr.FoundDone, dr.FoundNotDone}})
	}
	return out
}

// lookOnce carries one look out and says what it means, and how far the node's clock is off where the
// answer tells the time.
func (e *Engine) lookOnce(ctx context.Context, s Situation, p probe) []dr.Check {
	node, _ := s.Slice.Node(p.check.Node)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	asked := e.cfg.Clock.Now()
	sight := e.cfg.Eyes.Look(ctx, actions.Job{Run: s.Run.ID, Step: p.check.ID, Node: node, Call: fillRun(p.call, s.Run.ID), Class: dr.Read,
		Timeout: 10_000, Addresses: addresses(s.Slice)})
	c := p.check
	c.OK, c.Text, c.At = slices.Contains(p.expect, sight.Found), sight.Text, e.now()
	out := []dr.Check{c}
	if off, known := offset(sight.Facts, asked, e.cfg.Clock.Now()); known && p.check.Node != "" {
		out = append(out, dr.Check{ID: "clock:" + p.check.Node, System: c.System, Node: c.Node, At: c.At, OK: off.Abs() <= clockApart,
			Text: fmt.Sprintf("clock is off by %s", off)})
	}
	return out
}

// clockApart is how far a node's clock may be from ours before its log lines mislead whoever reads
// them beside the report.
const clockApart = time.Second

// offset is how far a target's clock is ahead of ours, from the fact it told: offset_ms, or clock_ms,
// its time in Unix milliseconds. Half of the time the answer took is given to the way there.
func offset(facts map[string]int64, asked, answered time.Time) (time.Duration, bool) {
	if ms, ok := facts["offset_ms"]; ok {
		return dr.Millis(ms).Duration(), true
	}
	ms, ok := facts["clock_ms"]
	if !ok {
		return 0, false
	}
	middle := asked.Add(answered.Sub(asked) / 2)
	return time.UnixMilli(ms).Sub(middle).Truncate(time.Millisecond), true
}

// calendar are the facts that need no probe: placement, windows, freezes, expiries.
func calendar(s Situation) []dr.Check {
	var out []dr.Check
	local := s.Now.In(s.Zone)
	add := func(id, system, text string, ok bool) {
		out = append(out, dr.Check{ID: id, System: system, Text: text, OK: ok, At: s.Now})
	}
	for _, sys := range s.Slice.Systems {
		site := sys.Home
		if p, ok := s.Placements[sys.ID]; ok {
			site = p.Site
		}
		add("placement:"+sys.ID, sys.ID, sys.ID+" lives at "+site, site == s.Slice.From)
		for _, w := range sys.Windows {
			ok := !dr.InWindow(w.When, local)
			add("window:"+sys.ID+":"+w.Kind, sys.ID, w.Kind+" "+w.When, ok)
		}
		for _, x := range sys.Expiries {
			until, err := time.ParseInLocation("2006-01-02", x.Until, s.Zone)
			add("expiry:"+sys.ID+":"+x.What, sys.ID, x.What+" until "+x.Until, err == nil && s.Now.Before(until))
		}
	}
	for _, f := range s.Slice.Freezes {
		add("freeze:"+f.Name, "", f.Name, s.Now.Before(f.From.Time) || !s.Now.Before(f.To.Time))
	}
	return out
}

// level is the weight of a failing check in this run: what the policy says, else a default by what
// the check is about. In a failover the site left behind is expected to be silent.
func level(s Situation, c dr.Check) string {
	for _, sev := range s.Slice.Severity {
		if sev.Mode == s.Run.Mode && matchCheck(sev.Check, c.ID) {
			return sev.Level
		}
	}
	switch {
	case strings.HasPrefix(c.ID, "expiry:"), strings.HasPrefix(c.ID, "clock:"), s.Run.Mode == dr.Rehearsal:
		return "warn"
	case strings.HasPrefix(c.ID, "window:"):
		return windowLevel(s.Slice, c)
	case s.Run.Kind == dr.Failover && strings.HasPrefix(c.ID, "probe:"):
		return "warn"
	case s.Run.Kind == dr.Failover && strings.HasPrefix(c.ID, "reach:"):
		if n, ok := s.Slice.Node(c.Node); ok && n.Site == s.Slice.From {
			return "warn"
		}
	}
	return "block"
}

func windowLevel(s *dr.Slice, c dr.Check) string {
	for _, sys := range s.Systems {
		for _, w := range sys.Windows {
			if sys.ID == c.System && strings.HasSuffix(c.ID, ":"+w.Kind) && w.OnConflict == "block" {
				return "block"
			}
		}
	}
	return "warn"
}
