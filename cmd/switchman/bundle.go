package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// openBundle opens a report's zip. Rows are read as they are checked.
func openBundle(path string) (evidence, func() error, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		kind := dr.Invalid
		if errors.Is(err, os.ErrNotExist) {
			kind = dr.NotFound
		}
		return evidence{}, nil, dr.Errorf(kind, "opening the bundle %s: %w", path, err).WithHint("switchman report RUN --out FILE.zip makes one")
	}
	var ev evidence
	note, err := member(&z.Reader, checkpointFile, 1<<20)
	key, keyErr := member(&z.Reader, keyFile, 1<<20)
	if err = errors.Join(err, keyErr); err != nil {
		return evidence{}, nil, errors.Join(err, z.Close())
	}
	ev.note, ev.key = note, strings.TrimSpace(string(key))
	ev.rows = bundleRows(&z.Reader)
	return ev, z.Close, nil
}

func member(z *zip.Reader, name string, most int64) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, dr.Errorf(dr.Unverified, "the bundle holds no %s", name)
	}
	raw, err := io.ReadAll(io.LimitReader(f, most))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, dr.Errorf(dr.Unverified, "reading %s of the bundle: %w", name, err)
	}
	return raw, nil
}

func bundleRows(z *zip.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := z.Open(journalFile)
		if err != nil {
			yield(nil, dr.Errorf(dr.Unverified, "the bundle holds no %s", journalFile))
			return
		}
		defer func() {
			// Only read: what was wrong with it came up while reading.
			_ = f.Close()
		}()
		in := bufio.NewScanner(io.LimitReader(f, maxMember))
		in.Buffer(make([]byte, 64<<10), journal.MaxRow+1)
		for in.Scan() {
			if !yield(bytes.Clone(in.Bytes()), nil) {
				return
			}
		}
		if err := in.Err(); err != nil {
			yield(nil, dr.Errorf(dr.Unverified, "reading %s of the bundle: %w", journalFile, err))
		}
	}
}
