package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// verbSpec is one "run VERB" command. What a verb does is in package fsm; this is how it is typed.
type verbSpec struct {
	verb    dr.Verb
	name    string
	group   string   // of groups below
	args    []string // after RUN
	short   string
	long    string
	example string
	flags   []string // of flagTable
	needs   []string // flags that must be given
	look    bool     // show what it is about and ask, when a person types
	prepare func(*shell, *fsm.Args, fsm.View) error
}

// verbTable lists the verbs in the order of a run's life.
func verbTable() []verbSpec {
	return []verbSpec{
		{verb: dr.VerbApprove, name: "approve", group: "before", short: "Vote yes on exactly this plan", flags: []string{"words", "reason"}, look: true, prepare: askWords,
			long: `Vote yes on exactly this plan, as its digest names it. In a surprise drill and in an emergency, and
where the policy wants it, you type the three words shown (or their numbers), which proves that you
read this plan and no other. Any change to the plan voids the vote.`,
			example: "  switchman run approve r1125-x7kq\n  switchman run approve r1125-x7kq --words \"amber fjord lantern\""},
		{verb: dr.VerbDeny, name: "deny", group: "before", short: "Vote no; ends the round", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			example: "  switchman run deny r1125-x7kq --reason \"month-end batch is still running\""},
		{verb: dr.VerbWithdraw, name: "withdraw", group: "before", short: "Take your vote back, before the start", flags: []string{"reason"},
			example: "  switchman run withdraw r1125-x7kq"},
		{verb: dr.VerbStart, name: "start", group: "before", short: "Start an approved run with the one-time code", prepare: askCode,
			long: `Start an approved run with the one-time code a manager was shown ("code issue"). The code is asked
for without echo, or read from standard input; it is never an argument. Who issued it may not type it.`,
			example: "  switchman run start r1125-x7kq\n  switchman code issue r1125-x7kq --as chen --json | jq -r .code | switchman run start r1125-x7kq --as lin"},
		{verb: dr.VerbPreflight, name: "preflight", group: "before", short: "Look at the facts again",
			example: "  switchman run preflight r1125-x7kq"},
		{verb: dr.VerbOverride, name: "override", group: "before", args: []string{"CHECK"}, short: "Go on although a check says no", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			long:    "Go on although a check says no. Only the checks and people the policy names; it is printed on page 1 of the report.",
			example: "  switchman run override r1125-x7kq lag:ledger-stream --reason \"known gap, 40 rows\""},
		{verb: dr.VerbCancel, name: "cancel", group: "before", short: "Give the run up before it starts", flags: []string{"reason"},
			example: "  switchman run cancel r1125-x7kq --reason \"postponed\""},
		{verb: dr.VerbOrder, name: "order", group: "before", short: "Order a surprise drill: time, scope, challenge word", flags: []string{"text", "system", "reason"},
			long:    "As the observer of a surprise drill, give its order: the time is now, and --text is the challenge word that enters digest, recordings and report.",
			example: "  switchman run order r1125-x7kq --text heron --as PERSON"},
		{verb: dr.VerbPause, name: "pause", group: "during", short: "Stop sending steps; what flies may land", flags: []string{"reason"},
			example: "  switchman run pause r1125-x7kq --reason \"checking the front door\""},
		{verb: dr.VerbResume, name: "resume", group: "during", short: "Go on after a pause", flags: []string{"reason"},
			example: "  switchman run resume r1125-x7kq"},
		{verb: dr.VerbContinue, name: "continue", group: "during", args: []string{"[STEP]"}, short: "Go on at a hold point",
			example: "  switchman run continue r1125-x7kq open-front-door"},
		{verb: dr.VerbRetry, name: "retry", group: "during", args: []string{"STEP"}, short: "Send a failed step again", flags: []string{"reason"},
			example: "  switchman run retry r1125-x7kq stop@ledger-app-e1"},
		{verb: dr.VerbSkip, name: "skip", group: "during", args: []string{"STEP"}, short: "Leave a step out, with a reason", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			example: "  switchman run skip r1125-x7kq warm@cache-w2 --reason \"cache is being replaced\""},
		{verb: dr.VerbDone, name: "done", group: "during", args: []string{"STEP"}, short: "Say that a step done by hand is done", flags: []string{"text", "reason"},
			example: "  switchman run done r1125-x7kq call-branches --text \"all 12 reached\""},
		{verb: dr.VerbDecide, name: "decide", group: "during", args: []string{"STEP", "[VERDICT]"}, short: "Say what became of a step nobody knows about", flags: []string{"verdict", "reason"}, needs: []string{"reason"}, look: true,
			long: `Say what became of a step nobody knows about, after looking for yourself: done (it happened), failed
(it did not, and shall count as failed), again (it did not; send it once more).`,
			example: "  switchman run decide r1125-x7kq promote@ledger-db-w1 done --reason \"it takes writes, seen by hand\"", prepare: checkVerdict},
		{verb: dr.VerbForce, name: "force", group: "during", short: "Go on without the site that is leaving; two people", flags: []string{"system", "reason"}, needs: []string{"reason"}, look: true,
			long: `Turn systems from graceful to forced in mid-run, when the site they leave stops answering. The first
person asks, a second one makes it so. Data not yet copied may be lost.`,
			example: "  switchman run force r1125-x7kq --system ledger --reason \"east lost power\""},
		{verb: dr.VerbRollback, name: "rollback", group: "during", short: "Undo what was done, before the point of no return", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			example: "  switchman run rollback r1125-x7kq --reason \"standby storage is degraded\""},
		{verb: dr.VerbAbort, name: "abort", group: "during", short: "End the run where it stands; undoes nothing", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			example: "  switchman run abort r1125-x7kq --reason \"taken over by hand\""},
		{verb: dr.VerbSwitchback, name: "switchback", group: "after", short: "Ask for the way back: its own votes and code", flags: []string{"system", "reason"}, needs: []string{"reason"},
			example: "  switchman run switchback r1125-x7kq --reason \"east is repaired\""},
		{verb: dr.VerbClose, name: "close", group: "after", short: "Close the run at the standby, without going back", flags: []string{"reason"}, needs: []string{"reason"}, look: true,
			example: "  switchman run close r1125-x7kq --reason \"we stay at west\""},
		{verb: dr.VerbHandover, name: "handover", group: "during", args: []string{"[PERSON]"}, short: "Offer command to somebody, who then accepts", flags: []string{"to", "reason"},
			example: "  switchman run handover r1125-x7kq zhou", prepare: checkTo},
		{verb: dr.VerbAccept, name: "accept", group: "during", short: "Take command that was offered to you, or left vacant",
			example: "  switchman run accept r1125-x7kq"},
		{verb: dr.VerbObserve, name: "observe", group: "after", short: "File what you saw, as an observer", flags: []string{"text"}, needs: []string{"text"},
			example: "  switchman run observe r1125-x7kq --text \"votes came within two minutes\""},
		{verb: dr.VerbFinding, name: "finding", group: "after", short: "File what must get better, with an owner", flags: []string{"text", "owner", "due", "retest"}, needs: []string{"text"},
			example: "  switchman run finding r1125-x7kq --text \"DNS took 40 s\" --owner zhou --due 2026-12-15"},
		{verb: dr.VerbSignOff, name: "sign-off", group: "after", short: "Put your name under the run", flags: []string{"text"}, needs: []string{"text"},
			example: "  switchman run sign-off r1125-x7kq --text \"seen and agreed\""},
	}
}

