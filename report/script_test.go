package report

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
)

// script is a journal told row by row in memory, the way the engine writes it, with nothing random in it.
type script struct {
	t    testing.TB
	now  time.Time
	rows []Row
	plan map[string][]byte
	kept map[string][]byte
	book []journal.Entry
	prev map[string]int64
	of   map[string][]string

	ordered dr.Time
}

func newScript(t testing.TB) *script {
	s := &script{t: t, now: time.Date(2026, 11, 26, 1, 14, 3, 120e6, time.UTC), plan: map[string][]byte{}, kept: map[string][]byte{},
		prev: map[string]int64{}, of: map[string][]string{}}
	s.tell("", "", "", dr.RowInstalled, dr.InstalledData{Organisation: "pier-bank", Environment: dr.Test, Key: "pier+0+AA"})
	return s
}

// wait lets time pass.
func (s *script) wait(ms int) { s.now = s.now.Add(time.Duration(ms) * time.Millisecond) }

func (s *script) tell(run, actor, surface string, kind dr.RowKind, payload any) {
	s.t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	row := dr.Row{Seq: int64(len(s.rows)), At: dr.At(s.now), Run: run, Prev: s.prev[run], Kind: kind, Actor: actor, Surface: surface, Data: raw}
	if run == "" {
		row.Prev = 0
	}
	s.prev[run] = row.Seq
	s.keep(row)
	e, ok, err := journal.EntryOf(row, func(string) ([]string, error) { return s.of[run], nil })
	if err != nil {
		s.t.Fatal(err)
	}
	if ok {
		s.of[run] = e.Systems
		s.book = append(s.book, e)
	}
	s.wait(200)
}

func (s *script) keep(row dr.Row) {
	s.t.Helper()
	raw, err := journal.Encode(row)
	if err == nil {
		row, err = journal.Decode(raw)
	}
	if err != nil {
		s.t.Fatalf("row %d: %v", row.Seq, err)
	}
	s.rows = append(s.rows, Row{Row: row, Raw: raw})
}

// by is a row of a person at the command line, itself one of nobody.
func (s *script) by(run, person string, kind dr.RowKind, payload any) {
	s.t.Helper()
	s.tell(run, person, "cli", kind, payload)
}

func (s *script) itself(run string, kind dr.RowKind, payload any) {
	s.t.Helper()
	s.tell(run, "", "switchman", kind, payload)
}

func (s *script) freeze(slice *dr.Slice) string {
	s.t.Helper()
	raw, err := slice.Bytes()
	if err != nil {
		s.t.Fatal(err)
	}
	digest := dr.Digest(raw)
	s.plan[digest] = raw
	return digest
}

func (s *script) blob(kind, media, name, text string) dr.Blob {
	digest := dr.Digest([]byte(text))
	s.kept[digest] = []byte(text)
	return dr.Blob{Digest: digest, Size: int64(len(text)), Kind: kind, Media: media, Name: name}
}

func (s *script) request(run, person, reason, parent string, slice *dr.Slice, clocks dr.Clocks) string {
	s.t.Helper()
	digest := s.freeze(slice)
	systems := []string{}
	for _, sys := range slice.Systems {
		systems = append(systems, sys.ID)
	}
	clocks.Requested = dr.At(s.now)
	s.by(run, person, dr.RowRequested, dr.RequestedData{Plan: slice.Plan, Title: slice.Title, Kind: slice.Kind, Mode: slice.Mode, Direction: slice.Direction,
		From: slice.From, To: slice.To, Systems: systems, Digest: digest, Reason: reason, Parent: parent, Clocks: clocks, Steps: len(slice.Steps)})
	return digest
}

func (s *script) moved(run, person string, from, to dr.State, event string, more ...func(*dr.StateData)) {
	s.t.Helper()
	d := dr.StateData{From: from, To: to, Event: event}
	for _, set := range more {
		set(&d)
	}
	surface := "cli"
	if person == "" {
		surface = "switchman"
	}
	s.tell(run, person, surface, dr.RowState, d)
}

func because(reason string) func(*dr.StateData) { return func(d *dr.StateData) { d.Reason = reason } }
func judged(verdict string) func(*dr.StateData) { return func(d *dr.StateData) { d.Verdict = verdict } }
func held(p dr.PauseReason) func(*dr.StateData) { return func(d *dr.StateData) { d.Pause = p } }

func (s *script) voted(run, person, verdict, instead, reason string, round, have int) {
	s.t.Helper()
	s.tell(run, person, "console", dr.RowVote, dr.VoteData{Vote: dr.Vote{Person: person, Human: person, For: instead, Verdict: verdict, Via: "console", Round: round,
		At: dr.At(s.now), Reason: reason}, Have: have, Need: 2})
}

func (s *script) sent(run, step string, n int, purpose string) {
	s.t.Helper()
	s.itself(run, dr.RowIntent, dr.IntentData{Step: step, N: n, Token: run + "/" + step, Purpose: purpose, Class: dr.Idempotent})
}

func (s *script) came(run, step string, n int, state dr.StepState, ms int, more ...func(*dr.OutcomeData)) {
	s.t.Helper()
	s.wait(ms)
	d := dr.OutcomeData{Step: step, N: n, State: state, Took: dr.Millis(ms + 200), Text: step + " answered"}
	for _, set := range more {
		set(&d)
	}
	s.itself(run, dr.RowOutcome, d)
}

// ran sends a step and hears that it went well.
func (s *script) ran(run, step string, ms int, more ...func(*dr.OutcomeData)) {
	s.t.Helper()
	s.sent(run, step, 1, "do")
	s.came(run, step, 1, dr.StepOK, ms, more...)
}

func (s *script) system(run string, d dr.RunSystem) {
	s.t.Helper()
	s.itself(run, dr.RowSystem, dr.SystemData{RunSystem: d})
}

// source is the journal so far, with the rows of the runs told.
func (s *script) source(runs ...string) Source { return s.upTo(len(s.rows), runs...) }

// upTo is the source as it was after the first n rows.
func (s *script) upTo(n int, runs ...string) Source {
	src := Source{Slices: s.plan, MadeBy: "1.2.3",
		Checkpoint: Checkpoint{Size: int64(n), Root: "sT0TIOD0Qib7I+55fAmyq1IdX9P6JBNArlIQLCqnARg=", Key: "switchman/pier-bank+81dd0a08+ASfp"}}
	for _, row := range s.rows[:n] {
		if row.Run == "" || slices.Contains(runs, row.Run) {
			src.Rows = append(src.Rows, row)
		}
	}
	for _, e := range s.book {
		if e.Seq < int64(n) {
			src.Register = append(src.Register, e)
		}
	}
	src.Blob = func(digest string) (io.ReadCloser, error) {
		raw, ok := s.kept[digest]
		if !ok {
			return nil, ErrErased
		}
		return io.NopCloser(bytes.NewReader(raw)), nil
	}
	return src
}

func (s *script) read(runs ...string) *Model {
	s.t.Helper()
	m, err := Read(s.source(runs...))
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}
