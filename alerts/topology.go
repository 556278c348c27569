package alerts

import (
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Topology is an organisation as a graph: what stands near what, and what suffers when something fails. It
// does not change; where systems live now is not part of it.
type Topology struct {
	all     []vertex
	index   map[dr.Entity]int32
	names   names
	many    map[string]int        // entities of a scope
	windows map[int32][]dr.Window // of systems
	crosse  []crossing            // protections, by id
	peers   [][2]int32            // machines and what stands by for them, both ways
	zone    *time.Location
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
	door   bool    // of a node: customers come in by it
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
	t := &Topology{index: map[dr.Entity]int32{}, many: map[string]int{}, windows: map[int32][]dr.Window{}, zone: time.UTC}
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
		t.many[scope]++
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
		t.all[sys].site, t.windows[sys] = t.at("site", s.Home), s.Windows
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
	t.pair(org)
}

// pair notes which machine stands by for which.
func (t *Topology) pair(org dr.Organisation) {
	add := func(a, b string) {
		from, to := t.at("node", a), t.at("node", b)
		if from == none || to == none || slices.Contains(t.peers, [2]int32{from, to}) {
			return
		}
		t.peers = append(t.peers, [2]int32{from, to}, [2]int32{to, from})
	}
	for _, s := range org.Systems {
		for _, n := range s.Nodes {
			add(n.ID, n.Peer)
		}
		for _, p := range s.Protections {
			add(p.From, p.To)
		}
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

func pick(yes bool, a, b float64) float64 {
	if yes {
		return a
	}
	return b
}
