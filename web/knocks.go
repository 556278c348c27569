package web

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// One row a minute for each rule and person, and no more than knockRows a minute altogether: a
// refusal always leaves a trace, a flood of them does not fill the disk. What was held back is
// counted into the next row of its kind.
const (
	knockEvery = time.Minute
	knockRows  = 30
	knockKinds = 1024
)

// knocks counts refusals at the edge.
type knocks struct {
	clock dr.Clock
	mu    sync.Mutex
	seen  map[string]*knock
	since time.Time
	rows  int
}

type knock struct {
	last time.Time
	held int
}

func newKnocks(clock dr.Clock) *knocks { return &knocks{clock: clock, seen: map[string]*knock{}} }

// times says how many refusals the row to be written now stands for; 0: write none.
func (k *knocks) times(key string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if since := now.Sub(k.since); since >= knockEvery || since < 0 {
		k.since, k.rows = now, 0
	}
	one, ok := k.seen[key]
	if !ok {
		if len(k.seen) == knockKinds {
			k.seen = map[string]*knock{} // strangers can make up names; forget rather than grow
		}
		one = &knock{}
		k.seen[key] = one
	}
	one.held++
	since := now.Sub(one.last)
	if k.rows == knockRows || ok && since >= 0 && since < knockEvery {
		return 0
	}
	n := one.held
	one.last, one.held = now, 0
	k.rows++
	return n
}

// refuseAtEdge journals a refusal that never reached the engine and gives the refusal back. A
// journal that cannot be written is logged and changes nothing: the answer is no either way.
func (s *Server) refuseAtEdge(r *http.Request, person, rule string, refusal *dr.Error) error {
	return s.refuseAtEdgeAs(r, person, person, rule, refusal)
}

// refuseAtEdgeAs counts by a name of its own, where the person journaled would tell too much.
func (s *Server) refuseAtEdgeAs(r *http.Request, name, person, rule string, refusal *dr.Error) error {
	s.metrics.refusals.WithLabelValues(rule).Inc()
	n := s.knocks.times(rule + "\x00" + name)
	if n == 0 {
		return refusal
	}
	data := dr.RefusalData{Verb: dr.Verb(r.PathValue("verb")), Rule: rule, ID: refusal.ID, Args: refusal.Args}
	if n > 1 {
		data.Times = n
	}
	via := surface
	if _, ok := cookieOf(r); ok || sameOrigin(r) {
		via = consoleSurface
	}
	raw, err := json.Marshal(data)
	if err == nil {
		err = s.cfg.Store.Write(context.WithoutCancel(r.Context()), func(tx *store.Tx) error {
			tx.Journal(dr.Row{At: s.cfg.Clock.Time(), Run: printable(r.PathValue("run")), Kind: dr.RowRefusal, Actor: printable(person), Surface: via, Data: raw})
			return nil
		})
	}
	if err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "journaling a refusal at the edge", "rule", rule, "error", err)
	}
	return refusal
}
