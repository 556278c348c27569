package report

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// Namespace is what a bundle's signature is for; ssh-keygen wants it named.
const Namespace = "switchman-report@v1"

// The names inside a bundle.
const (
	manifestFile   = "MANIFEST"
	signatureFile  = "MANIFEST.sig"
	guideFile      = "VERIFY.md"
	signersFile    = "allowed_signers"
	rowsFile       = "journal/rows.jsonl"
	treeFile       = "journal/tree.txt"
	checkpointFile = "journal/checkpoint.txt"
	entriesFile    = "journal/register.jsonl"
	chainsFile     = "journal/register.txt"
	keyFile        = "journal/key.txt"
	modelFile      = "report.json"
)

// languages of the pages in a bundle.
var languages = []string{"en", "zh"}

//go:embed assets/VERIFY.md
var guide string

// Signer signs the manifest in the form of OpenSSH.
type Signer func(namespace string, message []byte) ([]byte, error)

// member is one file of a bundle: in memory, or evidence that is opened when it is written.
type member struct {
	raw    []byte
	digest string // of evidence
	size   int64
}

// Bundle writes everything that shows what a report says into one zip. The same source gives the same
// bytes: files are sorted, stored as they are, and carry no times.
func Bundle(w io.Writer, src Source, sign Signer) error {
	m, err := Read(src)
	if err != nil {
		return err
	}
	files, err := pages(m, src)
	if err != nil {
		return err
	}
	if err := addProof(files, src); err != nil {
		return err
	}
	if err := addEvidence(files, src, m); err != nil {
		return err
	}
	manifest, sums, err := manifestOf(files, src)
	if err != nil {
		return err
	}
	sig, err := sign(Namespace, manifest)
	if err != nil {
		return err
	}
	files[manifestFile], files[signatureFile] = member{raw: manifest}, member{raw: sig}
	if err := checkLimits(files); err != nil {
		return err
	}
	return writeZip(w, files, sums, src)
}

// checkLimits refuses what no verifier would take.
func checkLimits(files map[string]member) error {
	total := int64(0)
	for _, f := range files {
		total += f.size + int64(len(f.raw)) + 2*(maxName+64) // with its two headers
	}
	if len(files) > maxFiles || total > maxBytes {
		return &dr.Error{Kind: dr.Invalid, ID: "report_too_big", Args: dr.Args{"files": strconv.Itoa(len(files)), "mib": strconv.FormatInt(total>>20, 10)}}
	}
	return nil
}

// pages are the report's own files: the model, and a page and a text in each language.
func pages(m *Model, src Source) (map[string]member, error) {
	raw, err := m.JSON()
	if err != nil {
		return nil, err
	}
	files := map[string]member{modelFile: {raw: raw}}
	for _, lang := range languages {
		page, err := HTML(m, lang, src.Blob)
		if err != nil {
			return nil, err
		}
		files["report."+lang+".html"] = member{raw: page}
		files["report."+lang+".md"] = member{raw: Markdown(m, lang)}
	}
	return files, nil
}

func addProof(files map[string]member, src Source) error {
	var rows, entries bytes.Buffer
	for _, row := range src.Rows {
		rows.Write(append(bytes.Clone(row.Raw), '\n'))
	}
	for _, e := range src.Register {
		raw, err := e.Bytes()
		if err != nil {
			return err
		}
		entries.Write(append(raw, '\n'))
	}
	signer, err := journal.AllowedSigner(src.Proof.Key, Namespace)
	if err != nil {
		return err
	}
	files[rowsFile], files[entriesFile] = member{raw: rows.Bytes()}, member{raw: entries.Bytes()}
	files[treeFile], files[chainsFile] = member{raw: journal.FormatTiles(src.Proof.Tiles)}, member{raw: src.Proof.Chains.Text()}
	files[checkpointFile], files[keyFile] = member{raw: src.Proof.Note}, member{raw: []byte(src.Proof.Key + "\n")}
	files[signersFile] = member{raw: []byte(signer)}
	files[guideFile] = member{raw: []byte(guideFor(src.Proof.Key))}
	for digest, raw := range src.Slices {
		files[planFile(digest)] = member{raw: raw}
	}
	return nil
}

