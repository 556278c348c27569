package knowledge

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestWordTable: every word keeps its own terms, however long it is, however many they are, and while the
// table grows.
func TestWordTable(t *testing.T) {
	words := map[string][]term{"é": {1}, "证书": {2}, "a": {}, "ab": {3, 4}, "exactly_12_b": {5}, "thirteen_long": {6}, strings.Repeat("x", 300): {7}}
	for i := range 5000 {
		words[fmt.Sprint("w", i)] = []term{term(i)}
	}
	words["many"] = slices.Repeat([]term{9}, mostTerms+1)
	words["most"] = slices.Repeat([]term{8}, mostTerms)
	table := newWordTable()
	for word, terms := range words {
		if _, ok := table.find(word); ok {
			t.Errorf("%q is there before it was put", word)
		}
		table.put(word, terms)
	}
	for word, want := range words {
		if got, ok := table.find(word); !ok || !slices.Equal(got, want) {
			t.Errorf("%q has %v, %v; want %v", word, got, ok, want)
		}
	}
	for _, word := range []string{"w", "w5000", "b", "exactly_12_", "exactly_12_bc", "证", "ba"} {
		if got, ok := table.find(word); ok {
			t.Errorf("%q was never put and has %v", word, got)
		}
	}
}

// TestWholes: the postings of documents are those of their passages, added up.
func TestWholes(t *testing.T) {
	files := map[string]string{}
	for i := range 30 {
		files[fmt.Sprintf("%02d.md", i)] = fmt.Sprintf("# Topic %d\n\n## Lag\n\nlag w%d w%d\n\n## Cache\n\nflush w%d w%d w%d\n", i, i%3, i%7, i%3, i%3, i%5)
	}
	x := New(Options{})
	if _, err := x.Sync(t.Context(), sourceOf(files)); err != nil {
		t.Fatal(err)
	}
	w := x.view(x.current.Load(), []string{Internal})
	want := map[term]map[uint32]float32{}
	for i, p := range w.passages {
		for _, e := range p.terms {
			if want[e.term] == nil {
				want[e.term] = map[uint32]float32{}
			}
			want[e.term][w.docOf[i]] += e.tf
		}
	}
	for t1, documents := range want {
		last := -1
		for n, p := range w.wholes.postings(t1) {
			if documents[p.unit] != p.tf || n != last+1 {
				t.Errorf("posting %d of term %d is %+v, want %v", n, t1, p, documents[p.unit])
			}
			last = n
			delete(documents, p.unit)
		}
		if len(documents) > 0 {
			t.Errorf("term %d is missing in %v", t1, documents)
		}
	}
}

// TestVectorsLeaveWordsAlone: when vectors come, what words find is not indexed again.
func TestVectorsLeaveWordsAlone(t *testing.T) {
	model := &hashing{dim: 16}
	x := New(Options{Embedders: Embedders{Main: model.embedder("hash")}})
	files := map[string]string{}
	for i := range 2 * few {
		files[fmt.Sprintf("%02d.md", i)] = fmt.Sprintf("# Disk %d\n\nMake room.\n", i)
	}
	if _, err := x.Sync(t.Context(), sourceOf(files)); err != nil {
		t.Fatal(err)
	}
	see := []string{Internal}
	before := x.view(x.current.Load(), see)
	if err := x.Embed(t.Context(), x.opts.Embedders.Main, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	after := x.view(x.current.Load(), see)
	if after == before || after.parts != before.parts || after.wholes != before.wholes || after.dense[0][latin] == nil {
		t.Errorf("another view: %v; words as before: %v, %v; vectors: %v", after != before, after.parts == before.parts, after.wholes == before.wholes, after.dense[0][latin] != nil)
	}
}

// TestWholeFile: a file is read whole though it comes in pieces, or is longer or shorter than it said.
func TestWholeFile(t *testing.T) {
	text := []byte(strings.Repeat("0123456789", 50))
	for _, said := range []int{0, 1, 499, 500, 501, 2000} {
		for name, h := range map[string]io.Reader{"at once": bytes.NewReader(text), "in bytes": iotest.OneByteReader(bytes.NewReader(text)), "with its end": iotest.DataErrReader(bytes.NewReader(text))} {
			got, err := whole(h, said, make([]byte, 7))
			if err != nil || !bytes.Equal(got, text) && said != 1 {
				t.Errorf("%s, said to have %d: %d bytes, %v", name, said, len(got), err)
			}
		}
	}
	if _, err := whole(iotest.ErrReader(os.ErrPermission), 10, nil); err != os.ErrPermission {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// TestFolderStaysInside: links within a folder are followed, and none leads out of it, by any way of saying so.
func TestFolderStaysInside(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside.md")
	inside := filepath.Join(dir, "books")
	for _, err := range []error{os.MkdirAll(filepath.Join(inside, "deep"), 0o700), os.WriteFile(outside, []byte("secret"), 0o600), os.WriteFile(filepath.Join(inside, "a.md"), []byte("open"), 0o600),
		os.Symlink("../a.md", filepath.Join(inside, "deep", "up.md")), os.Symlink("../outside.md", filepath.Join(inside, "out.md")),
		os.Symlink(outside, filepath.Join(inside, "absolute.md")), os.Symlink("..", filepath.Join(inside, "parent"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, done, err := Folder(inside)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.md": "open", "deep/up.md": "open", "out.md": "", "absolute.md": "", "parent/outside.md": "", "../outside.md": "", "/etc/hostname": "", "deep/../a.md": ""} {
		h, err := files.Open(name)
		if want == "" {
			if err == nil {
				t.Errorf("%s is opened", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(h)
		if err != nil || string(got) != want || h.Close() != nil {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if err := done(); err != nil {
		t.Error(err)
	}
}
