package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

func evalCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use:     "eval",
		Short:   "Measure Switchman on labelled cases",
		Example: "  switchman eval retrieval --corpus ./corpus --cases dev.jsonl --out found.jsonl",
	}
	c.AddCommand(evalRetrievalCommand(sh), evalAlertsCommand(sh), evalStormsCommand(sh))
	return c
}

// evalWishes are the flags of eval retrieval.
type evalWishes struct {
	corpus, out, embedder, vectors string
	cases                          []string
}

func evalRetrievalCommand(sh *shell) *cobra.Command {
	var want evalWishes
	c := &cobra.Command{
		Use:   "retrieval",
		Short: "Measure how well runbooks are found for questions and alerts",
		Long: `Search a corpus for labelled questions and alerts, by the code that answers people and alerts.

A case with scope en is asked of every folder below the corpus but kubesphere-zh, one with scope zh
of that one only. For each case the output holds one line with the passages found, how confident
Switchman is, and whether it would have said that the runbooks don't know. The table for people
counts documents: R@1 and R@5 are how often a right one is the first, or among the first five. OVER BM25F
is what the column before it wins over plain BM25F on the same cases, with its standard error in
pairs: a loss of more than two of them is a defect.

--vectors keeps what the encoder made, so that a second run takes seconds.`,
		Example: "  switchman eval retrieval --corpus ./corpus --cases a.jsonl,b.jsonl --out found.jsonl\n" +
			"  switchman eval retrieval --corpus ./corpus --cases a.jsonl --out found.jsonl --embedder none",
		RunE: func(cmd *cobra.Command, _ []string) error { return sh.evalRetrieval(cmd.Context(), want) },
	}
	f := c.Flags()
	f.StringVar(&want.corpus, "corpus", "", "`DIR` with one folder for each source")
	f.StringSliceVar(&want.cases, "cases", nil, "`FILE` with cases, one JSON object a line; several with commas")
	f.StringVar(&want.out, "out", "", "`FILE` to write one line for each case to")
	f.StringVar(&want.embedder, "embedder", "", "`NAME`: builtin, or none for words alone (default: builtin if its weights are there)")
	f.StringVar(&want.vectors, "vectors", "", "`DIR` to keep vectors in between runs")
	need(c, "corpus", "cases", "out")
	return c
}

// evalCase is one labelled case.
type evalCase struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Scope      string `json:"scope"`
	Variant    string `json:"variant"`
	Origin     string `json:"origin"`
	Lang       string `json:"lang"`
	Question   string `json:"question"`
	Answerable bool   `json:"answerable"`
	Alert      struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alert"`
	Gold []goldOf `json:"gold"`
}

