package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

func verifyCommand(sh *shell) *cobra.Command {
	var trust string
	c := &cobra.Command{
		Use: "verify [BUNDLE]", Short: "Check a report's bundle, or this machine's own journal",
		Long: `Check a report's bundle (.zip or its unpacked folder) without any server or network, or, without BUNDLE,
this machine's own state directory.

Of a bundle every file is held against the signed list, the rows against the signed root of the journal,
the register of runs against its chains, plans and evidence against their digests, and the report is
made again and compared. A bundle brings its own key, which proves that nothing changed since it was
exported, not who exported it. With --trust FILE, your own copy of the public key and of roots you saw
("switchman journal --anchor" prints them), the answer is also trusted. Ends with 8 when a proof fails.`,
		Example: "  switchman verify spring-drill.zip\n  switchman verify spring-drill.zip --trust bank.txt --json\n  switchman verify --state ./var",
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
	c.Flags().StringVar(&trust, "trust", "", "your own `FILE` with public keys and roots you trust")
	return c
}

func verdictText(w io.Writer, v report.Verdict) {
	for _, p := range v.Problems {
		fmt.Fprintf(w, "%s: %s (%s)\n", p.Where, p.Text, p.Code)
	}
	for _, n := range v.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	state := "NOT VERIFIED"
	if v.OK {
		state = "verified"
	}
	fmt.Fprintf(w, "%s: %s, %s, %s\n", state, plural(int(v.Rows), "row"), plural(v.Artefacts, "file"), plural(len(v.Runs), "run"))
	if v.Checkpoint.Size > 0 {
		fmt.Fprintf(w, "  root %s at %s\n  key  %s\n", v.Checkpoint.Root, plural(int(v.Checkpoint.Size), "row"), v.Checkpoint.Key)
	}
	switch {
	case v.Trusted && v.Anchors > 0:
		fmt.Fprintf(w, "  trusted: signed by your key, and grown from %s you kept\n", plural(v.Anchors, "root"))
	case v.Trusted:
		fmt.Fprintln(w, "  trusted: signed by your key")
	case v.KnownKey:
		fmt.Fprintln(w, "  not trusted: signed by your key, but a root you kept is not proven, see the note")
	case v.OK && !v.Bundle:
		fmt.Fprintln(w, "  whole; origin unproven: --trust FILE, with your own copy of the key, proves it")
	case v.OK:
		fmt.Fprintln(w, "  intact since export; origin unproven: --trust FILE, with your own copy of the key, proves it")
	}
}

func (sh *shell) verify(ctx context.Context, args []string, trust string) (report.Verdict, error) {
	var known report.Trust
	if trust != "" {
		var err error
		if known, err = report.ReadTrust(trust); err != nil {
			return report.Verdict{}, err
		}
	}
	if len(args) == 1 {
		return report.VerifyBundle(args[0], known, version())
	}
	return sh.verifyState(ctx, known)
}

// verifyState reads everything the state directory holds: rows, tree, frozen plans, evidence.
func (sh *shell) verifyState(ctx context.Context, trust report.Trust) (report.Verdict, error) {
	v := report.Verdict{Runs: []string{}, Notes: []string{}, Problems: []report.Problem{}}
	cfg, err := sh.settings()
	if err != nil {
		return v, err
	}
	st, err := sh.openForReading(ctx, cfg)
	if err == nil {
		err = errors.Join(sh.readThrough(ctx, st, trust, &v), st.Close())
	}
	if known, ok := errors.AsType[*dr.Error](err); ok && known.Kind == dr.Unverified {
		t := sh.tell(err)
		v.OK, v.Trusted = false, false
		v.Problems = append(v.Problems, report.Problem{Code: firstText(known.ID, "unverified"), Where: cfg.StateDir, Text: strings.TrimSpace(t.Message + " " + t.Hint)})
		return v, nil
	}
	return v, err
}

func (sh *shell) readThrough(ctx context.Context, st *store.Store, trust report.Trust, v *report.Verdict) error {
	found, err := st.Verify(ctx)
	if err != nil {
		return err
	}
	v.Runs = append(v.Runs, found.Runs...)
	v.Rows, v.Artefacts, v.Checkpoint = found.Rows, int(found.Slices+found.Blobs), checkpointOf(found.Checkpoint)
	err = st.Read(ctx, func(r *store.Reader) error {
		return v.Anchor(trust, "", func(size int64) (tlog.Hash, error) { return r.Root(ctx, size) })
	})
	v.Conclude(slices.ContainsFunc(found.Line, func(key string) bool { return slices.Contains(trust.Keys, key) }), trust)
	return err
}

func checkpointOf(cp journal.Checkpoint) report.Checkpoint {
	return report.Checkpoint{Size: cp.Size, Root: base64.StdEncoding.EncodeToString(cp.Root[:]), Key: cp.Key}
}
