package web

import (
	"encoding/json"
	"testing"
)

type sample struct {
	Plan    string   `json:"plan"`
	Systems []string `json:"systems"`
	Inner   struct {
		Mode string `json:"mode"`
	} `json:"inner"`
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, body string
		ok         bool
	}{
		{"whole", `{"plan":"a","systems":["b","b"],"inner":{"mode":"drill"}}`, true},
		{"empty object", `{}`, true},
		{"same key at two depths", `{"plan":"a","inner":{"mode":"m"}}`, true},
		{"a value that repeats", `{"systems":["plan","plan"]}`, true},
		{"unknown", `{"plam":"a"}`, false},
		{"doubled", `{"plan":"a","plan":"b"}`, false},
		{"doubled after a list", `{"plan":"a","systems":[],"plan":"b"}`, false},
		{"doubled inside", `{"inner":{"mode":"a","mode":"b"}}`, false},
		{"other case", `{"Plan":"a"}`, false},
		{"folding letter", `{"ſystems":[]}`, false},
		{"escaped double", `{"plan":"a","pl\u0061n":"b"}`, false},
		{"trailing object", `{} {}`, false},
		{"trailing text", `{}x`, false},
		{"array", `[]`, false},
		{"string", `"plan"`, false},
		{"wrong type", `{"plan":1}`, false},
		{"cut off", `{"plan":`, false},
		{"too deep", `{"inner":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}}}}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out sample
			if err := decode([]byte(c.body), &out); (err == nil) != c.ok {
				t.Errorf("decode(%s) = %v, want accepted: %v", c.body, err, c.ok)
			}
		})
	}
}

// FuzzDecode: what is accepted means the same to a reader that takes the first of doubled keys.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"plan":"a","systems":["b"]}`, `{"plan":"a","plan":"b"}`, `{"inner":{"mode":"x"}}`, `{}`, `[`, `{"Plan":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var out sample
		if decode(body, &out) != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		again, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		var second sample
		if err := decode(again, &second); err != nil {
			t.Fatalf("own bytes refused: %v\n%s", err, again)
		}
	})
}
