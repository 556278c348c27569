package fsm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// A code somebody typed where others read it is dead from that moment (invariant C10). Whoever typed it
// needs no right to anything: a code does not live on because a stranger found it. What does not match a
// live code changes nothing, is written nowhere and counts against no run, so nobody can lock a run or
// fill the journal with made-up codes; and as each look costs a slow hash, looks are counted.
const (
	leakWindow  = time.Minute
	leakLooks   = 6  // codes of one person that are looked at in a window; strangers share one count
	leakLooksBy = 60 // of everybody together
)

// looks counts codes that were looked at since a moment.
type looks struct {
	mu    sync.Mutex
	since time.Time
	by    map[string]int
	all   int
}

// one more look of a person, unless they or all together had too many.
func (l *looks) one(person string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if past := now.Sub(l.since); past >= leakWindow || past < 0 || l.by == nil {
		l.since, l.by, l.all = now, map[string]int{}, 0
	}
	if l.by[person] >= leakLooks || l.all >= leakLooksBy {
		return false
	}
	l.by[person]++
	l.all++
	return true
}

// RevokeLeaked revokes a code that was seen where it does not belong, whichever run it is for, and
// answers with the runs it lived for: none, if it opened nothing. The run stays approved; its issuer has to
// issue a new code. The same code again finds nothing.
func (e *Engine) RevokeLeaked(ctx context.Context, by dr.Actor, code string) (runs []string, err error) {
	canonical, ok := approval.ParseCode(code)
	if !ok {
		return nil, nil
	}
	by = e.onRoster(by)
	var open []dr.Run
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		open, err = r.Runs(ctx, store.Filter{States: openStates})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing runs whose code it may be: %w", err)
	}
	open = slices.DeleteFunc(open, func(run dr.Run) bool { return !lives(run, e.now()) })
	if len(open) == 0 { // nothing to compare with, so nothing that costs anything
		return nil, nil
	}
	if !e.looks.one(by.Person, e.cfg.Clock.Now()) {
		return nil, dr.Refuse("code_looked_enough", nil)
	}
	for _, run := range open {
		hit, err := e.revokeIn(ctx, by, run.ID, canonical)
		if err != nil {
			return runs, fmt.Errorf("revoking a code of %s: %w", run.ID, err)
		}
		if hit {
			runs = append(runs, run.ID)
		}
	}
	if len(runs) > 0 {
		e.wake()
	}
	return runs, nil
}

// onRoster leaves out a name that is not on the roster: it is anything a stranger makes up.
func (e *Engine) onRoster(by dr.Actor) dr.Actor {
	c, err := e.cfg.Catalog()
	if err != nil { // nobody is known then, and the code is revoked all the same
		return dr.Actor{Surface: by.Surface}
	}
	if _, ok := c.Organisation().Roster.Person(by.Person); !ok {
		by.Person = ""
	}
	return by
}

func lives(run dr.Run, now dr.Time) bool {
	return slices.ContainsFunc(run.Codes, func(c dr.Code) bool { return alive(c, now) })
}

func alive(c dr.Code, now dr.Time) bool {
	return c.Used.IsZero() && c.Revoked.IsZero() && now.Before(c.Expires.Time)
}

// revokeIn revokes the code in one run if it lives there. A start with the same code at the same moment
// is decided by who locks the run first: either it has started, or the code is dead.
func (e *Engine) revokeIn(ctx context.Context, by dr.Actor, id, canonical string) (hit bool, err error) {
	defer e.lockCodes(id)()
	var run dr.Run
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		run, err = r.Run(ctx, id)
		return err
	})
	if err != nil {
		return false, err
	}
	match := ""
	for _, c := range run.Codes {
		if alive(c, e.now()) && approval.Matches(c.Hash, e.cfg.Pepper, c.Salt, codeContext(run, c), canonical) {
			match = c.ID
		}
	}
	if match == "" {
		return false, nil
	}
	// Whoever saw it may hang up now; the code is dead all the same.
	ctx = context.WithoutCancel(ctx)
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		hit = false
		locked, err := tx.LockRun(ctx, id)
		if err != nil {
			return err
		}
		s, err := e.situation(ctx, &tx.Reader, locked)
		if err != nil {
			return err
		}
		c := leakChange(s, by, match)
		if c == nil {
			return nil
		}
		hit = true
		return e.apply(ctx, tx, &s, c)
	})
	return hit, err
}

// leakChange revokes one code and leaves everything else of the run as it is; nil where that code does
// not live any more. It asks neither who says so nor what the clock says: taking the right to start away
// is safe whenever it is done.
func leakChange(s Situation, by dr.Actor, code string) *Change {
	c := &Change{Run: cloneRun(s.Run)}
	for i := range c.Run.Codes {
		k := &c.Run.Codes[i]
		if k.ID != code || !k.Used.IsZero() || !k.Revoked.IsZero() {
			continue
		}
		k.Revoked = s.Now
		c.Codes = append(c.Codes, *k)
		c.Rows = append(c.Rows, newRow(s.Now, s.Run.ID, dr.RowCodeRevoked, by,
			dr.CodeData{ID: k.ID, Round: k.Round, Issuer: k.Issuer, Source: k.Source, Expires: k.Expires, Reason: Leaked}))
		return c
	}
	return nil
}

// Leaked is the reason of a row that tells of a code revoked because it was seen.
const Leaked = "leaked"

// noCode refuses what would keep a code in the open: reasons, observations and names are journaled and
// read by everybody. One that lives is revoked on the way.
func (e *Engine) noCode(ctx context.Context, by dr.Actor, run string, verb dr.Verb, texts ...string) error {
	text := strings.Join(texts, "\n")
	seen := false
	for _, code := range FindCodes(text) {
		found, err := e.RevokeLeaked(ctx, by, code)
		if err != nil && dr.KindOf(err) != dr.Refused {
			return err
		}
		seen = seen || err != nil || len(found) > 0 || strings.Contains(strings.ToUpper(text), "DRC")
	}
	if !seen {
		return nil
	}
	return e.refuse(ctx, by, run, verb, "C10_code_in_text", dr.Refuse("code_in_text", nil))
}

// texts are the fields of an act that are kept and shown.
func (a Args) texts() []string {
	return append([]string{a.Words, a.Reason, a.Step, a.Check, a.To, a.Text, a.Owner, a.Due, a.Retest}, a.Systems...)
}
