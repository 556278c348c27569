package evals

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/switchman-dr/switchman/data"
	"github.com/switchman-dr/switchman/knowledge"
)

// everybody is every audience the sample's runbooks name: the set measures search, not who may see.
var everybody = []string{knowledge.Internal, "role:admin", "role:approver", "role:code_issuer", "role:commander", "role:operator", "role:observer", "team:audit"}

// indexed reads the sample runbooks into an index that goes by words alone.
func indexed(t testing.TB) (*knowledge.Index, knowledge.Change) {
	t.Helper()
	folder, err := fs.Sub(data.FS(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	x := knowledge.New(knowledge.Options{})
	change, err := x.Sync(t.Context(), knowledge.Source{FS: folder})
	if err != nil {
		t.Fatal(err)
	}
	return x, change
}

// A figure is what a group of cases reached.
type figure struct {
	cases, first, five   int // right document at rank 1, among the first five
	sections, sectionHit int // cases that name a section, and those with it among the first five
}

// measure asks every case and counts by group.
func measure(t testing.TB, x *knowledge.Index, all []Case, groupOf func(Case) string) (map[string]*figure, []asked) {
	t.Helper()
	figures := map[string]*figure{}
	var confidence []asked
	for _, c := range all {
		q := knowledge.Query{Text: c.Question, Audience: everybody}
		if c.Alert != nil {
			q = knowledge.Query{Kind: knowledge.Alert, Signal: knowledge.SignalOf(c.Alert.Labels, c.Alert.Annotations), Audience: everybody}
		}
		found, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		confidence = append(confidence, asked{c, found.Confidence, found.Abstain()})
		if !c.Answerable {
			continue
		}
		f := figures[groupOf(c)]
		if f == nil {
			f = &figure{}
			figures[groupOf(c)] = f
		}
		f.count(c, found.Results)
	}
	return figures, confidence
}

// asked is a case with the confidence its answer had, and whether it was refused.
type asked struct {
	Case
	confidence float64
	refused    bool
}

// count scores one answer: documents rank by their best passage.
func (f *figure) count(c Case, results []knowledge.Result) {
	f.cases++
	var docs []string
	rank, section := 0, false
	for i, r := range results {
		doc := r.Passage.Doc.Path
		if !slices.Contains(docs, doc) {
			docs = append(docs, doc)
		}
		for _, g := range c.Gold {
			if g.Doc != doc {
				continue
			}
			if rank == 0 {
				rank = len(docs)
			}
			section = section || i < 5 && g.Start > 0 && overlaps(g, r.Passage.Start, r.Passage.End)
		}
	}
	if rank == 1 {
		f.first++
	}
	if rank > 0 && rank <= 5 {
		f.five++
	}
	if slices.ContainsFunc(c.Gold, func(g Gold) bool { return g.Start > 0 }) {
		f.sections++
		if section {
			f.sectionHit++
		}
	}
}

// overlaps says whether a passage shares half of the lines of the shorter of the two.
func overlaps(g Gold, start, end int) bool {
	common := min(g.End, end) - max(g.Start, start) + 1
	return 2*common >= min(g.End-g.Start, end-start)+1
}
