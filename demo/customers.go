package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Customers are the bank's customers. Each books one transaction after the other and tries until it
// is acknowledged, wherever the bank may be by then. What was acknowledged is remembered here, so
// that nobody has to believe the bank's own count.
type Customers struct {
	base    int
	session string
	client  *http.Client
	pace    time.Duration

	mu       sync.Mutex
	wallets  [][]int64 // per customer: the amounts acknowledged, in order
	answer   []string  // front doors to use, per the newest DNS answer
	serial   int64
	resolved time.Time
	first    time.Time
	last     time.Time // newest acknowledgement
	gap      time.Duration
	refused  int64

	attempts atomic.Int64
	done     sync.WaitGroup
	stop     context.CancelFunc
}

const (
	customerCount = 8
	resolveEvery  = 200 * time.Millisecond
	tryAgain      = 40 * time.Millisecond
	patience      = 2 * time.Second
)

// Customers sends customers to the bank until ctx ends or Stop is called. pace is the pause between
// two transactions of one of the eight customers; 200 ms makes about forty a second in all.
func (e *Estate) Customers(ctx context.Context, pace time.Duration) *Customers {
	ctx, stop := context.WithCancel(ctx)
	c := &Customers{base: e.base, session: strconv.FormatInt(time.Now().UnixMilli(), 36), pace: pace, stop: stop,
		wallets: make([][]int64, customerCount),
		client:  &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: customerCount, IdleConnTimeout: 5 * time.Second}}}
	for i := range customerCount {
		c.done.Go(func() { c.live(ctx, i) })
	}
	return c
}

// Stop sends the customers home and waits until they have gone.
func (c *Customers) Stop() {
	c.stop()
	c.done.Wait()
	c.client.CloseIdleConnections()
}

// live is one customer's day.
func (c *Customers) live(ctx context.Context, who int) {
	pause(ctx, c.pace*time.Duration(who)/customerCount) // so that they don't all come at once
	for n := 0; ctx.Err() == nil; n++ {
		t := transaction{ID: c.id(who, n), Amount: amountFor(who, n), Kind: kindFor(n)}
		for !c.book(ctx, t) {
			if !pause(ctx, tryAgain) {
				return
			}
		}
		c.acknowledged(who, t)
		pause(ctx, c.pace)
	}
}

func (c *Customers) id(who, n int) string { return fmt.Sprintf("%s-c%d-%06d", c.session, who, n) }

// amountFor is believable and the same each time: between 1.00 and about 1000.00.
func amountFor(who, n int) int64 { return 100 + int64((n*7919+who*104729)%99_991) }

func kindFor(n int) string {
	switch {
	case n%20 == 0:
		return "login"
	case n%3 == 0:
		return "payment"
	}
	return "transfer"
}

// book tries once. Only a plain 200 is an acknowledgement.
func (c *Customers) book(ctx context.Context, t transaction) bool {
	doors := c.resolve(ctx)
	if len(doors) == 0 {
		return false
	}
	body, err := json.Marshal(t)
	if err != nil {
		return false
	}
	door := doors[int(c.attempts.Add(1))%len(doors)]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+door+"/book", bytes.NewReader(body))
	if err != nil {
		return false
	}
	res, err := c.client.Do(req)
	if err != nil {
		c.forget()
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		c.forget()
		return false
	}
	return true
}

// forget makes the next try ask the DNS again.
func (c *Customers) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused++
	if time.Since(c.resolved) > tryAgain {
		c.resolved = time.Time{}
	}
}

// resolve asks both sites' DNS nodes and believes the newer answer.
func (c *Customers) resolve(ctx context.Context) []string {
	c.mu.Lock()
	fresh := time.Since(c.resolved) < resolveEvery
	doors := c.answer
	if !fresh {
		c.resolved = time.Now() // the others go on with the old answer while we ask
	}
	c.mu.Unlock()
	if fresh {
		return doors
	}
	for _, n := range Nodes() {
		if n.Role != "dns" {
			continue
		}
		var rec record
		if err := c.read(ctx, n, "/record", &rec); err != nil {
			continue
		}
		c.mu.Lock()
		if rec.Serial > c.serial || len(c.answer) == 0 {
			c.serial, c.answer = rec.Serial, doorsOf(rec.Site, c.base)
		}
		doors = c.answer
		c.mu.Unlock()
	}
	return doors
}

