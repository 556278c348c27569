package knowledge

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/switchman-dr/switchman/knowledge/encoder"
)

// hashing is a model of eight numbers that knows a word by its hash: good enough to tell texts apart,
// and to count what it is asked.
type hashing struct {
	dim   int
	calls atomic.Int64
	fail  atomic.Pointer[error]
}

func (h *hashing) vector(text string) ([]float32, error) {
	h.calls.Add(1)
	if err := h.fail.Load(); err != nil {
		return nil, *err
	}
	v := make([]float32, h.dim)
	v[0] = 0.1
	wordsOf(strings.ToLower(text), func(w string) {
		sum := fnv.New32a()
		sum.Write([]byte(w))
		v[sum.Sum32()%uint32(h.dim)]++
	})
	encoder.Unit(v)
	return v, nil
}

func (h *hashing) embedder(name string) *Embedder {
	return &Embedder{Name: name, Digest: name, Dim: h.dim, Share: 0.5,
		Query: func(_ context.Context, text string) ([]float32, error) { return h.vector(text) },
		Passage: func(_ context.Context, heading, body string) ([][]float32, error) {
			a, err := h.vector(heading + " " + body)
			b, err2 := h.vector(body)
			return [][]float32{a, b}, errors.Join(err, err2)
		}}
}

// indexed reads files into a new index.
func indexed(t *testing.T, o Options, files map[string]string) *Index {
	t.Helper()
	x := New(o)
	if _, err := x.Sync(t.Context(), sourceOf(files)); err != nil {
		t.Fatal(err)
	}
	return x
}

func found(t *testing.T, x *Index, q Query) string {
	t.Helper()
	f, err := x.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range f.Results {
		out = append(out, fmt.Sprintf("%s:%d", strings.TrimPrefix(r.Passage.Doc.Path, "runbooks/"), r.Passage.Start))
	}
	return strings.Join(out, " ")
}

func staff(text string) Query { return Query{Text: text, Audience: []string{Internal}} }

func sample() map[string]string {
	return map[string]string{
		"lag.md":      "---\nalerts: [ReplicationLagHigh]\nsystems: [ledger]\n---\n# Standby behind\n\nThe standby database is behind.\n\n## Measure\n\nAsk for the lag:\n\n```\nshow lag\n```\n",
		"cache.md":    "---\naudience: public\n---\n# Cache\n\nFlush the cache with care: error RDS-0042 means it is full.\n",
		"password.md": "---\naudience: role:manager\n---\n# Break glass\n\nThe envelope with the password is in the safe.\n",
		"zh/证书.md":    "# 更换证书\n\n到期前三十天更换证书。\n",
	}
}

