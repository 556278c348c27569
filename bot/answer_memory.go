package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// recent is an answer that somebody may still talk about.
type recent struct {
	question Question // as it was understood
	masked   string   // of its text
	docs     []string
	at       time.Time
}

const (
	recentMost = 1000
	recentStay = time.Hour
)

// remember keeps what is needed to talk about an answer: a while in memory, and in the list of what was
// asked in vain if it is none.
func (l *Library) remember(ctx context.Context, q Question, told Told) {
	masked, _ := l.cfg.Mask.Text(q.Text)
	var docs []string
	for _, s := range told.Sources {
		if !slices.Contains(docs, s.Doc) {
			docs = append(docs, s.Doc)
		}
	}
	asked := q
	if told.Understood != "" {
		asked.Text = told.Understood
	} else {
		asked.before = told.before
	}
	if q.aside && told.Verdict == knowledge.NotInRunbooks {
		return
	}
	now := l.cfg.Clock.Now()
	l.mu.Lock()
	if q.aside {
		l.goesOn(q.Talk, leaning{question: q.Text, before: asked.before}, now)
	}
	l.recent[told.Asked] = recent{question: asked, masked: masked, docs: docs, at: now}
	l.order = append(l.order, told.Asked)
	for len(l.order) > 0 && (len(l.order) > recentMost || now.Sub(l.recent[l.order[0]].at) > recentStay) {
		delete(l.recent, l.order[0])
		l.order = l.order[1:]
	}
	l.mu.Unlock()
	if told.Verdict == knowledge.Answered {
		return
	}
	err := l.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		return tx.PutUnanswered(ctx, store.Unanswered{ID: questionID(masked), Question: masked, Lang: q.Lang, Last: dr.At(now)})
	})
	if err != nil {
		l.cfg.Log.ErrorContext(ctx, "noting a question without an answer", "error", err)
	}
}

// questionID is the same for the same words, however they are spaced and spelt.
func questionID(masked string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(strings.Fields(masked), " "))))
	return hex.EncodeToString(sum[:12])
}

// lately looks an answer up that somebody talks about.
func (l *Library) lately(asked string) (recent, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.recent[asked]
	if ok && l.cfg.Clock.Now().Sub(r.at) > recentStay {
		return recent{}, false
	}
	return r, ok
}
