package slackfake

import (
	"net/http"
	"slices"
	"time"
)

// Stats counts what happened since the start.
type Stats struct {
	Calls       map[string]int `json:"calls"`  // of the Web API, by method
	Errors      map[string]int `json:"errors"` // by Slack's word for them
	Messages    int            `json:"messages"`
	Sockets     int            `json:"sockets"` // open now
	Opened      int            `json:"sockets_opened"`
	Waiting     int            `json:"waiting"` // envelopes under way, not acknowledged yet
	Sent        int            `json:"envelopes"`
	Acked       int            `json:"acked"`
	Unacked     int            `json:"unacked"` // no answer within three seconds
	Unheard     int            `json:"unheard"` // no socket was open
	Redelivered int            `json:"redelivered"`
	GivenUp     int            `json:"given_up"`
	AcksLate    int            `json:"acks_late"`
	AcksUnknown int            `json:"acks_unknown"`   // for nothing sent, or a second one
	TooLarge    int            `json:"acks_too_large"` // 20 KB and more, dropped
	Garbage     int            `json:"garbage"`
	AckP50      int64          `json:"ack_p50_ms"`
	AckP99      int64          `json:"ack_p99_ms"`
	AckMax      int64          `json:"ack_max_ms"`
}

type stats struct {
	Stats
	took []time.Duration // of the newest acknowledgements
}

const ackSample = 1 << 16

func newStats() stats {
	return stats{Stats: Stats{Calls: map[string]int{}, Errors: map[string]int{}}}
}

func (t *stats) called(method string, f *failure) {
	t.Calls[method]++
	if f != nil {
		t.Errors[f.code]++
	}
}

func (t *stats) acked(took time.Duration) {
	if len(t.took) < ackSample {
		t.took = append(t.took, took)
	} else {
		t.took[t.Acked%ackSample] = took
	}
	t.Acked++
}

// Stats tells what happened since the start.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats.Stats
	out.Calls, out.Errors = map[string]int{}, map[string]int{}
	for k, v := range s.stats.Calls {
		out.Calls[k] = v
	}
	for k, v := range s.stats.Errors {
		out.Errors[k] = v
	}
	for _, a := range s.apps {
		out.Sockets += len(a.sockets)
		out.Waiting += len(a.pending)
	}
	for _, c := range s.channels {
		out.Messages += len(c.messages)
	}
	if took := slices.Sorted(slices.Values(s.stats.took)); len(took) > 0 {
		at := func(percent int) int64 { return took[min(len(took)-1, len(took)*percent/100)].Milliseconds() }
		out.AckP50, out.AckP99, out.AckMax = at(50), at(99), at(100)
	}
	return out
}

func (s *Server) serveStats(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.Stats())
}