func TestSearch(t *testing.T) {
	x := indexed(t, Options{}, sample())
	manager := Query{Text: "where is the password", Audience: []string{Internal, "role:manager"}}
	tests := []struct {
		name string
		q    Query
		want string
	}{
		{"by a word", staff("how do I flush the cache?"), "cache.md:4"},
		{"by its stem", staff("measuring lags"), "lag.md:9"},
		{"by an error code", staff("RDS-0042"), "cache.md:4"},
		{"in Chinese", staff("证书怎么更换"), "zh/证书.md:1"},
		{"what may not be seen", staff("where is the password"), ""},
		{"what a manager may see", manager, "password.md:4"},
		{"from outside", Query{Text: "standby cache"}, "cache.md:4"},
		{"no word at all", staff("?!"), ""},
		{"nothing", staff(""), ""},
		{"unknown words", staff("zyxwvu"), ""},
		{"alert by name", Query{Kind: Alert, Audience: []string{Internal}, Signal: Signal{Name: "ReplicationLagHigh"}}, "lag.md:9"},
		{"alert by link", Query{Kind: Alert, Audience: []string{Internal}, Signal: Signal{RunbookURL: "https://wiki.example/cache.html"}}, "cache.md:4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := found(t, x, tt.q); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestSystem: of two runbooks that say the same, that of the system asked about comes first.
func TestSystem(t *testing.T) {
	x := indexed(t, Options{}, map[string]string{"a.md": "---\nsystems: ledger\n---\nrestart it\n", "b.md": "---\nsystems: [payments]\n---\nrestart it\n"})
	for system, want := range map[string]string{"": "a.md:4 b.md:4", "payments": "b.md:4 a.md:4", "ledger": "a.md:4 b.md:4"} {
		q := staff("restart")
		q.System = system
		if got := found(t, x, q); got != want {
			t.Errorf("system %q: %q, want %q", system, got, want)
		}
	}
}

// TestHugeQuestion: ten megabytes are answered like their beginning, at once.
func TestHugeQuestion(t *testing.T) {
	x := indexed(t, Options{}, sample())
	if got := found(t, x, staff("cache "+strings.Repeat("字\x00 \u202e word", 1<<20))); !strings.HasPrefix(got, "cache.md") {
		t.Errorf("found %q", got)
	}
}

// TestSync: what has not changed is not read again, what is gone is not found, ids stay with their heading.
func TestSync(t *testing.T) {
	files := sample()
	x := indexed(t, Options{}, files)
	_, before, _ := x.Document([]string{Internal}, "runbooks/lag.md")
	files["lag.md"] = strings.Replace(files["lag.md"], "show lag", "show the lag in bytes", 1)
	delete(files, "cache.md")
	c, err := x.Sync(t.Context(), sourceOf(files))
	if err != nil || c.Read != 1 || c.Gone != 1 || c.Documents != 3 {
		t.Errorf("change %+v, %v", c, err)
	}
	_, after, _ := x.Document([]string{Internal}, "runbooks/lag.md")
	if before[1].ID != after[1].ID || before[1].Digest == after[1].Digest || before[0].Digest != after[0].Digest {
		t.Errorf("passages before %+v, after %+v", before[1], after[1])
	}
	if p, ok := x.Passage([]string{Internal}, after[1].ID); !ok || p != after[1] {
		t.Errorf("passage by id: %v", p)
	}
	if got := found(t, x, staff("flush cache")); got != "" {
		t.Errorf("found %q, which is gone", got)
	}
	s := sourceOf(files)
	s.Commit = "abc"
	if c, err = x.Sync(t.Context(), s, s); err != nil || c.Read != 0 || len(c.Problems) != 3 {
		t.Errorf("the same folder twice: %+v, %v", c, err)
	}
	if d, _, _ := x.Document([]string{Internal}, "runbooks/lag.md"); d.Commit != "abc" {
		t.Errorf("the commit is %q", d.Commit)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Sync(gone, sourceOf(nil)); err == nil || len(x.Documents([]string{Internal})) != 2 {
		t.Errorf("a broken-off reading took the place of what was there: %v", err)
	}
}

// TestWhole: questions during re-indexing see the old or the new, never half.
func TestWhole(t *testing.T) {
	write := func(word string) Source {
		m := fstest.MapFS{}
		for i := range 20 {
			m[fmt.Sprintf("%02d.md", i)] = &fstest.MapFile{Data: []byte("# Page\n\ncommon " + word + "\n")}
		}
		return Source{Name: "r", FS: m, Audience: []string{Public}}
	}
	x := New(Options{})
	if _, err := x.Sync(t.Context(), write("odd")); err != nil {
		t.Fatal(err)
	}
	var askers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		askers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				f, err := x.Search(context.Background(), Query{Text: "common", Limit: 20})
				words := map[string]bool{}
				for _, r := range f.Results {
					words[r.Passage.Text] = true
				}
				if err != nil || len(f.Results) != 20 || len(words) != 1 {
					t.Errorf("%d results of %d kinds, %v", len(f.Results), len(words), err)
					return
				}
			}
		})
	}
	for i := range 20 {
		if _, err := x.Sync(t.Context(), write([]string{"even", "odd"}[i%2])); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	askers.Wait()
}

// TestAudience: what somebody may not see does not exist: every answer is that of an index which never
// read it, to the last digit of its confidence.
func TestAudience(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vocabulary := []string{"standby", "lag", "cache", "flush", "restart", "ledger", "failover", "证书", "延迟"}
		labels := []string{Public, Internal, "role:manager", "team:database"}
		words := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 12)
		all, seen := map[string]string{}, map[string]string{}
		may := rapid.SliceOfDistinct(rapid.SampledFrom(labels[1:]), func(s string) string { return s }).Draw(t, "may")
		for i := range rapid.IntRange(0, 12).Draw(t, "documents") {
			label := rapid.SampledFrom(labels).Draw(t, "label")
			text := fmt.Sprintf("---\naudience: %s\n---\n# %s\n\n%s\n\n## %s\n\n%s\n", label, strings.Join(words.Draw(t, "title"), " "),
				strings.Join(words.Draw(t, "text"), " "), strings.Join(words.Draw(t, "heading"), " "), strings.Join(words.Draw(t, "more"), " "))
			name := fmt.Sprintf("%02d.md", i)
			all[name] = text
			if label == Public || slices.Contains(may, label) {
				seen[name] = text
			}
		}
		model := &hashing{dim: 8}
		es := Embedders{Main: model.embedder("a"), CJK: model.embedder("b")}
		es.CJK.Centre = true
		models := es.list()
		if rapid.Bool().Draw(t, "words alone") {
			es, models = Embedders{}, nil
		}
		q := Query{Kind: rapid.SampledFrom([]Kind{Question, Alert}).Draw(t, "kind"), Text: strings.Join(words.Draw(t, "question"), " "), Audience: may}
		var answers []Found
		for _, files := range []map[string]string{all, seen} {
			x := New(Options{Embedders: es})
			if _, err := x.Sync(context.Background(), sourceOf(files)); err != nil {
				t.Fatal(err)
			}
			for _, e := range models {
				if err := x.Embed(context.Background(), e, func(int, int) {}); err != nil {
					t.Fatal(err)
				}
			}
			f, err := x.Search(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, f)
		}
		if a, b := told(answers[0]), told(answers[1]); a != b {
			t.Errorf("with hidden documents\n%s\nwithout\n%s", a, b)
		}
	})
}

