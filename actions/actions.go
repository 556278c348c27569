// Package actions holds the only hands Switchman has: it starts commands, sends requests and
// notices, waits, and compares both sides of a protection. Nothing else in the house runs a command
// or speaks to a target.
//
// It owns the way out: what an action accepts (its [dr.ActionSpec]), what leaves the house, what is kept of
// the answer, and what may honestly be said about the outcome. It refuses to decide: order, retry,
// rollback and asking a person belong to the engine, which has written the intent down before it calls.
//
// Invariants:
//
//   - Three outcomes. failed means: nothing was sent, or the target itself said no. From the moment
//     something may have left, a timeout, a lost connection or a cancel is unknown, never failed.
//   - Looking changes nothing. [Eyes] are what a rehearsal gets; they hold the Look of actions that can
//     probe and no path to any Do. What an exec probe does is its author's word; http probes are GET or HEAD.
//   - argv goes to the program as it is: no shell, no splitting, no pasting.
//   - A secret is named ("secret:NAME") until the moment of use, never enters argv, and what
//     comes back is masked before it is hashed, stored or said.
//   - Whatever a command started in its process group ends with a timeout or a cancel. A process
//     that left the group on purpose (setsid: a daemon) is an effect of the step, not a leftover.
//   - Output is bounded: beyond the limit it is counted and cut, the step is not harmed by it.
//   - Do under the same token is idempotent where the target can make it so: the token reaches commands as
//     SWITCHMAN_STEP_TOKEN, requests as Idempotency-Key, mails as Message-ID, notice files as a field.
package actions

import (
	"cmp"
	"context"
	"io"
	"log/slog"

	"github.com/switchman-dr/switchman/dr"
)

// Action is one kind of act. Implementations are safe for concurrent use.
type Action interface {
	// Spec says what the action accepts. It never changes.
	Spec() dr.ActionSpec
	// Do acts once. It returns when the act has ended, or, cut by ctx or the job's timeout, when
	// nothing of it runs here any more.
	Do(ctx context.Context, job Job) Result
	// Look says whether what the job's call describes is true, and changes nothing.
	Look(ctx context.Context, job Job) Sight
}

// Job is one attempt at one call.
type Job struct {
	Token     string // idempotency key of the attempt, the same when it is sent again
	Run       string // fills {run}
	Step      string
	Attempt   int
	Node      dr.Node      // where it happens; zero when the step has no node
	Call      dr.Call      // filled by the catalog except for {run}
	Class     dr.Class     // what the plan declares
	Timeout   dr.Millis    // 0: only ctx bounds it
	Evidence  []string     // recording, output: what to keep even when all went well
	Challenge string       // an observer's word, printed into recordings first
	Watermark string       // such as SAMPLE, printed there too
	Addresses []string     // host:port of every node of the plan; http may call these and Node's
	Live      func([]byte) // hears the masked output as it comes and must not hold it; nil: nobody does
}

// Result is what became of a Do.
type Result struct {
	State     dr.StepState     // ok | failed | unknown; manual: Pending
	Code      int              // exit or HTTP or SMTP status; -1: none
	Text      string           // one safe, masked line
	Proof     string           // of a notice: message id and answer of each target, masked
	Files     []File           // evidence, to be stored and then removed
	Facts     map[string]int64 // of reconcile: lost, extra, changed, left_count …
	Masked    int              // secrets masked in everything above
	MaskRules []string         // rules that masked them
}

// Pending is the state of a manual step: nothing was sent, a person has to say done.
const Pending = dr.StepIntent

// File is a piece of evidence in memory or in a file without a name: nothing is left of it after
// a crash. Open may be called again until Remove.
type File struct {
	Kind   string // output | recording | text, as in dr.Blob
	Media  string
	Name   string
	Size   int64
	Open   func() (io.ReadCloser, error)
	Remove func() error
}

// Sight is what a look found.
type Sight struct {
	Found dr.Found
	Text  string           // one safe, masked line
	Facts map[string]int64 // what the target told in numbers, such as lag_ms, offset_ms, count, amount
}

// Options are what a set needs from outside.
type Options struct {
	Clock     dr.Clock                          // required: waiting, polling, time stamps of recordings
	Secrets   func(name string) (string, error) // value of secret:NAME, called at the moment of use
	Known     []string                          // other values to mask, such as the server's own tokens
	AllowHTTP []string                          // host:port that http may call besides the plan's nodes
	Refuse    []string                          // ip:port never called, such as the server's own listeners
	Env       []string                          // NAME=value for commands; see AllowedEnv
	Dir       string                            // where commands run and relative paths begin
	SpoolDir  string                            // for output too large for memory; "" is the system's
	MaxOutput int64                             // bytes kept of one output; 0 means 128 MiB
	Grace     dr.Millis                         // between SIGTERM and SIGKILL of a cut command; 0 means 2 s
	Notify    map[string][]Target               // recipient class → targets; "contact:KIND" for a person's contact
	Roots     []byte                            // PEM certificates trusted for TLS besides the system's
	SSH       SSH                               // how other machines are reached
	Stdout    io.Writer                         // for notices of kind stdout
	Log       *slog.Logger
}

