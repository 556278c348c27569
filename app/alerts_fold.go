package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	signalsKept    = 7 * 24 * time.Hour
	signalsMost    = 500_000
	situationsKept = 90 * 24 * time.Hour
	sweepEvery     = time.Minute
	sweepRows      = 2000 // of one transaction
)

// take takes the lease and reads the engine: as it was kept, and then what came after.
func (w *watch) take(ctx context.Context) (held bool, err error) {
	c, err := w.files()
	if err != nil {
		return false, nil //nolint:nilerr // the files have mistakes: readiness says so, and signals wait in the store
	}
	if held, err = w.acquire(ctx); err != nil || !held {
		return held, err
	}
	fold, places, err := w.kept(ctx)
	if err != nil {
		return false, err
	}
	w.saved, w.news, w.held = map[string]int64{}, nil, dr.Time{}
	topology, plans, options := Watching(c)
	options.QuietMS = w.quietMS
	var engine *alerts.Engine
	first, body, _ := bytes.Cut(fold.Body, []byte("\n"))
	if err = json.Unmarshal(first, &w.placed); err == nil {
		engine, err = alerts.Restore(topology, plans, options, body)
	}
	if err != nil {
		if len(fold.Body) > 0 {
			w.log.WarnContext(ctx, "the kept situations cannot be read; they are made anew from the kept signals", "error", err)
		}
		engine, w.placed, fold.Seq, fold.At = alerts.New(topology, plans, places.sites(), options), places.settled(), 0, dr.Time{}
	}
	w.engine, w.house = engine, c
	w.base, w.at, w.told = store.Mark{Seq: fold.Seq, At: fold.At}, store.Mark{Seq: fold.Seq, At: fold.At}, fold.Told
	if err := w.replay(ctx); err != nil {
		return false, err
	}
	if err := w.begin(ctx, fold.Files); err != nil {
		return false, err
	}
	w.holding.Store(true)
	return true, nil
}

func (w *watch) acquire(ctx context.Context) (held bool, err error) {
	if !w.lone { // looking costs no commit
		var lease store.Lease
		err := w.store.Read(ctx, func(r *store.Reader) (err error) {
			if lease, err = r.Lease(ctx, watchLease); dr.KindOf(err) == dr.NotFound {
				err = nil
			}
			return err
		})
		if err != nil || lease.Holder != "" && lease.Holder != w.instance && lease.Until.After(w.clock.Now()) {
			return false, err
		}
	}
	err = w.store.Write(ctx, func(tx *store.Tx) (err error) {
		w.epoch, held, err = tx.AcquireLease(ctx, watchLease, w.instance, watchHolds)
		return err
	})
	w.reign.Store(w.epoch)
	w.renewed = w.clock.Now()
	return held, err
}

// kept reads the engine's last fold, an empty one where there is none, and where systems live.
func (w *watch) kept(ctx context.Context) (fold store.Fold, places placed, err error) {
	err = w.store.Read(ctx, func(r *store.Reader) error {
		if fold, err = r.Fold(ctx); err != nil && dr.KindOf(err) != dr.NotFound {
			return err
		}
		places, err = placesOf(ctx, r, nil)
		return err
	})
	return fold, places, err
}

// placed is where systems live that were moved, and which side they left by force.
type placed map[string]place

type place struct{ site, left string }

// sites is where each lives.
func (p placed) sites() map[string]string {
	out := map[string]string{}
	for system, at := range p {
		out[system] = at.site
	}
	return out
}

// settled leaves out what left a side behind: a new engine has to be told.
func (p placed) settled() map[string]string {
	out := p.sites()
	for system, at := range p {
		if at.left != "" {
			delete(out, system)
		}
	}
	return out
}

// placesOf reads where systems live; what those left that are known to live there is not looked for.
func placesOf(ctx context.Context, r *store.Reader, known map[string]string) (placed, error) {
	all, err := r.Placements(ctx)
	places := placed{}
	for _, p := range all {
		at := place{site: p.Site}
		if known[p.System] != p.Site {
			if at.left, err = leftBy(ctx, r, p); err != nil {
				return nil, err
			}
		}
		places[p.System] = at
	}
	return places, err
}

