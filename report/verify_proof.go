package report

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// tree computes the root from rows and hashes, and the smaller roots that rows and verifier know.
func (c *checker) tree() {
	tiles, err := journal.ParseTiles(c.small(treeFile))
	if err != nil {
		c.v.add("tree", treeFile, "%v", err)
		return
	}
	leaves := make(map[int64]tlog.Hash, len(c.src.Rows))
	for _, row := range c.src.Rows {
		leaves[row.Seq] = tlog.RecordHash(row.Raw)
	}
	p, err := journal.NewPruned(c.v.Checkpoint.Size, tiles, leaves)
	if err != nil {
		c.v.add("tree", treeFile, "%v", err)
		return
	}
	root, err := p.Root(c.v.Checkpoint.Size)
	if err != nil || root.String() != c.v.Checkpoint.Root {
		c.v.add("root", rowsFile, "rows and hashes make the root %s, the signed checkpoint says %s", root, c.v.Checkpoint.Root)
		return
	}
	c.src.Proof.Tiles = tiles
	for _, row := range c.src.Rows {
		if row.Kind != dr.RowAnchor {
			continue
		}
		d, err := data[dr.AnchorData](row)
		if err != nil {
			c.v.add("row", rowsFile, "%v", err)
			continue
		}
		if got, err := p.Root(d.Size); err != nil || got.String() != d.Root {
			c.v.add("anchor", fmt.Sprintf("%s, row %d", rowsFile, row.Seq), "the root written outside at %d rows is not one of this journal", d.Size)
		}
	}
	c.wrong(c.v.Anchor(c.trust, "your root at %d rows is not among those this bundle proves, so it is not trusted; ask for one that does: switchman report RUN --out FILE.zip --anchor %d", p.Root))
}

// register holds the register's entries against the chains, the chains against the checkpoint, and the
// entries of the runs told against their rows.
func (c *checker) register() {
	text := c.small(chainsFile)
	chains, err := journal.ParseRegister(text)
	if err != nil {
		c.v.add("register", chainsFile, "%v", err)
		return
	}
	cp, err := journal.Peek(c.src.Proof.Note)
	if err != nil || chains.Digest() != cp.Register {
		c.v.add("register", chainsFile, "is not the register the signed checkpoint names")
		return
	}
	c.src.Proof.Chains = chains
	for i, line := range lines(c.small(entriesFile)) {
		e, err := journal.ParseEntry(line)
		if err != nil {
			c.v.add("register", fmt.Sprintf("%s, line %d", entriesFile, i+1), "%v", err)
			return
		}
		c.src.Register = append(c.src.Register, e)
	}
	systems := map[string][]string{}
	var all []string
	for _, row := range c.src.Rows {
		if row.Kind == dr.RowRequested {
			d, err := data[dr.RequestedData](row)
			if err != nil {
				c.v.add("row", rowsFile, "%v", err)
				return
			}
			systems[row.Run] = d.Systems
			all = append(all, d.Systems...)
		}
	}
	if err := chains.CheckEntries(c.src.Register, all); err != nil {
		c.v.add("register", entriesFile, "%v", err)
	}
	for _, row := range c.src.Rows {
		want, ok, err := journal.EntryOf(row.Row, func(run string) ([]string, error) { return systems[run], nil })
		if err != nil {
			c.v.add("row", rowsFile, "%v", err)
		}
		if ok && !slices.ContainsFunc(c.src.Register, func(e journal.Entry) bool { return sameEntry(e, want) }) {
			c.v.add("register", entriesFile, "does not say what row %d says", row.Seq)
		}
	}
	c.shown()
}

// shown sees that no run the register knows to be over is shown without its end.
func (c *checker) shown() {
	rows := map[int64]bool{}
	for _, row := range c.src.Rows {
		rows[row.Seq] = true
	}
	for _, e := range c.src.Register {
		if slices.Contains(c.v.Runs, e.Run) && !rows[e.Seq] {
			c.v.add("row_missing", rowsFile, "row %d of run %s is in the register and is not shown", e.Seq, e.Run)
		}
	}
}

