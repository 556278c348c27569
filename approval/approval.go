// Package approval holds the rules that decide whether people have agreed: the page an auditor
// reads. Who may vote, whose votes count, who may issue the security code and who may type it, when
// all of that is stale, and what must be true in the very moment a run starts.
//
// It is pure. A decision is a function of a [Case] (what is), an [Act] (what somebody wants) and a
// list of named guards (the rules); it reads no clock, no file and no database, and gives back what
// should change. The engine applies it in the transaction in which it read the case, so nothing can
// move in between.
//
// What it refuses to do: it never lets a surface, a restart or an administrator past the guards,
// because there is one function and no switch. It never fills in what is not known: an unreadable
// roster, an unknown person, an unknown zone, a check without a date all mean no.
//
// Invariants, with the names used in guards:
//   - Votes count for one digest in one round (I3, I5). Any change of the plan opens a new round.
//   - People are counted by human being, not by account; a deputy and the person they stand in for
//     fill one slot together (I9). The requester's vote never counts (I7), nor the issuer's (I13).
//   - Whoever votes is judged twice: when they click, and again when the run starts (I11). The two
//     layers do not rely on each other and are tested alone.
//   - Silence is never a yes (I16); a no ends the round (I15).
//   - A quorum starts nothing (I21). A start needs the quorum, the live security codes, no deny, the
//     checks green or overridden in the approved plan, no freeze and fresh facts, in one decision.
//   - A wrong code counts against the run for good (C4); a code is not used up by a refusal for
//     another reason.
package approval

import (
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// The states of a round as they are stored.
const (
	RoundOpen     = "open"
	RoundDenied   = "denied"
	RoundExpired  = "expired"
	RoundUsed     = "used"
	RoundReplaced = "replaced"
)

// The words of a vote as they are stored.
const (
	Approve   = "approve"
	Deny      = "deny"
	Withdrawn = "withdrawn"
)

// The sources of a security code.
const (
	Issued = "issued" // made for this run by an issuer
	Sheet  = "sheet"  // a numbered line of a sealed sheet, bound to this round when it is opened
)

// Case is what is true now. The engine fills it inside its transaction.
type Case struct {
	Run          dr.Run         // with its current round, votes, codes and checks
	Slice        *dr.Slice      // the frozen plan of Run.Digest
	Roster       dr.Roster      // read now, not from the slice
	RosterErr    error          // why it could not be read
	Zone         *time.Location // the organisation's, for duty periods and windows
	Now          dr.Time
	ClockStepped bool   // the clock was seen going back by more than five seconds
	Current      string // digest of the same selection compiled from today's files; "" when not known

	counting []Guard // the guards a tally obeys; set by Decide, all of them where nobody did
}

// Act is what one person asks for. The engine fills Person from the credential, never from the
// request.
type Act struct {
	Verb      dr.Verb
	Person    string
	For       string // the person a deputy votes for; empty: worked out
	Surface   string
	Nonce     string // of the round the person was shown
	Words     string // the digest words typed
	Reason    string
	Check     string // check to override
	Confirmed bool
	Code      CodeTry
}

// CodeTry says what came of the code typed, without the code. The engine hashes it only after
// MayTry has said yes, so that strangers cannot make it work.
type CodeTry struct {
	Typed      bool
	WellFormed bool     // prefix and check symbol are right, of every code typed
	Count      int      // codes typed; 0 stands for one when Typed
	Match      []string // ids of this run's codes whose hash matched
}

// Layer says when a guard speaks.
const (
	Click = "click" // when a person votes or overrides a check
	Issue = "issue" // when a security code is issued
	Start = "start" // when the run starts, over the act and over every vote given before
)

// Guard is one rule with a name. Exactly one of the functions is set. Check judges the act. Count
// says whether a vote given earlier may fill a slot of the group now. Clash says whether two votes
// may not both fill a slot.
type Guard struct {
	Name  string // such as I7_requester_vote; journaled with a refusal
	Layer string // Click, Issue or Start
	Try   bool   // its refusal means that the code was wrong, and counts against the run

	Check func(Case, Act) *dr.Error
	Count func(Case, dr.Vote, dr.Group) bool
	Clash func(Case, dr.Vote, dr.Vote) bool
}

// Effect is what an allowed act changes. Empty fields change nothing.
type Effect struct {
	Vote       *dr.Vote // to store, replacing the same human's earlier vote of this round
	RoundState string   // the round's next state
	Have, Need int      // slots filled and wanted, with the act counted
	Quorum     bool
	State      dr.State        // the run's next state
	Started    *dr.StartedData // set when the run starts
	UsedCodes  []string        // codes this start uses up
	Revoked    []string        // codes that no longer count
	Code       *dr.Code        // the code to issue, without id, salt and hash
	Override   *dr.Override    // to be frozen into a new slice
	NewRound   bool            // the digest must change: compile again and open a new round
}

// Refusal says which rule said no.
type Refusal struct {
	Guard       string
	Err         *dr.Error
	CountsAsTry bool // the code was wrong: count it against the run in the same transaction
}

// Error makes a refusal an error; it reads as its sentence.
func (r *Refusal) Error() string { return r.Guard + ": " + r.Err.Error() }

// Unwrap gives the sentence to errors.As.
func (r *Refusal) Unwrap() error { return r.Err }
