package slack

import (
	"context"
	"fmt"
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
	refusal *dr.Error
}

// find names the person of the roster. vouched is false where Slack need not be asked: the engine judges
// by the roster, and a start must not hang on Slack.
func (p *people) find(ctx context.Context, h heard, vouch bool) (string, error) {
	c, err := p.of.cfg.Catalog()
	if err != nil {
		return "", &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	person := ""
	for _, one := range c.Organisation().Roster.People {
		if one.Slack != "" && (one.Slack == h.User || one.Slack == h.Enterprise) {
			person = one.ID
		}
	}
	if person == "" {
		return "", &dr.Error{Kind: dr.Refused, ID: "slack_person_unknown", Args: dr.Args{"user": clean(h.User)}}
	}
	if !vouch {
		return person, nil
	}
	if err := p.look(ctx, "user "+h.User, func(ctx context.Context) (*dr.Error, error) { return p.account(ctx, h) }); err != nil {
		return "", err
	}
	if h.Channel != "" && !strings.HasPrefix(h.Channel, "D") {
		err = p.look(ctx, "channel "+h.Channel, func(ctx context.Context) (*dr.Error, error) { return p.channel(ctx, h.Channel) })
	}
	return person, err
}

// look asks Slack, or remembers what it said a moment ago. What cannot be found out is refused.
func (p *people) look(ctx context.Context, what string, ask func(context.Context) (*dr.Error, error)) error {
	now := p.of.cfg.Clock.Now()
	p.mu.Lock()
	k, ok := p.seen[what]
	p.mu.Unlock()
	if !ok || !now.Before(k.until) {
		refusal, err := ask(ctx)
		if err != nil {
			return &dr.Error{Kind: dr.Refused, ID: "slack_cannot_vouch", Err: err}
		}
		k = known{until: now.Add(remembered), refusal: refusal}
		p.mu.Lock()
		if len(p.seen) > 1024 {
			clear(p.seen)
		}
		p.seen[what] = k
		p.mu.Unlock()
	}
	if k.refusal != nil {
		return k.refusal
	}
	return nil
}

// account says what is wrong with an account, if anything.
func (p *people) account(ctx context.Context, h heard) (*dr.Error, error) {
	us, err := p.of.who(ctx)
	if err != nil {
		return nil, err
	}
	u, err := p.of.api.GetUserInfoContext(ctx, h.User)
	if err != nil {
		return nil, fmt.Errorf("asking Slack about %s: %w", h.User, err)
	}
	why := ""
	switch {
	case u.Deleted:
		why = "deactivated"
	case u.IsBot, u.IsAppUser, u.IsWorkflowBot, u.IsConnectorBot, u.ID == "USLACKBOT":
		why = "bot"
	case u.IsRestricted, u.IsUltraRestricted:
		why = "guest"
	case u.IsStranger, !ours(u, us), h.Team != "" && h.Team != us.TeamID && h.Team != us.EnterpriseID:
		why = "stranger"
	}
	if why == "" {
		return nil, nil
	}
	return &dr.Error{Kind: dr.Refused, ID: "slack_account_" + why}, nil
}

// ours says whether an account is of this workspace, or of the organisation that owns it.
func ours(u *api.User, us api.AuthTestResponse) bool {
	return u.TeamID == us.TeamID || us.EnterpriseID != "" && u.Enterprise.EnterpriseID == us.EnterpriseID
}

// channel says whether what is said in a channel stays in this organisation.
func (p *people) channel(ctx context.Context, id string) (*dr.Error, error) {
	c, err := p.of.api.GetConversationInfoContext(ctx, &api.GetConversationInfoInput{ChannelID: id})
	if err != nil {
		return nil, fmt.Errorf("asking Slack about channel %s: %w", id, err)
	}
	if c.IsExtShared || c.IsPendingExtShared {
		return &dr.Error{Kind: dr.Refused, ID: "slack_channel_shared"}, nil
	}
	return nil, nil
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
