package fsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/looplab/fsm"

	"github.com/switchman-dr/switchman/dr"
)

// Event moves a run from one state to another. People cause some through verbs, outcomes and time
// cause the rest.
type Event string

const (
	evCheck     Event = "check"      // request accepted, facts are gathered
	evOpen      Event = "open_round" // facts are in, votes may come
	evRehearse  Event = "rehearse"   // facts are in, nobody needs to vote
	evQuorum    Event = "quorum"     // enough of the right people said yes
	evQuorumOff Event = "quorum_lost"
	evChanged   Event = "slice_changed"
	evDeny      Event = "deny"
	evExpire    Event = "expire"
	evCancel    Event = "cancel"
	evStart     Event = "start"
	evMoved     Event = "moved"    // every step that moves something is done
	evProven    Event = "proven"   // every check after the move is done, outbound
	evReturned  Event = "returned" // the same on the way back, or a rehearsal's end
	evPause     Event = "pause"
	evResume    Event = "resume"
	evUndo      Event = "rollback"
	evUndone    Event = "rolled_back"
	evFail      Event = "fail"
	evClose     Event = "close"
	evExcept    Event = "close_with_exceptions"
)

// Move is one arrow of the table. A resume goes back to the state the pause interrupted.
type Move struct {
	Event Event
	From  []dr.State
	To    dr.State
}

// Moves lists every arrow there is. docs/state-machine.md is drawn from it.
func Moves() []Move {
	open := []dr.State{dr.AwaitingApproval, dr.AwaitingCode}
	moving := []dr.State{dr.Running, dr.Verifying, dr.RollingBack}
	return []Move{
		{evCheck, []dr.State{dr.Draft}, dr.Preflight},
		{evOpen, []dr.State{dr.Preflight}, dr.AwaitingApproval},
		{evRehearse, []dr.State{dr.Preflight}, dr.Running},
		{evQuorum, []dr.State{dr.AwaitingApproval}, dr.AwaitingCode},
		{evQuorumOff, []dr.State{dr.AwaitingCode}, dr.AwaitingApproval},
		{evChanged, open, dr.AwaitingApproval},
		{evDeny, open, dr.Denied},
		{evExpire, open, dr.Expired},
		{evCancel, append([]dr.State{dr.Draft, dr.Preflight}, open...), dr.Cancelled},
		{evStart, []dr.State{dr.AwaitingCode}, dr.Running},
		{evMoved, []dr.State{dr.Running}, dr.Verifying},
		{evProven, []dr.State{dr.Verifying}, dr.AtStandby},
		{evReturned, []dr.State{dr.Verifying}, dr.Closed},
		{evPause, moving, dr.Paused},
		{evResume, []dr.State{dr.Paused}, dr.Running},
		{evUndo, []dr.State{dr.Running, dr.Paused}, dr.RollingBack},
		{evUndone, []dr.State{dr.RollingBack}, dr.RolledBack},
		{evFail, append([]dr.State{dr.Paused}, moving...), dr.Failed},
		{evClose, []dr.State{dr.AtStandby}, dr.Closed},
		{evExcept, []dr.State{dr.AtStandby, dr.Verifying, dr.Paused}, dr.ClosedWithExceptions},
	}
}

// next asks the table where an event leads. The machine lives for this one question: looplab/fsm
// reports errors of callbacks after its state has changed, so none are used and nothing is kept.
// A resume leads to where the pause came from.
func next(from dr.State, ev Event, resumeTo dr.State) (dr.State, error) {
	var events fsm.Events
	for _, m := range Moves() {
		src := make([]string, len(m.From))
		for i, s := range m.From {
			src[i] = string(s)
		}
		dst := m.To
		if m.Event == evResume && resumeTo != "" {
			dst = resumeTo
		}
		events = append(events, fsm.EventDesc{Name: string(m.Event), Src: src, Dst: string(dst)})
	}
	machine := fsm.NewFSM(string(from), events, nil)
	err := machine.Event(context.Background(), string(ev))
	var none fsm.NoTransitionError
	if err != nil && !errors.As(err, &none) {
		return "", fmt.Errorf("moving a run from %s by %s: %w", from, ev, err)
	}
	return dr.State(machine.Current()), nil
}

// can reports whether the table has an arrow for the event.
func can(from dr.State, ev Event) bool {
	for _, m := range Moves() {
		if m.Event == ev && slices.Contains(m.From, from) {
			return true
		}
	}
	return false
}

// Diagram draws the table as a Mermaid state diagram.
func Diagram() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n    [*] --> draft\n")
	for _, m := range Moves() {
		if m.Event == evResume {
			for _, to := range []dr.State{dr.Running, dr.Verifying, dr.RollingBack} {
				fmt.Fprintf(&b, "    %s --> %s: %s\n", dr.Paused, to, m.Event)
			}
			continue
		}
		for _, from := range m.From {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", from, m.To, m.Event)
		}
	}
	for _, s := range dr.States() {
		if s.Ended() {
			fmt.Fprintf(&b, "    %s --> [*]\n", s)
		}
	}
	return b.String()
}
