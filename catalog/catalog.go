// Package catalog turns what an organisation owns as files into what a run may do: it reads
// organisation, roster, policy, systems and plans, finds every mistake at once with file, line and
// column, and compiles one plan for one selection into a [dr.Slice] whose bytes people approve.
//
// It owns the format of the files, the checks and the compiler. It refuses to guess: unknown fields,
// unknown names and values of the wrong kind are errors with the nearest known word beside them,
// symlinks are not followed, and files, nesting, aliases and compiled steps have limits. It never
// reads the clock, a secret, a database or the network; the moment that counts as now and the list
// of actions are arguments.
//
// Invariants. The same files give the same bytes, in whatever order they are found. Only what a run
// uses is in its slice, so that a change elsewhere voids no vote, and everything it uses is, so that
// a change inside voids them all. A catalog with an error compiles nothing.
package catalog

import (
	"io/fs"
	"slices"
	"time"
	_ "time/tzdata" // zones of duty periods are known on a bare machine, too

	"github.com/switchman-dr/switchman/dr"
)

// Limits of what is read. They are far above any real organisation and far below what would hurt.
const (
	MaxFileSize = 1 << 20 // bytes of one file
	MaxFiles    = 2000    // files in all
	MaxSteps    = 10_000  // compiled steps of one plan
	MaxNeeds    = 400_000 // compiled needs of one plan
	maxDepth    = 64      // levels of nesting in a file
	maxNodes    = 600_000 // values of a file, aliases spelled out
	maxProblems = 500     // problems listed
)

// Catalog is one reading of an organisation's files. It does not change afterwards.
type Catalog struct {
	org     dr.Organisation
	files   rawFiles
	plans   []*rawPlan
	actions map[string]action
	nodes   map[string]dr.Node
	version string
	digest  string
	infos   []PlanInfo

	reconciles map[string]rawReconcile // by protection
	mappings   map[string]AlertMapping // by source
	problems   []Problem
	runnable   error
}

// PlanInfo is what a list of plans shows. For and Guards say when a plan is the answer and are not
// part of any digest.
type PlanInfo struct {
	ID        string       `json:"id"`
	Title     string       `json:"title"`
	Kind      dr.Kind      `json:"kind"`
	Direction dr.Direction `json:"direction"`
	Pair      string       `json:"pair,omitempty"`
	Systems   []string     `json:"systems"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	Steps     int          `json:"steps"` // compiled for all its systems
	For       []Answer     `json:"for,omitempty"`
	Guards    []Never      `json:"guards,omitempty"`
	File      string       `json:"file"`
	// Profiles are the staffing profiles a run may be asked under, the policy's first choice first, by mode;
	// modes that leave no choice are left out.
	Profiles map[dr.Mode][]string `json:"profiles,omitempty"`
}

// Answer says what a plan is the answer to: faults of a scope, on one entity when it is named.
type Answer struct {
	Scope  string   `json:"scope"`
	Faults []string `json:"faults"`
	Entity string   `json:"entity,omitempty"`
}

// Never names a fault under which the plan must not be recommended.
type Never struct {
	Never string `json:"never"`
}

// Load reads an organisation from a file system, such as the embedded sample. specs is what the
// actions accept; version is Switchman's own and enters every digest; now decides what has run out.
// The catalog is never nil and holds what could be read; it compiles nothing while a problem is an
// error.
func Load(fsys fs.FS, specs []dr.ActionSpec, version string, now time.Time) (*Catalog, []Problem) {
	rep := &reporter{}
	c := &Catalog{actions: map[string]action{}, nodes: map[string]dr.Node{}, version: version, reconciles: map[string]rawReconcile{}, mappings: map[string]AlertMapping{}}
	for _, s := range specs {
		c.actions[s.Name] = newAction(s)
	}
	c.files, c.digest = readAll(fsys, rep)
	k := &checker{reporter: rep, c: c, now: now}
	k.organisation()
	k.roster()
	k.policy()
	k.alerts()
	k.gates()
	k.plans()
	c.problems = rep.sorted()
	c.runnable = notRunnable(c, c.problems)
	return c, slices.Clone(c.problems)
}

// Organisation is what the files say, as far as it could be read.
func (c *Catalog) Organisation() dr.Organisation { return c.org }

// Plans lists the plans by id.
func (c *Catalog) Plans() []PlanInfo { return slices.Clone(c.infos) }

// Plan finds one plan.
func (c *Catalog) Plan(id string) (PlanInfo, bool) {
	for _, p := range c.infos {
		if p.ID == id {
			return p, true
		}
	}
	return PlanInfo{}, false
}

// Problems are those of one plan: in its own file, in the files of its systems and in what every plan
// stands on. They are nil for a plan nobody knows.
func (c *Catalog) Problems(plan string) []Problem {
	p := c.plan(plan)
	if p == nil {
		return nil
	}
	files := map[string]bool{p.At.file: true, "organisation.yaml": true, "roster.yaml": true, "policy.yaml": true}
	for _, s := range c.files.systems {
		if slices.ContainsFunc(p.Systems, func(w word) bool { return w.S == s.System.S }) {
			files[s.At.file] = true
		}
	}
	out := []Problem{}
	for _, problem := range c.problems {
		if files[problem.File] {
			out = append(out, problem)
		}
	}
	return out
}

// Digest names all files together; it says whether anything changed at all.
func (c *Catalog) Digest() string { return c.digest }

// Runnable says why nothing can run in this organisation, nil when something can.
func (c *Catalog) Runnable() error { return c.runnable }

func notRunnable(c *Catalog, problems []Problem) error {
	if n := Errors(problems); n > 0 {
		first := problems[slices.IndexFunc(problems, func(p Problem) bool { return p.Severity == Error })]
		return dr.Errorf(dr.Invalid, "the organisation's files hold %s, the first at %s: %s", count(n, "mistake"), first.Where(), first.Text).
			WithHint("switchman check lists them all")
	}
	switch {
	case len(c.actions) == 0:
		return dr.Errorf(dr.Invalid, "nothing can run: no actions are known")
	case c.files.roster == nil:
		return dr.Errorf(dr.Invalid, "nothing can run: the organisation has no roster.yaml").WithHint("say in roster.yaml who may do what")
	case c.files.policy == nil:
		return dr.Errorf(dr.Invalid, "nothing can run: the organisation has no policy.yaml").WithHint("say in policy.yaml how many people must agree")
	}
	return nil
}
