package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/evals/storms"
	"github.com/switchman-dr/switchman/locale"
)

func evalAlertsCommand(sh *shell) *cobra.Command {
	var in, out string
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Make situations and advice of recorded alerts",
		Long: `Give recorded alerts and changes to the code real ones go through, and write what came of them.

Each line of the input is {"at", "id", "alert"}, with one alert as Alertmanager's webhook (version 4)
sends it, or {"at", "id", "change"}, with kind, system, node, site, summary and by. Lines are in the
order of at, which the clock follows; after the last one, time passes until every situation is closed.
Lines with log or sample are counted and not used. The organisation needs no roster, policy or runbooks.

The output holds one line for each situation as it was left: the ids of its lines, what was broken,
the verdict, the plan and why.`,
		Example: "  switchman eval alerts --org ./bank --in night.jsonl --out situations.jsonl\n" +
			"  switchman eval alerts --in night.jsonl --out situations.jsonl --lang zh --json",
		RunE: func(*cobra.Command, []string) error { return sh.evalAlerts(in, out) },
	}
	f := c.Flags()
	f.StringVar(&in, "in", "", "`FILE` with one alert or change a line")
	f.StringVar(&out, "out", "", "`FILE` to write one line for each situation to")
	need(c, "in", "out")
	return c
}

// alertLine is one line of the input.
type alertLine struct {
	At     dr.Time         `json:"at"`
	ID     string          `json:"id"`
	Alert  json.RawMessage `json:"alert"`
	Change json.RawMessage `json:"change"`
	Log    json.RawMessage `json:"log"`
	Sample json.RawMessage `json:"sample"`
}

// situationLine is one line of the output.
type situationLine struct {
	Situation  string     `json:"situation"`
	Signals    []string   `json:"signals"`
	Scope      string     `json:"scope"`
	Entity     string     `json:"entity"`
	Fault      dr.Fault   `json:"fault"`
	FirstAt    dr.Time    `json:"first_at"`
	Verdict    dr.Verdict `json:"verdict"`
	Plan       string     `json:"plan"`
	Confidence float64    `json:"confidence"`
	VerdictAt  dr.Time    `json:"verdict_at,omitzero"`
	Why        []string   `json:"why"`
}

func (sh *shell) evalAlerts(in, out string) error {
	c, problems, err := sh.organisation()
	if err != nil {
		return err
	}
	for _, p := range problems {
		if p.Severity == catalog.Error {
			return dr.Errorf(dr.Invalid, "%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text).WithHint("switchman check shows every mistake")
		}
	}
	r := storms.NewReplay(c, nil, sh.term.clock)
	counted, err := replayFile(r, in)
	if err != nil {
		return err
	}
	found := r.End()
	lines := make([]situationLine, len(found))
	for i, f := range found {
		lines[i] = sh.situationLine(f)
	}
	if err := writeLines(out, lines); err != nil {
		return err
	}
	inside := 0
	for _, l := range lines {
		inside += len(l.Signals)
	}
	answer := map[string]any{"lines": counted, "situations": len(lines), "signals_in_situations": inside}
	return sh.show(answer, func(w io.Writer) { situationTable(w, counted, lines) })
}

// replayFile gives a file to the engine and counts its lines by kind.
func replayFile(r *storms.Replay, name string) (counted map[string]int, err error) {
	h, err := os.Open(name)
	if err != nil {
		return nil, dr.Errorf(dr.NotFound, "the alerts cannot be read: %v", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	counted = map[string]int{}
	lines := bufio.NewScanner(h)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		kind, err := replayLine(r, lines.Bytes())
		if err != nil {
			return nil, dr.Errorf(dr.Invalid, "%s:%d: %v", name, n, err)
		}
		counted[kind]++
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return counted, nil
}

func replayLine(r *storms.Replay, raw []byte) (kind string, err error) {
	var l alertLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return "", err
	}
	switch {
	case l.Alert == nil && l.Change == nil:
		return "skipped", nil
	case l.At.IsZero():
		return "", errors.New("at is missing; the clock follows it")
	case l.ID == "":
		return "", errors.New("id is missing; situations are told by it")
	}
	kind, read, body := "changes", storms.ReadChange, l.Change
	if l.Alert != nil {
		kind, read, body = "alerts", storms.ReadAlert, l.Alert
	}
	signals, err := read(l.At, body)
	r.Give(l.ID, signals)
	return kind, err
}

func (sh *shell) situationLine(f storms.Found) situationLine {
	line := situationLine{Situation: f.ID, Signals: f.Lines, Scope: f.Entity.Scope, Entity: f.Entity.ID, Fault: f.Fault, FirstAt: f.FirstAt,
		Verdict: f.Advice.Verdict, Plan: f.Advice.Plan, Confidence: f.Advice.Confidence, VerdictAt: f.Advice.At, Why: []string{}}
	for _, clue := range slices.Concat([]dr.Clue{f.Advice.Headline}, f.Advice.Why, f.Advice.Needs, f.Advice.Forbids) {
		if clue.ID != "" {
			line.Why = append(line.Why, locale.Say(sh.lang(), clue.ID, clue.Args))
		}
	}
	return line
}

func situationTable(w io.Writer, counted map[string]int, lines []situationLine) {
	for i, kind := range slices.Sorted(maps.Keys(counted)) {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, "%d %s", counted[kind], kind)
	}
	fmt.Fprintf(w, "; %d situations\n\n", len(lines))
	t := table{head: []string{"FIRST", "SIGNALS", "WHAT", "FAULT", "VERDICT", "PLAN", "CONFIDENCE"}}
	for _, l := range lines {
		what := l.Scope + "/" + l.Entity
		if l.Entity == "" {
			what = "-"
		}
		t.add(l.FirstAt.Format("01-02 15:04:05"), fmt.Sprint(len(l.Signals)), what, string(l.Fault), string(l.Verdict), l.Plan, share(l.Confidence))
	}
	t.print(w, narrow+20)
}
