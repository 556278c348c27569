package knowledge

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const lagRunbook = `---
title: A standby falls behind
systems: [ledger]
owner: database
reviewed: 2026-05-01
---
# A standby falls behind

Normal is under a second.

## Measure the lag

On the primary, ask for the lag in bytes:

` + "```sql\nSELECT lag FROM pg_stat_replication;\n```" + `

The network is never to blame.

## Catch up

Stop the batch first, then:

1. Pause the end-of-day batch.
2. Watch the lag for five minutes.
3. Start the batch again.
`

// marked lists spans in short.
func marked(spans []Span) string {
	var out []string
	for _, s := range spans {
		out = append(out, fmt.Sprintf("%d-%d %s", s.Start, s.End, s.Kind))
	}
	return strings.Join(out, ", ")
}

// TestMarks: the lines that answer are marked, with the code and the steps they announce.
func TestMarks(t *testing.T) {
	x := indexed(t, Options{}, map[string]string{"lag.md": lagRunbook, "other.md": "# Other\n\nunrelated words about certificates and queues\n"})
	for question, want := range map[string]string{
		"measure lag in bytes":            "lag.md 13-13 text, 15-17 code",
		"pause the end-of-day batch":      "lag.md 25-27 steps",
		"how do I catch up":               "lag.md 23-23 text, 25-27 steps",
		"SELECT from pg_stat_replication": "lag.md 13-13 text, 15-17 code", // no command without what stands before it
		"is the network to blame":         "lag.md 19-19 text",
		"certificates of queues, explain": "other.md 3-3 text",
	} {
		f, err := x.Search(t.Context(), staff(question))
		if err != nil || len(f.Results) == 0 {
			t.Fatal(question, err)
		}
		r := f.Results[0]
		if got := strings.TrimPrefix(r.Passage.Doc.Path, "runbooks/") + " " + marked(r.Marks); got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
		lines := strings.Split(r.Passage.Doc.Text, "\n")
		for _, s := range r.Marks {
			if want := strings.Join(lines[s.Start-1:s.End], "\n"); s.Text != want {
				t.Errorf("%s: lines %d to %d are %q, quoted as %q", question, s.Start, s.End, want, s.Text)
			}
		}
	}
}

func TestExtract(t *testing.T) {
	doc := &Document{Path: "runbooks/a.md", Title: "A", Systems: []string{"ledger"}, Reviewed: "2026-01-02", Owner: "ops", Digest: "d"}
	result := func(n int, score float64) Result {
		p := &Passage{ID: fmt.Sprint("p", n), Doc: doc, Headings: []string{"Part"}, Start: n, End: n + 1}
		return Result{Passage: p, Score: score, Marks: []Span{{Start: n + 1, End: n + 1, Kind: Steps, Text: "1. do"}}}
	}
	f := Found{Results: []Result{result(1, 1), result(5, 0.9), result(9, 0.5), result(13, 0.4)}, Confidence: 0.7, Mode: Hybrid, threshold: 0.5}
	a := Extract(f, "en", Freshness{})
	if a.Verdict != Answered || len(a.Parts) != 2 || len(a.Sources) != 2 || a.Parts[1].Source != 1 || a.Parts[0].Quote != "1. do" || a.Mode != "extractive" || a.Ranking != Hybrid {
		t.Errorf("answer %+v", a)
	}
	f.Confidence = 0.4
	a = Extract(f, "zh", Freshness{})
	if a.Verdict != NotInRunbooks || len(a.Parts) != 0 || len(a.Sources) != 3 || a.Lang != "zh" {
		t.Errorf("no answer: %+v", a)
	}
	raw, err := json.Marshal(Extract(Found{}, "en", Freshness{}))
	want := `{"verdict":"not_in_runbooks","lang":"en","answer":[],"sources":[],"confidence":0,"mode":"extractive","ranking":"","took_ms":0}`
	if err != nil || string(raw) != want {
		t.Errorf("nothing found: %s, %v", raw, err)
	}
}

