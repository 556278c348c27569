package catalog

import (
	"maps"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func (k *checker) system(raw *rawSystem) dr.System {
	s := dr.System{ID: raw.System.S, Name: raw.Name.S, Tier: raw.Tier.S, RTO: raw.RTO.MS, RPO: raw.RPO.MS,
		Limit: raw.Limit.MS, Home: raw.Home.S, DependsOn: texts(raw.DependsOn), Uses: texts(raw.Uses)}
	if !raw.Limit.Set {
		s.Limit = s.RTO
	}
	if raw.Limit.Set && s.Limit < s.RTO {
		k.warn(raw.Limit.At, "", "the limit (%s) is shorter than the rto (%s)", s.Limit, s.RTO)
	}
	if s.Name == "" {
		s.Name = s.ID
	}
	homeKnown := knows(k, k.sites, "site", raw.Home)
	for _, d := range raw.DependsOn {
		if knows(k, k.systems, "system", d) && d.S == s.ID {
			k.err(d.At, "", "the system %q depends on itself", d.S)
		}
	}
	for _, u := range raw.Uses {
		knows(k, k.resources, "resource", u)
	}
	k.twice(raw.DependsOn)
	k.twice(raw.Uses)
	atHome := false
	for i := range raw.Nodes {
		s.Nodes = append(s.Nodes, k.node(&raw.Nodes[i], raw))
		atHome = atHome || raw.Nodes[i].Site.S == s.Home
	}
	if homeKnown && !atHome && len(raw.Nodes) > 0 {
		k.err(raw.Home.At, "", "the home of %s is %q, but none of its nodes stands there", s.ID, s.Home)
	}
	for i := range raw.Protections {
		s.Protections = append(s.Protections, k.protection(&raw.Protections[i]))
	}
	for _, w := range raw.Windows {
		s.Windows = append(s.Windows, k.window(w))
	}
	for _, e := range raw.Expiries {
		s.Expiries = append(s.Expiries, dr.Expiry{What: e.What.S, Until: e.Until.S})
		if e.Until.S != "" && e.Until.S < k.today() {
			k.warn(e.Until.At, "renew it, then write the new date", "the %s of %s ran out on %s", e.What.S, s.ID, e.Until.S)
		}
	}
	s.Probes = k.probes(raw)
	return s
}

func (k *checker) today() string {
	zone, err := time.LoadLocation(k.c.org.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return k.now.In(zone).Format(time.DateOnly)
}

func (k *checker) window(w rawWindow) dr.Window {
	out := dr.Window{Kind: w.Kind.S, When: w.When.S, OnConflict: w.OnConflict.S}
	if out.OnConflict == "" {
		out.OnConflict = "block"
	}
	if from, to, ok := strings.Cut(w.When.S, "-"); ok && from == to {
		k.err(w.When.At, "", "the window %s has no length", w.When.S)
	}
	return out
}

func (k *checker) node(raw *rawNode, sys *rawSystem) dr.Node {
	n := dr.Node{ID: raw.ID.S, System: sys.System.S, Site: raw.Site.S, Role: raw.Role.S, Kind: raw.Kind.S, Host: raw.Host.S, Array: raw.Array.S,
		Peer: raw.Peer.S, Address: raw.Address.S, Aliases: texts(raw.Aliases), DependsOn: texts(raw.DependsOn), Labels: maps.Clone(raw.Labels.M)}
	if len(n.Labels) == 0 {
		n.Labels = nil
	}
	knows(k, k.sites, "site", raw.Site)
	if raw.Host.S != "" && knows(k, k.hosts, "host", raw.Host) {
		k.samePlace(raw, "host", raw.Host)
	}
	if raw.Array.S != "" && knows(k, k.arrays, "array", raw.Array) {
		k.samePlace(raw, "array", raw.Array)
	}
	if raw.Peer.S != "" && knows(k, k.nodes, "node", raw.Peer) {
		peer := k.nodes[raw.Peer.S]
		switch {
		case peer.raw.Site.S == n.Site:
			k.err(raw.Peer.At, "", "the peer of %s stands at the same site %q", n.ID, n.Site)
		case peer.system != sys:
			k.warn(raw.Peer.At, "", "the peer of %s belongs to another system, %q", n.ID, peer.system.System.S)
		case peer.raw.Peer.S != "" && peer.raw.Peer.S != n.ID:
			k.warn(raw.Peer.At, "", "%s names %s as its peer, but the peer of %s is %s", n.ID, raw.Peer.S, raw.Peer.S, peer.raw.Peer.S)
		}
	}
	for _, d := range raw.DependsOn {
		if knows(k, k.nodes, "node", d) && d.S == n.ID {
			k.err(d.At, "", "the node %q depends on itself", d.S)
		}
	}
	k.twice(raw.DependsOn)
	return n
}

func (k *checker) samePlace(raw *rawNode, what string, name word) {
	if site := k.siteOf[what+":"+name.S]; site != "" && raw.Site.S != "" && site != raw.Site.S {
		k.err(name.At, "", "%s stands at %q, but its %s %s at %q", raw.ID.S, raw.Site.S, what, name.S, site)
	}
}

func (k *checker) protection(raw *rawProtection) dr.Protection {
	p := dr.Protection{ID: raw.ID.S, Kind: raw.Kind.S, From: raw.From.S, To: raw.To.S, RPO: raw.RPO.MS}
	from, to := knows(k, k.nodes, "node", raw.From), knows(k, k.nodes, "node", raw.To)
	if from && to && k.nodes[p.From].raw.Site.S == k.nodes[p.To].raw.Site.S {
		k.err(raw.To.At, "", "%s copies from %s to %s, which stand at the same site", p.ID, p.From, p.To)
	}
	return p
}

// probes checks the probes of a system. A probe without an action is a name only: it can be listed,
// not looked through.
func (k *checker) probes(raw *rawSystem) []dr.Probe {
	var out []dr.Probe
	known := map[string]pos{}
	for _, p := range raw.Probes {
		k.unique(known, "probe", p.ID)
		if p.Site.S != "" {
			knows(k, k.sites, "site", p.Site)
		}
		probe := dr.Probe{ID: p.ID.S, Title: p.Title.S, Proves: p.Proves.S, Site: p.Site.S}
		if probe.Title == "" {
			probe.Title = probe.ID
		}
		if p.Action.S == "" {
			k.warn(p.At, "give it action: and with:", "the probe %q has nothing to look with", p.ID.S)
		} else {
			call := &rawCall{At: p.At, Action: p.Action, With: p.With}
			probe.Call, _ = k.c.call(call, asProbe, keepHoles(), k.err)
		}
		out = append(out, probe)
	}
	return out
}

func (k *checker) systemCycles() {
	edges := map[string][]word{}
	for id, s := range k.systems {
		edges[id] = s.DependsOn
	}
	k.cycles("systems", edges)
}

func (k *checker) nodeCycles() {
	edges := map[string][]word{}
	for id, n := range k.nodes {
		edges[id] = n.raw.DependsOn
	}
	k.cycles("nodes", edges)
}

// cycles reports each circle of dependencies once, at the word that closes it.
func (k *checker) cycles(what string, edges map[string][]word) {
	const open, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(id string)
	visit = func(id string) {
		state[id] = open
		path = append(path, id)
		for _, next := range edges[id] {
			switch {
			case next.S == id: // said already
			case state[next.S] == open:
				circle := path
				for circle[0] != next.S {
					circle = circle[1:]
				}
				k.err(next.At, "take one of these dependencies away", "%s depend on each other in a circle: %s → %s", what, strings.Join(circle, " → "), next.S)
			case state[next.S] == 0:
				visit(next.S)
			}
		}
		path = path[:len(path)-1]
		state[id] = done
	}
	for _, id := range keys(edges) {
		if state[id] == 0 {
			visit(id)
		}
	}
}