// leftBy is the side a system was moved away from by force: it was lost, or could not be asked, so it knows nothing
// of the move and has to rejoin before anything is copied there. A planned move leaves none behind, nor one taken back.
func leftBy(ctx context.Context, r *store.Reader, p dr.Placement) (string, error) {
	if p.Run == "" || p.Previous == "" {
		return "", nil
	}
	run, err := r.Run(ctx, p.Run)
	if err != nil {
		if dr.KindOf(err) == dr.NotFound {
			err = nil
		}
		return "", err
	}
	for _, s := range run.Systems {
		if s.ID == p.System && s.To == p.Site && (run.Kind == dr.Failover || s.Forced) {
			return p.Previous, nil
		}
	}
	return "", nil
}

// replay takes what was committed already once more: the journal has its milestones.
func (w *watch) replay(ctx context.Context) error {
	for w.at.Seq < w.told.Seq {
		var signals []dr.Signal
		err := w.store.Read(ctx, func(r *store.Reader) (err error) {
			signals, err = r.Signals(ctx, w.at.Seq, watchReads)
			return err
		})
		if err != nil {
			return err
		}
		if len(signals) == 0 || signals[0].Seq > w.told.Seq {
			break // what is missing was let go of long ago
		}
		for _, s := range signals {
			if s.Seq > w.told.Seq {
				break
			}
			if err := w.fold(s, false); err != nil {
				return err
			}
		}
	}
	w.engine.Advance(w.told.At)
	w.at.At = later(w.at.At, w.told.At)
	w.lastHeard = w.at.At.Time
	return nil
}

// begin brings the store in step with an engine that was read: situations it does not know any more, as
// after other files or a lost fold, are over. A fold that is missing or rests on other files is kept anew.
func (w *watch) begin(ctx context.Context, files string) error {
	var open []dr.Situation
	err := w.store.Read(ctx, func(r *store.Reader) (err error) {
		open, err = r.Situations(ctx, false, situationMax)
		return err
	})
	if err != nil {
		return err
	}
	var lost []dr.Situation
	for _, x := range open {
		if known, ok := w.engine.Situation(x.ID); ok {
			w.recall(x)
			if w.shown(known).Version == x.Version {
				w.saved[x.ID] = x.Version
			}
			continue
		}
		x.State, x.EndedAt, x.Firing, x.Wants, x.Version = "closed", w.clock.Time(), 0, nil, x.Version+1
		lost = append(lost, x)
		w.news = append(w.news, milestone{SituationData: dr.SituationData{ID: x.ID, Event: "closed", Entity: x.Entity, Fault: x.Fault, Signals: x.Signals}})
	}
	if files != w.house.Digest() {
		w.engine.Review()
	}
	if len(lost) > 0 || files != w.house.Digest() {
		if err := w.putFold(ctx, lost...); err != nil {
			return err
		}
	}
	return w.commit(ctx, true)
}

// putFold keeps the engine as it is, whatever changed with it.
func (w *watch) putFold(ctx context.Context, lost ...dr.Situation) error {
	placed, err := json.Marshal(w.placed)
	if err != nil {
		return fmt.Errorf("writing where systems live: %w", err)
	}
	body, err := w.engine.Snapshot()
	if err != nil {
		return err
	}
	body = append(append(placed, '\n'), body...)
	err = w.write(ctx, lost, func(tx *store.Tx) error {
		return tx.PutFold(ctx, store.Fold{Seq: w.at.Seq, At: w.at.At, Files: w.house.Digest(), Body: body, Told: w.at})
	})
	if err != nil {
		return err
	}
	w.point("folded")
	w.base, w.told, w.folded, w.weight = w.at, w.at, w.clock.Now(), len(body)
	return nil
}

// keep keeps the engine when enough came in since, so that a start has little to replay. What is large, as with
// many open alerts, is written less often: others wait for the one who writes.
func (w *watch) keep(ctx context.Context) error {
	now := w.clock.Now()
	many, long := foldSignals+int64(w.weight)/foldSignal, foldEvery+time.Duration(w.weight)*foldByte
	if w.at.Seq-w.base.Seq < many && (w.at == w.base || now.Sub(w.folded) < long && !now.Before(w.folded)) {
		return nil
	}
	if err := w.commit(ctx, true); err != nil {
		return err
	}
	return w.putFold(ctx)
}

