package web

import (
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// What one source may send. A storm of a whole site is some hundred alerts, and a restarted Alertmanager
// sends all it has at once; what goes on for longer at thousands a second is a fault of its own.
const (
	requestsPerSecond = 50
	requestsAtOnce    = 200
	signalsPerSecond  = 500
	signalsAtOnce     = 10_000
)

// pace is how much a source may send: two buckets that fill with time.
type pace struct {
	clock dr.Clock
	mu    sync.Mutex
	at    time.Time
	asked float64 // used up of each
	said  float64
}

// drain lets time flow.
func (p *pace) drain() {
	now := p.clock.Now()
	if gone := now.Sub(p.at).Seconds(); gone > 0 {
		p.asked = max(0, p.asked-gone*requestsPerSecond)
		p.said = max(0, p.said-gone*signalsPerSecond)
	}
	p.at = now
}

// request counts a request, or says how long to wait.
func (p *pace) request() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drain()
	if p.asked+1 > requestsAtOnce {
		return time.Duration(float64(time.Second) / requestsPerSecond)
	}
	p.asked++
	return 0
}

// signals counts what a request brought, or says how long to wait. As many as one payload may hold fit into
// an empty bucket.
func (p *pace) signals(n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drain()
	if over := p.said + float64(n) - signalsAtOnce; over > 0 {
		return time.Duration(over / signalsPerSecond * float64(time.Second))
	}
	p.said += float64(n)
	return 0
}
