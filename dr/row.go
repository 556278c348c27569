package dr

import "encoding/json"

// Row is one line of the journal. Data holds the canonical JSON of the struct its kind names below.
type Row struct {
	Seq     int64           `json:"seq"` // 0-based position in the tree
	At      Time            `json:"at"`
	Run     string          `json:"run,omitempty"`
	Prev    int64           `json:"prev,omitempty"` // the run's row before this one; 0: the run's first
	Kind    RowKind         `json:"kind"`
	Actor   string          `json:"actor,omitempty"` // person; empty for Switchman itself
	Surface string          `json:"surface,omitempty"`
	Data    json.RawMessage `json:"data"`
}

// RowKind names what a row records. Decisions, refusals, outcomes and milestones are journaled,
// never single alerts or log lines.
type RowKind string

const (
	RowInstalled    RowKind = "installed"        // InstalledData; the first row
	RowRequested    RowKind = "run.requested"    // RequestedData
	RowState        RowKind = "run.state"        // StateData
	RowPreflight    RowKind = "run.preflight"    // PreflightData
	RowRound        RowKind = "round.opened"     // RoundData
	RowVote         RowKind = "vote"             // VoteData
	RowRoundEnd     RowKind = "round.ended"      // RoundEndData
	RowCodeIssued   RowKind = "code.issued"      // CodeData; never the code
	RowCodeTried    RowKind = "code.tried"       // CodeTriedData; a wrong code
	RowCodeRevoked  RowKind = "code.revoked"     // CodeData
	RowStarted      RowKind = "run.started"      // StartedData
	RowIntent       RowKind = "step.intent"      // IntentData
	RowOutcome      RowKind = "step.outcome"     // OutcomeData
	RowStep         RowKind = "step.state"       // StepData: skipped, decided, continued, undone
	RowSystem       RowKind = "system.state"     // SystemData
	RowPlacement    RowKind = "placement.moved"  // PlacementData
	RowSoaked       RowKind = "run.soaked"       // SoakedData: at the standby for as long as the plan wants
	RowOverride     RowKind = "override"         // Override
	RowCommand      RowKind = "command"          // CommandData: handover asked, accepted
	RowForced       RowKind = "run.forced"       // ForcedData
	RowNotice       RowKind = "notice"           // NoticeData
	RowFinding      RowKind = "finding"          // FindingData
	RowObservation  RowKind = "observation"      // FindingData
	RowSignOff      RowKind = "sign_off"         // SignOffData
	RowRefusal      RowKind = "refusal"          // RefusalData
	RowAnchor       RowKind = "anchor"           // AnchorData: the root was written outside
	RowTraffic      RowKind = "traffic"          // any: statistics of the time at the standby
	RowCredential   RowKind = "credential"       // CredentialData: token made, revoked; person enrolled
	RowKey          RowKind = "key.rotated"      // KeyData
	RowRollback     RowKind = "journal.rollback" // RollbackData: rows were lost and somebody accepted it
	RowBlobErased   RowKind = "blob.erased"      // Blob
	RowOrganisation RowKind = "organisation"     // the files changed: {digest, changed}
	RowSituation    RowKind = "situation"        // SituationData: a milestone of one
	RowHook         RowKind = "hook.refused"     // HookData: signals that were not let in, counted
	RowSite         RowKind = "site"             // SiteData: which of Switchman's own sites works
)

