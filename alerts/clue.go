package alerts

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// clock writes a moment the way people of the organisation say it.
func (e *Engine) told(ms int64) string {
	return time.UnixMilli(ms).In(e.t.zone).Format("15:04")
}

// broke is the sentence that says what is wrong with what, and since when; of what is over, what was.
func (e *Engine) broke(s *sit) dr.Clue {
	ent, fault := e.shown(s.th)
	c := dr.Clue{Keys: keysOf(s.core), Weight: 1, Args: dr.Args{"entity": ent.ID, "since": e.told(s.first), "covered": number(s.covered), "units": number(s.units)}}
	switch fault {
	case dr.FaultStandby:
		c.ID = "standby"
	case dr.FaultDown:
		c.ID = "down"
		if s.units > 1 {
			c.ID = "down_units"
		}
	case dr.FaultIO:
		c.ID = "io"
	case dr.FaultReplication:
		c.ID = "replication"
	case dr.FaultUnprotected:
		c.ID = "unprotected"
		c.Args["systems"] = list(e.systems(s))
	case dr.FaultPartition:
		c.ID = "partition"
	case dr.FaultDiskFull:
		c.ID = "disk"
	case dr.FaultCertificate:
		c.ID = "certificate"
	case dr.FaultOverload:
		c.ID = "overload"
	case dr.FaultBadChange:
		c.ID = "change"
	default:
		c.ID = "unknown"
	}
	if s.state == stateClosed || s.state == stateQuiet {
		c.ID = "alert_was_" + c.ID
	} else {
		c.ID = "alert_is_" + c.ID
	}
	return c
}

func keysOf(items []*item) []string {
	var out []string
	for _, x := range items {
		if len(out) >= 20 {
			break
		}
		if len(x.keys) > 0 {
			out = append(out, x.keys[0])
		}
	}
	return out
}

// evidence says what speaks for a situation being what it is: what broke, then its signals by name, the
// most telling first, then what follows from it.
func (e *Engine) evidence(s *sit) []dr.Clue {
	out := []dr.Clue{e.broke(s)}
	groups := byName(s.core)
	for _, g := range groups[:min(len(groups), 5)] {
		args := dr.Args{"name": g.name, "count": number(len(g.items)), "entity": e.called(g.items[0].id.v), "since": e.told(g.first)}
		id := "alert_sign"
		if len(g.items) > 1 {
			id = "alert_signs"
		}
		out = append(out, dr.Clue{ID: id, Args: args, Keys: keysOf(g.items), Weight: g.worth})
	}
	if n := len(s.items) - len(s.core); n > 0 {
		out = append(out, dr.Clue{ID: "alert_follows", Args: dr.Args{"count": number(n), "systems": list(e.systems(s))}, Weight: .5})
	}
	for _, l := range e.looksOf(s) {
		if l.Found == "no" {
			out = append(out, dr.Clue{ID: "alert_look_no", Args: dr.Args{"probe": l.Probe, "age": ageOf(l, e.clock)}, Weight: 1})
		}
	}
	return out
}

// group is the alerts of one name.
type group struct {
	name  string
	items []*item
	first int64
	worth float64
}

func byName(items []*item) []group {
	var out []group
	for _, x := range items {
		i := slices.IndexFunc(out, func(g group) bool { return g.name == x.id.name })
		if i < 0 {
			i = len(out)
			out = append(out, group{name: x.id.name, first: x.since})
		}
		g := &out[i]
		g.items = append(g.items, x)
		g.first = min(g.first, x.since)
		g.worth += x.worth()
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(b.worth, a.worth) })
	return out
}

// doubts says what should be there and is not, and what contradicts.
func (e *Engine) doubts(s *sit) []dr.Clue {
	var out []dr.Clue
	if s.units > 1 && s.covered < s.units && s.th.fault != dr.FaultBadChange && s.th.fault != dr.FaultOverload {
		out = append(out, clue("alert_but_units", dr.Args{"count": number(s.units - s.covered), "units": number(s.units), "entity": e.called(s.th.v)}))
	}
	if s.rival.fault != "" && s.ratio >= .6 {
		ent, fault := e.shown(s.rival)
		out = append(out, clue("alert_but_rival", dr.Args{"entity": ent.ID, "fault": string(fault)}))
	}
	ended := 0
	for _, x := range s.core {
		if !x.firing() {
			ended++
		}
	}
	if ended > 0 && ended < len(s.core) {
		out = append(out, clue("alert_but_ended", dr.Args{"count": number(ended), "units": number(len(s.core))}))
	}
	for _, x := range s.items {
		if x.future {
			out = append(out, clue("alert_but_clock", dr.Args{"name": x.id.name, "entity": e.called(x.id.v)}))
			break
		}
	}
	if c := e.maintenance(s); c != nil {
		out = append(out, clue("alert_but_maintenance", dr.Args{"entity": e.called(c.v), "text": c.text}))
	}
	for _, l := range e.looksOf(s) {
		switch l.Found {
		case "yes":
			out = append(out, clue("alert_look_yes", dr.Args{"probe": l.Probe, "age": ageOf(l, e.clock)}))
		case "unknown":
			out = append(out, clue("alert_look_unknown", dr.Args{"probe": l.Probe, "age": ageOf(l, e.clock)}))
		}
	}
	return out
}

// why is the short form of the evidence that goes with a verdict.
func (e *Engine) why(s *sit) []dr.Clue {
	out := []dr.Clue{e.broke(s)}
	if fallen := e.fallen(s.th.v); len(fallen) > 0 && s.th.fault != dr.FaultReplication { // a copy that stops is nothing customers notice
		var ids []string
		for _, sys := range fallen {
			ids = append(ids, e.called(sys))
		}
		id := "alert_why_fallen"
		if s.th.fault != dr.FaultDown && s.th.fault != dr.FaultIO {
			id = "alert_why_touched"
		}
		out = append(out, clue(id, dr.Args{"systems": list(ids)}))
	} else if e.idle(s) {
		out = append(out, clue("alert_why_idle", dr.Args{"entity": e.called(s.th.v)}))
	}
	if list := e.suspects(s); len(list) > 0 && list[0].Weight >= .3 {
		c := list[0]
		id := "alert_why_change"
		if c.By != "" {
			id = "alert_why_change_by"
		}
		out = append(out, dr.Clue{ID: id, Args: dr.Args{"name": c.Name, "entity": c.Entity.ID, "by": c.By, "since": e.told(c.At.UnixMilli()), "text": c.Text}, Keys: []string{c.Key}, Weight: c.Weight})
	}
	if c := e.maintenance(s); c != nil {
		out = append(out, clue("alert_but_maintenance", dr.Args{"entity": e.called(c.v), "text": c.text}))
	}
	if w, system, ok := e.window(s, e.clock); ok {
		out = append(out, clue("alert_but_window", dr.Args{"entity": system, "window": w.Kind, "when": w.When}))
	}
	return out
}
