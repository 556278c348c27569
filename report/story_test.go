package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/journal"
	"github.com/switchman-dr/switchman/store"
)

// secretReason stands in a run on another system, which no bundle of ours may show.
const secretReason = "nobody else's business"

// spoiling is text as somebody might send it to spoil a page.
const spoiling = "<script>alert(1)</script> | ` \u202e \u200b \x1b[31m \n# heading"

// ledger is a real store with a story in it, told row by row.
type ledger struct {
	t    testing.TB
	s    *store.Store
	now  time.Time
	cast dr.Blob
}

func (l *ledger) clock() dr.Clock {
	return dr.Clock{Now: func() time.Time { return l.now }, After: time.After}
}

func openLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{t: t, now: time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)}
	var err error
	l.s, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "pier-bank", Environment: dr.Test, Clock: l.clock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.s.Close(); err != nil {
			t.Error(err)
		}
	})
	recording := `{"version":2,"width":80,"height":24}` + "\n" + `[0.1,"o","moving </script>\r\n"]` + "\n"
	if l.cast, err = l.s.PutBlob(t.Context(), "recording", "application/x-asciicast", "move.cast", strings.NewReader(recording)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *ledger) tell(run, actor string, kind dr.RowKind, data any) {
	l.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		l.t.Fatal(err)
	}
	l.now = l.now.Add(1500 * time.Millisecond)
	err = l.s.Write(l.t.Context(), func(tx *store.Tx) error {
		tx.Journal(dr.Row{Run: run, Kind: kind, Actor: actor, Surface: "cli", Data: raw})
		return nil
	})
	if err != nil {
		l.t.Fatalf("%s of %s: %v", kind, run, err)
	}
}

// plan is a small frozen plan: move and prove one system.
func plan(system string) *dr.Slice {
	return &dr.Slice{Format: dr.SliceFormat, Organisation: "pier-bank", Environment: dr.Test, TimeZone: "Asia/Shanghai", Plan: "move-" + system,
		Title: "Move " + system, Kind: dr.Switchover, Direction: dr.Outbound, Mode: dr.Drill, From: "east", To: "west", MaxInFlight: 2,
		Systems: []dr.System{{ID: system, Name: strings.ToUpper(system), RTO: 60_000, RPO: 5000, Limit: 600_000, Home: "east"}},
		Steps: []dr.Step{
			{ID: "move", Base: "move", Title: "Move it " + spoiling, Kind: dr.ActionStep, System: system, Call: dr.Call{Action: "exec", Params: map[string]any{"argv": []string{"mv", spoiling}}},
				Class: dr.Once, Phase: "run", NoReturn: true},
			{ID: "compare", Base: "compare", Title: "Compare", Kind: dr.ReconcileStep, System: system, Call: dr.Call{Action: "reconcile"}, Class: dr.Read, Phase: "verify"},
		},
		Rule: dr.Rule{Profile: "small_site", RTOFrom: "requested", Groups: []dr.Group{{Name: "all", Roles: []dr.Role{dr.Approver}, N: 1}}},
		People: []dr.Person{{ID: "ada", Human: "ada", Name: "Ada", Roles: []dr.Role{dr.Operator}}, {ID: "ben", Human: "ben", Name: spoiling, Roles: []dr.Role{dr.Approver}},
			{ID: "cleo", Human: "cleo", Name: "Cleo", Roles: []dr.Role{dr.CodeIssuer}}},
		Criteria: []dr.Criterion{{ID: "rto", Title: "back in time", System: system, Metric: "rto", Op: "<=", Value: 60_000}}}
}

// request opens a run, in the table and in the journal.
func (l *ledger) request(id, system, reason string) string {
	l.t.Helper()
	slice := plan(system)
	raw, err := slice.Bytes()
	if err != nil {
		l.t.Fatal(err)
	}
	digest := dr.Digest(raw)
	run := dr.Run{ID: id, Plan: slice.Plan, Title: slice.Title, Digest: digest, Kind: slice.Kind, Mode: slice.Mode, Direction: slice.Direction,
		Environment: dr.Test, From: "east", To: "west", State: dr.Draft, Requester: "ada", Reason: reason, Clocks: dr.Clocks{Requested: dr.At(l.now)},
		Systems: []dr.RunSystem{{ID: system, From: "east", To: "west", Site: "east", State: "waiting", RPO: -1, Lost: -1, Served: -1}}}
	if err := l.s.Write(l.t.Context(), func(tx *store.Tx) error { return tx.InsertRun(l.t.Context(), run, raw) }); err != nil {
		l.t.Fatal(err)
	}
	l.tell(id, "ada", dr.RowRequested, dr.RequestedData{Plan: slice.Plan, Title: slice.Title, Kind: slice.Kind, Mode: slice.Mode, Direction: slice.Direction,
		From: "east", To: "west", Systems: []string{system}, Digest: digest, Reason: reason, Clocks: run.Clocks, Steps: 2})
	l.move(id, dr.Draft, dr.AwaitingApproval, "open_round", "")
	l.tell(id, "", dr.RowRound, dr.RoundData{Number: 1, Digest: digest, Expires: dr.At(l.now.Add(time.Hour))})
	return digest
}

func (l *ledger) move(id string, from, to dr.State, event, verdict string) {
	l.t.Helper()
	l.tell(id, "", dr.RowState, dr.StateData{From: from, To: to, Event: event, Verdict: verdict})
}

