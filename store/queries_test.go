package store_test

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/store/storetest"
)

// generated reads the text of every query from the generated package.
func generated(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "queries/queries.sql.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(text, "-- name:") {
				all[spec.Names[0].Name] = text
			}
		}
		return true
	})
	if len(all) < 80 {
		t.Fatalf("found %d queries only", len(all))
	}
	return all
}

// TestEveryQueryOnBoth prepares every query on SQLite and on PostgreSQL.
func TestEveryQueryOnBoth(t *testing.T) {
	url := storetest.Postgres(t)
	open(t, store.Options{Dir: t.TempDir(), URL: url, Clock: clock()})
	for driver, source := range map[string]string{"sqlite3": "file:" + filepath.Join(stateOf(t, 0), "state.db"), "pgx": url} {
		db, err := sql.Open(driver, source)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range generated(t) {
			stmt, err := db.Prepare(text)
			if err != nil {
				t.Errorf("%s on %s: %v", name, driver, err)
				continue
			}
			if err := stmt.Close(); err != nil {
				t.Errorf("%s on %s: %v", name, driver, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestParameterOrder: SQLite numbers "$1" by where it first appears, so that must be its number.
func TestParameterOrder(t *testing.T) {
	param := regexp.MustCompile(`\$(\d+)`)
	for name, text := range generated(t) {
		seen := 0
		for _, m := range param.FindAllStringSubmatch(text, -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > seen+1 {
				t.Errorf("%s: $%s appears before $%d", name, m[1], seen+1)
			}
			seen = max(seen, n)
		}
		for _, word := range []string{"::", "FOR UPDATE", "now()", "CURRENT_"} {
			if strings.Contains(text, word) {
				t.Errorf("%s: %q is not portable", name, word)
			}
		}
	}
}

// TestGeneratedIsCurrent compares queries/ with what sqlc makes of queries.sql, where sqlc is there;
// CI installs it.
func TestGeneratedIsCurrent(t *testing.T) {
	path, err := exec.LookPath("sqlc")
	if err != nil {
		if path = filepath.Join(os.Getenv("HOME"), "go", "bin", "sqlc"); !exists(path) {
			t.Log("sqlc is not installed; `go install github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1` and run `sqlc diff` in store/")
			return
		}
	}
	if out, err := exec.Command(path, "diff").CombinedOutput(); err != nil {
		t.Errorf("queries/ is not what sqlc makes of queries.sql; run `go generate ./store`: %v\n%s", err, out)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
