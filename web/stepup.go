package web

import (
	"context"
	"fmt"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// stepUpFor refuses an act of a session that wants a second proof and has none for this run.
func (s *Server) stepUpFor(ctx context.Context, c caller, run string, verb dr.Verb) error {
	if c.session == nil || s.cfg.Demo {
		return nil
	}
	if verb == bot.TakeSite {
		return s.provenFor(ctx, c, credentialsRun)
	}
	mode, err := s.modeOf(ctx, run)
	if err != nil || !bot.NeedsStepUp(verb, mode) {
		return err
	}
	ok, err := s.steppedUp(ctx, c, run)
	if err != nil || ok {
		return err
	}
	return stepUpNeeded(run)
}

// credentialsRun stands in a step-up for the making and ending of credentials, which belong to no run. A
// token is a proof by itself, so whoever found a browser unlocked must not be able to make one.
const credentialsRun = "credentials"

// provenFor refuses what a session may do only after a second proof, whatever the mode.
func (s *Server) provenFor(ctx context.Context, c caller, run string) error {
	ok, err := s.steppedUp(ctx, c, run)
	if err != nil || ok {
		return err
	}
	return stepUpNeeded(run)
}

func stepUpNeeded(run string) *dr.Error {
	return &dr.Error{Kind: dr.Refused, ID: "step_up_needed", Args: dr.Args{"run": printable(run)}}
}

// modeOf reads a run's mode; a run that is not there has none, and the engine says so.
func (s *Server) modeOf(ctx context.Context, run string) (mode dr.Mode, err error) {
	err = s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		found, err := rd.Run(ctx, run)
		mode = found.Mode
		return err
	})
	if dr.KindOf(err) == dr.NotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking at run %s: %w", printable(run), err)
	}
	return mode, nil
}

// watching refuses what an observer may not do: they look, and say what they saw.
func (s *Server) watching(c caller, verb dr.Verb) *dr.Error {
	if c.session == nil || !readOnly(c.person) {
		return nil
	}
	for _, v := range observerVerbs() {
		if v == verb {
			return nil
		}
	}
	return dr.Refuse("observers_watch", dr.Args{"person": c.person.Name})
}
