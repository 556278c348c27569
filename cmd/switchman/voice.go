package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

// askMe bounds the question who one is, which only decides about a language and a time zone.
const askMe = 2 * time.Second

// self is what an answer for people has to know of whoever reads it, and where.
type self struct {
	Language  string   `json:"language"`
	TimeZone  string   `json:"time_zone"`
	Languages []string `json:"languages"` // of the organisation, its first one first
}

// me asks the server once who one is; what it doesn't say stays empty.
func (sh *shell) me(ctx context.Context) self {
	if sh.own != nil {
		return *sh.own
	}
	ctx, cancel := context.WithTimeout(ctx, askMe)
	defer cancel()
	var out self
	if err := sh.call(ctx, "GET", "/api/me", nil, &out); err != nil {
		out = self{} // the answer itself is told, or the error that is worth telling
	}
	sh.own = &out
	return out
}

// language is that of a whole answer: the one asked for by flag or setting, else the own one of whoever
// asks, as the roster has it, else that of the terminal, else the organisation's first.
func (sh *shell) language(ctx context.Context) string {
	cfg, err := sh.settings()
	if err == nil && cfg.Lang != "" {
		return cfg.Lang
	}
	me := sh.me(ctx)
	return firstText(me.Language, sh.rosterLanguage(err == nil), sh.term.language(), strings.Join(me.Languages[:min(1, len(me.Languages))], ""), locale.English)
}

// rosterLanguage is what the files say of --as, for when no server does.
func (sh *shell) rosterLanguage(readable bool) string {
	if sh.as == "" || !readable || sh.own != nil && sh.own.TimeZone != "" {
		return ""
	}
	c, _, err := sh.organisation()
	if err != nil {
		return ""
	}
	for _, p := range c.Organisation().Roster.People {
		if p.ID == sh.as {
			return p.Language
		}
	}
	return ""
}

// language is the terminal's own, as LC_ALL, LC_MESSAGES or LANG say it; empty where they say none of ours.
func (t *terminal) language() string {
	tag := firstText(t.env("LC_ALL"), t.env("LC_MESSAGES"), t.env("LANG"))
	main, _, _ := strings.Cut(strings.ToLower(tag), "_")
	main, _, _ = strings.Cut(main, ".")
	if main == locale.English || main == locale.Chinese {
		return main
	}
	return ""
}

// voice words an answer for people: one language, one clock.
type voice struct {
	lang string
	zone *time.Location
}

// voice finds out how to speak. From then on the server is asked for the same language.
func (sh *shell) voice(ctx context.Context) voice {
	if sh.speaks == nil {
		v := voice{lang: sh.language(ctx)}
		v.zone = sh.zone(ctx)
		sh.speaks = &v
	}
	return *sh.speaks
}

// ready makes sure that the server answers a person in the language of what stands around its sentences.
func (sh *shell) ready(ctx context.Context) {
	if !sh.json {
		sh.voice(ctx)
	}
}

// zone is the organisation's, in which its windows and duties are read, too.
func (sh *shell) zone(ctx context.Context) *time.Location {
	name := sh.me(ctx).TimeZone
	if name == "" {
		if c, _, err := sh.organisation(); err == nil {
			name = c.Organisation().TimeZone
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// asks is the language the server is asked for: empty leaves the choice to it.
func (sh *shell) asks(cfg *config.Config) string {
	if cfg.Lang == "" && sh.speaks != nil {
		return sh.speaks.lang
	}
	return cfg.Lang
}

func (v voice) say(id string, args dr.Args) string { return locale.Say(v.lang, id, args) }

func (v voice) chinese() bool { return v.lang == locale.Chinese }

// label is the name of a field or a column.
func (v voice) label(id string) string { return v.say("cli_l_"+id, nil) }

// heads are the names of a table's columns; English ones are written large.
func (v voice) heads(ids ...string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		if id != "" {
			out[i] = strings.ToUpper(v.label(id))
		}
	}
	return out
}

func (v voice) list(items []string) string {
	if v.chinese() {
		return strings.Join(items, "、")
	}
	return strings.Join(items, ", ")
}

// parts joins statements of one line.
func (v voice) parts(items []string) string {
	return strings.Join(items, v.comma())
}

// count is a number of things.
func (v voice) count(n int, noun string) string {
	if n == 1 && !v.chinese() {
		return "1 " + noun
	}
	return v.say("cli_n_"+noun, dr.Args{"n": fmt.Sprint(n)})
}

// term is one of our words. English ones are those that are typed, so that they are found again.
func (v voice) term(class, value string) string {
	if v.chinese() {
		return locale.Term(v.lang, class, value)
	}
	return strings.ReplaceAll(value, "_", " ")
}

// worded is a word whose sentence another surface has; one that has none stays as it is.
func (v voice) worded(id, value string) string {
	if !v.chinese() || !locale.Has(id) {
		return strings.ReplaceAll(value, "_", " ")
	}
	return v.say(id, nil)
}

// moment is a time in the organisation's zone, for where the zone is named beside it.
func (v voice) moment(t dr.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.zone).Format("2006-01-02 15:04:05")
}

// at is a time with its zone.
func (v voice) at(t dr.Time) string {
	if t.IsZero() {
		return ""
	}
	return v.moment(t) + " (" + v.zone.String() + ")"
}
