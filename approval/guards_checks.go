package approval

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Blocks says whether a check that is not in order stops the run: anything but a warning does.
func Blocks(k dr.Check) bool { return !k.OK && k.Level != "warn" }

// factsFresh wants every preflight fact to be young, and there to be one.
func factsFresh(c Case, _ Act) *dr.Error {
	if len(c.Run.Checks) == 0 {
		return dr.Refuse("facts_missing", dr.Args{"run": c.Run.ID})
	}
	fresh := factsLife(c)
	for _, k := range c.Run.Checks {
		if k.At.IsZero() || k.At.After(c.Now.Time) || c.Now.Since(k.At) > fresh {
			return dr.Refuse("facts_stale", dr.Args{"check": k.ID, "run": c.Run.ID, "fresh": fresh.String()})
		}
	}
	return nil
}

// factsLife is how old a fact may be at the start.
func factsLife(c Case) dr.Millis {
	if c.Slice.Rule.FactsFresh > 0 {
		return c.Slice.Rule.FactsFresh
	}
	return DefaultFactsFresh
}

func checksGreen(c Case, _ Act) *dr.Error {
	for _, k := range c.Run.Checks {
		if Blocks(k) && !Overridden(c, k.ID) {
			return dr.Refuse("check_blocks", dr.Args{"check": k.ID, "text": k.Text, "run": c.Run.ID})
		}
	}
	return nil
}

// noFreeze reads the dated freezes itself: they bind at the start, whenever the facts were found.
func noFreeze(c Case, _ Act) *dr.Error {
	for _, f := range c.Slice.Freezes {
		id := "freeze:" + f.Name
		in := !c.Now.Before(f.From.Time) && c.Now.Before(f.To.Time)
		if in && c.level(id) != "warn" && !Overridden(c, id) {
			return dr.Refuse("in_freeze", dr.Args{"freeze": f.Name, "until": c.clock(f.To), "check": id, "run": c.Run.ID})
		}
	}
	return nil
}

// noWindow reads the daily windows of the run's systems. Where the zone is not known no window is
// known to be over.
func noWindow(c Case, _ Act) *dr.Error {
	for _, s := range c.Slice.Systems {
		for _, w := range s.Windows {
			id := "window:" + s.ID + ":" + w.Kind
			if w.OnConflict != "warn" && InWindow(c, w) && c.level(id) != "warn" && !Overridden(c, id) {
				return dr.Refuse("in_window", dr.Args{"system": s.ID, "window": w.Kind, "when": w.When, "check": id, "run": c.Run.ID})
			}
		}
	}
	return nil
}

// InWindow says whether now lies in a daily window. A window that cannot be read is never over.
func InWindow(c Case, w dr.Window) bool {
	from, to, ok := strings.Cut(w.When, "-")
	_, _, readable := period(strings.TrimSpace(from), strings.TrimSpace(to))
	if !ok || !readable || c.Zone == nil {
		return true
	}
	return OnDuty(dr.Person{Duty: []dr.Duty{{From: strings.TrimSpace(from), To: strings.TrimSpace(to)}}}, c.Zone, c.Now)
}

// level is the weight the plan's policy gives a check in this mode; "" where it says nothing.
func (c Case) level(id string) string {
	for _, s := range c.Slice.Severity {
		if s.Mode == c.Run.Mode && covers(s.Check, id) {
			return s.Level
		}
	}
	return ""
}

// Overridden says whether the approved plan itself names an override of the check, with a reason, by
// somebody who may give it in this mode and still may. What was not in the digest people voted on
// overrides nothing.
func Overridden(c Case, id string) bool {
	if c.Slice == nil {
		return false
	}
	return slices.ContainsFunc(c.Slice.Overrides, func(o dr.Override) bool {
		return o.Check == id && strings.TrimSpace(o.Reason) != "" && mayOverride(c, o.Person, id)
	})
}

func mayOverride(c Case, person, id string) bool {
	p, ok := active(c.Roster, person)
	return ok && slices.ContainsFunc(c.Slice.MayOverride, func(r dr.OverrideRule) bool {
		return covers(r.Check, id) && slices.Contains(r.Modes, c.Run.Mode) && hasAny(p, r.Roles)
	})
}

// covers compares a check with a pattern: the same id, or a prefix before a star.
func covers(pattern, id string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(id, prefix)
	}
	return pattern == id
}

// overrideWhen: overrides are part of what people approve, so they come before the start.
func overrideWhen(c Case, a Act) *dr.Error {
	switch c.Run.State {
	case dr.Draft, dr.Preflight, dr.AwaitingApproval, dr.AwaitingCode:
		return nil
	}
	return dr.Refuse("override_too_late", dr.Args{"run": c.Run.ID, "check": a.Check})
}

func overrideWho(c Case, a Act) *dr.Error {
	if mayOverride(c, a.Person, a.Check) {
		return nil
	}
	return dr.Refuse("override_not_allowed", dr.Args{"person": c.name(a.Person), "check": a.Check, "mode": string(c.Run.Mode)})
}

// overrideNeeded keeps the list of overrides to what stands in the way.
func overrideNeeded(c Case, a Act) *dr.Error {
	if Overridden(c, a.Check) {
		return dr.Refuse("override_again", dr.Args{"check": a.Check})
	}
	if slices.ContainsFunc(c.Run.Checks, func(k dr.Check) bool { return k.ID == a.Check && Blocks(k) }) {
		return nil
	}
	if strings.HasPrefix(a.Check, "freeze:") || strings.HasPrefix(a.Check, "window:") {
		return knownStretch(c, a)
	}
	if slices.ContainsFunc(c.Run.Checks, func(k dr.Check) bool { return k.ID == a.Check }) {
		return dr.Refuse("override_not_needed", dr.Args{"check": a.Check})
	}
	return &dr.Error{Kind: dr.NotFound, ID: "check_unknown", Args: dr.Args{"check": a.Check, "run": c.Run.ID}}
}

// knownStretch lets a freeze or window of the plan be overridden ahead of time: the start may fall
// into it although the vote does not.
func knownStretch(c Case, a Act) *dr.Error {
	for _, f := range c.Slice.Freezes {
		if a.Check == "freeze:"+f.Name {
			return nil
		}
	}
	for _, s := range c.Slice.Systems {
		for _, w := range s.Windows {
			if a.Check == "window:"+s.ID+":"+w.Kind {
				return nil
			}
		}
	}
	return &dr.Error{Kind: dr.NotFound, ID: "check_unknown", Args: dr.Args{"check": a.Check, "run": c.Run.ID}}
}

func overrideReason(c Case, a Act) *dr.Error {
	if strings.TrimSpace(a.Reason) != "" {
		return nil
	}
	return dr.Refuse("override_without_reason", dr.Args{"check": a.Check, "run": c.Run.ID})
}

// clock writes a moment the way the organisation's clocks on the wall show it.
func (c Case) clock(t dr.Time) string {
	if c.Zone == nil || t.IsZero() {
		return t.String()
	}
	return t.In(c.Zone).Format("2006-01-02 15:04")
}
