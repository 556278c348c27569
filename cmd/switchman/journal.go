package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
	"github.com/switchman-dr/switchman/web"
)

func journalCommand(sh *shell) *cobra.Command {
	var follow, anchor bool
	var from int64
	c := &cobra.Command{
		Use:   "journal [RUN]",
		Short: "Read what happened, in order; nobody can quietly change it",
		Long: `Read the journal: every decision, refusal, step and outcome, in order. With RUN only its rows.

Without a server the rows are read from the state directory. With --json every row is one line.

With --anchor it prints the public key and the root of the journal as it is now: what an examiner keeps,
and later gives to "switchman verify BUNDLE --trust FILE".`,
		Example: "  switchman journal\n  switchman journal r1125-x7kq --follow\n  switchman journal --json | jq 'select(.kind==\"refusal\")'\n  switchman journal --anchor > bank-2026-11-25.txt",
		Args:    exactly("[RUN]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if anchor {
				return sh.anchor(cmd.Context())
			}
			run := ""
			if len(args) == 1 {
				run = args[0]
			}
			next, err := sh.journal(cmd.Context(), run, from)
			if err != nil || !follow {
				return err
			}
			return sh.followJournal(cmd.Context(), run, next)
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with rows as they come, until interrupted")
	c.Flags().BoolVar(&anchor, "anchor", false, "print public key and present root, for a verifier to keep")
	c.Flags().Int64Var(&from, "from", 0, "begin with row `N`")
	return c
}

// journalPage is the answer of GET /api/journal.
type journalPage struct {
	Rows       []json.RawMessage `json:"rows"`
	Next       *int64            `json:"next"`
	Size       int64             `json:"size"`
	Checkpoint string            `json:"checkpoint"`
	Key        string            `json:"key"`
}

// journal prints what there is and says where to read on.
func (sh *shell) journal(ctx context.Context, run string, from int64) (int64, error) {
	sh.ready(ctx)
	size, err := sh.pages(ctx, run, from, sh.printReading)
	if notRunning(err) {
		sh.noteHere()
		return 0, sh.offlineJournal(ctx, run, from, func(r web.Reading) error {
			raw, err := encodeJSON(r)
			if err != nil {
				return err
			}
			return sh.printReading(raw)
		})
	}
	return size, err
}

// pages reads the journal from the server and hands each row on.
func (sh *shell) pages(ctx context.Context, run string, from int64, each func(json.RawMessage) error) (int64, error) {
	for {
		q := url.Values{"from": {fmt.Sprint(from)}, "limit": {"500"}}
		if run != "" {
			q.Set("run", run)
		}
		var page journalPage
		if err := sh.call(ctx, "GET", "/api/journal?"+q.Encode(), nil, &page); err != nil {
			return 0, err
		}
		for _, row := range page.Rows {
			if err := each(row); err != nil {
				return 0, err
			}
		}
		if page.Next == nil {
			return page.Size, nil
		}
		from = *page.Next
	}
}

func (sh *shell) printReading(raw json.RawMessage) error {
	if sh.json {
		_, err := fmt.Fprintf(sh.term.out, "%s\n", raw)
		return err
	}
	var ev client.Event
	if err := json.Unmarshal(raw, &ev); err != nil {
		return fmt.Errorf("reading a journal row: %w", err)
	}
	o := sh.voice(context.Background())
	if !sh.zoned {
		sh.zoned = true
		sh.note("%s", o.say("cli_times_in", dr.Args{"zone": o.zone.String()}))
	}
	_, err := fmt.Fprintf(sh.term.out, "%6d  %s  %-10s  %s\n", ev.Seq, o.moment(ev.At), fit(ev.Run, 10), oneLine(ev.Text))
	return err
}

// followJournal goes on where the pages ended; a lost connection is taken up again.
func (sh *shell) followJournal(ctx context.Context, run string, next int64) error {
	c, err := sh.client()
	if err != nil {
		return err
	}
	for {
		for ev, err := range c.Events(ctx, run, next) {
			if err != nil {
				if kind := dr.KindOf(err); ctx.Err() == nil && kind != dr.Unavailable && kind != dr.Unexpected || errors.Is(err, client.ErrNotRunning) {
					return err
				}
				break
			}
			next = ev.Seq + 1
			if err := sh.printReading(ev.Raw); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sh.term.clock.After(reconnect):
		}
	}
}

func notRunning(err error) bool { return errors.Is(err, client.ErrNotRunning) }

// anchor prints what somebody outside keeps to hold later reports against.
func (sh *shell) anchor(ctx context.Context) error {
	var page journalPage
	err := sh.call(ctx, "GET", "/api/journal?limit=1", nil, &page)
	if notRunning(err) {
		sh.noteHere()
		err = sh.offline(ctx, func(st *store.Store, _ *fsm.Engine) error {
			return st.Read(ctx, func(r *store.Reader) error {
				head, err := r.Head(ctx)
				if err != nil {
					return err
				}
				keys, err := r.Keys(ctx)
				if err != nil {
					return err
				}
				page.Checkpoint, page.Key = string(head.Note), keys[len(keys)-1]
				return nil
			})
		})
	}
	if err != nil {
		return err
	}
	cp, err := journal.Verify([]byte(page.Checkpoint), page.Key)
	if err != nil {
		return fmt.Errorf("reading the journal's checkpoint: %w", err)
	}
	root := journal.Anchor{Size: cp.Size, Root: cp.Root}
	return sh.show(map[string]any{"key": page.Key, "size": cp.Size, "root": cp.Root.String()}, func(w io.Writer) {
		fmt.Fprintf(w, "# %s, %s\n%s\n%s\n", cp.Origin, sh.term.clock.Now().UTC().Format("2006-01-02"), page.Key, root)
	})
}
