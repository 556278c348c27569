package slack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/switchman-dr/switchman/dr"
)

// remembered is how long Slack's word on an account or a channel is believed. Somebody who is let go is
// out within it.
const remembered = 5 * time.Second

// people finds out who a Slack user is: by the roster's member id alone, never by a name or an address,
// and only if Slack vouches for the account.
type people struct {
	of *Slack

	mu   sync.Mutex
	seen map[string]known
}

// known is Slack's word on an account or a channel.
type known struct {
	until   time.Time
	user    *api.User // of an account
	refusal *dr.Error // of a channel
}

// find names the person of the roster. vouch is false where Slack need not be asked: the engine judges
// by the roster, and a start must not hang on Slack.
func (p *people) find(ctx context.Context, h heard, vouch bool) (string, error) {
	c, err := p.of.cfg.Catalog()
	if err != nil {
		return "", &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	roster := c.Organisation().Roster
	person := owner(roster, h.User)
	if person != "" && !vouch {
		return person, nil
	}
	us, err := p.of.who(ctx)
	if err != nil {
		return "", &dr.Error{Kind: dr.Refused, ID: "slack_cannot_vouch", Err: err}
	}
	unknown := &dr.Error{Kind: dr.Refused, ID: "slack_person_unknown", Args: dr.Args{"user": clean(h.User)}}
	if person == "" && us.EnterpriseID == "" { // outside an Enterprise organisation an account has one id
		return "", unknown
	}
	k, err := p.look(ctx, "user "+h.User, func(ctx context.Context) (k known, err error) {
		k.user, err = p.of.api.GetUserInfoContext(ctx, h.User)
		return k, err
	})
	if err != nil {
		return "", err
	}
	if person = whole(roster, person, k.user, us); person == "" {
		return "", unknown
	}
	if why := doubt(h, k.user, us); why != "" {
		return "", &dr.Error{Kind: dr.Refused, ID: "slack_account_" + why}
	}
	return person, p.among(ctx, h.Channel)
}

// among refuses a channel in which others than this organisation's people read.
func (p *people) among(ctx context.Context, channel string) error {
	if channel == "" || direct(channel) {
		return nil
	}
	k, err := p.look(ctx, "channel "+channel, func(ctx context.Context) (known, error) { return p.channel(ctx, channel) })
	if err == nil && k.refusal != nil {
		return k.refusal
	}
	return err
}

// whole is whose an account is by either of its ids: in an Enterprise organisation it has one of the workspace
// and one of the organisation. One for which the roster has two people is nobody's.
func whole(r dr.Roster, person string, u *api.User, us api.AuthTestResponse) string {
	other := ""
	if us.EnterpriseID != "" && u.Enterprise.EnterpriseID == us.EnterpriseID {
		other = owner(r, u.Enterprise.ID)
	}
	if person != "" && other != "" && other != person {
		return ""
	}
	return cmp.Or(person, other)
}

// owner is whose account an id names in the roster; empty: nobody's.
func owner(r dr.Roster, id string) string {
	for _, one := range r.People {
		if id != "" && one.Slack == id {
			return one.ID
		}
	}
	return ""
}

// look asks Slack, or remembers what it said a moment ago. What cannot be found out is refused.
func (p *people) look(ctx context.Context, what string, ask func(context.Context) (known, error)) (known, error) {
	now := p.of.cfg.Clock.Now()
	p.mu.Lock()
	k, ok := p.seen[what]
	p.mu.Unlock()
	if ok && now.Before(k.until) {
		return k, nil
	}
	k, err := ask(ctx)
	if err != nil {
		return k, &dr.Error{Kind: dr.Refused, ID: "slack_cannot_vouch", Err: fmt.Errorf("asking Slack about %s: %w", what, err)}
	}
	k.until = now.Add(remembered)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seen) > 1024 {
		clear(p.seen)
	}
	p.seen[what] = k
	return k, nil
}

// doubt says what is wrong with an account, or with where it acts from; empty: nothing.
func doubt(h heard, u *api.User, us api.AuthTestResponse) string {
	switch {
	case u.Deleted:
		return "deactivated"
	case u.IsBot, u.IsAppUser, u.IsWorkflowBot, u.IsConnectorBot, u.ID == "USLACKBOT":
		return "bot"
	case u.IsRestricted, u.IsUltraRestricted:
		return "guest"
	case u.IsStranger, !ours(u, us), !at(h, u, us):
		return "stranger"
	}
	return ""
}

// ours says whether an account is of this workspace, or of the Enterprise organisation that owns it.
func ours(u *api.User, us api.AuthTestResponse) bool {
	return u.TeamID == us.TeamID || us.EnterpriseID != "" && u.Enterprise.EnterpriseID == us.EnterpriseID
}

// at says whether somebody acts from this workspace. In an Enterprise organisation people are seen to act from
// any workspace of it that they belong to, since channels span them; which one that is says nothing about who
// they are.
func at(h heard, u *api.User, us api.AuthTestResponse) bool {
	if h.Enterprise != "" && h.Enterprise != us.EnterpriseID {
		return false
	}
	if h.Team == "" || h.Team == us.TeamID {
		return true
	}
	return us.EnterpriseID != "" && u.Enterprise.EnterpriseID == us.EnterpriseID &&
		(h.Team == us.EnterpriseID || slices.Contains(u.Enterprise.Teams, h.Team))
}

// channel says whether what is said in a channel stays in this organisation.
func (p *people) channel(ctx context.Context, id string) (k known, err error) {
	c, err := p.of.api.GetConversationInfoContext(ctx, &api.GetConversationInfoInput{ChannelID: id})
	if err == nil && (c.IsExtShared || c.IsPendingExtShared) {
		k.refusal = &dr.Error{Kind: dr.Refused, ID: "slack_channel_shared"}
	}
	return k, err
}

// clean keeps ids that come from outside short and plain.
func clean(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, id[:min(len(id), 24)])
}
