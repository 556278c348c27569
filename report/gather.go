package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// Gather collects what the report of a run is made from: its rows and those of its ways back, the plans
// that were approved, and the register of its systems. Asked for a way back it tells of the run that it
// closes. The source is valid as long as the reader is.
//
// The tree is also cut at the sizes given, so that whoever kept the root of one finds it again.
func Gather(ctx context.Context, r *store.Reader, id, version string, sizes ...int64) (Source, error) {
	src := Source{Slices: map[string][]byte{}, MadeBy: maker(version)}
	run, err := r.Run(ctx, id)
	for err == nil && run.Parent != "" {
		run, err = r.Run(ctx, run.Parent)
	}
	if err != nil {
		return src, err
	}
	if err := src.head(ctx, r); err != nil {
		return src, err
	}
	told, systems, known, err := story(ctx, r, run)
	if err != nil {
		return src, err
	}
	if err := src.rows(ctx, r, told); err != nil {
		return src, err
	}
	if src.Register, err = entries(ctx, r, known, systems); err != nil {
		return src, err
	}
	if err := src.prove(ctx, r, known, sizes); err != nil {
		return src, err
	}
	src.Blob = func(digest string) (io.ReadCloser, error) {
		_, f, err := r.Blob(ctx, digest)
		var missing *dr.Error
		if errors.As(err, &missing) && missing.Kind == dr.NotFound {
			return nil, ErrErased
		}
		return f, err
	}
	return src, nil
}

func (s *Source) head(ctx context.Context, r *store.Reader) error {
	head, err := r.Head(ctx)
	if err != nil {
		return err
	}
	cp, err := journal.Peek(head.Note)
	if err != nil {
		return fmt.Errorf("reading the journal's checkpoint: %w", err)
	}
	keys, err := r.Keys(ctx)
	if err != nil {
		return err
	}
	s.Proof.Note, s.Proof.Key = head.Note, keys[len(keys)-1]
	s.Checkpoint = Checkpoint{Size: cp.Size, Root: cp.Root.String(), Key: s.Proof.Key}
	return nil
}

// prove prunes the tree to the rows told. It is cut at every anchor of every run on these systems, so
// that whoever kept one of those roots can find it again.
func (s *Source) prove(ctx context.Context, r *store.Reader, runs []dr.Run, cuts []int64) (err error) {
	for _, size := range cuts {
		if size < 1 || size > s.Checkpoint.Size {
			return &dr.Error{Kind: dr.Invalid, ID: "report_anchor_unknown", Args: dr.Args{"size": strconv.FormatInt(size, 10), "rows": strconv.FormatInt(s.Checkpoint.Size, 10)}}
		}
	}
	cuts = slices.Clone(cuts)
	var rows []int64
	for _, row := range s.Rows {
		rows = append(rows, row.Seq)
	}
	for _, run := range runs {
		anchors, err := r.RowsOf(ctx, run.ID, dr.RowAnchor)
		if err != nil {
			return err
		}
		for _, row := range anchors {
			var d dr.AnchorData
			if err := json.Unmarshal(row.Data, &d); err != nil {
				return fmt.Errorf("reading row %d: %w", row.Seq, err)
			}
			if d.Size > 0 && d.Size <= s.Checkpoint.Size {
				cuts = append(cuts, d.Size)
			}
		}
	}
	slices.Sort(cuts)
	if s.Proof.Chains, err = r.Register(ctx); err != nil {
		return err
	}
	s.Proof.Tiles, err = journal.Prune(s.Checkpoint.Size, rows, slices.Compact(cuts), r.Hashes(ctx))
	return err
}

// story names the runs a report tells, a run and its ways back, the systems they are about, and every
// run there ever was on these.
func story(ctx context.Context, r *store.Reader, run dr.Run) (told, systems []string, known []dr.Run, err error) {
	told, systems = []string{run.ID}, systemsOf(run)
	for {
		if known, err = runsOf(ctx, r, systems); err != nil {
			return nil, nil, nil, err
		}
		before := len(systems)
		for _, other := range known {
			if other.Parent != run.ID || slices.Contains(told, other.ID) {
				continue
			}
			told = append(told, other.ID)
			for _, s := range systemsOf(other) {
				if !slices.Contains(systems, s) {
					systems = append(systems, s)
				}
			}
		}
		if len(systems) == before {
			return told, systems, known, nil
		}
	}
}

