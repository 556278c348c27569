// Package alerts turns what monitoring says into situations: many signals with one cause, what broke, why
// it is thought so, and the recovery plan that fits, or plainly that none does. It starts nothing.
//
// It owns the decoders of what comes in, the topology signals are placed on, the engine that keeps
// situations, and the advice. The engine is a fold over signals: it has no clock, no goroutine, no file and
// no network. Time moves only through [Engine.Take] and [Engine.Advance], and work is done on a grid of five
// seconds of that time, so that the same signals in the same order give the same situations whoever calls
// Advance in between, and however often the engine was put down with [Engine.Snapshot] and taken up again
// with [Restore].
//
// How a situation comes about. A signal's labels name an entity of the organisation ([Topology.Resolve]),
// or none: then it stays visible as unresolved and is never guessed. A repeat within a quarter of an hour
// only counts. A new one is attached to what likely caused it: the sum over recent signals of closeness in
// the topology, severity and age, held against how often this very signal comes anyway, which is learnt.
// Then faults with names (a site, a host, a database is down; a link is cut; a disk is full …) are laid over
// what came in together, greedily the one first that explains most, and signals go to the fault that
// explains them: what customers notice joins its cause even if it came first. A fault explains only what it can
// bring about; what none explains stays with what it was attached to, or is noise.
//
// How advice comes about. Plans say what they are for; the fault, its entity and where the systems live now
// decide which are eligible. Guards forbid. What remains gets a confidence by a small logistic formula whose
// weights are a file. Only nine in ten recommends, never on one alert, and Switchman's own looks may confirm
// or contradict. Sentences are ids of locale with arguments.
//
// Invariants. No result depends on the order of a map. Everything kept is bounded and expires. A situation
// that comes back is opened again, not twice. Nothing here reaches an action, an approval or a run.
package alerts

import (
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Limits of what is read and kept. They are far above any real day.
const (
	MaxLabels  = 64      // of one signal; labels that name entities are kept first
	MaxValue   = 1024    // bytes of one value
	MaxAlerts  = 10_000  // of one payload
	MaxOpen    = 200_000 // alerts the engine holds at a time
	maxKeys    = 5000    // keys listed of one situation
	maxChanges = 512     // changes remembered
	maxLoose   = 1000    // unresolved signals and noise listed
	maxClosed  = 500     // ended situations remembered
)

// grid is how far apart the engine's moments are.
const grid = 5 * time.Second

// Plan is what the engine needs to know of a plan.
type Plan struct {
	ID        string
	Kind      dr.Kind
	Direction dr.Direction
	Systems   []string
	From      string // the site it leaves
	To        string // the site it goes to
	For       []Answer
	Guards    []dr.Fault // while one of these is so, the plan must not be recommended
}

// Answer says what a plan is the answer to: faults of a scope, on one entity when it is named.
type Answer struct {
	Scope  string
	Faults []dr.Fault
	Entity string
}

// Probe is a read-only look that can be asked for: see dr.Situation.Wants.
type Probe struct {
	Name   string // SYSTEM/PROBE, protection/ID or link/ID
	Proves string // business | technical | replication | link | frontdoor
	System string
	Site   string // the one side it shows, where it shows one
}

// Options are what an installation may choose.
type Options struct {
	Weights *Weights // of confidence; nil: those that come with the program
	Probes  []Probe  // looks that can be asked for; with none the alerts alone decide
	MaxOpen int      // alerts held at a time; 0: [MaxOpen]
	// QuietMS is for a place where things are broken on purpose, one after the other: when nothing has fired for
	// this long a situation is closed and forgotten, and what comes then is another. 0: ten minutes, and what
	// comes back within half an hour is the same.
	QuietMS int64
}
