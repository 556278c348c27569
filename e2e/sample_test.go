//go:build !race

package e2e

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestSample walks a thousand steps through the real store: everybody tries everything at random, the
// clock runs, a step fails now and then, and the app is restarted. The exhaustive walks judge decisions;
// this one shows that what is decided is what is kept. After each act the run stands where its
// journal says, an act that was refused has left nothing of its own but the refusal and the count of
// wrong codes, and nobody leaves an end. At last every run is told again from its rows, and the whole
// journal is read.
func TestSample(t *testing.T) {
	steps := 1000
	if os.Getenv("SWITCHMAN_SOAK") != "" {
		steps = 10_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &wanderer{rnd: rand.New(rand.NewPCG(seed, 2)), scene: newScene(t, nil), codes: map[string]string{}}
	for range steps {
		w.step()
	}
	for _, run := range w.runs {
		heldAgainstRows(t.Context(), t, w.app.Store, run)
	}
	if _, err := w.app.Store.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("soak: %d random acts: %d allowed, %d refused, %d runs, %d restarts", steps, w.allowed, w.refused, len(w.runs), w.restarts)
	if w.allowed < steps/10 || w.refused < steps/10 || len(w.runs) < steps/100 {
		t.Errorf("%d allowed, %d refused, %d runs: the walk saw too little of one side", w.allowed, w.refused, len(w.runs))
	}
}

// wanderer is everybody, acting at random.
type wanderer struct {
	*scene
	rnd   *rand.Rand
	run   string            // the run the act at hand is about
	runs  []string          // all there were
	codes map[string]string // the newest of each run

	allowed, refused, restarts int
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
	if w.run = w.choose(); w.run == "" || w.rnd.IntN(60) == 0 {
		w.request(ctx, by)
		return
	}
	mark := w.rowsOf(w.run) // before the look, so that no row falls between the two
	before := w.look(by)
	verb := dr.Verb(w.pick("approve", "approve", "withdraw", "deny", "issue_code", "issue_code", "start", "start", "pause", "resume", "cancel", "abort", "rollback",
		"force", "close", "handover", "accept", "continue", "retry", "skip", "done", "decide", "override", "preflight", "order", "observe", "finding", "sign_off", "switchback"))
	if len(before.Verbs) > 0 && w.rnd.IntN(2) == 0 {
		verb = before.Verbs[w.rnd.IntN(len(before.Verbs))]
	}
	rare := slices.Contains([]dr.Verb{dr.VerbDeny, dr.VerbCancel, dr.VerbAbort, dr.VerbWithdraw, dr.VerbOverride}, verb)
	if rare && w.rnd.IntN(4) > 0 {
		return // or no run would ever get far
	}
	err := w.try(ctx, by, verb, before)
	w.judge(err)
	after := w.look(by)
	if err != nil {
		w.leftNothing(by, verb, err, before, after, mark)
	}
	if before.State.Ended() && after.State != before.State {
		w.Errorf("%s by %s led out of %s to %s", verb, by.Person, before.State, after.State)
	}
	w.asTold()
}

// choose finds a run to act on: one that is open, or now and then one that has ended; "" when there is
// nothing to do but to ask for another.
func (w *wanderer) choose() string {
	if len(w.runs) > 0 && w.rnd.IntN(40) == 0 {
		return w.runs[w.rnd.IntN(len(w.runs))]
	}
	open, err := w.app.Engine.List(w.Context(), dr.Actor{}, fsm.Filter{Open: true})
	if err != nil {
		w.Fatal(err)
	}
	if len(open) == 0 {
		return ""
	}
	return open[w.rnd.IntN(len(open))].ID
}

// request asks for a run of all systems or of one: after a run that ended half-way each of them lives
// elsewhere, and no plan is for both.
func (w *wanderer) request(ctx context.Context, by dr.Actor) {
	q := fsm.Request{Plan: w.pick("move", "move-back"), Mode: dr.Drill, Reason: w.pick("a drill", "a drill", "a drill", "")}
	switch w.rnd.IntN(8) {
	case 0, 1:
		q.Systems = []string{"core"}
	case 2, 3:
		q.Systems = []string{"cards"}
	case 4:
		q.Mode = dr.Rehearsal
	}
	v, err := w.app.Engine.Request(ctx, by, q)
	if w.judge(err); err == nil {
		w.runs = append(w.runs, v.ID)
	}
}

func (w *wanderer) try(ctx context.Context, by dr.Actor, verb dr.Verb, v fsm.View) error {
	if verb == dr.VerbIssue {
		issued, err := w.app.Engine.IssueCode(ctx, by, w.run)
		if err == nil {
			w.codes[w.run] = issued.Code.Reveal()
		}
		return err
	}
	step, code := "", w.codes[w.run]
	if len(v.Steps) > 0 {
		step = v.Steps[w.rnd.IntN(len(v.Steps))].ID
	}
	for _, st := range v.Steps { // half of the time one that waits for somebody
		if (st.State == dr.StepFail || st.State == dr.StepUnknown) && w.rnd.IntN(2) == 0 {
			step = st.ID
		}
	}
	if w.rnd.IntN(20) == 0 {
		code = "DRC-0000-0000-0000-7"
	}
	after, err := w.app.Engine.Do(ctx, by, w.run, verb, fsm.Args{Nonce: v.Round.Nonce, Reason: w.pick("because", "because", "because", ""), Confirmed: w.rnd.IntN(5) > 0,
		Code: code, Step: step, Verdict: w.pick("done", "failed", "again"), Check: "probe:core-ok",
		To: w.pick("ann", "fay"), Text: w.pick("seen", "seen", "")})
	if err == nil && verb == dr.VerbSwitchback {
		w.runs = append(w.runs, after.ID)
	}
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

// leftNothing checks what a refused act left behind. The run may have gone on by itself meanwhile: a step
// landed, a round ran out. So it is the rows since then that tell who changed it: what the person left is
// the refusal, and a wrong code with what follows from it.
func (w *wanderer) leftNothing(by dr.Actor, verb dr.Verb, refused error, before, after fsm.View, mark int) {
	err := w.app.Store.Read(w.Context(), func(r *store.Reader) error {
		rows, err := r.RowsOf(w.Context(), w.run)
		if err != nil {
			return err
		}
		moved := false
		for _, row := range rows[mark:] {
			switch row.Kind {
			case dr.RowRefusal:
			case dr.RowCodeTried, dr.RowCodeRevoked:
				moved = true
			default:
				moved = true
				if row.Actor != "" {
					w.Errorf("%s by %s was refused (%v) and left a row: %s by %s %s", verb, by.Person, refused, row.Kind, row.Actor, row.Data)
				}
			}
		}
		if after.Version != before.Version && !moved {
			w.Errorf("%s by %s was refused (%v) and changed the run without a row: version %d, then %d", verb, by.Person, refused, before.Version, after.Version)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *wanderer) look(by dr.Actor) fsm.View {
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
