package storms

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

func tellDeploy(d *day, in *Incident) {
	s := d.World.system(in.Scopes[0].ID)
	apps := d.apps(s)
	c := Change{Kind: pick(d.draw, []string{"deploy", "deploy", "config"}), System: s.ID, Summary: s.ID + " 4.12.0", By: "pipeline"}
	if len(apps) > 0 && d.draw.IntN(4) == 0 {
		c.Node = apps[0].ID
	}
	d.change(d.before(in), c, in.Number)
	for _, n := range apps {
		d.hear("errors_5xx", ofNode(n), 0.85, 20, 240)
		d.hear("restarts", ofNode(n), 0.5, 20, 200)
		d.hear("rollout", ofNode(n), 0.35, 60, 300)
		d.hear("exceptions", ofNode(n), 0.7, 20, 180)
		d.hear("slow", ofNode(n), 0.4, 30, 240)
	}
	for _, n := range d.fronts(s) {
		d.hear("backend_down", ofNode(n), 0.4, 20, 200)
	}
	d.customers(in, 0.8)
}

func (d *day) fronts(s dr.System) []dr.Node {
	return d.those(func(n dr.Node) bool {
		return n.System == s.ID && n.Site == s.Home && slices.Contains([]string{"lb", "gateway"}, n.Role)
	})
}

func tellStream(d *day, in *Incident) {
	s := d.World.system(in.Scopes[0].ID)
	p := s.Protections[0]
	from, to := d.node(p.From), d.node(p.To)
	if p.Kind == "array" {
		for _, a := range d.World.Org.Arrays {
			if a.ID == from.Array || a.ID == to.Array {
				d.hear("mirror_broken", ofArray(a), 0.3, 0, 90)
			}
		}
	}
	d.hear("repl_stopped", ofNode(to), 0.95, 5, 60)
	d.hear("repl_lags", ofNode(to), 0.9, 60, 300)
	d.hear("repl_stopped", ofNode(from), 0.4, 10, 120)
	d.hear("disk_filling", ofNode(from), 0.3, 300, 900)
}

func tellCertificate(d *day, in *Incident) {
	s := d.World.system(in.Scopes[0].ID)
	for _, e := range in.Scopes[1:] {
		n := d.node(e.ID)
		d.hear("cert_expired", ofNode(n), 0.95, 0, 30)
		d.hear("probe_fails", ofNode(n), 0.9, 10, 90)
		d.hear("handshake", ofNode(n), 0.8, 20, 120)
	}
	for _, n := range d.apps(s) {
		d.hear("traffic", ofNode(n), 0.1, 60, 300)
	}
	d.customers(in, 0.8)
}

func tellOverload(d *day, in *Incident) {
	s := d.World.system(in.Scopes[0].ID)
	for _, n := range d.those(func(n dr.Node) bool { return n.System == s.ID && n.Site == s.Home }) {
		d.hear("cpu", ofNode(n), 0.8, 0, 300)
		switch n.Role {
		case "db", "lb", "gateway":
			d.hear("saturated", ofNode(n), 0.7, 60, 400)
		case "queue":
			d.hear("queue_grows", ofNode(n), 0.7, 60, 400)
		default:
			d.hear("traffic", ofNode(n), 0.4, 0, 200)
			d.hear("slow", ofNode(n), 0.85, 30, 300)
			d.hear("errors_5xx", ofNode(n), 0.4, 120, 400)
			d.hear("memory", ofNode(n), 0.3, 60, 400)
		}
	}
	d.hear("traffic", ofSystem(s), 0.8, 0, 120)
	d.customers(in, 0.6)
}

func tellNode(d *day, in *Incident) {
	n := d.node(in.Scopes[0].ID)
	d.gone(n, 0.95, 10, 60)
	for _, up := range d.above(n) {
		d.hear("backend_down", ofNode(up), 0.7, 15, 120)
	}
}

func tellSwitch(d *day, in *Incident) {
	d.hear("switch_down", ofSite(in.Site), 0.9, 0, 40)
	hosts := map[string]bool{}
	for _, n := range d.those(func(n dr.Node) bool { return in.nodes[n.ID] }) {
		d.hear("node_silent", ofNode(n), 0.9, 15, 150)
		d.felt(n, 0.4)
		hosts[n.Host] = true
	}
	for _, h := range d.World.Org.Hosts {
		if hosts[h.ID] {
			d.hear("hypervisor", ofHost(h), 0.8, 20, 120)
		}
	}
}

func tellClock(d *day, in *Incident) {
	for _, n := range d.those(func(n dr.Node) bool { return n.Site == in.Site }) {
		d.hear("clock", ofNode(n), 0.6, 0, 300)
		if d.keeps(n) {
			d.hear("quorum", ofNode(n), 0.2, 100, 400)
		}
	}
	for _, h := range d.World.Org.Hosts {
		if h.Site == in.Site {
			d.hear("clock", ofHost(h), 0.5, 0, 300)
		}
	}
}

// tellNames is the name service of a site failing: everything there that asks for a name suffers, nothing
// is down, and moving away would be the wrong answer to a setting of five resolvers.
func tellNames(d *day, in *Incident) {
	for _, n := range d.those(func(n dr.Node) bool { return n.Site == in.Site }) {
		d.hear("dns_fails", ofNode(n), 0.5, 0, 150)
		if slices.Contains([]string{"app", "web"}, n.Role) && d.serves(n) {
			d.hear("errors_5xx", ofNode(n), 0.3, 30, 240)
			d.hear("slow", ofNode(n), 0.3, 30, 240)
		}
	}
	for _, s := range d.World.Org.Systems {
		if s.Home == in.Site {
			d.hear("business", ofSystem(s), 0.4, 60, 300)
		}
	}
}