func verbCommand(sh *shell, v verbSpec) *cobra.Command {
	var args fsm.Args
	var yes bool
	names := append([]string{"RUN"}, v.args...)
	c := &cobra.Command{
		Use: v.name + " " + strings.Join(names, " "), GroupID: v.group, Short: v.short, Long: v.long, Example: v.example, Args: exactly(names...),
		RunE: func(cmd *cobra.Command, given []string) error {
			fillPositional(&args, v.args, given[1:])
			return sh.act(cmd.Context(), v, given[0], args, yes)
		},
		ValidArgsFunction: sh.completeVerb(v.verb),
	}
	addFlags(c, &args, v.flags)
	if v.look {
		c.Flags().BoolVar(&yes, "yes", false, "don't ask once more")
	}
	need(c, v.needs...)
	return c
}

// fillPositional puts the arguments after RUN where they belong.
func fillPositional(args *fsm.Args, names, given []string) {
	for i, text := range given {
		switch strings.Trim(names[i], "[]") {
		case "STEP":
			args.Step = text
		case "CHECK":
			args.Check = text
		case "PERSON":
			args.To = text
		case "VERDICT":
			args.Verdict = text
		}
	}
}

func addFlags(c *cobra.Command, args *fsm.Args, names []string) {
	f := c.Flags()
	for _, name := range names {
		switch name {
		case "words":
			f.StringVar(&args.Words, name, "", "the three `WORDS` of the digest, or their numbers")
		case "reason":
			f.StringVar(&args.Reason, name, "", "`TEXT` for the journal: why")
		case "text":
			f.StringVar(&args.Text, name, "", "`TEXT` for the journal: what")
		case "verdict":
			f.StringVar(&args.Verdict, name, "", "`VERDICT`: done, failed or again")
		case "to":
			f.StringVar(&args.To, name, "", "`PERSON` to take command")
		case "owner":
			f.StringVar(&args.Owner, name, "", "`PERSON` who sees to it")
		case "due":
			f.StringVar(&args.Due, name, "", "`DATE` it shall be done by")
		case "retest":
			f.StringVar(&args.Retest, name, "", "`TEXT`: how it will be proven")
		case "system":
			f.StringSliceVar(&args.Systems, name, nil, "only this `SYSTEM`; may be repeated")
		}
	}
}

