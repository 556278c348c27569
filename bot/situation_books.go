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

// Fitting finds the runbooks for a situation, the best first, each once: what broke, in words and by the alerts that
// told of it, is looked for like any question, in what q may see. Of a site or a link what broke comes first by
// itself: what most alerts say only follows from it.
func (l *Library) Fitting(ctx context.Context, q Question, s dr.Situation, signals []dr.Signal) ([]knowledge.Cited, error) {
	root := l.root(s)
	asked := []string{root + alertsOf(s, signals)}
	if s.Entity.Scope == "site" || s.Entity.Scope == "link" {
		asked = []string{root, asked[0]}
	} else if len(s.Systems) > 0 {
		q.System = s.Systems[0]
	}
	var out []knowledge.Cited
	for _, q.Text = range asked {
		found, fresh, err := l.Search(ctx, q, fittingLooked)
		if err != nil {
			return nil, err
		}
		for _, r := range found.Results {
			c := l.Cite(fresh, r)
			if !slices.ContainsFunc(out, func(o knowledge.Cited) bool { return o.Doc == c.Doc }) {
				out = append(out, c)
			}
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

// root puts what broke into words to look for.
func (l *Library) root(s dr.Situation) string {
	return locale.Say(locale.English, "situation_fault_"+string(s.Fault), dr.Args{"what": kindOf(s)})
}

// alertsOf are the names of alerts to look for: those that told what broke, then others. Runbooks are found by them.
// Texts of alerts stay out of it: anybody who can raise one would choose what is read.
func alertsOf(s dr.Situation, signals []dr.Signal) string {
	var words []string
	add := func(name string) {
		if w := clipLine(name, 40); w != "" && !slices.Contains(words, w) && len(words) < 3 {
			words = append(words, w)
		}
	}
	for _, c := range s.For {
		if c.ID == "alert_sign" || c.ID == "alert_signs" {
			add(c.Args["name"])
		}
	}
	for _, one := range signals {
		if one.Kind == dr.SignalAlert {
			add(one.Name)
		}
	}
	return " " + strings.Join(words, " ")
}

// kindOf is an entity as a runbook would call it: what it is, not its name.
func kindOf(s dr.Situation) string {
	switch {
	case s.Fault == dr.FaultUnprotected:
		return "Switchback to the original site after a failover: the old primary"
	case s.Entity.Scope == "site":
		return "A site is lost, nothing answers there: the site"
	case s.Entity.Scope == "link":
		return "The link between the sites"
	}
	return strings.NewReplacer("-", " ").Replace(s.Entity.ID)
}
