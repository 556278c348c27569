package storms

import (
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// kind is a kind of incident: choose finds it a place, tell says what is noticed of it.
type kind struct {
	name   string
	wide   bool // a whole site or all that crosses a link
	choose func(*day, *Incident) bool
	tell   func(*day, *Incident)
}

func (d *day) kinds() []kind {
	return []kind{
		{"site_outage", true, chooseSite, tellSite}, {"standby_outage", true, chooseStandby, tellSite}, {"partition", true, chooseLink, tellLink},
		{"host_down", false, chooseHost, tellHost}, {"array_io", false, chooseArray, tellArray}, {"db_crash", false, chooseDatabase, tellDatabase},
		{"disk_full", false, chooseDisk, tellDisk}, {"bad_deploy", false, chooseDeploy, tellDeploy}, {"replication", false, chooseStream, tellStream},
		{"certificate", false, chooseFront, tellCertificate}, {"overload", false, chooseBusy, tellOverload}, {"node_down", false, chooseNode, tellNode},
	}
}

// odd are incidents no plan is ever written for, and for which the files have no name. One comes every other day.
func (d *day) odd() []kind {
	return []kind{{"switch_down", false, chooseSwitch, tellSwitch}, {"clock_drift", true, chooseAnySite, tellClock}, {"name_service", true, chooseAnySite, tellNames}}
}

// at home with four of five, or where a system stands by.
func (d *day) siteOf(s dr.System) string {
	if d.draw.IntN(5) == 0 {
		return away(s)
	}
	return s.Home
}

func (d *day) homes() []string {
	var out []string
	for _, s := range d.World.Org.Systems {
		if !slices.Contains(out, s.Home) {
			out = append(out, s.Home)
		}
	}
	return out
}

func (in *Incident) takes(nodes ...dr.Node) {
	for _, n := range nodes {
		in.nodes[n.ID] = true
	}
}

func (in *Incident) hurts(s dr.System) {
	if !slices.Contains(in.Systems, s.ID) {
		in.Systems = append(in.Systems, s.ID)
	}
}

// those are the machines a question is answered yes for.
func (d *day) those(yes func(dr.Node) bool) []dr.Node {
	return slices.DeleteFunc(d.World.nodes(), func(n dr.Node) bool { return !yes(n) })
}

func (d *day) node(id string) dr.Node {
	found := d.those(func(n dr.Node) bool { return n.ID == id })
	if len(found) == 0 {
		return dr.Node{}
	}
	return found[0]
}

// keeps says whether a machine is what its system keeps its data on.
func (d *day) keeps(n dr.Node) bool {
	return slices.ContainsFunc(d.World.system(n.System).Protections, func(p dr.Protection) bool { return p.From == n.ID || p.To == n.ID })
}

// serves says whether a machine is where its system lives.
func (d *day) serves(n dr.Node) bool { return d.World.system(n.System).Home == n.Site }

func chooseSite(d *day, in *Incident) bool {
	in.wide, in.Site = true, pick(d.draw, d.homes())
	in.is("site", in.Site, dr.FaultDown)
	for _, s := range d.World.Org.Systems {
		if s.Home == in.Site {
			in.hurts(s)
		}
	}
	in.takes(d.those(func(n dr.Node) bool { return n.Site == in.Site || d.keeps(n) })...)
	return true
}

func chooseStandby(d *day, in *Incident) bool {
	for _, s := range d.World.Org.Sites {
		if !slices.Contains(d.homes(), s.ID) {
			in.wide, in.Site = true, s.ID
			in.is("site", s.ID, dr.FaultStandby)
			in.takes(d.those(func(n dr.Node) bool { return n.Site == s.ID || d.keeps(n) })...)
			return true
		}
	}
	return false
}

func chooseLink(d *day, in *Incident) bool {
	l := pick(d.draw, d.World.Org.Links)
	in.wide = true
	in.is("link", l.ID, dr.FaultPartition, dr.FaultDown)
	in.takes(d.those(func(n dr.Node) bool { return d.keeps(n) && slices.Contains(l.Between, n.Site) })...)
	return true
}

func chooseHost(d *day, in *Incident) bool {
	h := pick(d.draw, d.World.Org.Hosts)
	on := d.those(func(n dr.Node) bool { return n.Host == h.ID })
	in.Site = h.Site
	in.is("host", h.ID, dr.FaultDown)
	in.takes(on...)
	for _, n := range on {
		d.follows(in, n, dr.FaultDown)
	}
	return len(on) > 1
}

// follows adds what an incident means for the system of a machine that keeps data.
func (d *day) follows(in *Incident, n dr.Node, faults ...dr.Fault) {
	if d.keeps(n) && d.serves(n) {
		in.hurts(d.World.system(n.System))
		in.means("system", n.System, faults...)
	}
	if d.keeps(n) {
		in.takes(d.node(n.Peer))
	}
}

func chooseArray(d *day, in *Incident) bool {
	a := pick(d.draw, d.World.Org.Arrays)
	on := d.those(func(n dr.Node) bool { return n.Array == a.ID })
	in.Site = a.Site
	in.is("array", a.ID, dr.FaultIO, dr.FaultDown)
	in.takes(on...)
	for _, n := range on {
		d.follows(in, n, dr.FaultIO, dr.FaultDown)
	}
	return len(on) > 1
}

func chooseDatabase(d *day, in *Incident) bool {
	s := pick(d.draw, d.World.Org.Systems)
	site := d.siteOf(s)
	dbs := d.those(func(n dr.Node) bool { return n.System == s.ID && n.Role == "db" && n.Site == site })
	if len(dbs) == 0 {
		return false
	}
	db := dbs[0]
	in.Site = site
	in.is("node", db.ID, dr.FaultDown)
	if in.takes(db, d.node(db.Peer)); d.serves(db) {
		in.is("system", s.ID, dr.FaultDown)
		in.hurts(s)
	}
	return true
}

func chooseDisk(d *day, in *Incident) bool {
	at := d.those(func(n dr.Node) bool {
		return slices.Contains([]string{"db", "file", "queue", "batch"}, n.Role) && d.serves(n)
	})
	n := pick(d.draw, at)
	in.Site = n.Site
	in.is("node", n.ID, dr.FaultDiskFull)
	in.takes(n)
	if d.keeps(n) {
		in.named("system", n.System)
	}
	d.follows(in, n, dr.FaultDiskFull, dr.FaultDown)
	return true
}

func chooseDeploy(d *day, in *Incident) bool {
	s := pick(d.draw, d.World.Org.Systems)
	in.Site = s.Home
	in.is("system", s.ID, dr.FaultBadChange)
	for _, n := range d.apps(s) {
		in.named("node", n.ID)
		in.takes(n)
	}
	in.hurts(s)
	return true
}

func chooseStream(d *day, in *Incident) bool {
	s := pick(d.draw, d.World.Org.Systems)
	if len(s.Protections) == 0 {
		return false
	}
	p := s.Protections[0]
	in.Site = away(s)
	in.is("system", s.ID, dr.FaultReplication)
	in.named("node", p.From)
	in.named("node", p.To)
	in.takes(d.node(p.From), d.node(p.To))
	return true
}

func chooseFront(d *day, in *Incident) bool {
	s := pick(d.draw, d.World.Org.Systems)
	front := d.those(func(n dr.Node) bool {
		return n.System == s.ID && n.Site == s.Home && slices.Contains([]string{"lb", "gateway", "web"}, n.Role)
	})
	in.Site = s.Home
	in.is("system", s.ID, dr.FaultCertificate)
	for _, n := range front {
		in.is("node", n.ID, dr.FaultCertificate)
	}
	in.takes(front...)
	in.hurts(s)
	return len(front) > 0
}

func chooseBusy(d *day, in *Incident) bool {
	s := pick(d.draw, d.World.Org.Systems)
	in.Site = s.Home
	in.is("system", s.ID, dr.FaultOverload)
	mine := d.those(func(n dr.Node) bool { return n.System == s.ID && n.Site == s.Home })
	for _, n := range mine {
		in.named("node", n.ID)
	}
	in.takes(mine...)
	in.hurts(s)
	return true
}

func chooseNode(d *day, in *Incident) bool {
	n := pick(d.draw, d.those(func(n dr.Node) bool { return !d.keeps(n) && slices.Contains([]string{"app", "web", "batch"}, n.Role) }))
	in.Site = n.Site
	in.is("node", n.ID, dr.FaultDown)
	in.takes(n)
	return true
}

func chooseSwitch(d *day, in *Incident) bool {
	var hosts []dr.Host
	site := pick(d.draw, d.World.Org.Sites).ID
	for _, h := range d.World.Org.Hosts {
		on := d.those(func(n dr.Node) bool { return n.Host == h.ID })
		if h.Site == site && len(on) > 0 && !slices.ContainsFunc(on, d.keeps) && len(hosts) < 3 {
			hosts = append(hosts, h)
			in.takes(on...)
		}
	}
	in.Site = site
	return len(hosts) > 1
}

func chooseAnySite(d *day, in *Incident) bool {
	in.wide, in.Site = true, pick(d.draw, d.World.Org.Sites).ID
	in.takes(d.those(func(n dr.Node) bool { return n.Site == in.Site })...)
	return true
}

func (d *day) apps(s dr.System) []dr.Node {
	return d.those(func(n dr.Node) bool {
		return n.System == s.ID && n.Site == s.Home && slices.Contains([]string{"app", "web"}, n.Role)
	})
}

// before is a moment some minutes before an incident is felt.
func (d *day) before(in *Incident) time.Time {
	return in.At.Add(-time.Duration(20+d.draw.IntN(300)) * time.Second)
}