// reload takes the files as they are now. The engine is kept first, so that a replay begins where the files
// changed; files with mistakes change nothing.
func (w *watch) reload(ctx context.Context) error {
	now := w.clock.Now()
	if since := now.Sub(w.filesAt); since < filesEvery && since >= 0 {
		return nil
	}
	w.filesAt = now
	c, err := w.files()
	if err != nil || c.Digest() == w.house.Digest() {
		return nil //nolint:nilerr // what was read before stays
	}
	if err := w.catchUp(ctx); err != nil {
		return err
	}
	body, err := w.engine.Snapshot()
	if err != nil {
		return err
	}
	topology, plans, options := Watching(c)
	options.QuietMS = w.quietMS
	engine, err := alerts.Restore(topology, plans, options, body)
	if err != nil {
		return err
	}
	engine.Review()
	w.engine, w.house = engine, c
	if err := w.commit(ctx, true); err != nil {
		return err
	}
	return w.putFold(ctx)
}

// places tells the engine, through the signals, what a run has moved.
func (w *watch) places(ctx context.Context) error {
	now := w.clock.Now()
	if since := now.Sub(w.placedAt); since < placesEvery && since >= 0 {
		return nil
	}
	w.placedAt = now
	var places placed
	err := w.store.Read(ctx, func(r *store.Reader) (err error) {
		places, err = placesOf(ctx, r, w.placed)
		return err
	})
	if err != nil || maps.Equal(places.sites(), w.placed) {
		return err
	}
	var moved []dr.Signal
	for system, at := range places {
		if w.placed[system] != at.site {
			moved = append(moved, alerts.Moved(system, at.site, at.left, w.clock.Time()))
		}
	}
	err = w.store.Write(ctx, func(tx *store.Tx) error {
		if err := w.fence(ctx, tx); err != nil {
			return err
		}
		_, err := tx.PutSignals(ctx, moved)
		return err
	})
	return err // what was put is taken like every signal, and noted then
}

// sweep lets go of what is old, a little at a time.
func (w *watch) sweep(ctx context.Context) error {
	now := w.clock.Time()
	if since := now.Sub(w.swept); since < sweepEvery && since >= 0 {
		return nil
	}
	w.swept = now.Time
	w.short.forget(func(id string) bool {
		x, known := w.engine.Situation(id)
		return !known || !going(x)
	})
	for {
		var gone int64
		err := w.store.Write(ctx, func(tx *store.Tx) (err error) {
			if err = w.fence(ctx, tx); err != nil {
				return err
			}
			if gone, err = tx.DropSignals(ctx, now.Plus(-dr.MillisOf(signalsKept)), signalsMost, sweepRows); err != nil {
				return err
			}
			_, err = tx.DropSituations(ctx, now.Plus(-dr.MillisOf(situationsKept)), sweepRows)
			return err
		})
		if err != nil || gone < sweepRows {
			return err
		}
	}
}

// leave keeps the engine and gives the lease back, so that another server goes on at once.
func (w *watch) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, watchRenews)
	defer cancel()
	if w.engine == nil {
		return
	}
	w.holding.Store(false)
	defer w.count(nil)
	err := w.commit(ctx, true)
	if err == nil && w.at != w.base {
		err = w.putFold(ctx)
	}
	if err == nil {
		err = w.store.Write(ctx, func(tx *store.Tx) error { return tx.ReleaseLease(ctx, watchLease, w.instance, w.epoch) })
	}
	if err != nil {
		w.log.WarnContext(ctx, "putting the situations down; the next start takes them up from where they were kept", "error", err)
	}
	w.engine = nil
}

// homeOf is where a system lives now.
func homeOf(c *catalog.Catalog, places map[string]string, system string) string {
	if site, ok := places[system]; ok {
		return site
	}
	org := c.Organisation()
	s, _ := org.System(system)
	return s.Home
}
