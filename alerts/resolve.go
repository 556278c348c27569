package alerts

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// names is what labels are looked up in. A name several vertices go by keeps all of them.
type names struct {
	exact map[string][]int32 // ids, aliases, addresses with port
	host  map[string][]int32 // addresses without port, first label of a full name
	tail  map[string][]int32 // names of sites as people write them
}

func newNames(t *Topology, org dr.Organisation) names {
	n := names{map[string][]int32{}, map[string][]int32{}, map[string][]int32{}}
	add := func(m map[string][]int32, name string, v int32) {
		name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
		if name != "" && v != none && !slices.Contains(m[name], v) {
			m[name] = append(m[name], v)
		}
	}
	for v, x := range t.all {
		add(n.exact, x.ent.ID, int32(v))
	}
	for _, s := range org.Sites {
		add(n.tail, s.Name, t.at("site", s.ID))
	}
	for _, s := range org.Systems {
		add(n.tail, s.Name, t.at("system", s.ID))
		for _, node := range s.Nodes {
			v := t.at("node", node.ID)
			for _, a := range node.Aliases {
				add(n.exact, a, v)
			}
			add(n.exact, node.Address, v)
			add(n.host, hostOf(node.Address), v)
		}
	}
	return n
}

// Ranks of labels, as they are kept when there are too many: those that name a thing, those that may name a
// system, those that may name a place, those that never name anything, and the rest, whose value counts only
// where it is the very name of a thing.
const (
	rankThing = iota
	rankSystem
	rankSite
	rankNever
	rankOther
)

// thingKeys name machines and other things, the most telling first.
var thingKeys = []string{"node", "nodename", "node_name", "hostname", "host", "host_name", "server", "vm", "machine", "target", "instance", "exported_instance", "pod", "container",
	"array", "storage_array", "link", "circuit", "interconnect", "esx", "hypervisor", "device_name", "name", "fqdn", "address", "ip"}

// linkKeys name a link. Who says so stands in the other labels, and is not what the alert is about.
var linkKeys = []string{"link", "circuit", "interconnect"}

var systemKeys = []string{"system", "business_system", "service", "service_name", "app", "application", "app_name", "component", "product", "job", "namespace", "project", "team_system", "exported_job"}

var siteKeys = []string{"site", "dc", "datacenter", "data_center", "datacentre", "zone", "az", "availability_zone", "region", "location", "facility", "room"}

// neverKeys hold words that may look like names and are none.
var neverKeys = []string{"alertname", "severity", "priority", "level", "monitor", "prometheus", "team", "owner", "receiver", "env", "environment", "runbook_url", "summary", "description", "fingerprint"}

// labelRanks are the ranks of all labels that have one.
var labelRanks = func() map[string]int {
	out := map[string]int{}
	for rank, keys := range map[int][]string{rankThing: thingKeys, rankSystem: systemKeys, rankSite: siteKeys, rankNever: neverKeys} {
		for _, k := range keys {
			out[k] = rank
		}
	}
	return out
}()

func labelRank(key string) int {
	if rank, ok := labelRanks[key]; ok {
		return rank
	}
	return rankOther
}

// exactness orders entities: a machine says more than its system, a system more than a place.
func exactness(scope string) int {
	return slices.Index([]string{"node", "host", "array", "link", "system", "site"}, scope)
}

// Resolve finds what labels are about: exact ids, aliases and addresses, with scheme, port and domain
// taken off. Labels that agree give the most exact of them. What fits nothing, or fits several things that
// have nothing in common, is not resolved.
func (t *Topology) Resolve(labels map[string]string) (dr.Entity, bool) {
	v, _ := t.resolve(labels)
	if v == none {
		return dr.Entity{}, false
	}
	return t.all[v].ent, true
}

// resolve also gives the site the labels speak of, which an entity without a place of its own lacks.
func (t *Topology) resolve(labels map[string]string) (v, site int32) {
	system := t.one(labels, systemKeys, "system")
	site = t.one(labels, siteKeys, "site")
	v = t.thing(labels, system, site)
	switch {
	case v == none && system != none:
		v = system
	case v == none:
		v = site
	}
	if v != none && t.all[v].ent.Scope != "system" {
		site = t.all[v].site
		if t.all[v].ent.Scope == "site" {
			site = v
		}
	}
	return v, site
}

// one finds the system or site that labels of its kind name.
func (t *Topology) one(labels map[string]string, keys []string, scope string) int32 {
	for _, k := range keys {
		value := labels[k]
		if value == "" {
			continue
		}
		value = strings.ToLower(value)
		for _, m := range []map[string][]int32{t.names.exact, t.names.tail} {
			for _, v := range m[value] {
				if t.all[v].ent.Scope == scope {
					return v
				}
			}
		}
	}
	return none
}

