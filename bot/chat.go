package bot

import (
	"context"
	"io"

	"github.com/switchman-dr/switchman/dr"
)

// Chat is what a surface can do. Everything is idempotent: the same key again, or the same update again,
// changes nothing and gives the same answer, so that the narrator may repeat what a crash left in doubt.
// An error of kind dr.Invalid says that this message will never be taken; any other is tried again.
type Chat interface {
	// Post puts a card where everybody in dest sees it.
	Post(ctx context.Context, dest string, card Card, key string) (Ref, error)
	// Update draws a posted card anew.
	Update(ctx context.Context, ref Ref, card Card) error
	// Whisper shows a card to one person; its key is the card's.
	Whisper(ctx context.Context, dest, person string, card Card) error
	// Form opens a dialog in answer to a trigger, which lives for seconds.
	Form(ctx context.Context, trigger string, form Form) error
	// Upload puts a file into dest; its key is the file's.
	Upload(ctx context.Context, dest string, file File) (Ref, error)
	// Caps says what the surface can show, and how often it likes to be told.
	Caps() Caps
}

// Ref is what a surface calls one of its messages.
type Ref string

// File is something to upload. Open may be called again for another try.
type File struct {
	Key     string
	Name    string
	Media   string
	Size    int64
	Comment Card // said beside it
	Open    func() (io.ReadCloser, error)
}

// Caps are a surface's abilities.
type Caps struct {
	Forms   bool      // dialogs
	Secrets bool      // a form may ask for a security code in every mode, not only in drills
	Uploads bool      // files
	Redraw  dr.Millis // least time between two updates of one message; at least one second is kept anyway
}

// IntentKind says how a person spoke.
type IntentKind string

// The ways a person speaks.
const (
	Command IntentKind = "command" // typed a line; Args holds it
	Mention IntentKind = "mention" // spoke to the bot in passing; Args holds the line
	Aside   IntentKind = "aside"   // asked something below an answer of the bot's, and not the bot; Args holds the line
	Press   IntentKind = "action"  // pressed a button; Args holds its nonce
	Submit  IntentKind = "submit"  // sent a form; Args holds its nonce, Values the fields
	Change  IntentKind = "change"  // chose something in a form that says more by it; Args holds its nonce, Values the live fields
	Dismiss IntentKind = "close"   // closed a form
	Home    IntentKind = "home"    // opened the bot's own page
)

// Intent is one thing a person wants, as a surface hands it in. The surface has found out who it is, has
// dropped second deliveries by Keys, and has asked whatever a button's Confirm said.
type Intent struct {
	Surface string            `json:"surface"` // cli | console | slack: what votes are counted as coming through
	Keys    []string          `json:"keys,omitempty"`
	Person  string            `json:"person"` // of the roster; empty: the surface does not know them
	Dest    string            `json:"dest,omitempty"`
	Kind    IntentKind        `json:"kind"`
	Verb    string            `json:"verb,omitempty"` // a command's first word where the surface split it off
	Args    string            `json:"args,omitempty"`
	Values  map[string]string `json:"values,omitempty"` // never stored: a secret field may be among them
	Ref     Ref               `json:"ref,omitempty"`    // the message a button was on
	Thread  Ref               `json:"thread,omitempty"` // the message the talk began with, where a surface has threads
	Trigger string            `json:"trigger,omitempty"`
	At      dr.Time           `json:"at,omitzero"`

	Confirmed bool `json:"confirmed,omitempty"` // the person said yes to the button's Confirm
	StepUp    bool `json:"step_up,omitempty"`   // they have just proven again who they are
	Secrets   bool `json:"-"`                   // this surface may ask for a code in every mode

	Lang string `json:"-"` // the reader's language where the surface knows better than the roster
	Each bool   `json:"-"` // answer in every language: others read it too, each in their own

	Company Company `json:"-"` // who else reads what is answered here

	// Live is shown what there is of an answer before it is whole; each showing takes the place of the one
	// before, and the reply that of the last. Its cards have no buttons to press. It must not take long. nil:
	// the surface shows what is whole.
	Live func(Reply) `json:"-"`
}

// Reply is the answer to an intent. It always holds a card or a form, but for an aside to which there is
// nothing to say: that one is answered by silence.
type Reply struct {
	Card   Card              `json:"card"`
	Form   *Form             `json:"form,omitempty"`   // open this; the card says the same for surfaces that cannot
	Errors map[string]string `json:"errors,omitempty"` // what is wrong with fields of the form submitted; it stays open
	Run    string            `json:"run,omitempty"`
	Done   bool              `json:"done,omitempty"`   // something was changed
	Public bool              `json:"public,omitempty"` // fit for everybody in the place it was asked in
	Own    bool              `json:"-"`                // for this person's eyes alone, wherever it was asked
	Post   *Card             `json:"-"`                // put this where everybody in the place sees it
}

// Deliver hands a reply to the surface it came from: a form to the trigger, else a card to the person.
func Deliver(ctx context.Context, chat Chat, in Intent, r Reply) error {
	if r.Form != nil && in.Trigger != "" && chat.Caps().Forms {
		return chat.Form(ctx, in.Trigger, *r.Form)
	}
	if len(in.Keys) > 0 {
		r.Card.Key = "answer/" + in.Surface + "/" + in.Keys[0]
	}
	return chat.Whisper(ctx, in.Dest, in.Person, r.Card)
}

// NeedsStepUp says whether a surface should have a person prove again who they are before it hands an act
// in: to issue or enter a code, and to vote outside drills.
func NeedsStepUp(verb dr.Verb, mode dr.Mode) bool {
	switch verb {
	case dr.VerbIssue:
		return true
	case dr.VerbStart:
		return mode != dr.Rehearsal
	case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw:
		return mode == dr.SurpriseDrill || mode == dr.Emergency
	}
	return false
}
