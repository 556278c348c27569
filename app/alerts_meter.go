package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const meterWaits = 2 * time.Second // for the store, when somebody scrapes

// watchMeters are what a house's own monitoring can ask of the watch.
type watchMeters struct {
	open   *prometheus.GaugeVec
	pulled *prometheus.CounterVec
	done   atomic.Int64 // the last signal something was made of, as far as this server knows
}

// meter registers the watch's metrics.
func (w *watch) meter(reg *prometheus.Registry) {
	w.meters.open = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "switchman_situations_open",
		Help: "Situations that are open, by the answer they give to which plan fits; 0 on servers that do not watch."}, []string{"advice"})
	w.meters.pulled = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_signals_pulled_total",
		Help: "Signals that webhooks had not told and a pull found, by status."}, []string{"status"})
	oldest := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "switchman_signals_oldest_unprocessed_seconds",
		Help: "How long the oldest stored signal has been waiting to become part of a situation; 0 when none waits, and on servers that do not watch."}, w.oldest)
	reg.MustRegister(w.meters.open, w.meters.pulled, oldest)
	w.count(nil)
}

// count sets what is open.
func (w *watch) count(all []dr.Situation) {
	n := map[dr.Verdict]float64{dr.Recommend: 0, dr.Possible: 0, dr.NoneFits: 0}
	for _, x := range all {
		if going(x) {
			n[x.Advice.Verdict]++
		}
	}
	for verdict, k := range n {
		w.meters.open.WithLabelValues(string(verdict)).Set(k)
	}
}

// oldest looks, when somebody scrapes, what has not been taken yet.
func (w *watch) oldest() float64 {
	if !w.holding.Load() {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), meterWaits)
	defer cancel()
	var waiting []dr.Signal
	err := w.store.Read(ctx, func(r *store.Reader) (err error) {
		waiting, err = r.Signals(ctx, w.meters.done.Load(), 1)
		return err
	})
	if err != nil || len(waiting) == 0 {
		return 0
	}
	return max(0, w.clock.Now().Sub(waiting[0].At.Time).Seconds())
}
