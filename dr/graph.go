package dr

import (
	"container/heap"
	"slices"
)

// TopoOrder sorts steps so that each comes after everything it needs; among those free to come next
// the one written first comes first, so equal input gives equal output. Needs that name no step of
// the list are ignored. When the needs run in a circle, order is nil and cycle names the steps of
// one circle, each needing the next, the first repeated at the end.
func TopoOrder(steps []Step) (order []Step, cycle []string) {
	index := indexSteps(steps)
	waits := make([]int, len(steps))
	dependants := make([][]int, len(steps))
	for i, s := range steps {
		for _, need := range s.Needs {
			if j, ok := index[need]; ok {
				waits[i]++
				dependants[j] = append(dependants[j], i)
			}
		}
	}
	var free intHeap
	for i, n := range waits {
		if n == 0 {
			heap.Push(&free, i)
		}
	}
	order = make([]Step, 0, len(steps))
	for free.Len() > 0 {
		i := heap.Pop(&free).(int)
		order = append(order, steps[i])
		for _, d := range dependants[i] {
			if waits[d]--; waits[d] == 0 {
				heap.Push(&free, d)
			}
		}
	}
	if len(order) < len(steps) {
		return nil, findCycle(steps, index, waits)
	}
	return order, nil
}

// CriticalPath is the longest chain of needs by duration, and the ids along it, first to last. Steps
// off the critical path (notices) take no time in it and are not named; what waits for them still
// waits for what they wait for. Of two equally long chains the one through the earlier step counts.
// Steps that need each other in a circle have no path.
func CriticalPath(steps []Step, dur func(id string) Millis) (Millis, []string) {
	order, cycle := TopoOrder(steps)
	if cycle != nil || len(order) == 0 {
		return 0, nil
	}
	index := indexSteps(order)
	ends := make([]Millis, len(order))
	via := make([]int, len(order))
	last := 0
	for i, s := range order {
		via[i] = -1
		for _, need := range s.Needs {
			if j, ok := index[need]; ok && (via[i] < 0 || ends[j] > ends[via[i]]) {
				via[i] = j
			}
		}
		if via[i] >= 0 {
			ends[i] = ends[via[i]]
		}
		if !s.Off {
			ends[i] += max(0, dur(s.ID))
		}
		if ends[i] > ends[last] {
			last = i
		}
	}
	var path []string
	for i := last; i >= 0; i = via[i] {
		if !order[i].Off {
			path = append(path, order[i].ID)
		}
	}
	slices.Reverse(path)
	return ends[last], path
}

func indexSteps(steps []Step) map[string]int {
	index := make(map[string]int, len(steps))
	for i, s := range steps {
		index[s.ID] = i
	}
	return index
}

// findCycle walks along needs among the steps that never became free; each of them needs another
// one of them, so the walk must come back to itself.
func findCycle(steps []Step, index map[string]int, waits []int) []string {
	at := slices.IndexFunc(waits, func(n int) bool { return n > 0 })
	seen := map[int]int{}
	var path []string
	for {
		if first, ok := seen[at]; ok {
			return append(path[first:], steps[at].ID)
		}
		seen[at] = len(path)
		path = append(path, steps[at].ID)
		for _, need := range steps[at].Needs {
			if j, ok := index[need]; ok && waits[j] > 0 {
				at = j
				break
			}
		}
	}
}

type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
