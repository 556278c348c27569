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
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, problems, err := sh.organisation()
			if err != nil {
				return err
			}
			if n := catalog.Errors(problems); n > 0 {
				o := sh.voice(cmd.Context())
				sh.note("%s", o.say("cli_files_mistaken", dr.Args{"errors": o.count(n, "error")}))
			}
			plans := append([]catalog.PlanInfo{}, c.Plans()...)
			return sh.show(map[string]any{"plans": plans}, func(w io.Writer) {
				o := sh.voice(cmd.Context())
				t := table{head: o.heads("plan", "kind", "steps", "way", "title")}
				for _, p := range plans {
					t.add(p.ID, o.term("kind", string(p.Kind)), fmt.Sprint(p.Steps), o.way(p.From, p.To), p.Title)
				}
				t.print(w, sh.term.width())
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
		RunE: func(cmd *cobra.Command, args []string) error {
			if sh.json && format == "text" {
				format = "json"
			}
			return sh.planShow(cmd.Context(), args[0], dr.Mode(mode), profile, format)
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

func (sh *shell) planShow(ctx context.Context, id string, mode dr.Mode, profile, format string) error {
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
		planText(sh.term.out, view, sh.voice(ctx))
		return nil
	}
	return dr.Errorf(dr.Usage, "there is no format %q", format).WithHint("formats are text, json and svg")
}

func planText(w io.Writer, v web.PlanView, o voice) {
	fmt.Fprintln(w, v.Title)
	o.field(w, "plan", v.Plan+o.colon()+o.parts([]string{o.term("kind", string(v.Kind)), o.term("direction", string(v.Direction)), o.say("cli_in_mode", dr.Args{"mode": o.term("mode", string(v.Mode))})}))
	o.field(w, "way", o.way(v.From, v.To)+" ("+o.term("environment", string(v.Environment))+")")
	o.field(w, "systems", o.list(v.Systems))
	o.field(w, "digest", v.Digest)
	o.field(w, "words", wordsText(v.Words))
	o.field(w, "approval", o.rule(v.Mode, v.Rule))
	o.field(w, "success", o.criteria(v.Criteria))
	o.field(w, "way_back", v.Pair)
	o.field(w, "longest", o.say("cli_longest", dr.Args{"span": span(v.CriticalPath.Total), "steps": o.count(len(v.CriticalPath.Steps), "step")}))
	fmt.Fprintln(w)
	critical := map[string]bool{}
	for _, id := range v.CriticalPath.Steps {
		critical[id] = true
	}
	t := table{head: o.heads("", "step", "does", "class", "expect", "needs")}
	for _, s := range v.Steps {
		t.add(mark(s, critical[s.ID]), s.ID, does(s), o.worded("ui_class_"+string(s.Class), string(s.Class)), span(s.Expect), o.needs(s.Needs))
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

// needs keeps a list of needs short; all of them are in the JSON.
func (o voice) needs(needs []string) string {
	switch {
	case len(needs) == 0:
		return "-"
	case len(needs) <= 2:
		return strings.Join(needs, " ")
	}
	return o.say("cli_and_more", dr.Args{"first": needs[0], "n": fmt.Sprint(len(needs) - 1)})
}

func (o voice) rule(mode dr.Mode, r dr.Rule) string {
	if mode == dr.Rehearsal {
		return o.say("cli_no_approval", nil)
	}
	var groups []string
	for _, g := range r.Groups {
		args := dr.Args{"n": fmt.Sprint(g.N), "group": g.Name, "roles": rolesOf(g.Roles), "teams": strings.Join(g.Teams, o.or())}
		if len(g.Teams) > 0 {
			groups = append(groups, o.say("cli_missing_team", args))
			continue
		}
		groups = append(groups, o.say("cli_missing", args))
	}
	said := []string{strings.Join(groups, o.and()), o.say("cli_codes_by", dr.Args{"codes": o.count(max(1, r.Codes), "code"), "roles": rolesOf(r.Issuers)}),
		o.say("cli_min_people", dr.Args{"people": o.count(r.MinPeople, "person")})}
	if r.Words {
		said = append(said, o.say("cli_words_typed", nil))
	}
	return strings.Join(said, o.semicolon())
}

func (o voice) and() string {
	if o.chinese() {
		return "，并且 "
	}
	return " and "
}

// rolesOf lists roles for a sentence, which puts them into words.
func rolesOf(rs []dr.Role) string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = string(r)
	}
	return strings.Join(out, ", ")
}

func (o voice) criteria(cs []dr.Criterion) string {
	out := make([]string, len(cs))
	for i, c := range cs {
		value := fmt.Sprint(c.Value)
		if c.Metric == "rto" || c.Metric == "rpo" || c.Metric == "limit" {
			value = span(dr.Millis(c.Value))
		}
		out[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", c.System, c.Metric, c.Op, value))
	}
	return strings.Join(out, o.semicolon())
}

func modeNames() []string {
	var out []string
	for _, m := range dr.Modes() {
		out = append(out, string(m))
	}
	return out
}
