//go:build !race

package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// sector is what a disk writes as a whole.
const sector = 512

// platter is a disk that tells what it has from what it only says it has: a change is certain once it was synced,
// and before that it may be there, in part, or not at all. A name is certain once its directory was synced.
type platter struct {
	names, safe map[string]*spool
	pending     []stroke // changes of names
	inodes      []*spool // by the pending change that made them
}

// spool is one file: as a process reads it, as the disk has it for certain, and what lies between.
type spool struct {
	now, safe []byte
	pending   []stroke
}

func newPlatter() *platter {
	return &platter{names: map[string]*spool{}, safe: map[string]*spool{}}
}

// play does one stroke.
func (p *platter) play(s stroke) {
	f := p.names[s.path]
	switch s.kind {
	case "create":
		if f == nil {
			p.rename(s, &spool{})
		}
	case "write", "truncate":
		if f != nil { // a file without a name is no part of the state
			f.now = s.on(f.now)
			f.pending = append(f.pending, s)
		}
	case "rename", "remove", "exchange":
		if f != nil { // sockets and the like hold nothing
			p.rename(s, f)
		}
	case "sync":
		if s.path == "." {
			p.safe, p.pending, p.inodes = maps.Clone(p.names), nil, nil
		} else if f != nil {
			f.safe, f.pending = bytes.Clone(f.now), nil
		}
	}
}

func (p *platter) rename(s stroke, f *spool) {
	s.named(p.names, f)
	p.pending, p.inodes = append(p.pending, s), append(p.inodes, f)
}

// named changes names.
func (s stroke) named(names map[string]*spool, f *spool) {
	switch s.kind {
	case "create":
		names[s.path] = f
	case "rename":
		names[s.to] = f
		delete(names, s.path)
	case "exchange":
		names[s.path], names[s.to] = names[s.to], names[s.path]
	case "remove":
		delete(names, s.path)
	}
}

// on changes content, growing it with zeros where need be.
func (s stroke) on(b []byte) []byte {
	end := s.at + int64(len(s.data))
	if s.kind == "truncate" {
		if s.at < int64(len(b)) {
			return b[:s.at]
		}
		end = s.at
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[s.at:], s.data)
	return b
}

// image is what a disk holds.
type image map[string][]byte

// killed is what is left when the process dies and the machine does not.
func (p *platter) killed() image { return held(p.names, func(f *spool) []byte { return f.now }) }

// dropped is what is left when the power goes and nothing was written that nobody had waited for.
func (p *platter) dropped() image { return held(p.safe, func(f *spool) []byte { return f.safe }) }

// torn is what is left when the power goes while the disk writes, here this sector and there that one. Names come
// in their order, as a file system with a journal has it.
func (p *platter) torn(rnd *rand.Rand) image {
	names := maps.Clone(p.safe)
	for i := range rnd.IntN(len(p.pending) + 1) {
		p.pending[i].named(names, p.inodes[i])
	}
	luck := rnd.Float64()
	return held(names, func(f *spool) []byte {
		b := bytes.Clone(f.safe)
		for _, s := range f.pending {
			for _, piece := range s.sectors() {
				if rnd.Float64() < luck {
					b = piece.on(b)
				}
			}
		}
		return b
	})
}

// sectors cuts a write where the disk does.
func (s stroke) sectors() (out []stroke) {
	if s.kind != "write" {
		return []stroke{s}
	}
	for at, data := s.at, s.data; len(data) > 0; {
		n := min(int64(len(data)), sector-at%sector)
		out = append(out, stroke{kind: "write", at: at, data: data[:n]})
		at, data = at+n, data[n:]
	}
	return out
}

func held(names map[string]*spool, content func(*spool) []byte) image {
	out := image{}
	for name, f := range names {
		out[name] = content(f)
	}
	return out
}

// sum tells images apart.
func (m image) sum() [32]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintln(h, name, len(m[name]))
		h.Write(m[name])
	}
	return [32]byte(h.Sum(nil))
}

// lay puts it into a directory.
func (m image) lay(dir string) error {
	err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700))
	for name, content := range m {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	return err
}
