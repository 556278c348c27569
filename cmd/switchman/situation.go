package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

func situationCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{Use: "situation", Short: "What is going on, and which plan fits", Example: "  switchman situation list\n  switchman situation show s1126-k3fa"}
	c.AddCommand(situationListCommand(sh), situationShowCommand(sh))
	return c
}

func situationListCommand(sh *shell) *cobra.Command {
	all := false
	c := &cobra.Command{
		Use:   "list",
		Short: "List situations, open ones first",
		Long: `List what is going on: one situation for all signals with one cause, what broke, and what is
advised. Alerts that name nothing of the organisation are listed below; they belong to none.`,
		Example: "  switchman situation list\n  switchman situation list --all\n  switchman situation list --json | jq '.situations[].advice'",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return sh.listSituations(cmd.Context(), all) },
	}
	c.Flags().BoolVar(&all, "all", false, "those that ended, too")
	return c
}

func situationShowCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "show SITUATION",
		Short:   "Show one situation and its advice",
		Long:    "Show one situation with the evidence for and against, what changed just before, what Switchman's own probes found, and the advice.",
		Example: "  switchman situation show s1126-k3fa\n  switchman situation show s1126-k3fa --json | jq .words",
		Args:    exactly("SITUATION"),
		RunE:    func(cmd *cobra.Command, args []string) error { return sh.showSituation(cmd.Context(), args[0]) },
	}
}

// situationText is a situation as the server tells it.
type situationText struct {
	dr.Situation
	Words struct {
		Headline string   `json:"headline"`
		Why      []string `json:"why"`
		Needs    []string `json:"needs"`
		Forbids  []string `json:"forbids"`
		For      []string `json:"for"`
		Against  []string `json:"against"`
	} `json:"words"`
}

func (sh *shell) listSituations(ctx context.Context, all bool) error {
	path := "/api/situations"
	if all {
		path += "?all"
	}
	var raw json.RawMessage
	if err := sh.call(ctx, http.MethodGet, path, nil, &raw); err != nil {
		return err
	}
	var out struct {
		Situations []situationText `json:"situations"`
		Unresolved []dr.Signal     `json:"unresolved"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return sh.show(raw, func(w io.Writer) {
		if len(out.Situations) == 0 {
			fmt.Fprintln(w, "Nothing is going on.")
		}
		for i, x := range out.Situations {
			if i > 0 {
				fmt.Fprintln(w)
			}
			headOf(w, x)
		}
		if n := len(out.Unresolved); n > 0 {
			fmt.Fprintf(w, "\n%s that name nothing of the organisation:\n", plural(n, "alert"))
			for _, s := range out.Unresolved[:min(n, 10)] {
				fmt.Fprintf(w, "  %s %s\n", s.Name, pairsOf(s.Labels))
			}
		}
	})
}

// headOf is a situation in some lines.
func headOf(w io.Writer, x situationText) {
	fmt.Fprintf(w, "%s  %s  %s\n", x.ID, locale.Say("en", "term_situation_"+x.State, nil), whatBroke(x.Situation))
	fmt.Fprintf(w, "  since %s, %s, %d firing, %d left out as noise\n", x.FirstAt, plural(x.Signals, "signal"), x.Firing, x.Noise)
	if len(x.Systems) > 0 {
		fmt.Fprintf(w, "  touches %s\n", strings.Join(x.Systems, ", "))
	}
	if x.Words.Headline != "" {
		fmt.Fprintf(w, "  %s\n", x.Words.Headline)
	}
	if x.Advice.Verdict == dr.Recommend {
		fmt.Fprintf(w, "  request it: switchman run request %s --mode emergency --reason \"situation %s\"\n", x.Advice.Plan, x.ID)
	}
}

// whatBroke says what is wrong with what.
func whatBroke(x dr.Situation) string {
	what := x.Entity.String()
	if what == "" {
		what = locale.Say("en", "situation_something", nil)
	}
	return locale.Say("en", "situation_fault_"+string(x.Fault), dr.Args{"what": what})
}

func pairsOf(labels map[string]string) string {
	var all []string
	for _, key := range []string{"node", "instance", "host", "system", "service", "site", "job"} {
		if v := labels[key]; v != "" {
			all = append(all, key+"="+v)
		}
	}
	return strings.Join(all, " ")
}

func (sh *shell) showSituation(ctx context.Context, id string) error {
	var raw json.RawMessage
	if err := sh.call(ctx, http.MethodGet, "/api/situations/"+url.PathEscape(id), nil, &raw); err != nil {
		return err
	}
	var x situationText
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return sh.show(raw, func(w io.Writer) {
		headOf(w, x)
		for _, part := range []struct {
			title string
			lines []string
		}{
			{"Why this advice", x.Words.Why}, {"What is missing", x.Words.Needs}, {"What forbids " + firstText(x.Advice.Nearest, x.Advice.Plan), x.Words.Forbids},
			{"Evidence for it", x.Words.For}, {"Evidence against it", x.Words.Against}, {"Changed just before", changesOf(x)}, {"Own probes", looksOf(x)},
		} {
			if len(part.lines) == 0 {
				continue
			}
			fmt.Fprintf(w, "\n%s\n", part.title)
			for _, line := range part.lines {
				fmt.Fprintf(w, "  %s\n", line)
			}
		}
	})
}

func changesOf(x situationText) (out []string) {
	for _, c := range x.Changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s %s", c.At, c.Name, c.Entity, c.Text, c.By)))
	}
	return out
}

func looksOf(x situationText) (out []string) {
	for _, l := range x.Looks {
		out = append(out, fmt.Sprintf("%s %s: %s %s", l.At, l.Probe, l.Found, l.Text))
	}
	return out
}