func doorsOf(site string, base int) []string {
	var out []string
	for _, n := range Nodes() {
		if n.Site == site && n.Role == "frontdoor" {
			out = append(out, n.Address(base))
		}
	}
	return out
}

// read gets JSON from a node the way a customer's auditor would: from outside.
func (c *Customers) read(ctx context.Context, n Node, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Address(c.base)+path, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.ID, err)
	}
	res, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.ID, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: HTTP %d", n.ID, res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

func (c *Customers) acknowledged(who int, t transaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.wallets[who] = append(c.wallets[who], t.Amount)
	if c.first.IsZero() {
		c.first = now
	} else {
		c.gap = max(c.gap, now.Sub(c.last))
	}
	c.last = now
}

// Traffic is what the customers saw, and what the bank's ledger says about it.
type Traffic struct {
	Acknowledged    int   `json:"acknowledged"`
	ServedAtStandby int   `json:"served_at_standby"` // rows of our transactions written at west
	Lost            int   `json:"lost"`              // acknowledged, but not in the ledger; -1: no ledger could be read
	LongestGap      int64 `json:"longest_gap_ms"`    // longest time in which nobody was acknowledged
	Refused         int64 `json:"refused"`           // tries that were not acknowledged
	LostAmount      int64 `json:"lost_amount"`       // in cents
	// LostIDs lists the first hundred, for re-entry.
	LostIDs []string `json:"lost_ids,omitempty"`
	// Source is the database that was read.
	Source string `json:"source,omitempty"`
}

// Seen is what customers know by themselves, without asking the bank. A gap that is still open counts.
func (c *Customers) Seen() Traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := Traffic{Lost: -1, Refused: c.refused, LongestGap: c.gap.Milliseconds()}
	if !c.last.IsZero() {
		t.LongestGap = max(c.gap, time.Since(c.last)).Milliseconds()
	}
	for _, w := range c.wallets {
		t.Acknowledged += len(w)
	}
	return t
}

// Audit reads the bank's own books and looks for every acknowledged transaction. Transfers and
// payments are in the core ledger, logins in the identity system's.
func (c *Customers) Audit(ctx context.Context) (Traffic, error) {
	c.mu.Lock()
	claimed := make([][]int64, len(c.wallets))
	for i, w := range c.wallets {
		claimed[i] = slices.Clone(w)
	}
	c.mu.Unlock()
	t := c.Seen()
	books := map[string]Row{}
	for _, system := range []string{"ledger", "identity"} {
		node, err := c.serving(ctx, system)
		if err != nil {
			return t, err
		}
		if err := c.copyLedger(ctx, node, books); err != nil {
			return t, err
		}
		if system == "ledger" {
			t.Source = node.ID
		}
	}
	t.Lost, t.Acknowledged = 0, 0
	for who, amounts := range claimed {
		for n, amount := range amounts {
			t.Acknowledged++
			row, ok := books[c.id(who, n)]
			if !ok || row.Amount != amount {
				t.Lost++
				t.LostAmount += amount
				if len(t.LostIDs) < 100 {
					t.LostIDs = append(t.LostIDs, c.id(who, n))
				}
			} else if row.Site == West {
				t.ServedAtStandby++
			}
		}
	}
	return t, nil
}

// serving finds the system's database that takes writes now; two would be a split brain, of which
// the newer epoch counts.
func (c *Customers) serving(ctx context.Context, system string) (Node, error) {
	var best Node
	var epoch int64
	for _, n := range Nodes() {
		if n.System != system || n.Role != "db" {
			continue
		}
		var st dbStatus
		if err := c.read(ctx, n, "/state", &st); err != nil || st.Role != "primary" || st.Fenced || len(st.History) == 0 {
			continue
		}
		if e := st.History[len(st.History)-1].Epoch; e > epoch {
			best, epoch = n, e
		}
	}
	if epoch == 0 {
		return best, fmt.Errorf("no database of %s answers as primary", system)
	}
	return best, nil
}

// copyLedger reads all rows of this session's customers.
func (c *Customers) copyLedger(ctx context.Context, n Node, into map[string]Row) error {
	for from := 0; ; {
		var rows []Row
		if err := c.read(ctx, n, "/ledger?from="+strconv.Itoa(from), &rows); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		from = rows[len(rows)-1].N
		for _, row := range rows {
			if len(row.ID) > len(c.session) && row.ID[:len(c.session)] == c.session {
				into[row.ID] = row
			}
		}
	}
}
