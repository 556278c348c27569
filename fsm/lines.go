package fsm

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// Lines to machines are dialled with the facts, and kept open from the moment a run has its votes until it ends or its
// round does. So a machine that cannot be reached, or where nothing can be done, is known before the point of no return,
// and no step waits for a line. One that breaks while the code is awaited makes the facts be gathered anew.
//
// Of several servers one holds them: the one that tends while the code is awaited, then the one that carries the run. Another
// could do nothing with its own but look like a second hand to whoever watches the machine, and each server more would be
// a session more at every sshd. Who takes a run over, or starts it, dials all of its lines at once: that takes a part of a
// second, beside the six the lease may last.

// way is a line a run needs at one of its nodes.
type way struct {
	check dr.Check // without an answer
	line  actions.Line
	acts  bool // something is to be done there, not only looked at
}

// ways lists the lines of a plan, each once for every node.
func (e *Engine) ways(s *dr.Slice) []way {
	var out []way
	known, named := map[way]int{}, map[string]bool{}
	for _, st := range s.Steps {
		node, _ := s.Node(st.Node)
		for i, c := range []*dr.Call{&st.Call, st.Undo, st.Ungraceful.Call, st.Probe, st.UndoProbe} {
			if c == nil {
				continue
			}
			line, ok := e.cfg.Hands.Line(node, *c)
			if !ok {
				continue
			}
			key := way{line: line, check: dr.Check{Node: st.Node}}
			at, there := known[key]
			if !there {
				id := "reach:" + cmp.Or(st.Node, line.Address) + ":ssh"
				if named[id] {
					id += ":" + line.User // the node has several
				}
				at, named[id] = len(out), true
				known[key] = at
				out = append(out, way{line: line, check: dr.Check{ID: id, System: st.System, Node: st.Node}})
			}
			out[at].acts = out[at].acts || i < 3
		}
	}
	return out
}

// greet dials the lines of a plan and tells who was there.
func (e *Engine) greet(ctx context.Context, s *dr.Slice) []dr.Check {
	ways := e.ways(s)
	out := make([]dr.Check, len(ways))
	var wg sync.WaitGroup
	gate := make(chan struct{}, lookAtOnce)
	for i, w := range ways {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			out[i] = w.check
			if g, err := e.cfg.Hands.Greet(ctx, w.line); err != nil {
				out[i].Text = err.Error()
			} else {
				out[i].Text, out[i].OK = g.Words(w.acts)
			}
			out[i].At = e.now()
		})
	}
	wg.Wait()
	return out
}

// keepLines holds the lines open that runs need here now. A plan that cannot be read has none; whoever carries the run says so.
func (e *Engine) keepLines(ctx context.Context, runs []dr.Run, leads bool) {
	var wanted []actions.Line
	for _, run := range runs {
		if run.Mode == dr.Rehearsal || !e.carries(run.ID) && (run.State != dr.AwaitingCode || !leads) {
			continue
		}
		if s, err := e.frozen(ctx, run.Digest); err == nil {
			wanted = append(wanted, e.lines(s)...)
		}
	}
	e.cfg.Hands.Keep(wanted)
}

// carries reports whether this process holds the lease of a run.
func (e *Engine) carries(run string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.runners[run]
	return r != nil && r.holds.Load()
}

// lines are those of a plan, some of them perhaps more than once.
func (e *Engine) lines(s *dr.Slice) []actions.Line {
	var out []actions.Line
	for _, w := range e.ways(s) {
		out = append(out, w.line)
	}
	return out
}

// dial begins to dial what a run needs, for whoever is about to carry it.
func (e *Engine) dial(run dr.Run, s *dr.Slice) {
	if run.Mode != dr.Rehearsal {
		e.cfg.Hands.Dial(e.lines(s))
	}
}

// linesChanged reports whether a line of a run stands otherwise than its facts say.
func (e *Engine) linesChanged(run dr.Run, s *dr.Slice) bool {
	return slices.ContainsFunc(e.ways(s), func(w way) bool {
		g, open, known := e.cfg.Hands.Stands(w.line)
		if open {
			_, open = g.Words(w.acts)
		}
		return known && slices.ContainsFunc(run.Checks, func(c dr.Check) bool { return c.ID == w.check.ID && c.OK != open })
	})
}

// frozen reads a frozen plan.
func (e *Engine) frozen(ctx context.Context, digest string) (s *dr.Slice, err error) {
	err = e.cfg.Store.Read(ctx, func(r *store.Reader) error {
		s, err = e.slice(ctx, r, digest)
		return err
	})
	return s, err
}
