package fsm

import (
	"context"
	"errors"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// ownCopy is the check of a run that leaves a site where Switchman itself runs: a verified copy of its state stands
// at another site. It is asked with the other facts, so the copy is as fresh as they are. A switchback is
// not asked: the site it leaves stays up.
const ownCopy = "switchman:copy"

// leavesUs reports whether a run moves away from a site Switchman runs at.
func (e *Engine) leavesUs(run dr.Run) bool {
	if e.cfg.Copy == nil || run.Kind == dr.Switchback {
		return false
	}
	c, err := e.cfg.Catalog()
	return err == nil && slices.Contains(c.Organisation().SwitchmanSites, run.From)
}

// ship makes the copy and says as a fact what became of it.
func (e *Engine) ship(ctx context.Context, run dr.Run) []dr.Check {
	if !e.leavesUs(run) {
		return nil
	}
	c := dr.Check{ID: ownCopy, Title: "Switchman's own state, at another site", OK: true}
	where, err := e.cfg.Copy(ctx)
	if c.Text = "a verified copy is " + where; err != nil {
		c.OK, c.Text = false, "Switchman itself runs at "+run.From+", and no copy of its state stands elsewhere: "+err.Error()
		if told := (*dr.Error)(nil); errors.As(err, &told) && told.Hint != "" {
			c.Text += "; " + told.Hint
		}
	}
	c.At = e.now()
	return []dr.Check{c}
}

// shipAgain brings what was decided since the facts were gathered after the copy that was made with them: who
// voted, that the code was used, how the run went. Nobody waits for it.
func (e *Engine) shipAgain(ctx context.Context, run dr.Run) {
	if run.Mode == dr.Rehearsal || !e.leavesUs(run) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		if _, err := e.cfg.Copy(ctx); err != nil {
			e.complain(run.ID+"/copy", "copying the state to another site", err, "run", run.ID)
			return
		}
		e.relieved(run.ID+"/copy", "run", run.ID)
	}()
}
