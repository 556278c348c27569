package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

// The names inside a report's zip.
const (
	journalFile    = "journal.jsonl"
	checkpointFile = "checkpoint.txt"
	keyFile        = "log.pub"
)

// maxMember bounds one file of a bundle; a bundle comes from somebody else.
const maxMember = 1 << 30

// verdict is the answer of verify, contract section 2.
type verdict struct {
	OK         bool        `json:"ok"`
	Trusted    bool        `json:"trusted"`
	Rows       int64       `json:"rows"`
	Artefacts  int         `json:"artefacts"`
	Runs       []string    `json:"runs"`
	Checkpoint checkpoint  `json:"checkpoint"`
	Problems   []complaint `json:"problems"`
}

type checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
	Key  string `json:"key"`
}

type complaint struct {
	Code  string `json:"code"`
	Where string `json:"where"`
	Text  string `json:"text"`
}

// evidence is a journal with its checkpoint and the key that came along.
type evidence struct {
	rows iter.Seq2[[]byte, error]
	note []byte
	key  string
}

func verifyCommand(sh *shell) *cobra.Command {
	var trust string
	c := &cobra.Command{
		Use: "verify [BUNDLE]", Short: "Check a report's bundle, or this machine's own journal",
		Long: `Check that a journal is whole and unchanged: of a report's bundle (.zip), without any server, or,
without BUNDLE, of the state directory.

Every row is read strictly and hashed again, and the tree is held against the signed checkpoint.
A bundle brings its own key, which proves that nothing changed since it was signed, not who signed.
With --trust FILE, a file with the key you know, the answer is also trusted. Ends with 8 when a
proof fails.`,
		Example: "  switchman verify spring-drill.zip\n  switchman verify spring-drill.zip --trust bank.pub --json\n  switchman verify --state ./var",
		Args:    exactly("[BUNDLE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := sh.verify(cmd.Context(), args, trust)
			if err != nil {
				return err
			}
			if err := sh.show(v, func(w io.Writer) { verdictText(w, v) }); err != nil {
				return err
			}
			if !v.OK {
				sh.code = exitCode(dr.Unverified)
			}
			return nil
		},
	}
	c.Flags().StringVar(&trust, "trust", "", "`FILE` with the public key you trust")
	return c
}

func verdictText(w io.Writer, v verdict) {
	for _, p := range v.Problems {
		fmt.Fprintf(w, "%s: %s (%s)\n", p.Where, p.Text, p.Code)
	}
	state := "NOT VERIFIED"
	if v.OK {
		state = "verified"
	}
	fmt.Fprintf(w, "%s: %s, %s\n", state, plural(int(v.Rows), "row"), plural(len(v.Runs), "run"))
	if v.Checkpoint.Size > 0 {
		fmt.Fprintf(w, "  root %s at %s\n  key  %s\n", v.Checkpoint.Root, plural(int(v.Checkpoint.Size), "row"), v.Checkpoint.Key)
	}
	if v.OK && !v.Trusted {
		fmt.Fprintln(w, "  whole and unchanged; whose key it is only --trust FILE can tell")
	}
}

func (sh *shell) verify(ctx context.Context, args []string, trust string) (verdict, error) {
	keys, err := trustedKeys(trust)
	if err != nil {
		return verdict{}, err
	}
	if len(args) == 1 {
		ev, closeBundle, err := openBundle(args[0])
		if err != nil {
			return verdict{}, err
		}
		v, err := judge(args[0], ev, keys)
		return v, errors.Join(err, closeBundle())
	}
	return sh.verifyState(ctx, keys)
}

// verifyState reads everything the state directory holds: rows, tree, frozen plans, evidence.
func (sh *shell) verifyState(ctx context.Context, trusted []string) (verdict, error) {
	v := verdict{Runs: []string{}, Problems: []complaint{}}
	cfg, err := sh.settings()
	if err != nil {
		return v, err
	}
	st, err := sh.openForReading(ctx, cfg)
	if err == nil {
		err = errors.Join(sh.readThrough(ctx, st, trusted, &v), st.Close())
	}
	if known, ok := errors.AsType[*dr.Error](err); ok && known.Kind == dr.Unverified {
		t := sh.tell(err)
		v.OK, v.Trusted = false, false
		v.Problems = append(v.Problems, complaint{Code: firstText(known.ID, "unverified"), Where: cfg.StateDir, Text: strings.TrimSpace(t.Message + " " + t.Hint)})
		return v, nil
	}
	return v, err
}

