package demo

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// gate takes a run through its people: votes, code, start.
func (t *telling) gate(ctx context.Context, as, run string, r *Result, hands *CodeHands) (runView, error) {
	v, err := t.until(ctx, as, run, false, func(v runView) bool {
		return v.State != dr.Draft && v.State != dr.Preflight
	})
	if err != nil {
		return v, err
	}
	words := make([]string, len(v.Words))
	for i, w := range v.Words {
		words[i] = w.Word
	}
	t.say("story_words", dr.Args{"words": strings.Join(words, " "), "need": strconv.Itoa(v.Round.Need), "steps": strconv.Itoa(len(v.Steps))})
	if v, err = t.votes(ctx, v); err != nil {
		return v, err
	}
	for _, vote := range v.Round.Votes {
		r.Approvals = append(r.Approvals, Approval{Person: vote.Person, Round: vote.Round, Via: vote.Via})
	}
	return t.code(ctx, as, v, hands)
}

// votes asks approvers, one team after the other, until the run has what it needs.
func (t *telling) votes(ctx context.Context, v runView) (runView, error) {
	for _, p := range byTurns(t.with(dr.Approver)) {
		if v.State != dr.AwaitingApproval {
			break
		}
		mine, err := t.view(ctx, p.ID, v.ID)
		if err != nil {
			return v, err
		}
		if !slices.Contains(mine.Verbs, dr.VerbApprove) {
			continue
		}
		if v, err = t.do(ctx, p.ID, v.ID, dr.VerbApprove, map[string]any{"confirmed": true, "nonce": mine.Round.Nonce, "words": wordsOf(mine)}); err != nil {
			return v, err
		}
		t.say("story_vote", dr.Args{"person": p.Name, "team": strings.Join(p.Teams, ", "), "have": strconv.Itoa(v.Round.Have), "need": strconv.Itoa(v.Round.Need)})
	}
	if v.State != dr.AwaitingCode {
		return v, t.stuck(v)
	}
	return v, nil
}

func wordsOf(v runView) string {
	var words []string
	for _, w := range v.Words {
		words = append(words, w.Word)
	}
	return strings.Join(words, " ")
}

// byTurns orders people so that the teams take turns: the first of each, then the second of each.
func byTurns(people []dr.Person) []dr.Person {
	seen, turn := map[string]int{}, map[string]int{}
	for _, p := range people {
		team := strings.Join(p.Teams, ",")
		turn[p.ID] = seen[team]
		seen[team]++
	}
	out := slices.Clone(people)
	slices.SortStableFunc(out, func(a, b dr.Person) int { return turn[a.ID] - turn[b.ID] })
	return out
}

// code lets a manager issue the code and an operator type it.
func (t *telling) code(ctx context.Context, as string, v runView, hands *CodeHands) (runView, error) {
	issuer, err := t.who(ctx, v.ID, dr.VerbIssue, t.with(dr.CodeIssuer))
	if err != nil {
		return v, err
	}
	var issued struct {
		Code string `json:"code"`
	}
	if err := t.API(ctx, issuer, http.MethodPost, "/api/runs/"+v.ID+"/"+string(dr.VerbIssue), map[string]any{}, &issued); err != nil {
		return v, err
	}
	operators := slices.DeleteFunc(t.with(dr.Operator), func(p dr.Person) bool { return p.ID == issuer || p.ID == as })
	submitter, err := t.who(ctx, v.ID, dr.VerbStart, operators)
	if err != nil {
		submitter = as
	}
	*hands = CodeHands{Issuer: issuer, Submitter: submitter}
	t.say("story_code", dr.Args{"person": t.name(issuer), "other": t.name(submitter)})
	return t.do(ctx, submitter, v.ID, dr.VerbStart, map[string]any{"code": issued.Code, "nonce": v.Round.Nonce, "confirmed": true})
}

// who finds the first of some people whom the run offers a verb.
func (t *telling) who(ctx context.Context, run string, verb dr.Verb, people []dr.Person) (string, error) {
	for _, p := range people {
		v, err := t.view(ctx, p.ID, run)
		if err != nil {
			return "", err
		}
		if slices.Contains(v.Verbs, verb) {
			return p.ID, nil
		}
	}
	return "", t.nobody(verb, run)
}

// until watches a run and tells what it does, step group by step group, until it is where we want
// it. A run that pauses is an end, too: in this story nobody is there to look after it.
func (t *telling) until(ctx context.Context, as, run string, steps bool, done func(runView) bool) (runView, error) {
	var state dr.State
	for {
		v, err := t.view(ctx, as, run)
		if err != nil {
			return v, err
		}
		if steps {
			t.progress(v)
		}
		if v.State != state && state != "" {
			t.say("story_state", dr.Args{"run": run, "state": string(v.State)})
		}
		state = v.State
		switch {
		case v.State == dr.Paused:
			return v, t.stuck(v)
		case done(v):
			return v, nil
		case !pause(ctx, lookEvery):
			return v, ctx.Err()
		}
	}
}

// progress writes a line for every plan step whose nodes are all through.
func (t *telling) progress(v runView) {
	type group struct{ done, all int }
	groups := map[string]*group{}
	var order []string
	titles := map[string]string{}
	for _, st := range v.Steps {
		g := groups[st.Base]
		if g == nil {
			g = &group{}
			groups[st.Base], titles[st.Base] = g, st.Title
			order = append(order, st.Base)
		}
		g.all++
		if st.State.Settled() {
			g.done++
		}
	}
	for _, base := range order {
		g := groups[base]
		key := v.ID + " " + base
		if g.done < g.all || t.told[key] {
			continue
		}
		t.told[key] = true
		title := titles[base]
		if g.all > 1 {
			title += " …"
		}
		t.line(fmt.Sprintf("  ✓ %-16s %3d  %s", base, g.all, title))
	}
}
