package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/dr"
)

// golden compares a text somebody reads with the one that was looked at.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *updatePage {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s changed; look at it and run with -update", name)
	}
}

func jsonOf(t testing.TB, m *Model) []byte {
	t.Helper()
	raw, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGolden(t *testing.T) {
	s := newScript(t)
	s.bank()
	m := s.read("r1", "r2")
	golden(t, "report.json", jsonOf(t, m))
	golden(t, "en.md", Markdown(m, "en"))
	golden(t, "zh.md", Markdown(m, "zh"))
}

func TestEverySentenceHasWords(t *testing.T) {
	s := newScript(t)
	s.bank()
	m := s.read("r1", "r2")
	for _, lang := range languages {
		md := string(Markdown(m, lang))
		if hit := regexp.MustCompile(`\b(page|not)\\?_[a-z_\\]+`).FindString(md); hit != "" {
			t.Errorf("%s: %s has no words", lang, hit)
		}
		if hit := regexp.MustCompile(`\{[a-z]+\}`).FindString(strings.ReplaceAll(md, nasty, "")); hit != "" {
			t.Errorf("%s: the hole %s was left open", lang, hit)
		}
	}
}

func TestWhatTheDrillSays(t *testing.T) {
	s := newScript(t)
	s.bank()
	m := s.read("r1", "r2")
	r, back := m.Runs[0], m.Runs[1]
	if len(m.Runs) != 2 || r.State != dr.ClosedWithExceptions || r.Verdict != "exceptions" || back.State != dr.Closed || back.Parent != "r1" {
		t.Fatalf("states: %s %s, %s", r.State, r.Verdict, back.State)
	}
	did := map[string]string{}
	for _, a := range r.People {
		did[a.Who.ID] = strings.Join(a.Did, " ")
	}
	for id, want := range map[string]string{"lin": "requested found", "chen": "approved", "ma": "approved withdrew", "huang": "issued_code",
		"wu": "overrode submitted_code commanded operated", "song": "observed signed_off", "zhao": ""} {
		if did[id] != want {
			t.Errorf("%s did %q, want %q", id, did[id], want)
		}
	}
	if r.OrderedBy == nil || r.OrderedBy.ID != "song" || r.Challenge != "walrus" || r.RTOFrom != "ordered" {
		t.Errorf("ordered by %v with %q, counted from %s", r.OrderedBy, r.Challenge, r.RTOFrom)
	}
	if len(r.Rounds) != 2 || r.Rounds[0].State != "replaced" || r.Rounds[1].State != "used" || r.Rounds[1].Have != 2 || r.Rounds[1].Votes[0].For.ID != "zhao" {
		t.Errorf("rounds: %+v", r.Rounds)
	}
	if len(r.Overrides) != 1 || !r.Overrides[0].Foreseen || !r.Facts[1].Overridden || r.Facts[0].Overridden {
		t.Errorf("overrides: %+v", r.Overrides)
	}
	if len(r.Codes) != 1 || r.Codes[0].Tries != 1 || r.Codes[0].UsedBy.ID != "wu" {
		t.Errorf("codes: %+v", r.Codes)
	}
	freeze := r.Steps[1]
	if freeze.State != dr.StepOK || freeze.Took != 30_200 || freeze.Attempts[0].Outcome.IsZero() || freeze.By.ID != "wu" {
		t.Errorf("a step a person did: %+v", freeze)
	}
	promote := r.Steps[2]
	if len(promote.Attempts) != 2 || promote.Attempts[0].State != dr.StepFail || len(promote.Attempts[0].Rows) != 3 || promote.Attempts[0].Masked != 2 || len(promote.Attempts[0].Evidence) != 1 || promote.Decided[0].How != "restart" || !promote.Critical {
		t.Errorf("promote: %+v", promote)
	}
	if w := r.Steps[4]; w.State != dr.StepSkipped || w.How != "forced" || w.By != nil || len(w.Attempts) != 0 {
		t.Errorf("a step left out: %+v", w)
	}
	if len(r.Pauses) != 1 || r.Pauses[0].To.Since(r.Pauses[0].From) < 134_300 || r.Times.People < 134_300+30_000 {
		t.Errorf("pauses %+v, people %d", r.Pauses, r.Times.People)
	}
	ledger, cards := r.Systems[0], r.Systems[1]
	if ledger.Lost != 2 || ledger.RPO != 900 || ledger.RPOMet != "yes" || ledger.RTOMet != "yes" || ledger.Served != 12345 || ledger.Nodes != 1 {
		t.Errorf("ledger: %+v", ledger)
	}
	if cards.RTOMet != "no" || cards.Within != "yes" || cards.RPOMet != "not_measured" || !cards.Forced {
		t.Errorf("cards: %+v", cards)
	}
	if r.Soak.Served != 12345 || r.Soak.To != back.Clocks.FirstEffect || r.Soak.Wanted != 3000 {
		t.Errorf("soak: %+v", r.Soak)
	}
	if len(r.Reentry) != 1 || len(r.Reentry[0].Rows) != 4 || len(r.Reentry[0].Rows[3]) != maxReentryLine {
		t.Errorf("re-entry: %d", len(r.Reentry[0].Rows))
	}
	if n := r.Notices[0]; n.Late || !strings.Contains(n.Text, "Run r1 moves") || n.State != "sent" || n.Due != r.Clocks.Ordered.Plus(1_800_000) {
		t.Errorf("notice: %+v", n)
	}
	if len(m.Register) != 3 || m.Register[0].Here || !m.Register[1].Here || m.Rate.Runs != 2 || m.Rate.Passed != 1 {
		t.Errorf("register: %+v rate %+v", m.Register, m.Rate)
	}
	if slices.Contains(m.NotProven, "not_proven_anchor") || !slices.Contains(m.NotCaptured, "not_captured_screens") || slices.Contains(m.NotCaptured, "not_captured_recordings") {
		t.Errorf("limits: %v %v", m.NotProven, m.NotCaptured)
	}
}

// soon is a plan that must tell the regulator a minute after the request.
func soon() *dr.Slice {
	p := bridge(dr.Drill)
	p.Steps[0].Notify.After, p.Steps[0].Notify.Due = "requested", 60_000
	return p
}

// ends are the ways a run may stand, each told to the point.
var ends = []struct {
	name  string
	tell  func(s *script)
	state dr.State
	check func(t *testing.T, m *Model, md string)
}{
	{"waits for votes", func(s *script) { s.voting("r1", s.request("r1", "lin", "x", "", bridge(dr.Drill), dr.Clocks{})) }, dr.AwaitingApproval, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Rounds[0].State != "open" || r.Steps[1].State != dr.StepBlocked || r.Systems[0].State != "waiting" || r.Start != nil || m.Register[0].State != "open" {
			t.Errorf("%+v", r)
		}
	}},
	{"waits for a code", func(s *script) { s.admitted("r1", bridge(dr.Drill)) }, dr.AwaitingCode, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Rounds[0].State != "complete" || r.Rounds[0].Have != 2 {
			t.Errorf("%+v", r.Rounds)
		}
	}},
	{"denied", func(s *script) {
		s.voting("r1", s.request("r1", "lin", "x", "", bridge(dr.Drill), dr.Clocks{}))
		s.voted("r1", "chen", "deny", "", "not today", 1, 0)
		s.by("r1", "chen", dr.RowRoundEnd, dr.RoundEndData{Number: 1, State: "denied", Reason: "not today"})
		s.moved("r1", "chen", dr.AwaitingApproval, dr.Denied, "deny", because("not today"))
	}, dr.Denied, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Rounds[0].State != "denied" || r.EndReason != "not today" || r.Steps[0].State != dr.StepNever || r.Systems[0].State != "not_moved" || r.Systems[0].RTOMet != "not_measured" || m.Rate.Runs != 0 {
			t.Errorf("%+v", r)
		}
		if strings.Join(r.People[1].Did, " ") != "denied" || r.Notices[0].Late {
			t.Errorf("%+v %+v", r.People[1], r.Notices)
		}
	}},
	{"expired", func(s *script) {
		s.voting("r1", s.request("r1", "lin", "x", "", soon(), dr.Clocks{}))
		s.wait(1_800_000)
		s.itself("r1", dr.RowRoundEnd, dr.RoundEndData{Number: 1, State: "expired"})
		s.moved("r1", "", dr.AwaitingApproval, dr.Expired, "expire")
	}, dr.Expired, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Rounds[0].State != "expired" || r.Times.People < 1_800_000 || r.Times.Machine != 0 || r.Notices[0].Late {
			t.Errorf("%+v %+v", r.Times, r.Notices)
		}
	}},
	{"cancelled", func(s *script) {
		s.admitted("r1", bridge(dr.Drill))
		s.by("r1", "lin", dr.RowRoundEnd, dr.RoundEndData{Number: 1, State: "cancelled", Reason: "storm"})
		s.moved("r1", "lin", dr.AwaitingCode, dr.Cancelled, "cancel", because("storm"))
	}, dr.Cancelled, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Rounds[0].State != "cancelled" || r.Rounds[0].Have != 2 || !slices.Contains(r.People[0].Did, "operated") {
			t.Errorf("%+v", r.Rounds)
		}
	}},
	{"running", func(s *script) {
		s.started("r1", bridge(dr.Drill))
		s.sent("r1", "freeze", 1, "do")
		s.wait(60_000)
		s.itself("r1", dr.RowAnchor, dr.AnchorData{Size: 3, Root: "AA=", Why: "start", To: "syslog"})
	}, dr.Running, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Steps[1].State != dr.StepIntent || r.Steps[1].Took != 60_200 || r.Systems[0].State != "moving" || r.RTOFrom != "requested" || !slices.Contains(m.NotCaptured, "not_captured_clock") {
			t.Errorf("%+v", r.Steps[1])
		}
	}},
	{"late with a notice", func(s *script) {
		s.started("r1", soon())
		s.wait(90_000)
		s.sent("r1", "freeze", 1, "do")
	}, dr.Running, func(t *testing.T, m *Model, md string) {
		if n := m.Runs[0].Notices[0]; !n.Late || n.State != "blocked" || !n.At.IsZero() || !strings.Contains(md, "not sent yet, late") {
			t.Errorf("%+v", n)
		}
	}},
	{"aborted", func(s *script) {
		s.started("r1", bridge(dr.Drill))
		s.ran("r1", "tell", 1)
		s.sent("r1", "freeze", 1, "do")
		s.moved("r1", "wu", dr.Running, dr.Paused, "pause", held(dr.ByOperator), because("smoke"))
		s.moved("r1", "wu", dr.Paused, dr.Failed, "fail", because("smoke"), judged("failed"))
	}, dr.Failed, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Verdict != "failed" || r.Systems[0].State != "failed" || r.Systems[0].Verdict != "failed" || r.Steps[1].State != dr.StepNever || r.Steps[1].Attempts[0].State != dr.StepNever ||
			r.Steps[2].State != dr.StepNever || r.Steps[2].Reason != "smoke" || m.Rate.Runs != 1 || m.Rate.Passed != 0 || !r.Clocks.Restored.IsZero() {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(md, "not restored by this run") {
			t.Error("the text does not say that nothing was restored")
		}
	}},
	{"failed after a count", func(s *script) {
		s.started("r1", bridge(dr.Drill))
		s.ran("r1", "compare-ledger", 5, func(d *dr.OutcomeData) { d.Facts = map[string]int64{"lost": 3} })
		s.moved("r1", "", dr.Running, dr.Failed, "fail", judged("failed"))
	}, dr.Failed, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Systems[0].Lost != 3 || r.Systems[1].Lost != -1 || len(r.Reentry) != 1 || r.Criteria[2].Result != "failed" {
			t.Errorf("what was counted is lost: %+v", r.Systems)
		}
	}},
	{"rolled back", func(s *script) {
		s.started("r1", bridge(dr.Drill))
		s.ran("r1", "open-cards", 5)
		s.system("r1", dr.RunSystem{ID: "cards", From: "east", To: "west", Site: "west", State: "verified", Verdict: "passed", Restored: dr.At(s.now), RTO: 5, RTOTarget: 60_000, RPO: -1, Lost: -1, Served: -1})
		s.moved("r1", "wu", dr.Running, dr.RollingBack, "rollback", because("second thoughts"))
		s.sent("r1", "open-cards", 2, "undo")
		s.came("r1", "open-cards", 2, dr.StepOK, 40, func(d *dr.OutcomeData) { d.Undo = true })
		for _, id := range []string{"ledger", "cards"} {
			s.system("r1", dr.RunSystem{ID: id, From: "east", To: "west", Site: "east", State: "rolled_back", Verdict: "failed", RTO: 5, Restored: dr.At(s.now), RPO: -1, Lost: -1, Served: -1})
		}
		s.moved("r1", "", dr.RollingBack, dr.RolledBack, "rolled_back", judged("failed"))
	}, dr.RolledBack, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Steps[3].State != dr.StepUndone || r.Steps[3].Took != 205 || r.Steps[2].State != dr.StepNever || r.Steps[2].Reason != "second thoughts" {
			t.Errorf("steps: %+v", r.Steps[2:4])
		}
		for _, sys := range r.Systems {
			if sys.RTOMet != "not_measured" || !sys.Restored.IsZero() || sys.Site != "east" {
				t.Errorf("a system that was rolled back counts as restored: %+v", sys)
			}
		}
		if r.Criteria[0].Result != "not_measured" || r.Criteria[1].Result != "not_measured" {
			t.Errorf("criteria: %+v", r.Criteria)
		}
	}},
	{"rolling back", func(s *script) {
		s.started("r1", bridge(dr.Drill))
		s.moved("r1", "wu", dr.Running, dr.RollingBack, "rollback", because("second thoughts"))
	}, dr.RollingBack, func(t *testing.T, m *Model, md string) {
		if r := m.Runs[0]; r.Steps[2].State != dr.StepNever || m.Register[0].State != "open" {
			t.Errorf("%+v", r.Steps[2])
		}
	}},
	{"rehearsed", func(s *script) { s.rehearsed("r1") }, dr.Closed, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Verdict != "rehearsed" || len(r.Criteria) != 0 || len(r.Rounds) != 0 || len(r.Notices) != 0 || r.Systems[0].RTOMet != "not_measured" || r.Soak != nil || m.Rate.Runs != 0 || !r.Clocks.FirstEffect.IsZero() {
			t.Errorf("%+v", r)
		}
	}},
	{"at the standby with a system failed", func(s *script) {
		s.started("r1", bridge(dr.Emergency))
		s.proven("r1", "ledger", "east", "west", "passed", 5000)
		s.moved("r1", "", dr.Verifying, dr.AtStandby, "proven", judged("exceptions"))
		s.wait(7000)
		s.itself("", dr.RowRollback, dr.RollbackData{Found: 5, Had: 9, Reason: "old disk"})
	}, dr.AtStandby, func(t *testing.T, m *Model, md string) {
		r := m.Runs[0]
		if r.Systems[1].State != "moving" || r.Soak == nil || r.Soak.Took != 7200 || !r.Soak.To.IsZero() || !slices.Contains(m.NotProven, "not_proven_rollback") || !slices.Contains(m.NotProven, "not_proven_anchor") {
			t.Errorf("%+v %v", r.Soak, m.NotProven)
		}
	}},
	{"started from a sealed sheet", func(s *script) {
		digest := s.admitted("r1", bridge(dr.Emergency))
		s.by("r1", "wu", dr.RowStarted, dr.StartedData{Digest: digest, Round: 1, Submitter: "wu", People: 4, Profile: "small_site", Codes: []string{"sheet-7"}})
		s.moved("r1", "wu", dr.AwaitingCode, dr.Running, "start")
	}, dr.Running, func(t *testing.T, m *Model, md string) {
		if c := m.Runs[0].Codes; len(c) != 1 || c[0].Source != "sheet" || c[0].UsedBy.ID != "wu" || !c[0].Issued.IsZero() {
			t.Errorf("%+v", c)
		}
	}},
}

