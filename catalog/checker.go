package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// checker compares what was read with each other and fills the catalog.
type checker struct {
	*reporter
	c   *Catalog
	now time.Time

	sites, hosts, arrays, resources, links map[string]pos
	siteOf                                 map[string]string // of hosts and arrays, by "host:id" and "array:id"
	systems                                map[string]*rawSystem
	nodes                                  map[string]nodeAt
	teams                                  map[string]pos
	people                                 map[string]*rawPerson
}

// nodeAt is a node with the system it belongs to.
type nodeAt struct {
	raw    *rawNode
	system *rawSystem
}

// unique notes an id and reports the second use of it.
func (k *checker) unique(known map[string]pos, what string, id word) {
	if id.S == "" {
		return
	}
	if first, ok := known[id.S]; ok {
		k.err(id.At, "", "the %s %q exists twice; the first stands at %s:%d", what, id.S, first.file, first.line)
		return
	}
	known[id.S] = id.At
}

// knows reports a name that is not among the known ones.
func knows[V any](k *checker, known map[string]V, what string, name word) bool {
	if name.S == "" {
		return false
	}
	if _, ok := known[name.S]; ok {
		return true
	}
	if k.partial(what) {
		return false
	}
	k.err(name.At, didYouMean(name.S, keys(known)), "unknown %s %q", what, name.S)
	return false
}

// partial reports whether some things of a sort could not be read at all; that a name is unknown then
// says nothing.
func (k *checker) partial(what string) bool {
	f := k.c.files
	switch what {
	case "system", "node":
		return f.lost["systems"]
	case "plan":
		return f.lost["plans"]
	case "person", "team":
		return f.lost["roster.yaml"]
	}
	return f.organisation == nil
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func texts(words []word) []string {
	if len(words) == 0 {
		return nil
	}
	out := make([]string, 0, len(words))
	for _, w := range words {
		if w.S != "" {
			out = append(out, w.S)
		}
	}
	return out
}

// twice reports words repeated in a list.
func (k *checker) twice(list []word) {
	for i, w := range list {
		if w.S != "" && slices.ContainsFunc(list[:i], func(o word) bool { return o.S == w.S }) {
			k.err(w.At, "", "%q is listed twice", w.S)
		}
	}
}

func as[T ~string](words []word) []T {
	if len(words) == 0 {
		return nil
	}
	out := make([]T, len(words))
	for i, w := range words {
		out[i] = T(w.S)
	}
	return out
}

func (k *checker) organisation() {
	k.sites, k.hosts, k.arrays, k.resources, k.links = map[string]pos{}, map[string]pos{}, map[string]pos{}, map[string]pos{}, map[string]pos{}
	k.siteOf = map[string]string{}
	k.systems, k.nodes = map[string]*rawSystem{}, map[string]nodeAt{}
	if raw := k.c.files.organisation; raw != nil {
		k.identity(raw)
		k.places(raw)
	}
	k.collectSystems()
	for _, s := range k.c.files.systems {
		if k.systems[s.System.S] == s {
			k.c.org.Systems = append(k.c.org.Systems, k.system(s))
		}
	}
	slices.SortFunc(k.c.org.Systems, func(a, b dr.System) int { return strings.Compare(a.ID, b.ID) })
	k.systemCycles()
	k.nodeCycles()
}

func (k *checker) identity(raw *rawOrganisation) {
	o, id := &k.c.org, raw.Organisation
	o.ID, o.Name, o.Environment, o.TimeZone = id.ID.S, id.Name.S, dr.Environment(id.Environment.S), id.TimeZone.S
	o.Languages = texts(id.Languages)
	if o.Name == "" {
		o.Name = o.ID
	}
	k.twice(id.Languages)
	if len(o.Languages) == 0 {
		o.Languages = []string{"en"}
	}
	for _, s := range raw.Sites {
		k.unique(k.sites, "site", s.ID)
		o.Sites = append(o.Sites, dr.Site{ID: s.ID.S, Name: s.Name.S})
		if s.ID.S == "from" || s.ID.S == "to" {
			k.err(s.ID.At, "", "a site cannot be called %q: steps use the word for a side of the move", s.ID.S)
		}
	}
	if len(raw.Sites) == 1 {
		k.err(raw.Sites[0].At, "", "there is one site; a move needs two")
	}
	if raw.Switchman == nil || len(raw.Switchman.Sites) == 0 {
		k.warn(raw.At, "switchman: {sites: […]}", "nothing says where Switchman itself runs")
		return
	}
	for _, s := range raw.Switchman.Sites {
		knows(k, k.sites, "site", s)
	}
	o.SwitchmanSites = texts(raw.Switchman.Sites)
}

func (k *checker) places(raw *rawOrganisation) {
	o := &k.c.org
	channels := map[string]pos{}
	for _, l := range raw.Links {
		k.unique(k.links, "link", l.ID)
		for _, s := range l.Between {
			knows(k, k.sites, "site", s)
		}
		if len(l.Between) != 2 {
			k.err(l.At, "between: [east, west]", "a link joins two sites, found %d", len(l.Between))
		}
		k.twice(l.Between)
		o.Links = append(o.Links, dr.Link{ID: l.ID.S, Between: texts(l.Between)})
	}
	for _, h := range raw.Hosts {
		k.unique(k.hosts, "host", h.ID)
		knows(k, k.sites, "site", h.Site)
		k.siteOf["host:"+h.ID.S] = h.Site.S
		o.Hosts = append(o.Hosts, dr.Host{ID: h.ID.S, Site: h.Site.S})
	}
	for _, a := range raw.Arrays {
		k.unique(k.arrays, "array", a.ID)
		knows(k, k.sites, "site", a.Site)
		k.siteOf["array:"+a.ID.S] = a.Site.S
		o.Arrays = append(o.Arrays, dr.Array{ID: a.ID.S, Site: a.Site.S})
	}
	for _, r := range raw.Resources {
		k.unique(k.resources, "resource", r.ID)
		o.Resources = append(o.Resources, dr.Resource{ID: r.ID.S, Name: r.Name.S})
	}
	for _, ch := range raw.Channels {
		k.unique(channels, "channel", ch.ID)
		o.Channels = append(o.Channels, dr.Channel{ID: ch.ID.S, Audience: ch.Audience.S, Slack: ch.Slack.S})
	}
}

// collectSystems notes systems and nodes before anything refers to them.
func (k *checker) collectSystems() {
	systems, nodes, protections := map[string]pos{}, map[string]pos{}, map[string]pos{}
	for _, s := range k.c.files.systems {
		k.unique(systems, "system", s.System)
		if s.System.S == "" || k.systems[s.System.S] != nil {
			continue
		}
		k.systems[s.System.S] = s
		for i := range s.Nodes {
			n := &s.Nodes[i]
			k.unique(nodes, "node", n.ID)
			if _, ok := k.nodes[n.ID.S]; !ok && n.ID.S != "" {
				k.nodes[n.ID.S] = nodeAt{n, s}
			}
		}
		for _, p := range s.Protections {
			k.unique(protections, "protection", p.ID)
			if p.Reconcile != nil {
				k.c.reconciles[p.ID.S] = *p.Reconcile
			}
		}
	}
}