// act carries out a verb: looks at the run where that helps, asks what is missing, sends.
func (sh *shell) act(ctx context.Context, v verbSpec, id string, args fsm.Args, yes bool) error {
	args.Confirmed = true
	if v.look || v.prepare != nil {
		view, err := sh.viewOnline(ctx, id)
		if err != nil {
			return err
		}
		if v.verb == dr.VerbApprove || v.verb == dr.VerbDeny {
			args.Nonce = view.Round.Nonce // the vote counts for the round that was looked at
		}
		if v.look && !yes && sh.term.inTTY {
			sh.lookAt(view, sh.voice(ctx))
			if err := sh.term.confirm(fmt.Sprintf("%s: %s?", v.name, strings.ToLower(v.short))); err != nil {
				return err
			}
		}
		if v.prepare != nil {
			if err := v.prepare(sh, &args, view); err != nil {
				return err
			}
		}
	}
	path := "/api/runs/" + url.PathEscape(id) + "/" + string(v.verb)
	return sh.answerRun(ctx, "POST", path, args, v.verb)
}

func (sh *shell) viewOnline(ctx context.Context, id string) (fsm.View, error) {
	var v fsm.View
	err := sh.call(ctx, "GET", "/api/runs/"+url.PathEscape(id), nil, &v)
	return v, err
}

// lookAt shows, beside the answer, what somebody is about to decide.
func (sh *shell) lookAt(v fsm.View, o voice) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", v.ID, oneLine(v.Title))
	o.field(&b, "state", o.state(v))
	o.field(&b, "way", o.parts([]string{o.way(v.From, v.To), o.term("mode", string(v.Mode))}))
	o.field(&b, "reason", v.Reason)
	o.field(&b, "digest", v.Digest)
	o.field(&b, "words", wordsText(v.Words))
	sh.note("%s", strings.TrimRight(b.String(), "\n"))
}

// askWords asks for the digest words where they are needed and were not given.
func askWords(sh *shell, args *fsm.Args, v fsm.View) error {
	if args.Words != "" || !sh.term.inTTY || v.Mode != dr.SurpriseDrill && v.Mode != dr.Emergency {
		return nil
	}
	sh.note("words: %s", wordsText(v.Words))
	words, err := sh.term.ask("type the three words, or their numbers:", "")
	args.Words = words
	return err
}

// askCode asks for the code; a run that needs two takes both on one line.
func askCode(sh *shell, args *fsm.Args, v fsm.View) error {
	if v.State != dr.AwaitingCode {
		return nil // the refusal says why; nobody types a code for nothing
	}
	code, err := sh.term.secret("Code")
	args.Code = code
	return err
}

func checkVerdict(_ *shell, args *fsm.Args, _ fsm.View) error {
	if !slices.Contains([]string{"done", "failed", "again"}, args.Verdict) {
		return dr.Errorf(dr.Usage, "say what became of %s: done, failed or again", args.Step).WithHint("switchman run decide RUN %s done --reason TEXT", args.Step)
	}
	return nil
}

func checkTo(_ *shell, args *fsm.Args, _ fsm.View) error {
	if args.To == "" {
		return dr.Errorf(dr.Usage, "say who shall take command").WithHint("switchman run handover RUN PERSON")
	}
	return nil
}

func codeCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "code", Short: "The one-time code that starts a run",
		Example: "  switchman code issue r1125-x7kq",
	}
	c.AddCommand(&cobra.Command{
		Use: "issue RUN", Short: "Be shown a one-time code for an approved run",
		Long: `Be shown a one-time code for an approved run. It is shown this once, is good for ten minutes and for
this run, round and plan only. Tell it to the person who starts the run; never write it into a chat.
A new code ends the one before it. You may not start the run with it yourself.`,
		Example: "  switchman code issue r1125-x7kq\n  switchman code issue r1125-x7kq --json | jq -r .code",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer struct {
				Code    string   `json:"code"`
				Expires dr.Time  `json:"expires_at"`
				Run     fsm.View `json:"run"`
			}
			if err := sh.call(cmd.Context(), "POST", "/api/runs/"+url.PathEscape(args[0])+"/issue_code", nil, &answer); err != nil {
				return err
			}
			return sh.show(answer, func(w io.Writer) {
				fmt.Fprintln(w, answer.Code)
				o := sh.voice(cmd.Context())
				sh.note("%s", o.say("cli_code_shown", dr.Args{"until": o.at(answer.Expires), "left": span(answer.Expires.Since(answer.Run.Now)), "run": answer.Run.ID}))
			})
		},
		ValidArgsFunction: sh.completeVerb(dr.VerbIssue),
	})
	return c
}
