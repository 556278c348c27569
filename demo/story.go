package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// Story plays the people of the bank, as clients of the API: they rehearse, ask, vote, issue the
// code, type it, wait, and go home again. They know nothing the API does not tell them: who may do
// what is read from the verbs of the run as each of them sees it.
type Story struct {
	// API sends one request as a person; in and out are JSON, out may be nil.
	API func(ctx context.Context, as, method, path string, in, out any) error
	// People are the roster, in the order in which they are asked to help.
	People []dr.Person
	// Seen and Audit are the customers' (Customers.Seen, Customers.Audit).
	Seen  func() Traffic
	Audit func(context.Context) (Traffic, error)
	// Report writes the report of a run and verifies it.
	Report func(ctx context.Context, run string) (file string, verified bool, err error)
	// Plan is the plan to play; "" means bank-switchover.
	Plan string
	// Zone is the organisation's, in which duty periods are read; nil means the sample's.
	Zone *time.Location
	// Lang is what the story is told in.
	Lang string
}

// Result is the last line of `demo --auto --json`.
type Result struct {
	Run           string     `json:"run"`
	SwitchbackRun string     `json:"switchback_run"`
	PlanDigest    string     `json:"plan_digest"`
	Systems       int        `json:"systems"`
	Nodes         int        `json:"nodes"` // pairs of nodes moved
	Mode          dr.Mode    `json:"mode"`
	Outbound      Times      `json:"outbound"`
	Switchback    Times      `json:"switchback"`
	Traffic       Traffic    `json:"traffic"`
	Approvals     []Approval `json:"approvals"`
	Code          CodeHands  `json:"code"`
	Report        string     `json:"report"`
	Verified      bool       `json:"verified"`
	Environment   string     `json:"environment"` // sample, always
	Took          int64      `json:"took_ms"`     // the whole story
}

// Times of one direction, as the run itself measured them.
type Times struct {
	Total        int64 `json:"total_ms"`
	Machine      int64 `json:"machine_ms"`
	People       int64 `json:"people_ms"`
	Verification int64 `json:"verification_ms"`
	CriticalPath int64 `json:"critical_path_ms"`
}

// Approval is a vote that counted.
type Approval struct {
	Person string `json:"person"`
	Round  int    `json:"round"`
	Via    string `json:"via"`
}

// CodeHands are the two people a code passes between.
type CodeHands struct {
	Issuer    string `json:"issuer"`
	Submitter string `json:"submitter"`
}

// runView is what the story reads of a run.
type runView struct {
	ID      string         `json:"id"`
	Digest  string         `json:"digest"`
	State   dr.State       `json:"state"`
	Pause   dr.PauseReason `json:"pause"`
	Verdict string         `json:"verdict"`
	Child   string         `json:"child"`
	To      string         `json:"to"`
	Words   []struct {
		Word string `json:"word"`
	} `json:"words"`
	Round struct {
		Number int       `json:"number"`
		Nonce  string    `json:"nonce"`
		Need   int       `json:"need"`
		Have   int       `json:"have"`
		Votes  []dr.Vote `json:"votes"`
	} `json:"round"`
	Verbs   []dr.Verb  `json:"verbs"`
	Checks  []dr.Check `json:"checks"`
	Steps   []stepView `json:"steps"`
	Systems []struct {
		ID   string `json:"id"`
		Site string `json:"site"`
	} `json:"systems"`
	Times Times `json:"times"`
}

type stepView struct {
	ID    string       `json:"id"`
	Base  string       `json:"base"`
	Node  string       `json:"node"`
	State dr.StepState `json:"state"`
	Title string       `json:"title"`
	Text  string       `json:"text"`
}

const lookEvery = 120 * time.Millisecond

