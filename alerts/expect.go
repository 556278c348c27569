package alerts

import (
	"math"

	"github.com/switchman-dr/switchman/dr"
)

// spec says what a theory expects.
func (e *Engine) spec(th theory) spec {
	at := &e.t.all[th.v]
	s := spec{units: at.units, site: none, until: math.MaxInt64}
	down := classes(1 << classDown)
	switch th.fault {
	case dr.FaultDown:
		s.self, s.kid, s.miss = down, down, .5
		switch at.ent.Scope {
		case "site":
			s.self |= 1 << classLink
			s.least, s.recall, s.told, s.cost = 3, .55, .35, 1.5
		case "host":
			s.least, s.recall, s.told, s.cost = 2, .6, .2, .8
		case "system":
			s.least, s.recall, s.told, s.cost, s.site = 2, .6, 0, 1, e.lives(th.v)
		default:
			s.cost = .6
		}
	case dr.FaultIO:
		s.self, s.kid, s.cost, s.miss, s.least, s.recall, s.told = 1<<classIO, 1<<classIO, .6, .4, 2, .5, 0
		if at.ent.Scope == "array" {
			s.self = 1<<classCount - 1 - 1<<classDisk - 1<<classCertificate - 1<<classBackup - 1<<classReplication
		} else {
			s.units = nil
		}
	case dr.FaultDiskFull:
		s.self, s.units, s.cost = 1<<classDisk, nil, .4
	case dr.FaultCertificate:
		s.self, s.cost = 1<<classCertificate, .4
		if at.ent.Scope == "system" { // one certificate on several machines
			s.kid, s.least, s.cost, s.site = s.self, 2, .5, e.lives(th.v)
		} else {
			s.units = nil
		}
	case dr.FaultReplication:
		s.self, s.kid, s.units, s.cost, s.least = 1<<classReplication, 1<<classReplication, at.copies, .6, 1
		s.half = pick(e.gone(at.copies, 0), .4, 0)
	case dr.FaultPartition:
		s.self = 1<<classLink | 1<<classDown | 1<<classErrors | 1<<classUnknown | 1<<classReplication
		s.kid, s.least, s.recall, s.cost, s.miss = 1<<classReplication, 2, .6, .8, .4
	case dr.FaultOverload:
		s.self, s.cost = 1<<classSaturation|1<<classLatency, 1.2
		s.kid, s.least, s.recall = s.self, 2, .2
		if at.ent.Scope == "system" {
			s.site = e.lives(th.v)
			s.half = pick(e.gone(s.units, 0), .4, 0)
		} else {
			s.units = nil
		}
	case dr.FaultBadChange:
		e.blame(th, &s)
	}
	return s
}

// blame fills in what a bad change expects: trouble on what it changed, soon after, and nothing there that
// is down by itself, for a dead database needs no release to explain it.
func (e *Engine) blame(th theory, s *spec) {
	at := &e.t.all[th.v]
	s.self, s.kid, s.cost, s.least = changeClasses, changeClasses, .8, 2
	if at.ent.Scope == "system" {
		s.site, s.nokeys = e.lives(th.v), true
	}
	c := e.change(th.change)
	if c == nil {
		s.until = 0
		return
	}
	s.from, s.until = c.at-30_000, c.at+changeMS
	s.bonus = 1.5
	if e.gone(s.units, s.from) {
		s.bonus, s.half = 0, .4
	}
}
