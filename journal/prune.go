package journal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tile is the hash of a complete subtree: the rows from Start up to, but without, End.
type Tile struct {
	Start, End int64
	Hash       tlog.Hash
}

// Prune gives the tiles that, with the disclosed rows, make up a tree of a size: the largest complete
// subtrees that hold none of the rows and lie on one side of every cut. With them and the rows anybody
// computes the root of the tree and of the smaller tree at each cut, and so sees that every row is in
// the tree and that every smaller tree is where it began.
//
// Rows and cuts are given sorted and without repetition.
func Prune(size int64, rows, cuts []int64, r tlog.HashReader) ([]Tile, error) {
	if err := checkSorted(rows, 0, size-1); err != nil {
		return nil, fmt.Errorf("rows to disclose: %w", err)
	}
	if err := checkSorted(cuts, 1, size); err != nil {
		return nil, fmt.Errorf("sizes to prove: %w", err)
	}
	var tiles []Tile
	var places []int64
	var walk func(start int64, level int)
	walk = func(start int64, level int) {
		end := start + 1<<level
		i, _ := slices.BinarySearch(rows, start)
		c, _ := slices.BinarySearch(cuts, start+1)
		holds, parted := i < len(rows) && rows[i] < end, c < len(cuts) && cuts[c] < end
		switch {
		case holds && level == 0:
		case holds || parted:
			walk(start, level-1)
			walk(start+1<<(level-1), level-1)
		default:
			tiles = append(tiles, Tile{Start: start, End: end})
			places = append(places, tlog.StoredHashIndex(level, start>>level))
		}
	}
	for start := int64(0); start < size; {
		level := bits.Len64(uint64(size-start)) - 1
		walk(start, level)
		start += 1 << level
	}
	hashes, err := r.ReadHashes(places)
	if err != nil {
		return nil, fmt.Errorf("reading the hashes beside the rows: %w", err)
	}
	for i := range tiles {
		tiles[i].Hash = hashes[i]
	}
	return tiles, nil
}

func checkSorted(list []int64, least, most int64) error {
	for i, n := range list {
		if n < least || n > most || i > 0 && n <= list[i-1] {
			return fmt.Errorf("%d is out of order or out of the tree", n)
		}
	}
	return nil
}

// Pruned is a tree of which some rows are known and the rest only by the hashes of subtrees.
type Pruned struct {
	size  int64
	parts []Tile // in order, without gaps: tiles and disclosed rows
}

// NewPruned puts tiles and the hashes of the disclosed rows together; they must fill the tree from 0 to
// its size without gap or overlap.
func NewPruned(size int64, tiles []Tile, rows map[int64]tlog.Hash) (*Pruned, error) {
	parts := make([]Tile, 0, len(tiles)+len(rows))
	parts = append(parts, tiles...)
	for seq, hash := range rows {
		parts = append(parts, Tile{Start: seq, End: seq + 1, Hash: hash})
	}
	slices.SortFunc(parts, func(a, b Tile) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	next := int64(0)
	for _, p := range parts {
		width := p.End - p.Start
		if p.Start != next || width < 1 || width&(width-1) != 0 || p.Start%width != 0 {
			return nil, &Problem{Code: "root", Seq: next, Text: "the rows and the hashes beside them don't make up a tree here"}
		}
		next = p.End
	}
	if next != size {
		return nil, &Problem{Code: "size", Seq: -1, Text: fmt.Sprintf("rows and hashes make up %d rows, the checkpoint says %d", next, size)}
	}
	return &Pruned{size: size, parts: parts}, nil
}

var errNotCut = errors.New("the tree was not cut at this size")

// Root computes the root of the tree at a size: its own, or one it was cut at.
func (p *Pruned) Root(size int64) (tlog.Hash, error) {
	if size < 0 || size > p.size {
		return tlog.Hash{}, errNotCut
	}
	h := Head{}
	for i := 0; h.Size < size; {
		level := bits.Len64(uint64(size-h.Size)) - 1
		hash, next, err := p.subtree(i, h.Size, level)
		if err != nil {
			return tlog.Hash{}, err
		}
		h.Frontier = append(h.Frontier, hash[:])
		h.Size += 1 << level
		i = next
	}
	return Root(h)
}

// subtree computes the hash of a complete subtree from the part at index i on, and says which part
// follows it.
func (p *Pruned) subtree(i int, start int64, level int) (tlog.Hash, int, error) {
	if i >= len(p.parts) || p.parts[i].Start != start || p.parts[i].End > start+1<<level {
		return tlog.Hash{}, i, errNotCut
	}
	if p.parts[i].End == start+1<<level {
		return p.parts[i].Hash, i + 1, nil
	}
	left, i, err := p.subtree(i, start, level-1)
	if err != nil {
		return tlog.Hash{}, i, err
	}
	right, i, err := p.subtree(i, start+1<<(level-1), level-1)
	return tlog.NodeHash(left, right), i, err
}

// FormatTiles writes tiles as text, "start end hash" a line.
func FormatTiles(tiles []Tile) []byte {
	var b bytes.Buffer
	for _, t := range tiles {
		fmt.Fprintf(&b, "%d %d %s\n", t.Start, t.End, base64.StdEncoding.EncodeToString(t.Hash[:]))
	}
	return b.Bytes()
}

// ParseTiles reads the text of tiles in its one form.
func ParseTiles(text []byte) ([]Tile, error) {
	var out []Tile
	for line := range strings.Lines(string(text)) {
		bad := fmt.Errorf("line %d is not \"start end hash\"", len(out)+1)
		parts := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(parts) != 3 {
			return nil, bad
		}
		start, err1 := parseNumber(parts[0])
		end, err2 := parseNumber(parts[1])
		hash, err3 := parseHash(parts[2])
		if err1 != nil || err2 != nil || err3 != nil || end <= start {
			return nil, bad
		}
		out = append(out, Tile{Start: start, End: end, Hash: hash})
	}
	if !bytes.Equal(FormatTiles(out), text) {
		return nil, errors.New("the hashes are not written in their one form")
	}
	return out, nil
}

// Anchor is a root that was seen outside: the size of a tree and its root.
type Anchor struct {
	Size int64
	Root tlog.Hash
}

// String is the anchor as people keep it: "anchor SIZE ROOT".
func (a Anchor) String() string {
	return "anchor " + strconv.FormatInt(a.Size, 10) + " " + a.Root.String()
}

// ParseAnchor reads what [Anchor.String] writes.
func ParseAnchor(line string) (Anchor, error) {
	parts := strings.Fields(line)
	if len(parts) != 3 || parts[0] != "anchor" {
		return Anchor{}, fmt.Errorf("%.60q is not \"anchor SIZE ROOT\"", line)
	}
	size, err := parseNumber(parts[1])
	if err != nil {
		return Anchor{}, fmt.Errorf("size of an anchor: %w", err)
	}
	root, err := parseHash(parts[2])
	if err != nil {
		return Anchor{}, fmt.Errorf("root of an anchor: %w", err)
	}
	return Anchor{Size: size, Root: root}, nil
}
