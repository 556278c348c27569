package actions

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// every is a form with one parameter of each type.
func every() form {
	spec := dr.ActionSpec{Name: "every"}
	for _, kind := range []string{"string", "int", "bool", "duration", "list", "map", "call"} {
		spec.Params = append(spec.Params, dr.ParamSpec{Name: "a_" + kind, Type: kind})
	}
	return newForm(spec)
}

func TestDecodeIsTheSameThroughJSON(t *testing.T) {
	call := dr.Call{Action: "every", Params: map[string]any{
		"a_string": "{run}", "a_int": int64(7), "a_bool": true, "a_duration": "1m30s",
		"a_list": []string{"x", "{run}"}, "a_map": map[string]string{"k": "v"},
		"a_call": dr.Call{Action: "exec", Params: map[string]any{"argv": []string{"x"}}},
	}}
	direct, err := every().decode(Job{Run: "r1", Call: call})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	var back dr.Call
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	through, err := every().decode(Job{Run: "r1", Call: back})
	if err != nil {
		t.Fatal(err)
	}
	inner, _ := through.call("a_call")
	if inner.Action != "exec" || len(inner.Params) != 1 {
		t.Errorf("inner call %+v", inner)
	}
	delete(direct, "a_call")
	delete(through, "a_call")
	want := params{"a_string": "r1", "a_int": int64(7), "a_bool": true, "a_duration": 90 * time.Second, "a_list": []string{"x", "r1"}, "a_map": map[string]string{"k": "v"}}
	if !reflect.DeepEqual(direct, want) || !reflect.DeepEqual(through, want) {
		t.Errorf("direct %v\nthrough JSON %v", direct, through)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, p := range map[string]map[string]any{
		"half":            {"a_int": 1.5},
		"huge":            {"a_int": 1e300},
		"text for int":    {"a_int": "7"},
		"int for text":    {"a_string": int64(7)},
		"NUL":             {"a_list": []any{"a\x00b"}},
		"placeholder":     {"a_map": map[string]any{"k": "{peer}"}},
		"long":            {"a_string": strings.Repeat("x", maxText+1)},
		"many":            {"a_list": make([]string, maxItems+1)},
		"nested list":     {"a_list": []any{[]any{"x"}}},
		"negative time":   {"a_duration": "-1s"},
		"endless":         {"a_duration": "99999h"},
		"overflow":        {"a_duration": float64(1 << 53)},
		"null":            {"a_string": nil},
		"call by name":    {"a_call": "exec"},
		"call with extra": {"a_call": map[string]any{"action": "exec", "shell": "x"}},
		"call twice":      {"a_call": map[string]any{"action": "exec", "with": map[string]any{}, "params": map[string]any{}}},
		"call of nobody":  {"a_call": map[string]any{"params": map[string]any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := every().decode(Job{Call: dr.Call{Params: p}}); err == nil {
				t.Errorf("accepted: %v", p)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"argv": ["a", 1, true], "env": {"A": "secret:x"}, "stdin": "{run}"}`))
	f.Add([]byte(`{"address": "h:1", "expect_status": [200, "2xx"], "expect_body": "(", "headers": {"A": "b"}}`))
	f.Add([]byte(`{"call": {"action": "exec", "with": {"argv": "x"}}, "for": 1e3, "every": "5s"}`))
	f.Add([]byte(`{"left": {"action": "http", "params": null}, "right": 3, "scale": 1.0}`))
	set := NewSet(Options{Secrets: func(string) (string, error) { return "", errors.New("none") }})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p map[string]any
		if json.Unmarshal(raw, &p) != nil {
			return
		}
		for _, spec := range set.Specs() {
			form := newForm(spec)
			got, err := form.decode(Job{Run: "r", Call: dr.Call{Action: spec.Name, Params: p}})
			if err != nil {
				if got != nil || strings.ContainsAny(err.Error(), "\x00\n") {
					t.Fatalf("%q with %v", err, got)
				}
				continue
			}
			for name, v := range got {
				if form.params[name].Type == "" || v == nil {
					t.Fatalf("%s took %s = %v", spec.Name, name, v)
				}
			}
		}
	})
}

func FuzzSide(f *testing.F) {
	f.Add([]byte(`{"id":"a","amount":1}`+"\n"), 0)
	f.Add([]byte(`{"count":1,"amount":"2.50","rows":[{"id":1,"amount":2.5}]}`), 2)
	f.Add([]byte("\xff{}"), 6)
	f.Fuzz(func(t *testing.T, raw []byte, scale int) {
		s, err := parseSide(raw, scale&3)
		if err != nil {
			return
		}
		if d := compare(s, s, 10); !d.equal() || d.lost+d.extra+d.changed != 0 {
			t.Fatalf("%q differs from itself: %s", raw, d.words())
		}
		if s.rows != nil && int64(len(s.rows)) != s.count {
			t.Fatalf("%d rows, count %d", len(s.rows), s.count)
		}
	})
}
