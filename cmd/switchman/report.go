package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

// reportFormats are what a report can be had as; a zip only goes to a file.
var reportFormats = [...]string{"md", "html", "json", "zip"}

// reportWish is which report somebody wants.
type reportWish struct {
	run, out, format string
	anchors          []int64
}

func reportCommand(sh *shell) *cobra.Command {
	var want reportWish
	c := &cobra.Command{
		Use: "report RUN", Short: "One report of a run: times, people, steps, proof",
		Long: `One report of a run and, when there was one, of its way back: who agreed to what, how long machines and
people took against the targets, what every system lost, every step with its evidence, and the register
of all runs on these systems.

With --out FILE.zip it is a bundle for an examiner: the report in both languages, rows, plans and
recordings with their proofs, signed. They check it offline with "switchman verify FILE.zip", or with
sha256sum and ssh-keygen alone, as VERIFY.md in it says. Whoever kept a root of the journal
("switchman journal --anchor") finds it again in a bundle made with --anchor and its size. Without a
server it is made from the state directory.`,
		Example: "  switchman report r1125-x7kq\n  switchman report r1125-x7kq --out drill.html --lang zh\n  switchman report r1125-x7kq --format json | jq '.runs[0].times'\n  switchman report r1125-x7kq --out spring-drill.zip\n  switchman report r1125-x7kq --out spring-drill.zip --anchor 845",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if sh.json && want.out == "" {
				want.format = "json"
			}
			want.run = args[0]
			return sh.report(cmd.Context(), want)
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().StringVar(&want.out, "out", "", "write to `FILE`: .zip, .html, .md or .json")
	c.Flags().StringVar(&want.format, "format", "md", "html, md or json")
	c.Flags().Int64SliceVar(&want.anchors, "anchor", nil, "let the bundle prove the root somebody kept at `SIZE` rows, too")
	complete(c, "format", "html", "md", "json")
	return c
}

func (sh *shell) report(ctx context.Context, want reportWish) error {
	if ext := strings.TrimPrefix(filepath.Ext(want.out), "."); slices.Contains(reportFormats[:], ext) {
		want.format = ext
	} else if want.out != "" {
		return dr.Errorf(dr.Usage, "a report ends in .zip, .html, .md or .json, not %q", filepath.Base(want.out))
	}
	if !slices.Contains(reportFormats[:], want.format) || want.format == "zip" && want.out == "" {
		return dr.Errorf(dr.Usage, "there is no format %q", want.format).WithHint("formats are html, md and json; a bundle is written with --out FILE.zip")
	}
	if len(want.anchors) > 0 && want.format != "zip" {
		return dr.Errorf(dr.Usage, "--anchor is for bundles").WithHint("write one with --out FILE.zip")
	}
	if want.out == "" {
		var b bytes.Buffer
		if err := sh.makeReport(ctx, want, &b); err != nil {
			return err
		}
		_, err := sh.term.out.Write(b.Bytes())
		return err
	}
	err := writeFile(want.out, func(w io.Writer) error { return sh.makeReport(ctx, want, w) })
	if err != nil {
		return err
	}
	return sh.show(map[string]string{"report": want.out, "run": want.run}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n", want.out)
		if want.format == "zip" {
			sh.note("to check it: switchman verify %s", want.out)
		}
	})
}

// makeReport has the server make the report, or makes it from the state directory.
func (sh *shell) makeReport(ctx context.Context, want reportWish, w io.Writer) error {
	c, err := sh.client()
	if err == nil {
		q := url.Values{"format": {want.format}}
		for _, size := range want.anchors {
			q.Add("anchor", strconv.FormatInt(size, 10))
		}
		err = c.Download(ctx, "/api/runs/"+url.PathEscape(want.run)+"/report?"+q.Encode(), w)
	}
	if !notRunning(err) {
		return err
	}
	sh.noteHere()
	return sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
		return st.Read(ctx, func(r *store.Reader) error {
			src, err := report.Gather(ctx, r, want.run, version(), want.anchors...)
			if err != nil {
				return err
			}
			return report.Write(w, src, want.format, sh.language(ctx), st.SignFile)
		})
	})
}

// writeFile writes beside the target and renames, so that a file by that name is always whole.
func writeFile(path string, write func(io.Writer) error) error {
	tmp := path + part
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err = errors.Join(write(f), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}
