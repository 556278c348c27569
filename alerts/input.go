package alerts

import (
	"fmt"

	"github.com/switchman-dr/switchman/dr"
)

// What a look proves besides what probes prove. They are inputs that are stored like signals, so that a
// replay sees them again.
const (
	provesPlacement = "placement"
	provesAnswer    = "answer"
)

// Looked makes the signal of what a probe found. system may be empty.
func Looked(l dr.Look, system string) dr.Signal {
	s := look(l.Probe, l.Proves, l.At)
	s.Labels["found"], s.Labels["site"], s.Labels["system"], s.Labels["text"] = l.Found, l.Site, system, safe(l.Text, 400)
	return s
}

// Placed makes the signal that a system lives at a site now.
func Placed(system, site string, at dr.Time) dr.Signal {
	s := look("placement/"+system, provesPlacement, at)
	s.Labels["system"], s.Labels["site"] = system, site
	return s
}

// Moved makes the signal that a system lives at a site now and was brought there by force: the side it left has
// to rejoin before anything is copied there again. left empty: it is [Placed].
func Moved(system, site, left string, at dr.Time) dr.Signal {
	s := Placed(system, site, at)
	if left != "" {
		s.Labels["left"] = left
	}
	return s
}

// Answered makes the signal of what a person says of a situation's advice; "not_this" withdraws it.
func Answered(situation, answer string, at dr.Time) dr.Signal {
	s := look("answer/"+situation, provesAnswer, at)
	s.Labels["situation"], s.Labels["answer"] = situation, answer
	return s
}

func look(name, proves string, at dr.Time) dr.Signal {
	return dr.Signal{Key: fmt.Sprintf("look/%s/%d", name, at.UnixMilli()), Source: "switchman", Kind: dr.SignalLook, Name: name, Status: dr.Firing, Severity: "info",
		StartsAt: at, At: at, Labels: map[string]string{"proves": proves}}
}
