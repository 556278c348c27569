package storms

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// World is an estate as it really is, with the plans written for it.
type World struct {
	Name  string
	Org   dr.Organisation
	Plans []Plan

	domain string
}

// Plan is one file in plans/. A world says of each what it is for; what is done in it does not matter here.
type Plan struct {
	ID      string
	Kind    dr.Kind
	Pair    string
	Systems []string
	From    string
	To      string
	For     []catalog.Answer
	Guards  []string
}

// tier is a kind of machine of which a system has some at either site.
type tier struct {
	role  string
	count int
	on    string   // kind of node
	hosts []int    // numbers of the hosts they are spread over; none: a machine of its own
	array int      // number of the array they store on; 0: none
	needs []string // roles of the same system they cannot work without
}

// system is what a world's author writes of one system.
type system struct {
	id, name   string
	home, away string
	depends    []string
	stream     string // kind of its protection; empty: it keeps nothing
	tiers      []tier
}

// builder puts a world together.
type builder struct {
	w      *World
	node   func(system, role, site string, n int) string
	host   func(site string, n int) string
	array  func(site string, n int) string
	alias  func(system, role, site string, n int) []string
	subnet map[string]int
	last   map[string]int
}

// place adds hosts and arrays to each site.
func (b *builder) place(hosts, arrays int) {
	for _, s := range b.w.Org.Sites {
		for n := range hosts {
			b.w.Org.Hosts = append(b.w.Org.Hosts, dr.Host{ID: b.host(s.ID, n+1), Site: s.ID})
		}
		for n := range arrays {
			b.w.Org.Arrays = append(b.w.Org.Arrays, dr.Array{ID: b.array(s.ID, n+1), Site: s.ID})
		}
	}
}

// add adds a system with the same machines at both of its sites.
func (b *builder) add(s system) {
	out := dr.System{ID: s.id, Name: s.name, Home: s.home, DependsOn: s.depends, RTO: 600_000, RPO: 5_000, Limit: 1_800_000}
	for _, site := range []string{s.home, s.away} {
		other := s.away
		if site == s.away {
			other = s.home
		}
		for _, t := range s.tiers {
			for n := 1; n <= t.count; n++ {
				out.Nodes = append(out.Nodes, b.one(s, t, site, other, n))
			}
		}
	}
	if s.stream != "" {
		first := s.tiers[0]
		out.Protections = []dr.Protection{{ID: s.id + "-stream", Kind: s.stream, From: b.node(s.id, first.role, s.home, 1), To: b.node(s.id, first.role, s.away, 1), RPO: 5_000}}
	}
	b.w.Org.Systems = append(b.w.Org.Systems, out)
}

// one is a machine of a tier.
func (b *builder) one(s system, t tier, site, other string, n int) dr.Node {
	node := dr.Node{ID: b.node(s.id, t.role, site, n), System: s.id, Site: site, Role: t.role, Kind: t.on, Peer: b.node(s.id, t.role, other, n)}
	if len(t.hosts) > 0 {
		node.Host = b.host(site, t.hosts[(n-1)%len(t.hosts)])
	}
	if t.array > 0 {
		node.Array = b.array(site, t.array)
	}
	for _, below := range s.tiers {
		if slices.Contains(t.needs, below.role) {
			node.DependsOn = append(node.DependsOn, b.node(s.id, below.role, site, 1))
		}
	}
	if b.alias != nil {
		node.Aliases = b.alias(s.id, t.role, site, n)
	}
	b.last[site]++
	node.Address = fmt.Sprintf("10.%d.%d.%d:%d", b.subnet[site], b.last[site]/200, b.last[site]%200+10, portOf(t.role))
	return node
}

func portOf(role string) int {
	switch role {
	case "db":
		return 5432
	case "cache":
		return 6379
	case "queue":
		return 5672
	case "dns":
		return 53
	case "lb", "gateway":
		return 443
	}
	return 8080
}

// builderOf begins a world.
func builderOf(name, domain string, sites, links []string) *builder {
	b := &builder{w: &World{Name: name, domain: domain}, subnet: map[string]int{}, last: map[string]int{}}
	b.w.Org = dr.Organisation{ID: name, Name: name}
	for i, s := range sites {
		b.w.Org.Sites = append(b.w.Org.Sites, dr.Site{ID: s})
		b.subnet[s] = 11 + i
	}
	for i := 0; i+2 < len(links)+1; i += 3 {
		b.w.Org.Links = append(b.w.Org.Links, dr.Link{ID: links[i], Between: []string{links[i+1], links[i+2]}})
	}
	return b
}

// worldOf is the world a seed is about: half of them the bank, a quarter each of the others.
func worldOf(seed uint64) World {
	switch seed % 4 {
	case 2:
		return clinic()
	case 3:
		return carrier()
	}
	return bank()
}

// Worlds are all there are.
func Worlds() []World { return []World{bank(), clinic(), carrier()} }

// nodes are all machines of the world.
func (w *World) nodes() []dr.Node {
	var out []dr.Node
	for _, s := range w.Org.Systems {
		out = append(out, s.Nodes...)
	}
	return out
}

func (w *World) system(id string) dr.System {
	s, _ := w.Org.System(id)
	return s
}

// away is the site a system is protected at.
func away(s dr.System) string {
	for _, n := range s.Nodes {
		if n.Site != s.Home {
			return n.Site
		}
	}
	return ""
}
