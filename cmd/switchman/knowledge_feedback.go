package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
)

func knowledgeSyncCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "Have the server read the runbooks again now",
		Long: `Have the server read the runbooks again now, and say what came of it.

A server does so by itself within seconds of a change; this is for whoever wants to see it done.`,
		Example: "  switchman knowledge sync",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s bot.Shelves
			if err := sh.call(cmd.Context(), http.MethodPost, "/api/runbooks/sync", nil, &s); err != nil {
				return err
			}
			return sh.show(s, func(w io.Writer) {
				o := sh.voice(cmd.Context())
				fmt.Fprintln(w, o.parts([]string{o.count(s.Documents, "runbook"), o.count(s.Passages, "passage")}))
				problemsText(w, s.Problems, o)
			})
		},
	}
}

// opinions is the answer of GET /api/feedback.
type opinions struct {
	Feedback []struct {
		At       dr.Time  `json:"at"`
		Person   string   `json:"person"`
		Verdict  string   `json:"verdict"`
		Note     string   `json:"note,omitempty"`
		Question string   `json:"question,omitempty"`
		Docs     []string `json:"docs"`
		Owners   []string `json:"owners"`
	} `json:"feedback"`
	Unanswered []struct {
		ID       string  `json:"id"`
		Question string  `json:"question"`
		Lang     string  `json:"lang"`
		Times    int64   `json:"times"`
		First    dr.Time `json:"first_at"`
		Last     dr.Time `json:"last_at"`
	} `json:"unanswered"`
}

func knowledgeFeedbackCommand(sh *shell) *cobra.Command {
	owner := ""
	c := &cobra.Command{
		Use:   "feedback",
		Short: "What people said of answers, and what was asked and not answered",
		Long: `List what people said of answers, newest first, and the questions no runbook answers.

Both are what whoever looks after the runbooks works from. Questions stand there without names.`,
		Example: "  switchman knowledge feedback\n  switchman knowledge feedback --owner operations\n  switchman knowledge feedback --json | jq -r '.unanswered[].question'",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return sh.knowledgeFeedback(cmd.Context(), owner) },
	}
	c.Flags().StringVar(&owner, "owner", "", "only about runbooks of this `OWNER`")
	return c
}

func (sh *shell) knowledgeFeedback(ctx context.Context, owner string) error {
	var all opinions
	if err := sh.call(ctx, http.MethodGet, "/api/feedback", nil, &all); err != nil {
		return err
	}
	kept := all.Feedback[:0]
	for _, f := range all.Feedback {
		if owner == "" || strings.Contains(" "+strings.Join(f.Owners, " ")+" ", " "+owner+" ") {
			kept = append(kept, f)
		}
	}
	all.Feedback = kept
	return sh.show(all, func(w io.Writer) {
		o := sh.voice(ctx)
		if len(all.Feedback)+len(all.Unanswered) == 0 {
			fmt.Fprintln(w, "nothing was said, and nothing was asked in vain")
			return
		}
		sh.note("times are in %s", o.zone)
		for _, f := range all.Feedback {
			fmt.Fprintf(w, "%s  %-8s  %s  %s\n", o.moment(f.At), f.Verdict, f.Person, strings.Join(f.Docs, " "))
			for _, text := range []string{f.Question, f.Note} {
				if text != "" {
					quoted(w, text)
				}
			}
		}
		for i, u := range all.Unanswered {
			if i == 0 {
				fmt.Fprintln(w, "asked but not answered:")
			}
			fmt.Fprintf(w, "  %s  %d×  %s\n", o.moment(u.Last), u.Times, u.Question)
		}
	})
}
