package report

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// pack makes the bundle of a run, in memory.
func (l *ledger) pack(id string, sizes ...int64) []byte {
	l.t.Helper()
	var b bytes.Buffer
	if err := Bundle(&b, l.gathered(id, sizes...), l.s.SignFile); err != nil {
		l.t.Fatal(err)
	}
	return b.Bytes()
}

// put writes bytes to a file and gives its path.
func put(t testing.TB, raw []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.zip")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func verify(t testing.TB, raw []byte, trust Trust) Verdict {
	t.Helper()
	v, err := VerifyBundle(put(t, raw), trust, "test")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// contents reads a zip into a map.
func contents(t testing.TB, raw []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// resigned packs changed contents the way a bundle is packed: with a new manifest, signed anew.
func resigned(t testing.TB, files map[string][]byte, sign Signer) []byte {
	t.Helper()
	members := map[string]member{}
	for name, raw := range files {
		if name != manifestFile && name != signatureFile {
			members[name] = member{raw: raw}
		}
	}
	manifest, _, err := manifestOf(members, Source{})
	if err != nil {
		t.Fatal(err)
	}
	sig, err := sign(Namespace, manifest)
	if err != nil {
		t.Fatal(err)
	}
	members[manifestFile], members[signatureFile] = member{raw: manifest}, member{raw: sig}
	var b bytes.Buffer
	if err := writeZip(&b, members, map[string]uint32{}, Source{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpacked writes contents into a folder, as unzip does.
func unpacked(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, raw := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, raw, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func codes(v Verdict) []string {
	out := []string{}
	for _, p := range v.Problems {
		if !slices.Contains(out, p.Code) {
			out = append(out, p.Code)
		}
	}
	return out
}

func TestBundle(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	raw := l.pack("r2")
	if !bytes.Equal(raw, l.pack("r2")) {
		t.Error("the same journal gives two bundles")
	}
	v := verify(t, raw, Trust{})
	if !v.OK || v.Trusted || !slices.Equal(v.Runs, []string{"r2"}) || v.Rows < 15 || v.Artefacts < 10 {
		t.Errorf("%+v", v)
	}
	if bytes.Contains(raw, []byte(secretReason)) {
		t.Error("the bundle shows what is in another run")
	}
	src := l.gathered("r2")
	anchor := journal.Anchor{Size: src.Checkpoint.Size}
	root, err := journal.Peek(src.Proof.Note)
	if err != nil {
		t.Fatal(err)
	}
	anchor.Root = root.Root
	if v := verify(t, raw, Trust{Keys: []string{l.s.PublicKey()}, Anchors: []journal.Anchor{anchor}}); !v.Trusted || v.Anchors != 1 {
		t.Errorf("with key and root: %+v", v)
	}
	m, err := Read(src)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Register) != 2 || m.Register[0].State != dr.Denied || m.Register[1].State != dr.ClosedWithExceptions {
		t.Errorf("register: %+v", m.Register)
	}
	denied, err := Read(l.gathered("r1"))
	if err != nil || denied.Runs[0].State != dr.Denied || denied.Runs[0].Start != nil {
		t.Errorf("the denied run: %+v, %v", denied, err)
	}
	for _, id := range []string{"r1", "r9"} {
		if v := verify(t, l.pack(id), Trust{}); !v.OK {
			t.Errorf("bundle of %s: %+v", id, v.Problems)
		}
	}
}

// What stands in VERIFY.md is typed as it stands there.
func TestGuideIsTrue(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	files := contents(t, l.pack("r2"))
	dir := unpacked(t, files)
	var typed []string
	inside := false
	for line := range strings.Lines(string(files[guideFile])) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```sh"
		case inside && !strings.HasPrefix(line, "switchman"):
			typed = append(typed, line)
		}
	}
	if len(typed) != 4 || typed[0] != typed[2] || typed[1] != typed[3] { // once in each language
		t.Fatalf("commands of the guide: %q", typed)
	}
	try := func(line string) (string, error) {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, line := range typed {
		if out, err := try(line); err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	if v, err := VerifyBundle(dir, Trust{}, "test"); err != nil || !v.OK {
		t.Errorf("the unpacked folder: %+v, %v", v.Problems, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.en.md"), []byte("all went well\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := try(typed[0]); err == nil {
		t.Error("sha256sum takes a changed page")
	}
	if v, err := VerifyBundle(dir, Trust{}, "test"); err != nil || v.OK {
		t.Errorf("a changed page in the folder: %+v, %v", v, err)
	}
}

// rootAt is the root of the journal at a size, as somebody kept it.
func (l *ledger) rootAt(size int64) (root tlog.Hash) {
	l.t.Helper()
	err := l.s.Read(l.t.Context(), func(r *store.Reader) (err error) {
		root, err = r.Root(l.t.Context(), size)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return root
}

// found reports whether verification finds what was done to a zip.
func found(raw []byte) bool {
	b, err := readZip("bundle.zip", bytes.NewReader(raw), int64(len(raw)))
	v, err := verifyOpened(b, err, Trust{}, "test")
	return err != nil || !v.OK
}

// pagesOf tells which bytes of a zip are those of pages and texts.
func pagesOf(t testing.TB, raw []byte) func(i int) bool {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	page := make([]bool, len(raw))
	for _, f := range z.File {
		if !strings.HasPrefix(f.Name, "report.") && f.Name != guideFile {
			continue
		}
		at, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.UncompressedSize64 {
			page[uint64(at)+i] = true
		}
	}
	return func(i int) bool { return page[i] }
}

// mutated is a change as accidents and clumsy hands make them.
func mutated(rng *mrand.Rand, whole []byte) []byte {
	raw := bytes.Clone(whole)
	at := rng.IntN(len(raw))
	end := min(len(raw), at+1+rng.IntN(64))
	switch rng.IntN(6) {
	case 0:
		return append(raw[:at], raw[at+1:]...)
	case 1:
		return slices.Insert(raw, at, byte(rng.IntN(256)))
	case 2:
		return raw[:at]
	case 3: // doubled
		return slices.Insert(raw, end, whole[at:end]...)
	case 4: // moved to the end
		return append(append(raw[:at], whole[end:]...), append([]byte{'x'}, whole[at:end]...)...)
	}
	for i := at; i < end; i++ {
		raw[i] ^= byte(1 + rng.IntN(255))
	}
	return raw
}

// In an unpacked folder there is no zip around the files that would show a change first.
func TestEveryChangeIsFoundInAFolder(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	files := contents(t, l.pack("r2"))
	dir := unpacked(t, files)
	for name, raw := range files {
		step := max(1, len(raw)/12)
		if name == manifestFile || name == signatureFile {
			step = 11
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		for i := 0; i < len(raw); i += step {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << (i % 8)
			if err := os.WriteFile(file, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if v, err := VerifyBundle(dir, Trust{}, "test"); err == nil && v.OK {
				t.Fatalf("byte %d of %s is not found", i, name)
			}
		}
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := VerifyBundle(dir, Trust{}, "test"); err != nil || !v.OK {
		t.Fatalf("put back as it was: %+v, %v", v.Problems, err)
	}
	if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
		t.Fatal(err)
	}
	if v, err := VerifyBundle(dir, Trust{}, "test"); err != nil || v.OK || !slices.Contains(codes(v), "missing_file") {
		t.Errorf("without its list: %+v, %v", v, err)
	}
}

// Whoever holds the right key, and signs what they changed, is found by what the parts say of each other.
func TestLiesAreFoundThoughSigned(t *testing.T) {
	l := openLedger(t)
	l.request("r0", "card", "somebody else's")
	older := contents(t, l.pack("r0"))
	l.tellStory()
	whole := contents(t, l.pack("r2"))
	other := contents(t, l.pack("r9"))
	line := func(name, part string) []byte {
		for row := range bytes.Lines(whole[name]) {
			if bytes.Contains(row, []byte(part)) {
				return row
			}
		}
		t.Fatalf("%s has no line with %s", name, part)
		return nil
	}
	without := func(raw, part []byte) []byte { return bytes.Replace(raw, part, nil, 1) }
	plan := slices.DeleteFunc(slices.Sorted(maps.Keys(whole)), func(n string) bool { return !strings.HasPrefix(n, "plans/") })[0]
	cast := slices.DeleteFunc(slices.Sorted(maps.Keys(whole)), func(n string) bool { return !strings.HasPrefix(n, "evidence/") })[0]
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		code   string
	}{
		"a row left out": {func(f map[string][]byte) { f[rowsFile] = without(f[rowsFile], line(rowsFile, `"code.tried"`)) }, "row_missing"},
		"the end left out": {func(f map[string][]byte) {
			f[rowsFile] = without(f[rowsFile], line(rowsFile, `"closed_with_exceptions"`))
		}, "row_missing"},
		"a row twice": {func(f map[string][]byte) { f[rowsFile] = append(f[rowsFile], line(rowsFile, `"finding"`)...) }, "sequence"},
		"a row changed": {func(f map[string][]byte) {
			f[rowsFile] = bytes.Replace(f[rowsFile], []byte(`"took_ms":1500`), []byte(`"took_ms":1400`), 1)
		}, "root"},
		"rows swapped": {func(f map[string][]byte) {
			a, b := line(rowsFile, `"code.issued"`), line(rowsFile, `"code.tried"`)
			f[rowsFile] = bytes.Replace(without(f[rowsFile], a), b, append(bytes.Clone(b), a...), 1)
		}, "sequence"},
		"a failed try left out": {func(f map[string][]byte) {
			f[entriesFile] = without(f[entriesFile], line(entriesFile, `"r1","systems":["ledger"],"state"`))
		}, "register"},
		"a better end": {func(f map[string][]byte) {
			f[entriesFile] = bytes.Replace(f[entriesFile], []byte(`"denied"`), []byte(`"closed"`), 1)
		}, "register"},
		"another register": {func(f map[string][]byte) {
			f[chainsFile] = bytes.Replace(f[chainsFile], []byte("ledger 5"), []byte("ledger 4"), 1)
		}, "register"},
		"a run of other systems": {func(f map[string][]byte) {
			f[entriesFile] = append(bytes.Clone(older[entriesFile]), f[entriesFile]...)
		}, "register"},
		"an older head": {func(f map[string][]byte) { f[checkpointFile] = older[checkpointFile] }, "tree"},
		"another run's row": {func(f map[string][]byte) {
			first, rest, _ := bytes.Cut(f[rowsFile], []byte("\n"))
			_, row, _ := bytes.Cut(older[rowsFile], []byte("\n"))
			row, _, _ = bytes.Cut(row, []byte("\n"))
			f[rowsFile] = slices.Concat(first, []byte("\n"), row, []byte("\n"), rest)
		}, "tree"},
		"a row made up": {func(f map[string][]byte) {
			row := line(rowsFile, `"kind":"finding"`)
			at, _, _ := bytes.Cut(row, []byte(","))
			f[rowsFile] = append(f[rowsFile], bytes.Replace(row, at, []byte(`{"seq":999`), 1)...)
		}, "row_missing"},
		"the last rows cut": {func(f map[string][]byte) { f[rowsFile] = f[rowsFile][:len(f[rowsFile])-200] }, "row"},
		"evidence by no digest": {func(f map[string][]byte) {
			f[rowsFile] = bytes.Replace(f[rowsFile], []byte(`"evidence":[{"digest":"sha256:`), []byte(`"evidence":[{"digest":"../`), 1)
		}, "evidence"},
		"another run's tree": {func(f map[string][]byte) { f[treeFile] = other[treeFile] }, "tree"},
		"another plan": {func(f map[string][]byte) {
			f[plan] = bytes.Replace(f[plan], []byte("Move ledger"), []byte("Move nothing"), 1)
		}, "plan"},
		"no plan":           {func(f map[string][]byte) { delete(f, plan) }, "plan_missing"},
		"another recording": {func(f map[string][]byte) { f[cast] = bytes.Replace(f[cast], []byte("moving"), []byte("moved!"), 1) }, "evidence"},
		"no recording":      {func(f map[string][]byte) { delete(f, cast) }, "evidence_missing"},
		"more evidence":     {func(f map[string][]byte) { f["evidence/more.txt"] = []byte("x") }, "extra_file"},
		"a better page": {func(f map[string][]byte) {
			f["report.en.html"] = bytes.Replace(f["report.en.html"], []byte("</body>"), []byte("<p>All went well.</p></body>"), 1)
		}, "report_text"},
		"better facts": {func(f map[string][]byte) {
			f[modelFile] = bytes.Replace(f[modelFile], []byte(`"lost": 1`), []byte(`"lost": 0`), 1)
		}, "report_text"},
		"one more page":           {func(f map[string][]byte) { f["report.fr.md"] = []byte("tout va bien\n") }, "extra_file"},
		"a guide of one's own":    {func(f map[string][]byte) { f[guideFile] = []byte("it is all fine\n") }, "report_text"},
		"another key in the list": {func(f map[string][]byte) { f[keyFile] = []byte("pier+0000+AAAA\n") }, "key"},
		"a form of the future": {func(f map[string][]byte) {
			f[modelFile] = bytes.Replace(f[modelFile], []byte("report/v1"), []byte("report/v9"), 1)
		}, "report_form"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(whole)
			for n := range files {
				files[n] = bytes.Clone(files[n])
			}
			c.change(files)
			v := verify(t, resigned(t, files, l.s.SignFile), Trust{})
			if v.OK || !slices.Contains(codes(v), c.code) {
				t.Errorf("found %v, want %s", v.Problems, c.code)
			}
		})
	}
}

// A bundle that somebody made whole with a key of their own is intact, and never trusted.
func TestForeignKeyAndOldRoots(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	early := l.gathered("r2")
	raw := l.pack("r2")
	stranger, err := journal.NewKey(rand.Reader, journal.Origin("pier-bank"))
	if err != nil {
		t.Fatal(err)
	}
	if v := verify(t, raw, Trust{Keys: []string{stranger.Public()}}); v.OK || !slices.Contains(codes(v), "foreign_key") {
		t.Errorf("another key is trusted: %+v", v)
	}
	if v := verify(t, resigned(t, contents(t, raw), stranger.SignFile), Trust{}); v.OK || !slices.Contains(codes(v), "signature") {
		t.Errorf("signed by somebody else: %+v", v)
	}
	own := Trust{Keys: []string{l.s.PublicKey()}}
	wrong := journal.Anchor{Size: early.Checkpoint.Size}
	for name, c := range map[string]struct {
		anchor journal.Anchor
		code   string
	}{"a past that was changed": {wrong, "anchor"}, "a journal that was cut": {journal.Anchor{Size: early.Checkpoint.Size + 5}, "older_than_anchor"}} {
		own.Anchors = []journal.Anchor{c.anchor}
		if v := verify(t, raw, own); v.Trusted || !slices.Contains(codes(v), c.code) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if _, err := l.s.RotateKey(t.Context(), dr.Actor{}); err != nil {
		t.Fatal(err)
	}
	// A root in the middle is proven by a bundle that is asked for it, and by no other.
	own.Anchors = []journal.Anchor{{Size: 3, Root: l.rootAt(3)}}
	if v := verify(t, l.pack("r2"), own); !v.OK || !v.KnownKey || v.Trusted || len(v.Notes) != 1 {
		t.Errorf("a root that the bundle does not prove: %+v", v)
	}
	if v := verify(t, l.pack("r2", 3), own); !v.Trusted || v.Anchors != 1 {
		t.Errorf("a root that the bundle was asked to prove: %+v", v)
	}
	if v := verify(t, l.pack("r2", 3), Trust{Keys: own.Keys, Anchors: []journal.Anchor{{Size: 3}}}); v.OK || !slices.Contains(codes(v), "anchor") {
		t.Errorf("another root at that size: %+v", v)
	}
	err = l.s.Read(t.Context(), func(r *store.Reader) error {
		_, err := Gather(t.Context(), r, "r2", "test", early.Checkpoint.Size+100)
		return err
	})
	if dr.KindOf(err) != dr.Invalid {
		t.Errorf("a root of the future: %v", err)
	}
	own.Anchors = nil
	if v := verify(t, l.pack("r2"), own); !v.Trusted || v.Checkpoint.Key == own.Keys[0] {
		t.Errorf("after a rotation that the known key signed: %+v", v)
	}
}

func TestNoBombs(t *testing.T) {
	entry := func(z *zip.Writer, h zip.FileHeader, raw string) {
		h.CRC32 = crc32.ChecksumIEEE([]byte(raw))
		if h.Method == zip.Store {
			h.CompressedSize64, h.UncompressedSize64 = uint64(len(raw)), uint64(len(raw))
		}
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = w.Write([]byte(raw))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, build := range map[string]func(*zip.Writer){
		"zip": func(z *zip.Writer) {
			w, err := z.Create("report.json")
			if err == nil {
				_, err = w.Write(make([]byte, 50<<20))
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"too_big": func(z *zip.Writer) {
			for i := range maxFiles + 1 {
				entry(z, zip.FileHeader{Name: fmt.Sprintf("evidence/%06d.txt", i)}, "x")
			}
		},
		"name": func(z *zip.Writer) { entry(z, zip.FileHeader{Name: "../../etc/passwd"}, "x") },
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		build(z)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, b.Bytes(), Trust{}); v.OK || !slices.Contains(codes(v), name) {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for _, name := range []string{"", "/a", "a/", "a//b", "..", "a/../b", `a\b`, "a b", "a\x00", strings.Repeat("a", 300), "ä"} {
		if goodName(name) {
			t.Errorf("%q is taken for a name", name)
		}
	}
	if v := verify(t, []byte("PK\x03\x04 nothing"), Trust{}); v.OK || len(v.Problems) == 0 {
		t.Errorf("%+v", v)
	}
	dir := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	if v, err := VerifyBundle(dir, Trust{}, "test"); err != nil || v.OK || !slices.Contains(codes(v), "name") {
		t.Errorf("a link in the folder: %+v, %v", v, err)
	}
	if _, err := VerifyBundle(filepath.Join(dir, "none"), Trust{}, "test"); dr.KindOf(err) != dr.NotFound {
		t.Errorf("no bundle: %v", err)
	}
}

// The end of a zip says how much a reader takes into memory; nothing but the end of a bundle is believed.
func TestStrangeEnds(t *testing.T) {
	var b bytes.Buffer
	if err := writeZip(&b, map[string]member{"a": {raw: []byte("x")}, "b": {raw: []byte("y")}}, nil, Source{}); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	if _, err := readZip("", bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Fatal(err)
	}
	end := len(whole) - endOfZip
	put := func(at int, raw ...byte) func([]byte) []byte {
		return func(z []byte) []byte { copy(z[end+at:], raw); return z }
	}
	for name, c := range map[string]struct {
		change func([]byte) []byte
		code   string
	}{
		"nothing":             {func([]byte) []byte { return nil }, "zip"},
		"more files":          {put(10, 0xff, 0xff), "too_big"},
		"a long directory":    {put(12, 0, 0, 0, 0x10), "too_big"},
		"a directory outside": {put(16, 0xff, 0xff, 0xff, 0xff), "zip"},
		"a comment":           {func(z []byte) []byte { z[end+20] = 1; return append(z, '!') }, "zip"},
		"something behind":    {func(z []byte) []byte { return append(z, "PK"...) }, "zip"},
		"something before":    {func(z []byte) []byte { return append([]byte("#!/bin/sh\n"), z...) }, "zip"},
		"a second end":        {func(z []byte) []byte { return append(z, z[end:]...) }, "zip"},
		"a longer end": {func(z []byte) []byte {
			return slices.Concat(z[:end], []byte(longEndMark), make([]byte, longEndOfZip-4), z[end:])
		}, "zip"},
		"a file as a folder": {func([]byte) []byte {
			var b bytes.Buffer
			if err := writeZip(&b, map[string]member{"a": {}, "a-b": {}, "a/b/c": {}}, nil, Source{}); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}, "name"},
	} {
		raw := c.change(bytes.Clone(whole))
		_, err := readZip("", bytes.NewReader(raw), int64(len(raw)))
		var p *Problem
		if !errors.As(err, &p) || p.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if err := checkLimits(map[string]member{"evidence/a.bin": {size: maxBytes}}); dr.KindOf(err) != dr.Invalid {
		t.Errorf("a bundle nobody could verify: %v", err)
	}
}

func TestHostileTextStaysText(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	m, err := Read(l.gathered("r2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range languages {
		md := string(Markdown(m, lang))
		for _, bad := range []string{"<script", "\u202e", "\u200b", "\x1b", "\n# heading"} {
			if strings.Contains(md, bad) {
				t.Errorf("%s: the text holds %q", lang, bad)
			}
		}
		width := 0
		for line := range strings.Lines(md) {
			cells := strings.Count(line, "|") - strings.Count(line, `\|`)
			if !strings.HasPrefix(line, "|") {
				width = 0
				continue
			}
			if width == 0 {
				width = cells
			}
			if cells != width {
				t.Errorf("%s: a table is torn: %s", lang, line)
			}
		}
	}
}

func FuzzTrust(f *testing.F) {
	f.Add([]byte("# me\nanchor 3 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	f.Add([]byte("x+y+z"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if trust, err := ParseTrust(text); err == nil && len(trust.Keys) == 0 {
			t.Error("trust without a key")
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 64) + "  a/b.txt\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		listed, err := parseManifest(raw)
		if err != nil {
			return
		}
		var b bytes.Buffer
		for _, name := range sortedKeys(listed) {
			fmt.Fprintf(&b, "%s  %s\n", listed[name], name)
		}
		if !bytes.Equal(b.Bytes(), raw) {
			t.Errorf("%q has two forms", raw)
		}
	})
}

// Whatever comes as a bundle is judged; of what is found good not one bit may change. (Every process that
// fuzzes has a bundle and a key of its own, so another one's may be good too.)
func FuzzBundle(f *testing.F) {
	l := openLedger(f)
	l.request("r1", "ledger", "short")
	whole := l.pack("r1")
	f.Add(whole)
	rng := mrand.New(mrand.NewPCG(3, 5))
	for range 5 {
		f.Add(mutated(rng, whole))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if found(raw) {
			return
		}
		bad := bytes.Clone(raw)
		bad[len(bad)/2] ^= 1
		if !found(bad) {
			t.Error("a bit was turned in a good bundle and not found")
		}
	})
}

// Rows that somebody else wrote give an error or a report, and never a panic.
func FuzzRead(f *testing.F) {
	l := openLedger(f)
	l.tellStory()
	src := l.gathered("r2")
	for _, row := range src.Rows {
		f.Add(int64(0), row.Raw)
	}
	f.Fuzz(func(t *testing.T, at int64, raw []byte) {
		row, err := journal.Decode(raw)
		if err != nil {
			return
		}
		changed := src
		changed.Rows = slices.Clone(src.Rows)
		changed.Rows[int(uint64(at)%uint64(len(changed.Rows)))] = Row{Row: row, Raw: raw}
		m, err := Read(changed)
		if err != nil {
			return
		}
		if _, err := m.JSON(); err != nil {
			t.Error(err)
		}
		Markdown(m, "en")
	})
}

// What an observer said after the run had ended is in the register, so the tree alone cannot hide it.
func TestWordsAfterTheEndCannotBeLeftOut(t *testing.T) {
	l := openLedger(t)
	l.tellStory()
	l.tell("r2", "ben", dr.RowObservation, dr.FindingData{ID: "o1", Text: "the lights went out"})
	var out bytes.Buffer
	err := l.s.Read(t.Context(), func(r *store.Reader) error {
		src, err := Gather(t.Context(), r, "r2", "test")
		if err != nil {
			return err
		}
		said := len(src.Rows) - 1
		if src.Rows[said].Kind != dr.RowObservation {
			t.Fatalf("the last row is %s", src.Rows[said].Kind)
		}
		src.Rows = src.Rows[:said]
		run, err := r.Run(t.Context(), "r2")
		if err != nil {
			return err
		}
		if err := src.prove(t.Context(), r, []dr.Run{run}, nil); err != nil {
			return err
		}
		return Bundle(&out, src, l.s.SignFile)
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "silent.zip")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := VerifyBundle(file, Trust{}, "test")
	if err != nil || v.OK || !slices.Equal(codes(v), []string{"row_missing"}) {
		t.Errorf("%+v, %v", v, err)
	}
}
