package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Source is all that a report is made from. Nothing in it is an opinion: rows are the bytes that were
// hashed, plans the bytes that were approved, evidence the bytes that were kept.
type Source struct {
	Rows       []Row             // of the runs told and of what befell their evidence, in the journal's order
	Slices     map[string][]byte // frozen plans by digest
	Register   []journal.Entry   // of the systems concerned, in the journal's order
	Checkpoint Checkpoint        // the signed head the rows stand under
	MadeBy     string            // version of Switchman that words the pages
	Proof      Proof             // what a bundle shows beside the rows
	// Blob opens kept evidence; ErrErased when retention took it.
	Blob func(digest string) (io.ReadCloser, error)
}

// Proof is what shows that the rows stand in the journal and that no run is left out.
type Proof struct {
	Note   []byte           // the signed checkpoint
	Key    string           // verifier key of the log
	Tiles  []journal.Tile   // the tree without the rows, cut at every anchor known
	Chains journal.Register // the register's chains, of all systems
}

// Row is a row with the bytes that were hashed.
type Row struct {
	dr.Row
	Raw []byte
}

// maker names who words the pages: a release by its version. Builds of a working copy are all called
// "devel", and two of them may word things differently, so they are told apart by their bytes.
func maker(version string) string {
	if version != "devel" {
		return version
	}
	file, err := os.Executable()
	if err != nil {
		return version
	}
	f, err := os.Open(file)
	if err != nil {
		return version
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return version
	}
	return version + " " + hex.EncodeToString(h.Sum(nil)[:6])
}

// ErrErased says that evidence was kept and then erased by retention; its digest is still proven.
var ErrErased = errors.New("this evidence was erased by retention")

// data reads what a row holds.
func data[T any](row Row) (T, error) {
	var d T
	if err := journal.DecodeData(row.Row, &d); err != nil {
		return d, fmt.Errorf("row %d (%s): %w", row.Seq, row.Kind, err)
	}
	return d, nil
}

// slice reads a frozen plan and holds it against its digest.
func (s Source) slice(digest string) (*dr.Slice, error) {
	raw, ok := s.Slices[digest]
	if !ok {
		return nil, fmt.Errorf("the frozen plan %s is missing", digest)
	}
	if dr.Digest(raw) != digest {
		return nil, fmt.Errorf("the frozen plan %s has other contents", digest)
	}
	var out dr.Slice
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("reading the frozen plan %s: %w", digest, err)
	}
	if out.Format != dr.SliceFormat {
		return nil, fmt.Errorf("the frozen plan %s is of the form %q, want %q", digest, out.Format, dr.SliceFormat)
	}
	out.Index()
	return &out, nil
}