// thing finds what the labels name most exactly; a link before all. Labels that name things are read in their order, then the
// rest by name.
func (t *Topology) thing(labels map[string]string, system, site int32) int32 {
	for _, k := range linkKeys {
		if v := t.value(labels[k], none, none); v != none && t.all[v].ent.Scope == "link" {
			return v
		}
	}
	best := none
	try := func(value string) {
		v := t.value(value, system, site)
		if v == none {
			return
		}
		if best == none || exactness(t.all[v].ent.Scope) < exactness(t.all[best].ent.Scope) || t.better(v, best, system, site) {
			best = v
		}
	}
	for _, k := range thingKeys {
		if value := labels[k]; value != "" {
			try(value)
		}
	}
	for _, k := range systemKeys { // a service may be named like its machine
		if value := labels[k]; value != "" {
			if v := t.value(value, system, site); v != none && t.all[v].ent.Scope != "system" {
				try(value)
			}
		}
	}
	if best == none || exactness(t.all[best].ent.Scope) > exactness("link") {
		best = t.others(labels, best, system, site)
	}
	return best
}

// others looks at labels of any other name, for the very name of a machine, host, array or link.
func (t *Topology) others(labels map[string]string, best, system, site int32) int32 {
	var keys []string
	for k := range labels {
		if labelRank(k) == rankOther {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if v := t.value(labels[k], system, site); v != none && exactness(t.all[v].ent.Scope) <= exactness("link") {
			return v
		}
	}
	return best
}

// better says whether of two things of one scope the second one found fits the other labels, and the
// first does not.
func (t *Topology) better(v, best, system, site int32) bool {
	if t.all[v].ent.Scope != t.all[best].ent.Scope {
		return false
	}
	return t.agrees(v, system, site) && !t.agrees(best, system, site)
}

func (t *Topology) agrees(v, system, site int32) bool {
	x := t.all[v]
	return (system == none || x.system == none || x.system == system) && (site == none || x.site == none || x.site == site)
}

// value finds what one text names: as it is, then without scheme and path, port, domain.
func (t *Topology) value(text string, system, site int32) int32 {
	if len(text) > 512 {
		return none
	}
	text = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(text), "."))
	if v := t.among(t.names.exact[text], system, site); v != none {
		return v
	}
	bare := authority(text)
	if bare == "" {
		return none
	}
	host := hostOf(bare)
	if _, err := netip.ParseAddr(host); err == nil {
		for _, found := range [][]int32{t.names.exact[bare], t.names.exact[host], t.names.host[host]} {
			if len(found) > 0 {
				return t.among(found, system, site)
			}
		}
		return none
	}
	for _, name := range []string{bare, host, podless(host)} {
		if found := t.names.exact[name]; len(found) > 0 {
			return t.among(found, system, site)
		}
	}
	if found := t.names.host[host]; len(found) > 0 {
		return t.among(found, system, site)
	}
	if first, _, dotted := strings.Cut(host, "."); dotted {
		found := t.names.exact[first]
		if len(found) == 0 {
			found = t.names.exact[podless(first)]
		}
		// A domain's first label that is the id of a site or a system is a word, not a name.
		found = slices.DeleteFunc(slices.Clone(found), func(v int32) bool { s := t.all[v].ent.Scope; return s == "site" || s == "system" })
		return t.among(found, system, site)
	}
	return none
}

// among picks the one of several namesakes that fits the other labels. Where that leaves several, they may
// still be of one system; else nothing is said.
func (t *Topology) among(found []int32, system, site int32) int32 {
	if len(found) <= 1 {
		if len(found) == 1 {
			return found[0]
		}
		return none
	}
	var fits []int32
	for _, v := range found {
		if t.agrees(v, system, site) {
			fits = append(fits, v)
		}
	}
	switch len(fits) {
	case 0:
		return none
	case 1:
		return fits[0]
	}
	shared := t.all[fits[0]].system
	for _, v := range fits {
		if t.all[v].system != shared {
			shared = none
		}
	}
	// An id is of one thing only; namesakes of different scopes give the most exact.
	if shared == none {
		slices.SortFunc(fits, func(a, b int32) int { return exactness(t.all[a].ent.Scope) - exactness(t.all[b].ent.Scope) })
		if t.all[fits[0]].ent.Scope != t.all[fits[1]].ent.Scope {
			return fits[0]
		}
	}
	return shared
}

// authority takes scheme, user, path and query off a URL; of anything else only what follows a slash.
func authority(text string) string {
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return ""
		}
		return u.Host
	}
	head, _, _ := strings.Cut(text, "/")
	return head
}

// hostOf takes the port off.
func hostOf(text string) string {
	if host, _, err := net.SplitHostPort(text); err == nil {
		return strings.TrimSuffix(host, ".")
	}
	return strings.TrimSuffix(strings.Trim(text, "[]"), ".")
}

// podless takes off what Kubernetes adds to the name of a deployment for each of its pods.
func podless(name string) string {
	parts := strings.Split(name, "-")
	n := len(parts)
	if n >= 3 && len(parts[n-1]) == 5 && len(parts[n-2]) >= 6 && len(parts[n-2]) <= 10 && strings.ContainsAny(parts[n-2], "0123456789") {
		return strings.Join(parts[:n-2], "-")
	}
	return name
}
