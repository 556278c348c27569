package alerts

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Topology is an organisation as a graph: what stands near what, and what suffers when something fails. It
// does not change; where systems live now is not part of it.
type Topology struct {
	all    []vertex
	index  map[dr.Entity]int32
	names  names
	crosse []crossing // protections, by id
	zone   *time.Location
}

// vertex is one entity. Numbers are places in Topology.all; none means there is none.
type vertex struct {
	ent    dr.Entity
	site   int32
	system int32
	host   int32
	array  int32
	role   string  // of a node
	key    bool    // of a node: it keeps what its system cannot do without
	prop   bool    // of a node: others of its system need it
	near   []near  // within three hops, itself first
	hits   []hit   // what suffers with it, itself first
	kids   []int32 // nodes on a host or array, at a site, of a system; of a link its sites; by number
	units  []unit  // what should show when it fails
	copies []unit  // of a system: both ends of what is copied
}

const none = int32(-1)

// near is a vertex and how close it is, 0 to 1.
type near struct {
	v int32
	w float64
}

// hit is a vertex that suffers, how surely, and by what classes of signal that shows.
type hit struct {
	v    int32
	w    float64
	mask classes
}

// crossing is a protection: what copies what to where.
type crossing struct {
	id       string
	system   int32
	from, to int32
	link     int32 // between the two sites; none within one
}

// Bounds of the graph. What is farther is not near.
const (
	nearHops = 3
	nearCut  = 0.3
	nearMost = 512
	hitHops  = 5
	hitCut   = 0.25
)

// NewTopology builds the graph of an organisation.
func NewTopology(org dr.Organisation) *Topology {
	t := &Topology{index: map[dr.Entity]int32{}, zone: time.UTC}
	if zone, err := time.LoadLocation(org.TimeZone); err == nil {
		t.zone = zone
	}
	t.vertices(org)
	g := newGraph(len(t.all))
	t.contain(org, g)
	t.depend(org, g)
	t.protect(org, g)
	t.links(org, g)
	t.expect()
	for v := range t.all {
		t.all[v].near = g.near(int32(v))
		t.all[v].hits = t.suffer(g, int32(v))
	}
	t.names = newNames(t, org)
	return t
}

// vertices numbers the entities: by scope, then by id, so that numbers do not depend on the order of files.
func (t *Topology) vertices(org dr.Organisation) {
	add := func(scope, id string) {
		e := dr.Entity{Scope: scope, ID: id}
		if _, twice := t.index[e]; id == "" || twice {
			return
		}
		t.index[e] = int32(len(t.all))
		t.all = append(t.all, vertex{ent: e, site: none, system: none, host: none, array: none})
	}
	list := func(scope string, ids []string) {
		slices.Sort(ids)
		for _, id := range ids {
			add(scope, id)
		}
	}
	list("site", idsOf(org.Sites, func(s dr.Site) string { return s.ID }))
	list("link", idsOf(org.Links, func(l dr.Link) string { return l.ID }))
	list("array", idsOf(org.Arrays, func(a dr.Array) string { return a.ID }))
	list("host", idsOf(org.Hosts, func(h dr.Host) string { return h.ID }))
	list("system", idsOf(org.Systems, func(s dr.System) string { return s.ID }))
	var nodes []string
	for _, s := range org.Systems {
		nodes = append(nodes, idsOf(s.Nodes, func(n dr.Node) string { return n.ID })...)
	}
	list("node", nodes)
}

func idsOf[T any](in []T, id func(T) string) []string {
	out := make([]string, 0, len(in))
	for _, x := range in {
		out = append(out, id(x))
	}
	return out
}

// at is the number of an entity, none where there is no such.
func (t *Topology) at(scope, id string) int32 {
	if v, ok := t.index[dr.Entity{Scope: scope, ID: id}]; ok {
		return v
	}
	return none
}

// contain joins what stands in, on or of something.
func (t *Topology) contain(org dr.Organisation, g *graph) {
	for _, h := range org.Hosts {
		t.stands(g, t.at("host", h.ID), h.Site)
	}
	for _, a := range org.Arrays {
		t.stands(g, t.at("array", a.ID), a.Site)
	}
	for _, s := range org.Systems {
		sys := t.at("system", s.ID)
		t.all[sys].site = t.at("site", s.Home)
		for _, n := range s.Nodes {
			v := t.at("node", n.ID)
			x := &t.all[v]
			x.system, x.host, x.array, x.role = sys, t.at("host", n.Host), t.at("array", n.Array), n.Role
			t.stands(g, v, n.Site)
			g.close(v, sys, pick(n.Site == s.Home, .8, .5))
			g.close(v, x.host, .85)
			g.close(v, x.array, .85)
			g.close(v, t.at("node", n.Peer), .6)
			g.harm(x.host, v, 1)
			g.harm(x.array, v, .9)
			for _, parent := range []int32{sys, x.host, x.array, x.site} {
				if parent != none {
					t.all[parent].kids = append(t.all[parent].kids, v)
				}
			}
		}
	}
	for v := range t.all {
		slices.Sort(t.all[v].kids)
	}
}

func (t *Topology) stands(g *graph, v int32, site string) {
	s := t.at("site", site)
	if v == none || s == none {
		return
	}
	t.all[v].site = s
	g.close(v, s, .5)
	g.harm(s, v, 1)
}

// depend joins what needs something.
func (t *Topology) depend(org dr.Organisation, g *graph) {
	for _, s := range org.Systems {
		sys := t.at("system", s.ID)
		for _, id := range s.DependsOn {
			if on := t.at("system", id); on != none {
				g.close(sys, on, .6)
				g.harm(on, sys, .6)
			}
		}
		for _, n := range s.Nodes {
			for _, id := range n.DependsOn {
				v, on := t.at("node", n.ID), t.at("node", id)
				if on == none {
					continue
				}
				g.close(v, on, .8)
				g.harm(on, v, .8)
				t.all[on].prop = t.all[on].prop || t.all[on].system == sys
			}
		}
	}
}

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
	reach := g.harmed(v, func(from, to int32) bool {
		// A system that falls at one site does not take its machines at the other with it.
		return t.all[from].ent.Scope != "system" || t.all[to].ent.Scope != "node" || t.all[v].site == none || t.all[to].site == t.all[v].site
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
	if scope == "link" {
		for _, site := range t.all[v].kids {
			add(site, .8, 1<<classLink|1<<classDown|1<<classReplication)
		}
	}
	slices.SortStableFunc(out[1:], func(a, b hit) int { return cmp.Compare(b.w, a.w) })
	return out
}

// machines lists the nodes of a system: where its failing shows.
func (t *Topology) machines(v int32) []int32 {
	if t.all[v].ent.Scope != "system" {
		return nil
	}
	return t.all[v].kids
}

func pick(yes bool, a, b float64) float64 {
	if yes {
		return a
	}
	return b
}
