package dr

// Signal is one thing somebody's monitoring or pipeline said, in one shape whoever said it. It is what the
// store keeps and the only thing situations are made from, in the order of Seq.
type Signal struct {
	Seq         int64             `json:"seq"` // order of arrival; 0: not stored yet
	Key         string            `json:"key"` // source, fingerprint, start and status: the same again changes nothing
	Source      string            `json:"source"`
	Kind        SignalKind        `json:"kind"`
	Name        string            `json:"name"` // alertname, or the kind of a change: deploy, config, maintenance …
	Status      SignalStatus      `json:"status"`
	Severity    string            `json:"severity"` // critical | warning | info
	StartsAt    Time              `json:"starts_at"`
	EndsAt      Time              `json:"ends_at,omitzero"`
	At          Time              `json:"at"` // when it came in: what the engine's clock follows
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	By          string            `json:"by,omitempty"` // of a change: who made it
	URL         string            `json:"url,omitempty"`
}

// SignalKind is what a signal is: alert, change or look.
type SignalKind string

// The signals situations are made from. A look is what Switchman's own probe found: evidence like an alert,
// and stored like one, so that a replay sees it again.
const (
	SignalAlert  SignalKind = "alert"
	SignalChange SignalKind = "change"
	SignalLook   SignalKind = "look"
)

// SignalStatus is firing or resolved; a change is firing while it lasts.
type SignalStatus string

// The two.
const (
	Firing   SignalStatus = "firing"
	Resolved SignalStatus = "resolved"
)

// Entity is a thing of the organisation: scope and id. Its text is "node/ledger-db-e1".
type Entity struct {
	Scope string `json:"scope"` // site | system | host | node | array | link
	ID    string `json:"id"`
}

// String is scope/id, or empty.
func (e Entity) String() string {
	if e.ID == "" {
		return ""
	}
	return e.Scope + "/" + e.ID
}

// Fault is what is wrong with an entity.
type Fault string

// The faults there are names for.
const (
	FaultDown        Fault = "down"
	FaultIO          Fault = "io_errors"
	FaultReplication Fault = "replication_broken"
	FaultDiskFull    Fault = "disk_full"
	FaultBadChange   Fault = "bad_change"
	FaultCertificate Fault = "certificate"
	FaultOverload    Fault = "overload"
	FaultPartition   Fault = "partition"
	FaultStandby     Fault = "standby_side_down" // protection is lost; nothing customers use is broken
	FaultUnprotected Fault = "unprotected"       // what was lost is back and has not rejoined: nothing is copied to it
	FaultUnknown     Fault = "unknown"
)

// Situation is what is going on: many signals with one cause.
type Situation struct {
	ID      string    `json:"id"`
	Version int64     `json:"version"`
	State   string    `json:"state"` // open | quiet (nothing fires, waiting) | closed | merged
	Into    string    `json:"into,omitempty"`
	From    []string  `json:"from,omitempty"` // situations that were merged into it, or that it was split from
	FirstAt Time      `json:"first_at"`
	LastAt  Time      `json:"last_at"`
	EndedAt Time      `json:"ended_at,omitzero"`
	Times   int       `json:"times"` // 1; more where it was opened again
	Entity  Entity    `json:"entity"`
	Fault   Fault     `json:"fault"`
	Systems []string  `json:"systems"` // touched, most first
	Site    string    `json:"site,omitempty"`
	Signals int       `json:"signals"` // that belong to it
	Firing  int       `json:"firing"`
	Noise   int       `json:"noise"`             // came in meanwhile and were left out
	Keys    []string  `json:"keys,omitempty"`    // of the signals that belong to it, bounded
	For     []Clue    `json:"for"`               // evidence, strongest first
	Against []Clue    `json:"against,omitempty"` // what should be there and is not, or contradicts
	Changes []Suspect `json:"changes,omitempty"` // what changed just before, likeliest first
	Looks   []Look    `json:"looks,omitempty"`   // what Switchman's own probes found
	Wants   []string  `json:"wants,omitempty"`   // probes to look at before a move is recommended: see Look.Probe
	Advice  Advice    `json:"advice"`
	Answer  string    `json:"answer,omitempty"` // what a person said of the advice: not_this …
	// Short is the why of the advice in fewer words, by language: a model's, made of nothing but our own.
	Short map[string]string `json:"short,omitempty"`
}

// Settled says whether an advice is not about a plan: what it is about is over, or follows from what was done.
func Settled(a Advice) bool {
	switch a.Headline.ID {
	case "alert_advice_over", "alert_advice_fading", "alert_advice_unprotected", "alert_advice_unprotected_plan":
		return true
	}
	return false
}

// Clue is one piece of evidence in a sentence of locale, with the signals it rests on.
type Clue struct {
	ID     string   `json:"id"` // sentence
	Args   Args     `json:"args,omitempty"`
	Keys   []string `json:"keys,omitempty"`
	Weight float64  `json:"weight,omitempty"`
}

// Suspect is a change that came just before.
type Suspect struct {
	Key    string  `json:"key"`
	Name   string  `json:"name"`
	Text   string  `json:"text"`
	Entity Entity  `json:"entity"`
	By     string  `json:"by,omitempty"`
	At     Time    `json:"at"`
	Weight float64 `json:"weight"` // 0 to 1
}

// Look is what one of Switchman's own read-only probes found.
type Look struct {
	Probe  string `json:"probe"` // system/probe id, or protection/id, link/id
	Proves string `json:"proves"`
	Site   string `json:"site,omitempty"`
	Found  string `json:"found"` // yes | no | unknown
	Text   string `json:"text,omitempty"`
	At     Time   `json:"at"`
}

// Verdict is the answer a situation gives to "which plan?".
type Verdict string

// The three answers.
const (
	Recommend Verdict = "recommend" // this plan fits, with a confidence of at least .9
	Possible  Verdict = "possible"  // it may fit: Needs names what is missing
	NoneFits  Verdict = "none"      // none does; Plan is the nearest, Forbids what forbids it
)

// Advice is what Switchman would do, and why. It starts nothing.
type Advice struct {
	Verdict    Verdict `json:"verdict"`
	Plan       string  `json:"plan,omitempty"`
	Confidence float64 `json:"confidence"`
	At         Time    `json:"at"` // when this verdict was first given
	Headline   Clue    `json:"headline"`
	Why        []Clue  `json:"why"`
	Needs      []Clue  `json:"needs,omitempty"`
	Nearest    string  `json:"nearest,omitempty"`
	Forbids    []Clue  `json:"forbids,omitempty"`
}
