package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/journal"
)

// until asks for the run until it is in a state. The engine works beside the test: the clock is
// moved on for whatever waits, and the stream of events says when to look again.
func (h *house) until(as, run string, want dr.State) fsm.View {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var v fsm.View
	for ctx.Err() == nil {
		h.do(ask{method: "GET", path: "/api/runs/" + run, as: as}).into(h.t, &v)
		if v.State == want {
			return v
		}
		h.clock.advance(500 * time.Millisecond)
	}
	h.t.Fatalf("run is %s (%s), want %s", v.State, v.Pause, want)
	return v
}

func TestStory(t *testing.T) {
	h := open(t, true)
	var v fsm.View
	got := h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "spring drill"}})
	if got.code != http.StatusCreated || got.header.Get("Location") == "" {
		t.Fatalf("HTTP %d %s", got.code, got.raw)
	}
	got.into(t, &v)
	v = h.until("ada", v.ID, dr.AwaitingApproval)
	verb := func(as string, verb dr.Verb, args fsm.Args) reply {
		return h.do(ask{method: "POST", path: "/api/runs/" + v.ID + "/" + string(verb), as: as, body: args})
	}
	if p := verb("ada", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}).problem(t); p.Kind != dr.Refused || p.Message == "" || p.ID == "" {
		t.Errorf("the requester's vote: %+v", p)
	}
	verb("ben", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}).into(t, &v)
	verb("cleo", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}).into(t, &v)
	if v.State != dr.AwaitingCode || v.Round.Have != 2 {
		t.Fatalf("after two votes: %s, %d of %d", v.State, v.Round.Have, v.Round.Need)
	}
	var issued struct {
		Code    string   `json:"code"`
		Expires dr.Time  `json:"expires_at"`
		Run     fsm.View `json:"run"`
	}
	verb("dora", dr.VerbIssue, fsm.Args{}).into(t, &issued)
	if !strings.HasPrefix(issued.Code, "DRC-") || issued.Expires.IsZero() || issued.Run.ID != v.ID {
		t.Fatalf("issued %+v", issued)
	}
	verb("ada", dr.VerbStart, fsm.Args{Code: issued.Code, Confirmed: true}).into(t, &v)
	v = h.until("ada", v.ID, dr.AtStandby)
	var places struct {
		Placements []dr.Placement `json:"placements"`
	}
	h.do(ask{method: "GET", path: "/api/placements", as: "ada"}).into(t, &places)
	if len(places.Placements) != 1 || places.Placements[0].Site != "west" {
		t.Errorf("placements %+v", places)
	}
	h.roomsTell(v.ID)
	h.codeIsNowhere(issued.Code)
	h.journalIsWhole(v.ID)
	var back fsm.View
	verb("ada", dr.VerbSwitchback, fsm.Args{Reason: "home"}).into(t, &back)
	if back.Parent != v.ID {
		t.Errorf("the way back %+v", back)
	}
	var list struct {
		Runs []fsm.View `json:"runs"`
	}
	h.do(ask{method: "GET", path: "/api/runs?open=true&system=ledger&limit=5", as: "ada"}).into(t, &list)
	if len(list.Runs) != 2 {
		t.Errorf("%d open runs, want 2", len(list.Runs))
	}
}

// Facts that grew old while people looked for the code are looked at again by the start itself: it is offered,
// and the one press is enough. What else changed the run is still refused, and costs no try.
func TestStartLooksAgainAtOldFacts(t *testing.T) {
	h := open(t, true)
	var v fsm.View
	h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "spring drill"}}).into(t, &v)
	v = h.until("ada", v.ID, dr.AwaitingApproval)
	verb := func(as string, verb dr.Verb, args fsm.Args) reply {
		return h.do(ask{method: "POST", path: "/api/runs/" + v.ID + "/" + string(verb), as: as, body: args})
	}
	verb("ben", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}).into(t, &v)
	verb("cleo", dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}).into(t, &v)
	var issued struct {
		Code string `json:"code"`
	}
	verb("dora", dr.VerbIssue, fsm.Args{}).into(t, &issued)
	look := func() { h.do(ask{method: "GET", path: "/api/runs/" + v.ID, as: "ada"}).into(t, &v) }
	look()
	tries := v.CodeLeft
	h.clock.advance(v.FactsUntil.Sub(v.Now.Time)*2/3 + time.Second) // old enough for another look
	if p := verb("ada", dr.VerbStart, fsm.Args{Code: issued.Code, Confirmed: true, Version: v.Version - 1}).problem(t); p.ID != "run_moved_on" {
		t.Errorf("a page from before the code was issued: %+v", p)
	}
	look()
	h.clock.advance(v.FactsUntil.Sub(v.Now.Time) + time.Second) // that start has looked; now they are too old
	look()
	if !v.FactsUntil.Before(v.Now.Time) || !slices.Contains(v.Verbs, dr.VerbStart) || v.CodeLeft != tries {
		t.Fatalf("with facts good until %s, at %s, and %d tries left of %d a start is not offered: %v", v.FactsUntil, v.Now, v.CodeLeft, tries, v.Verbs)
	}
	verb("ada", dr.VerbStart, fsm.Args{Code: issued.Code, Confirmed: true, Version: v.Version}).into(t, &v)
	if !v.State.Started() {
		t.Errorf("after the start the run is %s", v.State)
	}
}

