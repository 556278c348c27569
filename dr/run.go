package dr

// Run is one carrying-out of one plan in one direction, as the store holds it, without its steps.
type Run struct {
	ID          string      `json:"id"`
	Plan        string      `json:"plan"`
	Title       string      `json:"title"`
	Digest      string      `json:"digest"` // of the frozen slice
	Kind        Kind        `json:"kind"`
	Mode        Mode        `json:"mode"`
	Direction   Direction   `json:"direction"`
	Environment Environment `json:"environment"`
	From        string      `json:"from"`
	To          string      `json:"to"`
	State       State       `json:"state"`
	Pause       PauseReason `json:"pause,omitempty"`
	ResumeTo    State       `json:"resume_to,omitempty"` // state a pause returns to
	Version     int64       `json:"version"`             // counts decisions; clients compare with it
	Requester   string      `json:"requester"`
	Reason      string      `json:"reason"`
	Commander   string      `json:"commander,omitempty"`
	Handover    string      `json:"handover,omitempty"` // person asked to take command
	Starter     string      `json:"starter,omitempty"`  // who submitted the code
	Profile     string      `json:"profile,omitempty"`  // staffing profile asked for; empty: the policy's first rule that fits
	Parent      string      `json:"parent,omitempty"`
	Child       string      `json:"child,omitempty"` // the switchback run
	Challenge   string      `json:"challenge,omitempty"`
	Observer    string      `json:"observer,omitempty"` // who ordered a surprise drill
	CodeTries   int         `json:"code_tries"`         // failed tries, never reset
	CodeLocked  bool        `json:"code_locked,omitempty"`
	StopAsked   bool        `json:"stop_asked,omitempty"` // pause once steps in flight have ended
	EndAsked    State       `json:"end_asked,omitempty"`  // end to reach once steps in flight have ended
	Passed      bool        `json:"passed,omitempty"`     // the point of no return is behind us
	Soaked      bool        `json:"soaked,omitempty"`     // served at the standby for as long as the plan wants
	Force       *ForceAsk   `json:"force,omitempty"`      // half of the gate that turns graceful into forced
	Clocks      Clocks      `json:"clocks"`
	Round       Round       `json:"round"`
	Codes       []Code      `json:"codes,omitempty"` // of the current round
	Checks      []Check     `json:"checks,omitempty"`
	Overrides   []Override  `json:"overrides,omitempty"`
	Systems     []RunSystem `json:"systems"`
	Verdict     string      `json:"verdict,omitempty"` // passed | failed | exceptions
}

// ForceAsk is the first person's word for forcing systems; a second person makes it so.
type ForceAsk struct {
	Systems []string `json:"systems"`
	Reason  string   `json:"reason"`
	By      string   `json:"by"`
	Human   string   `json:"human"`
	At      Time     `json:"at"`
}

// System finds the run's entry for a system.
func (r *Run) System(id string) *RunSystem {
	for i := range r.Systems {
		if r.Systems[i].ID == id {
			return &r.Systems[i]
		}
	}
	return nil
}

// Clocks are the moments a run is measured by.
type Clocks struct {
	Impact      Time `json:"impact_at"`
	Declared    Time `json:"declared_at"`
	Ordered     Time `json:"ordered_at"`
	Requested   Time `json:"requested_at"`
	Started     Time `json:"started_at,omitzero"`
	FirstEffect Time `json:"first_effect_at"`
	Restored    Time `json:"restored_at"`
	Ended       Time `json:"ended_at,omitzero"`
}

// Round is one collection of votes on one digest.
type Round struct {
	Number  int    `json:"number"`
	Nonce   string `json:"nonce"` // 128 random bits, hex
	Digest  string `json:"digest"`
	Opened  Time   `json:"opened_at,omitzero"`
	Expires Time   `json:"expires_at,omitzero"`
	State   string `json:"state"` // open | denied | expired | cancelled | used | replaced
	Votes   []Vote `json:"votes"`
}

// Vote is one person's word on one digest in one round.
type Vote struct {
	Person  string `json:"person"`
	Human   string `json:"human"`
	For     string `json:"for,omitempty"` // the person a deputy stands in for
	Verdict string `json:"verdict"`       // approve | deny | withdrawn
	Via     string `json:"via"`           // cli | console | slack
	Round   int    `json:"round"`
	Digest  string `json:"digest"`
	At      Time   `json:"at"`
	Reason  string `json:"reason,omitempty"`
}

