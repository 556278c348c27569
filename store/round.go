package store

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// bare is a round without its votes, which are stored apart.
func bare(r dr.Round) dr.Round {
	r.Votes = nil
	return r
}

// AddRound opens a round; it becomes the run's current one. Older rounds stay, and one still open
// becomes "replaced".
func (t *Tx) AddRound(ctx context.Context, run string, round dr.Round) error {
	err := t.q.InsertRound(ctx, queries.InsertRoundParams{RunID: run, Number: int64(round.Number), Nonce: round.Nonce, Digest: round.Digest,
		OpenedAt: round.Opened.Micros(), ExpiresAt: round.Expires.Micros(), State: round.State})
	if err != nil {
		return fmt.Errorf("storing round %d of run %s: %w", round.Number, run, err)
	}
	if round.Number > 1 {
		if err := t.q.ReplaceRounds(ctx, run, int64(round.Number)); err != nil {
			return fmt.Errorf("ending older rounds of run %s: %w", run, err)
		}
	}
	if _, err := t.q.SetRunRound(ctx, int64(round.Number), run); err != nil {
		return fmt.Errorf("storing round %d of run %s: %w", round.Number, run, err)
	}
	if seen, ok := t.seen[run]; ok {
		seen.round = bare(round)
		t.seen[run] = seen
	}
	for _, v := range round.Votes {
		if err := t.PutVote(ctx, run, v); err != nil {
			return err
		}
	}
	return nil
}

// putRound writes state and expiry of the current round if they are not what the database has.
func (t *Tx) putRound(ctx context.Context, run dr.Run) error {
	seen, known := t.seen[run.ID]
	if run.Round.Number == 0 || known && reflect.DeepEqual(seen.round, bare(run.Round)) {
		return nil
	}
	n, err := t.q.UpdateRound(ctx, queries.UpdateRoundParams{
		ExpiresAt: run.Round.Expires.Micros(), State: run.Round.State, RunID: run.ID, Number: int64(run.Round.Number)})
	if err != nil {
		return fmt.Errorf("storing round %d of run %s: %w", run.Round.Number, run.ID, err)
	}
	if n != 1 {
		return fmt.Errorf("storing round %d of run %s: it was never opened with AddRound", run.Round.Number, run.ID)
	}
	if known {
		seen.round = bare(run.Round)
		t.seen[run.ID] = seen
	}
	return nil
}

// PutVote stores one human's word in one round. A second word of the same human in the same round
// replaces the first.
func (t *Tx) PutVote(ctx context.Context, run string, v dr.Vote) error {
	err := t.q.PutVote(ctx, queries.PutVoteParams{RunID: run, Round: int64(v.Round), Human: v.Human, Person: v.Person, StandsFor: v.For,
		Verdict: v.Verdict, Via: v.Via, Digest: v.Digest, VotedAt: v.At.Micros(), Reason: text(v.Reason)})
	if err != nil {
		return fmt.Errorf("storing the vote of %s on run %s: %w", v.Person, run, err)
	}
	return nil
}

// Rounds lists every round of a run with its votes, oldest first.
func (r *Reader) Rounds(ctx context.Context, run string) ([]dr.Round, error) {
	rows, err := r.q.Rounds(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the rounds of run %s: %w", run, err)
	}
	rounds := make([]dr.Round, len(rows))
	for i, row := range rows {
		if rounds[i], err = r.withVotes(ctx, row); err != nil {
			return nil, err
		}
	}
	return rounds, nil
}

// round reads one round with its votes.
func (r *Reader) round(ctx context.Context, run string, number int64) (dr.Round, error) {
	row, err := r.q.GetRound(ctx, run, number)
	if err != nil {
		return dr.Round{}, fmt.Errorf("reading round %d of run %s: %w", number, run, err)
	}
	return r.withVotes(ctx, row)
}

func (r *Reader) withVotes(ctx context.Context, row queries.Round) (dr.Round, error) {
	votes, err := r.q.RoundVotes(ctx, row.RunID, row.Number)
	if err != nil {
		return dr.Round{}, fmt.Errorf("reading the votes of round %d of run %s: %w", row.Number, row.RunID, err)
	}
	round := dr.Round{Number: int(row.Number), Nonce: row.Nonce, Digest: row.Digest, Opened: dr.FromMicros(row.OpenedAt),
		Expires: dr.FromMicros(row.ExpiresAt), State: row.State, Votes: make([]dr.Vote, len(votes))}
	for i, v := range votes {
		round.Votes[i] = dr.Vote{Person: v.Person, Human: v.Human, For: v.StandsFor, Verdict: v.Verdict, Via: v.Via,
			Round: int(v.Round), Digest: v.Digest, At: dr.FromMicros(v.VotedAt), Reason: v.Reason}
	}
	slices.SortFunc(round.Votes, func(a, b dr.Vote) int { return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.Human, b.Human)) })
	return round, nil
}