// codeIsNowhere: the code was in one answer, and in nothing that is kept.
func (h *house) codeIsNowhere(code string) {
	h.t.Helper()
	kept := h.logs.text() + string(h.do(ask{method: "GET", path: "/api/journal?limit=1000", as: "ada"}).raw) + string(h.do(ask{method: "GET", path: "/metrics"}).raw)
	for _, part := range []string{code, strings.ReplaceAll(strings.TrimPrefix(code, "DRC-"), "-", "")} {
		if strings.Contains(kept, part) {
			h.t.Errorf("the code %s is kept somewhere", part)
		}
	}
}

// journalIsWhole reads the journal page by page and checks the very bytes against the checkpoint.
func (h *house) journalIsWhole(run string) {
	h.t.Helper()
	var leaves [][]byte
	var note, key string
	for from := int64(0); ; {
		var page struct {
			Rows       []Reading `json:"rows"`
			Next       *int64    `json:"next"`
			Checkpoint string    `json:"checkpoint"`
			Key        string    `json:"key"`
		}
		h.do(ask{method: "GET", path: fmt.Sprintf("/api/journal?from=%d&limit=5", from), as: "ada"}).into(h.t, &page)
		for _, r := range page.Rows {
			leaf, err := journal.Encode(r.Row)
			if err != nil {
				h.t.Fatal(err)
			}
			if r.Text == "" || r.Text == string(r.Kind) || strings.Contains(r.Text, "row_") {
				h.t.Errorf("row %d (%s) has no words: %q", r.Seq, r.Kind, r.Text)
			}
			leaves = append(leaves, leaf)
		}
		if note, key = page.Checkpoint, page.Key; page.Next == nil {
			break
		}
		from = *page.Next
	}
	rows := func(yield func([]byte, error) bool) {
		for _, leaf := range leaves {
			if !yield(leaf, nil) {
				return
			}
		}
	}
	if _, err := journal.Check(rows, []byte(note), key); err != nil {
		h.t.Errorf("the journal as it came over the wire: %v", err)
	}
	var one struct {
		Rows []Reading `json:"rows"`
	}
	h.do(ask{method: "GET", path: "/api/journal?run=" + run, as: "ada"}).into(h.t, &one)
	for _, r := range one.Rows {
		if r.Run != run {
			h.t.Errorf("row %d is of run %q", r.Seq, r.Run)
		}
	}
}

// stream reads events until it has seen as many as wanted.
func (h *house) stream(path string, header http.Header, want int) []Reading {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header = header.Clone()
	req.Header.Set(asHeader, "ada")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		h.t.Fatalf("HTTP %d %s", res.StatusCode, kind)
	}
	var out []Reading
	id := ""
	for lines := bufio.NewScanner(res.Body); len(out) < want && lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = text
		}
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var r Reading
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				h.t.Fatal(err)
			}
			if fmt.Sprint(r.Seq) != id {
				h.t.Errorf("event %s holds row %d", id, r.Seq)
			}
			out = append(out, r)
		}
	}
	return out
}

func TestEventsResume(t *testing.T) {
	h := open(t, true)
	var v fsm.View
	h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "x"}}).into(t, &v)
	h.until("ada", v.ID, dr.AwaitingApproval)
	all := h.stream("/api/events?from=0", http.Header{}, 4)
	for i, r := range all {
		if r.Seq != int64(i) {
			t.Fatalf("row %d came at place %d", r.Seq, i)
		}
	}
	rest := h.stream("/api/events", http.Header{"Last-Event-Id": {"1"}}, 2)
	if len(rest) != 2 || rest[0].Seq != 2 || rest[1].Seq != 3 {
		t.Errorf("after row 1 came %+v", rest)
	}
	mine := h.stream("/api/events?from=0&run="+v.ID, http.Header{}, 2)
	for _, r := range mine {
		if r.Run != v.ID {
			t.Errorf("row of %q in the stream of %s", r.Run, v.ID)
		}
	}
}

func TestEventsComeWhenTheyHappen(t *testing.T) {
	h := open(t, true)
	got := make(chan []Reading, 1)
	go func() { got <- h.stream("/api/events?from=0", http.Header{}, 2) }()
	h.do(ask{method: "POST", path: "/api/runs", as: "ada", body: fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "x"}})
	select {
	case rows := <-got:
		if len(rows) != 2 || rows[1].Kind != dr.RowRequested {
			t.Errorf("got %+v", rows)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the row never came")
	}
}

func TestEventsRefuseNonsense(t *testing.T) {
	h := open(t, true)
	got := h.do(ask{method: "GET", path: "/api/events", as: "ada", header: http.Header{"Last-Event-Id": {"x"}}})
	if p := got.problem(t); got.code != http.StatusBadRequest || p.ID != "last_event_id" {
		t.Errorf("HTTP %d %+v", got.code, p)
	}
}
