package slackfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong on purpose: Count times, or for MS milliseconds.
type Fault struct {
	Kind   string `json:"kind"`
	Method string `json:"method,omitempty"` // of the Web API, or what an envelope brings (app_mention, block_actions, slash_commands); any when empty
	Count  int    `json:"count,omitempty"`
	MS     int    `json:"ms,omitempty"`
	Code   string `json:"code,omitempty"` // the error that APIError answers

	since time.Time
}

// What can go wrong.
const (
	Outage      = "outage"      // nothing answers, all sockets drop: MS or until cleared
	Unavailable = "unavailable" // HTTP 503: Count calls, MS, or until cleared
	RateLimited = "ratelimit"   // HTTP 429: Count calls, MS, or until cleared
	APIError    = "error"       // ok:false with Code: Count calls, MS, or until cleared
	LostAnswer  = "lost_answer" // the call is done and its answer lost: Count calls
	Slow        = "slow"        // Count calls are answered MS later
	Duplicate   = "duplicate"   // Count envelopes are sent twice
	Reorder     = "reorder"     // Count envelopes wait for the one behind them
	LateAck     = "late_ack"    // Count acknowledgements arrive MS late; the deadline when zero
	LostAck     = "lost_ack"    // Count acknowledgements never arrive
	DropSocket  = "drop_socket" // Count envelopes are sent, and their sockets drop before the ack
	Refresh     = "refresh"     // every socket is told to reconnect, now
	RefreshOne  = "refresh_one" // the oldest socket is told to reconnect, now, as when one of Slack's hosts goes
	Disconnect  = "disconnect"  // every socket drops without a word, now
	SlowOpen    = "slow_open"   // Count new sockets (all until cleared, when zero) say hello MS late
)

// aliases are other words people use for the same fault.
var aliases = map[string]string{"duplicates": Duplicate, "reordering": Reorder, "late_acks": LateAck, "429": RateLimited, "rate_limit": RateLimited,
	"ratelimited": RateLimited, "503": Unavailable, "drop": Disconnect, "dropped_socket": DropSocket, "drop_sockets": DropSocket, "lost": LostAnswer,
	"lost_answers": LostAnswer, "latency": Slow}

// lasting faults hold until cleared when neither count nor time is given.
var lasting = []string{Outage, Unavailable, RateLimited, APIError, SlowOpen}

var kinds = []string{Outage, Unavailable, RateLimited, APIError, LostAnswer, Slow, Duplicate, Reorder, LateAck, LostAck, DropSocket, Refresh, RefreshOne, Disconnect, SlowOpen}

// span says whether MS is how long the fault lasts; for the others it is by how much they are late.
func (f *Fault) span() bool {
	return slices.Contains([]string{Outage, Unavailable, RateLimited, APIError}, f.Kind)
}

func (f *Fault) delay() time.Duration { return time.Duration(f.MS) * time.Millisecond }

func (f *Fault) over(now time.Time) bool {
	if f.span() && f.MS > 0 && now.Sub(f.since) >= f.delay() {
		return true
	}
	return f.Count == 0 && (!f.span() || f.MS == 0) && !slices.Contains(lasting, f.Kind)
}

// left is how long the fault still lasts.
func (f *Fault) left(now time.Time) time.Duration { return f.since.Add(f.delay()).Sub(now) }

type faults struct {
	list []*Fault
	held []*envelope // waiting to be overtaken
}

// take uses up one occurrence of a fault, if there is one.
func (f *faults) take(kind, method string, now time.Time) *Fault {
	for i, one := range f.list {
		if one.Kind != kind || one.Method != "" && one.Method != "*" && method != "" && one.Method != method {
			continue
		}
		if one.over(now) {
			f.list = slices.Delete(f.list, i, i+1)
			return f.take(kind, method, now)
		}
		if one.Count > 0 {
			if one.Count--; one.Count == 0 {
				f.list = slices.Delete(f.list, i, i+1)
			}
		}
		return one
	}
	return nil
}

// Break makes something go wrong.
func (s *Server) Break(f Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := aliases[f.Kind]; ok {
		f.Kind = other
	}
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("no fault %q; there are %s", f.Kind, strings.Join(kinds, ", "))
	}
	if f.Kind == APIError && f.Code == "" {
		f.Code = "internal_error"
	}
	if f.Count == 0 && !slices.Contains(lasting, f.Kind) {
		f.Count = 1
	}
	f.since = s.clock.Now()
	switch f.Kind {
	case Refresh:
		s.refreshAll()
	case RefreshOne:
		s.refreshOne()
	case Disconnect:
		s.dropAll()
	case Outage:
		s.dropAll()
		s.faults.list = append(s.faults.list, &f)
	default:
		s.faults.list = append(s.faults.list, &f)
	}
	return nil
}

// Mend ends every fault.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.list = nil
	s.release()
}

// dead says whether Slack as a whole is out.
func (s *Server) dead() bool { return s.faults.take(Outage, "", s.clock.Now()) != nil }

// broken answers a request that a fault keeps from being worked.
func (s *Server) broken(w http.ResponseWriter, r *http.Request) bool {
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	s.mu.Lock()
	dead := s.dead()
	off := s.faults.take(Unavailable, method, s.clock.Now()) != nil
	late := s.faults.take(Slow, method, s.clock.Now())
	s.mu.Unlock()
	if dead {
		panic(http.ErrAbortHandler)
	}
	if off {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<html><body>Service Unavailable</body></html>"))
		return true
	}
	if late != nil {
		select {
		case <-s.clock.After(late.delay()):
		case <-r.Context().Done():
		}
	}
	return false
}

func (s *Server) serveFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&f); err != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": "invalid_json"})
		return
	}
	if err := s.Break(f); err != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": err.Error()})
		return
	}
	reply(w, http.StatusOK, obj{"ok": true})
}

func (s *Server) serveClear(w http.ResponseWriter, _ *http.Request) {
	s.Mend()
	reply(w, http.StatusOK, obj{"ok": true})
}
