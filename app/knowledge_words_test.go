package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
	"github.com/switchman-dr/switchman/llm/llmfake"
	"github.com/switchman-dr/switchman/redact"
	"github.com/switchman-dr/switchman/store"
)

// TestModelWordsAnswers: what a model says is shown with its proof, and whatever else it does ends in the
// passages themselves.
func TestModelWordsAnswers(t *testing.T) {
	c := &handClock{now: time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)}
	const proven = `{"answered":true,"statements":[{"source":"P1","quote":"Ask the primary for the lag of each standby.","text":"Ask the primary for the lag of each standby."}]}`
	const invented = `{"answered":true,"statements":[{"source":"P1","quote":"Delete the standby.","text":"Delete the standby."}]}`
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Organisation: "tiny-bank", Clock: c.clock()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := knowledge.New(knowledge.Options{})
	shelf := fstest.MapFS{"lag.md": {Data: []byte("# Replication lag\n\n## Measure\n\nAsk the primary for the lag of each standby.\n")}}
	for i := range 60 { // among many runbooks a word that few of them have says something
		shelf[fmt.Sprintf("more/%02d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "# Topic %d\n\nDevice number%d answers to its own page, gadget%d.\n", i, i, i)}
	}
	if _, err := x.Sync(t.Context(), knowledge.Source{Name: "runbooks", FS: shelf}); err != nil {
		t.Fatal(err)
	}
	files := newFiles("", nil, "test", c.clock())
	for name, want := range map[string]struct {
		model *llmfake.Server
		mode  string
	}{
		"says what stands there":      {llmfake.New(llmfake.Says(proven)), "model"},
		"says more than stands there": {llmfake.New(llmfake.Says(strings.Replace(proven, `"}]}`, `"},{"source":"P1","quote":"Delete the standby.","text":"Delete the standby."}]}`, 1))), "model"},
		"makes something up":          {llmfake.New(llmfake.Says(invented)), "extractive"},
		"is broken":                   {llmfake.New(llmfake.Status(400, "no")), "extractive"},
		"has no answer":               {llmfake.New(llmfake.Says(`{"answered":false,"statements":[]}`)), "extractive"},
	} {
		t.Run(name, func(t *testing.T) {
			defer want.model.Close()
			model, err := openModel(&config.Config{LLMURL: want.model.URL, LLMModel: "toy", LLMDeadline: 10 * time.Second}, dr.Organisation{}, &hidden{cfg: &config.Config{}}, SystemClock(), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			w := words{model: model}
			l := bot.NewLibrary(bot.LibraryConfig{Index: func() *knowledge.Index { return x }, Store: s, Catalog: func() (*catalog.Catalog, error) { return files.catalogOf(t), nil }, Clock: c.clock(),
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Mask: redact.New(), State: func() bot.Shelves { return bot.Shelves{} }, Word: w.answer})
			told, err := l.Ask(context.Background(), bot.Question{Text: "how do I ask the primary for the lag of each standby?", Person: "lin", Company: bot.Alone, Lang: "en"})
			if err != nil || told.Mode != want.mode || !strings.Contains(told.Parts[0].Quote, "Ask the primary") {
				t.Fatalf("%+v, %v", told.Answer, err)
			}
			if (told.LeftOut == 1) != (name == "says more than stands there") {
				t.Errorf("%d sentences are said to be left out", told.LeftOut)
			}
			if p := told.Parts[0]; p.Start != 5 || p.End != 5 || told.Sources[p.Source].URL == "" {
				t.Errorf("%+v", p)
			}
		})
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
	model, err := openModel(&config.Config{LLMURL: server.URL, LLMEmbedModel: "toy", LLMDeadline: 10 * time.Second}, dr.Organisation{}, &hidden{cfg: &config.Config{}}, SystemClock(), slog.New(slog.DiscardHandler))
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
	if !l.encodeAll(t.Context()) || ranked() != knowledge.Hybrid || l.State().Models[0].Done != 1 || l.State().Without != "" {
		t.Errorf("%+v", l.State())
	}
	dim.Store(5)
	shelve(t, dir, "disk.md", "# Disk\n\nMake room for the primary.\n")
	l.look(t.Context())
	if l.encodeAll(t.Context()) || ranked() != knowledge.Lexical {
		t.Errorf("half the vectors were ranked with: %+v", l.State())
	}
	if !l.encodeAll(t.Context()) || ranked() != knowledge.Hybrid || l.State().Models[0].Done != 2 {
		t.Errorf("%+v", l.State())
	}
}
