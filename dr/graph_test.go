package dr_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/dr"
)

func ids(steps []dr.Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, s.ID)
	}
	return out
}

func TestTopoOrder(t *testing.T) {
	steps := []dr.Step{{ID: "c", Needs: []string{"b", "b"}}, {ID: "x"}, {ID: "b", Needs: []string{"a", "gone"}}, {ID: "a"}}
	order, cycle := dr.TopoOrder(steps)
	if got := ids(order); cycle != nil || !slices.Equal(got, []string{"x", "a", "b", "c"}) {
		t.Errorf("order %v, cycle %v", got, cycle)
	}
	steps = append(steps, dr.Step{ID: "p", Needs: []string{"q"}}, dr.Step{ID: "q", Needs: []string{"r"}}, dr.Step{ID: "r", Needs: []string{"a", "p"}}, dr.Step{ID: "after", Needs: []string{"p"}})
	order, cycle = dr.TopoOrder(steps)
	if order != nil || !slices.Equal(cycle, []string{"p", "q", "r", "p"}) {
		t.Errorf("order %v, cycle %v", order, cycle)
	}
	if _, cycle = dr.TopoOrder([]dr.Step{{ID: "a", Needs: []string{"a"}}}); !slices.Equal(cycle, []string{"a", "a"}) {
		t.Errorf("cycle %v", cycle)
	}
}

func TestCriticalPath(t *testing.T) {
	steps := []dr.Step{
		{ID: "a"}, {ID: "b", Needs: []string{"a"}}, {ID: "c", Needs: []string{"a"}}, {ID: "d", Needs: []string{"b", "c"}},
		{ID: "tell", Needs: []string{"d"}, Off: true}, {ID: "e", Needs: []string{"tell"}},
	}
	dur := map[string]dr.Millis{"a": 1, "b": 5, "c": 9, "d": 2, "tell": 1000, "e": 3}
	total, path := dr.CriticalPath(steps, func(id string) dr.Millis { return dur[id] })
	if total != 15 || !slices.Equal(path, []string{"a", "c", "d", "e"}) {
		t.Errorf("%d along %v", total, path)
	}
	if total, path := dr.CriticalPath(nil, nil); total != 0 || path != nil {
		t.Errorf("nothing takes %d along %v", total, path)
	}
	if total, _ := dr.CriticalPath([]dr.Step{{ID: "a", Needs: []string{"a"}}}, func(string) dr.Millis { return 1 }); total != 0 {
		t.Errorf("a circle takes %d", total)
	}
}

// The critical path is no shorter than any chain, no longer than everything in a row, and a chain
// itself.
func TestCriticalPathProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "steps")
		steps := make([]dr.Step, n)
		dur := map[string]dr.Millis{}
		var sum dr.Millis
		for i := range steps {
			steps[i].ID = fmt.Sprint("s", i)
			steps[i].Off = rapid.IntRange(0, 9).Draw(t, "off") == 0
			dur[steps[i].ID] = dr.Millis(rapid.IntRange(0, 50).Draw(t, "ms"))
			if !steps[i].Off {
				sum += dur[steps[i].ID]
			}
			for range rapid.IntRange(0, 3).Draw(t, "needs") {
				if i > 0 {
					steps[i].Needs = append(steps[i].Needs, steps[rapid.IntRange(0, i-1).Draw(t, "need")].ID)
				}
			}
		}
		total, path := dr.CriticalPath(steps, func(id string) dr.Millis { return dur[id] })
		var along dr.Millis
		for _, id := range path {
			along += dur[id]
		}
		if along != total || total > sum {
			t.Fatalf("%d along %v which takes %d, all in a row %d", total, path, along, sum)
		}
		// the slow way: longest chain ending at each step
		longest := map[string]dr.Millis{}
		for _, s := range steps {
			for _, need := range s.Needs {
				longest[s.ID] = max(longest[s.ID], longest[need])
			}
			if !s.Off {
				longest[s.ID] += dur[s.ID]
			}
			if longest[s.ID] > total {
				t.Fatalf("the chain to %s takes %d, the critical path %d", s.ID, longest[s.ID], total)
			}
		}
	})
}

func TestCallKeepsItsTypes(t *testing.T) {
	c := dr.Call{Action: "x", Params: map[string]any{"s": "a<b", "n": int64(1) << 60, "b": true, "l": []string{"a"}, "none": []string{}, "m": map[string]string{"k": "v"},
		"call": dr.Call{Action: "exec", Params: map[string]any{"argv": []string{"x"}}}}}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back dr.Call
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(c, back) {
		t.Errorf("%v: %#v", err, back)
	}
	for _, bad := range []string{`{"action":"x","params":{"a":null}}`, `{"action":"x","params":{"a":1.5}}`, `{"action":"x","params":{"a":[1]}}`, `{"action":"x","params":{"a":{"b":1}}}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s is taken for a call", bad)
		}
	}
}
