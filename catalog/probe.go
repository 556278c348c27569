package catalog

import "github.com/switchman-dr/switchman/dr"

// systemProbe finds the probe of a system that a check step names and fills it for this move.
func (m *move) systemProbe(s *dr.Step, raw *rawStep) *dr.Call {
	name, ok := raw.With.stringParam("probe")
	if !ok {
		m.rep(raw.At, "with: {probe: ID} names one of the system's probes; probe: {action: …} is one of its own", "the check %q says nothing to look at", s.Base)
		return nil
	}
	var (
		found *dr.Call
		in    string
		known []string
	)
	for i := range m.systems {
		sys := &m.systems[i]
		if s.System != "" && s.System != sys.ID {
			continue
		}
		for _, p := range sys.Probes {
			known = append(known, p.ID)
			if p.ID != name.S {
				continue
			}
			if found != nil && in == sys.ID {
				continue // a duplicate, reported as one
			}
			if found != nil {
				m.rep(name.At, "say per: system", "more than one system has a probe %q", name.S)
				return found
			}
			call := m.probeCall(sys, p)
			found, in = &call, sys.ID
		}
	}
	if found == nil {
		where := "no system of the plan"
		if s.System != "" {
			where = "the system " + s.System
		}
		have := " has no"
		if s.System == "" {
			have = " has a"
		}
		m.rep(name.At, didYouMean(name.S, known), "%s%s probe %q", where, have, name.S)
		return nil
	}
	if found.Action == "" {
		m.rep(name.At, "give it action: and with: in the system's file", "the probe %q has nothing to look with", name.S)
	}
	return found
}

// probeCall fills the probe of a system for this move.
func (m *move) probeCall(sys *dr.System, p dr.Probe) dr.Call {
	site := p.Site
	if site == "" {
		site = m.to
	}
	values := map[string]string{"{from}": m.from, "{to}": m.to, "{site}": site, "{system}": sys.ID}
	return fillCall(p.Call, func(s string) string {
		if v, ok := values[s]; ok {
			return v
		}
		return s
	})
}

// fillCall is a copy of a call with every text passed through fill.
func fillCall(c dr.Call, fill func(string) string) dr.Call {
	out := dr.Call{Action: c.Action}
	if c.Params != nil {
		out.Params = make(map[string]any, len(c.Params))
	}
	for name, v := range c.Params {
		switch v := v.(type) {
		case string:
			out.Params[name] = fill(v)
		case []string:
			list := make([]string, len(v))
			for i, s := range v {
				list[i] = fill(s)
			}
			out.Params[name] = list
		case map[string]string:
			table := make(map[string]string, len(v))
			for key, s := range v {
				table[key] = fill(s)
			}
			out.Params[name] = table
		case dr.Call:
			out.Params[name] = fillCall(v, fill)
		default:
			out.Params[name] = v
		}
	}
	return out
}

// Look is a probe of a system as it is asked outside of a plan, at the site the system lives at now, or at
// the probe's own. It is false where there is no such probe, or nothing to look with.
func (c *Catalog) Look(system, probe, site string) (dr.Probe, bool) {
	sys, ok := c.org.System(system)
	if !ok {
		return dr.Probe{}, false
	}
	for _, p := range sys.Probes {
		if p.ID != probe || p.Call.Action == "" {
			continue
		}
		if p.Site != "" && p.Site != "from" && p.Site != "to" {
			site = p.Site
		}
		values := map[string]string{"{from}": site, "{to}": site, "{site}": site, "{system}": sys.ID}
		p.Call = fillCall(p.Call, func(s string) string {
			if v, ok := values[s]; ok {
				return v
			}
			return s
		})
		return p, true
	}
	return dr.Probe{}, false
}
