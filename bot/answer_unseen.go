package bot

import (
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// Unseen lists the runbooks with an audience that nobody can be: no channel of the organisation has the label,
// it is no role, and no team of the roster. Mostly it is misspelt.
func Unseen(org dr.Organisation, x *knowledge.Index) (out []knowledge.Problem) {
	held := []string{knowledge.Public, knowledge.Internal}
	for _, r := range dr.Roles() {
		held = append(held, "role:"+string(r))
	}
	for _, t := range org.Roster.Teams {
		held = append(held, "team:"+t.ID)
	}
	for _, c := range org.Channels {
		held = append(held, c.Audience)
	}
	for d := range x.All() {
		var strange []string
		for _, label := range d.Audience {
			if !slices.Contains(held, label) {
				strange = append(strange, strconv.Quote(label))
			}
		}
		switch {
		case len(strange) == 0:
		case len(strange) == len(d.Audience):
			out = append(out, knowledge.Problem{Doc: d.Path, Text: "nobody can read it: its audience is " + strings.Join(strange, ", ") + ", which is no role, no team and no channel's label"})
		default:
			out = append(out, knowledge.Problem{Doc: d.Path, Text: "its audience names " + strings.Join(strange, ", ") + ", which is no role, no team and no channel's label"})
		}
	}
	return out
}
