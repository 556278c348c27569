package report

import "github.com/switchman-dr/switchman/dr"

// Format names the model. It changes when the same rows would give another model, so that a reader
// of an old bundle can tell a changed form from a changed story.
const Format = "switchman/report/v1"

// Model is everything a report says, in facts and without a language: what report.json holds. It is a
// pure reading of journal rows, frozen plans and kept evidence up to row AsOf; the same prefix gives the
// same bytes.
type Model struct {
	Format       string         `json:"format"`
	MadeBy       string         `json:"made_by"` // version of Switchman
	Organisation string         `json:"organisation"`
	Name         string         `json:"organisation_name"`
	Environment  dr.Environment `json:"environment"`
	TimeZone     string         `json:"time_zone"`
	AsOf         int64          `json:"as_of_row"`  // the last row read
	AsOfTime     dr.Time        `json:"as_of_time"` // of the newest row told
	Checkpoint   Checkpoint     `json:"checkpoint"`
	Runs         []Run          `json:"runs"` // the run, then its ways back in order
	Register     []Registered   `json:"register"`
	Rate         Rate           `json:"rate"`
	NotProven    []string       `json:"not_proven"`   // ids of sentences: limits of any such evidence
	NotCaptured  []string       `json:"not_captured"` // ids of sentences: what was not recorded here
}

// Checkpoint is the signed head of the journal the report was read from.
type Checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
	Key  string `json:"key"`
}

// Run is one run of the report.
type Run struct {
	ID         string         `json:"id"`
	Plan       string         `json:"plan"`
	Title      string         `json:"title"`
	Kind       dr.Kind        `json:"kind"`
	Mode       dr.Mode        `json:"mode"`
	Direction  dr.Direction   `json:"direction"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	FromName   string         `json:"from_name"`
	ToName     string         `json:"to_name"`
	State      dr.State       `json:"state"`
	Pause      dr.PauseReason `json:"pause,omitempty"`
	Verdict    string         `json:"verdict,omitempty"` // passed | failed | exceptions | rehearsed
	EndReason  string         `json:"end_reason,omitempty"`
	Requester  Who            `json:"requester"`
	OrderedBy  *Who           `json:"ordered_by,omitempty"` // the observer of a surprise drill
	Reason     string         `json:"reason"`
	Parent     string         `json:"parent,omitempty"`
	Challenge  string         `json:"challenge,omitempty"`
	Digest     string         `json:"digest"`
	Words      []Word         `json:"words"`
	Profile    string         `json:"profile"`
	RTOFrom    string         `json:"rto_from"`
	Clocks     dr.Clocks      `json:"clocks"`
	Times      dr.Times       `json:"times"`
	Systems    []System       `json:"systems"`
	Criteria   []dr.Outcome   `json:"criteria"`
	Overrides  []Override     `json:"overrides"`
	People     []Attendance   `json:"people"`
	Rounds     []Round        `json:"rounds"`
	Codes      []Code         `json:"codes"`
	Start      *Start         `json:"start,omitempty"`
	Commanders []Command      `json:"commanders"` // who led from when
	Facts      []Fact         `json:"facts"`      // the newest preflight before the start
	States     []Move         `json:"states"`     // every move of the state machine
	Pauses     []Pause        `json:"pauses"`
	Forced     []Forced       `json:"forced"`
	Steps      []Step         `json:"steps"`         // in the plan's order
	Critical   []string       `json:"critical_path"` // step ids, in order
	Notices    []Notice       `json:"notices"`
	Soak       *Soak          `json:"soak,omitempty"`
	Reentry    []Reentry      `json:"reentry"` // what must be entered again
	Findings   []Finding      `json:"findings"`
	Observed   []Finding      `json:"observations"`
	SignOffs   []SignOff      `json:"sign_offs"`
	Refusals   []Refusal      `json:"refusals"`
	Anchors    []Anchor       `json:"anchors"`
	LeftPaused []LeftPaused   `json:"left_paused,omitempty"`
}

// LeftPaused is a system whose automation was paused for a promotion and not resumed, by this run or a way back.
type LeftPaused struct {
	System string   `json:"system"`
	Name   string   `json:"name"`
	Nodes  []string `json:"nodes"` // members of the automation
}

// Who is a person as the frozen plan names them; Name is the id where it doesn't.
type Who struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Word is one of the three words of a digest.
type Word struct {
	Word   string `json:"word"`
	Number int    `json:"number"`
}

// System is how one system fared against its targets.
type System struct {
	dr.RunSystem
	Name   string `json:"name"`
	Tier   string `json:"tier,omitempty"`
	Steps  int    `json:"steps"`
	Nodes  int    `json:"nodes"`   // nodes of it that steps of this run touch or prove
	RTOMet string `json:"rto_met"` // yes | no | not_measured
	RPOMet string `json:"rpo_met"`
	Within string `json:"within_limit"` // yes | no | not_measured
}

// Override is a check somebody went past, by name.
type Override struct {
	Check    string  `json:"check"`
	Who      Who     `json:"who"`
	Reason   string  `json:"reason"`
	At       dr.Time `json:"at,omitzero"`
	Foreseen bool    `json:"foreseen"` // listed before the vote
}

// Attendance sets one person the rule named against what they did.
type Attendance struct {
	Who    Who       `json:"who"`
	Roles  []dr.Role `json:"roles"`
	Teams  []string  `json:"teams,omitempty"`
	Did    []string  `json:"did"`            // requested | approved | denied | issued_code | submitted_code | commanded | operated | observed | signed_off; empty: planned only
	OnDuty bool      `json:"on_duty"`        // when the run was requested
	For    string    `json:"for,omitempty"`  // name of the person a deputy stood in for
	Via    []string  `json:"via,omitempty"`  // surfaces used
	First  dr.Time   `json:"first,omitzero"` // first act
	Late   dr.Millis `json:"answered_ms"`    // from the round's opening to their vote; 0: none
}

// Round is one collection of votes.
type Round struct {
	Number  int      `json:"number"`
	Digest  string   `json:"digest"`
	Opened  dr.Time  `json:"opened_at"`
	Expires dr.Time  `json:"expires_at"`
	Ended   dr.Time  `json:"ended_at,omitzero"`
	State   string   `json:"state"` // open | complete | denied | expired | cancelled | used | replaced
	Reason  string   `json:"reason,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Need    int      `json:"need"`
	Have    int      `json:"have"`
	Votes   []Vote   `json:"votes"`
}