func (sh *shell) readThrough(ctx context.Context, st *store.Store, trusted []string, v *verdict) error {
	found, err := st.Verify(ctx)
	if err != nil {
		return err
	}
	err = st.Read(ctx, func(r *store.Reader) error {
		for raw, err := range storedRows(ctx, r) {
			if err != nil {
				return err
			}
			v.count(raw)
		}
		return nil
	})
	v.OK, v.Rows, v.Artefacts, v.Checkpoint = true, found.Rows, int(found.Slices+found.Blobs), checkpointOf(found.Checkpoint)
	v.Trusted = slices.ContainsFunc(found.Keys, func(key string) bool { return slices.Contains(trusted, key) })
	return err
}

func checkpointOf(cp journal.Checkpoint) checkpoint {
	return checkpoint{Size: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Root[:]), Key: cp.Key}
}

// storedRows reads the exact bytes of every row.
func storedRows(ctx context.Context, r *store.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for from := int64(0); ; {
			_, raw, err := r.Rows(ctx, from, 1000)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, leaf := range raw {
				if !yield(leaf, nil) {
					return
				}
			}
			if len(raw) == 0 {
				return
			}
			from += int64(len(raw))
		}
	}
}

// judge checks a journal and says all that was found. A key that changed on the way is followed
// through the rows that say so, each signed by the old key.
func judge(where string, ev evidence, trusted []string) (verdict, error) {
	v := verdict{Runs: []string{}, Problems: []complaint{}}
	counted := func(yield func([]byte, error) bool) {
		for raw, err := range ev.rows {
			if err == nil {
				v.count(raw)
			}
			if !yield(raw, err) {
				return
			}
		}
	}
	keys := trusted
	if len(keys) == 0 {
		keys = []string{ev.key}
	}
	cp, err := journal.Check(counted, ev.note, keys...)
	var wrong *journal.Problem
	switch {
	case errors.As(err, &wrong):
		at := where
		if wrong.Seq >= 0 {
			at = fmt.Sprintf("%s, row %d", where, wrong.Seq)
		}
		v.Problems = append(v.Problems, complaint{Code: wrong.Code, Where: at, Text: wrong.Text})
	case err != nil:
		return v, err
	}
	if cp.Size == 0 {
		if seen, err := journal.Peek(ev.note); err == nil {
			cp = seen
		}
	}
	v.Checkpoint = checkpointOf(cp)
	v.OK = len(v.Problems) == 0
	v.Trusted = v.OK && len(trusted) > 0
	return v, nil
}

func (v *verdict) count(raw []byte) {
	v.Rows++
	row, err := journal.Decode(raw)
	if err != nil {
		return // the check itself says so
	}
	if row.Run != "" && row.Kind == dr.RowRequested && !slices.Contains(v.Runs, row.Run) {
		v.Runs = append(v.Runs, row.Run)
	}
}

func trustedKeys(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, dr.Errorf(dr.NotFound, "reading the trusted key: %w", err)
	}
	var keys []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if len(keys) == 0 {
		return nil, dr.Errorf(dr.Invalid, "%s holds no key", file).WithHint("one public key on each line, as log.pub of a bundle holds it")
	}
	return keys, nil
}

// offlineWhole reads every row, checkpoint and key from the state directory.
func (sh *shell) offlineWhole(ctx context.Context, d *reportData, keep func(json.RawMessage) error) error {
	return sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
		return st.Read(ctx, func(r *store.Reader) error {
			head, err := r.Head(ctx)
			if err != nil {
				return err
			}
			d.Checkpoint, d.Key = string(head.Note), st.PublicKey()
			for raw, err := range storedRows(ctx, r) {
				if err != nil {
					return err
				}
				row, err := journal.Decode(raw)
				if err != nil {
					return err
				}
				reading, err := encodeJSON(web.ReadingOf(sh.lang(), row))
				if err != nil {
					return err
				}
				if err := keep(reading); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
