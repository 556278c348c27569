package alerts

import "github.com/switchman-dr/switchman/dr"

// describe says what a situation without a proven theory is about: the entity whose failing would explain
// most of it, and what its own signals say is wrong with it.
func (e *Engine) describe(s *sit, now int64) {
	few := s.items[:min(len(s.items), 32)]
	best, root := -1., few[0]
	for _, x := range few {
		v := 1 + .4*float64(x.sev) + pick(x.hard(), .8, 0)
		for _, y := range few {
			if y != x {
				v += e.t.hurts(x.id.v, y.id.v, y.class)
			}
		}
		if v > best || v == best && x.onset < root.onset {
			best, root = v, x
		}
	}
	th := e.plainly(root, few)
	e.name(s, th, now)
	s.core = s.core[:0]
	for _, x := range few {
		if th.fault == dr.FaultUnprotected || x.id.v == root.id.v || e.within(x.id.v, th.v) && x.class == root.class {
			s.core = append(s.core, x)
		}
	}
	s.units, s.covered, s.ratio, s.rival = 0, 0, 0, theory{}
	s.feats = e.features(s, weighed{th: th, selfs: 1, core: s.core}, 0)
}

// plainly names what an alert says of its entity.
func (e *Engine) plainly(x *item, members []*item) theory {
	at := &e.t.all[x.id.v]
	th := theory{fault: dr.FaultUnknown, v: x.id.v}
	if at.ent.Scope == "site" && x.class != classDown {
		return th
	}
	switch x.class {
	case classDown:
		th.fault = dr.FaultDown
		if at.ent.Scope == "link" {
			th.fault = dr.FaultPartition
		}
	case classIO:
		th.fault = dr.FaultIO
	case classDisk:
		th.fault = dr.FaultDiskFull
	case classCertificate:
		th.fault = dr.FaultCertificate
	case classReplication:
		if site := e.expected(x); site != none {
			return theory{fault: dr.FaultUnprotected, v: site}
		}
		th.fault = dr.FaultReplication
		if at.system != none {
			th.v = at.system
		}
	case classLink:
		if at.ent.Scope == "link" {
			th.fault = dr.FaultPartition
		}
	case classSaturation:
		th.fault = dr.FaultOverload
	case classLatency:
		if len(members) > 1 {
			th.fault = dr.FaultOverload
		}
	}
	if th.fault == dr.FaultUnknown || th.fault == dr.FaultOverload {
		if c := e.suspected(x); c != nil && len(members) > 1 {
			th = theory{dr.FaultBadChange, c.v, c.n}
		}
	}
	return th
}

// name gives a situation its theory.
func (e *Engine) name(s *sit, th theory, now int64) {
	if s.th == th {
		return
	}
	shown := s.th.fault != th.fault || s.th.v != th.v
	s.th, s.named = th, now
	if s.opened && shown {
		e.say(s, "named", nil)
	}
}
