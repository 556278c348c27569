package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/draw"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/web"
)

// load reads an organisation: a directory, or the embedded sample when dir is empty.
func (sh *shell) load(dir string) (*catalog.Catalog, []catalog.Problem, error) {
	if dir == "" {
		c, problems := catalog.Load(data.FS(), actions.Specs(), version(), sh.term.clock.Now())
		return c, problems, nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil, dr.Errorf(dr.NotFound, "there is no directory %s", dir).WithHint("name a directory that holds organisation.yaml")
	}
	c, problems := catalog.LoadDir(dir, actions.Specs(), version(), sh.term.clock.Now())
	return c, problems, nil
}

// organisation reads the files that settings and flags name.
func (sh *shell) organisation() (*catalog.Catalog, []catalog.Problem, error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, nil, err
	}
	return sh.load(cfg.Org)
}

func checkCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "check [DIR]",
		Short: "Check an organisation's files; list every mistake with its place",
		Long: `Check an organisation's files and list every mistake with file, line and column.

It reads organisation, roster, policy, systems and plans, and says what was expected: unknown
names with the nearest known one, circles, steps nobody can prove, gates that cannot close when
one person is away, secrets in plain text, runbooks that cannot be read or that nobody may read, and
more. Nothing outside the files is touched.
Ends with 4 when there is an error; warnings alone end with 0.`,
		Example: "  switchman check ./bank\n  switchman check --json ./bank | jq '.problems[].text'\n  switchman check                 (the embedded sample bank)",
		Args:    exactly("[DIR]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, problems, err := sh.checked(args)
			if err != nil {
				return err
			}
			more, err := sh.checkRunbooks(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			problems = append(problems, more...)
			errors := catalog.Errors(problems)
			answer := map[string]any{"ok": errors == 0, "organisation": c.Organisation().ID, "digest": c.Digest(), "errors": errors,
				"warnings": len(problems) - errors, "problems": append([]catalog.Problem{}, problems...)}
			if err := sh.show(answer, func(w io.Writer) { checkText(w, c, problems) }); err != nil {
				return err
			}
			if errors > 0 {
				sh.code = exitCode(dr.Invalid)
			}
			return nil
		},
	}
}

// checkRunbooks reads the runbooks beside the files. What is wrong with one keeps no move from being made.
func (sh *shell) checkRunbooks(ctx context.Context, c *catalog.Catalog, args []string) (out []catalog.Problem, err error) {
	cfg, err := sh.settings()
	if err != nil {
		return nil, err
	}
	dir := cfg.Org
	if len(args) == 1 {
		dir = args[0]
	}
	source, done, err := runbooksOf(dir)
	if err != nil { // there are none, which was said
		return nil, nil
	}
	defer func() { err = errors.Join(err, done()) }()
	x := knowledge.New(knowledge.Options{})
	change, err := x.Sync(ctx, source)
	if err != nil {
		return nil, err
	}
	for _, p := range change.Problems {
		out = append(out, catalog.Problem{File: p.Doc, Line: p.Line, Severity: catalog.Warning, Text: p.Text, Hint: "it is left out until it can be read"})
	}
	for _, p := range bot.Unseen(c.Organisation(), x) {
		out = append(out, catalog.Problem{File: p.Doc, Severity: catalog.Warning, Text: p.Text, Hint: "write internal, public, role:ROLE or team:TEAM"})
	}
	return out, nil
}

func (sh *shell) checked(args []string) (*catalog.Catalog, []catalog.Problem, error) {
	if len(args) == 1 {
		return sh.load(args[0])
	}
	return sh.organisation()
}

func checkText(w io.Writer, c *catalog.Catalog, problems []catalog.Problem) {
	fmt.Fprint(w, catalog.FormatProblems(problems))
	o := c.Organisation()
	nodes := 0
	for _, s := range o.Systems {
		nodes += len(s.Nodes)
	}
	n := catalog.Errors(problems)
	fmt.Fprintf(w, "%s: %s, %s, %s, %s; %s, %s\n", o.ID, plural(len(o.Systems), "system"), plural(nodes, "node"),
		plural(len(c.Plans()), "plan"), people(len(o.Roster.People)), plural(n, "error"), plural(len(problems)-n, "warning"))
	if err := c.Runnable(); err != nil && n == 0 {
		fmt.Fprintf(w, "it can be read, but %v\n", err)
	}
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

func planCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use:     "plan",
		Short:   "What can be moved, and how",
		Example: "  switchman plan list\n  switchman plan show bank-switchover --mode drill",
	}
	c.AddCommand(planListCommand(sh), planShowCommand(sh))
	return c
}

func planListCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the plans of the organisation",
		Example: "  switchman plan list\n  switchman plan list --org ./bank --json",
		RunE: func(*cobra.Command, []string) error {
			c, problems, err := sh.organisation()
			if err != nil {
				return err
			}
			if n := catalog.Errors(problems); n > 0 {
				sh.note("the files hold %s; switchman check lists them", plural(n, "error"))
			}
			plans := append([]catalog.PlanInfo{}, c.Plans()...)
			return sh.show(map[string]any{"plans": plans}, func(w io.Writer) {
				t := table{head: []string{"PLAN", "KIND", "STEPS", "WAY", "TITLE"}}
				for _, p := range plans {
					t.add(p.ID, string(p.Kind), fmt.Sprint(p.Steps), p.From+" to "+p.To, p.Title)
				}
				t.print(w, narrow)
			})
		},
	}
}

