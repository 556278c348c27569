package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// snapshotVersion changes whenever a state written before can no longer be read as it was meant.
const snapshotVersion = 2

// saved is the engine as it is written. Alerts and situations refer to each other by their places, entities
// stand in a list of their own.
type saved struct {
	Version  int               `json:"version"`
	Clock    int64             `json:"clock"`
	Tick     int64             `json:"tick"`
	Daily    int64             `json:"daily"`
	Start    int64             `json:"start"`
	Episodes uint64            `json:"episodes"`
	Sits     int               `json:"sits"`
	Changed  uint64            `json:"changed"`
	Entities []dr.Entity       `json:"entities"`
	Items    []savedItem       `json:"items"`
	Playing  []int             `json:"playing"`
	Fresh    []int             `json:"fresh"`
	List     []savedSit        `json:"list"`
	Touched  []int             `json:"touched"`
	Rates    []savedRate       `json:"rates"`
	Names    []savedRate       `json:"names"`
	Spots    []savedRate       `json:"spots"`
	Signs    []savedRate       `json:"signs"`
	Kinds    []savedRate       `json:"kinds"`
	Strays   []dr.Signal       `json:"strays"`
	Changes  []savedChange     `json:"changes"`
	Looks    []dr.Look         `json:"looks"`
	Placed   map[string]string `json:"placed"`
	Left     []savedLeft       `json:"left,omitempty"`
}

type savedLeft struct {
	System string `json:"system"`
	Site   string `json:"site"`
	Until  int64  `json:"until"`
}

type savedItem struct {
	Name   string   `json:"n"`
	V      int32    `json:"v"`
	Order  uint64   `json:"o"`
	Site   int32    `json:"s"`
	Class  class    `json:"c"`
	Sev    uint8    `json:"y"`
	Since  int64    `json:"b"`
	Onset  int64    `json:"e"`
	Last   int64    `json:"l"`
	Starts int64    `json:"t"`
	Count  int32    `json:"k"`
	Future bool     `json:"f,omitempty"`
	Played bool     `json:"p,omitempty"`
	Mu     float64  `json:"m"`
	Keys   []string `json:"keys,omitempty"`
	Open   []uint64 `json:"open,omitempty"`
}

type savedTheory struct {
	Fault  dr.Fault `json:"fault"`
	V      int32    `json:"v"`
	Change uint64   `json:"change,omitempty"`
}

type savedSit struct {
	N       int           `json:"n"`
	ID      string        `json:"id"`
	State   string        `json:"state"`
	Opened  bool          `json:"opened,omitempty"`
	Theory  savedTheory   `json:"theory"`
	Sure    bool          `json:"sure,omitempty"`
	Named   int64         `json:"named"`
	Items   []int         `json:"items"`
	First   int64         `json:"first"`
	Last    int64         `json:"last"`
	Start   int64         `json:"start"`
	Fed     int64         `json:"fed"`
	Quiet   int64         `json:"quiet,omitempty"`
	Ended   int64         `json:"ended,omitempty"`
	Times   int           `json:"times"`
	Into    string        `json:"into,omitempty"`
	From    []string      `json:"from,omitempty"`
	Version int64         `json:"version"`
	Noise   int           `json:"noise,omitempty"`
	Feats   Features      `json:"feats"`
	Rival   savedTheory   `json:"rival"`
	Ratio   float64       `json:"ratio,omitempty"`
	Core    []int         `json:"core"`
	Units   int           `json:"units,omitempty"`
	Covered int           `json:"covered,omitempty"`
	Begun   int64         `json:"since,omitempty"`
	Upto    int64         `json:"upto,omitempty"`
	Force   float64       `json:"force,omitempty"`
	Advice  dr.Advice     `json:"advice"`
	Faded   bool          `json:"faded,omitempty"`
	P       float64       `json:"p"`
	Against string        `json:"against,omitempty"`
	Answer  string        `json:"answer,omitempty"`
	Wants   []string      `json:"wants,omitempty"`
	Due     int64         `json:"due,omitempty"`
	Final   *dr.Situation `json:"final,omitempty"`
}

type savedRate struct {
	Name string  `json:"n"`
	V    int32   `json:"v,omitempty"`
	N    float64 `json:"c"`
	T    int64   `json:"t"`
	Keys int     `json:"k,omitempty"`
}

type savedChange struct {
	N       uint64 `json:"n"`
	Key     string `json:"key"`
	Name    string `json:"name"`
	Text    string `json:"text,omitempty"`
	By      string `json:"by,omitempty"`
	V       int32  `json:"v"`
	At      int64  `json:"at"`
	Until   int64  `json:"until,omitempty"`
	Planned bool   `json:"planned,omitempty"`
}

