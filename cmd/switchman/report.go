package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/journal"
)

// reportData is what a report is made of: the run, its way back, their rows, and the journal they
// stand in.
type reportData struct {
	Run        json.RawMessage   `json:"run"`
	Switchback json.RawMessage   `json:"switchback,omitempty"`
	Journal    []json.RawMessage `json:"journal"` // rows of both runs, with their words
	Checkpoint string            `json:"checkpoint"`
	Key        string            `json:"key"`

	run, back fsm.View
	rows      [][]byte // the whole journal, the bytes that were hashed
}

func reportCommand(sh *shell) *cobra.Command {
	var out, format string
	c := &cobra.Command{
		Use: "report RUN", Short: "One report of a run: times, people, steps, findings",
		Long: `One report of a run and, when there was one, of its way back: who agreed to what, how long machines and
people took, what every system lost, and every step.

With --out FILE.zip it also holds the journal and its signed checkpoint, so that somebody else can
check it offline with "switchman verify FILE.zip".`,
		Example: "  switchman report r1125-x7kq\n  switchman report r1125-x7kq --format json | jq .run.times\n  switchman report r1125-x7kq --out spring-drill.zip",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if sh.json && out == "" {
				format = "json"
			}
			return sh.report(cmd.Context(), args[0], out, format)
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().StringVar(&out, "out", "", "write to `FILE`: .zip, .md or .json")
	c.Flags().StringVar(&format, "format", "md", "md or json")
	complete(c, "format", "md", "json")
	return c
}

func (sh *shell) report(ctx context.Context, id, out, format string) error {
	if ext := strings.TrimPrefix(filepath.Ext(out), "."); ext == "md" || ext == "json" || ext == "zip" {
		format = ext
	} else if out != "" {
		return dr.Errorf(dr.Usage, "a report ends in .zip, .md or .json, not %q", filepath.Base(out))
	}
	d, err := sh.gather(ctx, id)
	if err != nil {
		return err
	}
	raw, err := d.encode(format)
	if err != nil {
		return err
	}
	if out == "" {
		_, err := sh.term.out.Write(raw)
		return err
	}
	if err := writeFile(out, raw); err != nil {
		return err
	}
	return sh.show(map[string]string{"report": out, "run": id}, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n", out)
		if format == "zip" {
			sh.note("to check it: switchman verify %s", out)
		}
	})
}

func (d *reportData) encode(format string) ([]byte, error) {
	switch format {
	case "md":
		var b bytes.Buffer
		d.markdown(&b)
		return b.Bytes(), nil
	case "json":
		raw, err := json.MarshalIndent(d, "", "  ")
		return append(raw, '\n'), err
	case "zip":
		return d.zip()
	}
	return nil, dr.Errorf(dr.Usage, "there is no format %q", format).WithHint("formats are md and json")
}

// gather reads all a report needs, from the server or the state directory.
func (sh *shell) gather(ctx context.Context, id string) (*reportData, error) {
	d := &reportData{Journal: []json.RawMessage{}}
	var err error
	if d.Run, d.run, err = sh.view(ctx, id); err != nil {
		return nil, err
	}
	if d.run.Parent != "" { // a way back is reported with the run it closes
		return sh.gather(ctx, d.run.Parent)
	}
	if d.run.Child != "" {
		if d.Switchback, d.back, err = sh.view(ctx, d.run.Child); err != nil {
			return nil, err
		}
	}
	return d, sh.gatherJournal(ctx, d)
}

func (sh *shell) gatherJournal(ctx context.Context, d *reportData) error {
	keep := func(raw json.RawMessage) error {
		var ev client.Event
		if err := json.Unmarshal(raw, &ev); err != nil {
			return fmt.Errorf("reading a journal row: %w", err)
		}
		leaf, err := journal.Encode(ev.Row)
		if err != nil {
			return err
		}
		d.rows = append(d.rows, leaf)
		if ev.Run == d.run.ID || d.run.Child != "" && ev.Run == d.run.Child {
			d.Journal = append(d.Journal, slices.Clone(raw))
		}
		return nil
	}
	from := int64(0)
	for {
		var page journalPage
		err := sh.call(ctx, "GET", "/api/journal?"+url.Values{"from": {fmt.Sprint(from)}, "limit": {"1000"}}.Encode(), nil, &page)
		if notRunning(err) {
			return sh.offlineWhole(ctx, d, keep)
		}
		if err != nil {
			return err
		}
		for _, raw := range page.Rows {
			if err := keep(raw); err != nil {
				return err
			}
		}
		if page.Next == nil {
			d.Checkpoint, d.Key = page.Checkpoint, page.Key
			return nil
		}
		from = *page.Next
	}
}

// zip packs the report with what is needed to check it.
func (d *reportData) zip() ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range []struct{ name, format string }{{"report.md", "md"}, {"report.json", "json"}} {
		raw, err := d.encode(part.format)
		if err != nil {
			return nil, err
		}
		if err := addFile(z, part.name, raw); err != nil {
			return nil, err
		}
	}
	for _, part := range []struct {
		name string
		raw  []byte
	}{{journalFile, append(bytes.Join(d.rows, []byte("\n")), '\n')}, {checkpointFile, []byte(d.Checkpoint)}, {keyFile, []byte(d.Key + "\n")}} {
		if err := addFile(z, part.name, part.raw); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("packing the report: %w", err)
	}
	return b.Bytes(), nil
}

func addFile(z *zip.Writer, name string, raw []byte) error {
	w, err := z.Create(name)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err != nil {
		return fmt.Errorf("packing %s: %w", name, err)
	}
	return nil
}

// writeFile writes beside the target and renames, so that a file by that name is always whole.
func writeFile(path string, raw []byte) error {
	tmp := path + ".part"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
