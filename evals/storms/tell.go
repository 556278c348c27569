package storms

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

func tellSite(d *day, in *Incident) {
	site := in.Site
	d.hear("power", ofSite(site), 0.6, 0, 60)
	d.hear("site_loss", ofSite(site), 0.85, 15, 120)
	for _, l := range d.World.Org.Links {
		if slices.Contains(l.Between, site) {
			d.hear("link_down", ofLink(l), 0.9, 5, 60)
		}
	}
	for _, h := range d.World.Org.Hosts {
		if h.Site == site {
			d.hear("hypervisor", ofHost(h), 0.9, 20, 180)
		}
	}
	for _, a := range d.World.Org.Arrays {
		if a.Site == site {
			d.hear("array_fault", ofArray(a), 0.5, 20, 120)
		} else {
			d.hear("mirror_broken", ofArray(a), 0.6, 30, 180)
		}
	}
	for _, n := range d.World.nodes() {
		if n.Site == site {
			d.gone(n, 0.95, 20, 200)
		} else if d.keeps(n) && d.node(n.Peer).Site == site {
			d.hear("repl_stopped", ofNode(n), 0.75, 30, 200)
			d.hear("repl_lags", ofNode(n), 0.6, 60, 300)
			d.hear("quorum", ofNode(n), 0.2, 20, 120)
		}
	}
	for _, s := range d.World.Org.Systems {
		if slices.Contains(in.Systems, s.ID) {
			d.hear("business", ofSystem(s), 0.95, 60, 240)
		}
	}
	d.dependents(in.Systems, 0.4)
}

// gone is a machine that is not there any more.
func (d *day) gone(n dr.Node, share float64, from, to int) {
	d.hear("node_silent", ofNode(n), share, from, to)
	d.hear("vm_gone", ofNode(n), 0.35, from, to)
	if slices.Contains([]string{"db", "app", "web", "lb", "gateway", "file"}, n.Role) {
		d.hear("probe_fails", ofNode(n), 0.6, from, to)
	}
	switch n.Role {
	case "db":
		d.hear("db_down", ofNode(n), 0.9, from, to)
	case "cache":
		d.hear("cache_down", ofNode(n), 0.8, from, to)
	}
}

// above are the machines at the same site that cannot work without one.
func (d *day) above(of dr.Node) []dr.Node {
	return d.those(func(n dr.Node) bool { return slices.Contains(n.DependsOn, of.ID) })
}

// dependents has the applications of systems that depend on others notice.
func (d *day) dependents(systems []string, share float64) {
	for _, s := range d.World.Org.Systems {
		if slices.Contains(systems, s.ID) || !slices.ContainsFunc(s.DependsOn, func(id string) bool { return slices.Contains(systems, id) }) {
			continue
		}
		for _, n := range d.apps(s) {
			d.hear("errors_5xx", ofNode(n), share*0.4, 60, 300)
		}
		d.hear("business", ofSystem(s), share*0.5, 90, 300)
	}
}

func tellLink(d *day, in *Incident) {
	for _, l := range d.World.Org.Links {
		if !slices.Contains(in.Scopes, dr.Entity{Scope: "link", ID: l.ID}) {
			continue
		}
		d.hear("link_down", ofLink(l), 0.95, 0, 40)
		for _, site := range l.Between {
			d.hear("site_loss", ofSite(site), 0.8, 20, 120)
			d.hear("network_errors", ofSite(site), 0.2, 0, 60)
		}
		for _, n := range d.World.nodes() {
			if !d.keeps(n) || !slices.Contains(l.Between, n.Site) || !slices.Contains(l.Between, d.node(n.Peer).Site) {
				continue
			}
			if !d.serves(n) {
				d.hear("repl_stopped", ofNode(n), 0.8, 20, 180)
				d.hear("repl_lags", ofNode(n), 0.75, 60, 300)
			}
			d.hear("quorum", ofNode(n), 0.4, 20, 120)
		}
		for _, a := range d.World.Org.Arrays {
			if slices.Contains(l.Between, a.Site) {
				d.hear("mirror_broken", ofArray(a), 0.6, 20, 180)
			}
		}
	}
}

