package report

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/switchman-dr/switchman/dr"
)

// Limits of a bundle that comes from somebody else.
const (
	maxFiles = 10_000
	maxBytes = 2 << 30
	maxText  = 256 << 20 // a file that is read as a whole
	maxName  = 200
)

// bundle is a zip or its unpacked folder.
type bundle struct {
	files fs.FS
	names []string // sorted
	close func() error
}

// open opens a bundle. A [*Problem] says that it is one, but not in the form a bundle has.
func open(path string) (*bundle, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dr.Errorf(dr.NotFound, "there is no bundle %s", path).WithHint("switchman report RUN --out FILE.zip makes one")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the bundle: %w", err)
	}
	if info.IsDir() {
		return openFolder(path)
	}
	return openZip(path, info.Size())
}

func openFolder(path string) (*bundle, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the bundle: %w", err)
	}
	b := &bundle{files: root.FS(), close: root.Close}
	var total int64
	err = fs.WalkDir(b.files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		switch {
		case !info.Mode().IsRegular():
			return &Problem{Code: "name", Where: name, Text: "is not a plain file"}
		case !goodName(name):
			return &Problem{Code: "name", Where: fmt.Sprintf("%.80q", name), Text: "is not a name a file of a bundle has"}
		case len(b.names) == maxFiles || total > maxBytes:
			return &Problem{Code: "too_big", Where: path, Text: "has more than 10,000 files or 2 GiB"}
		}
		b.names = append(b.names, name)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	slices.Sort(b.names)
	return b, nil
}

func openZip(path string, size int64) (*bundle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the bundle: %w", err)
	}
	b, err := readZip(path, f, size)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	b.close = f.Close
	return b, nil
}

// readZip takes a zip apart, after what is cheap to see has been looked at.
func readZip(path string, r io.ReaderAt, size int64) (*bundle, error) {
	if size > maxBytes {
		return nil, &Problem{Code: "too_big", Where: path, Text: "is over 2 GiB"}
	}
	if err := checkEnd(path, r, size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &Problem{Code: "zip", Where: path, Text: "cannot be read as a zip: " + err.Error()}
	}
	b := &bundle{files: z, close: func() error { return nil }}
	if err := b.list(path, z.File); err != nil {
		return nil, err
	}
	return b, canonicalZip(path, z.File, io.NewSectionReader(r, 0, size))
}

// The last bytes of a zip (APPNOTE 4.3.16), and what may stand before them.
const (
	endOfZip     = 22
	endMark      = "PK\x05\x06"
	longEndOfZip = 20
	longEndMark  = "PK\x06\x07"
	maxDirectory = maxFiles * (46 + maxName)
)

// checkEnd looks at the end of a zip. Its directory is read as a whole by whoever opens it, so one that is
// longer than that of any bundle is refused before.
func checkEnd(path string, r io.ReaderAt, size int64) error {
	strange := &Problem{Code: "zip", Where: path, Text: "does not end as a zip without comment does; it is cut, or something was put behind it"}
	var end [longEndOfZip + endOfZip]byte
	if size < int64(len(end)) {
		return strange
	}
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	last := end[longEndOfZip:]
	files, long, at := binary.LittleEndian.Uint16(last[10:]), int64(binary.LittleEndian.Uint32(last[12:])), int64(binary.LittleEndian.Uint32(last[16:]))
	switch {
	case string(last[:4]) != endMark || last[20] != 0 || last[21] != 0 || string(end[:4]) == longEndMark:
		return strange
	case files > maxFiles || long > maxDirectory:
		return &Problem{Code: "too_big", Where: path, Text: fmt.Sprintf("has %d files; a bundle has at most %d", files, maxFiles)}
	case at+long+endOfZip != size:
		return strange
	}
	return nil
}

