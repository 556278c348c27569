package fsm

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// lookAtOnce bounds how many probes a preflight has in flight.
const lookAtOnce = 16

// look gathers the facts of a run through the eyes alone, stores them with their time, and opens
// the first round (or, in a rehearsal, begins) when the run was waiting for them.
func (e *Engine) look(ctx context.Context, id string) error {
	s, err := e.readSituation(ctx, id)
	if err != nil {
		return err
	}
	facts := e.facts(ctx, s)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	opened := false
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		opened = false
		run, err := tx.LockRun(ctx, id)
		if err != nil {
			return err
		}
		if run.State.Ended() || run.State.Started() || run.Digest != s.Run.Digest {
			return nil // moved on while we looked; whoever moved it asks again
		}
		now := e.now()
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
		return tx.UpdateRun(ctx, &run)
	})
	if err == nil && opened {
		e.anchor(ctx, id, "freeze")
		e.wake()
	}
	return err
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

// probesOf lists the looks: each system's own probes, and every step's probe once, which must at
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

// tendRound does what time and files do to an open round: it expires, or the slice changed.
func (e *Engine) tendRound(ctx context.Context, run dr.Run) error {
	current, err := e.compile(run)
	if err != nil {
		current = run.Digest // unreadable files void nothing; the start is refused while they are
	}
	s, err := e.readSituation(ctx, run.ID)
	if err != nil {
		return err
	}
	if _, _, late := approval.Expire(s.Case); !late && current == run.Digest {
		if run.State == dr.AwaitingCode && e.linesChanged(run, s.Slice) {
			return e.look(ctx, run.ID)
		}
		return nil
	}
	look, expired := false, false
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		look, expired = false, false
		if err := e.tends(ctx, tx); err != nil {
			return err
		}
		locked, err := tx.LockRun(ctx, run.ID)
		if err != nil || locked.Version != run.Version {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil || s.ClockStepped {
			return err
		}
		d := &decision{s: s, a: Act{Actor: dr.Itself()}, c: &Change{Run: cloneRun(locked)}}
		state, _, late := approval.Expire(s.Case)
		switch {
		case late && state == dr.Expired:
			expired = true
			d.endRound("expired", "")
			d.move(evExpire, "", "")
		case late && state == dr.AwaitingApproval:
			d.revokeCodes("quorum_lost")
			d.move(evQuorumOff, "", "")
		case current != locked.Digest:
			d.c.Recompile, look = true, true
		default:
			return nil
		}
		return e.apply(ctx, tx, &s, d.c)
	})
	if err == nil && look {
		return e.look(ctx, run.ID)
	}
	if err == nil && expired {
		e.anchor(ctx, run.ID, "end")
	}
	return err
}

// tendSoak says once that a run has served at the standby for as long as its plan wants: from then on
// it may go back, and nothing else would tell the people who wait for that.
func (e *Engine) tendSoak(ctx context.Context, run dr.Run) error {
	if run.Soaked || run.Mode == dr.Emergency {
		return nil
	}
	var plan *dr.Slice
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		plan, err = e.slice(ctx, r, run.Digest)
		return err
	})
	if err != nil || plan.Soak == 0 || e.now().Since(run.Clocks.Restored) < plan.Soak {
		return err
	}
	return e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		if err := e.tends(ctx, tx); err != nil {
			return err
		}
		locked, err := tx.LockRun(ctx, run.ID)
		if err != nil || locked.Version != run.Version {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil || s.ClockStepped || soakLeft(s) > 0 {
			return err
		}
		locked.Soaked = true
		tx.Journal(newRow(s.Now, run.ID, dr.RowSoaked, dr.Itself(), dr.SoakedData{Wanted: s.Slice.Soak}))
		return tx.UpdateRun(ctx, &locked)
	})
}

// anchor writes the journal's root outside and notes where it went. Failing to is a warning: the
// run does not wait for a syslog.
func (e *Engine) anchor(ctx context.Context, run, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	var head journal.Head
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		head, err = r.Head(ctx)
		return err
	})
	if err != nil {
		e.cfg.Log.Error("reading the journal's head for an anchor", "run", run, "err", err)
		return
	}
	hash, err := journal.Root(head)
	if err != nil {
		e.cfg.Log.Error("reading the journal's root for an anchor", "run", run, "err", err)
		return
	}
	root := base64.StdEncoding.EncodeToString(hash[:])
	where := e.cfg.Anchor(ctx, fmt.Sprintf("switchman anchor run=%s why=%s size=%d root=%s", run, why, head.Size, root))
	if len(where) == 0 {
		return
	}
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		tx.Journal(newRow(e.now(), run, dr.RowAnchor, dr.Itself(),
			dr.AnchorData{Size: head.Size, Root: root, Why: why, To: strings.Join(where, ", ")}))
		return nil
	})
	if err != nil {
		e.cfg.Log.Error("noting an anchor", "run", run, "err", err)
	}
}

// fillRun puts the run's id where a call asks for it.
func fillRun(c dr.Call, run string) dr.Call {
	out := dr.Call{Action: c.Action, Params: make(map[string]any, len(c.Params))}
	for k, v := range c.Params {
		out.Params[k] = fill(v, run)
	}
	return out
}

func fill(v any, run string) any {
	switch t := v.(type) {
	case string:
		if t == "{run}" {
			return run
		}
	case []string:
		list := make([]string, len(t))
		for i := range t {
			list[i], _ = fill(t[i], run).(string)
		}
		return list
	case map[string]string:
		m := make(map[string]string, len(t))
		for k := range t {
			m[k], _ = fill(t[k], run).(string)
		}
		return m
	case dr.Call: // such as the two looks of a reconciliation
		return fillRun(t, run)
	}
	return v
}
