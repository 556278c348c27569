package bot

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// Company says who else reads the answer to a question.
type Company string

// The companies one can be in.
const (
	InChannel Company = ""      // everybody in a channel of organisation.yaml, whose label decides
	InHouse   Company = "house" // everybody of the organisation, unless only one of them may see it: then they alone
	Alone     Company = "alone" // nobody: the person's own roles decide
)

// Reads are the labels a question is answered from; [knowledge.Public] always is besides. A channel
// has one label, given in organisation.yaml, whoever asks there: everybody in it reads the answer. An
// unknown channel, and one of people from outside, sees what is public. For a person alone their own
// roles and teams count, and of what they ask on behalf of a channel they see what both may.
func (l *Library) Reads(q Question) ([]string, error) {
	c, err := l.cfg.Catalog()
	if err != nil {
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "files_unreadable", Err: err}
	}
	org := c.Organisation()
	if q.Company == InChannel {
		return labelsOf(org, l.room(q.Channel)), nil
	}
	own := labelsFor(org, q.Person)
	if q.Channel != "" {
		room := labelsOf(org, l.room(q.Channel))
		own = slices.DeleteFunc(own, func(label string) bool { return !slices.Contains(room, label) })
	}
	return own, nil
}

// room is what organisation.yaml calls a channel.
func (l *Library) room(channel string) string {
	if name := l.cfg.Rooms[channel]; name != "" {
		return name
	}
	return channel
}

// House is the channel everybody of the organisation reads, and nobody else.
const House = "*"

// labelsOf are those of a channel of the organisation.
func labelsOf(org dr.Organisation, channel string) []string {
	if channel == House {
		return []string{knowledge.Internal}
	}
	at := slices.IndexFunc(org.Channels, func(c dr.Channel) bool { return c.ID == channel || c.Slack != "" && c.Slack == channel })
	if at < 0 {
		return nil
	}
	switch label := org.Channels[at].Audience; {
	case label == "" || label == knowledge.Public || label == "external":
		return nil
	case strings.HasPrefix(label, "role:") || strings.HasPrefix(label, "team:"):
		return []string{knowledge.Internal, label}
	default:
		return []string{label}
	}
}

// labelsFor are those of somebody of the roster; a stranger has none.
func labelsFor(org dr.Organisation, person string) []string {
	p, ok := org.Roster.Person(person)
	if !ok || p.Disabled {
		return nil
	}
	out := []string{knowledge.Internal}
	for _, r := range p.Roles {
		out = append(out, "role:"+string(r))
	}
	for _, t := range p.Teams {
		out = append(out, "team:"+t)
	}
	return out
}
