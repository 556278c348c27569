package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// shipDelay is how old a row is when it leaves an open primary: the lag people see. A frozen
// primary ships at once.
const shipDelay = 150 * time.Millisecond

// epochStart says from which row on an epoch's primary wrote.
type epochStart struct {
	Epoch int64 `json:"epoch"`
	Rows  int   `json:"rows"` // rows there were when it began
}

// dbMeta is what a database remembers besides its rows.
type dbMeta struct {
	Role    string       `json:"role"` // primary | standby
	Frozen  bool         `json:"frozen"`
	Fenced  bool         `json:"fenced"` // a primary that has heard of a newer one
	History []epochStart `json:"history"`
	Cut     []Row        `json:"cut,omitempty"` // rows lost to the last rejoin, for re-entry
}

// peerView is what a database last heard from its peer.
type peerView struct {
	heard   time.Time
	lost    time.Time // when it first did not answer any more; zero while it does
	role    string
	writes  bool
	size    int
	history []epochStart
}

// database is the role db: a ledger with a role, a fence and a peer.
type database struct {
	mu      sync.Mutex
	grown   chan struct{} // closed and replaced whenever rows or flags change
	site    string
	path    string
	led     *ledger
	meta    dbMeta
	peer    peerView
	acked   int       // rows the follower says it has
	ackedAt time.Time // when it said so
}

func openDatabase(dir, site, id string) (*database, error) {
	path := filepath.Join(dir, id)
	led, err := openLedger(path + ".ledger")
	if err != nil {
		return nil, err
	}
	d := &database{grown: make(chan struct{}), site: site, path: path + ".json", led: led}
	d.meta = dbMeta{Role: "standby", History: []epochStart{{Epoch: 1}}}
	if site == East {
		d.meta.Role = "primary"
	}
	if err := readJSON(d.path, &d.meta); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(d.path), err)
	}
	if len(d.meta.History) == 0 {
		return nil, fmt.Errorf("reading %s: it has no history", filepath.Base(d.path))
	}
	return d, nil
}

// changed keeps the meta file up to date and wakes whoever waits. Callers hold the lock.
func (d *database) changed(meta bool) error {
	close(d.grown)
	d.grown = make(chan struct{})
	if !meta {
		return nil
	}
	if err := writeJSON(d.path, d.meta); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(d.path), err)
	}
	return nil
}

func (d *database) epoch() int64 { return d.meta.History[len(d.meta.History)-1].Epoch }

func (d *database) writable() bool {
	return d.meta.Role == "primary" && !d.meta.Frozen && !d.meta.Fenced
}

var errNotWritable = errors.New("takes no writes")

// write appends a transaction; the same id again gives the row it already has.
func (d *database) write(id string, amount int64) (Row, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.writable() {
		return Row{}, errNotWritable
	}
	if n, ok := d.led.byID[id]; ok {
		return d.led.rows[n-1], nil
	}
	row := Row{N: d.led.size() + 1, ID: id, Amount: amount, Site: d.site, Epoch: d.epoch(), At: time.Now().UnixMilli()}
	if err := d.led.append(row); err != nil {
		return Row{}, err
	}
	return row, d.changed(false)
}

// divergence finds where the peer's history leaves ours: the rows we may keep, and whether there
// are more. Callers hold the lock.
func (d *database) divergence() (keep int, diverged bool) {
	for _, e := range d.peer.history {
		if e.Epoch > d.epoch() && e.Rows < d.led.size() {
			return e.Rows, true
		}
	}
	return d.led.size(), false
}

// behindPeer reports whether the peer's epoch is newer than ours.
func (d *database) behindPeer() bool {
	h := d.peer.history
	return len(h) > 0 && h[len(h)-1].Epoch > d.epoch()
}

// dbStatus is what databases tell each other and the status verb tells people.
type dbStatus struct {
	Role     string       `json:"role"`
	Writable bool         `json:"writable"`
	Frozen   bool         `json:"frozen"`
	Fenced   bool         `json:"fenced"`
	Diverged bool         `json:"diverged"`
	Size     int          `json:"size"`
	Acked    int          `json:"acked"`
	History  []epochStart `json:"history"`
	Rows     []Row        `json:"rows,omitempty"`
}

func (d *database) status() dbStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, diverged := d.divergence()
	return dbStatus{Role: d.meta.Role, Writable: d.writable(), Frozen: d.meta.Frozen, Fenced: d.meta.Fenced, Diverged: diverged,
		Size: d.led.size(), Acked: d.acked, History: append([]epochStart(nil), d.meta.History...)}
}

func (d *database) count() Count {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.led.count()
	c.Role, c.Epoch, c.Site = d.meta.Role, d.epoch(), d.site
	return c
}

// Lag is how far the other site's copy is behind. Millis is -1 when nobody can say.
type Lag struct {
	Rows   int   `json:"rows"`
	Millis int64 `json:"lag_ms"`
	// Known is false when the other side has not been heard of for a while; Rows is then the last
	// that was known.
	Known bool `json:"known"`
}

// heardLately is how long news of the peer counts as news.
const heardLately = 2 * time.Second

// lag answers from this side's own knowledge, whichever side it is.
func (d *database) lag() Lag {
	d.mu.Lock()
	defer d.mu.Unlock()
	have, head, heard := d.led.size(), d.peer.size, d.peer.heard
	if d.meta.Role == "primary" {
		have, head, heard = d.acked, d.led.size(), d.ackedAt
	}
	l := Lag{Rows: max(0, head-have), Known: time.Since(heard) < heardLately}
	switch {
	case !l.Known:
		l.Millis = -1
	case l.Rows > 0 && d.meta.Role == "primary":
		l.Millis = max(1, time.Now().UnixMilli()-d.led.rows[have].At)
	case l.Rows > 0:
		l.Millis = max(1, time.Since(d.peer.heard).Milliseconds()+shipDelay.Milliseconds())
	}
	return l
}

// settle gives a copy that has just changed sides the moment it needs to hear of the new epoch.
func (d *database) settle(ctx context.Context) {
	for range 20 {
		d.mu.Lock()
		known := d.meta.Role == "primary" || d.peer.role == "primary" && !d.behindPeer()
		_, diverged := d.divergence()
		d.mu.Unlock()
		if known || diverged || !pause(ctx, askAgain) {
			return
		}
	}
}

// handover gives the rows the newest epoch began with, and whatever a diverged copy has besides;
// or all rows.
func (d *database) handover(only bool) []Row {
	d.mu.Lock()
	defer d.mu.Unlock()
	history := d.meta.History
	if d.behindPeer() {
		history = d.peer.history
	}
	n := d.led.size()
	if _, diverged := d.divergence(); only && !diverged {
		n = min(n, history[len(history)-1].Rows)
	}
	return append([]Row(nil), d.led.rows[:n]...)
}

// served counts the rows written here since this site took over.
func (d *database) served() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for i := d.led.size() - 1; i >= 0 && d.led.rows[i].Epoch == d.epoch(); i-- {
		n += btoi(d.led.rows[i].Site == d.site)
	}
	return n
}

// rowsFrom gives the rows after the first n.
func (d *database) rowsFrom(n, limit int) []Row {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n < 0 || n >= d.led.size() {
		return nil
	}
	return append([]Row(nil), d.led.rows[n:min(n+limit, d.led.size())]...)
}
