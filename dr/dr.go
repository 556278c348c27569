// Package dr holds the words Switchman is built from: sites and systems, people and policy,
// plans and runs, journal rows and errors. Every other package speaks in these types.
//
// It owns meaning, not behaviour: nothing here reads a file, a clock or a database, and it
// imports the standard library only. A word stands for one idea everywhere, in code, chat and
// reports; the list with the words that must not be used for it is in CONTRIBUTING.md.
//
// Conventions: ids are opaque strings, moments are [Time] (RFC 3339, UTC, milliseconds),
// durations are [Millis], digests are "sha256:" and 64 hex digits.
package dr

import (
	"fmt"
	"time"
)

// Kind says what a plan is for.
type Kind string

const (
	Switchover Kind = "switchover" // planned, the primary is healthy
	Failover   Kind = "failover"   // forced, the primary is lost
	Switchback Kind = "switchback" // return to the original site
)

// Direction says which way a run moves its systems.
type Direction string

const (
	Outbound Direction = "outbound" // away from home
	Return   Direction = "return"   // back home
)

// Direction is fixed by the kind of plan: only a switchback returns.
func (k Kind) Direction() Direction {
	if k == Switchback {
		return Return
	}
	return Outbound
}

// Mode says who is watching, and so how strict a run is.
type Mode string

const (
	Rehearsal     Mode = "rehearsal"      // nothing outside moves; no votes, no code
	Drill         Mode = "drill"          // announced, for real
	SurpriseDrill Mode = "surprise_drill" // ordered by an observer, for real
	Emergency     Mode = "emergency"      // the day itself
)

// Modes lists every mode, mildest first.
func Modes() []Mode { return []Mode{Rehearsal, Drill, SurpriseDrill, Emergency} }

// Environment says what an organisation's files describe; anything but production is
// watermarked on every surface.
type Environment string

const (
	Production Environment = "production"
	Test       Environment = "test"
	Sample     Environment = "sample"
)

// Class says what may be done when nobody knows whether a step arrived.
type Class string

const (
	Read       Class = "read"       // changes nothing; may be sent again at will
	Idempotent Class = "idempotent" // may be sent again after the probe says "not done"
	Once       Class = "once"       // never sent again by itself
)

// State is where a run stands. The table of moves is in package fsm.
type State string

const (
	Draft            State = "draft"
	Preflight        State = "preflight"
	AwaitingApproval State = "awaiting_approval"
	AwaitingCode     State = "awaiting_code"
	Running          State = "running"
	Verifying        State = "verifying"
	AtStandby        State = "at_standby"
	Paused           State = "paused"
	RollingBack      State = "rolling_back"

	Closed               State = "closed"
	ClosedWithExceptions State = "closed_with_exceptions"
	Denied               State = "denied"
	Expired              State = "expired"
	Cancelled            State = "cancelled"
	Failed               State = "failed"
	RolledBack           State = "rolled_back"
)

// States lists every state in the order of a run's life, ends last.
func States() []State {
	return []State{Draft, Preflight, AwaitingApproval, AwaitingCode, Running, Verifying, AtStandby, Paused, RollingBack,
		Closed, ClosedWithExceptions, Denied, Expired, Cancelled, Failed, RolledBack}
}

// Ended reports whether nothing can happen to the run any more.
func (s State) Ended() bool {
	switch s {
	case Closed, ClosedWithExceptions, Denied, Expired, Cancelled, Failed, RolledBack:
		return true
	}
	return false
}

// Moving reports whether steps may be in flight.
func (s State) Moving() bool { return s == Running || s == Verifying || s == RollingBack }

// Started reports whether effects may have left the house, ended or not.
func (s State) Started() bool {
	switch s {
	case Running, Verifying, AtStandby, Paused, RollingBack, Closed, ClosedWithExceptions, Failed, RolledBack:
		return true
	}
	return false
}

// PauseReason says why a run stands still.
type PauseReason string

const (
	ByOperator     PauseReason = "operator"
	StepFailed     PauseReason = "step_failed"
	OutcomeUnknown PauseReason = "outcome_unknown"
	HoldPoint      PauseReason = "hold_point"
	ProbesFailed   PauseReason = "probes_failed"
	Restarted      PauseReason = "restarted"
	LeaseLost      PauseReason = "lease_lost"
)

// StepState is where one step stands.
type StepState string

