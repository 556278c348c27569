package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/switchman-dr/switchman/catalog"
)

// TestBad changes the sound organisation as each archive says and compares all that is found. An
// archive's comment says why; "edits" holds lines FILE: OLD ==> NEW, other files are put in place of
// the sound ones, an empty one takes its file away.
func TestBad(t *testing.T) {
	names, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := good(t)
			want := ""
			for _, f := range a.Files {
				switch {
				case f.Name == "want":
					want = string(f.Data)
				case f.Name == "edits":
					applyEdits(t, files, string(f.Data))
				case len(f.Data) == 0:
					delete(files, f.Name)
				default:
					files[f.Name] = &fstest.MapFile{Data: f.Data}
				}
			}
			_, problems := catalog.Load(files, specs(), "test", now())
			got := catalog.FormatProblems(problems)
			if *update {
				rewriteWant(t, name, a, got)
				return
			}
			if got != want {
				t.Errorf("found:\n%s\nwanted:\n%s", got, want)
			}
			if got == "" {
				t.Error("nothing was found")
			}
		})
	}
}

func applyEdits(t *testing.T, files fstest.MapFS, edits string) {
	t.Helper()
	for line := range strings.Lines(edits) {
		name, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		old, replacement, ok2 := strings.Cut(rest, " ==> ")
		if !ok || !ok2 {
			t.Fatalf("edit %q: want FILE: OLD ==> NEW", line)
		}
		replacement = strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(replacement)
		edit(t, files, name, old, strings.TrimSuffix(replacement, "∅"))
	}
}

func rewriteWant(t *testing.T, name string, a *txtar.Archive, got string) {
	t.Helper()
	for i, f := range a.Files {
		if f.Name == "want" {
			a.Files = append(a.Files[:i], a.Files[i+1:]...)
			break
		}
	}
	a.Files = append(a.Files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}
