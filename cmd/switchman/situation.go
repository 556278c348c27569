package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
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
		Args:    exactly(),
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
	Run *struct {
		ID    string   `json:"id"`
		State dr.State `json:"state"`
	} `json:"run"`
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
	o := sh.voice(ctx)
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
			fmt.Fprintln(w, o.say("situation_list_none", nil))
		}
		for i, x := range out.Situations {
			if i > 0 {
				fmt.Fprintln(w)
			}
			headOf(w, x, o)
		}
		if n := len(out.Unresolved); n > 0 {
			fmt.Fprintf(w, "\n%s\n", o.say("cli_sit_unresolved", dr.Args{"alerts": o.count(n, "alert")}))
			for _, s := range out.Unresolved[:min(n, 10)] {
				fmt.Fprintf(w, "  %s %s\n", s.Name, pairsOf(s.Labels))
			}
		}
	})
}

// headOf is a situation in some lines.
func headOf(w io.Writer, x situationText, o voice) {
	fmt.Fprintf(w, "%s  %s  %s\n", x.ID, o.say("term_situation_"+x.State, nil), o.whatBroke(x.Situation))
	args, since := dr.Args{"since": o.at(x.FirstAt), "signals": o.count(x.Signals, "signal"), "firing": fmt.Sprint(x.Firing), "noise": fmt.Sprint(x.Noise)}, "cli_sit_since"
	if !x.EndedAt.IsZero() {
		since, args["ended"] = "cli_sit_ended", o.at(x.EndedAt)
	}
	fmt.Fprintf(w, "  %s\n", o.say(since, args))
	if len(x.Systems) > 0 {
		fmt.Fprintf(w, "  %s\n", o.say("cli_sit_touches", dr.Args{"systems": o.list(x.Systems)}))
	}
	if x.Words.Headline != "" && x.State != "closed" && x.State != "merged" { // what was advised then is no advice
		fmt.Fprintf(w, "  %s\n", x.Words.Headline)
	}
	switch {
	case x.Run != nil:
		fmt.Fprintf(w, "  %s\n", o.say("cli_sit_run", dr.Args{"plan": x.Advice.Plan, "run": x.Run.ID, "state": string(x.Run.State)}))
	case x.State == "open" && x.Answer == "" && x.Advice.Verdict == dr.Recommend:
		fmt.Fprintf(w, "  %s\n", o.say("cli_sit_request", dr.Args{"plan": x.Advice.Plan, "id": x.ID, "time": x.FirstAt.UTC().Format(time.RFC3339)}))
	}
}

// whatBroke says what is wrong with what.
func (o voice) whatBroke(x dr.Situation) string {
	what := x.Entity.String()
	if what == "" {
		what = o.say("situation_something", nil)
	}
	if x.State == "closed" || x.State == "quiet" {
		return o.say("situation_was_"+string(x.Fault), dr.Args{"what": what})
	}
	return o.say("situation_fault_"+string(x.Fault), dr.Args{"what": what})
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
	o := sh.voice(ctx)
	var raw json.RawMessage
	if err := sh.call(ctx, http.MethodGet, "/api/situations/"+url.PathEscape(id), nil, &raw); err != nil {
		return err
	}
	var x situationText
	if err := json.Unmarshal(raw, &x); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return sh.show(raw, func(w io.Writer) {
		headOf(w, x, o)
		for _, part := range []struct {
			title string
			lines []string
		}{
			{o.say("cli_sit_why", nil), x.Words.Why}, {o.say("cli_sit_needs", nil), x.Words.Needs},
			{o.say("cli_sit_forbids", dr.Args{"plan": firstText(x.Advice.Nearest, x.Advice.Plan)}), x.Words.Forbids},
			{o.say("cli_sit_for", nil), x.Words.For}, {o.say("cli_sit_against", nil), x.Words.Against}, {o.say("cli_sit_changes", nil), o.changesOf(x)}, {o.say("cli_sit_looks", nil), o.looksOf(x)},
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

func (o voice) changesOf(x situationText) (out []string) {
	for _, c := range x.Changes {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s %s", o.at(c.At), c.Name, c.Entity, c.Text, c.By)))
	}
	return out
}

func (o voice) looksOf(x situationText) (out []string) {
	for _, l := range x.Looks {
		out = append(out, fmt.Sprintf("%s %s: %s %s", o.at(l.At), l.Probe, o.worded("term_looked_"+l.Found, l.Found), l.Text))
	}
	return out
}
