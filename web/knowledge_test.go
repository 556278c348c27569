package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

// wording is a model of the library.
type wording = func(ctx context.Context, lang, question string, from []knowledge.Result, each func([]bot.Sentence)) ([]bot.Sentence, int, error)

// shelve gives a house runbooks: one for everybody inside, one for those who issue codes.
func (h *house) shelve() { h.t.Helper(); h.shelved(nil) }

// shelved does so with a model that words answers.
func (h *house) shelved(word wording) {
	h.t.Helper()
	more := fstest.MapFS{}
	for i := range 60 { // among many runbooks a word that few of them have says something
		more[fmt.Sprintf("%02d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "# Topic %d\n\nDevice number%d answers to its own page, gadget%d.\n", i, i, i)}
	}
	x := knowledge.New(knowledge.Options{})
	change, err := x.Sync(context.Background(), knowledge.Source{Name: "more", FS: more}, knowledge.Source{Name: "runbooks", FS: fstest.MapFS{
		"db/lag.md":   {Data: []byte("---\ntitle: Replication lag\nowner: operations\nreviewed: 2026-10-01\n---\n# Replication lag\n\n## Measure it\n\nAsk the primary how far each standby is behind.\n")},
		"envelope.md": {Data: []byte("---\ntitle: The envelope\naudience: role:code_issuer\nreviewed: 2020-01-01\n---\n# The envelope\n\n## Open it\n\nThe envelope lies on shelf nine; two people open it.\n")},
		"broken.md":   {Data: []byte("---\naudiense: public\n---\n# Broken\n\nThe vault's number.\n")},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	state := bot.Shelves{Sources: []bot.Shelf{{Name: "runbooks", Audience: []string{"internal"}}}, Read: dr.At(h.clock.Now()), Documents: change.Documents,
		Passages: change.Passages, Problems: change.Problems, Models: []bot.Model{}}
	h.server.cfg.Library = bot.NewLibrary(bot.LibraryConfig{Index: func() *knowledge.Index { return x }, Store: h.store, Catalog: h.server.cfg.Catalog, Clock: h.server.cfg.Clock,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), MaxAge: 365 * 24 * time.Hour, State: func() bot.Shelves { return state }, Word: word})
}

type toldAnswer struct {
	Verdict string `json:"verdict"`
	Asked   string `json:"asked"`
	Answer  []struct {
		Text   string `json:"text"`
		Source int    `json:"source"`
	} `json:"answer"`
	Sources []struct {
		Doc   string   `json:"doc"`
		URL   string   `json:"url"`
		Stale []string `json:"stale"`
	} `json:"sources"`
}

func TestAskOverTheAPI(t *testing.T) {
	h := open(t, true)
	h.shelve()
	var told toldAnswer
	h.do(ask{method: "POST", path: "/api/ask", as: "ada", body: map[string]string{"question": "how far is each standby behind?"}}).into(t, &told)
	if told.Verdict != "answered" || told.Sources[0].Doc != "runbooks/db/lag.md" || !strings.Contains(told.Answer[0].Text, "Ask the primary") {
		t.Fatalf("%+v", told)
	}
	if told.Sources[0].URL != "/#/runbooks/runbooks%2Fdb%2Flag.md?passage="+url.QueryEscape(passageOf(told.Sources[0].URL)) {
		t.Errorf("the citation leads to %s", told.Sources[0].URL)
	}
	got := h.do(ask{method: "POST", path: "/api/feedback", as: "ada", body: map[string]any{"asked": told.Asked, "verdict": "wrong", "note": "it is the standby that is asked"}})
	if got.code != http.StatusNoContent {
		t.Errorf("HTTP %d %s", got.code, got.raw)
	}
	var lists struct {
		Feedback   []opinionView `json:"feedback"`
		Unanswered []vainView    `json:"unanswered"`
	}
	h.do(ask{method: "GET", path: "/api/ask?question=zzyzx+qwrk", as: "ada"})
	h.do(ask{method: "GET", path: "/api/feedback", as: "ben"}).into(t, &lists)
	if len(lists.Feedback) != 1 || lists.Feedback[0].Owners[0] != "operations" || len(lists.Unanswered) != 1 || lists.Unanswered[0].Question != "zzyzx qwrk" {
		t.Fatalf("%+v", lists)
	}
	if got := h.do(ask{method: "DELETE", path: "/api/unanswered/" + lists.Unanswered[0].ID, as: "ben"}); got.code != http.StatusNoContent {
		t.Errorf("HTTP %d", got.code)
	}
	h.do(ask{method: "GET", path: "/api/feedback", as: "ben"}).into(t, &lists)
	if len(lists.Unanswered) != 0 {
		t.Errorf("%+v", lists.Unanswered)
	}
}

func passageOf(link string) string {
	_, id, _ := strings.Cut(link, "?passage=")
	return id
}

// TestAudienceOverTheAPI: a restricted runbook is invisible to others wherever one may look.
func TestAudienceOverTheAPI(t *testing.T) {
	h := open(t, true)
	h.shelve()
	paths := []string{"/api/ask?question=" + url.QueryEscape("where is the envelope, on which shelf?"), "/api/search?query=envelope+shelf+nine", "/api/runbooks"}
	for _, path := range paths {
		if got := h.do(ask{method: "GET", path: path, as: "dora"}); got.code != http.StatusOK || !strings.Contains(string(got.raw), "envelope.md") {
			t.Errorf("dora, who issues codes, does not see it in %s: HTTP %d", path, got.code)
		}
		for who, more := range map[string]string{"ada": "", "dora": "&channel=ops"} {
			if more != "" && path == "/api/runbooks" {
				continue
			}
			got := string(h.do(ask{method: "GET", path: path + more, as: who}).raw)
			for _, secret := range []string{"envelope.md", "shelf nine", "The envelope"} {
				if strings.Contains(got, secret) {
					t.Errorf("%s%s tells %s %q", path, more, who, secret)
				}
			}
		}
	}
	const doc = "/api/runbooks/runbooks%2Fenvelope.md"
	var full openRunbook
	h.do(ask{method: "GET", path: doc, as: "dora"}).into(t, &full)
	if !strings.Contains(full.Text, "shelf nine") || len(full.Passages) == 0 || full.Stale[0] != "review" {
		t.Errorf("%+v", full)
	}
	hidden := h.do(ask{method: "GET", path: doc, as: "ada"})
	gone := h.do(ask{method: "GET", path: "/api/runbooks/runbooks%2Fenvelop3.md", as: "ada"})
	if hidden.code != http.StatusNotFound || strings.ReplaceAll(string(hidden.raw), "envelope.md", "envelop3.md") != string(gone.raw) {
		t.Errorf("hidden: HTTP %d %s, missing: %s", hidden.code, hidden.raw, gone.raw)
	}
	if got := h.do(ask{method: "POST", path: "/api/feedback", as: "ada", body: map[string]any{"asked": "", "verdict": "wrong", "docs": []string{"runbooks/envelope.md"}}}); got.code != http.StatusNotFound {
		t.Errorf("feedback on a hidden runbook: HTTP %d", got.code)
	}
}

// TestBrokenRunbooksAreForAdministrators: a file's name can tell something.
func TestBrokenRunbooksAreForAdministrators(t *testing.T) {
	h := open(t, true)
	h.shelve()
	for who, sees := range map[string]bool{"eli": true, "ada": false} {
		var out struct {
			Problems  []knowledge.Problem `json:"problems"`
			Documents int                 `json:"documents"`
		}
		h.do(ask{method: "GET", path: "/api/runbooks", as: who}).into(t, &out)
		if len(out.Problems) != 1 || (out.Problems[0].Doc != "") != sees || out.Documents != 61 {
			t.Errorf("%s: %+v", who, out)
		}
	}
}

func TestQuestionsTooLong(t *testing.T) {
	h := open(t, true)
	h.shelve()
	for size, want := range map[int]string{3000: "ask_too_long", 10 << 20: "body_too_large"} {
		got := h.do(ask{method: "POST", path: "/api/ask", as: "ada", body: map[string]string{"question": strings.Repeat("x", size)}})
		if p := got.problem(t); p.ID != want || p.Hint == "" && want == "ask_too_long" {
			t.Errorf("%d characters: %+v", size, p)
		}
	}
}

// TestChannelKeepsAnswersForWhoMaySeeThem: what everybody may see is for everybody, what only the asker may
// see stays theirs, and sharing asks again.
func TestChannelKeepsAnswersForWhoMaySeeThem(t *testing.T) {
	h := open(t, true)
	h.shelve()
	talk(t, h)
	seen := func(who string) string { return string(h.do(ask{method: "GET", path: "/api/channel", as: who}).raw) }
	say := func(who, text string) (r said) {
		t.Helper()
		h.do(ask{method: "POST", path: "/api/channel", as: who, body: map[string]string{"text": text}}).into(t, &r)
		return r
	}
	say("dora", "ask how far is each standby behind?")
	if !strings.Contains(seen("ada"), "Ask the primary") {
		t.Error("an answer for everybody is not in the channel")
	}
	r := say("dora", "ask on which shelf does the envelope lie?")
	if !strings.Contains(seen("dora"), "shelf nine") {
		t.Error("dora does not see her own answer")
	}
	if strings.Contains(seen("ada"), "shelf nine") || strings.Contains(seen("ada"), "envelope.md") {
		t.Error("ada sees what is for code issuers")
	}
	for _, p := range r.Card.Parts {
		for _, a := range p.Actions {
			if a.ID == "answer-share" {
				h.do(ask{method: "POST", path: "/api/channel/press", as: "dora", body: map[string]any{"nonce": a.Nonce}})
			}
		}
	}
	if strings.Contains(seen("ada"), "shelf nine") {
		t.Error("sharing showed ada what is for code issuers")
	}
}
