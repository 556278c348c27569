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
	refused  *[]refusal
	literals map[string]bool // every string literal outside of tests
	prefixes map[string]bool // literals something is added to, such as "term_"+class
}

// refusal is one place that names a sentence and lists all its arguments.
type refusal struct {
	id   string
	at   token.Position
	args map[string]bool
	bare bool // the hint is not shown from here
}

// readUsage parses every Go file below the module root, tests apart.
func readUsage(t *testing.T) usage {
	t.Helper()
	u := usage{map[string]token.Position{}, &[]refusal{}, map[string]bool{}, map[string]bool{}}
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
		fields := map[string]ast.Expr{}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok {
					fields[key.Name] = kv.Value
				}
			}
		}
		if fields["ID"] != nil {
			u.name(fset, fields["ID"], fields["Args"], fields["Hint"] != nil)
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
	case isPackage(sel.X, "strings") && sel.Sel.Name == "HasPrefix" && len(n.Args) == 2:
		// Whoever picks sentences by how their ids begin says all of them; the console does.
		if s, ok := text(n.Args[1]); ok && strings.HasSuffix(s, "_") {
			u.prefixes[s] = true
		}
	case isPackage(sel.X, "dr") && sel.Sel.Name == "Refuse" && len(n.Args) > 0:
		u.name(fset, n.Args[0], last(n.Args), false)
	case isPackage(sel.X, "locale") && (sel.Sel.Name == "Say" || sel.Sel.Name == "Sentence" || sel.Sel.Name == "Hint") && len(n.Args) > 1:
		u.name(fset, n.Args[1], last(n.Args), sel.Sel.Name != "Hint")
	}
}

func last(args []ast.Expr) ast.Expr { return args[len(args)-1] }

// name notes an id, and the arguments given with it where they are listed on the spot.
func (u usage) name(fset *token.FileSet, id, args ast.Expr, bare bool) {
	s, ok := text(id)
	if !ok {
		return
	}
	at := fset.Position(id.Pos())
	u.named[s] = at
	if keys, listed := keysOf(args); listed {
		*u.refused = append(*u.refused, refusal{s, at, keys, bare})
	}
}

func keysOf(args ast.Expr) (keys map[string]bool, listed bool) {
	keys = map[string]bool{}
	switch a := args.(type) {
	case nil:
		return keys, true
	case *ast.Ident:
		return keys, a.Name == "nil"
	case *ast.CompositeLit:
		for _, e := range a.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				return nil, false
			}
			key, ok := text(kv.Key)
			if !ok {
				return nil, false
			}
			keys[key] = true
		}
		return keys, true
	}
	return nil, false
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

// A hole nobody fills reads as {hole} at three in the morning.
func TestEveryHoleIsFilled(t *testing.T) {
	u := readUsage(t)
	for _, r := range *u.refused {
		s := sentences()[r.id]
		texts := s.EN
		if !r.bare {
			texts += s.Hint.EN
		}
		for _, h := range holesOf(texts) {
			if !r.args[h] {
				t.Errorf("%s: %q says {%s}, which is not given here", r.at, r.id, h)
			}
		}
	}
}
