package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// PutSignals keeps signals in the order given and hands back those that were not there yet, with their
// place and moment. A signal's moment is its own, or that of the one before where it would go back: a
// replay then meets the same moments in the same order. Once a place can be seen, no earlier one appears.
func (t *Tx) PutSignals(ctx context.Context, signals []dr.Signal) ([]dr.Signal, error) {
	head, err := t.lockSignals(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []dr.Signal
	for _, s := range signals {
		s.Seq, s.At = head.Seq+1, dr.FromMicros(max(head.At, s.At.Micros()))
		n, err := t.putSignal(ctx, s)
		if err != nil {
			return nil, err
		}
		if n == 1 {
			head.Seq, head.At = s.Seq, s.At.Micros()
			fresh = append(fresh, s)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	if err := t.q.MoveSignals(ctx, head.Seq, head.At); err != nil {
		return nil, fmt.Errorf("numbering signals: %w", err)
	}
	return fresh, nil
}

// lockSignals takes the row everybody who stores signals takes. On SQLite the writer is alone: to look is
// to hold, and what changes nothing costs no sync of the disk.
func (t *Tx) lockSignals(ctx context.Context) (queries.LockSignalsRow, error) {
	if t.s.d == sqlite {
		head, err := t.q.SignalHead(ctx)
		if err != nil {
			return queries.LockSignalsRow{}, fmt.Errorf("numbering signals: %w", err)
		}
		return queries.LockSignalsRow(head), nil
	}
	head, err := t.q.LockSignals(ctx)
	if err != nil {
		return head, fmt.Errorf("numbering signals: %w", err)
	}
	return head, nil
}

func (t *Tx) putSignal(ctx context.Context, s dr.Signal) (int64, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return 0, fmt.Errorf("writing a signal: %w", err)
	}
	n, err := t.q.PutSignal(ctx, queries.PutSignalParams{Seq: s.Seq, ID: text(s.Key), Alert: text(strings.TrimSuffix(s.Key, string(s.Status))), Source: text(s.Source),
		Kind: string(s.Kind), Status: string(s.Status), At: s.At.Micros(), Body: text(string(body))})
	if err != nil {
		return 0, fmt.Errorf("storing a signal of %s: %w", s.Source, err)
	}
	return n, nil
}

// HoldSignals makes sure that no signal comes to lie before a moment that is not stored already, and gives
// the place of the last one there is: whoever has seen that one may let the moment pass.
func (t *Tx) HoldSignals(ctx context.Context, at dr.Time) (last int64, err error) {
	head, err := t.lockSignals(ctx)
	if err != nil {
		return 0, err
	}
	if at.Micros() > head.At {
		if err := t.q.MoveSignals(ctx, head.Seq, at.Micros()); err != nil {
			return 0, fmt.Errorf("numbering signals: %w", err)
		}
	}
	return head.Seq, nil
}

// Signals lists what came in after a place, in order.
func (r *Reader) Signals(ctx context.Context, after int64, limit int) ([]dr.Signal, error) {
	rows, err := r.q.SignalsAfter(ctx, after, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading signals: %w", err)
	}
	out := make([]dr.Signal, len(rows))
	for i, row := range rows {
		if out[i], err = signalOf(row.Seq, row.At, row.Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SignalsOf reads signals by their keys; those that are kept no longer are left out.
func (r *Reader) SignalsOf(ctx context.Context, keys []string) ([]dr.Signal, error) {
	var out []dr.Signal
	for _, key := range keys {
		row, err := r.q.SignalOf(ctx, text(key))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading a signal: %w", err)
		}
		s, err := signalOf(row.Seq, row.At, row.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// HasSignal reports whether a signal with this key was kept.
func (r *Reader) HasSignal(ctx context.Context, key string) (bool, error) {
	n, err := r.q.SignalKnown(ctx, text(key))
	if err != nil {
		return false, fmt.Errorf("looking for a signal: %w", err)
	}
	return n > 0, nil
}

// Firing lists the alerts of a source (of all for an empty one) that began and have not ended, as far as was
// told, the newest first.
func (r *Reader) Firing(ctx context.Context, source string, limit int) ([]dr.Signal, error) {
	rows, err := r.q.SignalsFiring(ctx, text(source), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading what fires: %w", err)
	}
	out := make([]dr.Signal, len(rows))
	for i, row := range rows {
		if out[i], err = signalOf(row.Seq, row.At, row.Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AlertsBetween lists alerts that came in between two moments, in order.
func (r *Reader) AlertsBetween(ctx context.Context, since, until dr.Time, limit int) ([]dr.Signal, error) {
	rows, err := r.q.SignalsBetween(ctx, since.Micros(), until.Micros(), int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading signals: %w", err)
	}
	out := make([]dr.Signal, len(rows))
	for i, row := range rows {
		if out[i], err = signalOf(row.Seq, row.At, row.Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func signalOf(seq, at int64, body string) (dr.Signal, error) {
	var s dr.Signal
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, fmt.Errorf("reading signal %d: %w", seq, err)
	}
	s.Seq, s.At = seq, dr.FromMicros(at)
	return s, nil
}

// DropSignals forgets up to limit signals that are in the engine's body and older than before, and of the
// others all but the newest keep. It says how many went.
func (t *Tx) DropSignals(ctx context.Context, before dr.Time, keep int64, limit int) (int64, error) {
	engine, err := t.q.GetEngine(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the engine's state: %w", err)
	}
	head, err := t.q.SignalHead(ctx)
	if err != nil {
		return 0, fmt.Errorf("numbering signals: %w", err)
	}
	n, err := t.q.DropSignals(ctx, queries.DropSignalsParams{Seq: engine.Seq, Before: before.Micros(), Floor: head.Seq - keep, MaxRows: int32(limit)})
	if err != nil {
		return 0, fmt.Errorf("forgetting old signals: %w", err)
	}
	return n, nil
}
