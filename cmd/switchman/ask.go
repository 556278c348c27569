package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

func askCommand(sh *shell) *cobra.Command {
	var want askWishes
	c := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Ask the runbooks a question",
		Long: `Ask the runbooks a question, in English or Chinese.

The answer is what the runbooks say, word for word, with document, line and last review; or that
they don't say, with the passages nearest to it. What you may read is decided by your roles; with
--channel by the channel's audience, too.

Without a server the organisation's files are read here and now.`,
		Example: "  switchman ask how do I see how far a standby is behind\n  switchman ask --system ledger --json \"who may stop the batch?\"",
		Args:    atLeast("QUESTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.ask(cmd.Context(), strings.Join(args, " "), want)
		},
	}
	narrowing(c, &want)
	return c
}

func (sh *shell) ask(ctx context.Context, text string, want askWishes) error {
	asked := map[string]string{"question": text, "channel": want.channel, "system": want.system}
	var told bot.Told
	o := sh.voice(ctx)
	live := sh.term.outTTY && !sh.json
	var err error
	if live {
		err = sh.askLive(ctx, asked)
	} else {
		err = sh.call(ctx, http.MethodPost, "/api/ask", asked, &told)
	}
	if sh.away(err) {
		sh.note("%s", o.say("cli_files_read_here", nil))
		return sh.askHere(ctx, text, want)
	}
	if err != nil {
		return err
	}
	defer sh.sayNobody(o)
	if live {
		return nil
	}
	return sh.show(told, func(w io.Writer) { answerText(w, told.Answer, o) })
}

// sayNobody says why little is found by whoever doesn't say who they are.
func (sh *shell) sayNobody(o voice) {
	if cfg, err := sh.settings(); err == nil && sh.as == "" && cfg.Token.Empty() {
		sh.note("%s", o.say("cli_as_nobody", nil))
	}
}

// askHere answers from the files of this machine.
func (sh *shell) askHere(ctx context.Context, text string, want askWishes) (err error) {
	begun := sh.term.clock.Now()
	l, err := sh.library(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	q, err := sh.query(l, text, want)
	if err != nil {
		return err
	}
	a, err := l.Answer(ctx, q, sh.language(ctx), knowledge.Freshness{Now: begun})
	if err != nil {
		return err
	}
	a.TookMS = float64(sh.term.clock.Now().Sub(begun)) / float64(time.Millisecond)
	return sh.show(a, func(w io.Writer) { answerText(w, a, sh.voice(ctx)) })
}

func answerText(w io.Writer, a knowledge.Answer, o voice) {
	if a.Verdict == knowledge.NotInRunbooks {
		fmt.Fprintln(w, o.say("cli_ask_none", nil))
		for i, s := range a.Sources {
			if i == 0 {
				fmt.Fprintln(w, o.say("cli_ask_nearest", nil))
			}
			fmt.Fprintf(w, "  %s\n    %s\n", s.Heading, o.place(s))
		}
		return
	}
	u := unfolding{w: w, voice: o}
	u.more(a)
	u.end(a)
}

// askLive prints the answer while it comes.
func (sh *shell) askLive(ctx context.Context, asked map[string]string) error {
	c, err := sh.client()
	if err != nil {
		return err
	}
	o := sh.voice(ctx)
	u := unfolding{w: sh.term.out, voice: o}
	last := bot.Told{Going: true}
	err = c.Watch(ctx, "/api/ask", asked, func(raw []byte) error {
		last = bot.Told{}
		if err := json.Unmarshal(raw, &last); err != nil {
			return fmt.Errorf("reading the server's answer: %w", err)
		}
		switch {
		case last.Going && last.Mode == "model":
			u.more(last.Answer)
		case last.Going && !u.waits: // what stands there so far is what a model is about to word
			u.waits = true
			sh.note("%s", o.meanwhile(last.Answer))
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case last.Going:
		return dr.Errorf(dr.Unavailable, "the server hung up before its answer was whole").WithHint("ask again")
	case len(last.Parts) == 0 || last.Verdict == knowledge.NotInRunbooks:
		answerText(sh.term.out, last.Answer, o)
	default:
		u.more(last.Answer)
		u.end(last.Answer)
	}
	return nil
}

// meanwhile is for whoever would rather look for themselves than wait for a model: where what it words stands.
func (o voice) meanwhile(a knowledge.Answer) string {
	said := o.say("cli_ask_model", nil)
	for _, s := range a.Sources {
		said += "\n  " + s.Heading + ", " + o.place(s)
	}
	return said
}

// unfolding prints an answer as it grows.
type unfolding struct {
	w     io.Writer
	voice voice
	waits bool             // it was said that a model is at work
	said  []knowledge.Part // what stands there
}

// more prints what an answer has more than what stands there; one that does not begin like that begins anew.
func (u *unfolding) more(a knowledge.Answer) {
	if n := len(u.said); n > len(a.Parts) || !slices.Equal(u.said, a.Parts[:n]) {
		fmt.Fprintf(u.w, "\n%s\n\n", u.voice.say("cli_ask_anew", nil))
		u.said = nil
	}
	for i := len(u.said); i < len(a.Parts); i++ {
		p := a.Parts[i]
		if i == 0 || p.Source != a.Parts[i-1].Source {
			if i > 0 {
				fmt.Fprintln(u.w)
			}
			fmt.Fprintf(u.w, "%s\n  %s\n", a.Sources[p.Source].Heading, u.voice.place(a.Sources[p.Source]))
		}
		if a.Mode == "model" {
			fmt.Fprintln(u.w, p.Text)
		}
		quoted(u.w, p.Quote)
	}
	u.said = slices.Clone(a.Parts)
}

// end says how far the answer can be trusted, as chat and console do, and how it was found.
func (u *unfolding) end(a knowledge.Answer) {
	fmt.Fprintf(u.w, "\n%s\n", u.voice.say("answer_trust_"+bot.Trust(a.Confidence), nil))
	if a.Mode == "model" {
		fmt.Fprintln(u.w, u.voice.say("cli_ask_worded", nil))
	}
	if a.Ranking == knowledge.Lexical {
		fmt.Fprintln(u.w, u.voice.say("cli_ask_lexical", nil))
	}
}