func TestEveryEndHasAReport(t *testing.T) {
	for _, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			s := newScript(t)
			end.tell(s)
			m := s.read("r1")
			if m.Runs[0].State != end.state {
				t.Fatalf("the run is %s, want %s", m.Runs[0].State, end.state)
			}
			end.check(t, m, string(Markdown(m, "en")))
			whole(t, m)
			for _, lang := range languages {
				if _, err := HTML(m, lang, s.source("r1").Blob); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Any prefix of a journal is a journal, and gives the same report however often it is read.
func TestEveryPrefixReadsTheSame(t *testing.T) {
	s := newScript(t)
	s.bank()
	for n := len(s.rows); n > 0; n -= 3 {
		src := s.upTo(n, "r1", "r2")
		m, err := Read(src)
		if err != nil {
			if slices.ContainsFunc(src.Rows, func(r Row) bool { return r.Run == "r1" }) {
				t.Fatalf("the first %d rows: %v", n, err)
			}
			continue
		}
		again, err := Read(s.upTo(n, "r1", "r2"))
		if err != nil || !bytes.Equal(jsonOf(t, m), jsonOf(t, again)) {
			t.Fatalf("the first %d rows read twice give two reports: %v", n, err)
		}
		for _, lang := range languages {
			if !bytes.Equal(Markdown(m, lang), Markdown(again, lang)) {
				t.Fatalf("the first %d rows read twice give two texts", n)
			}
		}
		if m.AsOf != int64(n-1) {
			t.Fatalf("as of %d, want %d", m.AsOf, n-1)
		}
	}
}

func TestWhatDoesNotFitIsAnError(t *testing.T) {
	for name, spoil := range map[string]func(s *script){
		"a step the plan lacks":       func(s *script) { s.sent("r1", "elsewhere", 1, "do") },
		"an outcome of nothing":       func(s *script) { s.came("r1", "freeze", 3, dr.StepOK, 1) },
		"an attempt sent twice":       func(s *script) { s.sent("r1", "freeze", 1, "do"); s.sent("r1", "freeze", 1, "do") },
		"a vote in no round":          func(s *script) { s.voted("r1", "ma", "approve", "", "", 9, 1) },
		"the end of no round":         func(s *script) { s.itself("r1", dr.RowRoundEnd, dr.RoundEndData{Number: 9, State: "denied"}) },
		"a system that does not move": func(s *script) { s.proven("r1", "mail", "east", "west", "passed", 1) },
		"a run nobody asked for":      func(s *script) { s.moved("r2", "", dr.Draft, dr.Preflight, "check") },
		"evidence with another name": func(s *script) {
			s.ran("r1", "freeze", 1, func(d *dr.OutcomeData) { d.Evidence = []dr.Blob{{Digest: "sha256:../../etc/passwd"}} })
		},
		"a round on a plan not shown": func(s *script) { s.itself("r1", dr.RowRound, dr.RoundData{Number: 2, Digest: dr.Digest([]byte("x"))}) },
		"a row with an unknown key":   func(s *script) { s.itself("r1", dr.RowSignOff, map[string]string{"text": "x", "more": "y"}) },
		"a plan with other contents":  func(s *script) { s.plan[s.digest()] = []byte("{}") },
		"rows out of order":           func(s *script) { n := len(s.rows); s.rows[n-1], s.rows[n-2] = s.rows[n-2], s.rows[n-1] },
		"a row told twice":            func(s *script) { s.rows = append(s.rows, s.rows[len(s.rows)-1]) },
		"a plan in the machine's clock": func(s *script) {
			p := bridge(dr.Drill)
			p.TimeZone = "Local"
			s.request("r2", "lin", "x", "", p, dr.Clocks{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.started("r1", bridge(dr.Drill))
			spoil(s)
			if m, err := Read(s.source("r1", "r2")); err == nil {
				t.Errorf("read without a word: %d runs", len(m.Runs))
			}
		})
	}
	if _, err := Read(Source{}); err == nil {
		t.Error("nothing was read without a word")
	}
}

// digest is that of the only plan.
func (s *script) digest() string {
	for d := range s.plan {
		return d
	}
	return ""
}

func TestUnreadableEvidenceIsAnErrorAndErasedIsNot(t *testing.T) {
	s := newScript(t)
	s.bank()
	src := s.source("r1", "r2")
	src.Blob = func(string) (io.ReadCloser, error) { return nil, errors.New("the disk is gone") }
	if _, err := Read(src); err == nil {
		t.Error("evidence that cannot be read was left out in silence")
	}
	for digest, raw := range s.kept {
		s.itself("", dr.RowBlobErased, dr.Blob{Digest: digest, Size: int64(len(raw)), Kind: "text"})
	}
	clear(s.kept)
	m := s.read("r1", "r2")
	if e := m.Runs[0].Steps[2].Attempts[1].Evidence[0]; !e.Erased || !slices.Contains(m.NotCaptured, "not_captured_erased") || m.Runs[0].Reentry[0].Rows != nil {
		t.Errorf("%+v %v", e, m.NotCaptured)
	}
}

// stray reports a character that may stand on no line of a text.
func stray(r rune) bool {
	return r < ' ' || r == '<' || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// bars counts what ends a cell: bars that no backslash takes away.
func bars(line string) (n int) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '|':
			n++
		}
	}
	return n
}

// whole holds a report as text against what may not be in one, and counts its lines.
func whole(t interface{ Errorf(string, ...any) }, m *Model) (lines int) {
	for _, lang := range languages {
		md, width := string(Markdown(m, lang)), 0
		for line := range strings.Lines(md) {
			line = strings.TrimSuffix(line, "\n")
			lines++
			if at := strings.IndexFunc(line, stray); at >= 0 {
				t.Errorf("%s: %q in %.200q", lang, line[at:min(at+4, len(line))], line)
			}
			if !strings.HasPrefix(line, "|") {
				width = 0
				continue
			}
			cells := bars(line)
			if width == 0 {
				width = cells
			}
			if cells != width || !strings.HasSuffix(line, "|") {
				t.Errorf("%s: a table is torn, %d cells where %d belong: %.200q", lang, cells, width, line)
			}
		}
		for _, part := range strings.Split(md, "\n## ")[1:] {
			if m.Environment != dr.Production && !strings.Contains(strings.SplitN(part, "\n\n", 3)[1], map[string]string{"en": "**TEST**", "zh": "**测试**"}[lang]) {
				t.Errorf("%s: the chapter %.40q does not say what it is about", lang, part)
			}
		}
	}
	return lines
}

func jsonText(t interface{ Fatal(...any) }, m *Model) []byte {
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"a|b":                      `a\|b`,
		`a\|b`:                     `a\\\|b`,
		"two\nlines":               "two lines",
		"<b>":                      "&lt;b&gt;",
		"&lt;":                     "&amp;lt;",
		"# head":                   `\# head`,
		"- item":                   `\- item`,
		"   - item":                `\- item`,
		"1. item":                  `1\. item`,
		"1.5 s":                    "1.5 s",
		"2026-11-26":               "2026-11-26",
		"===":                      `\===`,
		"see http://x.example/":    `see http:\/\/x.example/`,
		"www.x.example":            `www\.x.example`,
		"a\u202eb\u200bc\x1bd\x00": "a(U+202E)b(U+200B)c(U+001B)d(U+0000)",
		"银行 核心":                    "银行 核心",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
	if got := code("sha256:ab"); got != "`sha256:ab`" {
		t.Error(got)
	}
	if got := code("a`b"); got != "a\\`b" {
		t.Error(got)
	}
}

func FuzzReadMutated(f *testing.F) {
	s := newScript(f)
	s.bank()
	f.Add(uint16(3), uint8(0), []byte(`{}`))
	f.Add(uint16(20), uint8(1), []byte(`{"step":"freeze","n":-1,"state":"ok"}`))
	f.Add(uint16(41), uint8(2), []byte(`run.state`))
	f.Add(uint16(41), uint8(3), []byte(`r9`))
	f.Add(uint16(41), uint8(4), []byte{})
	f.Add(uint16(41), uint8(5), []byte{9})
	f.Add(uint16(41), uint8(6), []byte("2026-11-26T00:00:00.000Z"))
	f.Fuzz(func(t *testing.T, at uint16, op uint8, raw []byte) {
		src := s.source("r1", "r2")
		i := int(at) % len(src.Rows)
		row := &src.Rows[i]
		switch op % 7 {
		case 0, 1:
			row.Data = raw
		case 2:
			row.Kind = dr.RowKind(raw)
		case 3:
			row.Run = string(raw)
		case 4:
			src.Rows = append(src.Rows[:i:i], src.Rows[i+1:]...)
		case 5:
			src.Rows[i].Row, src.Rows[0].Row = src.Rows[0].Row, src.Rows[i].Row
			src.Rows[i].Seq, src.Rows[0].Seq = src.Rows[0].Seq, src.Rows[i].Seq
		case 6:
			if err := row.At.UnmarshalJSON(append(append([]byte{'"'}, raw...), '"')); err != nil {
				return
			}
		}
		m, err := Read(src)
		if err != nil {
			return
		}
		if _, err := m.JSON(); err != nil {
			t.Fatal(err)
		}
		for _, lang := range languages {
			if len(Markdown(m, lang)) == 0 {
				t.Fatal("a report without a word")
			}
		}
	})
}