func planShowCommand(sh *shell) *cobra.Command {
	var mode, profile, format string
	c := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show a plan as it would run: digest, words, steps, longest path",
		Long: `Show a plan compiled for a mode: what people would approve, word for word.

The digest covers everything shown; its three words are what approvers type in a surprise drill
and in an emergency. In the list, * marks the longest path, ! the steps after which there is no
way back, and ? those that stop for a person.`,
		Example: "  switchman plan show bank-switchover\n  switchman plan show bank-failover --mode emergency --json\n  switchman plan show bank-switchover --format svg > plan.svg",
		Args:    exactly("PLAN"),
		RunE: func(_ *cobra.Command, args []string) error {
			if sh.json && format == "text" {
				format = "json"
			}
			return sh.planShow(args[0], dr.Mode(mode), profile, format)
		},
		ValidArgsFunction: sh.completePlans,
	}
	c.Flags().StringVar(&mode, "mode", string(dr.Drill), "compile for this `MODE`: rehearsal, drill, surprise_drill or emergency")
	c.Flags().StringVar(&profile, "profile", "", "for this staffing `PROFILE` of the policy")
	c.Flags().StringVar(&format, "format", "text", "text, json or svg")
	complete(c, "mode", modeNames()...)
	complete(c, "format", "text", "json", "svg")
	return c
}

func (sh *shell) planShow(id string, mode dr.Mode, profile, format string) error {
	if !slices.Contains(dr.Modes(), mode) {
		return dr.Errorf(dr.Usage, "there is no mode %q", mode).WithHint("modes are %s", strings.Join(modeNames(), ", "))
	}
	c, _, err := sh.organisation()
	if err != nil {
		return err
	}
	if _, ok := c.Plan(id); !ok {
		return dr.Errorf(dr.NotFound, "there is no plan %q", id).WithHint("switchman plan list")
	}
	slice, err := c.Compile(catalog.Selection{Plan: id, Mode: mode, Profile: profile})
	if err != nil {
		return err
	}
	view, err := web.PlanOf(slice)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return sh.printJSON(view)
	case "svg":
		_, err := sh.term.out.Write(draw.Plan(slice, view.CriticalPath.Steps))
		return err
	case "text":
		planText(sh.term.out, view)
		return nil
	}
	return dr.Errorf(dr.Usage, "there is no format %q", format).WithHint("formats are text, json and svg")
}

func planText(w io.Writer, v web.PlanView) {
	fmt.Fprintln(w, v.Title)
	field(w, "plan", fmt.Sprintf("%s: %s, %s, as a run in mode %s", v.Plan, v.Kind, v.Direction, v.Mode))
	field(w, "way", v.From+" to "+v.To+" ("+string(v.Environment)+")")
	field(w, "systems", strings.Join(v.Systems, ", "))
	field(w, "digest", v.Digest)
	field(w, "words", wordsText(v.Words))
	field(w, "approval", ruleText(v.Mode, v.Rule))
	field(w, "success", criteriaText(v.Criteria))
	field(w, "way back", v.Pair)
	field(w, "longest", fmt.Sprintf("%s through %s", span(v.CriticalPath.Total), plural(len(v.CriticalPath.Steps), "step")))
	fmt.Fprintln(w)
	critical := map[string]bool{}
	for _, id := range v.CriticalPath.Steps {
		critical[id] = true
	}
	t := table{head: []string{"", "STEP", "DOES", "CLASS", "EXPECT", "NEEDS"}}
	for _, s := range v.Steps {
		t.add(mark(s, critical[s.ID]), s.ID, does(s), string(s.Class), span(s.Expect), needsText(s.Needs))
	}
	t.print(w, narrow)
}

func mark(s dr.Step, critical bool) string {
	out := ""
	if critical {
		out += "*"
	}
	if s.NoReturn {
		out += "!"
	}
	if s.Hold || s.Kind == dr.ManualStep {
		out += "?"
	}
	return out
}

func does(s dr.Step) string {
	if s.Kind == dr.ActionStep {
		return s.Call.Action
	}
	return string(s.Kind)
}

// needsText keeps a list of needs short; all of them are in the JSON.
func needsText(needs []string) string {
	switch {
	case len(needs) == 0:
		return "-"
	case len(needs) <= 2:
		return strings.Join(needs, " ")
	}
	return fmt.Sprintf("%s and %d more", needs[0], len(needs)-1)
}

func ruleText(mode dr.Mode, r dr.Rule) string {
	if mode == dr.Rehearsal {
		return "none: nothing outside moves"
	}
	var groups []string
	for _, g := range r.Groups {
		text := fmt.Sprintf("%d of %s (%s", g.N, g.Name, roles(g.Roles))
		if len(g.Teams) > 0 {
			text += " in " + strings.Join(g.Teams, " or ")
		}
		groups = append(groups, text+")")
	}
	text := strings.Join(groups, " and ")
	text += fmt.Sprintf("; %s by %s; at least %s", plural(max(1, r.Codes), "code"), roles(r.Issuers), people(r.MinPeople))
	if r.Words {
		text += "; approvers type the words"
	}
	return text
}

func roles(rs []dr.Role) string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = string(r)
	}
	return strings.Join(out, " or ")
}

func criteriaText(cs []dr.Criterion) string {
	out := make([]string, len(cs))
	for i, c := range cs {
		value := fmt.Sprint(c.Value)
		if c.Metric == "rto" || c.Metric == "rpo" || c.Metric == "limit" {
			value = span(dr.Millis(c.Value))
		}
		out[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.System, c.Metric, c.Op, value))
	}
	return strings.Join(out, "; ")
}

func modeNames() []string {
	var out []string
	for _, m := range dr.Modes() {
		out = append(out, string(m))
	}
	return out
}