// DefaultMaxOutput is kept of one output unless Options say otherwise.
const DefaultMaxOutput = 128 << 20

// Set is every action, ready to use.
type Set struct {
	order   []string
	actions map[string]Action
	ssh     *sshAction
}

// NewSet makes the actions.
func NewSet(o Options) *Set {
	h := newHost(o)
	command, remote, request, database := newExec(h), newSSH(h), newHTTP(h), newPostgres(h)
	inner := eyesOf(command, remote, request, database)
	look := reads{command: command, request: request, database: database}
	s := &Set{actions: map[string]Action{}, ssh: remote}
	for _, a := range []Action{command, remote, request, database, newWait(h), newManual(), newCheck(h, inner), newReconcile(h, look), newNotify(h)} {
		name := a.Spec().Name
		s.order = append(s.order, name)
		s.actions[name] = a
	}
	return s
}

// Specs lists what every action accepts, in a fixed order. catalog checks plans against it and
// the documentation is made from it.
func (s *Set) Specs() []dr.ActionSpec {
	var out []dr.ActionSpec
	for _, name := range s.order {
		out = append(out, s.actions[name].Spec())
	}
	return out
}

// Specs lists what every action accepts without making a set that could act.
func Specs() []dr.ActionSpec { return NewSet(Options{}).Specs() }

// Action returns one action by name.
func (s *Set) Action(name string) (Action, bool) {
	a, ok := s.actions[name]
	return a, ok
}

// Hands may act and look.
type Hands struct {
	actions map[string]Action
	eyes    Eyes
	recall  func(context.Context, Job) Memory
	lines   *wires
}

// Hands of the set.
func (s *Set) Hands() Hands {
	return Hands{actions: s.actions, eyes: s.Eyes(), recall: s.ssh.Recall, lines: s.ssh.wires}
}

// Close hangs up the lines to other machines. What runs there goes on.
func (s *Set) Close() { s.ssh.wires.close() }

// Recall asks the target itself what became of an attempt; ok is false where targets keep no journal.
func (h Hands) Recall(ctx context.Context, job Job) (m Memory, ok bool) {
	if job.Call.Action != "ssh" || h.recall == nil {
		return Memory{}, false
	}
	ctx, cancel := limited(ctx, min(cmp.Or(job.Timeout, recallLimit), recallLimit))
	defer cancel()
	return h.recall(ctx, job), true
}

// recallLimit is how long a target is asked for its memory.
const recallLimit = dr.Millis(10_000)

// Do carries out a job. An unknown action or a call it does not accept is failed: nothing was sent.
func (h Hands) Do(ctx context.Context, job Job) Result {
	a, ok := h.actions[job.Call.Action]
	if !ok {
		return Result{State: dr.StepFail, Code: -1, Text: noAction(job.Call.Action)}
	}
	ctx, cancel := limited(ctx, job.Timeout)
	defer cancel()
	return a.Do(ctx, job)
}

// Look looks.
func (h Hands) Look(ctx context.Context, job Job) Sight { return h.eyes.Look(ctx, job) }

// Eyes may look only. They hold looks and nothing that acts, so no mistake of a caller can turn
// a rehearsal into the real thing.
type Eyes struct {
	looks map[string]func(context.Context, Job) Sight
}

// Eyes of the set.
func (s *Set) Eyes() Eyes {
	all := make([]Action, 0, len(s.order))
	for _, name := range s.order {
		all = append(all, s.actions[name])
	}
	return eyesOf(all...)
}

func eyesOf(all ...Action) Eyes {
	e := Eyes{looks: map[string]func(context.Context, Job) Sight{}}
	for _, a := range all {
		e.looks[a.Spec().Name] = a.Look
	}
	return e
}

// Look looks. What cannot look, or not now, is inconclusive.
func (e Eyes) Look(ctx context.Context, job Job) Sight {
	look, ok := e.looks[job.Call.Action]
	if !ok {
		return blind(noAction(job.Call.Action))
	}
	ctx, cancel := limited(ctx, job.Timeout)
	defer cancel()
	return look(ctx, job)
}

func noAction(name string) string { return "there is no action " + quote(name) }

func blind(text string) Sight { return Sight{Found: dr.FoundInconclusive, Text: text} }

func limited(ctx context.Context, limit dr.Millis) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit.Duration())
}
