package knowledge

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// counting is a folder that counts how often one of its files is opened.
type counting struct {
	fstest.MapFS
	opened *atomic.Int64
}

func (c counting) Open(name string) (fs.File, error) {
	if name != "." {
		c.opened.Add(1)
	}
	return c.MapFS.Open(name)
}

// TestUntouchedFilesAreLeftAlone: a file that was not written since is not opened again, one that was is;
// one written a moment ago is, since it may have been written once more.
func TestUntouchedFilesAreLeftAlone(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	files := counting{fstest.MapFS{}, &atomic.Int64{}}
	put := func(name, text string, at time.Time) {
		files.MapFS[name] = &fstest.MapFile{Data: []byte("# " + name + "\n\n" + text + "\n"), ModTime: at}
	}
	for i := range 20 {
		put(fmt.Sprintf("%02d.md", i), "Ask the primary.", now.Add(-time.Hour))
	}
	x := New(Options{Now: func() time.Time { return now }})
	source := Source{Name: "runbooks", FS: files}
	sync := func() (Change, int64) {
		t.Helper()
		files.opened.Store(0)
		c, err := x.Sync(t.Context(), source)
		if err != nil || len(x.Documents([]string{Internal})) != c.Documents {
			t.Fatal(c, err)
		}
		return c, files.opened.Load()
	}
	if c, opened := sync(); c.Read != 20 || opened != 20 {
		t.Fatalf("%+v, %d opened", c, opened)
	}
	before := x.current.Load()
	if c, opened := sync(); c.Read != 0 || opened != 0 || x.current.Load() != before {
		t.Errorf("nothing changed: %+v, %d opened", c, opened)
	}
	put("07.md", "Ask the standby.", now)
	if c, opened := sync(); c.Read != 1 || opened != 1 {
		t.Errorf("one changed: %+v, %d opened", c, opened)
	}
	put("07.md", "Ask the manager", now) // as long as before, and in the same tick
	if c, opened := sync(); c.Read != 1 || opened != 1 {
		t.Errorf("it changed again at once: %+v, %d opened", c, opened)
	}
	now = now.Add(time.Minute)
	if c, opened := sync(); c.Read != 0 || opened != 1 {
		t.Errorf("once more to be sure: %+v, %d opened", c, opened)
	}
	if _, opened := sync(); opened != 0 {
		t.Errorf("%d opened of what is settled", opened)
	}
	delete(files.MapFS, "07.md")
	if c, opened := sync(); c.Gone != 1 || opened != 0 {
		t.Errorf("one is gone: %+v, %d opened", c, opened)
	}
	x = New(Options{})
	sync()
	if _, opened := sync(); opened != 19 {
		t.Errorf("without a clock %d are opened", opened)
	}
}

// TestCommitCutsNothing: another commit is written on the documents it holds, and what was made of them stays.
func TestCommitCutsNothing(t *testing.T) {
	x := New(Options{})
	s := sourceOf(map[string]string{"lag.md": lagRunbook, "more/disk.md": "# Disk\n\nMake room.\n"})
	s.Commit = "one"
	if _, err := x.Sync(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	see := []string{Internal}
	old, before, _ := x.Document(see, "runbooks/lag.md")
	s.Commit = "two"
	c, err := x.Sync(t.Context(), s)
	if err != nil || c.Read != 0 {
		t.Fatal(c, err)
	}
	d, after, _ := x.Document(see, "runbooks/lag.md")
	if d.Commit != "two" || old.Commit != "one" {
		t.Errorf("the commit is %q, of what was read before %q", d.Commit, old.Commit)
	}
	for i, p := range after {
		if p.Doc != d || &p.terms[0] != &before[i].terms[0] || p.ID != before[i].ID {
			t.Errorf("passage %d was cut again", i)
		}
	}
	found, err := x.Search(t.Context(), Query{Text: "replication lag", Audience: see})
	if err != nil || found.Results[0].Passage.Doc.Commit != "two" {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestCellsStay: an edit leaves vectors in their cells, and too many edits find other cells; either way every
// vector is found.
func TestCellsStay(t *testing.T) {
	model := &hashing{dim: 16}
	made := func(from, n int) (out [][]float32) {
		for i := from; i < from+n; i++ {
			v, err := model.vector(fmt.Sprintf("w%d w%d w%d w%d", i%7, i%31, i%101, i))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, v)
		}
		return out
	}
	vectors := made(0, cellFrom+200)
	first, err := newCells(vectors, vectors, nil)
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b *cells) bool { return &a.middles[0] == &b.middles[0] }
	was := first
	for round := range 5 { // 60 go and 60 come in each
		vectors = slices.Concat(vectors[60:], made(5000+60*round, 60))
		c, err := newCells(vectors, vectors, was)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := same(c, first), round == 0; got != want {
			t.Errorf("round %d: the same cells: %v", round, got)
		}
		for i := 0; i < len(vectors); i += 97 {
			best := 0.0
			if err := c.query(context.Background(), vectors[i], 10, func(_ int, cosine float64) { best = max(best, cosine) }); err != nil || best < 0.999 {
				t.Errorf("round %d, vector %d: nearest %.3f, %v", round, i, best, err)
			}
		}
		was = c
	}
	few, err := newCells(vectors[:10], vectors[:10], was)
	if err != nil || len(few.parts) != 1 || few.homes != nil {
		t.Errorf("ten vectors have %d cells, %v", len(few.parts), err)
	}
}
