package e2e

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestRunThatLeavesUs: Switchman runs at the site that is left, with SQLite. Without a copy of its state elsewhere the
// start is refused; with one the other site has, in the end, a state that knows how the run went.
func TestRunThatLeavesUs(t *testing.T) {
	t.Parallel()
	s := prepareScene(t)
	s.runsAt("[east]")
	away := filepath.Join(s.dir, "away")
	s.open(nil)
	run := s.ready("move", "")
	if c := s.check(run, "switchman:copy"); c.OK || c.Level != "block" || !strings.Contains(c.Text, "SWITCHMAN_SHIP_PATH") {
		t.Fatalf("without a place for copies: %+v", c)
	}
	s.refuses(run, "check_blocks")
	s.do("ann", run, dr.VerbCancel, fsm.Args{Reason: "no copy", Confirmed: true})
	s.crash()

	s.open(nil, "SWITCHMAN_SHIP_PATH="+away) // which nobody has mounted
	run = s.ready("move", "")
	if c := s.check(run, "switchman:copy"); c.OK || !strings.Contains(c.Text, away) {
		t.Fatalf("with a place that is not there: %+v", c)
	}
	if err := os.Mkdir(away, 0o700); err != nil {
		t.Fatal(err)
	}
	s.do("ann", run, dr.VerbCancel, fsm.Args{Reason: "now it is there", Confirmed: true})
	run = s.drill("move", "")
	if c := s.check(run, "switchman:copy"); !c.OK || !strings.Contains(c.Text, away) {
		t.Fatalf("with a copy: %+v", c)
	}
	s.eventually("the other site has the state the run ended in", func() bool { return s.knownAt(away, run) == dr.AtStandby })
	if n := len(s.shipped(away)); n > 3 {
		t.Errorf("%d copies stay", n)
	}
	back := s.drill("move-back", run)
	if slices.ContainsFunc(s.view(back).Checks, func(c dr.Check) bool { return c.ID == "switchman:copy" }) {
		t.Error("a switchback was asked for a copy")
	}
}

// runsAt says at which sites Switchman itself runs.
func (s *scene) runsAt(sites string) {
	s.Helper()
	file := filepath.Join(s.dir, "org", "organisation.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "sites: [west]}", "sites: "+sites+"}", 1)), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) check(run, id string) dr.Check {
	s.Helper()
	v := s.view(run)
	i := slices.IndexFunc(v.Checks, func(c dr.Check) bool { return c.ID == id })
	if i < 0 {
		s.Fatalf("%s was not asked about %s", id, run)
	}
	return v.Checks[i]
}

// refuses tries to start a run that has its votes, and wants the refusal named.
func (s *scene) refuses(run, why string) {
	s.Helper()
	issued, err := s.app.Engine.IssueCode(s.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
	if err != nil {
		s.Fatal(err)
	}
	err = s.try("ann", run, dr.VerbStart, fsm.Args{Code: issued.Code.Reveal(), Nonce: issued.View.Round.Nonce})
	var told *dr.Error
	if !errors.As(err, &told) || told.ID != why {
		s.Fatalf("starting said %v, want %s", err, why)
	}
}

// shipped are the copies at the other site, oldest first.
func (s *scene) shipped(away string) []string {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(away, "tiny-bank-*.db"))
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// knownAt restores the newest copy at the other site, as people there would, and answers in which state it has a run.
func (s *scene) knownAt(away, run string) (state dr.State) {
	s.Helper()
	all := s.shipped(away)
	if len(all) == 0 {
		return ""
	}
	dir := filepath.Join(s.TempDir(), "state")
	if _, err := store.Restore(s.Context(), all[len(all)-1], dir, store.RestoreOptions{}); errors.Is(err, fs.ErrNotExist) {
		return "" // let go for a newer one meanwhile
	} else if err != nil {
		s.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(s.dir, "state", "log.key")) // which lies with the organisation's secrets, not with its copies
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "log.key"), key, 0o600)); err != nil {
		s.Fatal(err)
	}
	there, err := store.Open(s.Context(), store.Options{Dir: dir, Organisation: "tiny-bank", Clock: s.clock.clock(), Log: slog.New(s.logs)})
	if err != nil {
		s.Fatal(err)
	}
	defer func() {
		if err := there.Close(); err != nil {
			s.Error(err)
		}
	}()
	err = there.Read(s.Context(), func(r *store.Reader) error {
		known, err := r.Run(s.Context(), run)
		state = known.State
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return state
}
