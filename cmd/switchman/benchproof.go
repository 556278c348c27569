package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

// longJournals are the lengths measured, with what is promised of each in ms.
var longJournals = [...]struct {
	rows   int64
	atMost float64
}{{100_000, 1000}, {1_000_000, 6000}}

// benchProof reads long journals from a file, strictly, row by row, up to the signed root. The baseline
// hashes the same file once.
func (sh *shell) benchProof(ctx context.Context, dir string, want benchWishes) ([]figure, error) {
	var out []figure
	for _, long := range longJournals {
		if want.quick && long.rows > 100_000 {
			continue
		}
		file := filepath.Join(dir, "rows.jsonl")
		note, key, err := writeJournal(file, long.rows)
		if err != nil {
			return nil, err
		}
		var hashed, checked, ratio []float64
		for range want.rounds {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			h, err := sh.timed(func() error { return hashFile(file) })
			if err != nil {
				return nil, err
			}
			c, err := sh.timed(func() error { return checkFile(file, note, key) })
			if err != nil {
				return nil, err
			}
			hashed, checked, ratio = append(hashed, h), append(checked, c), append(ratio, c/h)
		}
		name := fmt.Sprintf("%d rows", long.rows)
		out = append(out, figureOf(name+": hashed once", "ms", 0, hashed...), figureOf(name+": verified", "ms", long.atMost, checked...),
			figureOf(name+": verified, in hashings", "×", 0, ratio...))
		if err := os.Remove(file); err != nil {
			return nil, fmt.Errorf("removing a journal: %w", err)
		}
	}
	states, err := sh.benchStates(ctx, filepath.Join(dir, "proof"), want)
	return append(out, states...), err
}

// benchStates verifies a state directory as `switchman verify` does: the database's structure, every row
// with its columns and hashes, keys and register.
func (sh *shell) benchStates(ctx context.Context, dir string, want benchWishes) (out []figure, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	st, err := store.Open(ctx, store.Options{Dir: dir, Organisation: "bench", Environment: dr.Test, Clock: sh.term.clock})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rows := int64(1) // the first row says whose journal it is
	for _, long := range longJournals {
		if want.quick && long.rows > 100_000 {
			continue
		}
		for ; rows < long.rows; rows += 1000 {
			err := st.Write(ctx, func(tx *store.Tx) error {
				for range 1000 {
					tx.Journal(dr.Row{Run: "r1126-abcd", Kind: dr.RowOutcome, Surface: "switchman", Data: json.RawMessage(benchOutcome)})
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
		var took []float64
		for range want.rounds {
			ms, err := sh.timed(func() error { _, err := st.Verify(ctx); return err })
			if err != nil {
				return nil, err
			}
			took = append(took, ms)
		}
		out = append(out, figureOf(fmt.Sprintf("%d rows of a state directory: verified", long.rows), "ms", long.atMost, took...))
	}
	return out, nil
}

// benchOutcome is what a row of a real step holds.
const benchOutcome = `{"step":"compare@payments-db-w1","n":1,"state":"ok","code":0,"text":"equal: 12 rows, amount 542404 on both sides","took_ms":64,` +
	`"evidence":[{"digest":"sha256:cd52ddbdf05fe257d9aee6a92264092f7bc5b1f33fc02d4ccdbb3420866377f8","size":211,"kind":"text","media":"text/plain"}]}`

// timed is how long something took, in ms.
func (sh *shell) timed(do func() error) (float64, error) {
	began := sh.term.clock.Now()
	err := do()
	return float64(sh.term.clock.Now().Sub(began)) / float64(time.Millisecond), err
}

// writeJournal writes rows as long as those of real steps are.
func writeJournal(file string, rows int64) (note []byte, key string, err error) {
	signer, err := journal.NewKey(rand.Reader, journal.Origin("bench"))
	if err != nil {
		return nil, "", err
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, "", fmt.Errorf("writing a journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	data := json.RawMessage(benchOutcome)
	var head journal.Head
	for i := range rows {
		at := dr.At(time.Unix(1_700_000_000+i, 0))
		raw, err := journal.Encode(dr.Row{Seq: i, At: at, Run: "r1126-abcd", Prev: i, Kind: dr.RowOutcome, Surface: "switchman", Data: data})
		if err == nil {
			head, _, err = journal.Append(head, raw)
		}
		if err != nil {
			return nil, "", err
		}
		if _, err := w.Write(append(raw, '\n')); err != nil {
			return nil, "", fmt.Errorf("writing a journal: %w", err)
		}
	}
	root, err := journal.Root(head)
	if err != nil {
		return nil, "", err
	}
	if err := w.Flush(); err != nil {
		return nil, "", fmt.Errorf("writing a journal: %w", err)
	}
	note, err = signer.Sign(head, root)
	return note, signer.Public(), err
}

func hashFile(file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading a journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(sha256.New(), f); err != nil {
		return fmt.Errorf("reading a journal: %w", err)
	}
	return nil
}

func checkFile(file string, note []byte, key string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading a journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := bufio.NewScanner(bufio.NewReaderSize(f, 1<<20))
	in.Buffer(nil, journal.MaxRow+1)
	_, err = journal.Check(func(yield func([]byte, error) bool) {
		for in.Scan() {
			if !yield(in.Bytes(), nil) {
				return
			}
		}
		if err := in.Err(); err != nil {
			yield(nil, err)
		}
	}, note, key)
	return err
}

// measureBundle makes the story's bundle and verifies it, and weighs its pages.
func (sh *shell) measureBundle(ctx context.Context, b bank, run string, s *benchStory) (err error) {
	file := filepath.Join(b.app.Store.Dir(), "bench.zip")
	var out bytes.Buffer
	s.Made, err = sh.timed(func() error {
		return b.app.Store.Read(ctx, func(r *store.Reader) error {
			out.Reset()
			src, err := report.Gather(ctx, r, run, version())
			if err != nil {
				return err
			}
			return report.Bundle(&out, src, b.app.Store.SignFile)
		})
	})
	if err == nil {
		err = os.WriteFile(file, out.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("making a bundle: %w", err)
	}
	var v report.Verdict
	s.Verified, err = sh.timed(func() (err error) {
		v, err = report.VerifyBundle(file, report.Trust{}, version())
		return err
	})
	if err != nil {
		return err
	}
	if !v.OK {
		return fmt.Errorf("the story's bundle does not verify: %v", v.Problems)
	}
	for _, lang := range []string{"en", "zh"} {
		err := b.app.Store.Read(ctx, func(r *store.Reader) error {
			src, err := report.Gather(ctx, r, run, version())
			if err != nil {
				return err
			}
			out.Reset()
			return report.Write(&out, src, "html", lang, nil)
		})
		if err != nil {
			return err
		}
		s.Page = max(s.Page, float64(out.Len())/(1<<20))
	}
	return nil
}
