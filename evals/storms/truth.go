package storms

import (
	"maps"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// Incident is what really went wrong, and which plan would be right.
type Incident struct {
	Kind    string
	Number  int
	At, End time.Time
	Site    string
	Systems []string    // what customers miss
	Is      []fact      // the same incident in the words a plan may use, the plainest first
	Means   []fact      // what follows from it, which another plan may be for
	Scopes  []dr.Entity // what may be named as broken; empty: nothing in the files has a name for it
	Plans   []string    // right ones; none: no plan fits
	Must    bool        // one of them is plainly the answer, so that silence is a miss

	nodes map[string]bool // machines it has to do with
	wide  bool

	unmirrored bool // replication is broken as well, which a guard may forbid a plan for
}

// fact is a fault of a thing.
type fact struct {
	scope, id string
	fault     dr.Fault
}

// is says what an incident is; the scope may be named as it is.
func (in *Incident) is(scope, id string, faults ...dr.Fault) {
	for _, f := range faults {
		in.Is = append(in.Is, fact{scope, id, f})
	}
	in.named(scope, id)
}

func (in *Incident) means(scope, id string, faults ...dr.Fault) {
	for _, f := range faults {
		in.Means = append(in.Means, fact{scope, id, f})
	}
}

func (in *Incident) named(scope, id string) {
	if e := (dr.Entity{Scope: scope, ID: id}); !slices.Contains(in.Scopes, e) {
		in.Scopes = append(in.Scopes, e)
	}
}

// touches says whether two incidents could not be told apart by anybody, because they share a machine or
// one of them is so wide that it would hide the other.
func (in *Incident) touches(other *Incident) bool {
	for id := range maps.Keys(in.nodes) {
		if other.nodes[id] {
			return true
		}
	}
	return in.wide && other.wide || slices.ContainsFunc(in.Systems, func(s string) bool { return slices.Contains(other.Systems, s) })
}

// right finds the plans that answer an incident. A plan for what it is comes before one for what follows;
// where only the latter exists, recommending it is right and not doing so is no mistake, unless the two are
// the same thing: a database that is down is its system being down. Nor is it a mistake to leave a plan for a bad
// change or for too many customers to people: a change is taken back, and load moves with those who bring it.
func (w *World) right(in *Incident) (plans []string, must bool) {
	if plans = w.answering(in, in.Is); len(plans) > 0 {
		if soft := in.Is[0].fault; soft == dr.FaultBadChange || soft == dr.FaultOverload {
			return plans, false
		}
		guarded := func(id string) bool {
			return slices.ContainsFunc(w.Plans, func(p Plan) bool { return p.ID == id && slices.Contains(p.Guards, string(dr.FaultReplication)) })
		}
		must := !in.unmirrored || slices.ContainsFunc(plans, func(id string) bool { return !guarded(id) })
		return append(plans, w.answering(in, in.Means)...), must
	}
	return w.answering(in, in.Means), false
}

func (w *World) answering(in *Incident, facts []fact) []string {
	var out []string
	for _, p := range w.Plans {
		if p.Kind == dr.Switchback || p.From != in.Site || slices.Contains(out, p.ID) {
			continue
		}
		if slices.ContainsFunc(facts, func(f fact) bool { return w.fits(p, f) }) {
			out = append(out, p.ID)
		}
	}
	return out
}

func (w *World) fits(p Plan, f fact) bool {
	if slices.Contains(p.Guards, string(f.fault)) {
		return false
	}
	return slices.ContainsFunc(p.For, func(a catalog.Answer) bool {
		if a.Scope != f.scope || !slices.Contains(a.Faults, string(f.fault)) {
			return false
		}
		if a.Entity != "" {
			return a.Entity == f.id
		}
		switch f.scope {
		case "site":
			return p.From == f.id
		case "system":
			return slices.Contains(p.Systems, f.id)
		}
		return slices.ContainsFunc(w.nodes(), func(n dr.Node) bool {
			return (n.ID == f.id || n.Host == f.id || n.Array == f.id) && slices.Contains(p.Systems, n.System)
		})
	})
}
