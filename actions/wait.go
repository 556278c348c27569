package actions

import (
	"context"

	"github.com/switchman-dr/switchman/dr"
)

// waitAction lets time pass.
type waitAction struct {
	form
	host *host
}

func newWait(h *host) *waitAction {
	return &waitAction{host: h, form: newForm(dr.ActionSpec{
		Name:    "wait",
		Title:   "Let time pass, as for a cache that forgets by itself. Nothing is sent, so a wait cut short is failed and may begin again.",
		Kind:    dr.WaitStep,
		Classes: []dr.Class{dr.Read, dr.Idempotent},
		Example: `{action: wait, with: {for: 30s}, class: read}`,
		Params: []dr.ParamSpec{
			{Name: "for", Type: "duration", Required: true, Doc: "how long"},
		},
	})}
}

// Do waits.
func (w *waitAction) Do(ctx context.Context, job Job) Result {
	s, err := w.host.scene(w.form, job)
	if err != nil {
		return s.refused(err)
	}
	d := s.params.span("for")
	select {
	case <-s.Clock.After(d):
		return s.result(dr.StepOK, 0, "waited %s", d)
	case <-ctx.Done():
		return s.result(dr.StepFail, -1, "cut short: %s", why(ctx, job.Timeout))
	}
}

// Look cannot see time that has passed.
func (w *waitAction) Look(context.Context, Job) Sight {
	return blind("time leaves no trace to look at")
}

// manualAction stands for what a person does.
type manualAction struct{ form }

func newManual() *manualAction {
	return &manualAction{newForm(dr.ActionSpec{
		Name:    "manual",
		Title:   "A person does it and says done. Nothing is sent.",
		Kind:    dr.ManualStep,
		Classes: []dr.Class{dr.Read, dr.Idempotent, dr.Once},
		Example: `{action: manual, with: {text: "Call the branches"}, class: once}`,
		Params: []dr.ParamSpec{
			{Name: "text", Type: "string", Doc: "what to do, for the person who does it"},
			{Name: "role", Type: "string", Enum: roles(), Doc: "who may say done; without it whoever may run steps"},
		},
	})}
}

func roles() []string {
	var out []string
	for _, r := range dr.Roles() {
		out = append(out, string(r))
	}
	return out
}

// Do does nothing: the answer comes from a person.
func (m *manualAction) Do(_ context.Context, job Job) Result {
	if _, err := m.decode(job); err != nil {
		return Result{State: dr.StepFail, Code: -1, Text: "nothing was sent: " + err.Error()}
	}
	return Result{State: Pending, Code: -1, Text: "waits for a person"}
}

// Look cannot see what people do.
func (m *manualAction) Look(context.Context, Job) Sight { return blind("only a person can tell") }
