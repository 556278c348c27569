package fsm

import (
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// board is the executor's picture of a run's steps: which wait for how many others, which may go
// now. It is made from the store and kept in step with every outcome, so that a plan of thousands
// of steps costs no more per step than one of ten.
type board struct {
	slice   *dr.Slice
	index   map[string]int // step id → position in slice.Steps
	state   []dr.StepState
	attempt []int // number of the newest attempt
	tries   []int // attempts that failed by themselves, for the retry limit
	left    []int // needs not settled yet
	after   [][]int
	air     []bool         // in flight from this process; the outcome is still to come
	carried []bool         // was in flight while the board was made anew: the store may know more than its landing tells
	was     []dr.StepState // state before the intent, as the store still has it
	undoing []bool         // the newest attempt is an undo
	ahead   []dr.Millis    // expected length of the longest chain from the step to the end
	ready   []int
	flying  int
	groups  map[string]int
	systems map[string]*course
}

// course is how far one system's steps have come.
type course struct {
	gates, gatesLeft int // steps of no return
	moveLeft         int // steps that move something
	left             int // all steps
}

// newBoard reads the steps' rows. A check of a system waits for every step that moves it, whether
// the plan says so or not: verifying a half-moved system proves nothing. Steps in the air stay in
// flight until they land, even where the store knows their outcome already; air may be nil.
func newBoard(s *dr.Slice, rows []dr.StepRow, attempts []dr.Attempt, air []bool) *board {
	n := len(s.Steps)
	b := &board{slice: s, index: make(map[string]int, n), state: make([]dr.StepState, n), attempt: make([]int, n), tries: make([]int, n),
		left: make([]int, n), after: make([][]int, n), was: make([]dr.StepState, n), undoing: make([]bool, n), groups: map[string]int{},
		ahead: make([]dr.Millis, n), air: make([]bool, n), carried: make([]bool, n), systems: map[string]*course{}}
	for i, st := range s.Steps {
		b.index[st.ID] = i
		b.state[i] = dr.StepBlocked
	}
	for _, row := range rows {
		if i, ok := b.index[row.Step]; ok {
			b.state[i], b.attempt[i] = row.State, row.Attempt
		}
	}
	for i, flies := range air {
		if flies {
			b.carried[i] = true
			b.depart(i)
		}
	}
	for _, a := range attempts {
		if i, ok := b.index[a.Step]; ok {
			b.undoing[i] = a.Purpose == "undo"
			if a.State == dr.StepFail && !(b.air[i] && a.N == b.attempt[i]) { // that one is counted as it lands
				b.tries[i]++
			}
		}
	}
	for i, st := range s.Waits() {
		if b.state[i] == dr.StepIntent && b.byHand(i) {
			b.groups[st.Group]++
		}
		for _, id := range st.Needs {
			need := b.index[id]
			b.after[need] = append(b.after[need], i)
			if !b.over(need) {
				b.left[i]++
			}
		}
	}
	for i := range s.Steps {
		b.reach(i)
		b.offer(i)
		b.count(i)
	}
	return b
}

// reach measures how much lies ahead of a step by what its plan expects. The step with the most ahead
// goes first when not all can go: what nobody waits for must not hold up what everybody waits for.
func (b *board) reach(i int) dr.Millis {
	if b.ahead[i] > 0 {
		return b.ahead[i]
	}
	var most dr.Millis
	for _, j := range b.after[i] {
		most = max(most, b.reach(j))
	}
	own := max(1, b.slice.Steps[i].Expect)
	if b.slice.Steps[i].Off {
		own = 1
	}
	b.ahead[i] = most + own
	return b.ahead[i]
}

// count enters a step into its system's course.
func (b *board) count(i int) {
	st, open := b.slice.Steps[i], 0
	if st.System == "" || st.Off {
		return
	}
	if !b.state[i].Settled() {
		open = 1
	}
	c := b.systems[st.System]
	if c == nil {
		c = &course{}
		b.systems[st.System] = c
	}
	c.left += open
	if st.Phase != "verify" {
		c.moveLeft += open
	}
	if st.NoReturn {
		c.gates++
		c.gatesLeft += open
	}
}

// arrived looks at a system's course. Moved: every step of no return is done, or where there is none
// every step that moves something. Proven: all its steps are done. A system that no step is about
// goes with the whole run.
func (b *board) arrived(system string) (moved, proven bool) {
	c := b.systems[system]
	if c == nil {
		moved = b.settled("run", "")
		return moved, moved && b.settled("verify", "")
	}
	moved = c.moveLeft == 0
	if c.gates > 0 {
		moved = c.gatesLeft == 0
	}
	return moved, moved && c.left == 0
}

// passed takes a settled step out of its system's course.
func (b *board) passed(i int) {
	st := b.slice.Steps[i]
	c := b.systems[st.System]
	if c == nil || st.Off {
		return
	}
	c.left--
	if st.Phase != "verify" {
		c.moveLeft--
	}
	if st.NoReturn {
		c.gatesLeft--
	}
}

// offer puts a step on the ready list when nothing keeps it.
func (b *board) offer(i int) {
	if b.left[i] > 0 {
		return
	}
	if b.state[i] == dr.StepBlocked || b.state[i] == dr.StepReady {
		b.ready = append(b.ready, i)
	}
}

// over reports whether a step keeps nobody waiting any more. What runs beside the critical path may
// end badly and still is over.
func (b *board) over(i int) bool {
	return b.state[i].Settled() || b.slice.Steps[i].Off && (b.state[i] == dr.StepFail || b.state[i] == dr.StepUnknown)
}

// byHand reports whether a person's hand carries the step out, which no goroutine waits for. In a
// rehearsal no hand does, and an undo is always an action.
func (b *board) byHand(i int) bool {
	return b.slice.Steps[i].Kind == dr.ManualStep && b.slice.Mode != dr.Rehearsal && !b.undoing[i]
}

// depart puts a step into the air; landed brings it down.
func (b *board) depart(i int) {
	b.state[i], b.air[i] = dr.StepIntent, true
	b.flying++
	b.groups[b.slice.Steps[i].Group]++
}

// full reports whether no more steps may be in flight at once.
func (b *board) full(most int) bool {
	if limit := b.slice.MaxInFlight; limit > 0 && limit < most {
		most = limit
	}
	return b.flying >= most
}

// take removes and returns the next step that may be sent, or -1. hold reports a step that waits
// for a person first; it is not taken. A rehearsal waits for nobody.
func (b *board) take(most int) (step int, hold string) {
	if b.full(most) {
		return -1, ""
	}
	best := -1
	for k, i := range b.ready {
		st := b.slice.Steps[i]
		if st.Hold && b.state[i] == dr.StepBlocked && b.slice.Mode != dr.Rehearsal {
			hold = st.ID
			continue
		}
		if st.GroupMax > 0 && b.groups[st.Group] >= st.GroupMax {
			continue
		}
		if best < 0 || b.before(i, b.ready[best]) {
			best = k
		}
	}
	if best < 0 {
		return -1, hold
	}
	i := b.ready[best]
	b.ready = slices.Delete(b.ready, best, best+1)
	b.was[i], b.undoing[i] = b.state[i], false
	if b.byHand(i) {
		b.state[i] = dr.StepIntent
		b.groups[b.slice.Steps[i].Group]++
	} else {
		b.depart(i)
	}
	return i, ""
}

// before reports whether step i goes before step j when both may: the one with more ahead, then the
// one the plan names first.
func (b *board) before(i, j int) bool {
	if b.ahead[i] != b.ahead[j] {
		return b.ahead[i] > b.ahead[j]
	}
	return i < j
}

// landed notes what became of a step that was taken, and offers what waited for it.
func (b *board) landed(i int, to dr.StepState) {
	if b.state[i] == dr.StepIntent {
		b.groups[b.slice.Steps[i].Group]--
	}
	if b.air[i] {
		b.air[i] = false
		b.flying--
	}
	before := b.over(i)
	b.state[i] = to
	if b.over(i) && !before {
		b.passed(i)
		for _, j := range b.after[i] {
			if b.left[j]--; b.left[j] == 0 {
				b.offer(j)
			}
		}
	}
	b.offer(i)
}

// settled reports whether every step of a phase has ended well or was left out; steps off the
// critical path only have to have ended.
func (b *board) settled(phase string, system string) bool {
	for i, st := range b.slice.Steps {
		if st.Phase != phase || (system != "" && st.System != system) {
			continue
		}
		if st.Off && (system != "" || phase == "run") {
			continue
		}
		if !b.over(i) {
			return false
		}
	}
	return true
}

// quiet reports whether everything that runs beside the critical path has ended.
func (b *board) quiet() bool {
	for i, st := range b.slice.Steps {
		if st.Off && !b.over(i) {
			return false
		}
	}
	return true
}