func (l *ledger) anchor(id, why string) {
	l.t.Helper()
	var at journal.Checkpoint
	err := l.s.Read(l.t.Context(), func(r *store.Reader) error {
		head, err := r.Head(l.t.Context())
		if err != nil {
			return err
		}
		at, err = journal.Peek(head.Note)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.tell(id, "", dr.RowAnchor, dr.AnchorData{Size: at.Size, Root: at.Root.String(), Why: why, To: "syslog"})
}

// tellStory tells of a denied try, of somebody else's run, and of r2, which moves the ledger.
func (l *ledger) tellStory() {
	l.t.Helper()
	l.request("r1", "ledger", "first try")
	l.tell("r1", "ben", dr.RowVote, dr.VoteData{Vote: dr.Vote{Person: "ben", Human: "ben", Verdict: "deny", Via: "cli", Round: 1, Reason: "not today"}, Need: 1})
	l.tell("r1", "", dr.RowRoundEnd, dr.RoundEndData{Number: 1, State: "denied"})
	l.move("r1", dr.AwaitingApproval, dr.Denied, "deny", "")
	l.request("r9", "cards", secretReason)
	digest := l.request("r2", "ledger", spoiling)
	l.anchor("r2", "freeze")
	l.tell("r2", "ben", dr.RowRefusal, dr.RefusalData{Verb: dr.VerbStart, Rule: "I7", ID: "nonce_gone"})
	l.tell("r2", "ben", dr.RowVote, dr.VoteData{Vote: dr.Vote{Person: "ben", Human: "ben", Verdict: "approve", Via: "cli", Round: 1, Digest: digest}, Have: 1, Need: 1})
	l.move("r2", dr.AwaitingApproval, dr.AwaitingCode, "quorum", "")
	l.tell("r2", "cleo", dr.RowCodeIssued, dr.CodeData{ID: "c1", Round: 1, Issuer: "cleo", Source: "issued", Expires: dr.At(l.now.Add(time.Minute))})
	l.tell("r2", "ada", dr.RowCodeTried, dr.CodeTriedData{Tries: 1, Left: 4})
	l.tell("r2", "ada", dr.RowStarted, dr.StartedData{Digest: digest, Round: 1, Submitter: "ada", Issuers: []string{"cleo"}, Voters: []string{"ben"}, People: 3,
		Profile: "small_site", Commander: "ada", Codes: []string{"c1"}})
	l.move("r2", dr.AwaitingCode, dr.Running, "start", "")
	l.tell("r2", "", dr.RowIntent, dr.IntentData{Step: "move", N: 1, Token: "t1", Purpose: "do", Class: dr.Once})
	l.tell("r2", "", dr.RowOutcome, dr.OutcomeData{Step: "move", N: 1, State: dr.StepOK, Text: spoiling, Took: 1500, Evidence: []dr.Blob{l.cast}, Masked: 2, MaskRules: []string{"password"}})
	l.move("r2", dr.Running, dr.Verifying, "moved", "")
	l.tell("r2", "", dr.RowIntent, dr.IntentData{Step: "compare", N: 1, Token: "t2", Purpose: "do", Class: dr.Read})
	l.tell("r2", "", dr.RowOutcome, dr.OutcomeData{Step: "compare", N: 1, State: dr.StepOK, Text: "1 row is missing", Took: 1500, Facts: map[string]int64{"lost": 1}})
	l.tell("r2", "", dr.RowSystem, dr.SystemData{RunSystem: dr.RunSystem{ID: "ledger", From: "east", To: "west", Site: "west", State: "verified", Verdict: "passed",
		Restored: dr.At(l.now), RTO: 25_000, RTOTarget: 60_000, RPO: 1000, RPOTarget: 5000, Limit: 600_000, Lost: 1, Served: -1}})
	l.move("r2", dr.Verifying, dr.AtStandby, "proven", "passed")
	l.tell("r2", "ada", dr.RowFinding, dr.FindingData{ID: "f1", Text: spoiling, Owner: "ada", Due: "2026-12-01"})
	l.tell("r2", "ada", dr.RowState, dr.StateData{From: dr.AtStandby, To: dr.ClosedWithExceptions, Event: "except", Reason: "stays", Verdict: "exceptions"})
	l.anchor("r2", "end")
}

// gathered gives the source of a run's report; it stays valid until the test ends.
func (l *ledger) gathered(id string, sizes ...int64) Source {
	l.t.Helper()
	var src Source
	kept := map[string][]byte{}
	err := l.s.Read(l.t.Context(), func(r *store.Reader) error {
		var err error
		if src, err = Gather(l.t.Context(), r, id, "test", sizes...); err != nil {
			return err
		}
		for _, row := range src.Rows {
			if row.Kind != dr.RowOutcome {
				continue
			}
			d, err := data[dr.OutcomeData](row)
			if err != nil {
				return err
			}
			for _, b := range d.Evidence {
				f, err := src.Blob(b.Digest)
				if errors.Is(err, ErrErased) {
					continue
				}
				if err != nil {
					return err
				}
				raw, err := io.ReadAll(f)
				if err = errors.Join(err, f.Close()); err != nil {
					return err
				}
				kept[b.Digest] = raw
			}
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	src.Blob = func(digest string) (io.ReadCloser, error) {
		raw, ok := kept[digest]
		if !ok {
			return nil, ErrErased
		}
		return io.NopCloser(bytes.NewReader(raw)), nil
	}
	return src
}
