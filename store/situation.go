package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

const (
	situationsKept = 2000 // of those that ended; the oldest go
	answersKept    = 5000
)

// PutSituation keeps a situation as it is now.
func (t *Tx) PutSituation(ctx context.Context, s dr.Situation) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing situation %s: %w", s.ID, err)
	}
	err = t.q.PutSituation(ctx, queries.PutSituationParams{ID: s.ID, State: s.State, FirstAt: s.FirstAt.Micros(), LastAt: s.LastAt.Micros(), Body: text(string(body))})
	if err != nil {
		return fmt.Errorf("storing situation %s: %w", s.ID, err)
	}
	return nil
}

// Situation reads one; NotFound where there is none, or none any more.
func (r *Reader) Situation(ctx context.Context, id string) (dr.Situation, error) {
	body, err := r.q.GetSituation(ctx, text(id))
	if err != nil {
		return dr.Situation{}, fmt.Errorf("reading situation %s: %w", id, one(err, "situation", id))
	}
	return situationOf(body)
}

// Situations lists those that are open or quiet, the newest first; all: and those that ended after them.
func (r *Reader) Situations(ctx context.Context, all bool, limit int) ([]dr.Situation, error) {
	ended := int64(0)
	if all {
		ended = 1
	}
	rows, err := r.q.Situations(ctx, ended, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading situations: %w", err)
	}
	out := make([]dr.Situation, len(rows))
	for i, body := range rows {
		if out[i], err = situationOf(body); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func situationOf(body string) (dr.Situation, error) {
	var s dr.Situation
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, fmt.Errorf("reading a situation: %w", err)
	}
	return s, nil
}

// DropSituations forgets situations that ended before a moment, and the oldest of too many.
func (t *Tx) DropSituations(ctx context.Context, before dr.Time, limit int) (int64, error) {
	n, err := t.q.DropSituations(ctx, before.Micros(), int32(limit))
	if err == nil {
		err = t.q.TrimSituations(ctx, situationsKept)
	}
	if err != nil {
		return 0, fmt.Errorf("forgetting old situations: %w", err)
	}
	return n, nil
}

// Fold is the engine of situations as it stood at one of its signals. What came after Seq is taken again at
// a start; milestones up to Told stand in the journal already.
type Fold struct {
	Seq   int64   // the last signal in Body
	At    dr.Time // the moment Body stands at
	Files string  // digest of what Body rests on
	Body  []byte
	Told  Mark
}

// Mark is a place among signals and a moment.
type Mark struct {
	Seq int64
	At  dr.Time
}

// PutFold keeps the engine.
func (t *Tx) PutFold(ctx context.Context, f Fold) error {
	err := t.q.PutEngine(ctx, queries.PutEngineParams{Seq: f.Seq, At: f.At.Micros(), Files: f.Files, Body: f.Body, ToldSeq: f.Told.Seq, ToldAt: f.Told.At.Micros()})
	if err != nil {
		return fmt.Errorf("storing the engine of situations: %w", err)
	}
	return nil
}

// TellFold notes up to where milestones stand in the journal; the fold has to be there.
func (t *Tx) TellFold(ctx context.Context, told Mark) error {
	n, err := t.q.ToldEngine(ctx, told.Seq, told.At.Micros())
	if err == nil && n != 1 {
		err = missing("engine", "situations")
	}
	if err != nil {
		return fmt.Errorf("storing the engine of situations: %w", err)
	}
	return nil
}

// Fold reads the engine; NotFound before it was ever kept.
func (r *Reader) Fold(ctx context.Context) (Fold, error) {
	row, err := r.q.GetEngine(ctx)
	if err != nil {
		return Fold{}, fmt.Errorf("reading the engine of situations: %w", one(err, "engine", "situations"))
	}
	return Fold{Seq: row.Seq, At: dr.FromMicros(row.At), Files: row.Files, Body: row.Body, Told: Mark{row.ToldSeq, dr.FromMicros(row.ToldAt)}}, nil
}

// SituationAnswer is what somebody said of an advice, with the situation as they saw it.
type SituationAnswer struct {
	Situation dr.Situation
	At        dr.Time
	Person    string
	Answer    string // not_this; empty: taken back
}

// PutSituationAnswer keeps it; what the same person said before of the same situation goes.
func (t *Tx) PutSituationAnswer(ctx context.Context, a SituationAnswer) error {
	body, err := json.Marshal(a.Situation)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	err = t.q.PutSituationAnswer(ctx, queries.PutSituationAnswerParams{ID: text(a.Situation.ID + "/" + a.Person), Situation: a.Situation.ID, At: a.At.Micros(), Person: a.Person,
		Answer: a.Answer, Body: text(string(body))})
	if err == nil {
		err = t.q.TrimSituationAnswers(ctx, answersKept)
	}
	if err != nil {
		return fmt.Errorf("storing an answer to situation %s: %w", a.Situation.ID, err)
	}
	return nil
}

// SituationAnswers lists what was said of advice, newest first.
func (r *Reader) SituationAnswers(ctx context.Context, limit int) ([]SituationAnswer, error) {
	rows, err := r.q.SituationAnswers(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading answers to situations: %w", err)
	}
	out := make([]SituationAnswer, len(rows))
	for i, row := range rows {
		out[i] = SituationAnswer{At: dr.FromMicros(row.At), Person: row.Person, Answer: row.Answer}
		if out[i].Situation, err = situationOf(row.Body); err != nil {
			return nil, err
		}
	}
	return out, nil
}