// Snapshot is everything the engine knows, to be given to [Restore].
func (e *Engine) Snapshot() ([]byte, error) {
	s := saved{Version: snapshotVersion, Clock: e.clock, Tick: e.tick, Daily: e.daily, Start: e.rates.start, Episodes: e.episodes, Sits: e.sitCount, Changed: e.changeCount, Strays: e.strays, Placed: e.placed}
	for i := range e.t.all {
		s.Entities = append(s.Entities, e.t.all[i].ent)
	}
	at := make(map[*item]int, len(e.order))
	for i, x := range e.order {
		at[x] = i
		s.Items = append(s.Items, savedItem{x.id.name, x.id.v, x.n, x.site, x.class, x.sev, x.since, x.onset, x.last, x.starts, x.count, x.future, x.played, x.mu, x.keys, x.open})
	}
	places := func(list []*item) []int {
		out := make([]int, 0, len(list))
		for _, x := range list {
			if i, ok := at[x]; ok {
				out = append(out, i)
			}
		}
		return out
	}
	s.Playing, s.Fresh = places(e.playing), places(e.fresh)
	for i, o := range e.sits {
		s.List = append(s.List, o.save(places))
		if o.touched {
			s.Touched = append(s.Touched, i)
		}
	}
	e.saveRates(&s)
	for _, c := range e.changes {
		s.Changes = append(s.Changes, savedChange{c.n, c.key, c.name, c.text, c.by, c.v, c.at, c.until, c.planned})
	}
	for _, name := range slices.Sorted(maps.Keys(e.looks)) {
		s.Looks = append(s.Looks, e.looks[name])
	}
	for sys := range int32(len(e.t.all)) {
		if l, ok := e.left[sys]; ok {
			s.Left = append(s.Left, savedLeft{e.called(sys), e.called(l.site), l.until})
		}
	}
	out, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("writing the state of situations: %w", err)
	}
	return out, nil
}

func (s *sit) save(places func([]*item) []int) savedSit {
	return savedSit{N: s.n, ID: s.id, State: s.state, Opened: s.opened, Theory: saveTheory(s.th), Sure: s.sure, Named: s.named, Items: places(s.items), First: s.first, Last: s.last, Start: s.start, Fed: s.fed,
		Quiet: s.quiet, Ended: s.ended, Times: s.times, Into: s.into, From: s.from, Version: s.version, Noise: s.noise, Feats: s.feats, Rival: saveTheory(s.rival), Ratio: s.ratio, Core: places(s.core),
		Units: s.units, Covered: s.covered, Begun: s.since, Upto: s.upto, Force: s.force, Advice: s.advice, Faded: s.faded, P: s.p, Against: s.against, Answer: s.answer, Wants: s.wants, Due: s.due, Final: s.final}
}

func saveTheory(t theory) savedTheory { return savedTheory{t.fault, t.v, t.change} }

func (e *Engine) saveRates(s *saved) {
	for id, r := range e.rates.keys {
		s.Rates = append(s.Rates, savedRate{Name: id.name, V: id.v, N: r.n, T: r.t})
	}
	for v, r := range e.rates.spots {
		s.Spots = append(s.Spots, savedRate{V: v, N: r.n, T: r.t})
	}
	for th, r := range e.rates.signs {
		s.Signs = append(s.Signs, savedRate{Name: string(th.fault), V: th.v, N: r.n, T: r.t})
	}
	for k, r := range e.rates.kinds {
		s.Kinds = append(s.Kinds, savedRate{Name: string(k.fault) + "/" + k.scope, N: r.n, T: r.t})
	}
	for name, r := range e.rates.names {
		s.Names = append(s.Names, savedRate{Name: name, N: r.n, T: r.t, Keys: r.keys})
	}
	byName := func(a, b savedRate) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(a.V - b.V)
	}
	slices.SortFunc(s.Rates, byName)
	slices.SortFunc(s.Names, byName)
	slices.SortFunc(s.Spots, byName)
	slices.SortFunc(s.Signs, byName)
	slices.SortFunc(s.Kinds, byName)
}

// Restore takes up an engine where Snapshot put it down. What it cannot read is an error: replay the kept
// signals into a new one instead. Where the organisation's files have changed meanwhile, what was about an
// entity that is gone is let go.
func Restore(t *Topology, plans []Plan, o Options, snapshot []byte) (*Engine, error) {
	var s saved
	if err := json.Unmarshal(snapshot, &s); err != nil {
		return nil, fmt.Errorf("reading the state of situations: %w", err)
	}
	if s.Version != snapshotVersion {
		return nil, fmt.Errorf("reading the state of situations: it is of version %d, not %d", s.Version, snapshotVersion)
	}
	e := New(t, plans, s.Placed, o)
	r := restorer{e: e, s: &s, v: make([]int32, len(s.Entities))}
	for i, ent := range s.Entities {
		r.v[i] = t.at(ent.Scope, ent.ID)
	}
	e.clock, e.tick, e.daily, e.rates.start, e.episodes, e.sitCount, e.changeCount, e.strays = s.Clock, s.Tick, s.Daily, s.Start, s.Episodes, s.Sits, s.Changed, s.Strays
	for _, l := range s.Left {
		if sys, site := t.at("system", l.System), t.at("site", l.Site); sys != none && site != none {
			e.left[sys] = behind{site, l.Until}
		}
	}
	r.restoreItems()
	for i := range s.List {
		r.restoreSit(&s.List[i])
	}
	for _, i := range s.Touched {
		if i >= 0 && i < len(r.sits) && r.sits[i] != nil && !r.sits[i].touched {
			r.sits[i].touched = true
			e.touched = append(e.touched, r.sits[i])
		}
	}
	r.restoreRest()
	e.plan()
	return e, nil
}

