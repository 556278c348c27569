package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

// recent is an answer that somebody may still talk about.
type recent struct {
	question Question
	masked   string // of its text
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
	now := l.cfg.Clock.Now()
	l.mu.Lock()
	l.recent[told.Asked] = recent{question: q, masked: masked, docs: docs, at: now}
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

// talk is what was asked last in one talk.
type talk struct {
	last string
	at   time.Time
}

// talkStays is how long a question can be a follow-up to the one before.
const talkStays = 10 * time.Minute

// standing is a question in words that stand alone: what was asked before is carried over where it
// reads like a follow-up, and counts less than what is asked now.
func (l *Library) standing(ctx context.Context, q Question) string {
	if q.Talk == "" {
		return q.Text
	}
	now := l.cfg.Clock.Now()
	l.mu.Lock()
	before := l.talks[q.Talk]
	if len(l.talks) > recentMost {
		clear(l.talks)
	}
	l.talks[q.Talk] = talk{last: q.Text, at: now}
	l.mu.Unlock()
	if before.last == "" || now.Sub(before.at) > talkStays || !follows(q.Text) {
		return q.Text
	}
	if l.cfg.Rewrite != nil {
		if text, err := l.cfg.Rewrite(ctx, q.Lang, q.Text, []string{before.last}); err == nil && text != "" {
			return text
		}
	}
	return q.Text + " " + q.Text + "\n" + before.last
}

// follows says whether a question leans on the one before: it is short, or begins like an addition.
func follows(text string) bool {
	low := strings.ToLower(text)
	for _, start := range []string{"and ", "but ", "then ", "what about", "how about", "what if", "ok,", "also ", "那", "然后", "还有", "接着", "如果", "要是"} {
		if strings.HasPrefix(low, start) {
			return true
		}
	}
	words := strings.Fields(low)
	if slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"it", "that", "this", "they", "them", "there"}, strings.Trim(w, "?.,!"))
	}) {
		return len(words) <= 10
	}
	return strings.ContainsAny(low, "它这此其") && utf8.RuneCountInString(low) <= 16
}
