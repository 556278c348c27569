package actions_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

// bank serves what each side answers.
func bank(t *testing.T, left, right string) (*actions.Set, actions.Job) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := left
		if r.URL.Path == "/right" {
			text = right
		}
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	side := func(path string) map[string]any {
		return map[string]any{"action": "http", "params": map[string]any{"address": address(server), "path": path}}
	}
	set := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{address(server)}, Env: []string{"PATH=" + os.Getenv("PATH")}})
	return set, job("t", "reconcile", map[string]any{"left": side("/left"), "right": side("/right"), "left_name": "east", "right_name": "west", "scale": int64(2), "list": int64(2)})
}

func TestReconcileTable(t *testing.T) {
	const two = `{"id": "a", "amount": 10.5}` + "\n" + `{"id": "b", "amount": "20.00", "to": "x"}` + "\n"
	for _, c := range []struct {
		name, left, right    string
		found                dr.Found
		lost, extra, changed int64
		text                 string
	}{
		{"same rows in another order", two, `{"to":"x","id":"b","amount":20}` + "\n\n" + `{"id":"a","amount":10.50}`, dr.FoundDone, 0, 0, 0, "equal: 2 rows, amount 3050 on both sides"},
		{"lost", two, `{"id": "a", "amount": 10.5}`, dr.FoundNotDone, 1, 0, 0, "lost 1"},
		{"extra", two, two + `{"id": 7, "amount": 1}`, dr.FoundNotDone, 0, 1, 0, "extra 1"},
		{"changed amount", two, strings.Replace(two, "10.5", "10.51", 1), dr.FoundNotDone, 0, 0, 1, "changed 1"},
		{"changed field", two, strings.Replace(two, `"x"`, `"y"`, 1), dr.FoundNotDone, 0, 0, 1, "changed 1"},
		{"both empty", "", "\n", dr.FoundDone, 0, 0, 0, "equal: 0 rows"},
		{"totals equal", `{"count": 3, "amount": 1.00, "digest": "sha256:a"}`, `{"count": 3, "amount": "1", "digest": "sha256:a"}`, dr.FoundDone, 0, 0, 0, "equal: 3 rows, amount 100"},
		{"totals, other digest", `{"count": 3, "amount": 1, "digest": "sha256:a"}`, `{"count": 3, "amount": 1, "digest": "sha256:b"}`, dr.FoundNotDone, 0, 0, 0, "digests differ"},
		{"totals, fewer", `{"count": 5, "amount": 9}`, `{"count": 3, "amount": 7}`, dr.FoundNotDone, 2, 0, 0, "lost 2"},
		{"totals, other amount", `{"count": 3, "amount": 9}`, `{"count": 3, "amount": 7}`, dr.FoundNotDone, 0, 0, 0, "different"},
		{"totals with rows", `{"count": 1, "amount": 9, "rows": [{"id":"a","amount":9}]}`, `{"id":"a","amount":9}`, dr.FoundDone, 0, 0, 0, "equal: 1 rows"},
		{"totals against lines", `{"count": 2, "amount": 30.5, "digest": "sha256:other"}`, two, dr.FoundDone, 0, 0, 0, "equal"},
		{"totals that lie", `{"count": 2, "amount": 9, "rows": [{"id":"a","amount":9}]}`, two, dr.FoundInconclusive, 0, 0, 0, "not compared: east: its own totals"},
		{"id twice", two, two + two, dr.FoundInconclusive, 0, 0, 0, "line 3: id \"a\" twice"},
		{"no id", two, `{"amount": 1}`, dr.FoundInconclusive, 0, 0, 0, "west: line 1: a row without id"},
		{"too many decimals", two, `{"id": "a", "amount": 1.005}`, dr.FoundInconclusive, 0, 0, 0, "more than 2 decimals"},
		{"no number", two, `{"id": "a", "amount": "1e3"}`, dr.FoundInconclusive, 0, 0, 0, "no plain decimal"},
		{"no JSON", two, "ERROR: no such table", dr.FoundInconclusive, 0, 0, 0, "west: line 1"},
		{"negative count", `{"count": -1}`, two, dr.FoundInconclusive, 0, 0, 0, "negative count"},
		{"overflow", two, `{"id": "a", "amount": 92233720368547758.07}` + "\n" + `{"id":"b","amount":1}`, dr.FoundInconclusive, 0, 0, 0, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, j := bank(t, c.left, c.right)
			s := set.Eyes().Look(t.Context(), j)
			if s.Found != c.found || !strings.Contains(s.Text, c.text) {
				t.Errorf("%s %q", s.Found, s.Text)
			}
			if s.Facts["lost"] != c.lost || s.Facts["extra"] != c.extra || s.Facts["changed"] != c.changed {
				t.Errorf("%v", s.Facts)
			}
		})
	}
}

func TestReconcileListsDifferences(t *testing.T) {
	set, j := bank(t, `{"id":"a","amount":1}`+"\n"+`{"id":"4111111111111111","amount":2}`+"\n"+`{"id":"c","amount":3}`, `{"id":"c","amount":4}`)
	r := set.Hands().Do(t.Context(), j)
	if r.State != dr.StepFail || r.Facts["lost"] != 2 || r.Facts["changed"] != 1 || r.Facts["lost_amount"] != 300 || r.Facts["left_count"] != 3 {
		t.Fatalf("%s %q %v", r.State, r.Text, r.Facts)
	}
	text := content(t, r, "text")
	for _, want := range []string{"side\teast\tcount 3\tamount 600\tsha256:", "lost\t[redacted:card_number]\t200\nlost\ta\t100\nand 1 more\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "4111") || r.Masked != 1 {
		t.Errorf("masked %d:\n%s", r.Masked, text)
	}
}
