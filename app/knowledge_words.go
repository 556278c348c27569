package app

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/prompts"
	"github.com/switchman-dr/switchman/redact"
)

// openModel makes the client of the language model; without one it answers nothing. Nothing is sent yet.
func openModel(cfg *config.Config, org dr.Organisation, hidden *hidden, clock dr.Clock, log *slog.Logger) (*llm.Client, error) {
	zone, err := time.LoadLocation(org.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return llm.New(llm.Config{URL: cfg.LLMURL, Key: llm.NewKey(cfg.LLMKey.Reveal()), Model: cfg.LLMModel, EmbedURL: cfg.LLMEmbedURL, EmbedModel: cfg.LLMEmbedModel,
		Azure: cfg.LLMAzure, OldLimit: cfg.LLMLimitField == "max_tokens", Budget: cfg.LLMBudget, Deadline: cfg.LLMDeadline, Zone: zone,
		Masker: redact.New(hidden.known()...), Clock: clock, Log: log})
}

// words has a model word answers; every sentence comes in through package prompts, with its proof.
type words struct {
	model *llm.Client
	own   []string // domains of the house: names of its hosts are no links
}

// domains are those the organisation's nodes have names in.
func domains(org dr.Organisation) (out []string) {
	for _, s := range org.Systems {
		for _, n := range s.Nodes {
			for _, name := range append([]string{n.Address}, n.Aliases...) {
				if host, _, err := net.SplitHostPort(name); err == nil {
					name = host
				}
				if d, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(name)); err == nil && net.ParseIP(name) == nil && !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
	}
	return out
}

// answer gives the sentences that hold. None, and an error, mean that the passages speak for themselves.
func (w words) answer(ctx context.Context, lang, question string, from []knowledge.Result) (said []bot.Sentence, left int, err error) {
	a := prompts.Answer{Lang: lang, Question: question, Own: w.own}
	for _, r := range from[:min(len(from), prompts.MaxPassages)] {
		a.Passages = append(a.Passages, prompts.Passage{ID: r.Passage.ID, Title: r.Passage.Heading(), Text: r.Passage.Text})
	}
	r, err := a.Render(prompts.Nonce())
	if err != nil {
		return nil, 0, err
	}
	var kept []prompts.Statement
	var dropped []prompts.Dropped
	_, err = w.model.Structured(ctx, llm.Request(r), nil, func(text string) (err error) {
		kept, dropped, err = a.Read(text)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, s := range kept {
		said = append(said, bot.Sentence{Text: s.Text, Passage: s.Source, Quote: s.Quote, At: s.Start})
	}
	return said, len(dropped), nil
}

// rewrite puts a follow-up into words that stand alone.
func (w words) rewrite(ctx context.Context, lang, question string, before []string) (alone string, err error) {
	rw := prompts.Rewrite{Lang: lang, Question: question, Own: w.own}
	for _, text := range before {
		rw.Thread = append(rw.Thread, prompts.Turn{From: "person", Text: text})
	}
	r, err := rw.Render(prompts.Nonce())
	if err != nil {
		return "", err
	}
	_, err = w.model.Structured(ctx, llm.Request(r), nil, func(text string) (err error) {
		alone, err = rw.Read(text)
		return err
	})
	return alone, err
}
