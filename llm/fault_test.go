package llm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
)

// TestFaults plays every way to go wrong. Whatever the server does, the call ends with a kind that says
// what to do, after the attempts that make sense and no more.
func TestFaults(t *testing.T) {
	status, says := llmfake.Status, llmfake.Says
	problem := llmfake.Problem
	overflow := `{"error":{"code":400,"message":"request (5985 tokens) exceeds the available context size","type":"exceed_context_size_error","n_ctx":2048}}`
	lines := llmfake.Lines
	for _, c := range []struct {
		name    string
		answers []llmfake.Answer
		kind    llm.Kind
		hits    int
		pauses  []time.Duration
	}{
		{name: "well", answers: []llmfake.Answer{says(good)}, hits: 1},
		{name: "busy, says when", answers: []llmfake.Answer{status(429, problem("rate_limit", "slow down"), "Retry-After: 7"), says(good)}, hits: 2, pauses: []time.Duration{7 * time.Second}},
		{name: "busy, in milliseconds", answers: []llmfake.Answer{status(429, "", "Retry-After-Ms: 900"), says(good)}, hits: 2, pauses: []time.Duration{900 * time.Millisecond}},
		{name: "busy for hours", answers: []llmfake.Answer{status(429, "", "Retry-After: 7200")}, kind: llm.Busy, hits: 1},
		{name: "busy for ever", answers: []llmfake.Answer{status(429, problem("rate_limit", ""))}, kind: llm.Busy, hits: 3},
		{name: "out of money", answers: []llmfake.Answer{status(429, `{"error":{"code":"insufficient_quota","message":"pay"}}`)}, kind: llm.Denied, hits: 1},
		{name: "loading", answers: []llmfake.Answer{status(503, problem("unavailable_error", "Loading model")), status(503, ""), says(good)}, hits: 3},
		{name: "internal error once", answers: []llmfake.Answer{status(500, problem("server_error", "oops")), says(good)}, hits: 2},
		{name: "internal error for good", answers: []llmfake.Answer{status(500, problem("server_error", "too large to process"))}, kind: llm.Unreachable, hits: 2},
		{name: "page of a proxy", answers: []llmfake.Answer{llmfake.Page(502)}, kind: llm.Unreachable, hits: 3},
		{name: "wrong key", answers: []llmfake.Answer{status(401, problem("authentication_error", "Incorrect API key: "+key))}, kind: llm.Denied, hits: 1},
		{name: "no such model", answers: []llmfake.Answer{status(404, `{"error":{"code":"model_not_found","message":"x"}}`)}, kind: llm.Unknown, hits: 1},
		{name: "not built in", answers: []llmfake.Answer{status(501, problem("not_supported_error", ""))}, kind: llm.Unknown, hits: 1},
		{name: "error that is a string", answers: []llmfake.Answer{status(404, `{"error":"model 'local' not found"}`)}, kind: llm.Unknown, hits: 1},
		{name: "error of another shape", answers: []llmfake.Answer{status(422, `{"detail":[{"loc":["body"]}]}`)}, kind: llm.Rejected, hits: 2},
		{name: "redirect", answers: []llmfake.Answer{status(301, "", "Location: https://elsewhere.example/")}, kind: llm.Unknown, hits: 1},
		{name: "prompt too long", answers: []llmfake.Answer{status(400, overflow)}, kind: llm.TooLong, hits: 1},
		{name: "prompt too big for a proxy", answers: []llmfake.Answer{llmfake.Page(413)}, kind: llm.TooLong, hits: 1},
		{name: "schema refused", answers: []llmfake.Answer{status(400, problem("invalid_request_error", "response_format")), says(good)}, hits: 2},
		{name: "everything refused", answers: []llmfake.Answer{status(400, problem("invalid_request_error", ""))}, kind: llm.Rejected, hits: 2},
		{name: "filtered before", answers: []llmfake.Answer{status(400, `{"error":{"code":"content_filter","message":"no"}}`)}, kind: llm.Filtered, hits: 1},
		{name: "connection refused at first", answers: []llmfake.Answer{llmfake.Reset(), says(good)}, hits: 2},
		{name: "connection refused", answers: []llmfake.Answer{llmfake.Reset()}, kind: llm.Unreachable, hits: 3},
		{name: "200 with an error", answers: []llmfake.Answer{status(200, problem("server_error", "so sorry"))}, kind: llm.Broken, hits: 2},
		{name: "200 and not a stream", answers: []llmfake.Answer{status(200, `{"choices":[{"message":{"content":"hi"}}]}`)}, kind: llm.Broken, hits: 2},
		{name: "200 with a page", answers: []llmfake.Answer{llmfake.Page(200)}, kind: llm.Broken, hits: 2},
		{name: "200 and nothing", answers: []llmfake.Answer{lines()}, kind: llm.Broken, hits: 2},
		{name: "no choices", answers: []llmfake.Answer{lines(`data: {}`, `data: {"choices":[]}`, "data: [DONE]")}, kind: llm.Broken, hits: 2},
		{name: "content is null", answers: []llmfake.Answer{lines(`data: {"choices":[{"index":0,"delta":{"content":null},"finish_reason":"stop"}]}`, "data: [DONE]")}, kind: llm.Broken, hits: 2},
		{name: "event cut short", answers: []llmfake.Answer{lines(llmfake.Chunk("{"), `data: {"choices":[{"ind`)}, kind: llm.Broken, hits: 2},
		{name: "event that is no JSON", answers: []llmfake.Answer{lines(llmfake.Chunk("{"), `data: <html>`, llmfake.Chunk("}"), llmfake.End("stop"))}, kind: llm.Broken, hits: 2},
		{name: "event of other types", answers: []llmfake.Answer{lines(`data: {"choices":"none"}`)}, kind: llm.Broken, hits: 2},
		{name: "cut off in the middle", answers: []llmfake.Answer{llmfake.Cut(`{"answered":`)}, kind: llm.Broken, hits: 2},
		{name: "cut off, then well", answers: []llmfake.Answer{llmfake.Cut(`{"answered":`), says(good)}, hits: 2},
		{name: "ends without a reason", answers: []llmfake.Answer{lines(llmfake.Chunk(good))}, kind: llm.Broken, hits: 2},
		{name: "done without a reason", answers: []llmfake.Answer{lines(llmfake.Chunk(good), "data: [DONE]")}, kind: llm.Broken, hits: 2},
		{name: "closed without a last word", answers: []llmfake.Answer{lines(llmfake.Chunk(good), llmfake.End("stop"))}, hits: 1},
		{name: "error in the middle", answers: []llmfake.Answer{lines(llmfake.Chunk("{"), `data: {"error":{"code":503,"message":"gone","type":"unavailable_error"}}`)}, kind: llm.Unreachable, hits: 1},
		{name: "error after pings", answers: []llmfake.Answer{lines(": ping", ": ping", `data: {"error":{"code":400,"message":"x","type":"exceed_context_size_error"}}`)}, kind: llm.TooLong, hits: 1},
		{name: "error as an event", answers: []llmfake.Answer{lines(llmfake.Chunk("{"), "event: error\ndata: {\"message\":\"x\",\"type\":\"server_error\"}")}, kind: llm.Broken, hits: 2},
		{name: "error as a line", answers: []llmfake.Answer{lines(llmfake.Chunk("{"), `error: {"code":500,"message":"x"}`)}, kind: llm.Unreachable, hits: 1},
		{name: "error as an object", answers: []llmfake.Answer{lines(`data: {"object":"error","message":"x","code":404}`)}, kind: llm.Unknown, hits: 1},
		{name: "pings and then well", answers: []llmfake.Answer{lines(strings.Repeat(":\n\n", 400), llmfake.Chunk(good), llmfake.End("stop"), "data: [DONE]")}, hits: 1},
		{name: "ran into its limit", answers: []llmfake.Answer{llmfake.Ends("{\n ", "length")}, kind: llm.Cut, hits: 2},
		{name: "filtered on the way", answers: []llmfake.Answer{llmfake.Ends("{", "content_filter")}, kind: llm.Filtered, hits: 1},
		{name: "refusal", answers: []llmfake.Answer{lines(`data: {"choices":[{"index":0,"delta":{"refusal":"I cannot help"}}]}`, llmfake.End("stop"))}, kind: llm.Declined, hits: 1},
		{name: "calls a tool", answers: []llmfake.Answer{lines(`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"1","type":"function","function":{"name":"start_run","arguments":"{}"}}]}}]}`, llmfake.End("tool_calls"))}, kind: llm.Broken, hits: 2},
		{name: "ends for a tool", answers: []llmfake.Answer{llmfake.Ends(good, "tool_calls")}, kind: llm.Broken, hits: 2},
		{name: "several choices", answers: []llmfake.Answer{lines(`data: {"choices":[{"index":1,"delta":{"content":"no"}},{"index":0,"delta":{"content":"{}"},"finish_reason":"stop"}]}`)}, hits: 1},
		{name: "never stops", answers: []llmfake.Answer{llmfake.Endless(llmfake.Chunk("more and more "))}, kind: llm.Cut, hits: 2},
		{name: "blanks for ever", answers: []llmfake.Answer{llmfake.Endless(llmfake.Chunk("                    "))}, kind: llm.Cut, hits: 2},
		{name: "thinks for ever", answers: []llmfake.Answer{llmfake.Endless(`data: {"choices":[{"index":0,"delta":{"reasoning_content":"hmm, hmm, hmm, hmm, hmm"}}]}`)}, kind: llm.Cut, hits: 2},
		{name: "one giant event", answers: []llmfake.Answer{lines("data: " + strings.Repeat("x", 2<<20))}, kind: llm.Broken, hits: 2},
		{name: "not JSON, twice", answers: []llmfake.Answer{says("Sure! Here is what I think.")}, kind: llm.Malformed, hits: 2},
		{name: "half an object, then well", answers: []llmfake.Answer{says(`{"answered":tr`), says(good)}, hits: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil, c.answers...)
			reply, err := b.Structured(t.Context(), question, nil, object)
			if llm.KindOf(err) != c.kind || (err == nil) != (c.kind == "") {
				t.Errorf("ended %v, want %q", err, c.kind)
			}
			if err == nil && object(reply.Text) != nil {
				t.Errorf("accepted %q", reply.Text)
			}
			asked := b.server.Asked()
			if len(asked) != c.hits || reply.Attempts != c.hits {
				t.Errorf("%d requests (%d said), want %d", len(asked), reply.Attempts, c.hits)
			}
			if c.pauses != nil && fmt.Sprint(b.hands.paused) != fmt.Sprint(c.pauses) {
				t.Errorf("paused %v, want %v", b.hands.paused, c.pauses)
			}
			b.quiet(t, err)
		})
	}
}

