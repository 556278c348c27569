package fsm

import (
	"context"
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// attestAll holds every open run against its journal before anything is carried out on its word.
func (e *Engine) attestAll(ctx context.Context) error {
	return e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		runs, err := r.Runs(ctx, store.Filter{States: openRunStates(), Limit: 1 << 30})
		if err != nil {
			return fmt.Errorf("listing open runs: %w", err)
		}
		for _, run := range runs {
			if err := attest(ctx, r, run); err != nil {
				return err
			}
		}
		return nil
	})
}

// attest refuses a run whose state, votes or codes are not those the journal tells of. The tables
// are a copy made for quick reading, and whoever can write to the database can change them; the
// journal is signed.
func attest(ctx context.Context, r *store.Reader, run dr.Run) error {
	rows, err := r.RowsOf(ctx, run.ID, dr.RowState, dr.RowRound, dr.RowVote, dr.RowCodeIssued, dr.RowCodeRevoked)
	if err != nil {
		return err
	}
	told, err := retell(rows)
	if err != nil {
		return fmt.Errorf("reading the journal of %s: %w", run.ID, err)
	}
	what := ""
	switch {
	case told.state != run.State:
		what = fmt.Sprintf("it is %s there, and %s here", told.state, run.State)
	case told.round.Number != run.Round.Number || told.round.Digest != run.Round.Digest || told.round.Number > 0 && told.round.Digest != run.Digest:
		what = "its round is another one"
	case !sameVotes(told.votes, run.Round.Votes):
		what = "its votes are others"
	case !slices.ContainsFunc(run.Codes, told.unknown):
		return nil
	default:
		what = "it has a code there that nobody issued, or one that was revoked"
	}
	return dr.Errorf(dr.Unverified, "run %s was changed in the database behind the journal: %s", run.ID, what).
		WithHint("nothing more of it is done. Keep a copy of the state directory for whoever looks into it, then restore the newest verified backup with `switchman restore FILE`")
}

// retold is what the journal says about a run's way to its start.
type retold struct {
	state   dr.State
	round   dr.RoundData
	votes   []dr.Vote
	issued  map[string]int // round of each code
	revoked map[string]bool
}

func retell(rows []dr.Row) (retold, error) {
	t := retold{state: dr.Draft, issued: map[string]int{}, revoked: map[string]bool{}}
	for _, row := range rows {
		var err error
		switch row.Kind {
		case dr.RowState:
			var d dr.StateData
			err = journal.DecodeData(row, &d)
			t.state = d.To
		case dr.RowRound:
			t.round, t.votes = dr.RoundData{}, nil
			err = journal.DecodeData(row, &t.round)
		case dr.RowVote:
			var d dr.VoteData
			err = journal.DecodeData(row, &d)
			t.votes = putVote(t.votes, d.Vote)
		case dr.RowCodeIssued, dr.RowCodeRevoked:
			var d dr.CodeData
			err = journal.DecodeData(row, &d)
			if row.Kind == dr.RowCodeIssued {
				t.issued[d.ID] = d.Round
			} else {
				t.revoked[d.ID] = true
			}
		}
		if err != nil {
			return t, fmt.Errorf("row %d: %w", row.Seq, err)
		}
	}
	return t, nil
}

// unknown reports a code that the journal does not let live. Sealed sheets come from elsewhere.
func (t retold) unknown(c dr.Code) bool {
	round, issued := t.issued[c.ID]
	return c.Source != "sheet" && (!issued || round != c.Round || t.revoked[c.ID] != !c.Revoked.IsZero())
}

// sameVotes compares votes, whatever their order.
func sameVotes(a, b []dr.Vote) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(v dr.Vote) bool {
		return !slices.ContainsFunc(b, func(w dr.Vote) bool { return asTold(v) == asTold(w) })
	})
}

// asTold is a vote with its moment as precise as rows have it, so that == compares votes.
func asTold(v dr.Vote) dr.Vote {
	v.At = dr.At(v.At.Time)
	return v
}
