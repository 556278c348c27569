package app

import (
	"github.com/switchman-dr/switchman/alerts"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// Watching is what the engine of situations needs of an organisation's files.
func Watching(c *catalog.Catalog) (*alerts.Topology, []alerts.Plan, alerts.Options) {
	org := c.Organisation()
	return alerts.NewTopology(org), alertPlans(c.Plans()), alerts.Options{Probes: alertProbes(org)}
}

// alertPlans are the plans in the engine's own words.
func alertPlans(infos []catalog.PlanInfo) []alerts.Plan {
	var out []alerts.Plan
	for _, p := range infos {
		one := alerts.Plan{ID: p.ID, Kind: p.Kind, Direction: p.Direction, Systems: p.Systems, From: p.From, To: p.To}
		for _, a := range p.For {
			answer := alerts.Answer{Scope: a.Scope, Entity: a.Entity}
			for _, f := range a.Faults {
				answer.Faults = append(answer.Faults, dr.Fault(f))
			}
			one.For = append(one.For, answer)
		}
		for _, g := range p.Guards {
			one.Guards = append(one.Guards, dr.Fault(g.Never))
		}
		out = append(out, one)
	}
	return out
}

// alertProbes are the looks that can be asked for.
func alertProbes(org dr.Organisation) []alerts.Probe {
	var out []alerts.Probe
	for _, s := range org.Systems {
		for _, p := range s.Probes {
			if p.Call.Action != "" {
				out = append(out, alerts.Probe{Name: s.ID + "/" + p.ID, Proves: p.Proves, System: s.ID, Site: siteOf(p)})
			}
		}
	}
	return out
}

// siteOf is the one site a probe shows; one that is filled by a plan's move shows none in particular.
func siteOf(p dr.Probe) string {
	if p.Site == "from" || p.Site == "to" {
		return ""
	}
	return p.Site
}