func TestStale(t *testing.T) {
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	tests := []struct {
		name     string
		reviewed string
		fresh    Freshness
		want     []string
	}{
		{"no limit", "2020-01-01", Freshness{Now: now}, nil},
		{"fresh", "2026-11-01", Freshness{Now: now, MaxAge: 180 * day}, nil},
		{"old", "2026-01-01", Freshness{Now: now, MaxAge: 180 * day}, []string{StaleReview}},
		{"never", "", Freshness{Now: now, MaxAge: 180 * day}, []string{StaleNever}},
		{"changed since the drill", "", Freshness{Changed: map[string]time.Time{"a.md": now}, Drilled: map[string]time.Time{"ledger": now.Add(-day)}}, []string{StaleDrill}},
		{"drilled since the change", "", Freshness{Changed: map[string]time.Time{"a.md": now}, Drilled: map[string]time.Time{"ledger": now.Add(day)}}, nil},
		{"never drilled", "", Freshness{Changed: map[string]time.Time{"a.md": now}}, nil},
	}
	for _, tt := range tests {
		if got := tt.fresh.Stale(&Document{Path: "a.md", Systems: []string{"ledger"}, Reviewed: tt.reviewed}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestNamesTell: a question that is little more than the name of an alert is answered by the runbook that
// carries it, read from its top, and one with the code of an error by the section that is headed by it.
func TestNamesTell(t *testing.T) {
	x := indexed(t, Options{}, map[string]string{
		"lag.md":   "---\nalerts: [ReplicationBroken]\n---\n# Standby without news\n\nThe stream has ended.\n\n## Look\n\nAsk both sides.\n\n## Verify\n\nReplication is not broken any more.\n",
		"mysql.md": "# MySQL 复制停止\n\n## 错误 1062：数据不一致\n\n先不要跳过。\n\n## 错误 1236：日志已被清除\n\n重新搭建备库。\n",
		"other.md": "# Cleaning logs\n\nThe error log file says could not find first log file name, error and error again. An alert comes with it, and an alert after it: 处理。\n",
	})
	for question, want := range map[string]string{
		"ReplicationBroken":                    "lag.md",
		"ReplicationBroken alert":              "lag.md",
		"replication_broken":                   "lag.md",
		"Error 1236 could not find first file": "mysql.md › 错误 1236：日志已被清除",
		"错误1236怎么办":                            "mysql.md › 错误 1236：日志已被清除",
		"1062":                                 "mysql.md › 错误 1062：数据不一致",
	} {
		f, err := x.Search(t.Context(), staff(question))
		if err != nil || len(f.Results) == 0 {
			t.Fatal(question, err)
		}
		p := f.Results[0].Passage
		if got := strings.Join(append([]string{strings.TrimPrefix(p.Doc.Path, "runbooks/")}, p.Headings...), " › "); got != want || f.Abstain() {
			t.Errorf("%s: %s, refused %v (%.2f); want %s", question, got, f.Abstain(), f.Confidence, want)
		}
	}
	f, err := x.Search(t.Context(), staff("how do I paint the ReplicationBroken lamp of the third lorry green before Christmas"))
	if err != nil || f.Confidence >= nameTells {
		t.Errorf("a name among many other words tells: %.2f, %v", f.Confidence, err)
	}
}

// TestAsides: within a document, what comes after the deed steps back, unless it was asked for.
func TestAsides(t *testing.T) {
	x := indexed(t, Options{}, map[string]string{
		"queue.md": "# Queue grows\n\n## Slow readers\n\nThe queue grows when readers are slow: add readers.\n\n## Verify\n\nThe queue grows no more, readers are not slow.\n",
	})
	for question, want := range map[string]string{"queue grows, readers slow": "Slow readers", "how do I verify that the queue grows no more": "Verify"} {
		f, err := x.Search(t.Context(), staff(question))
		if err != nil || len(f.Results) == 0 || f.Results[0].Passage.Headings[0] != want {
			t.Errorf("%s: %+v, %v", question, f.Results, err)
		}
	}
}

// TestCalibration: the file has a scale for every way to search, over signs there are.
func TestCalibration(t *testing.T) {
	known := map[string]bool{"near": true, "near first": true, "near across": true, "across": true, "document": true, "both": true, "held": true, "margin": true, "size": true,
		"latin": true, "latin document": true, "latin strange": true, "han": true, "han document": true, "han strange": true}
	for _, name := range []string{"question hybrid", "question lexical", "question hybrid cjk", "question lexical cjk",
		"alert hybrid", "alert lexical", "alert hybrid cjk", "alert lexical cjk"} {
		s, ok := calibration().Scales[name]
		if !ok || s.Abstain <= 0 || s.Abstain >= 1 || s.Cases == 0 {
			t.Errorf("%s: %+v", name, s)
		}
		for sign := range s.Weights {
			if !known[sign] {
				t.Errorf("%s: there is no sign %q", name, sign)
			}
		}
	}
	for _, text := range []string{"zyxwvu", "?", "乒乓球"} {
		x := indexed(t, Options{}, map[string]string{"lag.md": lagRunbook})
		if f, err := x.Search(t.Context(), staff(text)); err != nil || !f.Abstain() {
			t.Errorf("%q is answered: %+v, %v", text, f, err)
		}
	}
}

func TestCells(t *testing.T) {
	model := &hashing{dim: 16}
	var vectors [][]float32
	for i := range cellFrom + 500 {
		v, err := model.vector(fmt.Sprintf("w%d w%d w%d", i%7, i%31, i%101))
		if err != nil {
			t.Fatal(err)
		}
		vectors = append(vectors, v)
	}
	c, err := newCells(vectors, vectors, nil)
	if err != nil || len(c.parts) < 2 {
		t.Fatalf("%d cells, %v", len(c.parts), err)
	}
	all := 0
	for _, p := range c.parts {
		all += p.Count()
	}
	if all != len(vectors) {
		t.Errorf("%d vectors in the cells, want %d", all, len(vectors))
	}
	for i := 0; i < len(vectors); i += 97 { // what is asked for by itself is found
		best := 0.0
		if err := c.query(t.Context(), vectors[i], 10, func(_ int, cosine float64) { best = max(best, cosine) }); err != nil || best < 0.999 {
			t.Errorf("vector %d: nearest %.3f, %v", i, best, err)
		}
	}
}
