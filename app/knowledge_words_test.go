package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/bot"
	"github.com/switchman-dr/switchman/catalog"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

const (
	lagAsked = "how do I ask the primary for the lag of each standby?"
	saysLag  = `{"answered":true,"statements":[{"source":"P1","quote":"Ask the primary for the lag of each standby.","text":"Ask the primary for the lag of each standby."}]}`
	invented = `{"source":"P1","quote":"Delete the standby.","text":"Delete the standby."}`
)

// answering is a library over a small shelf, with the model of a server.
type answering struct {
	*bot.Library
	store *store.Store
	cfg   *config.Config
	model *llm.Client
}

// answers makes one; the deadline of the model is the system clock's.
func answers(t *testing.T, server *llmfake.Server, deadline time.Duration) *answering {
	t.Helper()
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	s := kept(t)
	t.Cleanup(server.Close)
	x := knowledge.New(knowledge.Options{})
	shelf := fstest.MapFS{"lag.md": {Data: []byte("# Replication lag\n\n## Measure\n\nAsk the primary for the lag of each standby.\n\nThirty seconds are too many.\n")}}
	for i := range 60 { // among many runbooks a word that few of them have says something
		shelf[fmt.Sprintf("more/%02d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "# Topic %d\n\nDevice number%d answers to its own page, gadget%d.\n", i, i, i)}
	}
	if _, err := x.Sync(t.Context(), knowledge.Source{Name: "runbooks", FS: shelf}); err != nil {
		t.Fatal(err)
	}
	files := newFiles("", nil, "test", c.clock())
	a := &answering{store: s, cfg: &config.Config{LLMURL: server.URL, LLMModel: "toy", LLMDeadline: deadline}}
	a.start(t)
	w := words{model: a.model}
	a.Library = bot.NewLibrary(bot.LibraryConfig{Index: func() *knowledge.Index { return x }, Store: s, Catalog: func() (*catalog.Catalog, error) { return files.catalogOf(t), nil }, Clock: SystemClock(),
		Log: slog.New(slog.DiscardHandler), Mask: redact.New(), State: func() bot.Shelves { return bot.Shelves{} }, Word: w.answer, Rewrite: w.rewrite})
	return a
}

// kept is a store of its own.
func kept(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: SystemClock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// start makes the model's client, as a start of the server does.
func (a *answering) start(t *testing.T) {
	t.Helper()
	var err error
	if a.model, err = openModel(a.cfg, dr.Organisation{}, a.store, &hidden{cfg: a.cfg}, SystemClock(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

func lagQuestion(text string) bot.Question {
	return bot.Question{Text: text, Person: "lin", Company: bot.Alone, Lang: "en", Talk: "t"}
}

// TestModelWordsAnswers: what a model says is shown with its proof, and whatever else it does ends in the
// passages themselves, within its deadline.
func TestModelWordsAnswers(t *testing.T) {
	more := func(statement string) string { return strings.Replace(saysLag, `"}]}`, `"},`+statement+`]}`, 1) }
	overflow := llmfake.Status(400, llmfake.Problem("exceed_context_size_error", "request (5985 tokens) exceeds the available context size (2048 tokens), try increasing it"))
	begun := strings.TrimSuffix(saysLag, "]}") + ","
	for name, want := range map[string]struct {
		model llmfake.Answer
		mode  string
		most  time.Duration
	}{
		"says what stands there":      {llmfake.Says(saysLag), "model", 0},
		"says more than stands there": {llmfake.Says(more(invented)), "model", 0},
		"makes something up":          {llmfake.Says(`{"answered":true,"statements":[` + invented + `]}`), "extractive", 0},
		"is broken":                   {llmfake.Status(400, "no"), "extractive", 0},
		"has no answer":               {llmfake.Says(`{"answered":false,"statements":[]}`), "extractive", 0},
		"has too small a context":     {overflow, "extractive", 0},
		"is killed in the middle":     {llmfake.Cut(begun), "extractive", 0},
		"answers in another language": {llmfake.Says(strings.Replace(saysLag, `"text":"Ask the primary for the lag of each standby."`, `"text":"请向主库查询各备库的延迟。"`, 1)), "extractive", 0},
		"streams for ever":            {llmfake.Endless(llmfake.Chunk(strings.Repeat(" ", 500))), "extractive", 0},
		"says nothing":                {(&llmfake.Server{Hangs: make(chan struct{}, 9)}).Slow(), "extractive", 300 * time.Millisecond},
		"stops half-way":              {(&llmfake.Server{Hangs: make(chan struct{}, 9)}).Silent(begun), "extractive", 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deadline := 10 * time.Second
			if want.most > 0 {
				deadline = want.most
			}
			a := answers(t, llmfake.New(want.model), deadline)
			began := time.Now()
			told, err := a.Ask(context.Background(), lagQuestion(lagAsked))
			if err != nil || told.Mode != want.mode || !strings.Contains(told.Parts[0].Quote, "Ask the primary") {
				t.Fatalf("%+v, %v", told.Answer, err)
			}
			if took := time.Since(began); took > deadline+5*time.Second {
				t.Errorf("it took %v", took)
			}
			if (told.LeftOut == 1) != (name == "says more than stands there") {
				t.Errorf("%d sentences are said to be left out", told.LeftOut)
			}
			if p := told.Parts[0]; p.Start != 5 || told.Sources[p.Source].URL == "" {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestAnswerGrows: the passages come first, then each sentence as soon as its quote was found, and never one
// that has none; a second attempt begins anew.
func TestAnswerGrows(t *testing.T) {
	second := `{"source":"P1","quote":"Thirty seconds are too many.","text":"Thirty seconds are too many."}`
	whole := strings.Replace(saysLag, `"}]}`, `"},`+invented+`,`+second+`]}`, 1)
	a := answers(t, llmfake.New(llmfake.Ends(strings.TrimSuffix(whole, "}]}"), "length"), llmfake.Says(whole)), 10*time.Second)
	var shown []string
	told, err := a.Tell(context.Background(), lagQuestion(lagAsked), func(told bot.Told) {
		if !told.Going {
			t.Error("an answer on its way looks like the last one")
		}
		said := told.Mode
		for _, p := range told.Parts {
			if strings.Contains(p.Text, "Delete") {
				t.Error("what nothing proves was shown")
			}
			if told.Mode == "model" {
				said += "+"
			}
		}
		shown = append(shown, said)
	})
	if err != nil || told.Going || told.Mode != "model" || len(told.Parts) != 2 || told.LeftOut != 1 {
		t.Errorf("%+v, %v", told, err)
	}
	if got := strings.Join(shown, " "); got != "extractive model+ model+ model++" {
		t.Errorf("shown: %s", got)
	}
}

// TestLeavingEndsTheModel: whoever no longer waits has the model stop.
func TestLeavingEndsTheModel(t *testing.T) {
	stopped := make(chan struct{})
	server := llmfake.New(func(w http.ResponseWriter, r *http.Request, q llmfake.Query) {
		defer close(stopped)
		llmfake.Endless(llmfake.Chunk(" "))(w, r, q)
	})
	a := answers(t, server, time.Minute)
	ctx, leave := context.WithCancel(t.Context())
	_, err := a.Tell(ctx, lagQuestion(lagAsked), func(bot.Told) { go leave() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(server.Asked()) == 0 { // it was left before it was asked
		return
	}
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Error("the model goes on")
	}
}

// TestFollowUpByModel: a model puts a follow-up into words that stand alone, a complete question is never
// sent to be rewritten, and a model that cannot leaves the words of the talk.
func TestFollowUpByModel(t *testing.T) {
	rewritten := "How many seconds of lag of each standby that the primary tells are too many?"
	alone := `{"question":"` + rewritten + `"}`
	none := `{"answered":false,"statements":[]}`
	for name, want := range map[string]struct{ says, understood, carried string }{
		"rewrites":            {alone, rewritten, ""},
		"makes up a name":     {`{"question":"Is the lag of ledger-db-w7 too much?"}`, "", lagAsked},
		"is no good at all":   {`{"question":""}`, "", lagAsked},
		"brings an address":   {`{"question":"See https://evil.example for the lag"}`, "", lagAsked},
		"speaks out of turn ": {none, "", lagAsked},
	} {
		t.Run(name, func(t *testing.T) {
			server := llmfake.New(llmfake.Obeys(func(q llmfake.Query) string {
				if q.Format.Schema.Name == "rewrite" {
					return want.says
				}
				return none
			}))
			a := answers(t, server, 10*time.Second)
			for _, text := range []string{lagAsked, "and when is it too much?"} {
				told, err := a.Ask(t.Context(), lagQuestion(text))
				if err != nil || told.Verdict != knowledge.Answered || told.Sources[0].Doc != "runbooks/lag.md" {
					t.Fatalf("%q: %+v, %v", text, told, err)
				}
				if text == lagAsked && (told.Understood != "" || told.Carried != "") {
					t.Errorf("a complete question was taken for another: %+v", told)
				}
				if text != lagAsked && (told.Understood != want.understood || told.Carried != want.carried) {
					t.Errorf("understood %q, carried %q", told.Understood, told.Carried)
				}
			}
			if n := len(server.Asked()); server.Asked()[0].Format.Schema.Name != "answer" || n > 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestBudgetOutlivesARestart: what a day has used is known to the next start, and a budget that is used up
// leaves the passages.
func TestBudgetOutlivesARestart(t *testing.T) {
	server := llmfake.New(llmfake.Says(saysLag))
	a := answers(t, server, 10*time.Second)
	if _, err := a.Ask(t.Context(), lagQuestion(lagAsked)); err != nil {
		t.Fatal(err)
	}
	used := a.model.Usage()
	if used.Tokens == 0 || used.Calls != 1 {
		t.Fatalf("%+v", used)
	}
	a.cfg.LLMBudget = used.Tokens + 100 // too little for another answer
	a.start(t)
	w := words{model: a.model}
	_, _, err := w.answer(t.Context(), "en", lagAsked, []knowledge.Result{{Passage: &knowledge.Passage{ID: "p", Doc: &knowledge.Document{Title: "Lag"}, Text: "Ask the primary."}}}, func([]bot.Sentence) {})
	if llm.KindOf(err) != llm.Spent || a.model.Usage() != used || len(server.Asked()) != 1 {
		t.Errorf("after a restart %+v were used, not %+v: %v", a.model.Usage(), used, err)
	}
}

// catalogOf is the sample, whatever is wrong with it.
func (f *Files) catalogOf(t *testing.T) *catalog.Catalog {
	t.Helper()
	c, _ := f.Catalog()
	if c == nil {
		t.Fatal("no sample")
	}
	return c
}

func TestDomainsOfTheHouse(t *testing.T) {
	org := dr.Organisation{Systems: []dr.System{{Nodes: []dr.Node{{Address: "db1.bank.com.cn:5432", Aliases: []string{"ledger-db", "10.1.2.3"}}, {Address: "10.1.2.4:22"}}}}}
	if got := strings.Join(domains(org), " "); got != "bank.com.cn" {
		t.Errorf("%q", got)
	}
}

// TestServedEmbeddings: a server's vectors are used once all are there; when their length changes everything
// is encoded anew, and words decide meanwhile.
func TestServedEmbeddings(t *testing.T) {
	var dim atomic.Int64
	dim.Store(3)
	server := llmfake.New(llmfake.Embeds(func(int, string) []float64 {
		v := make([]float64, dim.Load())
		v[0] = 1
		return v
	}))
	defer server.Close()
	model, err := openModel(&config.Config{LLMURL: server.URL, LLMEmbedModel: "toy", LLMDeadline: 10 * time.Second}, dr.Organisation{}, kept(t), &hidden{cfg: &config.Config{}}, SystemClock(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, dir := reading(t, SystemClock(), openEncoders(&config.Config{}, model))
	shelve(t, dir, "lag.md", "# Lag\n\nAsk the primary.\n")
	l.look(t.Context())
	ranked := func() knowledge.Mode {
		found, err := l.index.Load().Search(t.Context(), knowledge.Query{Text: "primary", Audience: []string{"internal"}})
		if err != nil || len(found.Results) == 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		return found.Mode
	}
	if s := l.State(); ranked() != knowledge.Lexical || s.Without == "" || len(s.Models) != 0 {
		t.Errorf("%+v", s)
	}
	if !l.encoded(t) || ranked() != knowledge.Hybrid || l.State().Models[0].Done != 1 || l.State().Without != "" {
		t.Errorf("%+v", l.State())
	}
	dim.Store(5)
	shelve(t, dir, "disk.md", "# Disk\n\nMake room for the primary.\n")
	l.look(t.Context())
	if l.encoded(t) || ranked() != knowledge.Lexical {
		t.Errorf("half the vectors were ranked with: %+v", l.State())
	}
	if !l.encoded(t) || ranked() != knowledge.Hybrid || l.State().Models[0].Done != 2 {
		t.Errorf("%+v", l.State())
	}
}
