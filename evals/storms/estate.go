package storms

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// estate is how one organisation's monitoring talks: which of the names it uses, which labels it puts the
// things in, how it says that something is bad. It is drawn once for a day.
type estate struct {
	w      *World
	draw   *rand.Rand
	said   map[symptom]saying
	names  map[symptom][]string
	levels [3]string
	keys   map[string]string // what a label is called: node, host, array, link, system, site, severity
	labels map[string]map[string]string
	texts  map[string]string
}

// subject is what an alert is about.
type subject struct {
	scope, id string
	node      dr.Node // where scope is node
	site      string
	system    string
}

func newEstate(w *World, draw *rand.Rand) *estate {
	e := &estate{w: w, draw: draw, said: sayings(), names: map[symptom][]string{}, keys: map[string]string{}, labels: map[string]map[string]string{}, texts: map[string]string{}}
	for _, s := range slices.Sorted(maps.Keys(e.said)) {
		names := slices.Clone(e.said[s].names)
		draw.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		e.names[s] = names[:1+draw.IntN(2)]
	}
	e.levels = pick(draw, [][3]string{{"critical", "warning", "info"}, {"critical", "warning", "none"}, {"page", "ticket", "info"}, {"P1", "P3", "P4"}, {"disaster", "average", "information"}, {"major", "minor", "info"}})
	for key, words := range map[string][]string{
		"node": {"instance", "instance", "node", "host", "hostname", "target"}, "host": {"instance", "host", "hypervisor", "esx_host", "node"},
		"array": {"array", "instance", "storage", "device"}, "link": {"link", "circuit", "interface", "instance"},
		"system": {"system", "service", "app", "application", "namespace"}, "site": {"site", "dc", "datacenter", "region", "location"}, "severity": {"severity", "severity", "severity", "priority", "level"},
	} {
		e.keys[key] = words[int(hash(fmt.Sprint(key, e.levels, e.names["cpu"]))%uint64(len(words)))]
	}
	return e
}

func hash(text string) uint64 {
	sum := fnv.New64a()
	fmt.Fprint(sum, text)
	return sum.Sum64()
}

func pick[T any](draw *rand.Rand, from []T) T { return from[draw.IntN(len(from))] }

// series is one alert that may fire again and again, always with the same labels.
func (e *estate) series(s symptom, name string, about subject) string {
	key := name + "\x00" + about.scope + "\x00" + about.id
	if e.labels[key] == nil {
		said := e.said[s]
		e.labels[key] = e.labelsOf(said, name, about)
		shown := cmp.Or(e.labels[key][e.keys[about.scope]], about.id)
		e.texts[key] = strings.ReplaceAll(said.text, "{x}", shown)
	}
	return key
}

func (e *estate) labelsOf(said saying, name string, about subject) map[string]string {
	out := map[string]string{"alertname": name, e.keys["severity"]: e.levels[said.level-1], "job": pick(e.draw, []string{"node", "blackbox", "snmp", "postgres", "kubernetes-pods", "vmware", "probe"})}
	if e.draw.Float64() < 0.5 {
		out["team"] = pick(e.draw, []string{"platform", "dba", "network", "apps", "storage"})
	}
	if about.site != "" && e.draw.Float64() < 0.85 {
		out[e.keys["site"]] = about.site
	}
	if about.system != "" && (about.scope == "system" || e.draw.Float64() < 0.85) {
		out[e.keys["system"]] = about.system
	}
	switch about.scope {
	case "node":
		out[e.keys["node"]] = e.called(about.node)
	case "host", "array", "link":
		out[e.keys[about.scope]] = e.thing(about)
	case "site":
		out[e.keys["site"]] = about.id
	}
	return out
}

// called is a machine as a label names it: by itself, with a port, as a URL, by its full name, an alias, its
// address, or by an address nobody has written down.
func (e *estate) called(n dr.Node) string {
	ip, port, _ := strings.Cut(n.Address, ":")
	full := n.ID + "." + n.Site + "." + e.w.domain
	switch d := e.draw.Float64(); {
	case d < 0.03:
		return fmt.Sprintf("172.31.%d.%d:%s", e.draw.IntN(250), e.draw.IntN(250), port)
	case d < 0.13:
		return pick(e.draw, []string{"https://" + full + "/health", "http://" + n.ID + ":" + port + "/ready", "http://" + n.Address + "/"})
	case d < 0.40:
		return n.ID + ":" + pick(e.draw, []string{"9100", "9187", "9115", port})
	case d < 0.50:
		return full
	case d < 0.55 && len(n.Aliases) > 0:
		return n.Aliases[0]
	case d < 0.60:
		return ip
	case d < 0.65:
		return n.Address
	}
	return n.ID
}

// thing is a host, an array or a link as a label names it.
func (e *estate) thing(about subject) string {
	switch d := e.draw.Float64(); {
	case d < 0.2 && about.scope == "host":
		return about.id + ":9100"
	case d < 0.4:
		return about.id + "." + e.w.domain
	case d < 0.45:
		return "dev-" + fmt.Sprint(e.draw.IntN(1000)) // a serial number nobody has written down
	}
	return about.id
}

func ofNode(n dr.Node) subject {
	return subject{scope: "node", id: n.ID, node: n, site: n.Site, system: n.System}
}

func ofSystem(s dr.System) subject {
	return subject{scope: "system", id: s.ID, site: s.Home, system: s.ID}
}

func ofSite(id string) subject { return subject{scope: "site", id: id, site: id} }

func ofHost(h dr.Host) subject { return subject{scope: "host", id: h.ID, site: h.Site} }

func ofArray(a dr.Array) subject { return subject{scope: "array", id: a.ID, site: a.Site} }

func ofLink(l dr.Link) subject { return subject{scope: "link", id: l.ID} }
