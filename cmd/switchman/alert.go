package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
)

// maxAlertFile is what the server takes at once.
const maxAlertFile = 4 << 20

func alertCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{Use: "alert", Short: "Tell Switchman what fires, or what was changed", Example: "  switchman alert send storm.json"}
	c.AddCommand(alertSendCommand(sh))
	return c
}

func alertSendCommand(sh *shell) *cobra.Command {
	return &cobra.Command{
		Use:   "send FILE",
		Short: "Send alerts or changes from a file; - reads standard input",
		Long: `Send alerts or changes from a file of JSON; - reads standard input.

The file holds what Alertmanager posts to a webhook, one alert or a list of them, or changes with
kind, system, node, site, summary and by. It is told by its look. The same again changes nothing.
What could not be read is listed with its place. Signals are kept and looked at in their order;
see them with switchman situation list.`,
		Example: "  switchman alert send storm.json\n" +
			"  echo '{\"status\":\"firing\",\"labels\":{\"alertname\":\"DiskFull\",\"instance\":\"10.1.0.11:5432\"}}' | switchman alert send -\n" +
			"  echo '{\"kind\":\"deploy\",\"system\":\"payments\",\"summary\":\"7.5.0\",\"by\":\"pipeline\"}' | switchman alert send -",
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return sh.sendAlerts(cmd.Context(), args[0]) },
	}
}

// takenSignals is the answer of POST /api/signals.
type takenSignals struct {
	Taken     int      `json:"taken"`
	Known     int      `json:"known"`
	Truncated int      `json:"truncated,omitempty"`
	Skipped   []string `json:"skipped,omitempty"`
}

func (sh *shell) sendAlerts(ctx context.Context, file string) error {
	raw, err := sh.alertFile(file)
	if err != nil {
		return err
	}
	var out takenSignals
	if err := sh.call(ctx, http.MethodPost, "/api/signals", json.RawMessage(raw), &out); err != nil {
		return err
	}
	return sh.show(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s taken", plural(out.Taken, "signal"))
		if out.Known > 0 {
			fmt.Fprintf(w, ", %d known already", out.Known)
		}
		fmt.Fprintln(w, ".")
		if out.Truncated > 0 {
			fmt.Fprintf(w, "The sender left out %d.\n", out.Truncated)
		}
		for _, why := range out.Skipped {
			fmt.Fprintf(w, "skipped: %s\n", why)
		}
		if out.Taken > 0 {
			fmt.Fprintln(w, "\nSee what is made of it: switchman situation list")
		}
	})
}

// alertFile reads a file of JSON and says where it is none.
func (sh *shell) alertFile(name string) ([]byte, error) {
	in := sh.term.in
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) {
			return nil, dr.Errorf(dr.NotFound, "there is no file %s", name)
		}
		if err != nil {
			return nil, fmt.Errorf("reading alerts: %w", err)
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxAlertFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading alerts: %w", err)
	}
	if len(raw) > maxAlertFile {
		return nil, dr.Errorf(dr.Invalid, "%s is larger than 4 MiB", name).WithHint("send it in parts")
	}
	var any json.RawMessage
	if err := json.Unmarshal(raw, &any); err != nil {
		line, column := 1, 1
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line, column = placeOf(raw, syntax.Offset)
		}
		return nil, dr.Errorf(dr.Invalid, "%s:%d:%d: this is not JSON", name, line, column).WithHint("send what Alertmanager posts, or see switchman alert send --help")
	}
	return raw, nil
}

// placeOf is the line and column of a byte.
func placeOf(raw []byte, offset int64) (line, column int) {
	line, column = 1, 1
	for _, c := range raw[:min(max(offset-1, 0), int64(len(raw)))] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
