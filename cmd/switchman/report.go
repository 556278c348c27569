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
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

// reportFormats are what a report can be had as; a zip only goes to a file.
var reportFormats = [...]string{"md", "html", "json", "zip"}

func reportCommand(sh *shell) *cobra.Command {
	var out, format string
	c := &cobra.Command{
		Use: "report RUN", Short: "One report of a run: times, people, steps, proof",
		Long: `One report of a run and, when there was one, of its way back: who agreed to what, how long machines and
people took against the targets, what every system lost, every step with its evidence, and the register
of all runs on these systems.

With --out FILE.zip it is a bundle for an examiner: the report in both languages, rows, plans and
recordings with their proofs, signed. They check it offline with "switchman verify FILE.zip", or with
sha256sum and ssh-keygen alone, as VERIFY.md in it says. Without a server it is made from the state
directory.`,
		Example: "  switchman report r1125-x7kq\n  switchman report r1125-x7kq --out drill.html --lang zh\n  switchman report r1125-x7kq --format json | jq '.runs[0].times'\n  switchman report r1125-x7kq --out spring-drill.zip",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if sh.json && out == "" {
				format = "json"
			}
			return sh.report(cmd.Context(), args[0], out, format)
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().StringVar(&out, "out", "", "write to `FILE`: .zip, .html, .md or .json")
	c.Flags().StringVar(&format, "format", "md", "html, md or json")
	complete(c, "format", "html", "md", "json")
	return c
}

func (sh *shell) report(ctx context.Context, id, out, format string) error {
	if ext := strings.TrimPrefix(filepath.Ext(out), "."); slices.Contains(reportFormats[:], ext) {
		format = ext
	} else if out != "" {
		return dr.Errorf(dr.Usage, "a report ends in .zip, .html, .md or .json, not %q", filepath.Base(out))
	}
	if !slices.Contains(reportFormats[:], format) || format == "zip" && out == "" {
		return dr.Errorf(dr.Usage, "there is no format %q", format).WithHint("formats are html, md and json; a bundle is written with --out FILE.zip")
	}
	if out == "" {
		var b bytes.Buffer
		if err := sh.makeReport(ctx, id, format, &b); err != nil {
			return err
		}
		_, err := sh.term.out.Write(b.Bytes())
		return err
	}
	err := writeFile(out, func(w io.Writer) error { return sh.makeReport(ctx, id, format, w) })
	if err != nil {
		return err
	}
	return sh.show(map[string]string{"report": out, "run": id}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n", out)
		if format == "zip" {
			sh.note("to check it: switchman verify %s", out)
		}
	})
}

// makeReport has the server make the report, or makes it from the state directory.
func (sh *shell) makeReport(ctx context.Context, id, format string, w io.Writer) error {
	c, err := sh.client()
	if err == nil {
		err = c.Download(ctx, "/api/runs/"+url.PathEscape(id)+"/report?format="+format, w)
	}
	if !notRunning(err) {
		return err
	}
	sh.note("server not running; read from the state directory")
	return sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
		return st.Read(ctx, func(r *store.Reader) error {
			src, err := report.Gather(ctx, r, id, version())
			if err != nil {
				return err
			}
			return report.Write(w, src, format, sh.lang(), st.SignFile)
		})
	})
}

// writeFile writes beside the target and renames, so that a file by that name is always whole.
func writeFile(path string, write func(io.Writer) error) error {
	tmp := path + ".part"
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
