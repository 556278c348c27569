package storms

import (
	"math"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// chatter is what fires without anything being wrong, and how often compared with the rest.
type chatter struct {
	symptom symptom
	weight  float64
	roles   []string // empty: on any machine
	scope   string   // empty: a machine
}

func chatters() []chatter {
	db, front, app := []string{"db"}, []string{"lb", "gateway"}, []string{"app", "web", "batch"}
	return []chatter{
		{"cpu", 14, nil, ""}, {"memory", 8, nil, ""}, {"disk_filling", 8, nil, ""}, {"slow", 8, app, ""}, {"slow_queries", 8, db, ""},
		{"restarts", 6, app, ""}, {"probe_fails", 6, nil, ""}, {"queue_grows", 5, []string{"queue"}, ""}, {"backup", 3, db, ""}, {"job", 4, app, ""},
		{"scrape_gap", 6, nil, ""}, {"cert_soon", 3, front, ""}, {"network_errors", 6, nil, ""}, {"errors_5xx", 4, app, ""}, {"exceptions", 5, app, ""},
		{"repl_lags", 4, db, ""}, {"clock", 3, nil, ""}, {"node_silent", 1.5, nil, ""}, {"db_waits", 3, db, ""}, {"saturated", 2, db, ""}, {"traffic", 3, app, ""},
		{"rollout", 2, app, ""}, {"handshake", 1, front, ""}, {"io_fails", 0.7, nil, ""}, {"db_refuses", 0.7, app, ""}, {"dns_fails", 0.5, nil, ""}, {"cache_down", 0.3, []string{"cache"}, ""},
		{"cpu", 3, nil, "host"}, {"memory", 2, nil, "host"}, {"lun_slow", 2, nil, "array"}, {"business", 1, nil, "system"}, {"site_loss", 0.7, nil, "site"},
		{"power", 0.3, nil, "site"}, {"link_down", 0.2, nil, "link"}, {"hypervisor", 0.1, nil, "host"}, {"vm_gone", 0.4, nil, ""},
	}
}

// background writes about n alerts nobody needs. A few series make most of the noise; a quarter of it flaps;
// at night, batch work makes a crowd of warnings at once.
func (d *day) background(n float64) {
	pool := d.pool(int(60 + math.Sqrt(n)*4))
	var sum float64
	for i := range pool {
		sum += 1 / float64(i+5)
	}
	for i, series := range pool {
		share := n / (float64(i+5) * sum)
		if i%4 == 0 {
			d.flap(series, share)
			continue
		}
		for range poisson(d, share) {
			start := d.begin.Add(time.Duration(d.draw.Float64() * 24 * float64(time.Hour)))
			d.events = append(d.events, event{series, start, start.Add(d.length()), 0})
		}
	}
	d.night()
	for range 10 + d.draw.IntN(20) {
		s := pick(d.draw, d.World.Org.Systems)
		c := Change{Kind: pick(d.draw, []string{"deploy", "deploy", "deploy", "config", "maintenance"}), System: s.ID, Summary: "release of " + s.ID, By: pick(d.draw, []string{"pipeline", "lena", "jun", "omar"})}
		d.change(d.begin.Add(time.Duration(d.draw.IntN(24*3600))*time.Second), c, 0)
	}
}

// length is how long noise fires: mostly minutes, sometimes hours.
func (d *day) length() time.Duration {
	return time.Minute + time.Duration(-math.Log(1-d.draw.Float64())*float64(pick(d.draw, []time.Duration{4, 8, 8, 15, 60}))*float64(time.Minute))
}

// flap writes a series that comes and goes: some stretches a day of many short firings.
func (d *day) flap(series string, share float64) {
	for share >= 1 {
		at := d.begin.Add(time.Duration(d.draw.Float64() * 23 * float64(time.Hour)))
		for range min(int(share), 5+d.draw.IntN(11)) {
			end := at.Add(time.Duration(20+d.draw.IntN(160)) * time.Second)
			d.events = append(d.events, event{series, at, end, 0})
			at = end.Add(time.Duration(20+d.draw.IntN(240)) * time.Second)
			share--
		}
	}
}

// night is batch work: processors and disks are busy on many machines within twenty minutes.
func (d *day) night() {
	at := d.begin.Add(time.Hour / 2)
	if d.draw.IntN(2) == 0 {
		at = d.begin.Add(23 * time.Hour)
	}
	nodes := d.World.nodes()
	for range 20 + d.draw.IntN(20) {
		s := pick(d.draw, []symptom{"cpu", "slow_queries", "slow", "queue_grows", "memory"})
		start := at.Add(time.Duration(d.draw.IntN(1200)) * time.Second)
		d.events = append(d.events, event{d.series(s, d.names[s][0], ofNode(pick(d.draw, nodes))), start, start.Add(d.length()), 0})
	}
}

// pool draws the series the noise is made of.
func (d *day) pool(n int) []string {
	var out []string
	seen := map[string]bool{}
	var sum float64
	all := chatters()
	for _, c := range all {
		sum += c.weight
	}
	for try := 0; len(out) < n && try < 50*n; try++ {
		at := d.draw.Float64() * sum
		for _, c := range all {
			if at -= c.weight; at > 0 {
				continue
			}
			about, ok := d.somewhere(c)
			if !ok {
				break
			}
			if s := d.series(c.symptom, pick(d.draw, d.names[c.symptom]), about); !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
			break
		}
	}
	return out
}

// somewhere is what chatter is about.
func (d *day) somewhere(c chatter) (subject, bool) {
	o := &d.World.Org
	switch c.scope {
	case "host":
		return ofHost(pick(d.draw, o.Hosts)), true
	case "array":
		return ofArray(pick(d.draw, o.Arrays)), true
	case "system":
		return ofSystem(pick(d.draw, o.Systems)), true
	case "site":
		return ofSite(pick(d.draw, o.Sites).ID), true
	case "link":
		return ofLink(pick(d.draw, o.Links)), true
	}
	nodes := slices.DeleteFunc(d.World.nodes(), func(n dr.Node) bool { return len(c.roles) > 0 && !slices.Contains(c.roles, n.Role) })
	if len(nodes) == 0 {
		return subject{}, false
	}
	return ofNode(pick(d.draw, nodes)), true
}

func poisson(d *day, mean float64) int {
	if mean > 50 {
		return max(0, int(mean+d.draw.NormFloat64()*math.Sqrt(mean)+0.5))
	}
	limit, n := math.Exp(-mean), 0
	for p := d.draw.Float64(); p > limit; p *= d.draw.Float64() {
		n++
	}
	return n
}
