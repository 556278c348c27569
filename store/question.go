package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store/queries"
)

// questionsKept bounds each of the two lists; the oldest go.
const questionsKept = 2000

// Feedback is what somebody said of an answer from the runbooks.
type Feedback struct {
	ID       string   // the same answer judged again by the same person replaces what they said
	At       dr.Time  //
	Person   string   //
	Verdict  string   // helped | wrong | outdated
	Note     string   // to the owner of the runbook
	Question string   // masked; empty where it was forgotten meanwhile
	Docs     []string // what the answer was made of, by path
}

// PutFeedback keeps what somebody said of an answer.
func (t *Tx) PutFeedback(ctx context.Context, f Feedback) error {
	docs, err := json.Marshal(f.Docs)
	if err != nil {
		return fmt.Errorf("writing feedback: %w", err)
	}
	err = t.q.PutFeedback(ctx, queries.PutFeedbackParams{ID: f.ID, At: f.At.Micros(), Person: f.Person, Verdict: f.Verdict, Note: f.Note, Question: f.Question, Docs: string(docs)})
	if err == nil {
		err = t.q.TrimFeedback(ctx, questionsKept)
	}
	if err != nil {
		return fmt.Errorf("storing feedback: %w", err)
	}
	return nil
}

// Feedback lists what was said of answers, newest first.
func (r *Reader) Feedback(ctx context.Context, limit int) ([]Feedback, error) {
	rows, err := r.q.Feedback(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading feedback: %w", err)
	}
	out := make([]Feedback, len(rows))
	for i, row := range rows {
		out[i] = Feedback{ID: row.ID, At: dr.FromMicros(row.At), Person: row.Person, Verdict: row.Verdict, Note: row.Note, Question: row.Question}
		if err := json.Unmarshal([]byte(row.Docs), &out[i].Docs); err != nil {
			return nil, fmt.Errorf("reading feedback %s: %w", row.ID, err)
		}
	}
	return out, nil
}

// Unanswered is a question the runbooks had no answer to.
type Unanswered struct {
	ID       string // of its words, whoever asks
	Question string // masked
	Lang     string
	Times    int64
	First    dr.Time
	Last     dr.Time
}

// PutUnanswered notes that a question found no answer, or that it was asked again; Last says when.
func (t *Tx) PutUnanswered(ctx context.Context, u Unanswered) error {
	at := u.Last.Micros()
	err := t.q.PutUnanswered(ctx, queries.PutUnansweredParams{ID: u.ID, Question: u.Question, Lang: u.Lang, At: at, Again: at})
	if err == nil {
		err = t.q.TrimUnanswered(ctx, questionsKept)
	}
	if err != nil {
		return fmt.Errorf("storing a question without an answer: %w", err)
	}
	return nil
}

// Unanswered lists questions without an answer, those asked last first.
func (r *Reader) Unanswered(ctx context.Context, limit int) ([]Unanswered, error) {
	rows, err := r.q.Unanswered(ctx, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("reading questions without an answer: %w", err)
	}
	out := make([]Unanswered, len(rows))
	for i, row := range rows {
		out[i] = Unanswered{ID: row.ID, Question: row.Question, Lang: row.Lang, Times: row.Times, First: dr.FromMicros(row.FirstAt), Last: dr.FromMicros(row.LastAt)}
	}
	return out, nil
}

// DropUnanswered takes a question off the list, once a runbook answers it.
func (t *Tx) DropUnanswered(ctx context.Context, id string) error {
	if err := t.q.DropUnanswered(ctx, id); err != nil {
		return fmt.Errorf("dropping a question: %w", err)
	}
	return nil
}
