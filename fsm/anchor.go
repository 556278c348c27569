package fsm

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// anchor writes the journal's root outside and notes where it went. Failing to is a warning: the
// run does not wait for a syslog.
func (e *Engine) anchor(ctx context.Context, run, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	var head journal.Head
	err := e.cfg.Store.Read(ctx, func(r *store.Reader) (err error) {
		head, err = r.Head(ctx)
		return err
	})
	if err != nil {
		e.cfg.Log.Error("reading the journal's head for an anchor", "run", run, "err", err)
		return
	}
	hash, err := journal.Root(head)
	if err != nil {
		e.cfg.Log.Error("reading the journal's root for an anchor", "run", run, "err", err)
		return
	}
	root := base64.StdEncoding.EncodeToString(hash[:])
	where := e.cfg.Anchor(ctx, fmt.Sprintf("switchman anchor run=%s why=%s size=%d root=%s", run, why, head.Size, root))
	if len(where) == 0 {
		return
	}
	err = e.cfg.Store.Write(ctx, func(tx *store.Tx) error {
		tx.Journal(newRow(e.now(), run, dr.RowAnchor, dr.Itself(),
			dr.AnchorData{Size: head.Size, Root: root, Why: why, To: strings.Join(where, ", ")}))
		return nil
	})
	if err != nil {
		e.cfg.Log.Error("noting an anchor", "run", run, "err", err)
	}
}
