package journal

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// grown is a tree of n rows with all its stored hashes.
func grown(t interface{ Fatal(...any) }, n int64) (leaf func(int64) tlog.Hash, root func(int64) tlog.Hash, r tlog.HashReader) {
	stored := map[int64]tlog.Hash{}
	row := func(i int64) []byte { return fmt.Appendf(nil, "row %d", i) }
	var h Head
	roots := []tlog.Hash{{}}
	for i := range n {
		next, hashes, err := Append(h, row(i))
		if err != nil {
			t.Fatal(err)
		}
		for level, x := range hashes {
			stored[tlog.StoredHashIndex(level, i>>level)] = x
		}
		h = next
		root, err := Root(h)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, root)
	}
	reader := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, x := range at {
			hash, ok := stored[x]
			if !ok {
				return nil, fmt.Errorf("no hash %d", x)
			}
			out[i] = hash
		}
		return out, nil
	})
	return func(i int64) tlog.Hash { return tlog.RecordHash(row(i)) }, func(n int64) tlog.Hash { return roots[n] }, reader
}

// Any rows of any tree, with any cuts: the root and the root at each cut come out, no tile could be
// joined with its neighbour, and another row in the place of one of them gives another root.
func TestPrunedTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 200).Draw(t, "size")
		leaf, root, reader := grown(t, n)
		pick := func(name string, least, most int64) []int64 {
			set := map[int64]bool{}
			for _, x := range rapid.SliceOfN(rapid.Int64Range(least, most), 0, 12).Draw(t, name) {
				set[x] = true
			}
			return slices.Sorted(maps.Keys(set))
		}
		rows, cuts := pick("rows", 0, n-1), pick("cuts", 1, n)
		tiles, err := Prune(n, rows, cuts, reader)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseTiles(FormatTiles(tiles))
		if err != nil || !slices.Equal(again, tiles) {
			t.Fatalf("%v, %v", again, err)
		}
		shown := map[int64]tlog.Hash{}
		for _, i := range rows {
			shown[i] = leaf(i)
		}
		p, err := NewPruned(n, tiles, shown)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range append(cuts, n) {
			if got, err := p.Root(size); err != nil || got != root(size) {
				t.Fatalf("root at %d of %d: %v, %v", size, n, got, err)
			}
		}
		if len(rows) == 0 {
			return
		}
		other := rapid.SampledFrom(rows).Draw(t, "changed")
		shown[other] = tlog.RecordHash([]byte("another row"))
		p, err = NewPruned(n, tiles, shown)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Root(n); err != nil || got == root(n) {
			t.Fatalf("row %d was changed and the root stayed: %v, %v", other, got, err)
		}
		delete(shown, other)
		if _, err := NewPruned(n, tiles, shown); err == nil {
			t.Fatalf("row %d is missing and the tree was taken", other)
		}
	})
}

func TestPruneRefuses(t *testing.T) {
	_, _, reader := grown(t, 9)
	for _, c := range []struct{ rows, cuts []int64 }{{[]int64{9}, nil}, {[]int64{-1}, nil}, {[]int64{2, 1}, nil}, {[]int64{1, 1}, nil}, {nil, []int64{0}}, {nil, []int64{10}}} {
		if _, err := Prune(9, c.rows, c.cuts, reader); err == nil {
			t.Errorf("rows %v and cuts %v were taken", c.rows, c.cuts)
		}
	}
	tiles, err := Prune(9, nil, nil, reader)
	if err != nil || len(tiles) != 2 {
		t.Fatalf("%v, %v", tiles, err)
	}
	p, err := NewPruned(9, tiles, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Root(5); err == nil {
		t.Error("a root was told at a size the tree was not cut at")
	}
	for _, bad := range [][]Tile{tiles[:1], tiles[1:], {tiles[1], tiles[1]}, {{0, 9, tiles[0].Hash}}, {{0, 3, tiles[0].Hash}}, nil} {
		if _, err := NewPruned(9, bad, nil); err == nil {
			t.Errorf("%v was taken for a tree", bad)
		}
	}
}

func FuzzParseTiles(f *testing.F) {
	_, _, reader := grown(f, 13)
	tiles, err := Prune(13, []int64{3, 8}, []int64{5}, reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(FormatTiles(tiles))
	f.Add([]byte("0 1 \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tiles, err := ParseTiles(text)
		if err != nil {
			return
		}
		if string(FormatTiles(tiles)) != string(text) {
			t.Errorf("%q has two forms", text)
		}
		if p, err := NewPruned(1<<40, tiles, nil); err == nil {
			if _, err := p.Root(1 << 40); err != nil {
				t.Error(err)
			}
		}
	})
}

func FuzzParseRegister(f *testing.F) {
	var r Register
	for _, s := range []string{"ledger", "cards"} {
		var err error
		if r, err = r.Add(Entry{What: EntryRequested, Run: "r1", Systems: []string{s}}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(r.Text())
	f.Add([]byte("a 1 00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ParseRegister(text); err == nil && string(r.Text()) != string(text) {
			t.Errorf("%q has two forms", text)
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"2026-11-26T01:18:20.706Z","what":"requested","run":"r1","systems":["ledger"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEntry(raw)
		if err != nil {
			return
		}
		if again, err := e.Bytes(); err != nil || string(again) != string(raw) {
			t.Errorf("%q has two forms (%v)", raw, err)
		}
	})
}