// Vote is one word of one person.
type Vote struct {
	Who     Who       `json:"who"`
	For     *Who      `json:"for,omitempty"`
	Verdict string    `json:"verdict"`
	Via     string    `json:"via"`
	At      dr.Time   `json:"at"`
	After   dr.Millis `json:"after_ms"` // since the round opened
	Reason  string    `json:"reason,omitempty"`
	Row     int64     `json:"row"`
}

// Code is the life of a security code; the code itself is nowhere.
type Code struct {
	ID      string  `json:"id"`
	Round   int     `json:"round"`
	Source  string  `json:"source"`
	Issuer  Who     `json:"issuer"`
	Issued  dr.Time `json:"issued_at"`
	Expires dr.Time `json:"expires_at"`
	Used    dr.Time `json:"used_at,omitzero"`
	UsedBy  *Who    `json:"used_by,omitempty"`
	Revoked dr.Time `json:"revoked_at,omitzero"`
	Tries   int     `json:"failed_tries"`
}

// Start is the act that set the run going.
type Start struct {
	At        dr.Time `json:"at"`
	Submitter Who     `json:"submitter"`
	Issuers   []Who   `json:"issuers"`
	Voters    []Who   `json:"voters"`
	People    int     `json:"people"`
	Row       int64   `json:"row"`
}

// Command says who led.
type Command struct {
	Who  Who     `json:"who"`
	From dr.Time `json:"from"`
}

// Fact is one preflight fact with how fresh it was when the run started.
type Fact struct {
	dr.Check
	Age        dr.Millis `json:"age_ms"` // at the start, or at the end of a run that never started
	Overridden bool      `json:"overridden,omitempty"`
}

// Move is one move of the state machine.
type Move struct {
	At     dr.Time        `json:"at"`
	From   dr.State       `json:"from"`
	To     dr.State       `json:"to"`
	Event  string         `json:"event"`
	Pause  dr.PauseReason `json:"pause,omitempty"`
	Who    *Who           `json:"who,omitempty"`
	Reason string         `json:"reason,omitempty"`
	Row    int64          `json:"row"`
}

// Pause is one standstill.
type Pause struct {
	From   dr.Time        `json:"from"`
	To     dr.Time        `json:"to,omitzero"`
	Why    dr.PauseReason `json:"why"`
	Reason string         `json:"reason,omitempty"`
	By     *Who           `json:"by,omitempty"`
}

// Forced is a turn from graceful to forced.
type Forced struct {
	At      dr.Time  `json:"at"`
	Systems []string `json:"systems"`
	Reason  string   `json:"reason"`
	By      Who      `json:"by"`
}

// Step is one step with all its attempts.
type Step struct {
	ID       string       `json:"id"`
	Title    string       `json:"title"`
	Kind     dr.StepKind  `json:"kind"`
	Class    dr.Class     `json:"class"`
	Phase    string       `json:"phase"`
	System   string       `json:"system,omitempty"`
	Node     string       `json:"node,omitempty"`
	Action   string       `json:"action"`
	Params   string       `json:"params"` // canonical JSON of the call's parameters; secrets are references
	Needs    []string     `json:"needs,omitempty"`
	State    dr.StepState `json:"state"`
	Reason   string       `json:"reason,omitempty"` // why skipped or never executed
	By       *Who         `json:"by,omitempty"`
	How      string       `json:"how,omitempty"` // outcome | skip | done | decide | forced | …
	NoReturn bool         `json:"no_return,omitempty"`
	Hold     bool         `json:"hold,omitempty"`
	Expect   dr.Millis    `json:"expect_ms"`
	Took     dr.Millis    `json:"took_ms"` // all attempts
	Critical bool         `json:"critical,omitempty"`
	Attempts []Attempt    `json:"attempts"`
	Decided  []Decision   `json:"decisions,omitempty"`
}

