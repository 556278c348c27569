package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// fakeBank answers the API as the real server does, for as much as the story needs: two requests,
// two votes each, a code, and runs that get a little further each time somebody looks.
type fakeBank struct {
	t      *testing.T
	people map[string]dr.Person
	runs   map[string]*fakeRun
	calls  []string
	stop   string // base of a step that fails
}

type fakeRun struct {
	view      map[string]any
	mode      dr.Mode
	state     dr.State
	requester string
	votes     []dr.Vote
	issuer    string
	looks     int
	back      bool
}

func (b *fakeBank) api(_ context.Context, as, method, path string, in, out any) error {
	b.calls = append(b.calls, method+" "+path+" "+as)
	body := map[string]any{}
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &body); err != nil {
			return err
		}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/") // api runs RUN VERB
	var answer any
	switch {
	case method == "POST" && len(parts) == 2:
		answer = b.open(as, dr.Mode(body["mode"].(string)), false)
	case method == "GET":
		answer = b.look(parts[2], as)
	default:
		a, err := b.act(parts[2], dr.Verb(parts[3]), as, body)
		if err != nil {
			return err
		}
		answer = a
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (b *fakeBank) open(as string, mode dr.Mode, back bool) map[string]any {
	id := fmt.Sprintf("r%d", len(b.runs)+1)
	b.runs[id] = &fakeRun{mode: mode, state: dr.Preflight, requester: as, back: back}
	return b.look(id, as)
}

// look moves time on by one glance.
func (b *fakeBank) look(id, as string) map[string]any {
	r := b.runs[id]
	r.looks++
	switch {
	case r.state == dr.Preflight && r.mode == dr.Rehearsal:
		r.state = dr.Closed
	case r.state == dr.Preflight:
		r.state = dr.AwaitingApproval
	case r.state == dr.Running && b.stop != "":
		r.state = dr.Paused
	case r.state == dr.Running && r.back:
		r.state = dr.Closed
	case r.state == dr.Running:
		r.state = dr.AtStandby
	}
	to := West
	if r.back {
		to = East
	}
	steps := []map[string]any{{"id": "freeze@ledger-db-e1", "base": "freeze", "node": "ledger-db-e1", "state": "ok", "title": "Freeze"},
		{"id": "promote@ledger-db-w1", "base": "promote", "node": "ledger-db-w1", "state": "ok", "title": "Promote"}}
	if b.stop != "" {
		steps[0]["state"], steps[0]["text"] = "failed", "no answer"
	}
	return map[string]any{"id": id, "digest": "sha256:0", "state": r.state, "to": to, "verbs": b.verbs(r, as), "steps": steps,
		"words":   []map[string]any{{"word": "calm"}, {"word": "blue"}, {"word": "sea"}},
		"round":   map[string]any{"number": 1, "nonce": "n", "need": 2, "have": len(r.votes), "votes": r.votes},
		"systems": []map[string]any{{"id": "ledger", "site": to}}, "times": map[string]any{"total_ms": 9, "machine_ms": 5}}
}

func (b *fakeBank) verbs(r *fakeRun, as string) []dr.Verb {
	p := b.people[as]
	switch {
	case r.state == dr.AwaitingApproval && p.Has(dr.Approver):
		for _, v := range r.votes {
			if b.people[v.Person].Teams[0] == p.Teams[0] {
				return nil
			}
		}
		return []dr.Verb{dr.VerbApprove}
	case r.state == dr.AwaitingCode && p.Has(dr.CodeIssuer):
		return []dr.Verb{dr.VerbIssue}
	case r.state == dr.AwaitingCode && p.Has(dr.Operator):
		return []dr.Verb{dr.VerbStart}
	case r.state == dr.AtStandby && p.Has(dr.Requester):
		return []dr.Verb{dr.VerbSwitchback}
	}
	return nil
}

func (b *fakeBank) act(id string, verb dr.Verb, as string, body map[string]any) (any, error) {
	r := b.runs[id]
	if verb != dr.VerbSwitchback && as == r.requester {
		return nil, errors.New("the requester does everything alone")
	}
	switch verb {
	case dr.VerbApprove:
		if body["nonce"] != "n" || body["words"] != "calm blue sea" {
			b.t.Errorf("a vote without nonce or words: %v", body)
		}
		r.votes = append(r.votes, dr.Vote{Person: as, Round: 1, Via: "cli"})
		if len(r.votes) == 2 {
			r.state = dr.AwaitingCode
		}
	case dr.VerbIssue:
		r.issuer = as
		return map[string]any{"code": "ABCD"}, nil
	case dr.VerbStart:
		if body["code"] != "ABCD" || r.issuer == as {
			return nil, errors.New("not this code, or not by you")
		}
		r.state = dr.Running
	case dr.VerbSwitchback:
		return b.open(as, dr.Drill, true), nil
	}
	return b.look(id, as), nil
}

func tell(t *testing.T, stop, lang string) (*fakeBank, Result, string, error) {
	t.Helper()
	roster := sample(t).Organisation().Roster
	b := &fakeBank{t: t, people: map[string]dr.Person{}, runs: map[string]*fakeRun{}, stop: stop}
	for _, p := range roster.People {
		b.people[p.ID] = p
	}
	var out bytes.Buffer
	r, err := Story{API: b.api, People: roster.People, Lang: lang, Seen: func() Traffic { return Traffic{Acknowledged: 7} },
		Audit:  func(context.Context) (Traffic, error) { return Traffic{Acknowledged: 9, ServedAtStandby: 2}, nil },
		Report: func(context.Context, string) (string, bool, error) { return "report.zip", true, nil }}.Play(t.Context(), &out)
	return b, r, out.String(), err
}

func TestTheStoryIsPlayedByTheRightPeople(t *testing.T) {
	b, r, text, err := tell(t, "", "en")
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, text, strings.Join(b.calls, "\n"))
	}
	if r.Run != "r2" || r.SwitchbackRun != "r3" || r.Nodes != 1 || r.Systems != 1 || len(r.Approvals) != 4 || !r.Verified || r.Report != "report.zip" {
		t.Errorf("result: %+v", r)
	}
	if r.Code.Issuer == "" || r.Code.Issuer == r.Code.Submitter || r.Traffic.Lost != 0 || r.Outbound.Machine != 5 {
		t.Errorf("result: %+v", r)
	}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if !strings.HasPrefix(line, Watermark+" ") {
			t.Errorf("line %d is not marked: %s", i+1, line)
		}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"run", "switchback_run", "plan_digest", "systems", "nodes", "mode", "outbound", "switchback", "traffic",
		"approvals", "code", "report", "verified", "total_ms", "critical_path_ms", "served_at_standby", "longest_gap_ms"} {
		if !strings.Contains(string(raw), `"`+name+`":`) {
			t.Errorf("the result lacks %q: %s", name, raw)
		}
	}
}

func TestTheStoryStopsWhereTheRunStops(t *testing.T) {
	_, _, text, err := tell(t, "freeze", "zh")
	var e *dr.Error
	if !errors.As(err, &e) || e.ID != "story_stuck" || !strings.Contains(e.Args["why"], "freeze@ledger-db-e1") {
		t.Fatalf("error %v\n%s", err, text)
	}
	if !strings.Contains(text, "预演") {
		t.Errorf("not told in Chinese:\n%s", text)
	}
}

func TestTeamsTakeTurns(t *testing.T) {
	var got []string
	for _, p := range byTurns([]dr.Person{{ID: "a", Teams: []string{"x"}}, {ID: "b", Teams: []string{"x"}}, {ID: "c", Teams: []string{"y"}}, {ID: "d", Teams: []string{"y"}}}) {
		got = append(got, p.ID)
	}
	if strings.Join(got, "") != "acbd" {
		t.Errorf("asked in the order %v", got)
	}
}