// Play tells the story on w, one line per thing that happens, and answers what came out of it. It
// ends early with an error that says where the run stands.
func (s Story) Play(ctx context.Context, w io.Writer) (Result, error) {
	t := &telling{Story: s, w: w, begin: time.Now(), told: map[string]bool{}}
	if t.Plan == "" {
		t.Plan = "bank-switchover"
	}
	if t.Zone == nil {
		t.Zone = sampleZone()
	}
	r := Result{Mode: dr.Drill, Environment: string(dr.Sample)}
	t.say("story_begin", dr.Args{"site": East, "count": strconv.Itoa(t.Seen().Acknowledged)})
	if err := t.rehearse(ctx); err != nil {
		return r, err
	}
	out, err := t.outbound(ctx, &r)
	if err != nil {
		return r, err
	}
	if err := t.home(ctx, &r, out); err != nil {
		return r, err
	}
	if r.Traffic, err = t.Audit(ctx); err != nil {
		return r, fmt.Errorf("reading the bank's ledger: %w", err)
	}
	t.say("story_traffic", dr.Args{"acknowledged": strconv.Itoa(r.Traffic.Acknowledged), "standby": strconv.Itoa(r.Traffic.ServedAtStandby),
		"lost": strconv.Itoa(r.Traffic.Lost), "gap": dr.Millis(r.Traffic.LongestGap).String()})
	if r.Report, r.Verified, err = t.Report(ctx, r.Run); err != nil {
		return r, fmt.Errorf("writing the report: %w", err)
	}
	word := "story_unverified"
	if r.Verified {
		word = "story_report"
	}
	t.say(word, dr.Args{"file": r.Report})
	r.Took = time.Since(t.begin).Milliseconds()
	return r, nil
}

// telling is a story while it is told.
type telling struct {
	Story
	w     io.Writer
	begin time.Time
	told  map[string]bool // groups of steps, by run and base, that have had their line
}

// sampleZone is Harbor Bank's own. China has no daylight saving time, so a machine without a zone
// database reads the same.
func sampleZone() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }

func (t *telling) say(id string, args dr.Args) { t.line(locale.Say(t.Lang, id, args)) }

func (t *telling) line(text string) {
	fmt.Fprintf(t.w, "%s %6.1fs  %s\n", Watermark, time.Since(t.begin).Seconds(), text)
}

func (t *telling) name(id string) string {
	for _, p := range t.People {
		if p.ID == id {
			return p.Name
		}
	}
	return id
}

// with lists people who have a role.
func (t *telling) with(role dr.Role) []dr.Person {
	var out []dr.Person
	for _, p := range t.People {
		if p.Has(role) && !p.Disabled && approval.OnDuty(p, t.Zone, dr.At(time.Now())) {
			out = append(out, p)
		}
	}
	return out
}

func (t *telling) view(ctx context.Context, as, run string) (runView, error) {
	var v runView
	err := t.API(ctx, as, http.MethodGet, "/api/runs/"+run, nil, &v)
	return v, err
}

func (t *telling) do(ctx context.Context, as, run string, verb dr.Verb, args map[string]any) (runView, error) {
	var v runView
	if args == nil {
		args = map[string]any{}
	}
	err := t.API(ctx, as, http.MethodPost, "/api/runs/"+run+"/"+string(verb), args, &v)
	return v, err
}

// request asks for a run as the first requester on duty.
func (t *telling) request(ctx context.Context, mode dr.Mode) (runView, string, error) {
	var v runView
	people := t.with(dr.Requester)
	if len(people) == 0 {
		return v, "", t.nobody(dr.VerbRequest, "")
	}
	as := people[0].ID
	err := t.API(ctx, as, http.MethodPost, "/api/runs", map[string]any{"plan": t.Plan, "mode": mode,
		"reason": locale.Say(t.Lang, "story_reason", nil)}, &v)
	return v, as, err
}

func (t *telling) nobody(verb dr.Verb, run string) error {
	return &dr.Error{Kind: dr.Refused, ID: "story_nobody", Args: dr.Args{"verb": string(verb), "run": run}}
}

// rehearse looks at everything and touches nothing.
func (t *telling) rehearse(ctx context.Context) error {
	v, as, err := t.request(ctx, dr.Rehearsal)
	if err != nil {
		return err
	}
	t.say("story_rehearsal", dr.Args{"person": t.name(as), "plan": t.Plan})
	v, err = t.until(ctx, as, v.ID, false, func(v runView) bool { return v.State.Ended() })
	if err != nil {
		return err
	}
	if v.State != dr.Closed && v.State != dr.ClosedWithExceptions {
		return t.stuck(v)
	}
	t.say("story_rehearsed", dr.Args{"steps": strconv.Itoa(len(v.Steps))})
	return nil
}

