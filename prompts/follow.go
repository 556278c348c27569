package prompts

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Read takes a rewritten question. It is for searching only and shown as "understood as"; names and
// numbers that nobody in the thread said, links and mark-up make it unusable, and then the error wraps
// [ErrReply] and the terms of the thread are carried over instead.
func (r Rewrite) Read(text string) (string, error) {
	reply, err := parse[struct {
		Question string `json:"question"`
	}](text)
	if err != nil {
		return "", err
	}
	said := r.Question
	for _, t := range r.offered() {
		said += "\n" + t.Text
	}
	question := plain(reply.Question)
	size := utf8.RuneCountInString(question)
	switch {
	case size == 0 || size > 300:
		return "", fmt.Errorf("%w: a question of %d characters", ErrReply, size)
	case linked(reply.Question, r.Own) || linked(question, r.Own) || markedUp(reply.Question):
		return "", fmt.Errorf("%w: a link or mark-up", ErrReply)
	case invents(question, strings.ToLower(fold(said).text)):
		return "", fmt.Errorf("%w: names that nobody said", ErrReply)
	case !speaks(r.Lang, question) && speaks(r.Lang, r.Question):
		return "", fmt.Errorf("%w: another language", ErrReply)
	}
	return strings.TrimSpace(question), nil
}
