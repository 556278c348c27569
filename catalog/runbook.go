package catalog

import (
	"cmp"
	"io/fs"
	"path"
	"strings"
)

// runbooks warns of plans and steps whose runbook is not there. It is no error: a move that is needed
// tonight is not held up by a missing text.
func (r *reading) runbooks(plans []*rawPlan) {
	for _, p := range plans {
		r.runbook(p.Runbook)
		for i := range p.Steps {
			r.runbook(p.Steps[i].Runbook)
		}
	}
}

func (r *reading) runbook(w word) {
	if w.S == "" {
		return
	}
	info, err := fs.Stat(r.fsys, path.Join("runbooks", w.S))
	if !fs.ValidPath(w.S) || err != nil || !info.Mode().IsRegular() {
		r.rep.warn(w.At, "write its path below runbooks/, such as database/failover.md", "there is no runbook %q", w.S)
	}
}

// Runbook is what people read about a step: its own runbook, or else its plan's, as a path below
// runbooks/; empty where the files name none. step is an id of the plan or of a compiled step of it,
// such as promote@ledger-db-w1; empty asks for the plan alone. It is not part of any digest: a better
// text voids no vote.
func (c *Catalog) Runbook(plan, step string) string {
	p := c.plan(plan)
	if p == nil {
		return ""
	}
	id, _, _ := strings.Cut(step, "@")
	for i := range p.Steps {
		if s := &p.Steps[i]; id != "" && s.ID.S == id {
			return cmp.Or(s.Runbook.S, p.Runbook.S)
		}
	}
	return p.Runbook.S
}
