package actions

import (
	"context"
	"fmt"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// checkAction asks a probe until it says yes. It is made of eyes and could not act if it wanted to.
type checkAction struct {
	form
	host *host
	eyes Eyes
}

func newCheck(h *host, eyes Eyes) *checkAction {
	return &checkAction{host: h, eyes: eyes, form: newForm(dr.ActionSpec{
		Name:     "check",
		Title:    "Ask a probe until it says yes. No in the end is failed.",
		Kind:     dr.CheckStep,
		Classes:  []dr.Class{dr.Read},
		CanProbe: true,
		Example:  `{action: check, with: {probe: can-pay, for: 1m, every: 2s}, class: read}`,
		Params: []dr.ParamSpec{
			{Name: "probe", Type: "string", Pattern: `[A-Za-z0-9][A-Za-z0-9_.:@-]*`, Doc: "id of a probe of the system; the plan compiler puts its call into call"},
			{Name: "call", Type: "call", Doc: "the look itself, {action: exec or http, with: {…}}; instead of probe"},
			{Name: "for", Type: "duration", Doc: "how long to go on asking; without it one answer counts, and only no answer is asked again until the timeout"},
			{Name: "every", Type: "duration", Doc: "pause between two looks, at least 100ms; 1s when not given"},
		},
	})}
}

// Do asks until yes, or until the time is over.
func (c *checkAction) Do(ctx context.Context, job Job) Result {
	s, inner, err := c.inner(job)
	if err != nil {
		return s.refused(err)
	}
	every := max(s.params.span("every"), 100*time.Millisecond)
	if !s.params.has("every") {
		every = time.Second
	}
	deadline := s.Clock.Now().Add(s.params.span("for"))
	for looks := 1; ; looks++ {
		sight := c.eyes.Look(ctx, inner)
		over := ctx.Err() != nil || !s.Clock.Now().Add(every).Before(deadline) && (sight.Found == dr.FoundNotDone || s.params.has("for"))
		switch {
		case sight.Found == dr.FoundDone:
			return c.answer(s, dr.StepOK, sight, "yes", looks)
		case over && sight.Found == dr.FoundNotDone:
			return c.answer(s, dr.StepFail, sight, "no", looks)
		case over:
			return c.answer(s, dr.StepFail, sight, "no answer", looks)
		}
		select {
		case <-s.Clock.After(every):
		case <-ctx.Done():
			return c.answer(s, dr.StepFail, sight, "no answer in time, last", looks)
		}
	}
}

func (c *checkAction) answer(s *scene, state dr.StepState, sight Sight, word string, looks int) Result {
	r := s.result(state, 0, "%s (look %d): %s", word, looks, sight.Text)
	r.Facts = sight.Facts
	return r
}

// Look looks once.
func (c *checkAction) Look(ctx context.Context, job Job) Sight {
	s, inner, err := c.inner(job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	return c.eyes.Look(ctx, inner)
}

// inner is the probe as a job of its own.
func (c *checkAction) inner(job Job) (*scene, Job, error) {
	s, err := c.host.scene(c.form, job)
	if err != nil {
		return s, job, err
	}
	call, err := innerCall(s.params, "call", c.eyes)
	job.Call, job.Timeout, job.Evidence = call, 0, nil
	return s, job, err
}

// innerCall takes the call inside a call; it must be one that can look.
func innerCall(p params, name string, eyes Eyes) (dr.Call, error) {
	c, ok := p.call(name)
	if !ok {
		return c, fmt.Errorf("%s is missing: there is nothing to look at", name)
	}
	if _, ok := eyes.looks[c.Action]; !ok {
		return c, fmt.Errorf("%s: %s cannot look", name, quote(c.Action))
	}
	return c, nil
}