// guideFor is VERIFY.md for a journal: the commands name whose key it is.
func guideFor(key string) string {
	origin, _, _ := strings.Cut(key, "+")
	return strings.ReplaceAll(guide, "{origin}", origin)
}

func planFile(digest string) string {
	return "plans/" + strings.TrimPrefix(digest, "sha256:") + ".json"
}

// addEvidence lists what was kept. What retention took is named in the report and is not a file.
func addEvidence(files map[string]member, src Source, m *Model) error {
	for _, e := range evidenceOf(m) {
		if e.Erased {
			continue
		}
		f, err := src.Blob(e.Digest)
		if err != nil {
			return fmt.Errorf("opening %s: %w", e.File, err)
		}
		if err := f.Close(); err != nil {
			return fmt.Errorf("opening %s: %w", e.File, err)
		}
		files[e.File] = member{digest: e.Digest, size: e.Size}
	}
	return nil
}

// evidenceOf lists all evidence of a report, each piece once.
func evidenceOf(m *Model) []Evidence {
	seen, out := map[string]bool{}, []Evidence{}
	for _, run := range m.Runs {
		for _, st := range run.Steps {
			for _, a := range st.Attempts {
				for _, e := range a.Evidence {
					if !seen[e.File] {
						seen[e.File] = true
						out = append(out, e)
					}
				}
			}
		}
	}
	return out
}

// manifestOf lists the files the way sha256sum does, and finds each file's CRC on the way.
func manifestOf(files map[string]member, src Source) ([]byte, map[string]uint32, error) {
	var b bytes.Buffer
	sums := map[string]uint32{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		hash, crc := sha256.New(), crc32.NewIEEE()
		if err := files[name].copyTo(io.MultiWriter(hash, crc), src); err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", name, err)
		}
		sums[name] = crc.Sum32()
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(hash.Sum(nil)), name)
	}
	return b.Bytes(), sums, nil
}

func (f member) copyTo(w io.Writer, src Source) error {
	if f.digest == "" {
		_, err := w.Write(f.raw)
		return err
	}
	in, err := src.Blob(f.digest)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, in)
	if err = errors.Join(err, in.Close()); err == nil && n != f.size {
		err = fmt.Errorf("has %d bytes, its row says %d", n, f.size)
	}
	return err
}

func writeZip(w io.Writer, files map[string]member, sums map[string]uint32, src Source) error {
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		size, crc := f.size, sums[name]
		if f.digest == "" {
			size, crc = int64(len(f.raw)), crc32.ChecksumIEEE(f.raw)
		}
		out, err := z.CreateRaw(header(name, uint64(size), crc))
		if err == nil {
			err = f.copyTo(out, src)
		}
		if err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("packing the bundle: %w", err)
	}
	return nil
}

// header is the one header a file of a bundle has.
func header(name string, size uint64, crc uint32) *zip.FileHeader {
	return &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc, CompressedSize64: size, UncompressedSize64: size}
}

// Write writes a report in one of its formats: zip, html, md or json.
func Write(w io.Writer, src Source, format, lang string, sign Signer) error {
	if format == "zip" {
		return Bundle(w, src, sign)
	}
	m, err := Read(src)
	if err != nil {
		return err
	}
	var raw []byte
	switch format {
	case "html":
		raw, err = HTML(m, lang, src.Blob)
	case "md":
		raw = Markdown(m, lang)
	case "json":
		raw, err = m.JSON()
	default:
		return dr.Errorf(dr.Usage, "there is no format %q of a report", format).WithHint("formats are html, md, json and zip")
	}
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}
