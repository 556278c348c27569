package bot

import (
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// ClueText is a piece of evidence or advice in words, with what it is about called as people call it. One
// that a newer version wrote reads as its id.
func ClueText(org dr.Organisation, lang string, c dr.Clue) string {
	return voice{lang: lang, org: org}.clue(c)
}

// Broken says what is wrong with what, in words.
func Broken(org dr.Organisation, lang string, what dr.Entity, fault dr.Fault) string {
	return voice{lang: lang, org: org}.broken(what, fault)
}

func (v voice) clue(c dr.Clue) string {
	if !locale.Has(c.ID) {
		return c.ID
	}
	return v.say(c.ID, v.named(c.Args))
}

// named puts names people use in the place of ids. What has no other name, such as a machine, keeps its id,
// and so does a plan: that is what people type.
func (v voice) named(args dr.Args) dr.Args {
	out := dr.Args{}
	for hole, value := range args {
		switch hole {
		case "entity", "broken", "site", "from", "to", "system":
			value = v.thing(value)
		case "systems":
			value = v.things(value, v.system)
		case "probe":
			if args["site"] == "" { // said beside it
				value = v.probeAt(value)
			} else {
				value = v.probe(value)
			}
		case "probes":
			value = v.things(value, v.probeAt)
		case "by":
			value = v.person(value)
		}
		out[hole] = value
	}
	return out
}

// probeAt is a probe by its name, and the side it shows where it shows one.
func (v voice) probeAt(id string) string {
	system, name, _ := strings.Cut(id, "/")
	s, _ := v.org.System(system)
	for _, p := range s.Probes {
		if p.ID == name && p.Site != "" && p.Site != "from" && p.Site != "to" {
			return v.probe(id) + " (" + v.site(p.Site) + ")"
		}
	}
	return v.probe(id)
}

// thing is a site or a system by its name; the ids of all things of an organisation are different.
func (v voice) thing(id string) string {
	if name := v.site(id); name != id {
		return name
	}
	return v.system(id)
}

// things names each of a list.
func (v voice) things(list string, name func(string) string) string {
	all := strings.Split(list, ", ")
	for i := range all {
		all[i] = name(all[i])
	}
	return v.list(all)
}
