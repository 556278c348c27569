package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	watchLease   = "situations"
	watchHolds   = 15 * time.Second
	watchRenews  = 5 * time.Second
	watchTicks   = time.Second
	watchBeat    = 5 * time.Second // the engine's own grid; between two of its moments nothing can happen by time alone
	watchReads   = 500             // signals taken between two commits
	foldEvery    = time.Minute
	foldSignals  = 2000
	foldSignal   = 1024                  // bytes of the last fold that allow for one signal more to replay
	foldByte     = 15 * time.Microsecond // and how much longer each of them makes the wait: a minute for 4 MiB
	saveEvery    = time.Second           // counts of a situation that only grew
	busyAfter    = 30 * time.Minute      // after the last signal time alone changes nothing any more
	filesEvery   = 5 * time.Second
	placesEvery  = 30 * time.Second
	situationMax = 1000
)

// watch keeps situations: one loop in the whole installation, under a lease. It folds stored signals into
// the engine in their order, moves the engine's time, and commits what came about together with how far it
// has come. What it holds in memory is a copy: after any trouble it is dropped and read again from the store,
// with the same result.
type watch struct {
	store    *store.Store
	files    func() (*catalog.Catalog, error)
	eyes     actions.Eyes
	clock    dr.Clock
	log      *slog.Logger
	instance string
	lone     bool // the store lets one process in: the lease cannot be taken meanwhile
	pulls    []*puller
	wake     chan struct{}
	point    func(string)
	looking  looking
	short    shortener
	meters   watchMeters
	holding  atomic.Bool  // this server watches
	reign    atomic.Int64 // epoch of the lease, for pullers
	quietMS  int64        // see alerts.Options

	engine *alerts.Engine // nil: another server watches, or it has to be read again
	epoch  int64
	house  *catalog.Catalog // the files the engine rests on

	base      store.Mark // of the kept fold
	folded    time.Time  // when it was kept
	weight    int        // its bytes
	at        store.Mark // how far the engine has come
	told      store.Mark // how far is committed
	held      dr.Time    // no signal can come to lie before
	renewed   time.Time
	saved     map[string]int64 // versions of situations as stored
	savedAt   time.Time
	placed    map[string]string // where systems live, as the engine was told
	placedAt  time.Time
	filesAt   time.Time
	lastHeard time.Time
	swept     time.Time
	news      []milestone    // not committed yet
	poison    map[int64]bool // signals the engine fell over: left out, so that one of them does not stop the rest
	trouble   string
}

// newWatch makes the watcher; nothing is read before Start.
func (a *App) newWatch(cfg *config.Config, eyes actions.Eyes, instance string, clock dr.Clock, o Options) *watch {
	w := &watch{store: a.Store, files: a.Files.Catalog, eyes: eyes, clock: clock, log: o.Log, instance: instance, lone: a.Store.Dialect() == "sqlite",
		pulls: pullers(cfg), wake: make(chan struct{}, 1), point: o.Point, poison: map[int64]bool{},
		short: shortener{ask: a.shorten, langs: a.languages(), tries: map[string]int{}, kept: map[string]shorter{}}}
	if w.point == nil {
		w.point = func(string) {}
	}
	if o.Stage != nil { // whoever breaks and mends by button does not wait ten minutes for the end
		w.quietMS = 20_000
	}
	return w
}

// milestone is a row to be written, and who brought it about.
type milestone struct {
	dr.SituationData
	by dr.Actor
}

// heard wakes the loop.
func (w *watch) heard() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run watches until the context ends, and puts the engine down in good order.
func (w *watch) run(ctx context.Context) {
	rows, stop := w.store.Watch()
	defer stop()
	var beside sync.WaitGroup
	for _, p := range w.pulls {
		beside.Go(func() { p.run(ctx, w) })
	}
	defer beside.Wait()
	defer w.looking.wait()
	defer w.short.work.Wait()
	for ctx.Err() == nil {
		wait := w.clock.After(watchTicks) // before the work, so that a moment passing meanwhile is not missed
		w.note(ctx, w.pass(ctx))
		select {
		case <-ctx.Done():
		case <-wait:
		case <-w.wake:
		case <-rows:
			w.placedAt = time.Time{} // a run may have moved something
		}
	}
	w.leave(context.WithoutCancel(ctx))
}

// note logs trouble once, and drops what memory holds: the store knows better.
func (w *watch) note(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		w.trouble = ""
		return
	}
	w.drop()
	if errors.Is(err, store.ErrFenced) {
		return
	}
	if err.Error() != w.trouble {
		w.log.ErrorContext(ctx, "watching situations; it is tried again, and no signal is lost", "error", err)
	}
	w.trouble = err.Error()
}

func (w *watch) drop() {
	w.engine, w.news = nil, nil
	w.holding.Store(false)
	w.count(nil)
}

// pass does what there is to do.
func (w *watch) pass(ctx context.Context) error {
	if w.engine == nil {
		if held, err := w.take(ctx); err != nil || !held {
			return err
		}
	}
	for _, do := range []func(context.Context) error{w.reload, w.places, w.catchUp, w.beat, w.keep, w.sweep} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	w.look(ctx)
	w.word(ctx)
	return nil
}

