package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

func runCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Request, approve, start and lead runs",
		Long: `Request, approve, start and lead runs.

What you may do with a run depends on its state, your roles and the rules; "run show" lists it
under "you may". RUN is the run's id, such as r1125-x7kq.`,
		Example: "  switchman run request bank-switchover --mode drill --reason \"spring drill\"\n  switchman run watch r1125-x7kq\n  switchman run approve r1125-x7kq",
	}
	c.AddGroup(&cobra.Group{ID: "see", Title: "See:"}, &cobra.Group{ID: "before", Title: "Before it starts:"},
		&cobra.Group{ID: "during", Title: "While it runs:"}, &cobra.Group{ID: "after", Title: "At the standby and afterwards:"})
	c.AddCommand(group("before", runRequestCommand(sh)), group("see", runListCommand(sh)), group("see", runShowCommand(sh)), group("see", runWatchCommand(sh)))
	for _, v := range verbTable() {
		c.AddCommand(verbCommand(sh, v))
	}
	return c
}

func runRequestCommand(sh *shell) *cobra.Command {
	var ask fsm.Request
	var mode, impact, declared, ordered string
	var overrides []string
	c := &cobra.Command{
		Use:   "request PLAN",
		Short: "Ask for a run of a plan",
		Long: `Ask for a run of a plan. Nothing moves: facts are gathered, then the people the policy names
may vote on exactly this plan.

A rehearsal moves nothing outside at all, needs no votes, and tells how long each step takes.`,
		Example: `  switchman run request bank-switchover --mode rehearsal --reason "before the drill"
  switchman run request bank-switchover --mode drill --reason "spring drill"
  switchman run request bank-failover --mode emergency --reason "east is dark" --impact 2026-11-25T03:12:00Z`,
		Args: exactly("PLAN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.Plan, ask.Mode = args[0], dr.Mode(mode)
			for _, o := range overrides {
				check, why, ok := strings.Cut(o, "=")
				if !ok || why == "" {
					return dr.Errorf(dr.Usage, "--override wants CHECK=REASON, got %q", o)
				}
				ask.Overrides = append(ask.Overrides, dr.Override{Check: check, Reason: why})
			}
			for _, m := range []struct {
				text string
				to   *dr.Time
			}{{impact, &ask.Impact}, {declared, &ask.Declared}, {ordered, &ask.Ordered}} {
				if m.text == "" {
					continue
				}
				if err := m.to.UnmarshalJSON([]byte(`"` + m.text + `"`)); err != nil {
					return dr.Errorf(dr.Usage, "%q is not a moment", m.text).WithHint("write it like 2026-11-25T03:12:00Z, in RFC 3339")
				}
			}
			return sh.answerRun(cmd.Context(), "POST", "/api/runs", ask, dr.VerbRequest)
		},
		ValidArgsFunction: sh.completePlans,
	}
	f := c.Flags()
	f.StringVar(&mode, "mode", "", "`MODE`: rehearsal, drill, surprise_drill or emergency (needed)")
	f.StringVar(&ask.Reason, "reason", "", "`TEXT` for the journal: why (needed)")
	f.StringSliceVar(&ask.Systems, "system", nil, "only this `SYSTEM`; may be repeated")
	f.StringVar(&ask.Profile, "profile", "", "staffing `PROFILE` of the policy, such as small_site for a named night shift")
	f.StringArrayVar(&overrides, "override", nil, "go on although a check will say no: `CHECK=REASON`, listed before the vote")
	f.StringVar(&impact, "impact", "", "`TIME` the impact began, RFC 3339")
	f.StringVar(&declared, "declared", "", "`TIME` the emergency was declared")
	f.StringVar(&ordered, "ordered", "", "`TIME` the drill was ordered")
	f.StringVar(&ask.Parent, "parent", "", "`RUN` a switchback closes; \"run switchback\" fills it in")
	need(c, "mode", "reason")
	complete(c, "mode", modeNames()...)
	return c
}

