package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	batchRows = 2000                   // rows per answer
	pollWait  = 400 * time.Millisecond // how long a primary keeps a follower waiting for news
	askAgain  = 60 * time.Millisecond  // pause of a follower that got no answer
)

// ship answers a follower that has n rows: it waits until there is a row old enough to leave, or
// until the wait is over. Asking for more is the follower's receipt for what it has.
func (d *database) ship(ctx context.Context, n int, epoch int64) dbStatus {
	deadline := time.NewTimer(pollWait)
	defer deadline.Stop()
	for {
		d.mu.Lock()
		if d.meta.Role == "primary" && epoch == d.epoch() {
			d.acked, d.ackedAt = n, time.Now()
		}
		rows, in := d.shippable(n)
		news, grown := d.meta.Role != "primary" || epoch != d.epoch(), d.grown
		d.mu.Unlock()
		if len(rows) > 0 || news {
			s := d.status()
			s.Rows = rows
			return s
		}
		if in <= 0 {
			in = pollWait
		}
		wake := time.NewTimer(in)
		select {
		case <-grown:
		case <-wake.C:
		case <-deadline.C:
			wake.Stop()
			return d.status()
		case <-ctx.Done():
			wake.Stop()
			return d.status()
		}
		wake.Stop()
	}
}

// shippable gives the rows that may leave now, or how long until the next may. Callers hold the lock.
func (d *database) shippable(n int) ([]Row, time.Duration) {
	if n < 0 || n >= d.led.size() {
		return nil, 0
	}
	if d.meta.Role != "primary" {
		return nil, 0
	}
	now, end := time.Now().UnixMilli(), n
	for end < d.led.size() && end-n < batchRows {
		if age := now - d.led.rows[end].At; !d.meta.Frozen && age < shipDelay.Milliseconds() {
			break
		}
		end++
	}
	if end == n {
		return nil, shipDelay - time.Duration(now-d.led.rows[n].At)*time.Millisecond
	}
	return append([]Row(nil), d.led.rows[n:end]...), 0
}

// follow runs as long as the node does: a standby fetches rows, a primary listens for a newer one.
func (n *node) follow(ctx context.Context) {
	for ctx.Err() == nil {
		wait := askAgain
		st, ok := dbStatus{}, false
		if !n.is(faultUnfed) {
			st, ok = n.askPeer(ctx)
		}
		n.db.noteSilence(ok)
		if ok {
			more, err := n.db.hear(st)
			if err != nil {
				n.site.logf("%s: %v", n.ID, err)
			} else if more {
				wait = 0
			}
		}
		if n.db.isPrimary() {
			wait = pollWait
		}
		if wait > 0 && !pause(ctx, wait) {
			return
		}
	}
}

// noteSilence remembers when the peer fell silent.
func (d *database) noteSilence(answers bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if answers {
		d.peer.lost = time.Time{}
	} else if d.peer.lost.IsZero() && !d.peer.heard.IsZero() {
		d.peer.lost = time.Now()
	}
}

func (d *database) isPrimary() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.meta.Role == "primary"
}

// askPeer fetches what the peer has beyond our rows.
func (n *node) askPeer(ctx context.Context) (dbStatus, bool) {
	n.db.mu.Lock()
	size, epoch, primary := n.db.led.size(), n.db.epoch(), n.db.meta.Role == "primary"
	n.db.mu.Unlock()
	path := "/rows?from=" + strconv.Itoa(size) + "&epoch=" + strconv.FormatInt(epoch, 10)
	if primary {
		path = "/state"
	}
	ctx, cancel := context.WithTimeout(ctx, pollWait+time.Second)
	defer cancel()
	var st dbStatus
	if err := n.site.get(ctx, n, n.Peer(), path, &st); err != nil {
		return dbStatus{}, false
	}
	return st, true
}

// hear takes in the peer's answer. It reports whether rows came, so that there may be more.
func (d *database) hear(st dbStatus) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(st.History) == 0 {
		return false, nil
	}
	d.peer = peerView{heard: time.Now(), role: st.Role, writes: st.Writable, size: st.Size, history: st.History}
	if st.Role != "primary" || st.Fenced {
		return false, nil
	}
	if d.meta.Role == "primary" {
		if d.behindPeer() && !d.meta.Fenced {
			d.meta.Fenced = true
			return false, d.changed(true)
		}
		return false, nil
	}
	if _, diverged := d.divergence(); diverged || st.History[len(st.History)-1].Epoch < d.epoch() {
		return false, nil
	}
	return d.adopt(st)
}

// adopt appends the peer's rows and takes over its history. Callers hold the lock.
func (d *database) adopt(st dbStatus) (bool, error) {
	turned := d.behindPeer()
	if turned {
		d.meta.History = append([]epochStart(nil), st.History...)
		d.meta.Frozen, d.meta.Fenced = false, false
	}
	added := 0
	for _, row := range st.Rows {
		if row.N != d.led.size()+1 {
			continue
		}
		if err := d.led.append(row); err != nil {
			return false, err
		}
		added++
	}
	if !turned && added == 0 {
		return false, nil
	}
	return true, d.changed(turned)
}

// serveRows is the primary's end of replication, plus what customers' auditors read.
func (n *node) serveRows(w http.ResponseWriter, r *http.Request) {
	from, _ := strconv.Atoi(r.URL.Query().Get("from"))
	switch r.URL.Path {
	case "/state":
		reply(w, http.StatusOK, n.db.status())
	case "/ledger":
		reply(w, http.StatusOK, n.db.rowsFrom(from, batchRows))
	default:
		epoch, _ := strconv.ParseInt(r.URL.Query().Get("epoch"), 10, 64)
		reply(w, http.StatusOK, n.db.ship(r.Context(), from, epoch))
	}
}

func reply(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(fmt.Sprintf("%q", err.Error()))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(b, '\n'))
}

// pause waits, unless the context ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
