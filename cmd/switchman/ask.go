package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/bot"
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
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sh.ask(cmd.Context(), strings.Join(args, " "), want)
		},
	}
	narrowing(c, &want)
	return c
}

func (sh *shell) ask(ctx context.Context, text string, want askWishes) error {
	var told bot.Told
	err := sh.call(ctx, http.MethodPost, "/api/ask", map[string]string{"question": text, "channel": want.channel, "system": want.system}, &told)
	if notRunning(err) {
		sh.note("server not running; the files are read here")
		return sh.askHere(ctx, text, want)
	}
	if err != nil {
		return err
	}
	return sh.show(told, func(w io.Writer) { answerText(w, told.Answer) })
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
	a, err := l.Answer(ctx, q, sh.lang(), knowledge.Freshness{Now: begun})
	if err != nil {
		return err
	}
	a.TookMS = float64(sh.term.clock.Now().Sub(begun)) / float64(time.Millisecond)
	return sh.show(a, func(w io.Writer) { answerText(w, a) })
}

func answerText(w io.Writer, a knowledge.Answer) {
	if a.Verdict == knowledge.NotInRunbooks {
		fmt.Fprintln(w, "The runbooks don't answer this.")
		for i, s := range a.Sources {
			if i == 0 {
				fmt.Fprintln(w, "Nearest to it:")
			}
			fmt.Fprintf(w, "  %s\n    %s\n", s.Heading, place(s))
		}
		return
	}
	at := -1
	for _, p := range a.Parts {
		if p.Source != at {
			if at >= 0 {
				fmt.Fprintln(w)
			}
			at = p.Source
			fmt.Fprintf(w, "%s\n  %s\n", a.Sources[at].Heading, place(a.Sources[at]))
		}
		if a.Mode == "model" {
			fmt.Fprintln(w, p.Text)
		}
		quoted(w, p.Quote)
	}
	if a.Mode == "model" {
		fmt.Fprintln(w, "\nWorded by a language model; each sentence stands on the quote below it.")
	}
	if a.Ranking == knowledge.Lexical {
		fmt.Fprintln(w, "\nFound by words alone: a question in other words may find nothing. `switchman knowledge status` says why.")
	}
}
