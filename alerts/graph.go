package alerts

import (
	"cmp"
	"slices"
)

// graph holds edges while a topology is built.
type graph struct {
	closes [][]near
	harms  [][]near
}

func newGraph(n int) *graph { return &graph{make([][]near, n), make([][]near, n)} }

func (g *graph) close(a, b int32, w float64) {
	if a == none || b == none || a == b {
		return
	}
	g.closes[a] = append(g.closes[a], near{b, w})
	g.closes[b] = append(g.closes[b], near{a, w})
}

func (g *graph) harm(a, b int32, w float64) {
	if a != none && b != none && a != b {
		g.harms[a] = append(g.harms[a], near{b, w})
	}
}

func (g *graph) near(v int32) []near {
	return walk(v, nearHops, nearCut, nearMost, func(u int32) []near { return g.closes[u] })
}

// harmed walks what fails with v. A system passes its trouble on to its own machines, weakly.
func (g *graph) harmed(v int32, passes func(from, to int32) bool, machines func(int32) []int32) []near {
	return walk(v, hitHops, hitCut, len(g.harms), func(u int32) []near {
		var out []near
		for _, n := range g.harms[u] {
			if passes(u, n.v) {
				out = append(out, n)
			}
		}
		for _, m := range machines(u) {
			if passes(u, m) {
				out = append(out, near{m, pick(u == v, .8, .6)})
			}
		}
		return out
	})
}

// walk finds the best product of weights to everything within some hops, the best first. It goes hop by
// hop, so it is exact and ends whatever the edges are.
func walk(from int32, hops int, cut float64, most int, edges func(int32) []near) []near {
	best := map[int32]float64{from: 1}
	front := []near{{from, 1}}
	for range hops {
		var next []near
		for _, f := range front {
			if best[f.v] > f.w {
				continue
			}
			for _, e := range edges(f.v) {
				w := f.w * e.w
				if w >= cut && w > best[e.v] {
					best[e.v] = w
					next = append(next, near{e.v, w})
				}
			}
		}
		front = next
	}
	out := make([]near, 0, len(best))
	for v, w := range best {
		out = append(out, near{v, w})
	}
	slices.SortFunc(out, func(a, b near) int { return cmp.Or(cmp.Compare(b.w, a.w), cmp.Compare(a.v, b.v)) })
	i := slices.IndexFunc(out, func(n near) bool { return n.v == from })
	copy(out[1:i+1], out[:i])
	out[0] = near{from, 1}
	return out[:min(len(out), most)]
}