// Code is an issued security code; the secret itself is only ever a hash here.
type Code struct {
	ID        string    `json:"id"`
	Issuer    string    `json:"issuer"`
	Human     string    `json:"human"`
	Round     int       `json:"round"`
	Digest    string    `json:"digest"`
	Direction Direction `json:"direction"`
	Mode      Mode      `json:"mode"`
	Source    string    `json:"source"` // issued | sheet
	Sheet     string    `json:"sheet,omitempty"`
	Number    int       `json:"number,omitempty"`
	Salt      []byte    `json:"-"`
	Hash      []byte    `json:"-"`
	Issued    Time      `json:"issued_at"`
	Expires   Time      `json:"expires_at"`
	Used      Time      `json:"used_at,omitzero"`
	UsedBy    string    `json:"used_by,omitempty"`
	Revoked   Time      `json:"revoked_at,omitzero"`
}

// Check is one preflight fact.
type Check struct {
	ID     string `json:"id"` // such as lag:ledger-stream, reach:ledger-db-e1, clock:ledger-db-e1
	Title  string `json:"title"`
	System string `json:"system,omitempty"`
	Node   string `json:"node,omitempty"`
	OK     bool   `json:"ok"`
	Level  string `json:"level"` // block | warn: its weight in this mode when not OK
	Text   string `json:"text"`
	At     Time   `json:"at"`
}

// RunSystem is how one system fares in a run; systems end each for themselves.
type RunSystem struct {
	ID        string `json:"id"`
	From      string `json:"from"`
	To        string `json:"to"`
	Site      string `json:"site"`  // where it is now, as far as this run knows
	State     string `json:"state"` // waiting | moving | moved | verified | failed | rolled_back | not_moved
	Forced    bool   `json:"forced,omitempty"`
	Verdict   string `json:"verdict"` // passed | failed | missed_rto | missed_rpo | exceptions; empty until known
	Restored  Time   `json:"restored_at,omitzero"`
	RTO       Millis `json:"rto_ms"` // achieved
	RTOTarget Millis `json:"rto_target_ms"`
	RPO       Millis `json:"rpo_ms"` // achieved; -1: not measured
	RPOTarget Millis `json:"rpo_target_ms"`
	Limit     Millis `json:"limit_ms"`
	Lost      int64  `json:"lost"`   // transactions; -1: not measured
	Served    int64  `json:"served"` // transactions served at the standby; -1: not measured
}

// StepRow is where one step of a run stands.
type StepRow struct {
	Run     string    `json:"run"`
	Step    string    `json:"id"`
	State   StepState `json:"state"`
	Attempt int       `json:"attempt"` // number of the newest attempt, 0 before the first
	Started Time      `json:"started_at,omitzero"`
	Ended   Time      `json:"ended_at,omitzero"`
	Reason  string    `json:"reason,omitempty"`
	By      string    `json:"by,omitempty"`
}

// Attempt is one sending of one step.
type Attempt struct {
	Run        string    `json:"run"`
	Step       string    `json:"step"`
	N          int       `json:"n"`
	Token      string    `json:"token"` // idempotency key at the target
	Epoch      int64     `json:"epoch"`
	Purpose    string    `json:"purpose"` // do | undo
	CallDigest string    `json:"call_digest"`
	State      StepState `json:"state"` // intent | ok | failed | unknown
	Intent     Time      `json:"intent_at"`
	Dispatched Time      `json:"dispatched_at,omitzero"`
	Outcome    Time      `json:"outcome_at,omitzero"`
	Code       int       `json:"code"` // exit or HTTP status
	Text       string    `json:"text,omitempty"`
	Probe      string    `json:"probe,omitempty"` // done | not_done | inconclusive
	Evidence   []Blob    `json:"evidence,omitempty"`
	Masked     int       `json:"masked"`
	MaskRules  []string  `json:"mask_rules,omitempty"`

	Facts map[string]int64 `json:"facts,omitempty"` // what the target told in numbers, such as lost, rpo_ms

	DecidedBy string `json:"decided_by,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// Blob names kept evidence by its content.
type Blob struct {
	Digest string `json:"digest"` // of the whole content
	Size   int64  `json:"size"`
	Kind   string `json:"kind"` // output | recording | image | video | text | slice
	Media  string `json:"media"`
	Name   string `json:"name,omitempty"`
}

// Found is what a look at the truth says.
type Found string

const (
	FoundDone         Found = "done"
	FoundNotDone      Found = "not_done"
	FoundInconclusive Found = "inconclusive"
)

// Actor is who acts and through which surface. The zero actor is Switchman itself.
type Actor struct {
	Person  string `json:"person,omitempty"`
	Surface string `json:"surface,omitempty"` // cli | console | slack | switchman
	Token   string `json:"token,omitempty"`   // id of the personal token, never its secret
}

// Itself is the actor of what nobody asked for: expiry, recovery, outcomes.
func Itself() Actor { return Actor{Surface: "switchman"} }
