package catalog

import (
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// needs are the compiled steps one compiled step waits for.
//
//	X        instances of X on the same system; all of them when either side has no system
//	X@all    every instance of X
//	X@deps   instances of X on the systems this one depends on
//	X@peer   X on the peer of this node
//
// Where X has no instance in the place looked at, what X itself waits for there stands in, so that
// leaving a step out for one system never lets the steps around it overtake each other.
func (m *move) needs(s *instance) []string {
	var out []string
	for _, n := range s.raw.Needs {
		base, suffix, _ := strings.Cut(n.S, "@")
		if m.raws[base] == nil {
			continue // reported as unknown
		}
		ids := m.resolve(s, n, base, suffix)
		if len(out) == 0 {
			out = ids
			continue
		}
		out = union(out, ids)
	}
	return out
}

func union(a, b []string) []string {
	seen := make(map[string]bool, len(a)+len(b))
	out := make([]string, 0, len(a)+len(b))
	for _, id := range append(slices.Clip(a), b...) {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

func (m *move) resolve(s *instance, n word, base, suffix string) []string {
	switch suffix {
	case "deps":
		if s.System == "" {
			m.rep(n.At, "say on: or per: system", "%s: the step %q belongs to no system that could depend on others", n.S, s.Base)
			return nil
		}
	case "peer":
		if s.node == nil || s.node.Peer == "" {
			m.rep(n.At, "", "%s: %s", n.S, noPeer(s))
			return nil
		}
		ids := m.onNode(base, s.node.Peer)
		if len(ids) == 0 {
			m.rep(n.At, "", "%s: the step %q is not done on %s, the peer of %s", n.S, base, s.node.Peer, s.node.ID)
		}
		return ids
	}
	return m.find(base, suffix, s.System, map[string]bool{})
}

func noPeer(s *instance) string {
	if s.node == nil {
		return "the step is not on a node; say on:"
	}
	return s.node.ID + " has no peer"
}

func (m *move) onNode(base, node string) []string {
	var out []string
	for _, i := range m.byBase[base] {
		if m.steps[i].Node == node {
			out = append(out, m.steps[i].ID)
		}
	}
	return out
}

// find answers X, X@all and X@deps, seen from a system.
func (m *move) find(base, suffix, system string, visited map[string]bool) []string {
	key := needKey{base: base, suffix: suffix, system: system}
	if ids, ok := m.cache[key]; ok {
		return ids
	}
	var ids []string
	switch suffix {
	case "deps":
		for _, d := range m.dependencies(system) {
			ids = union(ids, m.find(base, "", d, map[string]bool{}))
		}
	default:
		for _, i := range m.byBase[base] {
			if s := &m.steps[i]; suffix == "all" || system == "" || s.System == "" || s.System == system {
				ids = append(ids, s.ID)
			}
		}
		if len(ids) == 0 {
			ids = m.standIns(base, suffix, system, visited)
			if len(visited) > 0 {
				return ids // seen from inside a circle of absent steps, this may not be all
			}
		}
	}
	m.cache[key] = ids
	return ids
}

// standIns are what an absent step itself waits for.
func (m *move) standIns(base, suffix, system string, visited map[string]bool) []string {
	if visited[base] {
		return nil
	}
	visited[base] = true
	defer delete(visited, base)
	var ids []string
	for _, n := range m.raws[base].Needs {
		next, own, _ := strings.Cut(n.S, "@")
		if m.raws[next] == nil {
			continue
		}
		switch {
		case suffix == "all" || own == "peer":
			own = suffix
		case own == "deps" && system == "":
			own = ""
		}
		ids = union(ids, m.find(next, own, system, visited))
	}
	return ids
}

// dependencies are the systems of the move that a system depends on; a system that is not part of
// the move passes on what it depends on itself.
func (m *move) dependencies(system string) []string {
	var out []string
	seen := map[string]bool{system: true}
	var follow func(id string)
	follow = func(id string) {
		sys, ok := m.c.org.System(id)
		if !ok {
			return
		}
		for _, d := range sys.DependsOn {
			if seen[d] {
				continue
			}
			seen[d] = true
			if slices.ContainsFunc(m.systems, func(s dr.System) bool { return s.ID == d }) {
				out = append(out, d)
				continue
			}
			follow(d)
		}
	}
	follow(system)
	return out
}
