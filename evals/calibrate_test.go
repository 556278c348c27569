//go:build !race

package evals

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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

// signsOf are what a scale goes by.
func signsOf(scale string) []string {
	switch {
	case strings.HasPrefix(scale, "alert"):
		return []string{"document", "margin"}
	case strings.Contains(scale, "lexical"):
		return []string{"document", "strange"}
	}
	return []string{"cosine", "document", "strange"}
}

// TestCalibrate fits the scales of confidence anew when asked to; it is no test of anything without.
func TestCalibrate(t *testing.T) {
	if *calibrateOn == "" {
		return
	}
	rows := rowsOf(t)
	c := knowledge.Calibration{Scales: map[string]knowledge.Scale{}, Fitted: "Logistic regression (answered and unanswered cases count alike, L2 0.001) " +
		"on the labelled cases of a public evaluation set of 1,244 runbooks of eight teams and of evals/, by go test ./evals -run Calibrate -calibrate DIR. " +
		"auroc, abstain and refused are of cases left out of the fit: five folds, drawn four times; spread is the standard error of auroc (Hanley and McNeil). " +
		"abstain keeps nine of ten answered cases."}
	for name, all := range rows {
		if standsIn[name] != "" {
			continue
		}
		s, scores := scale(all, signsOf(name))
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
	type tally struct{ all, refused int }
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
		}
	}
	for g, c := range groups {
		t.Logf("%s: %s: refuses %d of %d", name, g, c.refused, c.all)
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
		x := ready(t, es, packed.Before(knowledge.Keep{}), knowledge.Source{FS: runbooks})
		rows(t, x, cases(t, questionsFile, unanswerableFile), "sample", out)
	}
	return out
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

// rows asks cases and adds what spoke for each answer. Words alone cannot find what is written in another
// language, so those cases have no part in their scales.
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
		group := cmp.Or(c.Variant, c.Origin)
		crosses := c.Kind == "question" && (c.Lang == "zh") != (c.Scope == "zh")
		if from == "sample" {
			crosses = false
			if c.Answerable {
				group = languages(t, c)
				crosses = group == "en→zh" || group == "zh→en"
			}
		}
		if !c.Answerable {
			group = "unanswerable"
		}
		if found.Mode == knowledge.Lexical && crosses {
			continue
		}
		out[found.Scale] = append(out[found.Scale], row{strings.Join([]string{from, c.Scope, c.Kind, group, c.Lang}, " "), found.Signs, c.Answerable})
	}
}
