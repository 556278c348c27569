package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Target is one way to reach a class of recipients. It comes from the configuration, not from a
// plan, so its addresses need no allow-list. Values that may be secrets take secret:NAME.
type Target struct {
	Kind string // command | webhook | mail | file | stdout
	Name string // shown in proofs instead of addresses; the kind when empty

	// command: the text is its stdin, a contact its last argument; SWITCHMAN_NOTIFY_TO and
	// SWITCHMAN_NOTIFY_SUBJECT are in its environment. Exit 0 is accepted.
	Argv []string
	Env  map[string]string

	// webhook: POST to Address (host:port) and Path. Any 2xx is accepted. Body is a JSON text in which
	// {text}, {subject}, {token}, {run}, {step}, {to} and {contact} are filled, escaped; when empty, an object of
	// those fields is sent. mail: Address is the server.
	Address string
	Path    string // may be a secret: chat webhooks keep theirs in the path
	TLS     string // webhook: "" or tls; mail: starttls (when empty), tls, none
	Headers map[string]string
	Body    string

	// mail: one message for all in To.
	From     string
	To       []string
	User     string
	Password string // secret:NAME; never sent without TLS

	// file: one JSON line per notice is appended, once per token.
	File string
}

// notifyAction tells somebody.
type notifyAction struct {
	form
	host *host
}

func newNotify(h *host) *notifyAction {
	return &notifyAction{host: h, form: newForm(dr.ActionSpec{
		Name: "notify",
		Title: "Tell a class of recipients by every way configured for it. All accepted is ok; one refused is failed; one that may or may not have left is unknown. " +
			"The proof is message id, status or exit of each.",
		Kind:    dr.NotifyStep,
		Classes: []dr.Class{dr.Idempotent, dr.Once},
		Example: `{action: notify, with: {to: regulator, after: first_effect, due: 30m, text: "Harbor Bank moves to its other site ({run})"}, class: idempotent}`,
		Params: []dr.ParamSpec{
			{Name: "to", Type: "string", Required: true, Pattern: `[A-Za-z0-9][A-Za-z0-9_.:-]*`, Doc: "recipient class of the configuration, such as regulator"},
			{Name: "text", Type: "string", Required: true, Doc: "what to say; {run} is filled anywhere in it"},
			{Name: "subject", Type: "string", Pattern: `[^\r\n]*`, Doc: "subject of a mail"},
			{Name: "after", Type: "string", Enum: []string{"declared", "ordered", "requested", "first_effect", "restored"}, Doc: "clock that due counts from"},
			{Name: "due", Type: "duration", Doc: "when it must have been said"},
			{Name: "contact", Type: "string", Pattern: `(?:phone|mail|webhook|command):[^\s-][^\s]*`, Doc: "one person's contact, KIND:VALUE, for call-outs; to is then contact:KIND"},
		},
	})}
}

// notice is one message, ready for every target.
type notice struct {
	to, subject, text string
	token, run, step  string
	contact           string
}

// sent is what became of it at one target.
type sent struct {
	state dr.StepState
	proof string
}

// Do tells every target. Mails carry the token as Message-ID, webhooks as Idempotency-Key, commands in
// their environment, and a file takes a token once: recipients can tell a repeat.
func (n *notifyAction) Do(ctx context.Context, job Job) Result {
	s, msg, targets, err := n.prepare(job)
	if err != nil {
		return s.refused(err)
	}
	state, proofs := dr.StepOK, make([]string, 0, len(targets))
	for _, t := range targets {
		got := n.send(ctx, s, t, msg)
		switch {
		case got.state == dr.StepUnknown, got.state == dr.StepFail && state == dr.StepOK:
			state = got.state
		}
		proofs = append(proofs, s.say(t.label()+": "+got.proof))
	}
	r := s.result(state, -1, "%s", strings.Join(proofs, "; "))
	r.Proof = strings.Join(proofs, "; ")
	return r
}

// Look finds a notice in a file by its token; what went elsewhere cannot be seen from here.
func (n *notifyAction) Look(_ context.Context, job Job) Sight {
	s, msg, targets, err := n.prepare(job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	for _, t := range targets {
		if t.Kind != "file" {
			return s.sight(dr.FoundInconclusive, nil, "whether a %s arrived cannot be seen from here", t.Kind)
		}
		there, err := n.host.inFile(t, msg.token)
		if err != nil {
			return s.sight(dr.FoundInconclusive, nil, "%s: %v", t.label(), err)
		}
		if !there {
			return s.sight(dr.FoundNotDone, nil, "%s: not there", t.label())
		}
	}
	return s.sight(dr.FoundDone, nil, "said")
}

func (n *notifyAction) prepare(job Job) (*scene, notice, []Target, error) {
	s, err := n.host.scene(n.form, job)
	if err != nil {
		return s, notice{}, nil, err
	}
	p := s.params
	msg := notice{to: p.text("to"), text: strings.ReplaceAll(p.text("text"), "{run}", job.Run), token: job.Token, run: job.Run, step: job.Step}
	msg.subject = p.textOr("subject", strings.TrimSpace("Switchman "+job.Run))
	kind, value, _ := strings.Cut(p.text("contact"), ":")
	msg.contact = value
	if job.Watermark != "" {
		msg.text = "[" + job.Watermark + "] " + msg.text
		msg.subject = "[" + job.Watermark + "] " + msg.subject
	}
	targets := n.host.Notify[msg.to]
	switch {
	case value != "" && msg.to != "contact:"+kind:
		return s, msg, nil, fmt.Errorf("a contact of kind %s is reached through contact:%s, not %s", kind, kind, quote(msg.to))
	case len(targets) == 0:
		return s, msg, nil, fmt.Errorf("no way is configured to reach %s", quote(msg.to))
	}
	targets, err = s.openTargets(targets)
	return s, msg, targets, err
}

// openTargets resolves the secrets of targets and adds them to what is masked.
func (s *scene) openTargets(targets []Target) ([]Target, error) {
	out := make([]Target, 0, len(targets))
	for _, t := range targets {
		for _, field := range []*string{&t.Path, &t.Password, &t.Body} {
			v, found, err := s.resolve(*field)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.label(), err)
			}
			*field, _ = v.(string)
			s.learn(found)
		}
		for _, m := range []*map[string]string{&t.Env, &t.Headers} {
			v, found, err := s.resolve(*m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.label(), err)
			}
			*m, _ = v.(map[string]string)
			s.learn(found)
		}
		out = append(out, t)
	}
	return out, nil
}

func (t Target) label() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Kind
}

func (n *notifyAction) send(ctx context.Context, s *scene, t Target, msg notice) sent {
	if ctx.Err() != nil {
		return sent{dr.StepFail, "not sent: " + why(ctx, s.job.Timeout)}
	}
	switch t.Kind {
	case "command":
		return s.byCommand(ctx, t, msg)
	case "webhook":
		return s.byWebhook(ctx, t, msg)
	case "mail":
		return s.byMail(ctx, t, msg)
	case "file":
		return s.byFile(t, msg)
	case "stdout":
		return s.byStdout(msg)
	}
	return refusal(errors.New("no such kind of target: " + quote(t.Kind)))
}

func refusal(err error) sent { return sent{dr.StepFail, fmt.Sprintf("not sent: %v", err)} }