// told is everything a person could learn from what was found.
func told(f Found) string {
	var b strings.Builder
	fmt.Fprintln(&b, f.Confidence, f.Mode, f.Abstain(), f.Scale, f.Signs)
	for _, r := range f.Results {
		fmt.Fprintln(&b, r.Passage.ID, r.Score, r.Words, r.Cosine, r.Named, r.Marks)
	}
	return b.String()
}

// TestEmbedding: words decide until all vectors are there; vectors are kept; a model that dies half-way,
// changes its dimension or answers nonsense leaves the words.
func TestEmbedding(t *testing.T) {
	files := map[string]string{}
	for i := range 30 {
		files[fmt.Sprintf("%02d.md", i)] = fmt.Sprintf("# Page %d\n\ntext about topic%d\n", i, i)
	}
	kept := map[string][][]float32{}
	keep := Keep{
		Load: func(_ context.Context, model string, each func(string, [][]float32) error) error {
			for p, w := range kept {
				if err := each(p, w); err != nil {
					return err
				}
			}
			return nil
		},
		Save: func(_ context.Context, model string, passages map[string][][]float32) error {
			maps.Copy(kept, passages)
			return nil
		},
	}
	mode := func(x *Index) Mode {
		f, err := x.Search(t.Context(), staff("topic7"))
		if err != nil || len(f.Results) == 0 || f.Results[0].Passage.Doc.Path != "runbooks/07.md" {
			t.Fatalf("found %+v, %v", f, err)
		}
		return f.Mode
	}
	model := &hashing{dim: 8}
	e := model.embedder("m")
	x := indexed(t, Options{Embedders: Embedders{Main: e}, Keep: keep}, files)
	if mode(x) != Lexical {
		t.Error("vectors took part before they were there")
	}
	half := errors.New("connection reset")
	err := x.Embed(t.Context(), e, func(done, of int) {
		if done == 20 {
			model.fail.Store(&half)
		}
	})
	if !errors.Is(err, half) || mode(x) != Lexical || len(kept) != 20 {
		t.Errorf("a model that dies half-way: %v, %s, %d kept", err, mode(x), len(kept))
	}
	model.fail.Store(nil)
	model.calls.Store(0)
	if err := x.Embed(t.Context(), e, func(int, int) {}); err != nil || mode(x) != Hybrid || model.calls.Load() != 20+1 {
		t.Errorf("going on: %v, %d calls", err, model.calls.Load())
	}
	model.fail.Store(&half)
	if mode(x) != Lexical {
		t.Error("a model that does not answer a question was waited for or believed")
	}
	model.fail.Store(nil)

	files["07.md"] = "# Page 7\n\ntext about topic7 and its end\n"
	if _, err := x.Sync(t.Context(), sourceOf(files)); err != nil || mode(x) != Hybrid {
		t.Errorf("an edit dropped the vectors of all: %v", err)
	}

	again := indexed(t, Options{Embedders: Embedders{Main: e}, Keep: keep}, files)
	model.calls.Store(0)
	if err := again.Recall(t.Context()); err != nil || again.Missing(e) != 0 || mode(again) != Hybrid || model.calls.Load() != 1 {
		t.Errorf("after a restart: %v, %d missing, %d calls", err, again.Missing(e), model.calls.Load())
	}

	model.dim = 12 // the service behind the name was exchanged
	if mode(again) != Lexical {
		t.Error("vectors of two dimensions met")
	}
	wider := model.embedder("m")
	other := indexed(t, Options{Embedders: Embedders{Main: wider}, Keep: keep}, files)
	if err := other.Embed(t.Context(), wider, func(int, int) {}); err != nil || mode(other) != Hybrid {
		t.Errorf("a model of another dimension: %v", err)
	}
}

func TestWrongVectors(t *testing.T) {
	nan := float32(0)
	nan /= nan
	for name, v := range map[string][]float32{"short": {1}, "long vector": {3, 0}, "no number": {nan, 0}, "nothing": {0, 0}} {
		e := &Embedder{Name: name, Digest: name, Dim: 2, Passage: func(context.Context, string, string) ([][]float32, error) { return [][]float32{v}, nil }}
		x := indexed(t, Options{Embedders: Embedders{Main: e}}, sample())
		if err := x.Embed(t.Context(), e, func(int, int) {}); err == nil {
			t.Errorf("%s: a vector %v was taken", name, v)
		}
	}
	if err := (&Embedder{}).fits(); err == nil {
		t.Error("no vector was taken for some")
	}
}
