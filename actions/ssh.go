package actions

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

//go:embed guard.sh
var guard string

// sshAction runs a program on another machine. What is done there is done under a guard that keeps a journal
// of its own beside it: the same token never starts it twice, a lost line does not end it, and afterwards the
// machine itself can say whether it came, runs, or how it ended ([Hands.Recall]).
type sshAction struct {
	form
	host  *host
	wires *wires
}

func newSSH(h *host) *sshAction {
	return &sshAction{host: h, wires: newWires(h.Options), form: newForm(dr.ActionSpec{
		Name:     "ssh",
		Title:    "Run a program on the step's node: exit 0 is ok, any other exit is failed, a lost line or a timeout is unknown until the node's own journal tells. As a probe: exit 0 done, 1 not done, anything else inconclusive.",
		Kind:     dr.ActionStep,
		Classes:  []dr.Class{dr.Read, dr.Idempotent, dr.Once},
		CanProbe: true,
		Example:  `{action: ssh, with: {argv: [pg_ctl, promote, -D, /data]}, class: once}`,
		Params: []dr.ParamSpec{
			{Name: "argv", Type: "list", Required: true, Doc: "the program and its arguments, each passed as it is; no shell reads them. Secrets are refused here: every process of a machine can read argv."},
			{Name: "env", Type: "map", Doc: "environment variables besides those of the login; a value may be secret:NAME"},
			{Name: "stdin", Type: "string", Doc: "what the program reads; may be secret:NAME. Without it the program reads end of file."},
			{Name: "pty", Type: "bool", Doc: "give the program a terminal and record it even when the evidence does not ask for a recording; needs script(1) there"},
			{Name: "user", Type: "string", Pattern: `[A-Za-z_][A-Za-z0-9._-]{0,63}`, Doc: "who to be there; without it the user Switchman is set up with"},
			{Name: "address", Type: "string", Pattern: `[A-Za-z0-9.:\[\]_-]{1,255}`, Doc: "host or host:port to reach instead of the node's address"},
			{Name: "port", Type: "int", Doc: "port of sshd; 22 without it"},
		},
	}, "env", "stdin")}
}

// Do runs the program under the attempt's token.
func (x *sshAction) Do(ctx context.Context, job Job) Result {
	s, c, err := x.host.program(x.form, job)
	if err != nil {
		return s.refused(err)
	}
	if !tokenShape.MatchString(job.Token) {
		return s.refused(errors.New("the attempt has no token a machine could keep"))
	}
	l, err := x.line(ctx, s)
	if err != nil {
		return s.refused(err)
	}
	c.tty = s.wants("recording") || s.params.yes("pty")
	if c.tty && l.target.script {
		// The program's input stays the one the guard holds at 3; only its output is a terminal.
		c.argv = []string{"sh", "-c", `exec script -qefc "$1" /dev/null </dev/null`, "sh", words(c.argv) + " <&3"}
	}
	k := s.keep(c.tty)
	var verdict tail
	e := l.run(ctx, guardLine("do", job.Token, c.argv), strings.NewReader(c.input()), k, &verdict)
	k.close()
	m := memoryOf(e, verdict.b)
	r := s.result(m.state(), m.Code, "%s", m.words(ctx, job, k.tail.line(), e))
	r.Files = k.files(r.State)
	r.Masked, r.MaskRules = s.count.Count, s.count.Rules
	return r
}

