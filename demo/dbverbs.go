package demo

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// dbVerb carries out what only databases can do.
func (n *node) dbVerb(ctx context.Context, verb string, rest []string, say teller) int {
	switch verb {
	case "lag":
		return sayJSON(say, n.db.lag())
	case "count":
		return sayJSON(say, n.db.count())
	case "rpo":
		return n.rpo(say)
	case "served":
		return sayJSON(say, map[string]int{"served": n.db.served()})
	case "rows":
		return n.rows(ctx, slices.Contains(rest, "--handover"), say)
	case "cut":
		n.db.mu.Lock()
		cut := slices.Clone(n.db.meta.Cut)
		n.db.mu.Unlock()
		return sayJSON(say, map[string]any{"rows": len(cut), "amount": amountOf(cut), "for_reentry": cut})
	case "freeze", "unfreeze":
		return n.freeze(ctx, verb == "freeze", say)
	case "promote":
		return n.promote(ctx, slices.Contains(rest, "--force"), say)
	case "demote":
		return n.demote(ctx, say)
	case "rejoin":
		return n.rejoin(ctx, say)
	}
	say("verbs: " + verbList)
	return 2
}

// rows lists the ledger, one JSON object per row, for reconciliation. With handover only the rows
// that the newest primary began with: both sides must have exactly those, however many customers
// have booked since. Rows a diverged copy has beyond that point are listed, for they would be lost.
func (n *node) rows(ctx context.Context, handover bool, say teller) int {
	if handover {
		n.db.settle(ctx)
	}
	for _, row := range n.db.handover(handover) {
		say(fmt.Sprintf(`{"id":%q,"amount":%d}`, row.ID, row.Amount))
	}
	return 0
}

// rpo says how much time may be lost, at most, because the primary fell silent: since it last
// answered, if this copy then had every row, else since the newest row here. While the primary
// answers it is the lag.
func (n *node) rpo(say teller) int {
	d := n.db
	lag := d.lag()
	d.mu.Lock()
	defer d.mu.Unlock()
	ms := max(0, lag.Millis)
	switch {
	case d.peer.lost.IsZero():
	case d.peer.size <= d.led.size():
		ms = d.peer.lost.Sub(d.peer.heard).Milliseconds()
	case d.led.size() > 0:
		ms = max(0, d.peer.lost.UnixMilli()-d.led.rows[d.led.size()-1].At)
	}
	return sayJSON(say, map[string]int64{"rpo_ms": ms, "rows": int64(d.led.size())})
}

// dbQuestion answers `is` for databases. Where the answer needs the peer and the peer is silent,
// nobody can tell.
func (n *node) dbQuestion(ctx context.Context, what string) (yes, known bool) {
	d := n.db.status()
	switch what {
	case "primary":
		return d.Role == "primary" && !d.Fenced, true
	case "standby":
		return d.Role == "standby", true
	case "frozen":
		return !d.Writable, true
	case "writable":
		return d.Writable, true
	case "diverged":
		return d.Diverged, true
	case "following":
		return d.Role == "standby" && !d.Diverged && n.db.lag().Known, true
	case "replicating": // whichever side this is
		return !d.Diverged && !d.Fenced && n.db.lag().Known, true
	case "caught-up":
		peer, ok := n.ask(ctx)
		if !ok {
			return false, false
		}
		if d = n.db.status(); d.Role == "primary" {
			return d.Acked >= d.Size, true
		}
		return !d.Diverged && d.Size >= peer.Size, true
	}
	return false, false
}

// ask looks at the peer now.
func (n *node) ask(ctx context.Context) (dbStatus, bool) {
	ctx, cancel := context.WithTimeout(ctx, hopTimeout)
	defer cancel()
	var st dbStatus
	err := n.site.get(ctx, n, n.Peer(), "/state", &st)
	return st, err == nil && len(st.History) > 0
}

func (n *node) freeze(ctx context.Context, on bool, say teller) int {
	d := n.db
	d.mu.Lock()
	if d.meta.Role != "primary" || d.meta.Fenced {
		d.mu.Unlock()
		if on {
			say(n.ID + " is not the primary; it takes no writes anyway")
			return 0
		}
		say("refused: " + n.ID + " is not the primary")
		return 1
	}
	if d.meta.Frozen == on {
		d.mu.Unlock()
		say(fmt.Sprintf("%s: frozen is %v already", n.ID, on))
		return 0
	}
	d.meta.Frozen = on
	size, err := d.led.size(), d.changed(true)
	d.mu.Unlock()
	if err != nil {
		return failed(say, err)
	}
	pause(ctx, n.took(30*time.Millisecond))
	if on {
		say(fmt.Sprintf("ok: %s takes no more writes; last row is %d", n.ID, size))
	} else {
		say("ok: " + n.ID + " takes writes again")
	}
	return 0
}

