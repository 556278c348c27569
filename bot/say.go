package bot

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// voice words things for one reader: language, time zone and the names of what the organisation owns.
type voice struct {
	lang    string
	zone    *time.Location
	org     dr.Organisation
	console string // address of the console, without a slash at its end; empty: not known
	books   bool   // there are runbooks to ask
}

// in speaks another language.
func (v voice) in(lang string) voice { v.lang = lang; return v }

// each draws a card in a language, and in all others beside it where every reader is shown their own.
func each(lang string, all bool, draw func(lang string) Card) Card {
	c := draw(lang)
	for _, other := range []string{locale.English, locale.Chinese} {
		if all && other != lang {
			c.Others = append(c.Others, draw(other))
		}
	}
	return c
}

func (v voice) say(id string, args dr.Args) string { return locale.Say(v.lang, id, args) }

// word is one of our words; a word of a newer version reads as it is.
func (v voice) word(class, value string) string { return locale.Term(v.lang, class, value) }

// label is a verb on a button or at the head of a form.
func (v voice) label(verb dr.Verb) string {
	return v.sentence(v.word("verb", string(verb)))
}

// sentence begins some words of ours as a sentence does.
func (v voice) sentence(s string) string {
	if s == "" || v.lang == locale.Chinese {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// person is somebody's name, with their id where the name alone could be two people's.
func (v voice) person(id string) string {
	if id == "" {
		return v.say("row_itself", nil)
	}
	p, ok := v.org.Roster.Person(id)
	if !ok || p.Name == "" {
		return id
	}
	for _, other := range v.org.Roster.People {
		if other.ID != id && other.Name == p.Name {
			return p.Name + " (" + id + ")"
		}
	}
	return p.Name
}

func (v voice) people(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = v.person(id)
	}
	return v.list(names)
}

func (v voice) list(all []string) string {
	if v.lang == locale.Chinese {
		return strings.Join(all, "、")
	}
	return strings.Join(all, ", ")
}

func (v voice) site(id string) string {
	for _, s := range v.org.Sites {
		if s.ID == id && s.Name != "" {
			return s.Name
		}
	}
	return id
}

func (v voice) system(id string) string {
	if s, ok := v.org.System(id); ok && s.Name != "" {
		return s.Name
	}
	return id
}

func (v voice) systems(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = v.system(id)
	}
	return v.list(names)
}

// clock is a moment in the organisation's zone; the day stands with it when it is not now's.
func (v voice) clock(t, now dr.Time) string {
	if t.IsZero() {
		return ""
	}
	local, today := t.In(v.zone), now.In(v.zone)
	if !now.IsZero() && local.YearDay() == today.YearDay() && local.Year() == today.Year() {
		return local.Format("15:04:05")
	}
	return local.Format("2006-01-02 15:04")
}

// took is a duration as people say it: tenths below ten seconds, then two units at most.
func (v voice) took(m dr.Millis) string {
	if m < 0 {
		return ""
	}
	d := m.Duration()
	unit := func(n int64, u string) string {
		if v.lang == locale.Chinese {
			return strconv.FormatInt(n, 10) + map[string]string{"d": "天", "h": "小时", "min": "分", "s": "秒"}[u]
		}
		return strconv.FormatInt(n, 10) + " " + u
	}
	pair := func(a int64, ua string, b int64, ub string) string {
		if b == 0 {
			return unit(a, ua)
		}
		if v.lang == locale.Chinese {
			return unit(a, ua) + unit(b, ub)
		}
		return unit(a, ua) + " " + unit(b, ub)
	}
	switch s := int64(d / time.Second); {
	case d < 10*time.Second:
		text := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d/(100*time.Millisecond))/10), ".0")
		if v.lang == locale.Chinese {
			return text + "秒"
		}
		return text + " s"
	case s < 60:
		return unit(s, "s")
	case s < 3600:
		return pair(s/60, "min", s%60, "s")
	case s < 48*3600:
		return pair(s/3600, "h", s%3600/60, "min")
	default:
		return pair(s/86400, "d", s%86400/3600, "h")
	}
}

// number is a count.
func number(n int) string { return strconv.Itoa(n) }

// link leads to a room of the console.
func (v voice) link(id, label, room string) Action {
	return Action{ID: id, Kind: ActLink, Label: label, URL: v.console + "/#/" + room}
}

// mark is the watermark of everything that leaves the house.
func (v voice) mark(env dr.Environment) string {
	if env == dr.Production || env == "" {
		return ""
	}
	return strings.ToUpper(v.word("environment", string(env)))
}

// card begins a card about a run or nothing.
func (v voice) card(kind, run string, env dr.Environment) Card {
	return Card{Kind: kind, Lang: v.lang, Run: run, Mark: v.mark(env), Parts: []Part{}}
}
