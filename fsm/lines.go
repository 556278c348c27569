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

// keepsLines reports whether a run needs its lines open.
func keepsLines(s dr.State) bool {
	return s == dr.AwaitingCode || s.Moving() || s == dr.Paused
}

// keepLines holds the lines open that runs need now. A plan that cannot be read has none; whoever carries the run says so.
func (e *Engine) keepLines(ctx context.Context, runs []dr.Run) {
	var wanted []actions.Line
	for _, run := range runs {
		if !keepsLines(run.State) || run.Mode == dr.Rehearsal {
			continue
		}
		s, err := e.frozen(ctx, run.Digest)
		if err != nil {
			continue
		}
		for _, w := range e.ways(s) {
			wanted = append(wanted, w.line)
		}
	}
	e.cfg.Hands.Keep(wanted)
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
