package fsm

import (
	"context"

	"github.com/switchman-dr/switchman/dr"
)

// undoTurn sends undos, last done first, and ends the run when nothing is left to undo.
func (r *runner) undoTurn(ctx context.Context) (rest bool, err error) {
	for _, i := range r.board.undoReady() {
		if r.board.full(mostInHand) || !r.slot() {
			break
		}
		flew, err := r.dispatchUndo(ctx, i)
		if !flew {
			r.free()
		}
		if err != nil || !flew {
			return false, err
		}
	}
	if r.board.flying == 0 && r.board.undone() {
		return true, r.rolledBack(ctx)
	}
	return false, nil
}

// dispatchUndo sends the undo of a step that was done.
func (r *runner) dispatchUndo(ctx context.Context, i int) (flew bool, err error) {
	st := r.slice.Steps[i]
	call := fillRun(*st.Undo, r.run.ID)
	a, err := r.newAttempt(i, call, "undo")
	if err != nil {
		return false, err
	}
	s := sending{i: i, st: st, from: r.board.state[i], call: call, a: a}
	run, err := r.intend(ctx, []sending{s})
	if err != nil {
		return false, err
	}
	if run == nil {
		r.reload()
		return false, nil
	}
	r.run = *run
	r.board.attempt[i], r.board.undoing[i] = a.N, true
	r.board.depart(i)
	r.fly(ctx, s)
	return true, nil
}

// undoReady lists steps to undo now: those with an undo that something may be left of, once nothing
// that came after them is left to undo.
func (b *board) undoReady() []int {
	var out []int
	for i := range b.slice.Steps {
		if b.undoable(i) && !b.pendingAfter(i, map[int]bool{}) {
			out = append(out, i)
		}
	}
	return out
}

// undoable reports whether an undo may be sent: the step was done, or was tried and failed, for that
// may have done half of it; or its undo is to be sent again. An undo that failed waits for a person.
func (b *board) undoable(i int) bool {
	if b.slice.Steps[i].Undo == nil {
		return false
	}
	switch b.state[i] {
	case dr.StepOK:
		return true
	case dr.StepFail:
		return !b.undoing[i]
	case dr.StepReady:
		return b.undoing[i]
	}
	return false
}

// toUndo reports whether a step's undo is still to come, or to come out.
func (b *board) toUndo(i int) bool {
	if b.slice.Steps[i].Undo == nil {
		return false
	}
	switch b.state[i] {
	case dr.StepOK, dr.StepIntent, dr.StepReady, dr.StepFail, dr.StepUnknown:
		return true
	}
	return false
}

// pendingAfter reports whether a later step still waits to be undone.
func (b *board) pendingAfter(i int, seen map[int]bool) bool {
	for _, j := range b.after[i] {
		if seen[j] {
			continue
		}
		seen[j] = true
		if b.toUndo(j) || b.pendingAfter(j, seen) {
			return true
		}
	}
	return false
}

// undone reports whether nothing is left to undo.
func (b *board) undone() bool {
	for i := range b.slice.Steps {
		if b.toUndo(i) {
			return false
		}
	}
	return true
}