// outbound moves the bank and lets it serve there for the soak time.
func (t *telling) outbound(ctx context.Context, r *Result) (runView, error) {
	v, as, err := t.request(ctx, dr.Drill)
	if err != nil {
		return v, err
	}
	r.Run, r.PlanDigest = v.ID, v.Digest
	t.say("story_request", dr.Args{"person": t.name(as), "plan": t.Plan, "run": v.ID})
	if v, err = t.gate(ctx, as, v.ID, r, &r.Code); err != nil {
		return v, err
	}
	arrived := func(v runView) bool { return v.State == dr.AtStandby || v.State.Ended() }
	if v, err = t.until(ctx, as, v.ID, true, arrived); err != nil {
		return v, err
	}
	if v.State != dr.AtStandby {
		return v, t.stuck(v)
	}
	r.Outbound, r.Systems, r.Nodes = v.Times, len(v.Systems), pairs(v.Steps)
	t.exceptions(v)
	t.say("story_moved", dr.Args{"site": v.To, "machine": dr.Millis(v.Times.Machine).String(), "people": dr.Millis(v.Times.People).String(),
		"path": dr.Millis(v.Times.CriticalPath).String()})
	before := t.Seen().Acknowledged
	v, err = t.until(ctx, as, v.ID, true, func(v runView) bool { return slices.Contains(v.Verbs, dr.VerbSwitchback) || v.State.Ended() })
	t.say("story_soak", dr.Args{"count": strconv.Itoa(t.Seen().Acknowledged - before), "site": v.To})
	return v, err
}

// home is the way back: a run of its own with its own votes and code.
func (t *telling) home(ctx context.Context, r *Result, out runView) error {
	as, err := t.who(ctx, out.ID, dr.VerbSwitchback, t.with(dr.Requester))
	if err != nil {
		return err
	}
	v, err := t.do(ctx, as, out.ID, dr.VerbSwitchback, map[string]any{"reason": locale.Say(t.Lang, "story_reason_home", nil)})
	if err != nil {
		return err
	}
	if r.SwitchbackRun = v.ID; v.ID == out.ID {
		r.SwitchbackRun = v.Child
	}
	t.say("story_home", dr.Args{"person": t.name(as), "run": r.SwitchbackRun})
	var hands CodeHands
	if _, err = t.gate(ctx, as, r.SwitchbackRun, r, &hands); err != nil {
		return err
	}
	if v, err = t.until(ctx, as, r.SwitchbackRun, true, func(v runView) bool { return v.State.Ended() }); err != nil {
		return err
	}
	if v.State != dr.Closed && v.State != dr.ClosedWithExceptions {
		return t.stuck(v)
	}
	r.Switchback = v.Times
	t.exceptions(v)
	t.say("story_back", dr.Args{"site": v.To, "machine": dr.Millis(v.Times.Machine).String(), "people": dr.Millis(v.Times.People).String(),
		"path": dr.Millis(v.Times.CriticalPath).String()})
	return nil
}

// pairs counts the nodes a run took care of, a node and its peer being one.
func pairs(steps []stepView) int {
	seen := map[string]bool{}
	for _, st := range steps {
		if n, ok := FindNode(st.Node); ok {
			seen[n.System+"/"+n.Role+"/"+n.number()] = true
		}
	}
	return len(seen)
}

// exceptions names the steps that did not go well although the run did.
func (t *telling) exceptions(v runView) {
	for _, st := range v.Steps {
		if !st.State.Settled() {
			t.say("story_exception", dr.Args{"step": st.ID, "state": string(st.State), "why": st.Text})
		}
	}
}

// stuck says where a run stands that did not come to the end the story hoped for.
func (t *telling) stuck(v runView) error {
	why := string(v.Pause)
	for _, st := range v.Steps {
		if st.State == dr.StepFail || st.State == dr.StepUnknown {
			why = strings.TrimSpace(st.ID + ": " + st.Text)
			break
		}
	}
	if why == "" {
		for _, c := range v.Checks {
			if !c.OK {
				why = c.ID + ": " + c.Text
				break
			}
		}
	}
	return &dr.Error{Kind: dr.Unexpected, ID: "story_stuck", Args: dr.Args{"run": v.ID, "state": string(v.State), "why": why}}
}
