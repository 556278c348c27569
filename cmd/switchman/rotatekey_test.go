package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A key is rotated while nobody serves, the old state goes on under the new key, and a copy of the old
// key no longer opens it.
func TestRotateKey(t *testing.T) {
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	if s := d.run("rotate-key"); s.code != 5 || !strings.Contains(s.err, "--state") {
		t.Errorf("without a state: exit %d\n%s", s.code, s.err)
	}
	stop := d.start(true)
	if s := d.run("rotate-key"); s.code == 0 {
		t.Errorf("a key was rotated under a running server\n%s", s.out)
	}
	stop()
	file := filepath.Join(d.state, "log.key")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var keys struct{ Old, New, File string }
	d.must("rotate-key", "--json").into(t, &keys)
	if keys.Old == keys.New || keys.File != file {
		t.Errorf("%+v", keys)
	}
	var v struct {
		OK         bool
		Checkpoint struct{ Key string }
	}
	d.must("verify", "--json").into(t, &v)
	if !v.OK || v.Checkpoint.Key != keys.New {
		t.Errorf("after the rotation: %+v, want a journal signed by %s", v, keys.New)
	}
	d.start(true)()
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := d.run("rotate-key"); s.code != 8 {
		t.Errorf("the old key was taken: exit %d\n%s", s.code, s.err)
	}
}
