package bot

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// What a button or form does once its nonce has come back.
const (
	doIt   = "do"   // the verb
	fillIn = "form" // open the form of the verb
	sendIt = "send" // the form was sent: the verb with its fields
	showIt = "show" // a card: Command names which
)

// press is what a button or form stands for. It is kept in the store under a nonce, which is all a
// surface carries: nothing a person or another bot can make up, and drawn for one place, one moment of
// one run and, in an answer to somebody, for them alone.
type press struct {
	Act       string         `json:"act"`
	Command   string         `json:"command"`
	Verb      dr.Verb        `json:"verb,omitempty"`
	Surface   string         `json:"surface"`
	Dest      string         `json:"dest,omitempty"`
	Person    string         `json:"person,omitempty"` // empty: anybody who may
	Run       string         `json:"run,omitempty"`
	Round     string         `json:"round,omitempty"` // nonce of the round it was drawn for
	Version   int64          `json:"version,omitempty"`
	State     dr.State       `json:"state,omitempty"`
	Pause     dr.PauseReason `json:"pause,omitempty"`
	Step      string         `json:"step,omitempty"`
	Attempt   int            `json:"attempt,omitempty"`
	Plan      string         `json:"plan,omitempty"`
	Mode      dr.Mode        `json:"mode,omitempty"`
	Args      *fsm.Args      `json:"args,omitempty"`      // what was typed before; never a code
	Situation string         `json:"situation,omitempty"` // it is about what is going on
	Made      int64          `json:"made,omitempty"`      // of a form that can be sent once: when it was drawn, so that the next one is another
	About     *about         `json:"about,omitempty"`     // an answer from the runbooks
	Site      string         `json:"site,omitempty"`      // of Switchman's own that shall take work
	Asked     int64          `json:"asked,omitempty"`     // when that was asked, in milliseconds; 0: this asks it
}

const (
	buttonPurpose = "bot"
	nonceLife     = dr.Millis(30 * 24 * 3600 * 1000) // a run may stand at the standby for weeks
)

// nonces makes the nonces of one card. The same button drawn again at the same moment of a run has the
// same nonce, so that redrawing a board writes nothing.
type nonces struct {
	secret []byte
	now    dr.Time
	made   map[string]press
}

func (b *Bot) nonces() *nonces {
	return &nonces{secret: b.cfg.Secret, now: b.cfg.Clock.Time(), made: map[string]press{}}
}

// nonce names a press.
func (n *nonces) nonce(p press) string {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of ours that cannot be written is a programming error
	}
	m := hmac.New(sha256.New, n.secret)
	fmt.Fprintf(m, "switchman button v1\n%d\n%s", n.epoch(), body)
	name := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)[:20]))
	n.made[name] = p
	return name
}

// epoch makes nonces of later months new ones, after the old ones have run out.
func (n *nonces) epoch() int64 { return n.now.UnixMilli() / int64(nonceLife) }

func (n *nonces) expires() dr.Time { return dr.FromMicros((n.epoch() + 2) * int64(nonceLife) * 1000) }

