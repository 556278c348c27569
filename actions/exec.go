package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/cast"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// execAction runs a program on Switchman's own machine.
type execAction struct {
	form
	host *host
}

func newExec(h *host) *execAction {
	return &execAction{host: h, form: newForm(dr.ActionSpec{
		Name:     "exec",
		Title:    "Run a program: exit 0 is ok, any other exit is failed, a kill or a timeout is unknown. As a probe: exit 0 done, 1 not done, anything else inconclusive.",
		Kind:     dr.ActionStep,
		Classes:  []dr.Class{dr.Read, dr.Idempotent, dr.Once},
		CanProbe: true,
		Example:  `{action: exec, with: {argv: [pg_ctl, promote, -D, /data]}, class: once}`,
		Params: []dr.ParamSpec{
			{Name: "argv", Type: "list", Required: true, Doc: "the program and its arguments, each passed as it is; no shell. A program without / is looked up in PATH. Secrets are refused here: every process of a machine can read argv."},
			{Name: "env", Type: "map", Doc: "environment variables besides PATH, HOME, LANG, TZ; a value may be secret:NAME"},
			{Name: "stdin", Type: "string", Doc: "what the program reads; may be secret:NAME. Without it the program reads end of file."},
			{Name: "pty", Type: "bool", Doc: "give the program a terminal and record it even when the evidence does not ask for a recording"},
		},
	}, "env", "stdin")}
}

// Do runs the program. The target can tell a repeat by SWITCHMAN_STEP_TOKEN; Do itself cannot.
func (x *execAction) Do(ctx context.Context, job Job) Result {
	s, c, err := x.host.program(x.form, job)
	if err != nil {
		return s.refused(err)
	}
	c.tty = s.wants("recording") || s.params.yes("pty")
	k := s.keep(c.tty)
	c.out, c.errs = k, k
	e := s.run(ctx, c)
	k.close()
	state := e.state()
	r := s.result(state, e.code, "%s", e.words(ctx, job, k.tail.line()))
	r.Files = k.files(state)
	r.Masked, r.MaskRules = s.count.Count, s.count.Rules
	return r
}

// Look runs the program as a probe.
func (x *execAction) Look(ctx context.Context, job Job) Sight {
	s, c, err := x.host.program(x.form, job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not looked: %v", err)
	}
	var out, errs tail // each has a goroutine of its own
	c.out, c.errs = &out, &errs
	e := s.run(ctx, c)
	found := dr.FoundInconclusive
	switch {
	case !e.started || e.cut:
	case e.code == 0:
		found = dr.FoundDone
	case e.code == 1:
		found = dr.FoundNotDone
	}
	return s.sight(found, facts(out.b), "%s", e.words(ctx, job, cmp.Or(errs.line(), out.line())))
}

// program checks a call and makes a program of it, here or elsewhere.
func (h *host) program(f form, job Job) (*scene, command, error) {
	s, err := h.scene(f, job)
	if err != nil {
		return s, command{}, err
	}
	c := command{argv: s.params.list("argv"), env: stepEnv(job), stdin: s.params.text("stdin")}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return s, c, errors.New("argv must begin with a program")
	}
	for name := range s.params.pairs("env") {
		if !envName.MatchString(name) || strings.HasPrefix(name, "SWITCHMAN_STEP_") {
			return s, c, fmt.Errorf("%s cannot be set in env", quote(name))
		}
	}
	maps.Copy(c.env, s.params.pairs("env"))
	return s, c, nil
}

var envName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

func (e ending) state() dr.StepState {
	switch {
	case !e.started:
		return dr.StepFail
	case e.cut || e.signal != "":
		return dr.StepUnknown
	case e.code == 0:
		return dr.StepOK
	}
	return dr.StepFail
}

// words tells an ending in one line.
func (e ending) words(ctx context.Context, job Job, last string) string {
	text := ""
	switch {
	case !e.started:
		return fmt.Sprintf("nothing was sent: %v", e.err)
	case e.cut:
		text = why(ctx, job.Timeout) + ", ended with its group"
	case e.signal != "":
		text = "killed: " + e.signal
	case e.code != 0:
		text = fmt.Sprintf("exit %d", e.code)
	case last == "":
		text = "exit 0"
	}
	if e.open {
		text = strings.TrimPrefix(text+"; something it started still holds its output", "; ")
	}
	if last == "" {
		return text
	}
	if text == "" {
		return last
	}
	return text + ": " + last
}

// keeper masks an output once and keeps it as bytes, as a recording, and its last line.
type keeper struct {
	scene  *scene
	masked *redact.Writer
	output *spool
	cast   *spool
	writer *cast.Writer
	began  time.Time
	tail   tail
}

// keep opens what an output is kept in. The recording opens with watermark and challenge word, which
// prove that it was not made before them.
func (s *scene) keep(record bool) *keeper {
	k := &keeper{scene: s, output: &spool{dir: s.SpoolDir, limit: s.MaxOutput}}
	k.masked = s.mask.Writer(writerFunc(k.write))
	if !record {
		return k
	}
	k.began = s.Clock.Now()
	k.cast = &spool{dir: s.SpoolDir, limit: s.MaxOutput}
	title := strings.TrimSpace(s.job.Run + " " + s.job.Step)
	w, err := cast.NewWriter(k.cast, cast.Header{Width: columns, Height: rows, Timestamp: k.began.Unix(), Title: s.say(title)})
	if err != nil {
		k.cast = nil // a header of fixed size always fits
		return k
	}
	k.writer = w
	for _, line := range []string{s.job.Watermark, s.job.Challenge} {
		if line != "" {
			k.record([]byte("[ " + redact.Line(line, columns) + " ]\r\n"))
		}
	}
	return k
}

// Write takes the output as it comes.
func (k *keeper) Write(p []byte) (int, error) { return k.masked.Write(p) }

// write takes it masked.
func (k *keeper) write(p []byte) (int, error) {
	k.tail.Write(p)   //nolint:errcheck // never fails
	k.output.Write(p) //nolint:errcheck // never fails
	if k.scene.job.Live != nil {
		k.scene.job.Live(p)
	}
	k.record(p)
	return len(p), nil
}

// record keeps whole events only: a recording that is too long ends, it does not break off.
func (k *keeper) record(p []byte) {
	if k.writer == nil {
		return
	}
	at := k.scene.Clock.Now().Sub(k.began)
	if k.cast.kept+int64(len(p))*6+1024 > k.scene.MaxOutput {
		k.writer.Marker(at, "cut: the recording has reached its limit") //nolint:errcheck
		k.writer = nil
		return
	}
	k.writer.Output(at, p) //nolint:errcheck // a spool never fails
}

func (k *keeper) close() {
	k.masked.Close() //nolint:errcheck // neither does write
	k.scene.add(k.masked.Report())
	if k.writer != nil {
		k.writer.Close() //nolint:errcheck
	}
}

// files hands over what was asked for; when something went wrong the output is kept in any case.
func (k *keeper) files(state dr.StepState) []File {
	var out []File
	switch {
	case k.output.total > 0 && (state != dr.StepOK || k.scene.wants("output")):
		if note := k.output.cut(); note != "" {
			k.output.note("\n[" + note + "]\n")
		}
		out = append(out, k.output.evidence("output", "text/plain", k.scene.job.Step+".txt"))
	default:
		k.output.drop()
	}
	if k.cast != nil {
		out = append(out, k.cast.evidence("recording", cast.Media, k.scene.job.Step+".cast"))
	}
	return out
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
