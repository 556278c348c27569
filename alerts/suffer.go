package alerts

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// protect notes what copies what, marks the nodes a system falls with, and lets those hurt their systems.
func (t *Topology) protect(org dr.Organisation, g *graph) {
	for _, s := range org.Systems {
		for _, p := range s.Protections {
			c := crossing{id: p.ID, system: t.at("system", s.ID), from: t.at("node", p.From), to: t.at("node", p.To), link: none}
			if c.from == none || c.to == none {
				continue
			}
			g.close(c.from, c.to, .8)
			if p.Kind != "backup" {
				t.all[c.from].key, t.all[c.to].key = true, true
				t.crosse = append(t.crosse, c)
			}
		}
		for _, n := range s.Nodes {
			v := t.at("node", n.ID)
			if keeper(n.Role) {
				t.all[v].key = true
			}
			t.all[v].door = door(n.Role)
			g.harm(v, t.at("system", s.ID), pick(t.all[v].key || t.all[v].prop, .8, .4))
		}
	}
	slices.SortFunc(t.crosse, func(a, b crossing) int { return strings.Compare(a.id, b.id) })
}

// keeper says whether a role keeps what its system cannot do without.
func keeper(role string) bool {
	switch strings.ToLower(role) {
	case "db", "database", "mysql", "postgres", "postgresql", "oracle", "mainframe", "primary", "storage", "core":
		return true
	}
	return false
}

// door says whether a role is where customers come in.
func door(role string) bool {
	switch strings.ToLower(role) {
	case "lb", "loadbalancer", "gateway", "frontdoor", "edge", "proxy", "waf", "cdn", "ingress", "dns":
		return true
	}
	return false
}

// links joins sites, and gives every protection the link it crosses.
func (t *Topology) links(org dr.Organisation, g *graph) {
	for _, l := range org.Links {
		v := t.at("link", l.ID)
		var ends []int32
		for _, id := range l.Between {
			if s := t.at("site", id); s != none {
				ends = append(ends, s)
				g.close(v, s, .7)
			}
		}
		for i, c := range t.crosse {
			from, to := t.all[c.from].site, t.all[c.to].site
			if from != to && slices.Contains(ends, from) && slices.Contains(ends, to) {
				if c.link == none {
					t.crosse[i].link = v
				}
				g.close(v, c.from, .8)
				g.close(v, c.to, .8)
			}
		}
		t.all[v].kids = ends
	}
}

// expect lists what should show when something fails: machines by themselves or by what they run on, and
// for a link what is copied across.
func (t *Topology) expect() {
	for v := range t.all {
		x := &t.all[v]
		for _, n := range x.kids {
			switch x.ent.Scope {
			case "site":
				x.units = append(x.units, unit{n, t.all[n].host, none})
			case "host", "array", "system":
				x.units = append(x.units, unit{n, none, none})
			}
		}
	}
	for _, c := range t.crosse {
		t.all[c.system].copies = append(t.all[c.system].copies, unit{c.from, c.to, none})
		if c.link != none {
			t.all[c.link].units = append(t.all[c.link].units, unit{c.from, c.to, c.system})
		}
	}
}

// suffer lists what shows when a vertex fails: first what the graph says, then copying, which breaks when
// either end or what is between fails.
func (t *Topology) suffer(g *graph, v int32) []hit {
	here := t.all[v].site
	if t.all[v].ent.Scope == "site" {
		here = v
	}
	reach := g.harmed(v, func(from, to int32) bool {
		// A system that falls at one site does not take its machines at the other with it.
		return t.all[from].ent.Scope != "system" || t.all[to].ent.Scope != "node" || here == none || t.all[to].site == here
	}, t.machines)
	out := make([]hit, 0, len(reach))
	at := map[int32]int{}
	for _, r := range reach {
		mask := ripples
		if r.v == v || r.w >= .9 {
			mask |= 1<<classReplication | 1<<classIO
		}
		at[r.v] = len(out)
		out = append(out, hit{r.v, r.w, mask})
	}
	add := func(u int32, w float64, mask classes) {
		if i, ok := at[u]; ok && out[i].w >= w {
			out[i].mask |= mask
			return
		} else if ok { // what is copied there breaks more surely than anything else of it
			out = append(out, hit{u, w, mask})
			return
		}
		at[u] = len(out)
		out = append(out, hit{u, w, mask})
	}
	down := func(u int32) bool { i, ok := at[u]; return ok && out[i].w >= .9 }
	scope := t.all[v].ent.Scope
	for _, c := range t.crosse {
		if c.link == v && scope == "link" || down(c.from) || down(c.to) {
			add(c.from, .9, 1<<classReplication)
			add(c.to, .9, 1<<classReplication)
			add(c.system, .8, 1<<classReplication)
			if c.link != none && scope == "site" {
				add(c.link, .8, ripples|1<<classReplication)
			}
		}
	}
	for _, m := range t.mirrors(v) {
		add(m, .7, 1<<classReplication)
	}
	if scope == "link" {
		for _, site := range t.all[v].kids {
			add(site, .8, 1<<classLink|1<<classDown|1<<classReplication)
		}
	}
	slices.SortStableFunc(out[1:], func(a, b hit) int { return cmp.Compare(b.w, a.w) })
	return out
}

// mirrors lists the arrays whose mirroring breaks with a site, a link or a system's copying: those that hold one
// end of something copied away from there. Which array mirrors which is written nowhere.
func (t *Topology) mirrors(v int32) []int32 {
	var out []int32
	add := func(node int32) {
		if a := t.all[node].array; a != none && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, n := range t.peers {
		a, b := t.all[n[0]].site, t.all[n[1]].site
		at := &t.all[v]
		switch {
		case at.ent.Scope == "site" && a == v && b != v:
			add(n[1])
		case at.ent.Scope == "link" && a != b && slices.Contains(at.kids, a) && slices.Contains(at.kids, b), at.ent.Scope == "system" && t.all[n[0]].system == v && t.all[n[0]].key:
			add(n[0])
			add(n[1])
		}
	}
	return out
}

// machines lists the nodes of a system: where its failing shows.
func (t *Topology) machines(v int32) []int32 {
	if t.all[v].ent.Scope != "system" {
		return nil
	}
	return t.all[v].kids
}
