//go:build !race

package e2e

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestSample walks a thousand steps through the real store: everybody tries everything at random, the
// clock runs, a step fails now and then, and the app is restarted. The exhaustive walks judge decisions;
// this one shows that what is decided is what is kept. After each act the run stands where its
// journal says, an act that was refused has changed nothing but the count of wrong codes, and nobody
// leaves an end. At last the whole journal is read.
func TestSample(t *testing.T) {
	steps := 1000
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		steps = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &wanderer{rnd: rand.New(rand.NewPCG(seed, 2)), scene: newScene(t, nil)}
	for range steps {
		w.step()
	}
	if _, err := w.app.Store.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("soak: %d random acts: %d allowed, %d refused, %d runs, %d restarts", steps, w.allowed, w.refused, w.runs, w.restarts)
	if w.allowed < steps/50 || w.refused < steps/50 {
		t.Errorf("%d allowed and %d refused: the walk saw too little of one side", w.allowed, w.refused)
	}
}

// wanderer is everybody, acting at random.
type wanderer struct {
	*scene
	rnd  *rand.Rand
	run  string
	code string

	allowed, refused, runs, restarts int
}

func (w *wanderer) pick(from ...string) string { return from[w.rnd.IntN(len(from))] }

func (w *wanderer) step() {
	switch n := w.rnd.IntN(100); {
	case n == 0:
		if err := w.app.Stop(context.Background()); err != nil {
			w.Fatal(err)
		}
		w.open(nil)
		w.restarts++
	case n < 4:
		w.clock.advance(time.Duration(w.rnd.IntN(120)) * time.Second)
	case n < 8:
		w.fault(w.pick("core-app-e", "core-app-w", "cards-app-w"), n%2 == 0)
	default:
		w.act()
	}
}

// fault breaks a node, or mends it.
func (w *wanderer) fault(node string, broken bool) {
	path := w.dir + "/facts/" + node + ".broken"
	if broken {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			w.Fatal(err)
		}
		return
	}
	_ = os.Remove(path) // it may be whole already
}

func (w *wanderer) act() {
	ctx := w.Context()
	by := dr.Actor{Person: w.pick("ann", "bob", "cat", "dan", "eve", "fay", "gil", "hal", "bob2"), Surface: "cli"}
	before := w.look(by)
	if before.ID == "" || before.State.Ended() || w.rnd.IntN(60) == 0 {
		plan := w.pick("move", "move-back", "move", "move-back")
		v, err := w.app.Engine.Request(ctx, by, fsm.Request{Plan: plan, Mode: dr.Drill, Reason: w.pick("a drill", "a drill", "")})
		if w.judge(err); err == nil {
			w.run = v.ID
			w.runs++
		}
		return
	}
	verb := dr.Verb(w.pick("approve", "approve", "withdraw", "deny", "issue_code", "issue_code", "start", "start", "pause", "resume", "cancel", "abort", "rollback",
		"force", "close", "handover", "accept", "continue", "retry", "skip", "done", "decide", "override", "preflight", "order", "observe", "finding", "sign_off"))
	if len(before.Verbs) > 0 && w.rnd.IntN(2) == 0 {
		verb = before.Verbs[w.rnd.IntN(len(before.Verbs))]
	}
	if (verb == dr.VerbDeny || verb == dr.VerbCancel || verb == dr.VerbAbort) && w.rnd.IntN(4) > 0 {
		return // or no run would ever get far
	}
	err := w.try(ctx, by, verb, before)
	w.judge(err)
	after := w.look(by)
	if err != nil && (after.Version != before.Version && verb != dr.VerbStart) && !before.State.Moving() && before.State != dr.Preflight && before.State != dr.Draft {
		w.Errorf("%s by %s was refused (%v) and changed the run: version %d, then %d", verb, by.Person, err, before.Version, after.Version)
	}
	if before.State.Ended() && after.State != before.State {
		w.Errorf("%s by %s led out of %s to %s", verb, by.Person, before.State, after.State)
	}
	w.asTold()
}

func (w *wanderer) try(ctx context.Context, by dr.Actor, verb dr.Verb, v fsm.View) error {
	if verb == dr.VerbIssue {
		issued, err := w.app.Engine.IssueCode(ctx, by, w.run)
		if err == nil {
			w.code = issued.Code.Reveal()
		}
		return err
	}
	step := ""
	if len(v.Steps) > 0 {
		step = v.Steps[w.rnd.IntN(len(v.Steps))].ID
	}
	_, err := w.app.Engine.Do(ctx, by, w.run, verb, fsm.Args{Nonce: v.Round.Nonce, Reason: w.pick("because", "because", ""), Confirmed: w.rnd.IntN(5) > 0,
		Code: w.pick(w.code, w.code, w.code, "DRC-0000-0000-0000-7"), Step: step, Verdict: w.pick("done", "failed", "again"), Check: "probe:core-ok",
		To: w.pick("ann", "fay"), Text: w.pick("seen", "")})
	return err
}

// judge sorts answers: an error that nobody meant for a person is a defect.
func (w *wanderer) judge(err error) {
	switch {
	case err == nil:
		w.allowed++
	case dr.KindOf(err) == dr.Unexpected:
		w.Errorf("an error nobody can act on: %v", err)
	default:
		w.refused++
	}
}

func (w *wanderer) look(by dr.Actor) fsm.View {
	if w.run == "" {
		return fsm.View{}
	}
	v, err := w.app.Engine.View(w.Context(), by, w.run)
	if err != nil {
		w.Fatal(err)
	}
	return v
}

// asTold compares the run with the last state its journal tells, in one reading.
func (w *wanderer) asTold() {
	err := w.app.Store.Read(w.Context(), func(r *store.Reader) error {
		run, err := r.Run(w.Context(), w.run)
		if err != nil {
			return err
		}
		rows, err := r.RowsOf(w.Context(), w.run, dr.RowState)
		if err != nil || len(rows) == 0 {
			return err
		}
		var told dr.StateData
		if err := json.Unmarshal(rows[len(rows)-1].Data, &told); err != nil {
			return err
		}
		if told.To != run.State {
			w.Errorf("the run is %s, its journal says %s", run.State, told.To)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}
