package dr

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// SliceFormat opens every frozen plan, so that its digest can never be that of anything else.
const SliceFormat = "switchman/slice/v1"

// Slice is exactly what a run will do, on what, under which rule, by whom: the part of the
// organisation's files this run uses, compiled. Its JSON bytes are canonical (field order fixed,
// map keys sorted), are kept as they are, and are what people approve.
type Slice struct {
	Format       string            `json:"format"`
	Organisation string            `json:"organisation"`
	Environment  Environment       `json:"environment"`
	TimeZone     string            `json:"time_zone"`
	Plan         string            `json:"plan"`
	Title        string            `json:"title"`
	Kind         Kind              `json:"kind"`
	Direction    Direction         `json:"direction"`
	Mode         Mode              `json:"mode"`
	Pair         string            `json:"pair,omitempty"`
	Parent       string            `json:"parent,omitempty"` // the outbound run a switchback closes
	From         string            `json:"from"`
	To           string            `json:"to"`
	Names        Names             `json:"names"`
	Systems      []System          `json:"systems"`
	Resources    []string          `json:"resources,omitempty"`
	Steps        []Step            `json:"steps"`
	MaxInFlight  int               `json:"max_in_flight"`
	Soak         Millis            `json:"soak_ms,omitempty"` // shortest time at the standby before closing or switchback
	Rule         Rule              `json:"rule"`
	Severity     []Severity        `json:"severity,omitempty"`
	MayOverride  []OverrideRule    `json:"may_override,omitempty"`
	Freezes      []Freeze          `json:"freezes,omitempty"`
	People       []Person          `json:"people"` // everybody the rule could let act
	Criteria     []Criterion       `json:"criteria"`
	Overrides    []Override        `json:"overrides,omitempty"` // foreseen and listed before the vote
	Challenge    string            `json:"challenge,omitempty"` // an observer's word
	Versions     map[string]string `json:"versions,omitempty"`  // switchman, policy, roster

	index map[string]int // of the steps, once Index was called
}

// Names are what people call what the slice has ids of, for those who read it without the files.
type Names struct {
	Organisation string `json:"organisation"`
	From         string `json:"from"`
	To           string `json:"to"`
}

// Index makes Step quick from here on; call it once, before the slice is shared.
func (s *Slice) Index() {
	s.index = make(map[string]int, len(s.Steps))
	for i, st := range s.Steps {
		s.index[st.ID] = i
	}
}

// Bytes are the canonical bytes.
func (s *Slice) Bytes() ([]byte, error) { return json.Marshal(s) }

// Step finds a step by id.
func (s *Slice) Step(id string) (Step, bool) {
	if s.index != nil {
		i, ok := s.index[id]
		if !ok {
			return Step{}, false
		}
		return s.Steps[i], true
	}
	for _, st := range s.Steps {
		if st.ID == id {
			return st, true
		}
	}
	return Step{}, false
}

// Node finds a node by id.
func (s *Slice) Node(id string) (Node, bool) {
	for _, sys := range s.Systems {
		for _, n := range sys.Nodes {
			if n.ID == id {
				return n, true
			}
		}
	}
	return Node{}, false
}

// Digest names bytes: "sha256:" and 64 hex digits.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// StepKind sorts steps by who carries them out.
type StepKind string

const (
	ActionStep    StepKind = "action"    // the hands
	ManualStep    StepKind = "manual"    // a person, who then says done
	WaitStep      StepKind = "wait"      // time
	CheckStep     StepKind = "check"     // the eyes: a probe must say yes
	ReconcileStep StepKind = "reconcile" // counts, amounts and digests on both sides
	NotifyStep    StepKind = "notify"    // tells somebody; off the critical path
)

// Call names an action and its filled parameters. Values are string, bool, float64-free integers
// (int64), []string or map[string]string; a parameter of type "call" holds another Call; secrets
// stay references ("secret:NAME").
type Call struct {
	Action string         `json:"action"`
	Params map[string]any `json:"params,omitempty"`
}

// Step is one compiled step on at most one node.
type Step struct {
	ID         string     `json:"id"`   // plan step id, "@" and node id where one is selected
	Base       string     `json:"base"` // plan step id
	Title      string     `json:"title"`
	Kind       StepKind   `json:"kind"`
	System     string     `json:"system,omitempty"`
	Node       string     `json:"node,omitempty"`
	Call       Call       `json:"call"`
	Class      Class      `json:"class"`
	Expect     Millis     `json:"expect_ms"`
	Timeout    Millis     `json:"timeout_ms"`
	Retry      Retry      `json:"retry,omitzero"`
	Needs      []string   `json:"needs,omitempty"` // compiled step ids
	Probe      *Call      `json:"probe,omitempty"` // done means: the step's effect is there
	Undo       *Call      `json:"undo,omitempty"`
	UndoProbe  *Call      `json:"undo_probe,omitempty"`
	Ungraceful Ungraceful `json:"ungraceful"`
	NoReturn   bool       `json:"no_return,omitempty"` // after it, undo is impossible
	Hold       bool       `json:"hold,omitempty"`      // stop for a human before it
	Phase      string     `json:"phase"`               // run | verify
	Group      string     `json:"group,omitempty"`     // steps sharing a limit
	GroupMax   int        `json:"group_max,omitempty"`
	Evidence   []string   `json:"evidence,omitempty"` // output | recording | screenshot
	Notify     *Notify    `json:"notify,omitempty"`
	Off        bool       `json:"off_critical_path,omitempty"`
}

// Retry says how often a failed step is tried again by itself; only read and idempotent steps may.
type Retry struct {
	Times   int    `json:"times,omitempty"`
	Backoff Millis `json:"backoff_ms,omitempty"`
}

// Ungraceful says what becomes of a step once the run is forced.
type Ungraceful struct {
	Do   string `json:"do"` // same | skip | try | own
	Call *Call  `json:"call,omitempty"`
}

// Notify describes a notice.
type Notify struct {
	To    string `json:"to"`    // recipient class, such as regulator, branches, management
	After string `json:"after"` // clock it counts from: declared | ordered | requested | first_effect | restored
	Due   Millis `json:"due_ms"`
	Text  string `json:"text"`
}

// Criterion is one measure of success, fixed before the run.
type Criterion struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	System string `json:"system,omitempty"`
	Metric string `json:"metric"` // rto | rpo | limit | lost | served | probe | reconcile
	Op     string `json:"op"`     // <= | >= | ==
	Value  int64  `json:"value"`  // ms or a count
}

// Override lets a run go on although a check says no.
type Override struct {
	Check  string `json:"check"`
	Person string `json:"person"`
	Reason string `json:"reason"`
	At     Time   `json:"at,omitzero"`
}

// ActionSpec says what an action accepts; catalog checks plans against it.
type ActionSpec struct {
	Name     string      `json:"name"`
	Title    string      `json:"title"`
	Kind     StepKind    `json:"kind"`    // the kind of step it makes
	Classes  []Class     `json:"classes"` // classes a step with it may declare
	Params   []ParamSpec `json:"params"`
	CanProbe bool        `json:"can_probe"` // may be used as a probe: looks only
	Example  string      `json:"example"`   // one YAML line
}

// ParamSpec describes one parameter.
type ParamSpec struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"` // string | int | bool | duration | list | map | call | call
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"` // must be a reference, never plain text
	Pattern  string   `json:"pattern,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Doc      string   `json:"doc"`
}
