package knowledge

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// meaning is a model that knows two things, by whatever word of either language.
func meaning(name string, calls *atomic.Int64, words map[string]int) *Embedder {
	vector := func(text string) []float32 {
		calls.Add(1)
		v := []float32{0.1, 0.1, 0.1}
		for word, thing := range words {
			if strings.Contains(text, word) {
				v[thing]++
			}
		}
		encoder.Unit(v)
		return v
	}
	return &Embedder{Name: name, Digest: name, Dim: 3, Share: 0.5,
		Query: func(_ context.Context, text string) ([]float32, error) { return vector(text), nil },
		Passage: func(_ context.Context, way, body string) ([][]float32, error) {
			return [][]float32{vector(way + body)}, nil
		}}
}

// TestLanguages: a question in one language finds what is written in the other by the model that reads both,
// what is written in its own first; the model for Latin script is never asked about Chinese.
func TestLanguages(t *testing.T) {
	files := map[string]string{
		"lag.md":    "# Replica behind\n\nThe replica falls behind its primary.\n",
		"expiry.md": "# Expiry\n\nRenew it before its last day.\n",
		"zh/备机.md":  "# 备机落后\n\n备机落后于主机。\n",
		"zh/备份.md":  "# 备份\n\n每晚的备份失败时重做。\n",
	}
	things := map[string]int{"behind": 0, "落后": 0, "replica": 0, "Renew": 1, "renew": 1, "续期": 1, "备份": 2, "dump": 2}
	both := Embedders{}
	var main, cjk, alone atomic.Int64
	both.Main, both.CJK = meaning("main", &main, things), meaning("cjk", &cjk, things)
	only := Embedders{Main: meaning("alone", &alone, things)}
	tests := []struct {
		es         Embedders
		text, want string // the first result, and what else must be among them
		among      string
	}{
		{both, "how far is the replica behind", "lag.md:1", "zh/备机.md:1"},
		{both, "repeat the nightly dump", "zh/备份.md:1", ""},
		{both, "备机落后多少", "zh/备机.md:1", "lag.md:1"},
		{both, "怎么续期", "expiry.md:1", ""},
		{only, "how far is the replica behind", "lag.md:1", ""},
		{only, "备机落后多少", "zh/备机.md:1", ""},
		{Embedders{CJK: both.CJK}, "备机落后多少", "zh/备机.md:1", "lag.md:1"},
		{Embedders{CJK: both.CJK}, "how far is the replica behind", "lag.md:1", ""},
	}
	for _, tt := range tests {
		x := indexed(t, Options{Embedders: tt.es}, files)
		for _, e := range tt.es.list() {
			if e != nil {
				if err := x.Embed(t.Context(), e, func(int, int) {}); err != nil || x.Missing(e) != 0 {
					t.Fatal(err, x.Missing(e))
				}
			}
		}
		got := found(t, x, staff(tt.text))
		if !strings.HasPrefix(got, tt.want) || !strings.Contains(got, tt.among) {
			t.Errorf("%q: found %q, want %q first and %q", tt.text, got, tt.want, tt.among)
		}
	}
	if n := alone.Load(); n != 2*2+1 {
		t.Errorf("the model for Latin script was asked %d times, for two passages twice and one question", n)
	}
}

// TestSpread: the first five go by score alone, each further one brings another document; of an alert all do.
func TestSpread(t *testing.T) {
	files := map[string]string{"long.md": "# Cache\n\n"}
	for i := range 8 {
		files["long.md"] += fmt.Sprintf("## Cache part %d\n\nflush the cache, flush the cache\n\n", i)
		files[fmt.Sprintf("%d.md", i)] = "# Page\n\nAbout other things, and in passing how to flush.\n"
	}
	x := indexed(t, Options{}, files)
	for kind, want := range map[Kind]struct{ long, documents int }{Question: {5, 6}, Alert: {1, 9}} {
		f, err := x.Search(t.Context(), Query{Kind: kind, Text: "flush the cache", Audience: []string{Internal}})
		docs := map[string]int{}
		for _, r := range f.Results {
			docs[r.Passage.Doc.Path]++
		}
		if err != nil || docs["runbooks/long.md"] != want.long || len(docs) != want.documents {
			t.Errorf("%s: %v, %v", kind, docs, err)
		}
	}
}

// TestChineseAlone: where everything is in Chinese and only its model is there, a question in English is
// answered by it.
func TestChineseAlone(t *testing.T) {
	var calls atomic.Int64
	e := meaning("cjk", &calls, map[string]int{"behind": 0, "落后": 0})
	x := indexed(t, Options{Embedders: Embedders{CJK: e}}, map[string]string{"a.md": "# 备机落后\n\n备机落后于主机。\n", "b.md": "# 备份\n\n每晚的备份。\n"})
	if err := x.Embed(t.Context(), e, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	f, err := x.Search(t.Context(), staff("how far is the replica behind"))
	if err != nil || f.Mode != Hybrid || f.Model != "cjk" || len(f.Results) == 0 || f.Results[0].Passage.Doc.Path != "runbooks/a.md" {
		t.Errorf("%s by %s: %v, %v", f.Mode, f.Model, f.Results, err)
	}
}