// Look runs the program as a probe, without a trace at the target.
func (x *sshAction) Look(ctx context.Context, job Job) Sight {
	s, c, err := x.host.program(x.form, job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	l, err := x.reach(ctx, s)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	line, input := "exec "+words(c.argv), c.stdin
	if l.target.shell {
		line, input = guardLine("look", "-", c.argv), c.input()
	}
	var out, errs tail
	e := l.run(ctx, line, strings.NewReader(input), &out, &errs)
	found := dr.FoundInconclusive
	switch {
	case !e.started || e.cut:
	case e.code == 0:
		found = dr.FoundDone
	case e.code == 1:
		found = dr.FoundNotDone
	}
	told := facts(out.b)
	if _, ok := told["offset_ms"]; !ok && l.target.shell {
		if told == nil {
			told = map[string]int64{}
		}
		told["offset_ms"] = l.target.offset.Milliseconds()
	}
	return s.sight(found, told, "%s", e.words(ctx, job, cmp.Or(errs.line(), out.line())))
}

// Memory is what a machine's own journal says of an attempt.
type Memory struct {
	State string
	Code  int    // of ended
	Text  string // one safe, masked line
}

// What a machine can say of an attempt.
const (
	MemoryAbsent  = "absent" // it never came, and nothing was begun
	MemoryRunning = "running"
	MemoryEnded   = "ended"
	MemoryLost    = "lost"   // it came, and even the machine does not know how it ended
	MemorySilent  = "silent" // no answer: ask again
	refusedThere  = "refused"
	neverSent     = "unsent"
)

// Recall asks the machine what became of an attempt, and starts nothing.
func (x *sshAction) Recall(ctx context.Context, job Job) Memory {
	s, _, err := x.host.program(x.form, job)
	if err != nil || !tokenShape.MatchString(job.Token) {
		return Memory{State: MemorySilent, Code: -1}
	}
	l, err := x.line(ctx, s)
	if err != nil {
		return Memory{State: MemorySilent, Code: -1, Text: s.say(err.Error())}
	}
	var out, verdict tail
	m := memoryOf(l.run(ctx, guardLine("tell", job.Token, nil), nil, &out, &verdict), verdict.b)
	m.Text = s.say(m.Text)
	return m
}

// line reaches a machine that can be acted on.
func (x *sshAction) line(ctx context.Context, s *scene) (*wire, error) {
	l, err := x.reach(ctx, s)
	if err == nil && !l.target.shell {
		return nil, errNoShell
	}
	return l, err
}

func (x *sshAction) reach(ctx context.Context, s *scene) (*wire, error) {
	address, err := sshAddress(s.params.text("address"), s.job.Node.Address, s.params.num("port"))
	if err != nil {
		return nil, err
	}
	return x.wires.to(ctx, cmp.Or(s.params.text("user"), x.wires.ssh.User), address)
}

// sshAddress is where sshd listens: what the step names, else the node's host, at port 22 unless told.
func sshAddress(named, node string, port int64) (string, error) {
	if port < 0 || port > 65535 {
		return "", fmt.Errorf("%d is no port", port)
	}
	at, fixed := cmp.Or(named, node), ""
	if host, p, err := net.SplitHostPort(at); err == nil {
		at = host
		if named != "" {
			fixed = p // the node's own port is its service's, not sshd's
		}
	}
	if at == "" {
		return "", errors.New("the node has no address; give it one, or the step")
	}
	if port != 0 {
		fixed = strconv.FormatInt(port, 10)
	}
	return net.JoinHostPort(strings.Trim(at, "[]"), cmp.Or(fixed, "22")), nil
}

var tokenShape = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]{7,127}\z`)

// guardLine is what the other side's shell is given.
func guardLine(verb, token string, argv []string) string {
	return "exec sh -c " + words(append([]string{guard, "guard", verb, token}, argv...))
}

func words(argv []string) string {
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = shellWord(a)
	}
	return strings.Join(out, " ")
}

// input is what the guard reads: the size of the variables, the variables, and what the program reads.
func (c command) input() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, shellWord(c.env[name]))
	}
	return strconv.Itoa(b.Len()) + "\n" + b.String() + c.stdin
}

// memoryOf reads the guard's last word.
func memoryOf(e ending, verdict []byte) Memory {
	if !e.started {
		return Memory{State: neverSent, Code: -1, Text: e.err.Error()}
	}
	at := strings.LastIndex(string(verdict), "switchman: ")
	if at < 0 {
		m := Memory{State: MemorySilent, Code: -1, Text: strings.TrimSpace(string(verdict))}
		if m.Text == "" && e.err != nil {
			m.Text = "the line broke: " + e.err.Error()
		}
		return m
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(string(verdict)[at+len("switchman: "):]), " ")
	m := Memory{State: word, Code: -1, Text: rest}
	if word == MemoryEnded {
		code, err := strconv.Atoi(rest)
		if err != nil {
			return Memory{State: MemoryLost, Code: -1, Text: "its journal is not readable"}
		}
		m.Code, m.Text = code, fmt.Sprintf("exit %d", code)
	}
	return m
}

// state is what may be said of the attempt.
func (m Memory) state() dr.StepState {
	switch {
	case m.State == MemoryEnded && m.Code == 0:
		return dr.StepOK
	case m.State == MemoryEnded, m.State == neverSent, m.State == refusedThere:
		return dr.StepFail
	}
	return dr.StepUnknown
}

// words tells it in one line, with the last line of output.
func (m Memory) words(ctx context.Context, job Job, last string, e ending) string {
	text := m.Text
	switch {
	case m.State == neverSent, m.State == refusedThere:
		return "nothing was done: " + m.Text
	case e.cut && ctx.Err() != nil:
		text = why(ctx, job.Timeout) + "; it goes on there, and its journal will tell"
	case m.State == MemoryEnded && m.Code == 0 && last != "":
		return last
	}
	if last == "" {
		return cmp.Or(text, m.State)
	}
	return cmp.Or(text, m.State) + ": " + last
}