const (
	StepBlocked StepState = "blocked" // waits for other steps
	StepReady   StepState = "ready"   // may be sent
	StepIntent  StepState = "intent"  // recorded as about to be sent; may or may not have arrived
	StepOK      StepState = "ok"
	StepFail    StepState = "failed"
	StepUnknown StepState = "unknown" // nobody knows yet whether it happened
	StepSkipped StepState = "skipped" // left out by a person, with a reason
	StepUndone  StepState = "undone"  // done, then rolled back
	StepNever   StepState = "not_executed"
)

// Settled reports whether dependants may count on the step's outcome.
func (s StepState) Settled() bool { return s == StepOK || s == StepSkipped }

// Verb is something a person may ask of a run.
type Verb string

const (
	VerbRequest    Verb = "request"
	VerbApprove    Verb = "approve"
	VerbDeny       Verb = "deny"
	VerbWithdraw   Verb = "withdraw"
	VerbIssue      Verb = "issue_code"
	VerbStart      Verb = "start"
	VerbPause      Verb = "pause"
	VerbResume     Verb = "resume"
	VerbCancel     Verb = "cancel"
	VerbAbort      Verb = "abort"
	VerbRollback   Verb = "rollback"
	VerbForce      Verb = "force"
	VerbSwitchback Verb = "switchback"
	VerbClose      Verb = "close"
	VerbHandover   Verb = "handover"
	VerbAccept     Verb = "accept" // takes over command after a handover
	VerbContinue   Verb = "continue"
	VerbRetry      Verb = "retry"
	VerbSkip       Verb = "skip"
	VerbDone       Verb = "done"   // a manual step was carried out
	VerbDecide     Verb = "decide" // says what became of a step nobody knows about
	VerbOverride   Verb = "override"
	VerbPreflight  Verb = "preflight" // looks again
	VerbObserve    Verb = "observe"   // files a signed observation
	VerbOrder      Verb = "order"     // an observer gives order time, scope and challenge word
	VerbSignOff    Verb = "sign_off"
	VerbFinding    Verb = "finding"
)

// Role is what a person may do.
type Role string

const (
	Requester  Role = "requester"
	Approver   Role = "approver"
	CodeIssuer Role = "code_issuer"
	Operator   Role = "operator"
	Commander  Role = "commander"
	Observer   Role = "observer"
	Admin      Role = "admin"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{Requester, Approver, CodeIssuer, Operator, Commander, Observer, Admin}
}

// Millis is a duration in whole milliseconds; it is what JSON fields ending in _ms hold.
type Millis int64

// MillisOf rounds a duration down to milliseconds.
func MillisOf(d time.Duration) Millis { return Millis(d / time.Millisecond) }

// Duration converts back.
func (m Millis) Duration() time.Duration { return time.Duration(m) * time.Millisecond }

// String prints "90s" as "1m30s", the way people say it.
func (m Millis) String() string { return m.Duration().String() }

// Time is a moment in UTC with milliseconds. The zero value means "not known" and is left out
// of JSON where the field says omitzero.
type Time struct{ time.Time }

// TimeFormat is how every moment is written (RFC 3339, UTC, three digits).
const TimeFormat = "2006-01-02T15:04:05.000Z"

// At cuts a moment to what we keep of it.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// Micros is the number stored in a database column; zero for "not known".
func (t Time) Micros() int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros reads it back.
func FromMicros(n int64) Time {
	if n == 0 {
		return Time{}
	}
	return At(time.UnixMicro(n))
}

// Plus moves a moment by a duration.
func (t Time) Plus(m Millis) Time { return At(t.Add(m.Duration())) }

// Since is the distance to an earlier moment, 0 when either is not known.
func (t Time) Since(earlier Time) Millis {
	if t.IsZero() || earlier.IsZero() {
		return 0
	}
	return MillisOf(t.Sub(earlier.Time))
}

func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(TimeFormat)
}

// MarshalJSON writes null for the zero moment.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads any RFC 3339 moment and null.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" || string(b) == `""` {
		*t = Time{}
		return nil
	}
	parsed, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(b))
	if err != nil {
		return fmt.Errorf("moment %s: want RFC 3339 such as %q", b, TimeFormat)
	}
	*t = At(parsed)
	return nil
}

// Clock tells the time and wakes people. Only package app makes a real one; tests move theirs by
// hand. After must behave like time.After.
type Clock struct {
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// Time is Now cut to what we keep.
func (c Clock) Time() Time { return At(c.Now()) }
