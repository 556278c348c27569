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
	"github.com/switchman-dr/switchman/store"
)

// openModel makes the client of the language model; without one it answers nothing. Nothing is sent yet.
// What it uses in a day is counted in the store, by all servers together.
func openModel(cfg *config.Config, org dr.Organisation, st *store.Store, hidden *hidden, clock dr.Clock, log *slog.Logger) (*llm.Client, error) {
	zone, err := time.LoadLocation(org.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	book := func(ctx context.Context, more llm.Usage) (llm.Usage, error) {
		var sum store.ModelUse
		err := st.Write(ctx, func(tx *store.Tx) (err error) {
			sum, err = tx.AddModelUse(ctx, store.ModelUse{Day: more.Day, Tokens: int64(more.Tokens), Calls: int64(more.Calls)})
			return err
		})
		return llm.Usage{Day: sum.Day, Tokens: int(sum.Tokens), Calls: int(sum.Calls)}, err
	}
	return llm.New(llm.Config{URL: cfg.LLMURL, Key: llm.NewKey(cfg.LLMKey.Reveal()), Model: cfg.LLMModel, EmbedURL: cfg.LLMEmbedURL, EmbedModel: cfg.LLMEmbedModel,
		Azure: cfg.LLMAzure, OldLimit: cfg.LLMLimitField == "max_tokens", Budget: cfg.LLMBudget, Deadline: cfg.LLMDeadline, Zone: zone, Book: book,
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

// answer gives the sentences that hold, and on the way each of them once it is whole and proven. None, and an
// error, mean that the passages speak for themselves.
func (w words) answer(ctx context.Context, lang, question string, from []knowledge.Result, each func(soFar []bot.Sentence)) (said []bot.Sentence, left int, err error) {
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
	_, err = w.model.Structured(ctx, llm.Request(r), proven(a, each), func(text string) (err error) {
		kept, dropped, err = a.Read(text)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return sentences(kept), len(dropped), nil
}

// proven reads a reply as it comes. A second attempt begins anew.
func proven(a prompts.Answer, each func([]bot.Sentence)) func(llm.Delta) {
	var live *prompts.Live
	var soFar []bot.Sentence
	attempt := 0
	return func(d llm.Delta) {
		if d.Attempt != attempt {
			live, soFar, attempt = a.Live(), nil, d.Attempt
		}
		for _, s := range live.Feed(d.Text) {
			soFar = append(soFar, sentences([]prompts.Statement{s})...)
			each(slices.Clone(soFar))
		}
	}
}

func sentences(all []prompts.Statement) (out []bot.Sentence) {
	for _, s := range all {
		out = append(out, bot.Sentence{Text: s.Text, Passage: s.Source, Quote: s.Quote, At: s.Start})
	}
	return out
}

// rewriteMost is how long a question may take to be put into words that stand alone: nothing can be looked
// for before, and the words of the talk will do.
const rewriteMost = 10 * time.Second

// rewrite puts a follow-up into words that stand alone; before are the questions it leans on, newest first.
func (w words) rewrite(ctx context.Context, lang, question string, before []string) (alone string, err error) {
	ctx, cancel := context.WithTimeout(ctx, rewriteMost)
	defer cancel()
	rw := prompts.Rewrite{Lang: lang, Question: question, Own: w.own}
	for _, text := range slices.Backward(before) {
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
