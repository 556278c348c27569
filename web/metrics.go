package web

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are the edge's own metrics. Labels are routes and codes, never people or ids.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	signals  *prometheus.CounterVec
	unheard  *prometheus.CounterVec
	streams  prometheus.Gauge
	open     atomic.Int64
}

func newMeters(reg *prometheus.Registry) *meters {
	m := &meters{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_http_requests_total", Help: "Requests by route and HTTP status."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "switchman_http_request_seconds", Help: "Time to answer by route; streams are left out.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30}}, []string{"route"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_http_refusals_total", Help: "Requests refused at the edge, by rule."}, []string{"rule"}),
		signals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_signals_total",
			Help: "Signals that sources sent: new ones, those known already, and those that could not be read."}, []string{"result"}),
		unheard: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "switchman_signals_refused_total", Help: "Deliveries of signals that were not let in, by reason."}, []string{"reason"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "switchman_http_streams", Help: "Streams of journal readings open now."}),
	}
	reg.MustRegister(m.requests, m.seconds, m.refusals, m.signals, m.unheard, m.streams)
	return m
}

func (m *meters) observe(r *http.Request, code int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(code)).Inc()
	if route != "GET /api/events" {
		m.seconds.WithLabelValues(route).Observe(took.Seconds())
	}
}

// recorder remembers the status for the metrics.
type recorder struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (r *recorder) WriteHeader(code int) {
	if !r.wrote {
		r.code, r.wrote = code, true
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.wrote = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// panicked turns a crash of one request into an error with the place it came from.
func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

// enterStream counts a stream in; false when there are too many already.
func (m *meters) enterStream() bool {
	if m.open.Add(1) > maxStreams {
		m.open.Add(-1)
		return false
	}
	m.streams.Inc()
	return true
}

func (m *meters) leaveStream() {
	m.open.Add(-1)
	m.streams.Dec()
}
