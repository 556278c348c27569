package store

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// register extends the register of runs by what the transaction's rows say, and gives its digest. Most
// transactions say nothing that belongs there, and then nothing is read or written.
func (t *Tx) register(ctx context.Context, before tlog.Hash) (tlog.Hash, error) {
	var entries []journal.Entry
	for _, row := range t.rows {
		e, ok, err := journal.EntryOf(row, func(run string) ([]string, error) { return t.requestedSystems(ctx, run) })
		if err != nil {
			return before, err
		}
		if ok {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return before, nil
	}
	all, err := t.Register(ctx)
	if err != nil {
		return before, err
	}
	if all.Digest() != before {
		return before, damaged("the register of runs is not the one its checkpoint names")
	}
	for _, e := range entries {
		if all, err = all.Add(e); err != nil {
			return before, err
		}
	}
	if err := t.q.SetRegister(ctx, all.Text()); err != nil {
		return before, fmt.Errorf("storing the register of runs: %w", err)
	}
	return all.Digest(), nil
}

// requestedSystems are the systems a run was requested for, as its row says.
func (t *Tx) requestedSystems(ctx context.Context, run string) ([]string, error) {
	rows, err := t.RowsOf(ctx, run, dr.RowRequested)
	if err != nil {
		return nil, err
	}
	for _, row := range append(rows, t.rows...) {
		if row.Run != run || row.Kind != dr.RowRequested {
			continue
		}
		var d dr.RequestedData
		if err := journal.DecodeData(row, &d); err != nil {
			return nil, err
		}
		return d.Systems, nil
	}
	return nil, damaged("run " + run + " has no row that requests it")
}

// Register is the register of runs as it stands.
func (r *Reader) Register(ctx context.Context) (journal.Register, error) {
	text, err := r.q.GetRegister(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the register of runs: %w", err)
	}
	out, err := journal.ParseRegister(text)
	if err != nil {
		return nil, damaged(err.Error())
	}
	return out, nil
}

// checkRegister compares the register with what the checkpoint says.
func (r *Reader) checkRegister(ctx context.Context, head journal.Head) error {
	all, err := r.Register(ctx)
	if err != nil {
		return err
	}
	if all.Digest() != head.Register {
		return &journal.Problem{Code: "register", Seq: -1, Text: "the register of runs is not the one its checkpoint names"}
	}
	return nil
}
