package bot

import (
	"context"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// A place that asks to wait is there: it is left alone for as long as it says, whatever happens meanwhile,
// and is not said to be silent.
func TestBusyPlaceIsNotSilent(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	w.down = &dr.Error{Kind: dr.Unavailable, Message: "slow down", Err: &Busy{Wait: 40 * time.Second}}
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	calls := w.calls
	passes := func(after time.Duration, asked int) {
		t.Helper()
		h.clock.advance(after)
		if _, err := n.Pass(context.Background()); err != nil {
			t.Fatal(err)
		}
		if w.calls-calls != asked || !n.Down().IsZero() {
			t.Fatalf("it was asked %d times, not %d, and is down since %s", w.calls-calls, asked, n.Down())
		}
	}
	passes(0, 1)
	h.say("oda", "observe "+run+" meanwhile")
	passes(20*time.Second, 1)
	passes(19*time.Second, 1)
	passes(time.Second, 2)
	w.down.(*dr.Error).Err = &Busy{Wait: 24 * time.Hour} // nobody is believed that much
	passes(40*time.Second, 3)
	passes(5*time.Minute, 4)
	w.down = nil
	h.hush(n)
	if got := w.told(); len(got) != 3 {
		t.Errorf("told %v", got)
	}
}
