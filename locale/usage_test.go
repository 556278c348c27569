package locale

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// usage is what the module's Go sources say of sentences.
type usage struct {
	named    map[string]token.Position // ids given to dr.Refuse, locale.Say and the like
	literals map[string]bool           // every string literal outside of tests
	prefixes map[string]bool           // literals something is added to, such as "term_"+class
}

// readUsage parses every Go file below the module root, tests apart.
func readUsage(t *testing.T) usage {
	t.Helper()
	u := usage{map[string]token.Position{}, map[string]bool{}, map[string]bool{}}
	root := ".."
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the module root is not where it was: %v", err)
	}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "var" || name == "bin"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil // a file that does not compile fails its own package
		}
		ast.Inspect(file, func(n ast.Node) bool { u.see(fset, n); return true })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u usage) see(fset *token.FileSet, n ast.Node) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if s, ok := text(n); ok {
			u.literals[s] = true
		}
	case *ast.BinaryExpr:
		if s, ok := text(n.X); ok && n.Op == token.ADD && strings.HasSuffix(s, "_") {
			u.prefixes[s] = true
		}
	case *ast.CallExpr:
		u.call(fset, n)
	case *ast.CompositeLit:
		if sel, ok := n.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Error" || !isPackage(sel.X, "dr") {
			return
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && isPackage(kv.Key, "ID") {
				u.name(fset, kv.Value)
			}
		}
	}
}

// call notes the id given to dr.Refuse(id, …) and locale.Say(lang, id, …).
func (u usage) call(fset *token.FileSet, n *ast.CallExpr) {
	sel, ok := n.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	switch {
	case isPackage(sel.X, "dr") && sel.Sel.Name == "Refuse" && len(n.Args) > 0:
		u.name(fset, n.Args[0])
	case isPackage(sel.X, "locale") && (sel.Sel.Name == "Say" || sel.Sel.Name == "Sentence" || sel.Sel.Name == "Hint") && len(n.Args) > 1:
		u.name(fset, n.Args[1])
	}
}

func (u usage) name(fset *token.FileSet, e ast.Expr) {
	if s, ok := text(e); ok {
		u.named[s] = fset.Position(e.Pos())
	}
}

func isPackage(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

func TestEveryIDHasASentence(t *testing.T) {
	u := readUsage(t)
	if len(u.named) < 20 {
		t.Fatalf("only %d ids were found in the sources", len(u.named))
	}
	for id, at := range u.named {
		if !Has(id) {
			t.Errorf("%s: %q has no sentence; add it to locale/sentences in both languages", at, id)
		}
	}
}

func TestEverySentenceIsUsed(t *testing.T) {
	u := readUsage(t)
	for _, id := range IDs() {
		used := u.literals[id]
		for p := range u.prefixes {
			used = used || strings.HasPrefix(id, p)
		}
		if !used {
			t.Errorf("%q is said nowhere; remove the sentence", id)
		}
	}
}