// Attempt is one sending of a step.
type Attempt struct {
	N         int          `json:"n"`
	Purpose   string       `json:"purpose"` // do | undo
	Token     string       `json:"token"`
	Intent    dr.Time      `json:"intent_at"`
	Outcome   dr.Time      `json:"outcome_at,omitzero"`
	State     dr.StepState `json:"state"`
	Code      int          `json:"code"`
	Text      string       `json:"text,omitempty"`
	Probe     dr.Found     `json:"probe,omitempty"`
	Took      dr.Millis    `json:"took_ms"`
	Masked    int          `json:"masked"`
	MaskRules []string     `json:"mask_rules,omitempty"`
	Evidence  []Evidence   `json:"evidence"`
	Rows      []int64      `json:"rows"` // intent, outcome
}

// Evidence is one kept proof.
type Evidence struct {
	dr.Blob
	File   string `json:"file"`             // its name inside a bundle
	Erased bool   `json:"erased,omitempty"` // by retention; its digest stays
}

// Decision is a person's word about a step.
type Decision struct {
	At     dr.Time      `json:"at"`
	How    string       `json:"how"`
	From   dr.StepState `json:"from"`
	To     dr.StepState `json:"to"`
	Who    *Who         `json:"who,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Row    int64        `json:"row"`
}

// Notice is something somebody was told, or had to be.
type Notice struct {
	At    dr.Time `json:"at"`
	Step  string  `json:"step,omitempty"`
	About string  `json:"about"`
	To    string  `json:"to"`
	Via   string  `json:"via"`
	Text  string  `json:"text"`
	Due   dr.Time `json:"due_at,omitzero"`
	State string  `json:"state"`
	Proof string  `json:"proof,omitempty"`
	Late  bool    `json:"late,omitempty"`
}

// Soak is the time served at the standby.
type Soak struct {
	From   dr.Time   `json:"from"`
	To     dr.Time   `json:"to,omitzero"`
	Took   dr.Millis `json:"took_ms"`
	Wanted dr.Millis `json:"wanted_ms"`
	Served int64     `json:"served"` // -1: not measured
}

// Reentry is what a reconciliation found missing.
type Reentry struct {
	System string   `json:"system"`
	Step   string   `json:"step"`
	Count  int64    `json:"count"` // -1: not measured
	Text   string   `json:"text"`
	Rows   []string `json:"rows,omitempty"`
}

// Finding is a finding or an observation.
type Finding struct {
	dr.FindingData
	Who Who     `json:"who"`
	At  dr.Time `json:"at"`
	Row int64   `json:"row"`
}

// SignOff is a signature under the run.
type SignOff struct {
	Who  Who     `json:"who"`
	At   dr.Time `json:"at"`
	Text string  `json:"text"`
	Row  int64   `json:"row"`
}

// Refusal is an attempt a rule refused.
type Refusal struct {
	At    dr.Time `json:"at"`
	Who   Who     `json:"who"`
	Via   string  `json:"via"`
	Verb  dr.Verb `json:"verb"`
	Rule  string  `json:"rule"`
	ID    string  `json:"id"`
	Args  dr.Args `json:"args,omitempty"`
	Times int     `json:"times"`
	Row   int64   `json:"row"`
}

// Anchor is a root that was written outside.
type Anchor struct {
	At   dr.Time `json:"at"`
	Size int64   `json:"size"`
	Root string  `json:"root"`
	Why  string  `json:"why"`
	To   string  `json:"to"`
}

// Registered is one line of the register: a run on one of these systems, whatever became of it.
type Registered struct {
	Run       string       `json:"run"`
	Plan      string       `json:"plan"`
	Kind      dr.Kind      `json:"kind"`
	Mode      dr.Mode      `json:"mode"`
	Direction dr.Direction `json:"direction"`
	Systems   []string     `json:"systems"`
	Requested dr.Time      `json:"requested_at"`
	Ended     dr.Time      `json:"ended_at,omitzero"`
	State     dr.State     `json:"state"` // its end; "open" when it has none
	Verdict   string       `json:"verdict,omitempty"`
	Here      bool         `json:"here,omitempty"` // told in this report
}

// Rate is how often real moves succeeded, rehearsals left out, by month of the bank's zone.
type Rate struct {
	Runs   int     `json:"runs"`
	Passed int     `json:"passed"`
	Months []Month `json:"months"`
}

// Month is one month of the rate.
type Month struct {
	Month  string `json:"month"` // 2006-01
	Runs   int    `json:"runs"`
	Passed int    `json:"passed"`
}
