package fsm

import (
	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
)

// Request asks for a run of a plan.
type Request struct {
	Plan      string        `json:"plan"`
	Mode      dr.Mode       `json:"mode"`
	Reason    string        `json:"reason"`
	Systems   []string      `json:"systems,omitempty"` // a subset of the plan's systems; empty: all
	Profile   string        `json:"profile,omitempty"` // staffing profile of the policy; empty: the first rule that fits
	Parent    string        `json:"parent,omitempty"`  // the run a switchback closes
	Overrides []dr.Override `json:"overrides,omitempty"`
	Impact    dr.Time       `json:"impact_at,omitzero"`
	Declared  dr.Time       `json:"declared_at,omitzero"`
	Ordered   dr.Time       `json:"ordered_at,omitzero"`
}

// Args fill a verb. Which ones a verb reads is said in docs/commands.md; the rest are ignored.
type Args struct {
	Version   int64    `json:"version,omitempty"` // refuse if the run moved on since; 0: don't compare
	Nonce     string   `json:"nonce,omitempty"`   // of the round a button was drawn for
	Words     string   `json:"words,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Confirmed bool     `json:"confirmed,omitempty"`
	Code      string   `json:"code,omitempty"` // never logged, never stored
	Step      string   `json:"step,omitempty"`
	Attempt   int      `json:"attempt,omitempty"` // the attempt a decision is about; 0: the newest
	Verdict   string   `json:"verdict,omitempty"` // decide: done | failed | again
	Check     string   `json:"check,omitempty"`
	To        string   `json:"to,omitempty"`
	Systems   []string `json:"systems,omitempty"`
	Text      string   `json:"text,omitempty"` // observation, finding, sign-off, challenge word
	Owner     string   `json:"owner,omitempty"`
	Due       string   `json:"due,omitempty"`
	Retest    string   `json:"retest,omitempty"`
}

// Filter narrows a list of runs.
type Filter struct {
	Open   bool   // only runs that have not ended
	System string // only runs of this system
	Limit  int    // 0: 50
}

// Issued is a code on its way to the issuer's screen, the only place it is ever shown.
type Issued struct {
	Code    approval.Secret `json:"-"`
	Expires dr.Time         `json:"expires_at"`
	View    View            `json:"run"`
}

// View is a run as surfaces show it: contract `run show --json` and a little more.
type View struct {
	ID          string         `json:"id"`
	Plan        string         `json:"plan"`
	Title       string         `json:"title"`
	Kind        dr.Kind        `json:"kind"`
	Digest      string         `json:"digest"`
	Words       []Word         `json:"words"`
	Mode        dr.Mode        `json:"mode"`
	Direction   dr.Direction   `json:"direction"`
	Environment dr.Environment `json:"environment"`
	From        string         `json:"from"`
	To          string         `json:"to"`
	State       dr.State       `json:"state"`
	Pause       dr.PauseReason `json:"pause,omitempty"`
	Reason      string         `json:"reason"`
	Version     int64          `json:"version"`
	Requester   string         `json:"requester"`
	Commander   string         `json:"commander,omitempty"`
	Handover    string         `json:"handover,omitempty"`
	Parent      string         `json:"parent,omitempty"`
	Child       string         `json:"child,omitempty"`
	Challenge   string         `json:"challenge,omitempty"`
	Profile     string         `json:"profile"`
	RTOFrom     string         `json:"rto_from"` // clock the recovery time counts from
	CodeLive    bool           `json:"code_live"`
	CodeLeft    int            `json:"code_tries_left"`
	Round       RoundView      `json:"round"`
	Verbs       []dr.Verb      `json:"verbs"`
	SoakEnds    dr.Time        `json:"soak_ends_at,omitzero"` // when it may go back; left out once it may
	Waiting     []string       `json:"waiting_for,omitempty"` // sentence ids with what is missing, in words
	Checks      []dr.Check     `json:"checks,omitempty"`
	FactsUntil  dr.Time        `json:"facts_until,omitzero"` // when the checks get too old for a start, which looks again then
	Overrides   []dr.Override  `json:"overrides,omitempty"`
	Force       *dr.ForceAsk   `json:"force,omitempty"`
	Steps       []StepView     `json:"steps"`
	Systems     []SystemView   `json:"systems"`
	Clocks      dr.Clocks      `json:"clocks"`
	Times       dr.Times       `json:"times"`
	Progress    Progress       `json:"progress"`
	Verdict     string         `json:"verdict,omitempty"`
	Criteria    []dr.Outcome   `json:"criteria,omitempty"`
	Now         dr.Time        `json:"now"`
}

// Word is one of the three words of a digest; the number may be typed instead.
type Word struct {
	Word   string `json:"word"`
	Number int    `json:"number"`
}

// RoundView is the open round.
type RoundView struct {
	Number  int       `json:"number"`
	Nonce   string    `json:"nonce,omitempty"`
	Need    int       `json:"need"`
	Have    int       `json:"have"`
	State   string    `json:"state"`
	Votes   []dr.Vote `json:"votes"`
	Expires dr.Time   `json:"expires_at"`
}

// StepView is one step with its newest attempt.
type StepView struct {
	ID       string       `json:"id"`
	Base     string       `json:"base"`
	Node     string       `json:"node"`
	System   string       `json:"system"`
	State    dr.StepState `json:"state"`
	Class    dr.Class     `json:"class"`
	Kind     dr.StepKind  `json:"kind"`
	Attempt  int          `json:"attempt"`
	Started  dr.Time      `json:"started_at"`
	Ended    dr.Time      `json:"ended_at"`
	Title    string       `json:"title"`
	Text     string       `json:"text,omitempty"`
	Reason   string       `json:"reason,omitempty"`
	Phase    string       `json:"phase"`
	NoReturn bool         `json:"no_return,omitempty"`
	Hold     bool         `json:"hold,omitempty"`
	Needs    []string     `json:"needs,omitempty"`
	Expect   dr.Millis    `json:"expect_ms"`
	Last     dr.Millis    `json:"last_ms,omitempty"` // what it took in the newest run of this plan
	Evidence []dr.Blob    `json:"evidence,omitempty"`
}

// SystemView is one system of the run.
type SystemView struct {
	dr.RunSystem
	Name  string `json:"name"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
}

// Progress counts steps.
type Progress struct {
	Done    int `json:"done"`
	Skipped int `json:"skipped,omitempty"` // of those done
	Total   int `json:"total"`
	Flying  int `json:"in_flight"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}
