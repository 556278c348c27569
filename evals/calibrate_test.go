//go:build !race

package evals

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
	"github.com/switchman-dr/switchman/store"
)

var (
	calibrateOn = flag.String("calibrate", "", "fit knowledge/calibration.json on the sample and on the labelled cases of `DIR`, with its folders corpus and dev")
	keptIn      = flag.String("kept", "", "`DIR` to keep the vectors of that corpus in, as eval retrieval does")
)

const calibrationFile = "../knowledge/calibration.json"

// standsIn are the scales nobody has cases for, and the one each is taken from.
var standsIn = map[string]string{"alert hybrid cjk": "alert hybrid", "alert lexical cjk": "alert lexical"}

// signsOf are what a scale goes by, chosen by what they did for questions left out of the fit. How large a
// library is was no help to Chinese, nor to words alone.
func signsOf(scale string) []string {
	switch scale {
	case "question hybrid":
		return []string{"near", "both", "near across", "latin strange", "held", "size"}
	case "question hybrid cjk":
		return []string{"near first", "near", "across", "latin strange", "held"}
	case "question lexical":
		return []string{"document", "latin strange"}
	case "question lexical cjk":
		return []string{"document", "held", "latin strange", "han strange"}
	}
	return []string{"document", "margin"}
}

// TestCalibrate fits the scales of confidence anew when asked to; it is no test of anything without.
func TestCalibrate(t *testing.T) {
	if *calibrateOn == "" {
		return
	}
	rows := rowsOf(t)
	c := knowledge.Calibration{Scales: map[string]knowledge.Scale{}, Fitted: "Logistic regression (each library, and in it the answered and the other cases, count alike; L2 0.001) " +
		"on the labelled cases of a public evaluation set of 1,244 runbooks of eight teams and of evals/, by go test ./evals -run Calibrate -calibrate DIR. " +
		"auroc, abstain and refused are of cases left out of the fit: five folds by question, drawn four times; spread is the standard error of auroc (Hanley and McNeil). " +
		"abstain costs least if an answer where there is none costs three refusals of what is answered (of alerts one and a half), and one question in four, or alert in six, has no answer."}
	for name, all := range rows {
		if standsIn[name] != "" {
			continue
		}
		wrongCosts, inVain := policy(name)
		s, scores := scale(all, signsOf(name), wrongCosts, inVain)
		s.Refused = told(t, name, all, scores, s.Abstain)
		c.Scales[name] = s
	}
	for name, like := range standsIn {
		s := c.Scales[like]
		s.Refused = "not fitted: there are no cases; " + like + " stands in"
		c.Scales[name] = s
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(calibrationFile, append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// told says what a threshold does, and how each group fares.
func told(t *testing.T, name string, rows []row, scores []float64, abstain float64) string {
	type tally struct{ all, refused, found, lost int }
	var total [2]tally
	groups := map[string]*tally{}
	for i, r := range rows {
		if groups[r.group] == nil {
			groups[r.group] = &tally{}
		}
		for _, c := range []*tally{groups[r.group], &total[side(r)]} {
			c.all++
			if scores[i] < abstain {
				c.refused++
			}
			if r.first {
				c.found++
			}
			if r.first && scores[i] < abstain {
				c.lost++
			}
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		c := groups[g]
		t.Logf("%s: %s: refuses %d of %d; of %d with the right runbook first, %d", name, g, c.refused, c.all, c.found, c.lost)
	}
	return fmt.Sprintf("%d of %d unanswerable, %d of %d answerable", total[0].refused, total[0].all, total[1].refused, total[1].all)
}

// rowsOf asks every case there is, with the models and by words alone, and gives the rows of each scale.
func rowsOf(t *testing.T) map[string][]row {
	out := map[string][]row{}
	models, shut, err := knowledge.Builtin(models(t))
	if err != nil {
		t.Fatal(err)
	}
	defer shut() //nolint:errcheck // only read
	st, err := store.Open(t.Context(), store.Options{Dir: cmp.Or(*keptIn, t.TempDir()), Organisation: "eval", Environment: dr.Sample, Clock: dr.Clock{Now: time.Now, After: time.After}})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // only read
	packed, err := knowledge.Unpack(data.Vectors())
	if err != nil {
		t.Fatal(err)
	}
	runbooks, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := filepath.Glob(filepath.Join(*calibrateOn, "dev", "*.jsonl"))
	if err != nil || len(dev) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	asked := cases(t, dev...)
	for _, es := range []knowledge.Embedders{models, {}} {
		for _, scope := range []string{"en", "zh"} {
			x := ready(t, es, knowledge.KeepIn(st), folders(t, scope)...)
			rows(t, x, slices.DeleteFunc(slices.Clone(asked), func(c Case) bool { return c.Scope != scope }), "dev", out)
		}
		for name, part := range map[string]fs.FS{"sample": runbooks, "sample en": writtenIn(t, runbooks, "en"), "sample zh": writtenIn(t, runbooks, "zh")} {
			x := ready(t, es, packed.Before(knowledge.Keep{}), knowledge.Source{FS: part})
			here := func(c Case) bool { return !c.Answerable || holds(x, c) }
			rows(t, x, slices.DeleteFunc(cases(t, questionsFile, unanswerableFile), func(c Case) bool { return !here(c) }), name, out)
		}
	}
	for _, rs := range out {
		slices.SortStableFunc(rs, func(a, b row) int { return strings.Compare(a.group, b.group) })
	}
	return out
}

// writtenIn are the runbooks of one language: most organisations have no others.
func writtenIn(t *testing.T, all fs.FS, lang string) fs.FS {
	out := fstest.MapFS{}
	err := fs.WalkDir(all, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(all, name)
		if chinese(string(raw)) == (lang == "zh") {
			out[name] = &fstest.MapFile{Data: raw}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// holds says whether the document that was meant is there.
func holds(x *knowledge.Index, c Case) bool {
	_, _, ok := x.Document(everybody, c.Gold[0].Doc)
	return ok
}

// ready is an index with all vectors there.
func ready(t *testing.T, es knowledge.Embedders, keep knowledge.Keep, sources ...knowledge.Source) *knowledge.Index {
	x := knowledge.New(knowledge.Options{Embedders: es, Keep: keep})
	if _, err := x.Sync(t.Context(), sources...); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*knowledge.Embedder{es.Main, es.CJK} {
		if e == nil {
			continue
		}
		if err := x.Embed(t.Context(), e, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// folders are the sources of a scope of the evaluation set.
func folders(t *testing.T, scope string) (out []knowledge.Source) {
	corpus := filepath.Join(*calibrateOn, "corpus")
	entries, err := os.ReadDir(corpus)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && (e.Name() == "kubesphere-zh") == (scope == "zh") {
			out = append(out, knowledge.Source{Name: e.Name(), FS: os.DirFS(filepath.Join(corpus, e.Name())), Audience: []string{knowledge.Public}, Foreign: true})
		}
	}
	return out
}

// rows asks cases and adds what spoke for each answer.
func rows(t *testing.T, x *knowledge.Index, all []Case, from string, out map[string][]row) {
	for _, c := range all {
		q := knowledge.Query{Text: c.Question, Audience: everybody}
		if c.Alert != nil {
			q = knowledge.Query{Kind: knowledge.Alert, Signal: knowledge.SignalOf(c.Alert.Labels, c.Alert.Annotations), Audience: everybody}
		}
		found, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		group, library := cmp.Or(c.Variant, c.Origin), from+" "+c.Scope
		if from != "dev" && c.Answerable {
			group = languages(t, c)
		}
		if !c.Answerable {
			group = "unanswerable"
		}
		if c.Kind == "alert" {
			library = "all" // one library has those without a runbook
		}
		first := slices.ContainsFunc(c.Gold, func(g Gold) bool { return len(found.Results) > 0 && g.Doc == found.Results[0].Passage.Doc.Path })
		out[found.Scale] = append(out[found.Scale], row{c.ID, library, strings.Join([]string{from, c.Scope, c.Kind, group, c.Lang}, " "), found.Signs, c.Answerable, first})
	}
}
