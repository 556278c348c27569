package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/cast"
	"github.com/switchman-dr/switchman/dr"
)

// hostile is what a bad colleague would like to have printed.
const hostile = "</script><script>alert(1)</script> \u202egnp.exe\u202c zero\u200bwidth <img src=//evil.example/x onerror=alert(2)> {{.M}} \x1b[31mred"

var pageDay = dr.At(time.Date(2026, 11, 14, 1, 30, 0, 0, time.UTC))

func pageAt(s int) dr.Time { return pageDay.Plus(dr.Millis(s) * 1000) }

// pageStore holds evidence in memory.
type pageStore map[string][]byte

func (s pageStore) put(kind, media, name string, raw []byte) Evidence {
	digest := dr.Digest(raw)
	s[digest] = raw
	return Evidence{Blob: dr.Blob{Digest: digest, Size: int64(len(raw)), Kind: kind, Media: media, Name: name}, File: "evidence/" + digest[7:] + ".bin"}
}

func (s pageStore) open(digest string) (io.ReadCloser, error) {
	raw, ok := s[digest]
	if !ok {
		return nil, fmt.Errorf("no evidence %s", digest)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

func recordingOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := cast.NewWriter(&b, cast.Header{Width: 60, Height: 8, Title: text})
	if err == nil {
		err = errors.Join(w.Output(100*time.Millisecond, []byte("\x1b[32m$\x1b[0m promote\r\n")), w.Output(time.Second, []byte(text+"\r\n")), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pageModel is a small bank's bad night: votes, an override, a failed step decided by a person, a pause,
// a way back that was denied.
func pageModel(t testing.TB) (*Model, pageStore) {
	s := pageStore{}
	lin, chen, wu := Who{"lin", "Lin Hua"}, Who{"chen", "Chen Yu"}, Who{"wu", "Wu Jun"}
	out := s.put("output", "text/plain", "promote.txt", []byte("promoted\n"+hostile+"\n"))
	rec := s.put("recording", cast.Media, "promote.cast", recordingOf(t, hostile))
	gone := Evidence{Blob: dr.Blob{Digest: dr.Digest([]byte("gone")), Size: 9, Kind: "output", Media: "text/plain"}, File: "evidence/gone.txt", Erased: true}
	run := Run{
		ID: "r1114-aaaa", Plan: "bank-switchover", Title: "Move the bank", Kind: dr.Switchover, Mode: dr.SurpriseDrill, Direction: dr.Outbound, From: "east", To: "west", FromName: "East", ToName: "West",
		State: dr.ClosedWithExceptions, Verdict: "exceptions", EndReason: "signed off", Requester: lin, OrderedBy: &Who{"song", "Song Lan"}, Reason: "Ordered on the spot", Challenge: "walrus", Digest: dr.Digest([]byte("plan")),
		Words: []Word{{"lumpy", 1070}, {"desktop", 482}, {"mollusk", 1140}}, Profile: "standard", RTOFrom: "ordered",
		Clocks: dr.Clocks{Ordered: pageAt(-3600), Requested: pageAt(-3300), Started: pageAt(0), FirstEffect: pageAt(1), Restored: pageAt(400), Ended: pageAt(9000)},
		Times:  dr.Times{Total: 3_700_000, Machine: 170_000, People: 3_400_000, Verification: 20_000, CriticalPath: 150_000},
		Systems: []System{
			{RunSystem: dr.RunSystem{ID: "ledger", From: "east", To: "west", Site: "west", State: "verified", Verdict: "passed", Restored: pageAt(400), RTO: 400_000, RTOTarget: 600_000, RPO: 0, RPOTarget: 5000, Limit: 1_800_000, Lost: 0, Served: 12345}, Name: "Core ledger", Tier: "1", Steps: 3, Nodes: 2, RTOMet: "yes", RPOMet: "yes", Within: "yes"},
			{RunSystem: dr.RunSystem{ID: "cards", From: "east", To: "west", Site: "west", State: "verified", Verdict: "missed_rto", Restored: pageAt(2000), RTO: 2_000_000, RTOTarget: 600_000, RPO: -1, RPOTarget: 5000, Limit: 1_800_000, Lost: -1, Served: -1, Forced: true}, Name: "Cards", Tier: "2", Steps: 1, Nodes: 1, RTOMet: "no", RPOMet: "not_measured", Within: "no"},
		},
		Criteria: []dr.Outcome{
			{Criterion: dr.Criterion{ID: "rto", Metric: "rto", System: "ledger", Op: "<=", Value: 600_000}, Got: 400_000, Result: "passed"},
			{Criterion: dr.Criterion{ID: "rto", Metric: "rto", System: "cards", Op: "<=", Value: 600_000}, Got: 2_000_000, Result: "failed"},
			{Criterion: dr.Criterion{ID: "nothing-lost", Title: "No acknowledged transaction is lost", Metric: "lost", Op: "==", Value: 0}, Got: -1, Result: "not_measured"},
		},
		Overrides: []Override{{Check: "lag:cards-stream", Who: chen, Reason: "link is being mended", At: pageAt(-20)}},
		People: []Attendance{{Who: lin, Roles: []dr.Role{dr.Requester}, Did: []string{"requested"}, OnDuty: true, Via: []string{"cli"}, First: pageAt(-3300)},
			{Who: chen, Roles: []dr.Role{dr.Approver}, Teams: []string{"operations"}, Did: []string{"approved"}, OnDuty: true, For: "Zhao Min", Via: []string{"console"}, First: pageAt(-600), Late: 2_600_000},
			{Who: Who{"he", "He Qi"}, Roles: []dr.Role{dr.Approver}, Teams: []string{"business"}}},
		Rounds: []Round{{Number: 1, Digest: dr.Digest([]byte("plan")), Opened: pageAt(-3200), Expires: pageAt(-1400), Ended: pageAt(0), State: "used", Need: 1, Have: 1,
			Votes: []Vote{{Who: chen, For: &Who{"zhao", "Zhao Min"}, Verdict: "approve", Via: "console", At: pageAt(-600), After: 2_600_000, Reason: "ready", Row: 12}}}},
		Codes:      []Code{{ID: "6aafb8515c5ee997", Round: 1, Source: "issued", Issuer: Who{"huang", "Huang Wei"}, Issued: pageAt(-60), Expires: pageAt(540), Used: pageAt(0), UsedBy: &wu, Tries: 1}},
		Start:      &Start{At: pageAt(0), Submitter: wu, Issuers: []Who{{"huang", "Huang Wei"}}, Voters: []Who{chen}, People: 4, Row: 15},
		Commanders: []Command{{Who: wu, From: pageAt(0)}},
		Facts: []Fact{{Check: dr.Check{ID: "clock:ledger-db-e1", OK: true, Level: "warn", Text: "3 ms off", At: pageAt(-70)}, Age: 70_000},
			{Check: dr.Check{ID: "lag:cards-stream", OK: false, Level: "block", Text: "12 s behind", At: pageAt(-70)}, Age: 70_000, Overridden: true}},
		States: []Move{{At: pageAt(0), From: dr.AwaitingCode, To: dr.Running, Event: "start", Who: &wu, Row: 16}, {At: pageAt(70), From: dr.Running, To: dr.Paused, Event: "pause", Pause: dr.StepFailed, Row: 20}},
		Pauses: []Pause{{From: pageAt(70), To: pageAt(300), Why: dr.StepFailed, Reason: "mended by hand", By: &wu}},
		Forced: []Forced{{At: pageAt(280), Systems: []string{"cards"}, Reason: "primary lost", By: wu}},
		Steps: []Step{
			{ID: "tell", Title: "Tell the management", Kind: dr.NotifyStep, Class: dr.Idempotent, Phase: "run", Action: "notify", Params: `{"to":"management"}`, State: dr.StepOK, Took: 1000, Attempts: []Attempt{{N: 1, Purpose: "do", Token: "t0", Intent: pageAt(0), Outcome: pageAt(1), State: dr.StepOK, Took: 1000, Rows: []int64{17, 18}}}},
			{ID: "promote@ledger-db-w1", Title: "Make it the primary " + hostile, Kind: dr.ActionStep, Class: dr.Once, Phase: "run", System: "ledger", Node: "ledger-db-w1", Action: "exec", Params: `{"argv":["promote"],"password":"secret:DB"}`, Needs: []string{"tell"}, State: dr.StepOK, NoReturn: true, Expect: 20_000, Took: 150_000, Critical: true,
				Attempts: []Attempt{{N: 1, Purpose: "do", Token: "t1", Intent: pageAt(1), Outcome: pageAt(70), State: dr.StepFail, Code: 1, Text: "exit 1: " + hostile, Probe: dr.FoundNotDone, Took: 69_000, Masked: 2, MaskRules: []string{"password"}, Evidence: []Evidence{gone}, Rows: []int64{19, 20}},
					{N: 2, Purpose: "do", Token: "t2", Intent: pageAt(300), Outcome: pageAt(381), State: dr.StepOK, Took: 81_000, Evidence: []Evidence{out, rec}, Rows: []int64{25, 26}}},
				Decided: []Decision{{At: pageAt(299), How: "retry", From: dr.StepFail, To: dr.StepReady, Who: &wu, Reason: "disk mended", Row: 24}}},
			{ID: "prove-ledger", Title: "A transfer is booked", Kind: dr.CheckStep, Class: dr.Read, Phase: "verify", System: "ledger", Action: "http", State: dr.StepOK, Expect: 2000, Took: 2000, Critical: true, Attempts: []Attempt{{N: 1, Purpose: "do", Token: "t3", Intent: pageAt(398), Outcome: pageAt(400), State: dr.StepOK, Code: 200, Took: 2000, Rows: []int64{30, 31}}}},
			{ID: "demote@cards-db-e1", Title: "Let it follow", Kind: dr.ActionStep, Class: dr.Idempotent, Phase: "run", System: "cards", Node: "cards-db-e1", Action: "exec", State: dr.StepSkipped, Reason: "primary lost", By: &wu, How: "forced", Expect: 1000},
		},
		Critical:   []string{"promote@ledger-db-w1", "prove-ledger"},
		Notices:    []Notice{{At: pageAt(1), Step: "tell", About: "step", To: "management", Via: "webhook", Text: "The bank moves.", Due: pageAt(-2400), State: "sent", Late: true}},
		Soak:       &Soak{From: pageAt(400), To: pageAt(8000), Took: 7_600_000, Wanted: 3_600_000, Served: 12345},
		Reentry:    []Reentry{{System: "cards", Step: "reconcile-cards", Count: 2, Text: "2 bookings are missing", Rows: []string{"4711 12.50", hostile}}},
		Findings:   []Finding{{FindingData: dr.FindingData{ID: "F1", Text: "Cards took too long", Owner: "wu", Due: "2026-12-31"}, Who: lin, At: pageAt(8500), Row: 40}},
		Observed:   []Finding{{FindingData: dr.FindingData{ID: "O1", Text: hostile}, Who: Who{"song", "Song Lan"}, At: pageAt(8600), Row: 41}},
		SignOffs:   []SignOff{{Who: Who{"song", "Song Lan"}, At: pageAt(8900), Text: "Seen.", Row: 42}},
		Refusals:   []Refusal{{At: pageAt(-3100), Who: lin, Via: "cli", Verb: dr.VerbApprove, Rule: "I7_requester_vote", ID: "vote_of_requester", Args: dr.Args{"person": "Lin Hua"}, Times: 2, Row: 11}},
		Anchors:    []Anchor{{At: pageAt(-3200), Size: 5, Root: "sT0TIOD0Qib7I+55fAmyq1IdX9P6JBNArlIQLCqnARg=", Why: "freeze", To: "notify:witness"}},
		LeftPaused: []LeftPaused{{System: "ledger", Name: "Core ledger " + hostile, Nodes: []string{"patroni-e", "patroni-w"}}},
	}
	back := Run{ID: "r1114-bbbb", Plan: "bank-switchback", Title: "Bring it home", Kind: dr.Switchback, Mode: dr.SurpriseDrill, Direction: dr.Return, From: "west", To: "east", FromName: "West", ToName: "East", State: dr.Denied,
		Requester: lin, Reason: "home", Digest: dr.Digest([]byte("back")), Clocks: dr.Clocks{Requested: pageAt(8100), Ended: pageAt(8200)}, Parent: run.ID}
	m := &Model{Format: Format, MadeBy: "1.2.3", Organisation: "harbor-bank", Name: "Harbor Bank", Environment: dr.Sample, TimeZone: "Asia/Shanghai", AsOf: 42, AsOfTime: pageAt(9000), Checkpoint: Checkpoint{43, "AAAA", "switchman/harbor-bank+81dd0a08+ASfp"}, Runs: []Run{run, back},
		Register: []Registered{{Run: run.ID, Plan: run.Plan, Kind: run.Kind, Mode: run.Mode, Systems: []string{"ledger", "cards"}, Requested: pageAt(-3300), Ended: pageAt(9000), State: run.State, Verdict: "exceptions", Here: true}, {Run: back.ID, Plan: back.Plan, Kind: back.Kind, Mode: back.Mode, Systems: []string{"ledger"}, Requested: pageAt(8100), State: "open"}},
		Rate:     Rate{Runs: 5, Passed: 3, Months: []Month{{"2026-10", 3, 2}, {"2026-11", 2, 1}}}}
	return m, s
}
