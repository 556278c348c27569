//go:build !race

package web

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// TestFloodDelaysNobody: while a source floods with thousands of alerts a second, somebody else's write waits
// for one small transaction at most.
func TestFloodDelaysNobody(t *testing.T) {
	h := hooked(t, false)
	var flood sync.WaitGroup
	stop := make(chan struct{})
	sent := make([]int, 4)
	for k := range sent {
		flood.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				var alerts []string
				for j := range 100 {
					alerts = append(alerts, alertJSON(fmt.Sprintf("F%d-%d-%d", k, i, j), "firing", earlier))
				}
				h.clock.advance(100 * time.Millisecond) // the limit lets 500 a second through and the rest is refused
				if got := h.hookPost("/hooks/alertmanager", webhookJSON(alerts...)); got.code != http.StatusOK && got.code != http.StatusTooManyRequests {
					t.Errorf("HTTP %d", got.code)
				}
				sent[k] += len(alerts)
			}
		})
	}
	began := time.Now()
	var waits []time.Duration
	for range 200 {
		click := time.Now()
		err := h.store.Write(t.Context(), func(tx *store.Tx) error {
			return tx.PutNotice(t.Context(), store.Notice{ID: fmt.Sprint("n", len(waits)), About: "step", Person: "ada", State: "sent", Due: dr.At(click), Sent: dr.At(click)})
		})
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, time.Since(click))
	}
	took := time.Since(began)
	close(stop)
	flood.Wait()
	slices.Sort(waits)
	total := 0
	for _, n := range sent {
		total += n
	}
	t.Logf("%.0f alerts a second came in, %d were taken; a write took %s at the median, %s at the 95th of 100, %s at most", float64(total)/took.Seconds(), len(h.signals()), waits[100], waits[190], waits[199])
	if waits[190] > 500*time.Millisecond {
		t.Errorf("a write took %s", waits[190])
	}
}