// PutCode stores a newly issued code: its salt and hash, never the code.
func (t *Tx) PutCode(ctx context.Context, run string, c dr.Code) error {
	err := t.q.InsertCode(ctx, queries.InsertCodeParams{ID: c.ID, RunID: run, Round: int64(c.Round), Issuer: c.Issuer, Human: c.Human,
		Digest: c.Digest, Direction: string(c.Direction), Mode: string(c.Mode), Source: c.Source, Sheet: c.Sheet, Number: int64(c.Number),
		Salt: bytesOf(c.Salt), Hash: bytesOf(c.Hash), IssuedAt: c.Issued.Micros(), ExpiresAt: c.Expires.Micros(),
		UsedAt: c.Used.Micros(), UsedBy: c.UsedBy, RevokedAt: c.Revoked.Micros()})
	if err != nil {
		return fmt.Errorf("storing code %s of run %s: %w", c.ID, run, err)
	}
	return nil
}

// UpdateCode stores that a code was used, revoked or expires at another time. A code that was used or
// revoked before stays as it is, and the caller gets Conflict: a code works once.
func (t *Tx) UpdateCode(ctx context.Context, run string, c dr.Code) error {
	n, err := t.q.UpdateCode(ctx, queries.UpdateCodeParams{ExpiresAt: c.Expires.Micros(), UsedAt: c.Used.Micros(), UsedBy: c.UsedBy,
		RevokedAt: c.Revoked.Micros(), ID: c.ID, RunID: run})
	if err != nil {
		return fmt.Errorf("storing code %s of run %s: %w", c.ID, run, err)
	}
	if n != 1 {
		return conflict("code_gone", dr.Args{"run": run})
	}
	return nil
}

// Codes lists every code of a run's rounds, oldest first.
func (r *Reader) Codes(ctx context.Context, run string) ([]dr.Code, error) {
	rows, err := r.q.Codes(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("reading the codes of run %s: %w", run, err)
	}
	return codesOf(rows), nil
}

// codes lists those of one round.
func (r *Reader) codes(ctx context.Context, run string, round int64) ([]dr.Code, error) {
	rows, err := r.q.RoundCodes(ctx, run, round)
	if err != nil {
		return nil, fmt.Errorf("reading the codes of run %s: %w", run, err)
	}
	return codesOf(rows), nil
}

func codesOf(rows []queries.Code) []dr.Code {
	var codes []dr.Code
	for _, c := range rows {
		codes = append(codes, dr.Code{ID: c.ID, Issuer: c.Issuer, Human: c.Human, Round: int(c.Round), Digest: c.Digest,
			Direction: dr.Direction(c.Direction), Mode: dr.Mode(c.Mode), Source: c.Source, Sheet: c.Sheet, Number: int(c.Number),
			Salt: c.Salt, Hash: c.Hash, Issued: dr.FromMicros(c.IssuedAt), Expires: dr.FromMicros(c.ExpiresAt),
			Used: dr.FromMicros(c.UsedAt), UsedBy: c.UsedBy, Revoked: dr.FromMicros(c.RevokedAt)})
	}
	slices.SortFunc(codes, func(a, b dr.Code) int { return cmp.Or(a.Issued.Compare(b.Issued.Time), cmp.Compare(a.ID, b.ID)) })
	return codes
}

// SheetCode is one numbered code of a sealed sheet.
type SheetCode struct {
	Sheet  string
	Number int
	Site   string // where the sheet lies
	Issuer string // whose sheet it is
	Salt   []byte
	Hash   []byte
	Made   dr.Time
}

// PutSheet stores the hashes of a sheet.
func (t *Tx) PutSheet(ctx context.Context, codes []SheetCode) error {
	for _, c := range codes {
		err := t.q.InsertSheetCode(ctx, queries.InsertSheetCodeParams{Sheet: c.Sheet, Number: int64(c.Number), Site: c.Site,
			Issuer: c.Issuer, Salt: bytesOf(c.Salt), Hash: bytesOf(c.Hash), MadeAt: c.Made.Micros()})
		if err != nil {
			return fmt.Errorf("storing code %d of sheet %s: %w", c.Number, c.Sheet, err)
		}
	}
	return nil
}

// SheetCodes lists the codes of all sheets that were not used yet.
func (r *Reader) SheetCodes(ctx context.Context) ([]SheetCode, error) {
	rows, err := r.q.SheetCodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading code sheets: %w", err)
	}
	var codes []SheetCode
	for _, c := range rows {
		codes = append(codes, SheetCode{Sheet: c.Sheet, Number: int(c.Number), Site: c.Site, Issuer: c.Issuer,
			Salt: c.Salt, Hash: c.Hash, Made: dr.FromMicros(c.MadeAt)})
	}
	return codes, nil
}

// UseSheetCode strikes out one code of a sheet, once.
func (t *Tx) UseSheetCode(ctx context.Context, run, sheet string, number int, at dr.Time) error {
	n, err := t.q.UseSheetCode(ctx, queries.UseSheetCodeParams{UsedAt: at.Micros(), RunID: run, Sheet: sheet, Number: int64(number)})
	if err != nil {
		return fmt.Errorf("using code %d of sheet %s: %w", number, sheet, err)
	}
	if n != 1 {
		return conflict("code_gone", dr.Args{"run": run})
	}
	return nil
}

// bytesOf keeps nil out of columns that hold bytes.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