// promote makes a standby the primary under a new epoch. It is meant to happen once: asked again it
// refuses, for the second call is always somebody's mistake. Without force it also refuses while
// the peer may still take writes or has rows this copy lacks.
func (n *node) promote(ctx context.Context, force bool, say teller) int {
	d := n.db
	if st := d.status(); st.Role == "primary" && !st.Fenced {
		say(fmt.Sprintf("refused: %s is the primary already, epoch %d", n.ID, st.History[len(st.History)-1].Epoch))
		return 1
	}
	say(fmt.Sprintf("promoting %s: looking at %s", n.ID, n.Peer()))
	peer, heard := n.ask(ctx)
	if no := n.objection(peer, heard); no != "" {
		if !force {
			say("refused: " + no)
			return 1
		}
		say("forced, although " + no)
		n.fencePeer(ctx, heard, say)
	}
	pause(ctx, n.took(150*time.Millisecond))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.meta.Role == "primary" && !d.meta.Fenced {
		say("refused: " + n.ID + " was promoted meanwhile")
		return 1
	}
	epoch := d.epoch()
	if heard {
		epoch = max(epoch, peer.History[len(peer.History)-1].Epoch)
	}
	d.meta.History = append(d.meta.History, epochStart{Epoch: epoch + 1, Rows: d.led.size()})
	d.meta.Role, d.meta.Frozen, d.meta.Fenced = "primary", false, false
	d.acked, d.ackedAt = 0, time.Time{}
	if err := d.changed(true); err != nil {
		return failed(say, err)
	}
	say(fmt.Sprintf("ok: %s is the primary, epoch %d, %d rows", n.ID, epoch+1, d.led.size()))
	return 0
}

// objection says why a promotion would be wrong, if it would.
func (n *node) objection(peer dbStatus, heard bool) string {
	st := n.db.status()
	switch {
	case st.Diverged:
		return n.ID + " has rows that the primary does not know; rejoin it first"
	case !heard:
		return n.Peer() + " does not answer, so nobody knows what it has"
	case peer.Writable:
		return n.Peer() + " still takes writes; freeze it first"
	case peer.Size > st.Size:
		return fmt.Sprintf("%d rows of %s have not arrived yet", peer.Size-st.Size, n.Peer())
	}
	return ""
}

// fencePeer asks a primary that is to be overruled to stop, as far as it still listens.
func (n *node) fencePeer(ctx context.Context, heard bool, say teller) {
	if !heard {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hopTimeout)
	defer cancel()
	code, _, err := n.site.request(ctx, n, n.Peer(), http.MethodPost, "/do/freeze", nil, false)
	if err == nil && code == http.StatusOK {
		say(n.Peer() + " is frozen")
	}
}

func (n *node) demote(ctx context.Context, say teller) int {
	d := n.db
	d.mu.Lock()
	if d.meta.Role == "standby" {
		d.mu.Unlock()
		say(n.ID + " is a standby already")
		return 0
	}
	if d.writable() {
		d.mu.Unlock()
		say("refused: " + n.ID + " takes writes; freeze it first")
		return 1
	}
	d.meta.Role, d.meta.Frozen, d.meta.Fenced = "standby", false, false
	err := d.changed(true)
	d.mu.Unlock()
	if err != nil {
		return failed(say, err)
	}
	pause(ctx, n.took(40*time.Millisecond))
	say("ok: " + n.ID + " is a standby and follows " + n.Peer())
	return 0
}

// rejoin brings an old primary back as a standby. Rows that only it has are cut off, kept in a file
// and listed, because somebody has to enter them again.
func (n *node) rejoin(ctx context.Context, say teller) int {
	d := n.db
	peer, heard := n.ask(ctx)
	if !heard {
		say("failed: " + n.Peer() + " does not answer; nothing to join")
		return 1
	}
	if peer.Role != "primary" || peer.Fenced {
		say("refused: " + n.Peer() + " is not a primary, so there is nothing to follow")
		return 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.peer = peerView{heard: time.Now(), role: peer.Role, writes: peer.Writable, size: peer.Size, history: peer.History}
	keep, diverged := d.divergence()
	if d.meta.Role == "standby" && !diverged {
		say(n.ID + " follows " + n.Peer() + " already")
		return 0
	}
	if !d.behindPeer() {
		say(fmt.Sprintf("refused: %s has epoch %d, its peer has none newer", n.ID, d.epoch()))
		return 1
	}
	say(fmt.Sprintf("rejoining %s: history parts at row %d, %d rows are only here", n.ID, keep, d.led.size()-keep))
	d.meta.Role, d.meta.Frozen, d.meta.Fenced, d.meta.Cut = "standby", false, false, nil
	if diverged {
		cut, err := d.led.cut(keep)
		if err != nil {
			return failed(say, err)
		}
		d.meta.Cut = cut
		sayCut(say, cut)
	}
	if err := d.changed(true); err != nil {
		return failed(say, err)
	}
	say("ok: " + n.ID + " is a standby and follows " + n.Peer())
	return 0
}

func sayCut(say teller, cut []Row) {
	say(fmt.Sprintf("for re-entry: %d rows, %s in all", len(cut), money(amountOf(cut))))
	for i, row := range cut {
		if i == 20 {
			say(fmt.Sprintf("  … and %d more; `demo-node NODE cut` lists them all", len(cut)-i))
			return
		}
		say(fmt.Sprintf("  row %d  %s  %s", row.N, row.ID, money(row.Amount)))
	}
}

func amountOf(rows []Row) (sum int64) {
	for _, r := range rows {
		sum += r.Amount
	}
	return sum
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