// restorer turns places back into what stood there.
type restorer struct {
	e     *Engine
	s     *saved
	v     []int32 // vertex by place in Entities
	items []*item // nil: gone
	sits  []*sit
}

func (r *restorer) vertex(i int32) int32 {
	if i < 0 || int(i) >= len(r.v) {
		return none
	}
	return r.v[i]
}

func (r *restorer) restoreItems() {
	e := r.e
	for _, i := range r.s.Items {
		x := &item{id: ident{i.Name, r.vertex(i.V)}, n: i.Order, site: r.vertex(i.Site), class: min(i.Class, classCount-1), sev: min(i.Sev, 2), since: i.Since, onset: i.Onset, last: i.Last, starts: i.Starts,
			count: i.Count, future: i.Future, mu: i.Mu, keys: i.Keys, open: i.Open, by: -1}
		if x.id.v == none || e.items[x.id] != nil {
			r.items = append(r.items, nil)
			continue
		}
		r.items = append(r.items, x)
		e.items[x.id] = x
		e.order = append(e.order, x)
	}
	for _, x := range r.list(r.s.Playing) {
		if !x.played {
			x.played = true
			e.playing = append(e.playing, x)
			e.spots[x.id.v] = append(e.spots[x.id.v], x)
		}
	}
	e.fresh = r.list(r.s.Fresh)
}

func (r *restorer) list(places []int) []*item {
	var out []*item
	for _, i := range places {
		if i >= 0 && i < len(r.items) && r.items[i] != nil {
			out = append(out, r.items[i])
		}
	}
	return out
}

func (r *restorer) theory(t savedTheory) theory {
	if v := r.vertex(t.V); v != none {
		return theory{t.Fault, v, t.Change}
	}
	return theory{}
}

func (r *restorer) restoreSit(o *savedSit) {
	s := &sit{n: o.N, id: o.ID, state: o.State, opened: o.Opened, th: r.theory(o.Theory), sure: o.Sure, named: o.Named, first: o.First, last: o.Last, start: o.Start, fed: o.Fed, quiet: o.Quiet, ended: o.Ended, times: o.Times,
		into: o.Into, from: o.From, version: o.Version, noise: o.Noise, feats: o.Feats, rival: r.theory(o.Rival), ratio: o.Ratio, core: r.list(o.Core), units: o.Units, covered: o.Covered, since: o.Begun, upto: o.Upto, force: o.Force,
		advice: o.Advice, faded: o.Faded, p: o.P, against: o.Against, answer: o.Answer, wants: o.Wants, due: o.Due, final: o.Final}
	for _, x := range r.list(o.Items) {
		if x.sit == nil {
			x.sit = s
			s.items = append(s.items, x)
		}
	}
	for _, x := range s.items {
		x.feeds = !s.sure || slices.Contains(s.core, x) || r.e.harm(s.th, x.id.v, x.class) > 0
	}
	if s.th.fault == "" {
		if len(s.items) == 0 {
			r.sits = append(r.sits, nil)
			return
		}
		s.th, s.sure = theory{fault: dr.FaultUnknown, v: s.items[0].id.v}, false
	}
	r.sits = append(r.sits, s)
	r.e.sits = append(r.e.sits, s)
	r.e.ids[s.id] = s
}

func (r *restorer) restoreRest() {
	e := r.e
	for _, k := range r.s.Rates {
		if v := r.vertex(k.V); v != none {
			e.rates.keys[ident{k.Name, v}] = rate{n: k.N, t: k.T}
		}
	}
	for _, k := range r.s.Spots {
		if v := r.vertex(k.V); v != none {
			e.rates.spots[v] = rate{n: k.N, t: k.T}
		}
	}
	for _, k := range r.s.Kinds {
		fault, scope, _ := strings.Cut(k.Name, "/")
		e.rates.kinds[kind{dr.Fault(fault), scope}] = rate{n: k.N, t: k.T}
	}
	for _, k := range r.s.Signs {
		if v := r.vertex(k.V); v != none {
			e.rates.signs[theory{fault: dr.Fault(k.Name), v: v}] = rate{n: k.N, t: k.T}
		}
	}
	for _, k := range r.s.Names {
		e.rates.names[k.Name] = rate{n: k.N, t: k.T, keys: k.Keys}
	}
	for _, c := range r.s.Changes {
		if v := r.vertex(c.V); v != none {
			e.changes = append(e.changes, changed{n: c.N, key: c.Key, name: c.Name, text: c.Text, by: c.By, v: v, at: c.At, until: c.Until, planned: c.Planned, blamable: !c.Planned})
		}
	}
	for _, l := range r.s.Looks {
		e.looks[l.Probe] = l
	}
}
