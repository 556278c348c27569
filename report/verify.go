package report

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Verdict is what a verification found: contract, verify --json.
type Verdict struct {
	OK         bool       `json:"ok"`        // nothing was found wrong
	Trusted    bool       `json:"trusted"`   // and it is signed by a key the verifier knows, and grown from every root of theirs
	KnownKey   bool       `json:"known_key"` // the key that signs is theirs, or follows from one that is
	Rows       int64      `json:"rows"`
	Artefacts  int        `json:"artefacts"` // files and plans whose digest was checked
	Runs       []string   `json:"runs"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Anchors    int        `json:"anchors"` // roots of the verifier's own that were found again
	Notes      []string   `json:"notes"`   // what could not be checked, and why
	Problems   []Problem  `json:"problems"`

	Bundle bool `json:"-"` // of a bundle, not of a state directory
}

// Problem is one thing found wrong.
type Problem struct {
	Code  string `json:"code"` // see docs/verify.md
	Where string `json:"where"`
	Text  string `json:"text"`
}

func (v *Verdict) add(code, where, format string, args ...any) {
	v.Problems = append(v.Problems, Problem{Code: code, Where: where, Text: fmt.Sprintf(format, args...)})
}

// Trust is what a verifier kept: public keys of the log, and roots seen outside.
type Trust struct {
	Keys    []string
	Anchors []journal.Anchor
}

// ParseTrust reads a verifier's file: a public key or "anchor SIZE ROOT" on each line; # opens a comment.
func ParseTrust(text []byte) (Trust, error) {
	var t Trust
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "anchor") {
			a, err := journal.ParseAnchor(line)
			if err != nil {
				return t, dr.Errorf(dr.Invalid, "line %d: %w", n, err).WithHint("an anchor is: anchor SIZE ROOT")
			}
			t.Anchors = append(t.Anchors, a)
			continue
		}
		if _, err := journal.AllowedSigner(line, Namespace); err != nil {
			return t, dr.Errorf(dr.Invalid, "line %d: %w", n, err).WithHint("one public key on each line, as `switchman journal --anchor` prints it")
		}
		t.Keys = append(t.Keys, line)
	}
	if len(t.Keys) == 0 {
		return t, dr.Errorf(dr.Invalid, "there is no public key in it").WithHint("one public key on each line, as `switchman journal --anchor` prints it")
	}
	return t, nil
}

// VerifyBundle checks a bundle, a zip or its unpacked folder, without any server. What is wrong with it
// is in the verdict; an error says that it could not be read at all.
func VerifyBundle(path string, trust Trust, version string) (Verdict, error) {
	b, err := open(path)
	return verifyOpened(b, err, trust, version)
}

func verifyOpened(b *bundle, err error, trust Trust, version string) (Verdict, error) {
	v := Verdict{Runs: []string{}, Notes: []string{}, Problems: []Problem{}, Bundle: true}
	var bad *Problem
	if errors.As(err, &bad) {
		v.Problems = append(v.Problems, *bad)
		return v, nil
	}
	if err != nil {
		return v, err
	}
	c := &checker{b: b, v: &v, trust: trust, madeBy: maker(version)}
	err = c.check()
	if errors.As(err, &bad) {
		v.Problems, err = append(v.Problems, *bad), nil
	}
	if err = errors.Join(err, b.close()); err == nil {
		v.Conclude(c.known, trust)
	}
	return v, err
}

// Conclude says what all of it comes to; known is whether the key that signs is trusted, or follows from
// one that is.
func (v *Verdict) Conclude(known bool, trust Trust) {
	v.OK = len(v.Problems) == 0
	v.KnownKey = v.OK && known
	v.Trusted = v.KnownKey && v.Anchors == len(trust.Anchors)
}

// Anchor holds the verifier's own roots against those of a journal, which at answers. One that cannot be
// computed is answered with an error, and how to get it is the advice.
func (v *Verdict) Anchor(trust Trust, advice string, at func(size int64) (tlog.Hash, error)) error {
	where := "journal"
	if v.Bundle {
		where = checkpointFile
	}
	for _, a := range trust.Anchors {
		if a.Size > v.Checkpoint.Size {
			v.add("older_than_anchor", where, "you saw %d rows, this journal ends at %d: it was cut, or is older than your root", a.Size, v.Checkpoint.Size)
			continue
		}
		got, err := at(a.Size)
		switch {
		case err != nil && advice == "":
			return err
		case err != nil:
			v.Notes = append(v.Notes, fmt.Sprintf(advice, a.Size, a.Size))
		case got != a.Root:
			v.add("anchor", where, "your root at %d rows is not one of this journal: its past was changed after you saw it", a.Size)
		default:
			v.Anchors++
		}
	}
	return nil
}

func (p *Problem) Error() string { return p.Where + ": " + p.Text }

// checker goes through a bundle, from its list of files to the meaning of its rows.
type checker struct {
	b      *bundle
	v      *Verdict
	trust  Trust
	madeBy string
	src    Source
	keys   []string // the log's keys as the rows tell, oldest first
	known  bool     // the key that signs is trusted, or follows from one that is
}

func (c *checker) check() error {
	if err := c.files(); err != nil || len(c.v.Problems) > 0 {
		return err // with files changed the rest would only repeat it
	}
	if !c.rows() {
		return nil
	}
	if !c.signed() {
		return nil
	}
	c.tree()
	c.register()
	c.plans()
	if err := c.evidence(); err != nil || len(c.v.Problems) > 0 {
		return err
	}
	return c.pages()
}

// files holds every file against the manifest.
func (c *checker) files() error {
	raw, err := c.b.read(manifestFile)
	if err != nil {
		return err
	}
	listed, err := parseManifest(raw)
	if err != nil {
		c.v.add("manifest", manifestFile, "%v", err)
		return nil
	}
	for _, name := range c.b.names {
		if _, ok := listed[name]; !ok && name != manifestFile && name != signatureFile {
			c.v.add("extra_file", name, "is not in the manifest")
		}
	}
	for _, name := range sortedKeys(listed) {
		if !slices.Contains(c.b.names, name) {
			c.v.add("missing_file", name, "is in the manifest and not in the bundle")
			continue
		}
		sum, err := c.b.sum(name)
		if err != nil {
			return err
		}
		if sum != listed[name] {
			c.v.add("changed_file", name, "its contents are not those the manifest names")
		}
		c.v.Artefacts++
	}
	for _, name := range []string{signatureFile, guideFile, signersFile, rowsFile, treeFile, checkpointFile, entriesFile, chainsFile, keyFile, modelFile} {
		if !slices.Contains(c.b.names, name) {
			c.v.add("missing_file", name, "belongs to every bundle")
		}
	}
	return nil
}

// rows reads the rows strictly, sees that each run's rows are a chain, and follows the log's key.
func (c *checker) rows() bool {
	raw, err := c.b.read(rowsFile)
	if err != nil {
		c.v.add("row", rowsFile, "%v", err)
		return false
	}
	last, prev := map[string]int64{}, int64(-1)
	for i, line := range lines(raw) {
		where := fmt.Sprintf("%s, line %d", rowsFile, i+1)
		row, err := journal.Decode(line)
		if err != nil {
			c.v.add("row", where, "%v", err)
			continue
		}
		if row.Seq <= prev {
			c.v.add("sequence", where, "row %d stands behind row %d", row.Seq, prev)
		}
		prev = row.Seq
		if row.Run != "" {
			if row.Prev != last[row.Run] {
				c.v.add("row_missing", where, "row %d of run %s follows row %d, which is not shown before it", row.Seq, row.Run, row.Prev)
			}
			last[row.Run] = row.Seq
			if row.Kind == dr.RowRequested {
				c.v.Runs = append(c.v.Runs, row.Run)
			}
		}
		if err := c.key(row); err != nil {
			c.v.add("key", where, "%v", err)
		}
		c.src.Rows = append(c.src.Rows, Row{Row: row, Raw: line})
		c.v.Rows++
	}
	return len(c.v.Problems) == 0
}

// key follows the log's key from the first row through its rotations.
func (c *checker) key(row dr.Row) error {
	switch row.Kind {
	case dr.RowInstalled:
		var d dr.InstalledData
		if err := journal.DecodeData(row, &d); err != nil {
			return err
		}
		c.keys = []string{d.Key}
	case dr.RowKey:
		var d dr.KeyData
		if err := journal.DecodeData(row, &d); err != nil {
			return err
		}
		if len(c.keys) == 0 {
			return errors.New("a rotation of a key that no row names")
		}
		if err := journal.CheckRotation(c.keys[len(c.keys)-1], d); err != nil {
			return err
		}
		if d.OldSig == "" {
			c.known = false // after a loss the new key does not follow from the old one
		}
		c.keys = append(c.keys, d.New)
		c.known = c.known || slices.Contains(c.trust.Keys, d.New)
		return nil
	default:
		return nil
	}
	c.known = slices.Contains(c.trust.Keys, c.keys[0])
	return nil
}

// signed checks both signatures, of the checkpoint and of the manifest, by the log's last key.
func (c *checker) signed() bool {
	key, note, sig, manifest := c.small(keyFile), c.small(checkpointFile), c.small(signatureFile), c.small(manifestFile)
	if len(c.keys) == 0 {
		c.v.add("key", rowsFile, "the first row of the journal, which names its key, is not shown")
		return false
	}
	signer := c.keys[len(c.keys)-1]
	if string(key) != signer+"\n" {
		c.v.add("key", keyFile, "is not the key the rows name")
	}
	if want, err := journal.AllowedSigner(signer, Namespace); err != nil || string(c.small(signersFile)) != want {
		c.v.add("key", signersFile, "is not the key the rows name")
	}
	cp, err := journal.Verify(note, signer)
	if err != nil {
		c.v.add("signature", checkpointFile, "%v", err)
		return false
	}
	if _, err := journal.VerifyFile(sig, Namespace, manifest, signer); err != nil {
		c.v.add("signature", signatureFile, "%v", err)
	}
	c.v.Checkpoint = Checkpoint{Size: cp.Size, Root: cp.Root.String(), Key: signer}
	c.src.Checkpoint = c.v.Checkpoint
	c.src.Proof.Note, c.src.Proof.Key = note, signer
	if len(c.trust.Keys) > 0 && !c.known {
		c.v.add("foreign_key", keyFile, "the journal is signed by a key that is not yours: %s", signer)
	}
	return len(c.v.Problems) == 0
}

func (c *checker) small(name string) []byte {
	raw, err := c.b.read(name)
	if err != nil {
		c.v.add("missing_file", name, "%v", err)
	}
	return raw
}

// lines splits text into lines; one without an end counts as one.
func lines(raw []byte) [][]byte {
	var out [][]byte
	for line := range bytes.Lines(raw) {
		out = append(out, bytes.TrimSuffix(line, []byte("\n")))
	}
	return out
}

// parseManifest reads what sha256sum writes, sorted by name, in its one form.
func parseManifest(raw []byte) (map[string]string, error) {
	out := map[string]string{}
	before := ""
	for i, line := range lines(raw) {
		sum, name, ok := strings.Cut(string(line), "  ")
		if b, err := hex.DecodeString(sum); !ok || err != nil || len(b) != 32 || hex.EncodeToString(b) != sum || !goodName(name) {
			return nil, fmt.Errorf("line %d is not \"sha256  name\"", i+1)
		}
		if name <= before {
			return nil, fmt.Errorf("line %d: %s stands out of order", i+1, name)
		}
		before = name
		out[name] = sum
	}
	if len(raw) == 0 || raw[len(raw)-1] != '\n' {
		return nil, errors.New("its last line is cut off")
	}
	return out, nil
}

// ReadTrust reads a verifier's own file.
func ReadTrust(file string) (Trust, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Trust{}, dr.Errorf(dr.NotFound, "reading what you trust: %w", err)
	}
	t, err := ParseTrust(raw)
	if err != nil {
		return t, dr.Errorf(dr.Invalid, "%s: %w", file, err).WithHint("one public key, or anchor SIZE ROOT, on each line, as `switchman journal --anchor` prints them")
	}
	return t, nil
}