// TestTime plays what only a clock ends.
func TestTime(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*llmfake.Server) llmfake.Answer
		fire   time.Duration
	}{
		{"no headers", (*llmfake.Server).Slow, deadline},
		{"pings and no word", (*llmfake.Server).Pings, deadline},
		{"silence in the middle", func(s *llmfake.Server) llmfake.Answer { return s.Silent(`{"answered":`) }, idle},
		{"deadline in the middle", func(s *llmfake.Server) llmfake.Answer { return s.Silent(`{"answered":`) }, deadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b *bench
			b = newBench(t, nil, func(w http.ResponseWriter, r *http.Request, q llmfake.Query) { c.answer(b.server)(w, r, q) })
			ended := make(chan error, 1)
			go func() {
				_, err := b.Structured(t.Context(), question, nil, object)
				ended <- err
			}()
			<-b.server.Hangs
			if c.fire == deadline {
				b.hands.fire(deadline)
			}
			for waiting := true; waiting; {
				select {
				case <-b.hands.silence: // every word begins it anew, so the last one counts
					if c.fire == idle {
						b.hands.fire(idle)
					}
				case err := <-ended:
					waiting = false
					if llm.KindOf(err) != llm.Late || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("ended %v", err)
					}
				}
			}
			if n := len(b.server.Asked()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestCancelling(t *testing.T) {
	var b *bench
	gone := make(chan struct{})
	b = newBench(t, nil, func(w http.ResponseWriter, r *http.Request, q llmfake.Query) {
		b.server.Silent("one two three")(w, r, q)
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var text strings.Builder
	_, err := b.Complete(ctx, question, func(d llm.Delta) {
		if text.WriteString(d.Text); text.String() == "one two three" {
			cancel()
		}
	})
	if llm.KindOf(err) != llm.Cancelled || !errors.Is(err, context.Canceled) {
		t.Errorf("ended %v", err)
	}
	<-gone // the server's work ends too
	if b.Usage().Tokens == 0 {
		t.Error("what was used up to then is not counted")
	}
}