// catchUp folds in what was stored and not yet taken.
func (w *watch) catchUp(ctx context.Context) error {
	for {
		var signals []dr.Signal
		err := w.store.Read(ctx, func(r *store.Reader) (err error) {
			signals, err = r.Signals(ctx, w.at.Seq, watchReads)
			return err
		})
		if err != nil {
			return err
		}
		for _, s := range signals {
			if err := w.fold(s, true); err != nil {
				return err
			}
		}
		if len(signals) > 0 {
			w.lastHeard = w.clock.Now()
		}
		if err := w.commit(ctx, false); err != nil || len(signals) < watchReads {
			return err
		}
	}
}

// fold takes one signal; tell: what comes about is to be journaled.
func (w *watch) fold(s dr.Signal, tell bool) (err error) {
	w.at.Seq, w.at.At = s.Seq, later(w.at.At, s.At)
	if w.poison[s.Seq] {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			w.poison[s.Seq] = true
			err = fmt.Errorf("signal %d of %s cannot be taken and is left out: %v\n%s", s.Seq, s.Source, p, debug.Stack())
		}
	}()
	found := w.engine.Take(s)
	if s.Kind == dr.SignalLook && s.Labels["proves"] == "placement" {
		w.placed[s.Labels["system"]] = s.Labels["site"]
	}
	if !tell {
		return nil
	}
	for _, d := range found {
		m := milestone{SituationData: d}
		if d.Event == "answered" {
			m.by = dr.Actor{Person: s.By, Surface: s.Labels["surface"]}
		}
		w.news = append(w.news, m)
	}
	return nil
}

// beat lets the engine's time pass. First it is made sure that no signal can come to lie before that
// moment, so that a replay lets the same time pass between the same signals.
func (w *watch) beat(ctx context.Context) error {
	now, every := w.clock.Time(), watchBeat
	if w.engine.Rushed() {
		every = watchTicks
	}
	if !w.busy() || !now.After(w.held.Time) || now.Truncate(every).Equal(w.held.Truncate(every)) {
		return nil
	}
	var last int64
	err := w.store.Write(ctx, func(tx *store.Tx) (err error) {
		if err = tx.Fence(ctx, watchLease, w.instance, w.epoch); err != nil {
			return err
		}
		last, err = tx.HoldSignals(ctx, now)
		return err
	})
	if err != nil {
		return err
	}
	w.held = now
	if last > w.at.Seq {
		if err := w.catchUp(ctx); err != nil {
			return err
		}
	}
	for _, d := range w.engine.Advance(now) {
		w.news = append(w.news, milestone{SituationData: d})
	}
	w.at.At = later(w.at.At, now)
	return w.commit(ctx, false)
}

// busy reports whether time alone may change something.
func (w *watch) busy() bool {
	if w.clock.Now().Sub(w.lastHeard) < busyAfter {
		return true
	}
	for _, x := range w.engine.Situations() {
		if going(x) {
			return true
		}
	}
	return false
}

func going(x dr.Situation) bool { return x.State == "open" || x.State == "quiet" }

// commit writes milestones, situations and how far they reach in one transaction. Where situations only
// grew, once a second is enough; all: whatever changed is written.
func (w *watch) commit(ctx context.Context, all bool) error {
	var changed []dr.Situation
	w.meters.done.Store(w.at.Seq)
	if now := w.clock.Now(); all || len(w.news) > 0 || now.Sub(w.savedAt) >= saveEvery || now.Before(w.savedAt) {
		known := w.engine.Situations()
		w.count(known)
		for _, x := range known {
			if x = w.shown(x); w.saved[x.ID] != x.Version {
				changed = append(changed, x)
			}
		}
		w.savedAt = now
	}
	if len(changed) == 0 && len(w.news) == 0 && !w.stale() {
		return nil
	}
	err := w.write(ctx, changed, func(tx *store.Tx) error { return tx.TellFold(ctx, w.at) })
	if err != nil {
		return err
	}
	w.point("committed")
	for _, x := range changed {
		w.saved[x.ID] = x.Version
	}
	w.told = w.at
	return nil
}

// write writes situations, what came about and how far that reaches in one transaction of the holder of the
// lease.
func (w *watch) write(ctx context.Context, changed []dr.Situation, mark func(*store.Tx) error) error {
	err := w.store.Write(ctx, func(tx *store.Tx) error {
		if err := w.fence(ctx, tx); err != nil {
			return err
		}
		for _, x := range changed {
			if err := tx.PutSituation(ctx, x); err != nil {
				return err
			}
		}
		for _, m := range w.news {
			if err := journalSituation(tx, m); err != nil {
				return err
			}
		}
		return mark(tx)
	})
	if err == nil {
		w.news, w.renewed = nil, w.clock.Now()
	}
	return err
}

// stale reports whether the lease has to be kept alive.
func (w *watch) stale() bool { return !w.lone && w.clock.Now().Sub(w.renewed) >= watchRenews }

// fence holds the lease for a transaction, and keeps it alive.
func (w *watch) fence(ctx context.Context, tx *store.Tx) error {
	if err := tx.Fence(ctx, watchLease, w.instance, w.epoch); err != nil {
		return err
	}
	return tx.RenewLease(ctx, watchLease, w.instance, w.epoch, watchHolds)
}

func journalSituation(tx *store.Tx, m milestone) error {
	raw, err := json.Marshal(m.SituationData)
	if err != nil {
		return fmt.Errorf("writing a milestone of situation %s: %w", m.ID, err)
	}
	tx.Journal(dr.Row{Kind: dr.RowSituation, Actor: m.by.Person, Surface: m.by.Surface, Data: raw})
	return nil
}

func later(a, b dr.Time) dr.Time {
	if b.After(a.Time) {
		return b
	}
	return a
}