type (
	// InstalledData opens a journal: whose it is and which key signs it.
	InstalledData struct {
		Organisation string      `json:"organisation"`
		Environment  Environment `json:"environment"`
		Key          string      `json:"key"`
	}
	// RollbackData says that the store went on from an older journal than it once had.
	RollbackData struct {
		Found  int64  `json:"found"`          // rows that were there
		Had    int64  `json:"had"`            // rows there had been, -1: not known
		Root   string `json:"root,omitempty"` // of the journal that was lost
		Reason string `json:"reason"`
	}
	// RequestedData opens a run.
	RequestedData struct {
		Plan      string    `json:"plan"`
		Title     string    `json:"title"`
		Kind      Kind      `json:"kind"`
		Mode      Mode      `json:"mode"`
		Direction Direction `json:"direction"`
		From      string    `json:"from"`
		To        string    `json:"to"`
		Systems   []string  `json:"systems"`
		Digest    string    `json:"digest"`
		Reason    string    `json:"reason"`
		Parent    string    `json:"parent,omitempty"`
		Challenge string    `json:"challenge,omitempty"`
		Clocks    Clocks    `json:"clocks"`
		Steps     int       `json:"steps"`
	}
	// StateData is one move of the state machine.
	StateData struct {
		From    State       `json:"from"`
		To      State       `json:"to"`
		Event   string      `json:"event"`
		Pause   PauseReason `json:"pause,omitempty"`
		Reason  string      `json:"reason,omitempty"`
		Verdict string      `json:"verdict,omitempty"`
		Clocks  *Clocks     `json:"clocks,omitempty"` // as they stand, from the start on
		Child   string      `json:"child,omitempty"`  // the way back that was asked for
	}
	// PreflightData holds the facts found.
	PreflightData struct {
		Checks []Check `json:"checks"`
	}
	// RoundData opens a round; Changed says what differs from the round before.
	RoundData struct {
		Number  int      `json:"number"`
		Digest  string   `json:"digest"`
		Expires Time     `json:"expires_at"`
		Changed []string `json:"changed,omitempty"`
	}
	// VoteData is a vote as it was counted.
	VoteData struct {
		Vote
		Have int `json:"have"`
		Need int `json:"need"`
	}
	// RoundEndData says why a round is over.
	RoundEndData struct {
		Number int    `json:"number"`
		State  string `json:"state"`
		Reason string `json:"reason,omitempty"`
	}
	// CodeData is a code's life without the code.
	CodeData struct {
		ID      string `json:"id"`
		Round   int    `json:"round"`
		Issuer  string `json:"issuer"`
		Source  string `json:"source"`
		Expires Time   `json:"expires_at"`
		Reason  string `json:"reason,omitempty"`
	}
	// CodeTriedData is a failed try.
	CodeTriedData struct {
		Tries  int  `json:"tries"`
		Left   int  `json:"left"`
		Locked bool `json:"locked"`
	}
	// StartedData is the start: who, with whose code, on whose votes.
	StartedData struct {
		Digest    string   `json:"digest"`
		Round     int      `json:"round"`
		Submitter string   `json:"submitter"`
		Issuers   []string `json:"issuers"`
		Voters    []string `json:"voters"`
		People    int      `json:"people"` // distinct humans who took part
		Profile   string   `json:"profile"`
		Commander string   `json:"commander,omitempty"` // who leads from here on
		Codes     []string `json:"codes,omitempty"`     // ids of the codes used up
	}
	// SiteData says at which site Switchman itself takes work: named by its first server, asked for by one
	// person, taken when a second one confirmed.
	SiteData struct {
		Event  string `json:"event"` // first | asked | taken
		Site   string `json:"site"`
		From   string `json:"from,omitempty"`
		Epoch  int64  `json:"epoch"`        // counts changes of the site
		By     string `json:"by,omitempty"` // who asked, in the row of whoever confirmed
		Reason string `json:"reason,omitempty"`
		Asked  Time   `json:"asked_at,omitzero"` // when it was asked, which names the wish
	}
	// SoakedData says how long the plan wanted its systems to serve at the standby site.
	SoakedData struct {
		Wanted Millis `json:"wanted_ms"`
	}
	// IntentData precedes every effect.
	IntentData struct {
		Step       string `json:"step"`
		N          int    `json:"n"`
		Token      string `json:"token"`
		Purpose    string `json:"purpose"`
		CallDigest string `json:"call_digest"`
		Class      Class  `json:"class"`
	}
	// OutcomeData follows it.
	OutcomeData struct {
		Step      string    `json:"step"`
		N         int       `json:"n"`
		State     StepState `json:"state"`
		Code      int       `json:"code"`
		Text      string    `json:"text,omitempty"`
		Took      Millis    `json:"took_ms"`
		Probe     Found     `json:"probe,omitempty"`
		Evidence  []Blob    `json:"evidence,omitempty"`
		Masked    int       `json:"masked,omitempty"`
		MaskRules []string  `json:"mask_rules,omitempty"`
		Undo      bool      `json:"undo,omitempty"`

		Facts map[string]int64 `json:"facts,omitempty"` // what the target told in numbers, such as lost
		Proof string           `json:"proof,omitempty"` // of a notice: message id and answer of each target
	}
	// StepData is a step moved by a person or a rule rather than by an outcome.
	StepData struct {
		Step   string    `json:"step"`
		N      int       `json:"n,omitempty"`
		From   StepState `json:"from"`
		To     StepState `json:"to"`
		Reason string    `json:"reason,omitempty"`
		How    string    `json:"how"` // skip | done | decide | retry | continue | forced | restart | rule | called_off
	}
	// SystemData is how a system of the run fares; every change of it has a row, so the last one is how
	// it fared.
	SystemData struct {
		RunSystem
		Why string `json:"why,omitempty"` // started | forced | measured | moved | proven | returned | rolled_back | ended
	}
	// PlacementData moves a system.
	PlacementData struct {
		System string `json:"system"`
		From   string `json:"from"`
		To     string `json:"to"`
	}
	// CommandData hands command over.
	CommandData struct {
		From     string `json:"from"`
		To       string `json:"to"`
		Accepted bool   `json:"accepted"`
		Taken    bool   `json:"taken,omitempty"` // nobody handed it over: From could lead no longer
	}
	// ForcedData turns systems from graceful to forced.
	ForcedData struct {
		Systems []string `json:"systems"`
		Reason  string   `json:"reason"`
	}
	// NoticeData is a notice sent or acknowledged.
	NoticeData struct {
		Step  string `json:"step,omitempty"`
		About string `json:"about"` // step | approval | unknown | paused | chat_down
		To    string `json:"to"`
		Via   string `json:"via"`
		Text  string `json:"text"`
		Due   Time   `json:"due_at,omitzero"`
		State string `json:"state"` // sent | failed | acknowledged
		Proof string `json:"proof,omitempty"`
	}
	// FindingData is a finding or an observation.
	FindingData struct {
		ID     string `json:"id"`
		Text   string `json:"text"`
		Owner  string `json:"owner,omitempty"`
		Due    string `json:"due,omitempty"`
		Retest string `json:"retest,omitempty"`
	}
	// SignOffData is a signature under the run.
	SignOffData struct {
		Text string `json:"text"`
	}
	// RefusalData is an attempt a rule refused.
	RefusalData struct {
		Verb  Verb   `json:"verb"`
		Rule  string `json:"rule"` // name of the guard
		ID    string `json:"id"`   // sentence of package locale
		Args  Args   `json:"args,omitempty"`
		Times int    `json:"times,omitempty"` // when repeats were folded
	}
	// AnchorData says where a root was written.
	AnchorData struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
		Why  string `json:"why"` // freeze | start | end
		To   string `json:"to"`
	}
	// CredentialData is the life of a credential.
	CredentialData struct {
		ID     string `json:"id"`
		Person string `json:"person"`
		What   string `json:"what"`  // token | enrolment | sheet | password | session
		State  string `json:"state"` // made | revoked | used
	}
	// KeyData rotates the log key, signed by both.
	KeyData struct {
		Old    string `json:"old"`
		New    string `json:"new"`
		OldSig string `json:"old_sig"`
		NewSig string `json:"new_sig"`
	}
	// SituationData is a milestone of a situation: what it was called when it came about.
	SituationData struct {
		ID         string   `json:"id"`
		Event      string   `json:"event"` // opened | named | advised | merged | split | quiet | reopened | closed | answered
		Entity     Entity   `json:"entity"`
		Fault      Fault    `json:"fault"`
		Verdict    Verdict  `json:"verdict,omitempty"`
		Plan       string   `json:"plan,omitempty"`
		Confidence float64  `json:"confidence,omitempty"`
		Signals    int      `json:"signals"`
		Others     []string `json:"others,omitempty"` // merged with, split from
		Answer     string   `json:"answer,omitempty"` // what a person said of the advice
	}
	// HookData counts signals that were refused at the door.
	HookData struct {
		Source string `json:"source"`
		Why    string `json:"why"` // secret | size | rate | malformed
		Times  int    `json:"times"`
	}
)