// keep stores what is not stored yet.
func (n *nonces) keep(ctx context.Context, s *store.Store) error {
	missing := map[string]press{}
	err := s.Read(ctx, func(r *store.Reader) error {
		clear(missing)
		for name, p := range n.made {
			if _, err := r.Nonce(ctx, buttonPurpose, name); err != nil {
				if !gone(err) {
					return err
				}
				missing[name] = p
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	return s.Write(ctx, func(tx *store.Tx) error {
		for name, p := range missing {
			if _, err := tx.Nonce(ctx, buttonPurpose, name); err == nil { // somebody drew it meanwhile
				continue
			}
			body, err := json.Marshal(p)
			if err != nil {
				return fmt.Errorf("writing a button: %w", err)
			}
			err = tx.PutNonce(ctx, store.Nonce{Nonce: name, Purpose: buttonPurpose, Person: p.Person, Detail: string(body), Expires: n.expires()})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func gone(err error) bool {
	var e *dr.Error
	return errors.As(err, &e) && e.ID == "nonce_gone"
}

// recall looks up what a nonce stands for, and refuses one that is unknown, somebody else's, or from
// another place.
func (b *Bot) recall(ctx context.Context, in Intent) (p press, _ error) {
	var kept store.Nonce
	if len(in.Args) > 64 {
		return p, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	}
	err := b.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		kept, err = r.Nonce(ctx, buttonPurpose, in.Args)
		return err
	})
	if gone(err) {
		return p, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	}
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(kept.Detail), &p); err != nil {
		return p, fmt.Errorf("reading a button: %w", err)
	}
	switch {
	case (in.Kind == Submit || in.Kind == Change) != (p.Act == sendIt): // a button's nonce sends no form, nor a form's presses a button
		return p, &dr.Error{Kind: dr.Refused, ID: "bot_button_unknown"}
	case p.Surface != in.Surface, p.Dest != "" && in.Dest != "" && p.Dest != in.Dest && !p.followed(in):
		return p, &dr.Error{Kind: dr.Refused, ID: "bot_button_elsewhere"}
	case kept.Person != "" && kept.Person != in.Person:
		return p, &dr.Error{Kind: dr.Refused, ID: "bot_button_foreign"}
	}
	return p, b.inItsPlace(ctx, p, in.Ref)
}

// followed says whether a button reached its one reader where they are alone with the bot: what could not be
// shown to them in the place they asked in is shown there.
func (p press) followed(in Intent) bool {
	return p.Person != "" && p.Person == in.Person && in.Company == Alone
}

// inItsPlace refuses a button of a run's board on any other message. Everybody in a place can read what its
// nonce is, so whoever may post there in the bot's name could put it under another label.
func (b *Bot) inItsPlace(ctx context.Context, p press, ref Ref) error {
	about := first(p.Run, p.Situation)
	if p.Asked > 0 {
		about = siteAbout(p.Asked)
	}
	if p.Person != "" || about == "" || ref == "" {
		return nil
	}
	return b.cfg.Store.Read(ctx, func(r *store.Reader) error {
		board, err := r.Outbox(ctx, boardKey(p.Surface+"/"+p.Dest, about))
		if err != nil && dr.KindOf(err) != dr.NotFound {
			return err
		}
		if board.Ref != "" && board.Ref != string(ref) { // a board that was just posted has no ref yet
			return &dr.Error{Kind: dr.Refused, ID: "bot_button_elsewhere"}
		}
		return nil
	})
}

// fits says whether a run is still at the moment a button was drawn for. The engine judges everything
// else; this keeps a button from doing what its label no longer says.
func (p press) fits(v fsm.View) error {
	stale := &dr.Error{Kind: dr.Conflict, ID: "bot_button_stale", Args: dr.Args{"run": v.ID, "state": string(v.State)}}
	if p.Round != "" && p.Round != v.Round.Nonce || p.Version != 0 && p.Version != v.Version {
		return stale
	}
	if p.Step != "" {
		for _, s := range v.Steps {
			if s.ID == p.Step && s.Attempt != p.Attempt {
				return stale
			}
		}
	}
	if p.pinned() && (p.State != v.State || p.Pause != v.Pause) {
		return stale
	}
	return nil
}

// pinned says whether a verb means something else once the run's state is another. Stopping is always
// meant, and votes and codes go by their round.
func (p press) pinned() bool {
	switch p.Verb {
	case "", dr.VerbPause, dr.VerbCancel, dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbStart, dr.VerbIssue,
		dr.VerbObserve, dr.VerbFinding, dr.VerbSignOff, dr.VerbPreflight, dr.VerbOrder, dr.VerbOverride, dr.VerbDone:
		return false
	}
	return true
}

// at fills in the moment a button is drawn for.
func (p press) at(v fsm.View) press {
	p.Run = v.ID
	switch p.Verb {
	case dr.VerbApprove, dr.VerbDeny, dr.VerbWithdraw, dr.VerbStart, dr.VerbOverride:
		p.Round = v.Round.Nonce
	}
	if p.pinned() {
		p.State, p.Pause = v.State, v.Pause
		if !v.State.Moving() && p.Step == "" { // a moving run's version counts its outcomes too
			p.Version = v.Version
		}
	}
	for _, s := range v.Steps {
		if p.Step != "" && s.ID == p.Step {
			p.Attempt = s.Attempt
		}
	}
	return p
}
