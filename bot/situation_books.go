package bot

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/locale"
)

// fittingLooked is how many passages are looked at for as many runbooks as a card leads to.
const fittingLooked = 12

// sitNear is how many runbooks come close to the one that fits best.
const sitNear = 6

// Fitting finds the runbooks for a situation, the best first, each once: what its alerts are called, and what
// is wrong in words, is looked for like any question, in what q may see.
func (l *Library) Fitting(ctx context.Context, q Question, s dr.Situation, signals []dr.Signal) ([]knowledge.Cited, error) {
	q.Text = l.about(s, signals)
	if len(s.Systems) > 0 {
		q.System = s.Systems[0]
	}
	found, fresh, err := l.Search(ctx, q, fittingLooked)
	if err != nil {
		return nil, err
	}
	var out []knowledge.Cited
	for _, r := range found.Results {
		c := l.Cite(fresh, r)
		if !slices.ContainsFunc(out, func(o knowledge.Cited) bool { return o.Doc == c.Doc }) {
			out = append(out, c)
		}
	}
	return ownFirst(q.Lang, out), nil
}

// ownFirst keeps the one that fits best, whatever its language, and of those that come close to it the ones in the
// reader's first. One that fits less is no help for being easier to read.
func ownFirst(lang string, all []knowledge.Cited) []knowledge.Cited {
	if len(all) < 2 {
		return all
	}
	near := all[1:min(len(all), sitNear)]
	own := func(c knowledge.Cited) bool {
		return strings.ContainsFunc(c.Title, func(r rune) bool { return unicode.Is(unicode.Han, r) }) == (lang == locale.Chinese)
	}
	slices.SortStableFunc(near, func(a, b knowledge.Cited) int {
		switch {
		case own(a) == own(b):
			return 0
		case own(a):
			return -1
		}
		return 1
	})
	return all[:min(len(all), sitBooks)]
}

// about puts a situation into words to look for: runbooks are found by the names of alerts, by roles, and by
// what they say. Texts of alerts stay out of it: anybody who can raise one would choose what is read.
func (l *Library) about(s dr.Situation, signals []dr.Signal) string {
	words := []string{locale.Say(locale.English, "situation_fault_"+string(s.Fault), dr.Args{"what": kindOf(s.Entity)})}
	for _, one := range signals {
		if w := clipLine(one.Name, 40); one.Kind == dr.SignalAlert && w != "" && !slices.Contains(words, w) && len(words) < 4 {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// kindOf is an entity as a runbook would call it: what it is, not its name.
func kindOf(e dr.Entity) string {
	switch e.Scope {
	case "site":
		return "A whole site, lost with all its systems, failover to the other site:"
	case "link":
		return "The link between the sites"
	}
	return strings.NewReplacer("-", " ").Replace(e.ID)
}