func sameEntry(a, b journal.Entry) bool {
	x, err1 := a.Bytes()
	y, err2 := b.Bytes()
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// plans holds every frozen plan against the digests that rows name.
func (c *checker) plans() {
	c.src.Slices = map[string][]byte{}
	for _, row := range c.src.Rows {
		if row.Kind != dr.RowRequested && row.Kind != dr.RowRound {
			continue
		}
		digest := ""
		if row.Kind == dr.RowRequested {
			d, err := data[dr.RequestedData](row)
			digest = d.Digest
			c.wrong(err)
		} else {
			d, err := data[dr.RoundData](row)
			digest = d.Digest
			c.wrong(err)
		}
		if c.src.Slices[digest] != nil {
			continue
		}
		name := planFile(digest)
		if !slices.Contains(c.b.names, name) {
			c.v.add("plan_missing", name, "is the plan that row %d names, and is not in the bundle", row.Seq)
			continue
		}
		raw := c.small(name)
		if dr.Digest(raw) != digest {
			c.v.add("plan", name, "is not the plan that row %d names", row.Seq)
		}
		c.src.Slices[digest] = raw
	}
	for _, name := range c.b.names {
		if digest, ok := strings.CutPrefix(name, "plans/"); ok && c.src.Slices["sha256:"+strings.TrimSuffix(digest, ".json")] == nil {
			c.v.add("extra_file", name, "is a plan that no row names")
		}
	}
}

func (c *checker) wrong(err error) {
	if err != nil {
		c.v.add("row", rowsFile, "%v", err)
	}
}

// evidence holds every kept piece against the digest that rows name.
func (c *checker) evidence() error {
	named, erased := map[string]bool{}, map[string]bool{}
	for _, row := range c.src.Rows {
		switch row.Kind {
		case dr.RowBlobErased:
			b, err := data[dr.Blob](row)
			c.wrong(err)
			erased[b.Digest] = true
		case dr.RowOutcome:
			d, err := data[dr.OutcomeData](row)
			c.wrong(err)
			for _, b := range d.Evidence {
				if err := c.piece(row.Seq, b, named); err != nil {
					return err
				}
			}
		}
	}
	for _, name := range sortedKeys(named) {
		if !slices.Contains(c.b.names, name) && !erased[digestOf(name)] {
			c.v.add("evidence_missing", name, "is named by a row, was not erased, and is not in the bundle")
		}
	}
	for _, name := range c.b.names {
		if strings.HasPrefix(name, "evidence/") && !named[name] {
			c.v.add("extra_file", name, "is evidence that no row names")
		}
	}
	c.src.Blob = func(digest string) (io.ReadCloser, error) {
		for name := range named {
			if digestOf(name) == digest && slices.Contains(c.b.names, name) {
				return c.b.open(name)
			}
		}
		return nil, ErrErased
	}
	return nil
}

func (c *checker) piece(seq int64, b dr.Blob, named map[string]bool) error {
	name := evidenceFile(b)
	if named[name] {
		return nil
	}
	if !goodName(name) {
		c.v.add("evidence", fmt.Sprintf("%s, row %d", rowsFile, seq), "names evidence by something that is no digest")
		return nil
	}
	named[name] = true
	if !slices.Contains(c.b.names, name) {
		return nil
	}
	sum, err := c.b.sum(name)
	if err != nil {
		return err
	}
	if "sha256:"+sum != b.Digest {
		c.v.add("evidence", name, "is not the evidence that row %d names", seq)
	}
	return nil
}

// digestOf is the digest in the name of a piece of evidence.
func digestOf(name string) string {
	hex, _, _ := strings.Cut(strings.TrimPrefix(name, "evidence/"), ".")
	return "sha256:" + hex
}

// pages makes the report again and compares it with what the bundle shows.
func (c *checker) pages() error {
	shown, err := c.b.read(modelFile)
	if err != nil {
		return err
	}
	form, by := formOf(shown)
	if form != Format {
		c.v.add("report_form", modelFile, "has the form %.60q; this Switchman reads %q: verify it with the version that made it", form, Format)
		return nil
	}
	c.src.MadeBy = by
	m, err := Read(c.src)
	if err != nil {
		c.v.add("report_text", modelFile, "no report can be made of these rows: %v", err)
		return nil
	}
	made, err := pages(m, c.src)
	if err != nil {
		return err
	}
	made[guideFile] = member{raw: []byte(guideFor(c.src.Proof.Key))}
	for _, name := range sortedKeys(made) {
		got, err := c.b.read(name)
		if err != nil {
			return err
		}
		if bytes.Equal(got, made[name].raw) {
			continue
		}
		if name != modelFile && by != c.madeBy {
			c.v.Notes = append(c.v.Notes, fmt.Sprintf("%s was worded by Switchman %.40s; this is %s, so its wording was not compared, its facts were", name, by, c.madeBy))
			continue
		}
		c.v.add("report_text", name, "says something else than the rows, plans and evidence do")
	}
	for _, name := range c.b.names {
		if strings.HasPrefix(name, "report.") && made[name].raw == nil {
			c.v.add("extra_file", name, "is no page of a report")
		}
	}
	return nil
}

// goodName accepts the names that files of a bundle have: letters, digits, dot, dash, underscore and
// single slashes, nothing that leads out of a folder.
func goodName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
		for _, r := range part {
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_') {
				return false
			}
		}
	}
	return true
}

func sumOf(sum []byte) string { return hex.EncodeToString(sum) }
