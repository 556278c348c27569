package main

import (
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/fsm"
)

// TestOwnLanguage: sentences come in the language the roster has for whoever asks, unless another one is
// asked for.
func TestOwnLanguage(t *testing.T) {
	d := serve(t, true)
	var v fsm.View
	d.must("--as", "ada", "--json", "run", "request", "move", "--mode", "drill", "--reason", "x").into(t, &v)
	d.must("run", "watch", v.ID, "--until", "awaiting_approval", "--as", "ada")
	for _, c := range []struct {
		args, says string
	}{
		{"--as cleo run start " + v.ID, "审批"},
		{"--as cleo --lang en run start " + v.ID, "waiting for votes"},
		{"--as ben run start " + v.ID, "waiting for votes"},
		{"--as ben --lang zh run start " + v.ID, "审批"},
	} {
		s := d.with("DRC-0000-0000-0000-7\n", strings.Fields(c.args)...)
		if s.code != 3 || !strings.Contains(s.err, c.says) {
			t.Errorf("switchman %s: exit %d, no %q in\n%s", c.args, s.code, c.says, s.err)
		}
	}
	if s := d.must("--as", "cleo", "run", "show", v.ID); !strings.Contains(s.out, "等待") {
		t.Errorf("what the run waits for is told to Cleo as\n%s", s.out)
	}
	if s := d.must("--as", "ben", "run", "show", v.ID); strings.Contains(s.out, "等待") {
		t.Errorf("what the run waits for is told to Ben as\n%s", s.out)
	}
}
