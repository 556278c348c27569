package actions_test

import (
	"context"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// TestLines: a line that is kept is dialled without anybody waiting for it, says who is there, comes back after it broke, and
// is hung up once nobody wants it.
func TestLines(t *testing.T) {
	t.Parallel()
	d, err := actionstest.StartDaemon()
	must(t, d, err)
	t.Cleanup(func() { d.Stop() }) //nolint:errcheck // it was killed
	reach, err := d.SSH()
	must(t, &reach, err)
	clock := realClock()
	set := actions.NewSet(actions.Options{Clock: clock, SSH: reach})
	t.Cleanup(set.Close)
	hands := set.Hands()
	l, ok := hands.Line(dr.Node{}, dr.Call{Action: "ssh", Params: map[string]any{"argv": []string{"true"}, "address": d.Address}})
	if !ok || l != (actions.Line{User: d.User, Address: d.Address}) {
		t.Fatalf("%+v %v", l, ok)
	}
	if _, ok := hands.Line(dr.Node{}, dr.Call{Action: "exec"}); ok {
		t.Error("exec goes by a line")
	}
	open := func(want bool) func() bool {
		return func() bool {
			hands.Keep([]actions.Line{l})
			_, open, known := hands.Stands(l)
			return known && open == want
		}
	}
	until(t, "it is dialled", open(true))
	g, err := hands.Greet(context.Background(), l)
	if err != nil || !g.Shell || g.Boot == "" || g.Offset.Abs().Seconds() > 1 {
		t.Errorf("%+v %v", g, err)
	}
	if text, ok := g.Words(true); !ok || text == "" {
		t.Errorf("%q", text)
	}
	until(t, "it is hung up", func() bool { hands.Keep(nil); return d.Lines() == 0 })
	d.Die()
	until(t, "the dead machine is known", open(false))
}

// TestAppliance: what has no shell can be looked at, and refuses before anything is sent.
func TestAppliance(t *testing.T) {
	t.Parallel()
	d, err := actionstest.StartAppliance()
	must(t, d, err)
	t.Cleanup(func() { d.Stop() }) //nolint:errcheck // nothing depends on it
	reach, err := d.SSH()
	must(t, &reach, err)
	set := actions.NewSet(actions.Options{Clock: realClock(), SSH: reach})
	t.Cleanup(set.Close)
	j := job("token-of-appliance", "ssh", map[string]any{"argv": []string{"show", "role"}, "address": d.Address})
	if s := set.Eyes().Look(t.Context(), j); s.Found != dr.FoundDone {
		t.Errorf("%s %q", s.Found, s.Text)
	}
	if r := set.Hands().Do(t.Context(), j); r.State != dr.StepFail || r.Code != -1 {
		t.Errorf("%s %q", r.State, r.Text)
	}
	g, err := set.Hands().Greet(t.Context(), actions.Line{User: d.User, Address: d.Address})
	if _, ok := g.Words(true); err != nil || ok {
		t.Errorf("something could be done there: %v", err)
	}
	if _, ok := g.Words(false); !ok {
		t.Error("it could not be looked at")
	}
}
