package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/switchman-dr/switchman/dr"
)

const (
	maxSide  = 64 << 20 // bytes of one side's answer
	maxLines = 1000     // differences that may be listed
)

// reconcileAction compares both sides of a protection.
type reconcileAction struct {
	form
	host  *host
	reads reads
}

func newReconcile(h *host, r reads) *reconcileAction {
	return &reconcileAction{host: h, reads: r, form: newForm(dr.ActionSpec{
		Name: "reconcile",
		Title: "Read both sides of a protection and compare counts, amounts and digests. Equal is ok, different is failed with the differences listed, unreadable is failed without any. " +
			`Each side answers either a JSON object {"count": 3, "amount": 1050, "digest": "sha256:…", "rows": [{"id": "…", "amount": 350}]} (rows may be left out) or JSON lines, one object with id and amount per row; ` +
			"whatever else a row holds is compared by digest. postgres reads tables row by row, of one moment, with a digest of all columns. What is on the left and not on the right is lost.",
		Kind:     dr.ReconcileStep,
		Classes:  []dr.Class{dr.Read},
		CanProbe: true,
		Example:  `{action: reconcile, with: {protection: ledger-stream, left: {action: exec, with: {argv: [ledger-dump, east]}}, right: {action: exec, with: {argv: [ledger-dump, west]}}}, class: read}`,
		Params: []dr.ParamSpec{
			{Name: "protection", Type: "string", Pattern: `[A-Za-z0-9][A-Za-z0-9_.:@-]*`, Doc: "id of the protection that is compared, for the report"},
			{Name: "left", Type: "call", Required: true, Doc: "read of the side that was in charge: exec (its standard output), http (GET, the body) or postgres (tables)"},
			{Name: "right", Type: "call", Required: true, Doc: "read of the side that copies"},
			{Name: "left_name", Type: "string", Doc: "what to call the left side; left when not given"},
			{Name: "right_name", Type: "string", Doc: "what to call the right side; right when not given"},
			{Name: "scale", Type: "int", Doc: "decimals of amounts, 0 to 6; facts and sums are whole numbers of the smallest unit. 0 when not given."},
			{Name: "list", Type: "int", Doc: "differences to list, at most 1000; 200 when not given"},
		},
	})}
}

// Do compares and keeps the list of differences.
func (r *reconcileAction) Do(ctx context.Context, job Job) Result {
	s, d, err := r.compare(ctx, job)
	if err != nil {
		return s.result(dr.StepFail, -1, "not compared: %v", err)
	}
	state := dr.StepOK
	if !d.equal() {
		state = dr.StepFail
	}
	k := s.keep(false)
	d.write(k)
	k.close()
	if d.equal() && !s.wants("output") {
		k.output.drop()
		k.output = nil
	}
	res := s.result(state, 0, "%s", d.words())
	res.Facts = d.facts()
	if k.output != nil {
		res.Files = []File{k.output.evidence("text", "text/plain", job.Step+"-differences.txt")}
	}
	return res
}

// Look compares and says only what it found.
func (r *reconcileAction) Look(ctx context.Context, job Job) Sight {
	s, d, err := r.compare(ctx, job)
	if err != nil {
		return s.sight(dr.FoundInconclusive, nil, "not compared: %v", err)
	}
	found := dr.FoundDone
	if !d.equal() {
		found = dr.FoundNotDone
	}
	return s.sight(found, d.facts(), "%s", d.words())
}

func (r *reconcileAction) compare(ctx context.Context, job Job) (*scene, *difference, error) {
	s, err := r.host.scene(r.form, job)
	if err != nil {
		return s, nil, err
	}
	scale, most := s.params.num("scale"), s.params.num("list")
	if !s.params.has("list") {
		most = 200
	}
	if scale < 0 || scale > 6 || most < 0 || most > maxLines {
		return s, nil, fmt.Errorf("scale is 0 to 6, list is 0 to %d", maxLines)
	}
	left, err := r.side(ctx, s, "left", int(scale))
	if err != nil {
		return s, nil, err
	}
	right, err := r.side(ctx, s, "right", int(scale))
	if err != nil {
		return s, nil, err
	}
	return s, compare(left, right, int(most)), nil
}

// side reads one side.
func (r *reconcileAction) side(ctx context.Context, s *scene, name string, scale int) (*side, error) {
	job := s.job
	call, _ := s.params.call(name)
	job.Call, job.Evidence, job.Timeout = call, nil, 0
	label := s.params.textOr(name+"_name", name)
	out, err := r.reads.side(ctx, s, job, scale)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	out.name = label
	return out, nil
}

// reads are the ways to read a side.
type reads struct {
	command  *execAction
	request  *httpAction
	database *postgresAction
}

// side reads a side. A database gives rows; the others give text that says what the rows are.
func (r reads) side(ctx context.Context, outer *scene, job Job, scale int) (*side, error) {
	if job.Call.Action == "postgres" {
		return r.database.side(ctx, outer, job, scale)
	}
	raw, err := r.read(ctx, outer, job)
	if err != nil {
		return nil, err
	}
	return parseSide(raw, scale)
}

// read returns the whole answer; secrets of the inner call are masked in what the outer says.
func (r reads) read(ctx context.Context, outer *scene, job Job) ([]byte, error) {
	switch job.Call.Action {
	case "exec":
		return r.output(ctx, outer, job)
	case "http":
		return r.body(ctx, outer, job)
	}
	return nil, fmt.Errorf("%s cannot read; exec, http and postgres can", quote(job.Call.Action))
}

func (r reads) output(ctx context.Context, outer *scene, job Job) ([]byte, error) {
	s, c, err := r.command.host.program(r.command.form, job)
	outer.learn(s.values)
	if err != nil {
		return nil, err
	}
	all := &spool{limit: maxSide, dir: s.SpoolDir}
	defer all.drop()
	var last tail
	c.out, c.errs = all, &last
	e := s.run(ctx, c)
	if e.state() != dr.StepOK {
		return nil, errors.New(s.say(e.words(ctx, job, last.line())))
	}
	if note := all.cut(); note != "" {
		return nil, errors.New(note)
	}
	f, err := all.evidence("", "", "").Open()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

func (r reads) body(ctx context.Context, outer *scene, job Job) ([]byte, error) {
	s, q, err := r.request.request(job, true)
	outer.learn(s.values)
	if err != nil {
		return nil, err
	}
	a := s.fetch(ctx, q, maxSide)
	switch {
	case a.err != nil || !q.expected(a):
		return nil, errors.New(s.say(q.words(ctx, job, a)))
	case a.cut:
		return nil, fmt.Errorf("an answer of more than %d bytes", maxSide)
	}
	return a.body, nil
}

// within keeps sums inside an int64.
func within(a, b int64) (int64, bool) {
	sum := a + b
	if b > 0 && sum < a || b < 0 && sum > a {
		return math.MaxInt64, false
	}
	return sum, true
}