func tellHost(d *day, in *Incident) {
	h := d.World.Org.Hosts[slices.IndexFunc(d.World.Org.Hosts, func(h dr.Host) bool { return h.ID == in.Scopes[0].ID })]
	d.hear("hypervisor", ofHost(h), 0.95, 10, 90)
	for _, n := range d.those(func(n dr.Node) bool { return n.Host == h.ID }) {
		d.gone(n, 0.9, 20, 120)
		d.felt(n, 0.8)
	}
	d.customers(in, 0.9)
}

// felt is what others notice of a machine that is gone.
func (d *day) felt(n dr.Node, share float64) {
	for _, up := range d.above(n) {
		if n.Role == "db" {
			d.hear("db_refuses", ofNode(up), share, 20, 150)
		}
		if up.Role == "lb" || up.Role == "gateway" {
			d.hear("backend_down", ofNode(up), share*0.7, 15, 120)
			continue
		}
		if d.serves(up) && n.Role != "cache" {
			d.hear("errors_5xx", ofNode(up), share*0.7, 30, 200)
		}
	}
	if d.keeps(n) && d.serves(n) {
		d.hear("repl_stopped", ofNode(d.node(n.Peer)), share, 20, 150)
	} else if d.keeps(n) {
		d.hear("repl_stopped", ofNode(d.node(n.Peer)), share*0.5, 20, 150)
	}
}

func (d *day) customers(in *Incident, share float64) {
	for _, id := range in.Systems {
		d.hear("business", ofSystem(d.World.system(id)), share, 60, 240)
	}
	d.dependents(in.Systems, share*0.4)
}

func tellArray(d *day, in *Incident) {
	a := d.World.Org.Arrays[slices.IndexFunc(d.World.Org.Arrays, func(a dr.Array) bool { return a.ID == in.Scopes[0].ID })]
	d.hear("array_fault", ofArray(a), 0.9, 0, 60)
	d.hear("lun_slow", ofArray(a), 0.7, 10, 120)
	if d.draw.IntN(2) == 0 {
		in.unmirrored = true
		d.hear("mirror_broken", ofArray(a), 0.9, 20, 180)
	}
	for _, n := range d.those(func(n dr.Node) bool { return n.Array == a.ID }) {
		d.hear("io_fails", ofNode(n), 0.9, 20, 180)
		if n.Role == "db" {
			d.hear("db_waits", ofNode(n), 0.8, 30, 180)
			d.hear("write_fails", ofNode(n), 0.5, 30, 200)
		}
		for _, up := range d.above(n) {
			if d.serves(up) {
				d.hear("slow", ofNode(up), 0.6, 40, 240)
				d.hear("errors_5xx", ofNode(up), 0.5, 60, 300)
			}
		}
	}
	d.customers(in, 0.8)
}

func tellDatabase(d *day, in *Incident) {
	db := d.node(in.Scopes[0].ID)
	d.hear("db_down", ofNode(db), 0.97, 10, 60)
	d.hear("probe_fails", ofNode(db), 0.6, 10, 60)
	d.felt(db, 0.85)
	if !d.serves(db) {
		return
	}
	for _, up := range d.above(db) {
		d.hear("exceptions", ofNode(up), 0.4, 30, 180)
	}
	for _, q := range d.those(func(n dr.Node) bool { return n.System == db.System && n.Site == db.Site && n.Role == "queue" }) {
		d.hear("queue_grows", ofNode(q), 0.5, 60, 300)
	}
	d.customers(in, 0.9)
}

func tellDisk(d *day, in *Incident) {
	n := d.node(in.Scopes[0].ID)
	d.hear("disk_filling", ofNode(n), 0.6, -600, -120)
	d.hear("disk_full", ofNode(n), 0.97, 0, 30)
	if n.Role == "db" {
		d.hear("write_fails", ofNode(n), 0.85, 10, 120)
		d.hear("backup", ofNode(n), 0.2, 60, 600)
	} else {
		d.hear("exceptions", ofNode(n), 0.6, 10, 120)
		d.hear("job", ofNode(n), 0.4, 10, 300)
	}
	for _, up := range d.above(n) {
		d.hear("errors_5xx", ofNode(up), 0.5, 30, 200)
		d.hear("exceptions", ofNode(up), 0.4, 30, 200)
	}
	d.customers(in, 0.6)
}
