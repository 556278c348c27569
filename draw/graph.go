package draw

import (
	"fmt"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// crowd is the number of steps from which a box stands for all steps of one plan line on one
// system: about what still reads on a screen.
const crowd = 40

// box is one thing drawn; a bend has no name and only guides a long line between boxes.
type box struct {
	name, label, note string
	class             string
	bend              bool
	needs             []int // boxes to the left that this one waits for
	layer, row        int
	x, y              float64
}

// boxes turns steps into boxes, gathered when there are many of them.
func boxes(steps []dr.Step, critical map[string]bool) []box {
	if len(steps) > crowd {
		if gathered, ok := layered(gather(steps, critical)); ok {
			return gathered
		}
	}
	single := make([]box, len(steps))
	index := make(map[string]int, len(steps))
	for i, s := range steps {
		index[s.ID] = i
		single[i] = box{name: s.ID + ": " + s.Title, label: s.ID, note: note(s, 1), class: class(s, critical[s.ID])}
	}
	for i, s := range steps {
		for _, need := range s.Needs {
			if j, ok := index[need]; ok {
				single[i].needs = append(single[i].needs, j)
			}
		}
	}
	out, _ := layered(single)
	return out
}

// gather makes one box of all steps that share plan line and system.
func gather(steps []dr.Step, critical map[string]bool) []box {
	var out []box
	index := map[string]int{}
	count := map[int]int{}
	of := make(map[string]int, len(steps))
	for _, s := range steps {
		key := s.Base + "\x00" + s.System
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			label := s.Base
			if s.System != "" {
				label += " · " + s.System
			}
			out = append(out, box{name: label + ": " + s.Title, label: label})
		}
		count[i]++
		of[s.ID] = i
		out[i].note = note(s, count[i])
		out[i].class = stronger(out[i].class, class(s, critical[s.ID]))
	}
	for _, s := range steps {
		i := of[s.ID]
		for _, need := range s.Needs {
			if j, ok := of[need]; ok && j != i && !slices.Contains(out[i].needs, j) {
				out[i].needs = append(out[i].needs, j)
			}
		}
	}
	return out
}

func note(s dr.Step, n int) string {
	kind := string(s.Kind)
	if s.Kind == dr.ActionStep {
		kind = s.Call.Action
	}
	text := kind + ", " + s.Expect.String()
	if n > 1 {
		text = fmt.Sprintf("%d × %s", n, text)
	}
	switch {
	case s.NoReturn:
		text += ", no way back"
	case s.Hold:
		text += ", holds for a person"
	}
	return text
}

// class names the look of a box; later names in the list of stronger win.
func class(s dr.Step, critical bool) string {
	switch {
	case s.NoReturn:
		return "noreturn"
	case s.Hold || s.Kind == dr.ManualStep:
		return "person"
	case critical:
		return "critical"
	case s.Phase == "verify":
		return "verify"
	case s.Off:
		return "off"
	}
	return "plain"
}

func stronger(a, b string) string {
	order := []string{"", "off", "plain", "verify", "critical", "person", "noreturn"}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// layered gives every box the column after the last box it needs; false when the boxes go round
// in a circle, which gathering can make of a sound plan.
func layered(in []box) ([]box, bool) {
	waiting := make([]int, len(in))
	feeds := make([][]int, len(in))
	for i := range in {
		waiting[i] = len(in[i].needs)
		for _, j := range in[i].needs {
			feeds[j] = append(feeds[j], i)
		}
	}
	var ready []int
	for i, n := range waiting {
		if n == 0 {
			ready = append(ready, i)
		}
	}
	seen := 0
	for ; seen < len(ready); seen++ {
		i := ready[seen]
		for _, next := range feeds[i] {
			in[next].layer = max(in[next].layer, in[i].layer+1)
			if waiting[next]--; waiting[next] == 0 {
				ready = append(ready, next)
			}
		}
	}
	return in, seen == len(in)
}

// thin drops every line that a longer way through other boxes already says.
func thin(in []box) {
	if len(in) > 500 {
		return // the price grows with the cube; a picture this full is beyond help
	}
	reach := make([]map[int]bool, len(in))
	order := byLayer(in)
	for _, i := range order {
		reach[i] = map[int]bool{}
		for _, j := range in[i].needs {
			reach[i][j] = true
			for k := range reach[j] {
				reach[i][k] = true
			}
		}
	}
	for _, i := range order {
		needs := in[i].needs
		in[i].needs = slices.DeleteFunc(slices.Clone(needs), func(j int) bool {
			return slices.ContainsFunc(needs, func(k int) bool { return k != j && reach[k][j] })
		})
	}
}

func byLayer(in []box) []int {
	order := make([]int, len(in))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return in[a].layer - in[b].layer })
	return order
}

// bend puts a guide into every column a line passes, so that lines go round boxes.
func bend(in []box) []box {
	for i, n := 0, len(in); i < n; i++ {
		for k, j := range in[i].needs {
			from := j
			for layer := in[j].layer + 1; layer < in[i].layer; layer++ {
				in = append(in, box{bend: true, layer: layer, needs: []int{from}})
				from = len(in) - 1
			}
			in[i].needs[k] = from
		}
	}
	return in
}

// columns orders every column so that lines cross little: each box goes to the middle of its
// neighbours, left and right in turn.
func columns(in []box) [][]int {
	var cols [][]int
	feeds := make([][]int, len(in))
	for _, i := range byLayer(in) {
		for len(cols) <= in[i].layer {
			cols = append(cols, nil)
		}
		cols[in[i].layer] = append(cols[in[i].layer], i)
		for _, j := range in[i].needs {
			feeds[j] = append(feeds[j], i)
		}
	}
	rank(in, cols)
	for range 6 {
		for _, col := range cols {
			settle(in, col, func(i int) []int { return in[i].needs })
		}
		for _, col := range slices.Backward(cols) {
			settle(in, col, func(i int) []int { return feeds[i] })
		}
	}
	return cols
}

func rank(in []box, cols [][]int) {
	for _, col := range cols {
		for row, i := range col {
			in[i].row = row
		}
	}
}

func settle(in []box, col []int, near func(int) []int) {
	middle := make(map[int]float64, len(col))
	for _, i := range col {
		sum, n := 0.0, 0
		for _, j := range near(i) {
			sum, n = sum+float64(in[j].row), n+1
		}
		middle[i] = float64(in[i].row)
		if n > 0 {
			middle[i] = sum / float64(n)
		}
	}
	slices.SortStableFunc(col, func(a, b int) int {
		switch {
		case middle[a] < middle[b]:
			return -1
		case middle[a] > middle[b]:
			return 1
		}
		return 0
	})
	for row, i := range col {
		in[i].row = row
	}
}