// list takes the names, and refuses what no bundle has before a byte of it is unpacked.
func (b *bundle) list(where string, files []*zip.File) error {
	if len(files) > maxFiles {
		return &Problem{Code: "too_big", Where: where, Text: fmt.Sprintf("has %d files; a bundle has at most %d", len(files), maxFiles)}
	}
	var total uint64
	for _, f := range files {
		total += f.UncompressedSize64
		switch {
		case !goodName(f.Name):
			return &Problem{Code: "name", Where: fmt.Sprintf("%.80q", f.Name), Text: "is not a name a file of a bundle has"}
		case f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64:
			return &Problem{Code: "zip", Where: f.Name, Text: "is compressed; a bundle stores its files as they are. If the zip was packed anew, verify its unpacked folder instead"}
		case total > maxBytes:
			return &Problem{Code: "too_big", Where: where, Text: "is over 2 GiB unpacked"}
		case len(b.names) > 0 && f.Name <= b.names[len(b.names)-1]:
			return &Problem{Code: "zip", Where: f.Name, Text: "stands twice or out of order"}
		}
		for folder := path.Dir(f.Name); folder != "."; folder = path.Dir(folder) {
			if _, found := slices.BinarySearch(b.names, folder); found {
				return &Problem{Code: "name", Where: f.Name, Text: "lies in a folder that is also a file"}
			}
		}
		b.names = append(b.names, f.Name)
	}
	return nil
}

// canonicalZip packs the contents again and compares every byte, so that nothing can hide between them.
func canonicalZip(path string, files []*zip.File, original io.Reader) error {
	same := &comparer{with: bufio.NewReaderSize(original, 64<<10)}
	err := packAgain(same, files)
	if err == nil && same.more() {
		err = errDiffers
	}
	if err != nil {
		return &Problem{Code: "zip", Where: path, Text: fmt.Sprintf("is not the one zip that its contents make: %v at byte %d. If it was packed anew, verify its unpacked folder instead", err, same.at)}
	}
	return nil
}

func packAgain(w io.Writer, files []*zip.File) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		out, err := z.CreateRaw(header(f.Name, f.UncompressedSize64, f.CRC32))
		if err != nil {
			return err
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return errors.Join(err, in.Close())
		}
		if err := in.Close(); err != nil {
			return err
		}
	}
	return z.Close()
}

var errDiffers = errors.New("it differs")

// comparer is a writer that fails when it is not given what a reader holds.
type comparer struct {
	with *bufio.Reader
	at   int64
	buf  []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	if len(c.buf) < len(p) {
		c.buf = make([]byte, len(p))
	}
	n, err := io.ReadFull(c.with, c.buf[:len(p)])
	for i := range n {
		if c.buf[i] != p[i] {
			c.at += int64(i)
			return i, errDiffers
		}
	}
	c.at += int64(n)
	if err != nil {
		return n, errDiffers
	}
	return len(p), nil
}

// more reports bytes behind the last one compared.
func (c *comparer) more() bool {
	_, err := c.with.ReadByte()
	return err == nil
}

func (b *bundle) open(name string) (io.ReadCloser, error) {
	f, err := b.files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s of the bundle: %w", name, err)
	}
	return f, nil
}

// read reads a file as a whole.
func (b *bundle) read(name string) ([]byte, error) {
	if !slices.Contains(b.names, name) {
		return nil, &Problem{Code: "missing_file", Where: name, Text: "belongs to every bundle"}
	}
	f, err := b.open(name)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(f, maxText+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading %s of the bundle: %w", name, err)
	}
	if n > maxText {
		return nil, &Problem{Code: "too_big", Where: name, Text: "is over 256 MiB"}
	}
	return buf.Bytes(), nil
}

// sum is a file's SHA-256 in hex.
func (b *bundle) sum(name string) (string, error) {
	f, err := b.open(name)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("reading %s of the bundle: %w", name, err)
	}
	return sumOf(hash.Sum(nil)), nil
}

// formOf reads which form a report's model has and who made it, without trusting the rest.
func formOf(raw []byte) (form, by string) {
	var m struct {
		Format string `json:"format"`
		MadeBy string `json:"made_by"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return "", ""
	}
	return m.Format, m.MadeBy
}
