package catalog_test

import (
	"flag"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

var update = flag.Bool("update", false, "rewrite golden files")

func now() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// specs are actions as package actions describes them, cut down to what the tests use.
func specs() []dr.ActionSpec {
	all := []dr.Class{dr.Read, dr.Idempotent, dr.Once}
	return []dr.ActionSpec{
		{Name: "exec", Kind: dr.ActionStep, Classes: all, CanProbe: true, Params: []dr.ParamSpec{
			{Name: "argv", Type: "list", Required: true, Doc: "program and arguments"}, {Name: "env", Type: "map"}, {Name: "stdin", Type: "string", Secret: true}, {Name: "pty", Type: "bool"}}},
		{Name: "http", Kind: dr.ActionStep, Classes: all, CanProbe: true, Params: []dr.ParamSpec{
			{Name: "address", Type: "string", Required: true, Pattern: `[a-z0-9.-]+:[0-9]+`, Doc: "host:port"}, {Name: "path", Type: "string"},
			{Name: "method", Type: "string", Enum: []string{"GET", "POST", "PUT"}}, {Name: "expect_status", Type: "int"}, {Name: "headers", Type: "map"}}},
		{Name: "wait", Kind: dr.WaitStep, Classes: []dr.Class{dr.Read}, Params: []dr.ParamSpec{{Name: "for", Type: "duration", Required: true, Doc: "how long"}}},
		{Name: "manual", Kind: dr.ManualStep, Classes: all, Params: []dr.ParamSpec{{Name: "text", Type: "string"}}},
		{Name: "check", Kind: dr.CheckStep, Classes: []dr.Class{dr.Read}, CanProbe: true, Params: []dr.ParamSpec{{Name: "probe", Type: "string"}, {Name: "call", Type: "call"}, {Name: "for", Type: "duration"}}},
		{Name: "reconcile", Kind: dr.ReconcileStep, Classes: []dr.Class{dr.Read}, Params: []dr.ParamSpec{{Name: "protection", Type: "string", Required: true, Doc: "which"},
			{Name: "from_address", Type: "string"}, {Name: "to_address", Type: "string"}, {Name: "table", Type: "string"}}},
		{Name: "notify", Kind: dr.NotifyStep, Classes: []dr.Class{dr.Idempotent}, Params: []dr.ParamSpec{{Name: "to", Type: "string", Required: true, Doc: "whom"},
			{Name: "after", Type: "string"}, {Name: "due", Type: "duration"}, {Name: "text", Type: "string", Required: true, Doc: "what"}}},
	}
}

// good is the sound organisation of testdata as files that may be changed.
func good(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	dir := os.DirFS("testdata/good")
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		out[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func edit(t testing.TB, files fstest.MapFS, name, old, new string) {
	t.Helper()
	s := string(files[name].Data)
	if !strings.Contains(s, old) {
		t.Fatalf("%s does not hold %q", name, old)
	}
	files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(s, old, new))}
}

func load(t testing.TB, files fs.FS) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load(files, specs(), "test", now())
	if catalog.Errors(problems) > 0 {
		t.Fatalf("errors in files:\n%s", catalog.FormatProblems(problems))
	}
	return c
}

func compile(t testing.TB, c *catalog.Catalog, sel catalog.Selection) *dr.Slice {
	t.Helper()
	s, err := c.Compile(sel)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func digest(t testing.TB, s *dr.Slice) string {
	t.Helper()
	b, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return dr.Digest(b)
}