func systemsOf(run dr.Run) []string {
	out := make([]string, 0, len(run.Systems))
	for _, s := range run.Systems {
		out = append(out, s.ID)
	}
	return out
}

// runsOf lists every run that ever touched one of the systems, each once.
func runsOf(ctx context.Context, r *store.Reader, systems []string) ([]dr.Run, error) {
	seen, out := map[string]bool{}, []dr.Run{}
	for _, system := range systems {
		runs, err := r.Runs(ctx, store.Filter{System: system, Limit: 1 << 30})
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			if !seen[run.ID] {
				seen[run.ID] = true
				out = append(out, run)
			}
		}
	}
	return out, nil
}

// rows reads the rows of the runs told, the first row of the journal, changes of its key and the rows
// that say what became of the runs' evidence.
func (s *Source) rows(ctx context.Context, r *store.Reader, runs []string) error {
	kept := map[string]bool{}
	keep := func(row dr.Row) error {
		raw, err := r.RawRow(ctx, row.Seq)
		if err != nil {
			return err
		}
		s.Rows = append(s.Rows, Row{Row: row, Raw: raw})
		return nil
	}
	for _, id := range runs {
		rows, err := r.RowsOf(ctx, id)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := keep(row); err != nil {
				return err
			}
			if err := s.plan(ctx, r, row); err != nil {
				return err
			}
			if row.Kind == dr.RowOutcome {
				var d dr.OutcomeData
				if err := json.Unmarshal(row.Data, &d); err != nil {
					return fmt.Errorf("reading row %d: %w", row.Seq, err)
				}
				for _, b := range d.Evidence {
					kept[b.Digest] = true
				}
			}
		}
	}
	house, err := r.RowsOf(ctx, "", dr.RowInstalled, dr.RowKey, dr.RowRollback, dr.RowBlobErased)
	if err != nil {
		return err
	}
	for _, row := range house {
		var b dr.Blob
		if row.Kind == dr.RowBlobErased && (json.Unmarshal(row.Data, &b) != nil || !kept[b.Digest]) {
			continue
		}
		if err := keep(row); err != nil {
			return err
		}
	}
	slices.SortFunc(s.Rows, func(a, b Row) int { return int(a.Seq - b.Seq) })
	return nil
}

// plan keeps the frozen plan that a request or a round names.
func (s *Source) plan(ctx context.Context, r *store.Reader, row dr.Row) error {
	if row.Kind != dr.RowRequested && row.Kind != dr.RowRound {
		return nil
	}
	var d struct {
		Digest string `json:"digest"`
	}
	if err := json.Unmarshal(row.Data, &d); err != nil {
		return fmt.Errorf("reading row %d: %w", row.Seq, err)
	}
	raw, err := r.Slice(ctx, d.Digest)
	if err != nil {
		return err
	}
	s.Slices[d.Digest] = raw
	return nil
}

// entries are the register's lines of the systems, in the journal's order.
func entries(ctx context.Context, r *store.Reader, runs []dr.Run, systems []string) ([]journal.Entry, error) {
	var out []journal.Entry
	for _, run := range runs {
		rows, err := r.RowsOf(ctx, run.ID, journal.EntryKinds()...)
		if err != nil {
			return nil, err
		}
		all := systemsOf(run)
		for _, row := range rows {
			e, ok, err := journal.EntryOf(row, func(string) ([]string, error) { return all, nil })
			if err != nil {
				return nil, err
			}
			if ok && slices.ContainsFunc(e.Systems, func(s string) bool { return slices.Contains(systems, s) }) {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b journal.Entry) int { return int(a.Seq - b.Seq) })
	return out, nil
}

// JSON is the model as report.json holds it.
func (m *Model) JSON() ([]byte, error) {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return append(raw, '\n'), nil
}
