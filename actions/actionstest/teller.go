package actionstest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Teller pays into a ledger, wherever it is taken, and remembers what was acknowledged. The longest time without an
// acknowledgement is what an outage was for its customers.
type Teller struct {
	servers []string
	mu      sync.Mutex
	acked   []int
	doubt   []int // sent, and never heard of again
	last    time.Time
	gap     time.Duration // longest since it was last asked
	stop    context.CancelFunc
	ended   chan struct{}
}

// Ledger is what a Teller needs at a primary; the role switchman may read it.
func Ledger() []string {
	return []string{"CREATE TABLE ledger (id int PRIMARY KEY, amount numeric(12,2), note text)", "GRANT SELECT ON ledger TO " + PostgresUser,
		"CREATE ROLE teller LOGIN", "GRANT INSERT ON ledger TO teller"}
}

// StartTeller begins to pay at whichever of the servers takes it.
func StartTeller(servers ...string) *Teller {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Teller{servers: servers, stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		for n, at := 1, 0; ctx.Err() == nil; at++ {
			n = w.pay(ctx, servers[at%len(servers)], n)
		}
	}()
	return w
}

// Stop ends it. It may be called again.
func (w *Teller) Stop() { w.stop(); <-w.ended }

// pay goes on at one server until it refuses, and says which payment is next. A payment that may have
// arrived is not sent again: its number is passed over.
func (w *Teller) pay(ctx context.Context, server string, n int) int {
	c, err := pgx.Connect(ctx, "postgres://teller@"+server+"/postgres?sslmode=disable&connect_timeout=2")
	if err != nil {
		return n
	}
	defer c.Close(context.Background()) //nolint:errcheck // it may be gone
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for {
		<-pace.C
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := c.Exec(short, "INSERT INTO ledger (id, amount, note) VALUES ($1, 2.50, 'payment')", n)
		cancel()
		w.mu.Lock()
		if err != nil {
			w.doubt = append(w.doubt, n)
			w.mu.Unlock()
			return n + 1
		}
		now := time.Now()
		if !w.last.IsZero() {
			w.gap = max(w.gap, now.Sub(w.last))
		}
		w.last, w.acked = now, append(w.acked, n)
		w.mu.Unlock()
		n++
	}
}

// Count is how many payments were acknowledged.
func (w *Teller) Count() int { w.mu.Lock(); defer w.mu.Unlock(); return len(w.acked) }

// Longest is the longest time without an acknowledgement since it was last asked.
func (w *Teller) Longest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.gap
	w.gap = 0
	return out
}

// Doubtful reports whether a payment was sent and its answer never came.
func (w *Teller) Doubtful(id string) bool {
	n, err := strconv.Atoi(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	return err == nil && slices.Contains(w.doubt, n)
}

// Missing lists what was acknowledged and is not at a server.
func (w *Teller) Missing(ctx context.Context, p *Postgres) ([]string, error) {
	w.mu.Lock()
	acked := slices.Clone(w.acked)
	w.mu.Unlock()
	c, err := p.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx) //nolint:errcheck // everything was read
	all := ""
	if err := c.QueryRow(ctx, "SELECT coalesce(string_agg(id::text, ','), '') FROM ledger").Scan(&all); err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for id := range strings.SplitSeq(all, ",") {
		there[id] = true
	}
	var out []string
	for _, n := range acked {
		if id := strconv.Itoa(n); !there[id] {
			out = append(out, id)
		}
	}
	return out, nil
}
