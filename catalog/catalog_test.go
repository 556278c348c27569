package catalog_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

func TestGood(t *testing.T) {
	c, problems := catalog.LoadDir("testdata/good", specs(), "test", now())
	if len(problems) > 0 {
		t.Errorf("problems in a sound organisation:\n%s", catalog.FormatProblems(problems))
	}
	if err := c.Runnable(); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Plans() {
		t.Log(p)
	}
	s := compile(t, c, catalog.Selection{Plan: "bank-switchover", Mode: dr.Drill})
	golden(t, "testdata/switchover.json", indent(t, s))
}

func indent(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; run with -update and read the difference\n%s", file, got)
	}
}