// goldOf is a right document, and the section in it where the case names one.
type goldOf struct {
	Doc   string `json:"doc"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// evalLine is what is written of a case.
type evalLine struct {
	ID         string       `json:"id"`
	Results    []evalResult `json:"results"`
	Confidence float64      `json:"confidence"`
	Abstained  bool         `json:"abstained"`
	TookMS     float64      `json:"took_ms"`
	plain      []evalResult // by BM25F alone
}

type evalResult struct {
	Doc   string  `json:"doc"`
	Start int     `json:"start"`
	End   int     `json:"end"`
	Score float64 `json:"score"`
	chars int
}

// chineseSource is the folder that scope zh means, and scope en does not.
const chineseSource = "kubesphere-zh"

func (sh *shell) evalRetrieval(ctx context.Context, want evalWishes) (err error) {
	var cases []evalCase
	for _, name := range want.cases {
		more, err := readCases(name)
		if err != nil {
			return err
		}
		cases = append(cases, more...)
	}
	es, shut, err := sh.embedders(want.embedder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shut()) }()
	keep, done, err := sh.keepIn(ctx, want.vectors)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	lines := make([]evalLine, len(cases))
	for _, scope := range []string{"en", "zh"} {
		if err := sh.evalScope(ctx, want.corpus, scope, es, keep, cases, lines); err != nil {
			return err
		}
	}
	if err := writeLines(want.out, lines); err != nil {
		return err
	}
	groups := evalGroups(cases, lines)
	return sh.show(map[string]any{"cases": len(cases), "groups": groups}, func(w io.Writer) { evalTable(w, groups) })
}

// evalScope asks the cases of one scope.
func (sh *shell) evalScope(ctx context.Context, corpus, scope string, es knowledge.Embedders, keep knowledge.Keep, cases []evalCase, lines []evalLine) error {
	mine := func(c evalCase) bool { return cmp.Or(c.Scope, "en") == scope }
	if !slices.ContainsFunc(cases, mine) {
		return nil
	}
	sources, done, err := evalSources(corpus, scope)
	if err != nil {
		return err
	}
	x := knowledge.New(knowledge.Options{Embedders: es, Keep: keep})
	change, err := x.Sync(ctx, sources...)
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	for _, p := range change.Problems {
		sh.note("not read: %s", p)
	}
	needs := func(e *knowledge.Embedder) bool { // encoding a corpus takes minutes: not with a model no case would use
		return scope == "zh" || slices.ContainsFunc(cases, func(c evalCase) bool { return mine(c) && es.For(c.Question) == e })
	}
	if err := sh.embedFor(ctx, x, es, needs); err != nil {
		return err
	}
	for i, c := range cases {
		if !mine(c) {
			continue
		}
		if lines[i], err = sh.evalOne(ctx, x, c); err != nil {
			return fmt.Errorf("asking case %s: %w", c.ID, err)
		}
	}
	return nil
}

// embedFor makes the vectors of the models that are needed.
func (sh *shell) embedFor(ctx context.Context, x *knowledge.Index, es knowledge.Embedders, needs func(*knowledge.Embedder) bool) error {
	for _, e := range []*knowledge.Embedder{es.Main, es.CJK} {
		if e == nil || !needs(e) {
			continue
		}
		last := -1
		err := x.Embed(ctx, e, func(done, of int) {
			if percent := 10 * done / of; percent != last {
				last = percent
				sh.note("%s: %d of %d passages encoded", e.Name, done, of)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (sh *shell) evalOne(ctx context.Context, x *knowledge.Index, c evalCase) (evalLine, error) {
	q := knowledge.Query{Kind: knowledge.Question, Text: c.Question}
	if c.Kind == "alert" {
		q = knowledge.Query{Kind: knowledge.Alert, Signal: knowledge.SignalOf(c.Alert.Labels, c.Alert.Annotations)}
	}
	begun := sh.term.clock.Now()
	found, err := x.Search(ctx, q)
	if err != nil {
		return evalLine{}, err
	}
	line := evalLine{ID: c.ID, Results: []evalResult{}, Confidence: found.Confidence, Abstained: found.Abstain(),
		TookMS: float64(sh.term.clock.Now().Sub(begun)) / float64(time.Millisecond)}
	line.Results, line.plain = append(line.Results, evalResults(found.Results)...), evalResults(x.Plain(q))
	return line, nil
}

func evalResults(found []knowledge.Result) (out []evalResult) {
	for _, r := range found {
		out = append(out, evalResult{Doc: r.Passage.Doc.Path, Start: r.Passage.Start, End: r.Passage.End, Score: r.Score,
			chars: utf8.RuneCountInString(r.Passage.Text)})
	}
	return out
}

func evalSources(corpus, scope string) (sources []knowledge.Source, done func() error, err error) {
	entries, err := os.ReadDir(corpus)
	if err != nil {
		return nil, nil, dr.Errorf(dr.NotFound, "the corpus cannot be read: %v", err).WithHint("--corpus names a directory with one folder for each source")
	}
	var open []func() error
	done = func() error {
		var all error
		for _, f := range open {
			all = errors.Join(all, f())
		}
		return all
	}
	for _, e := range entries {
		if !e.IsDir() || (e.Name() == chineseSource) != (scope == "zh") {
			continue
		}
		files, shut, err := knowledge.Folder(filepath.Join(corpus, e.Name()))
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		open = append(open, shut)
		sources = append(sources, knowledge.Source{Name: e.Name(), FS: files, Audience: []string{knowledge.Public}, Foreign: true})
	}
	return sources, done, nil
}

func readCases(name string) (cases []evalCase, err error) {
	h, err := os.Open(name)
	if err != nil {
		return nil, dr.Errorf(dr.NotFound, "the cases cannot be read: %v", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	lines := bufio.NewScanner(h)
	lines.Buffer(nil, 4<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var c evalCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, dr.Errorf(dr.Invalid, "%s:%d: %v", name, n, err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return cases, nil
}

func writeLines[T any](name string, lines []T) (err error) {
	h, err := os.Create(name)
	if err != nil {
		return dr.Errorf(dr.Usage, "the output cannot be written: %v", err)
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	w := bufio.NewWriter(h)
	for _, line := range lines {
		raw, err := encodeJSON(line)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", raw)
	}
	return w.Flush()
}

// keepIn keeps vectors in a store of their own, so that measuring again is quick.
func (sh *shell) keepIn(ctx context.Context, dir string) (knowledge.Keep, func() error, error) {
	if dir == "" {
		return knowledge.Keep{}, func() error { return nil }, nil
	}
	st, err := store.Open(ctx, store.Options{Dir: dir, Organisation: "eval", Environment: dr.Sample, Clock: sh.term.clock})
	if err != nil {
		return knowledge.Keep{}, nil, err
	}
	return knowledge.KeepIn(st), st.Close, nil
}