func runListCommand(sh *shell) *cobra.Command {
	var open bool
	var system string
	var limit int
	c := &cobra.Command{
		Use:     "list",
		Short:   "List runs, newest first",
		Example: "  switchman run list --open\n  switchman run list --system ledger --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if open {
				q.Set("open", "true")
			}
			if system != "" {
				q.Set("system", system)
			}
			var answer struct {
				Runs []json.RawMessage `json:"runs"`
			}
			err := sh.call(cmd.Context(), "GET", "/api/runs?"+q.Encode(), nil, &answer)
			if notRunning(err) {
				if answer.Runs, err = sh.offlineRuns(cmd.Context(), fsm.Filter{Open: open, System: system, Limit: limit}); err == nil {
					sh.noteHere()
				}
			}
			if err != nil {
				return err
			}
			views, err := decodeViews(answer.Runs)
			if err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) { runTable(w, views, sh.voice(cmd.Context())) })
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only runs that have not ended")
	c.Flags().StringVar(&system, "system", "", "only runs that move this `SYSTEM`")
	c.Flags().IntVar(&limit, "limit", 50, "at most `N` runs")
	return c
}

func decodeViews(raw []json.RawMessage) ([]fsm.View, error) {
	out := make([]fsm.View, len(raw))
	for i, r := range raw {
		if err := json.Unmarshal(r, &out[i]); err != nil {
			return nil, fmt.Errorf("reading the server's answer: %w", err)
		}
	}
	return out, nil
}

func runTable(w io.Writer, views []fsm.View, o voice) {
	if len(views) == 0 {
		fmt.Fprintln(w, o.say("cli_no_runs", nil))
		return
	}
	t := table{head: o.heads("run", "state", "mode", "steps", "by", "age", "plan")}
	for _, v := range views {
		t.add(v.ID, o.state(v), o.term("mode", string(v.Mode)), fmt.Sprintf("%d/%d", v.Progress.Done, v.Progress.Total), v.Requester, span(v.Now.Since(v.Clocks.Requested)), v.Plan)
	}
	t.print(w, narrow)
}

func runShowCommand(sh *shell) *cobra.Command {
	var steps bool
	c := &cobra.Command{
		Use:     "show RUN",
		Short:   "Show a run as it stands now",
		Example: "  switchman run show r1125-x7kq\n  switchman run show r1125-x7kq --json | jq .verbs",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, view, err := sh.view(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return sh.show(raw, func(w io.Writer) {
				o := sh.voice(cmd.Context())
				runText(w, view, o, sh.details(cmd.Context(), view))
				if steps {
					fmt.Fprintln(w)
					stepTable(w, view, o, sh.term.width())
				}
			})
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().BoolVar(&steps, "steps", false, "list every step")
	return c
}

// view asks for a run, from the server or, when none is up, from the state directory.
func (sh *shell) view(ctx context.Context, id string) (json.RawMessage, fsm.View, error) {
	sh.ready(ctx)
	var raw json.RawMessage
	err := sh.call(ctx, "GET", "/api/runs/"+url.PathEscape(id), nil, &raw)
	if notRunning(err) {
		if raw, err = sh.offlineRun(ctx, id); err == nil {
			sh.noteHere()
		}
	}
	if err != nil {
		return nil, fsm.View{}, err
	}
	view, err := decodeView(raw)
	return raw, view, err
}

func decodeView(raw json.RawMessage) (fsm.View, error) {
	var v fsm.View
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("reading the server's answer: %w", err)
	}
	return v, nil
}

// answerRun sends something whose answer is a run, and says what to do next.
func (sh *shell) answerRun(ctx context.Context, method, path string, in any, done dr.Verb) error {
	sh.ready(ctx)
	var raw json.RawMessage
	if err := sh.call(ctx, method, path, in, &raw); err != nil {
		return err
	}
	view, err := decodeView(raw)
	if err != nil {
		return err
	}
	return sh.show(raw, func(w io.Writer) {
		o := sh.voice(ctx)
		fmt.Fprintln(w, o.say("cli_did_"+string(done), dr.Args{"run": view.ID, "now": o.state(view)}))
		for _, line := range next(view, o, sh.details(ctx, view)) {
			wrap(w, "  ", line, narrow)
		}
	})
}

// need marks flags that must be given; the error names all that are missing.
func need(c *cobra.Command, names ...string) {
	inner := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var missing []string
		for _, n := range names {
			if f := cmd.Flags().Lookup(n); f != nil && (f.Value.String() == "" || f.Value.String() == "[]") {
				missing = append(missing, "--"+n)
			}
		}
		if len(missing) > 0 {
			return dr.Errorf(dr.Usage, "%s needs %s", typed(cmd), strings.Join(missing, " and ")).WithHint("%s --help", cmd.CommandPath())
		}
		return inner(cmd, args)
	}
}

func may(v fsm.View, verb dr.Verb) bool { return slices.Contains(v.Verbs, verb) }
