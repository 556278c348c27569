package alerts

import (
	"github.com/switchman-dr/switchman/dr"
)

// fallenSite is the situation that says a site is down.
func (e *Engine) fallenSite(id string) *sit {
	v := e.t.at("site", id)
	for _, s := range e.sits {
		if s.opened && s.sure && s.live() && v != none && s.th.v == v && s.th.fault == dr.FaultDown && e.back(s) {
			return s
		}
	}
	return nil
}

// siteOf is where an entity stands; of a system, where it lives now.
func (e *Engine) siteOf(v int32) int32 {
	switch at := &e.t.all[v]; at.ent.Scope {
	case "site":
		return v
	case "system":
		return e.lives(v)
	default:
		return at.site
	}
}

// lives is the site a system lives at now.
func (e *Engine) lives(sys int32) int32 {
	if sys == none {
		return none
	}
	if site, ok := e.placed[e.t.all[sys].ent.ID]; ok {
		if v := e.t.at("site", site); v != none {
			return v
		}
	}
	return e.t.all[sys].site
}

// bare says that no system lives at a site.
func (e *Engine) bare(site int32) bool {
	for v := range e.t.all {
		if e.t.all[v].ent.Scope == "system" && e.lives(int32(v)) == site {
			return false
		}
	}
	return true
}

// shown is a theory as people are told: where nothing lives at a site that is down, protection is lost.
func (e *Engine) shown(th theory) (dr.Entity, dr.Fault) {
	at := &e.t.all[th.v]
	if th.fault == dr.FaultDown && at.ent.Scope == "site" && e.bare(th.v) {
		return at.ent, dr.FaultStandby
	}
	return at.ent, th.fault
}

func (e *Engine) called(v int32) string { return e.t.all[v].ent.ID }
