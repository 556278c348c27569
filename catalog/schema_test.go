package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/switchman-dr/switchman/catalog"
)

// The schemas in docs are the ones the code generates.
func TestSchemas(t *testing.T) {
	schemas, err := catalog.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "docs", "schema")
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"organisation", "roster", "policy", "alerts", "system", "plan"} {
		if !json.Valid(schemas[name]) {
			t.Errorf("%s is no JSON", name)
		}
		golden(t, filepath.Join(dir, name+".json"), schemas[name])
	}
	if len(schemas) != 6 {
		t.Errorf("%d schemas", len(schemas))
	}
}
