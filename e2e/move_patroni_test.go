//go:build !race

package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	reports "github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

// TestMovePatroni moves a database that two real Patroni look after, by the plans that docs/postgres shows, while a teller pays.
// They are paused first, stay so through every act, and look after both servers again at the end. Where somebody takes the
// pause back in between nothing is promoted; where the run ends in between it says that they are paused still. The last is played
// with SWITCHMAN_SOAK=1.
func TestMovePatroni(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	e.automate()
	e.story("somebody resumes Patroni", e.resumed)
	e.story("there", func() { e.pastPatroni("deposits-switchover") })
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		e.story("the run ends in between", e.endsBetween)
	}
}

// automate has Patroni take both servers over.
func (e *estate) automate() {
	e.Helper()
	var err error
	e.ha, err = actionstest.StartPatroni(e.servers[0], e.servers[1])
	e.must(err)
	t := e.T
	t.Cleanup(func() {
		for _, h := range e.ha {
			if t.Failed() {
				t.Log(h.Log())
			}
			if err := h.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	e.until(func() bool {
		east, west := e.sides()
		return e.asks(east).Role == "master" && e.asks(west).Role == "replica" && e.asks(west).State == "running" && e.paired(east)
	})
}

// patroni is the one beside a server.
func (e *estate) patroni(p *actionstest.Postgres) *actionstest.Patroni {
	return e.ha[slices.Index(e.servers[:], p)]
}

// member is what a Patroni says of itself.
type member struct {
	State string `json:"state"`
	Role  string `json:"role"`
	Pause bool   `json:"pause"`
}

func (e *estate) asks(p *actionstest.Postgres) (m member) {
	r, err := http.Get("http://" + e.patroni(p).API + "/patroni") //nolint:noctx // a test
	if err == nil {
		json.NewDecoder(r.Body).Decode(&m) //nolint:errcheck // then it is empty
		r.Body.Close()                     //nolint:errcheck // only read
	}
	return m
}

// leads reports whether Patroni calls a server the leader. In a pause that is not always the primary: resumed then, the
// other one would be started, and the primary demoted.
func (e *estate) leads(p *actionstest.Postgres) bool {
	r, err := http.Get("http://" + e.patroni(p).API + "/leader") //nolint:noctx // a test
	return err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK
}

// anew has Patroni copy a standby from the primary, as `patronictl reinit` does.
func (e *estate) anew(p *actionstest.Postgres) {
	e.Helper()
	q, err := http.NewRequestWithContext(e.Context(), http.MethodPost, "http://"+e.patroni(p).API+"/reinitialize", strings.NewReader(`{"force": true}`))
	e.must(err)
	r, err := http.DefaultClient.Do(q)
	e.must(err)
	if e.must(r.Body.Close()); r.StatusCode != http.StatusOK {
		e.Fatalf("copying it anew: %s", r.Status)
	}
}

// tells a Patroni that the cluster is paused or is not.
func (e *estate) tells(p *actionstest.Postgres, pause string) {
	e.Helper()
	q, err := http.NewRequestWithContext(e.Context(), http.MethodPatch, "http://"+e.patroni(p).API+"/config", strings.NewReader(`{"pause": `+pause+`}`))
	e.must(err)
	r, err := http.DefaultClient.Do(q)
	e.must(err)
	e.must(r.Body.Close())
}

// paired reports whether a server has its standby.
func (e *estate) paired(primary *actionstest.Postgres) bool {
	c, err := primary.Connect(e.Context())
	if err != nil {
		return false
	}
	defer c.Close(e.Context()) //nolint:errcheck // it has answered
	n := 0
	err = c.QueryRow(e.Context(), "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").Scan(&n)
	return err == nil && n == 1
}

// resumed: somebody takes the pause back when writes have just been stopped. The plan asks once more before it promotes, and
// stands there; a rollback lets the old primary take writes again.
func (e *estate) resumed() {
	s := e.lay()
	east, west := e.sides()
	before := promotions(west)
	var once sync.Once
	s.open(func(point string) {
		if point == "before_dispatch" && e.frozen(east) {
			once.Do(func() {
				e.tells(west, "false")
				e.until(func() bool { return !e.asks(east).Pause && !e.asks(west).Pause })
			})
		}
	}, e.settings(s)...)
	run := s.ready("deposits-switchover", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return v.State == dr.Paused && v.Progress.Flying == 0 })
	if v := s.view(run); !slices.ContainsFunc(v.Steps, func(st fsm.StepView) bool { return st.Base == "still-paused" && st.State == dr.StepFail }) {
		e.Errorf("it was not asked:%s", steps(v))
	}
	s.do("ann", run, dr.VerbRollback, fsm.Args{Reason: "somebody works on Patroni", Confirmed: true})
	v := await(s, s.app, run, dr.RolledBack)
	e.pays(5)
	if n := promotions(west) - before; n != 0 || e.asks(east).Role != "master" || slices.Contains(v.Waiting, "waiting_automation_left") {
		e.Errorf("promoted %d times, the old primary is %+v, waiting for %v", n, e.asks(east), v.Waiting)
	}
}

// frozen reports whether a server refuses writes.
func (e *estate) frozen(p *actionstest.Postgres) bool {
	e.Helper()
	return e.value(p, "SELECT setting FROM pg_settings WHERE name = 'default_transaction_read_only'") == "on"
}

// pastPatroni is a whole move. What each Patroni says is noted after every act.
func (e *estate) pastPatroni(plan string) {
	s := e.lay()
	east, west := e.sides()
	var paused []bool
	var mu sync.Mutex
	s.open(func(point string) {
		if point == "after_outcome" {
			mu.Lock()
			defer mu.Unlock()
			paused = append(paused, e.asks(west).Pause)
		}
	}, e.settings(s)...)
	e.teller.Longest()
	run := s.drill(plan, "")
	e.pays(20)
	e.nothingLost(west)
	for _, st := range s.view(run).Steps {
		if st.State != dr.StepOK || st.Attempt != 1 {
			e.Errorf("%s: %s at attempt %d: %s", st.ID, st.State, st.Attempt, st.Text)
		}
	}
	first, last := slices.Index(paused, true), len(paused)-1
	for ; last > 0 && !paused[last]; last-- {
	}
	if first < 0 || first > 1 || slices.Contains(paused[first:last], false) || last-first < 7 || last == len(paused)-1 {
		e.Errorf("whether Patroni was paused, act by act: %v", paused)
	}
	e.until(func() bool {
		return e.asks(west).Role == "master" && e.asks(east).Role == "replica" && !e.asks(east).Pause
	})
	if !e.paired(west) {
		e.Error("the old primary does not follow")
	}
	if v := s.view(run); slices.Contains(v.Waiting, "waiting_automation_left") || strings.Contains(reported(s, run), "left Patroni paused") {
		e.Errorf("waiting for %v, or the report says that Patroni is paused", v.Waiting)
	}
	e.Logf("soak: moved past two Patroni with %d payments, 0 lost; nobody could pay for %s", e.teller.Count(), e.teller.Longest().Round(time.Millisecond))
}

// endsBetween: the machine of the old primary is gone when the new one has been promoted, and the run is aborted. Patroni is paused
// still, which the run says before and after; a person resumes it and has the old primary copied anew, and both servers are a pair again.
func (e *estate) endsBetween() {
	s := e.lay()
	east, west := e.sides()
	var once sync.Once
	s.open(func(point string) {
		if point == "after_outcome" && e.value(west, "SELECT pg_is_in_recovery()::text") == "false" {
			once.Do(e.sshd[slices.Index(e.servers[:], east)].Die)
		}
	}, e.settings(s)...)
	run := s.ready("deposits-switchover", "")
	s.begin(run)
	s.until(run, func(v fsm.View) bool { return v.State == dr.Paused && v.Progress.Flying == 0 })
	if v := s.view(run); !slices.Contains(v.Waiting, "waiting_automation_here") {
		e.Errorf("waiting for %v", v.Waiting)
	}
	s.do("ann", run, dr.VerbAbort, fsm.Args{Reason: "the machine is gone", Confirmed: true})
	v := await(s, s.app, run, dr.Failed)
	if !slices.Contains(v.Waiting, "waiting_automation_left") || !e.asks(west).Pause {
		e.Errorf("waiting for %v, Patroni is %+v", v.Waiting, e.asks(west))
	}
	if text := reported(s, run); !strings.Contains(text, "this run left Patroni paused") || !strings.Contains(text, "`patronictl resume`") {
		e.Errorf("the report does not say it: %s", text[:min(len(text), 1500)])
	}
	e.must(e.servers[slices.Index(e.servers[:], east)].Command("pg_ctl", "-D", east.Dir, "stop", "-m", "fast").Run())
	e.until(func() bool { return e.leads(west) })
	e.tells(west, "false")
	e.until(func() bool { return !e.asks(east).Pause && !e.asks(west).Pause })
	e.anew(east)
	e.until(func() bool { return e.asks(east).Role == "replica" && e.paired(west) })
	e.pays(5)
	e.nothingLost(west)
}

// reported is a run's report as text.
func reported(s *scene, run string) string {
	s.Helper()
	var m *reports.Model
	err := s.app.Store.Read(s.Context(), func(r *store.Reader) error {
		src, err := reports.Gather(s.Context(), r, run, "test")
		if err == nil {
			m, err = reports.Read(src)
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return string(reports.Markdown(m, "en"))
}
