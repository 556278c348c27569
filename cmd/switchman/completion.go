package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// completionWait bounds what the Tab key may cost when a server hangs.
const completionWait = 2 * time.Second

func completionCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "completion", Short: "Make your shell complete commands, runs, plans and people",
		Long:    "Print a script that makes your shell complete commands, flags, runs, plans, steps and people with the Tab key.",
		Example: "  source <(switchman completion bash)\n  switchman completion zsh > \"${fpath[1]}/_switchman\"\n  switchman completion fish > ~/.config/fish/completions/switchman.fish",
	}
	for _, s := range []struct {
		name, example string
		write         func(*cobra.Command) error
	}{
		{"bash", "  source <(switchman completion bash)", func(root *cobra.Command) error { return root.GenBashCompletionV2(sh.term.out, true) }},
		{"zsh", "  switchman completion zsh > \"${fpath[1]}/_switchman\"", func(root *cobra.Command) error { return root.GenZshCompletion(sh.term.out) }},
		{"fish", "  switchman completion fish > ~/.config/fish/completions/switchman.fish", func(root *cobra.Command) error { return root.GenFishCompletion(sh.term.out, true) }},
	} {
		c.AddCommand(&cobra.Command{
			Use: s.name, Short: "Print the script for " + s.name, Example: s.example,
			RunE: func(cmd *cobra.Command, _ []string) error { return s.write(cmd.Root()) },
		})
	}
	return c
}

// complete offers fixed words for a flag.
func complete(c *cobra.Command, flag string, words ...string) {
	if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was not declared: a slip every test of the command tree meets
	}
}

func (sh *shell) completePlans(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, _, err := sh.organisation()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range c.Plans() {
		out = append(out, p.ID+"\t"+p.Title)
	}
	return starting(out, start), cobra.ShellCompDirectiveNoFileComp
}

func (sh *shell) completePeople(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	people, err := sh.offlinePeople()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range people {
		out = append(out, p.ID+"\t"+p.Name+": "+strings.Join(p.Roles, ", "))
	}
	return starting(out, start), cobra.ShellCompDirectiveNoFileComp
}

func (sh *shell) completeRuns(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return sh.runsWith(cmd, "", start), cobra.ShellCompDirectiveNoFileComp
}

// completeVerb offers runs the verb may be used on, and then their steps, checks and people.
func (sh *shell) completeVerb(verb dr.Verb) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return sh.runsWith(cmd, verb, start), cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) > 1 {
			if verb == dr.VerbDecide && len(args) == 2 {
				return starting([]string{"done", "failed", "again"}, start), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
		defer cancel()
		v, err := sh.viewOnline(ctx, args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return starting(choices(v, verb), start), cobra.ShellCompDirectiveNoFileComp
	}
}

// choices are the second arguments that make sense for a verb now.
func choices(v fsm.View, verb dr.Verb) []string {
	var out []string
	if verb == dr.VerbOverride {
		for _, c := range v.Checks {
			if !c.OK {
				out = append(out, c.ID+"\t"+c.Text)
			}
		}
		return out
	}
	fitting := map[dr.Verb][]dr.StepState{
		dr.VerbRetry: {dr.StepFail}, dr.VerbSkip: {dr.StepFail, dr.StepReady, dr.StepBlocked, dr.StepUnknown},
		dr.VerbDone: {dr.StepIntent}, dr.VerbDecide: {dr.StepUnknown}, dr.VerbContinue: {dr.StepReady, dr.StepBlocked},
	}[verb]
	for _, s := range v.Steps {
		if slices.Contains(fitting, s.State) && (verb != dr.VerbContinue || s.Hold) && (verb != dr.VerbDone || s.Kind == dr.ManualStep) {
			out = append(out, s.ID+"\t"+s.Title)
		}
	}
	return out
}

func (sh *shell) runsWith(cmd *cobra.Command, verb dr.Verb, start string) []string {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionWait)
	defer cancel()
	var answer struct {
		Runs []json.RawMessage `json:"runs"`
	}
	if err := sh.call(ctx, "GET", "/api/runs?limit=50", nil, &answer); err != nil {
		if !notRunning(err) {
			return nil
		}
		if answer.Runs, err = sh.offlineRuns(ctx, fsm.Filter{Limit: 50}); err != nil {
			return nil
		}
	}
	views, err := decodeViews(answer.Runs)
	if err != nil {
		return nil
	}
	var out []string
	for _, v := range views {
		if verb == "" || may(v, verb) || len(v.Verbs) == 0 && !v.State.Ended() {
			out = append(out, v.ID+"\t"+v.Plan+", "+strings.ReplaceAll(string(v.State), "_", " "))
		}
	}
	return starting(out, start)
}

func starting(words []string, start string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, start) })
}
