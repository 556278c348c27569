package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
)

// found asks for one problem among those of the files.
func found(t *testing.T, problems []catalog.Problem, file, text string) {
	t.Helper()
	for _, p := range problems {
		if p.File == file && strings.Contains(p.Text, text) {
			return
		}
	}
	t.Errorf("%s: no problem says %q:\n%s", file, text, catalog.FormatProblems(problems))
}

func TestFileSize(t *testing.T) {
	files := good(t)
	pad := strings.Repeat("# nothing\n", catalog.MaxFileSize/10)
	files["systems/ledger.yaml"].Data = append(files["systems/ledger.yaml"].Data, pad...)
	_, problems := catalog.Load(files, specs(), "test", now())
	found(t, problems, "systems/ledger.yaml", "larger than 1 MiB")
}

func TestSteps(t *testing.T) {
	_, problems := catalog.Load(large(t, 100, 1000), specs(), "test", now())
	found(t, problems, "plans/big.yaml", "more than 10000 steps")
	files := large(t, 2, 2000)
	edit(t, files, "plans/big.yaml", "needs: [s0]", "needs: [s0@all]")
	_, problems = catalog.Load(files, specs(), "test", now())
	found(t, problems, "plans/big.yaml", "more than 400000 needs")
}

// large is an organisation with one system of nodes nodes and a plan of steps steps on each.
func large(t testing.TB, steps, nodes int) fstest.MapFS {
	t.Helper()
	files := good(t)
	var sys, plan strings.Builder
	sys.WriteString("system: big\nname: Big\nrto: 10m\nrpo: 0s\nhome: east\nnodes:\n")
	for i := range nodes {
		fmt.Fprintf(&sys, "  - {id: e%d, site: east, role: app, peer: w%d, address: \"10.1.0.1:%d\"}\n", i, i, 1000+i)
		fmt.Fprintf(&sys, "  - {id: w%d, site: west, role: app, peer: e%d, address: \"10.2.0.1:%d\"}\n", i, i, 1000+i)
	}
	plan.WriteString("plan: big\ntitle: Big\nkind: failover\nsystems: [big]\ncriteria: [{id: rto, metric: rto}]\nsteps:\n")
	for i := range steps {
		fmt.Fprintf(&plan, "  - id: s%d\n    title: Do %d on {node}\n    on: {role: app, site: to}\n    action: exec\n    with: {argv: [node, \"{node}\", do, \"{peer_address}\", \"{run}\"]}\n", i, i)
		fmt.Fprintf(&plan, "    class: idempotent\n    expect: 1s\n    probe: {action: exec, with: {argv: [node, \"{node}\", is, done]}}\n    undo: {action: exec, with: {argv: [node, \"{node}\", undo]}}\n")
		if i > 0 {
			fmt.Fprintf(&plan, "    needs: [s%d]\n", i-1)
		}
	}
	files["systems/big.yaml"] = &fstest.MapFile{Data: []byte(sys.String())}
	files["plans/big.yaml"] = &fstest.MapFile{Data: []byte(plan.String())}
	return files
}

// Nothing outside the directory is read, nor anything that is not a plain file.
func TestOnlyPlainFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/good")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	if err := os.WriteFile(outside, []byte("plan: outside\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "plans", "failover.yaml")
	for link, target := range map[string]string{"plans/out.yaml": outside, "plans/in.yaml": inside} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "systems", "pipe.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "systems", "dir.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, problems := catalog.LoadDir(dir, specs(), "test", now())
	found(t, problems, "plans/out.yaml", "expected a file, found a symbolic link")
	found(t, problems, "plans/in.yaml", "expected a file, found a symbolic link")
	found(t, problems, "systems/pipe.yaml", "expected a file, found a device, pipe or socket")
	found(t, problems, "systems/dir.yaml", "expected a file, found a directory")

	if err := os.Rename(filepath.Join(dir, "plans"), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(dir, "plans")); err != nil {
		t.Fatal(err)
	}
	_, problems = catalog.LoadDir(dir, specs(), "test", now())
	found(t, problems, "plans", "expected a directory, found a symbolic link")
}

func TestNoDirectory(t *testing.T) {
	c, problems := catalog.LoadDir(filepath.Join(t.TempDir(), "nowhere"), specs(), "test", now())
	if catalog.Errors(problems) != 1 || dr.KindOf(c.Runnable()) != dr.NotFound {
		t.Errorf("%v: %s", c.Runnable(), catalog.FormatProblems(problems))
	}
	if _, err := c.Compile(drill("x")); err == nil {
		t.Error("compiled nothing")
	}
	if _, problems := catalog.Load(fstest.MapFS{}, specs(), "test", now()); catalog.Errors(problems) != 1 {
		t.Errorf("an empty directory: %s", catalog.FormatProblems(problems))
	}
}

// A list of problems has an end.
func TestManyProblems(t *testing.T) {
	files := good(t)
	files["systems/ledger.yaml"].Data = append(files["systems/ledger.yaml"].Data, strings.Repeat("  - {id: x}\n", 1000)...)
	_, problems := catalog.Load(files, specs(), "test", now())
	if len(problems) > 501 || !strings.HasPrefix(problems[len(problems)-1].Text, "… and ") {
		t.Errorf("%d problems, the last: %v", len(problems), problems[len(problems)-1])
	}
}

func BenchmarkLoadAndCompile3900(b *testing.B) {
	files := large(b, 100, 39)
	for b.Loop() {
		c := load(b, files)
		s := compile(b, c, drill("big"))
		if len(s.Steps) != 3900 {
			b.Fatal(len(s.Steps))
		}
		bytes, err := s.Bytes()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(bytes))/1e6, "MB/slice")
	}
}

func BenchmarkCompile3900(b *testing.B) {
	c := load(b, large(b, 100, 39))
	for b.Loop() {
		compile(b, c, drill("big"))
	}
}
