package llm_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/llm/llmfake"
)

func TestEmbeddings(t *testing.T) {
	vector := func(n int) func(int, string) []float64 {
		return func(i int, _ string) []float64 {
			v := make([]float64, n)
			v[i%n], v[0] = 3, v[0]+4
			return v
		}
	}
	raw := func(data string) llmfake.Answer { return llmfake.Status(200, `{"object":"list","data":`+data+`}`) }
	texts := make([]string, 150)
	for i := range texts {
		texts[i] = fmt.Sprintf("passage %d", i)
	}
	well := llmfake.Embeds(vector(8))
	for _, c := range []struct {
		name    string
		answers []llmfake.Answer
		texts   []string
		want    int
		kind    llm.Kind
		hits    int
	}{
		{name: "well", answers: []llmfake.Answer{well}, texts: texts, hits: 3},
		{name: "as many dimensions as known", answers: []llmfake.Answer{well}, texts: texts[:3], want: 8, hits: 1},
		{name: "other dimensions than known", answers: []llmfake.Answer{well}, texts: texts, want: 384, kind: llm.Mismatch, hits: 1},
		{name: "other dimensions on the way", answers: []llmfake.Answer{well, llmfake.Embeds(vector(9))}, texts: texts, kind: llm.Mismatch, hits: 2},
		{name: "dies half-way", answers: []llmfake.Answer{well, well, llmfake.Status(500, "")}, texts: texts, kind: llm.Unreachable, hits: 4},
		{name: "too few", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[1,0]}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "one twice", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[1,0]}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "unknown place", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[1,0]},{"index":7,"embedding":[1,0]}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "of two lengths", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1,0,0]}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "null", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[1,0]},{"index":1,"embedding":null}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "zeros", answers: []llmfake.Answer{raw(`[{"index":0,"embedding":[0,0]},{"index":1,"embedding":[1,0]}]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "nothing", answers: []llmfake.Answer{raw(`[]`)}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "error with 200", answers: []llmfake.Answer{llmfake.Status(200, llmfake.Problem("server_error", ""))}, texts: texts[:2], kind: llm.Mismatch, hits: 1},
		{name: "half a body", answers: []llmfake.Answer{llmfake.Status(200, `{"data":[{"index":0,"embe`)}, texts: texts[:2], kind: llm.Broken, hits: 1},
		{name: "empty body", answers: []llmfake.Answer{llmfake.Status(200, "")}, texts: texts[:2], kind: llm.Broken, hits: 1},
		{name: "page", answers: []llmfake.Answer{llmfake.Page(200)}, texts: texts[:2], kind: llm.Broken, hits: 1},
		{name: "not built in", answers: []llmfake.Answer{llmfake.Status(501, "")}, texts: texts[:2], kind: llm.Unknown, hits: 1},
		{name: "wants time", answers: []llmfake.Answer{llmfake.Status(429, "", "Retry-After: 3"), well}, texts: texts[:2], hits: 2},
		{name: "nothing to embed", answers: []llmfake.Answer{well}, texts: []string{"a", " \n"}, kind: llm.Mismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, nil, c.answers...)
			got, err := b.Embed(t.Context(), c.texts, c.want)
			if llm.KindOf(err) != c.kind || (err == nil) != (c.kind == "") || len(b.server.Asked()) != c.hits {
				t.Errorf("ended %v after %d requests, want %q after %d", err, len(b.server.Asked()), c.kind, c.hits)
			}
			if err != nil && got != nil || err == nil && len(got) != len(c.texts) {
				t.Errorf("%d vectors for %d texts", len(got), len(c.texts))
			}
			for _, v := range got {
				sum := 0.0
				for _, x := range v {
					sum += float64(x) * float64(x)
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Fatalf("a vector of length %f", math.Sqrt(sum))
				}
			}
		})
	}
	t.Run("in any order", func(t *testing.T) {
		b := newBench(t, nil, raw(`[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[2,0]}]`))
		got, err := b.Embed(t.Context(), texts[:2], 0)
		if err != nil || got[0][0] != 1 || got[1][1] != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("masked, and of bearable length", func(t *testing.T) {
		b := newBench(t, nil, well)
		if _, err := b.Embed(t.Context(), []string{"the-loaded-secret " + strings.Repeat("字", 20_000)}, 0); err != nil {
			t.Fatal(err)
		}
		if sent := b.server.Asked()[0]; strings.Contains(sent.Raw, "the-loaded-secret") || len([]rune(sent.Input[0])) != 6000 {
			t.Errorf("sent %d characters", len([]rune(sent.Input[0])))
		}
		b.quiet(t, nil)
	})
}
