package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
)

// evalGroup is how one group of cases fared.
type evalGroup struct {
	Group     string  `json:"group"`
	Cases     int     `json:"cases"`
	R1        float64 `json:"r1"`
	R3        float64 `json:"r3"`
	R5        float64 `json:"r5"`
	MRR       float64 `json:"mrr"`
	Sections  int     `json:"sections"`     // cases that name a section
	SectionR5 float64 `json:"section_r5"`   // how often it is among the first five passages
	R5Gain    gain    `json:"r5_gain"`      // over plain BM25F
	S5Gain    gain    `json:"section_gain"` // the same of sections
	Abstained int     `json:"abstained"`
	AUROC     float64 `json:"auroc,omitempty"` // of a group of unanswerable cases: how well the confidence tells it from its answerable ones
}

// gain is what a ranking wins over plain BM25F on the same cases, and its standard error in pairs: a loss of
// more than two of them is a defect.
type gain struct {
	Mean  float64 `json:"mean"`
	Error float64 `json:"se"`
}

// gainOf compares hits, case by case.
func gainOf(ours, plain []bool) gain {
	n, won, lost := float64(len(ours)), 0.0, 0.0
	for i := range ours {
		switch {
		case ours[i] && !plain[i]:
			won++
		case plain[i] && !ours[i]:
			lost++
		}
	}
	if n == 0 {
		return gain{}
	}
	mean := (won - lost) / n
	return gain{mean, math.Sqrt(max(0, (won+lost)/n-mean*mean) / n)}
}

func (g gain) String() string { return fmt.Sprintf("%+.3f±%.3f", g.Mean, g.Error) }

// groupOf names the group of a case.
func groupOf(c evalCase) string {
	if !c.Answerable {
		return cmp.Or(c.Scope, "en") + " " + c.Kind + " unanswerable " + c.Lang
	}
	return cmp.Or(c.Scope, "en") + " " + c.Kind + " " + cmp.Or(c.Variant, c.Origin) + " " + c.Lang
}

// evalGroups scores the lines, by group in the order of their names.
func evalGroups(cases []evalCase, lines []evalLine) []evalGroup {
	byName := map[string][]int{}
	for i, c := range cases {
		byName[groupOf(c)] = append(byName[groupOf(c)], i)
	}
	var out []evalGroup
	for name, members := range byName {
		g := evalGroup{Group: name, Cases: len(members)}
		var documents, sections [2][]bool // ours and plain
		for _, i := range members {
			g.add(cases[i], lines[i])
			for k, results := range [][]evalResult{lines[i].Results, lines[i].plain} {
				documents[k] = append(documents[k], docRank(cases[i], results) > 0 && docRank(cases[i], results) <= 5)
				if cases[i].hasSection() {
					sections[k] = append(sections[k], sectionAmong(cases[i], results))
				}
			}
		}
		g.R5Gain, g.S5Gain = gainOf(documents[0], documents[1]), gainOf(sections[0], sections[1])
		g.R1, g.R3, g.R5, g.MRR = g.R1/float64(g.Cases), g.R3/float64(g.Cases), g.R5/float64(g.Cases), g.MRR/float64(g.Cases)
		if g.Sections > 0 {
			g.SectionR5 /= float64(g.Sections)
		}
		if c := cases[members[0]]; !c.Answerable {
			g.AUROC = auroc(cases, lines, c)
		}
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b evalGroup) int { return cmp.Compare(a.Group, b.Group) })
	return out
}

func (g *evalGroup) add(c evalCase, line evalLine) {
	if line.Abstained {
		g.Abstained++
	}
	if rank := docRank(c, line.Results); rank > 0 {
		g.MRR += 1 / float64(rank)
		for most, count := range map[int]*float64{1: &g.R1, 3: &g.R3, 5: &g.R5} {
			if rank <= most {
				*count++
			}
		}
	}
	if c.hasSection() {
		g.Sections++
		if sectionAmong(c, line.Results) {
			g.SectionR5++
		}
	}
}

func (c evalCase) hasSection() bool {
	return slices.ContainsFunc(c.Gold, func(o goldOf) bool { return o.Start > 0 })
}

// sectionAmong says whether a right section is among the first five passages.
func sectionAmong(c evalCase, results []evalResult) bool {
	return slices.ContainsFunc(results[:min(5, len(results))], func(r evalResult) bool {
		return slices.ContainsFunc(c.Gold, func(o goldOf) bool { return o.covers(r) })
	})
}

// docRank is the place of the first right document, each counted once; 0: it is not there.
func docRank(c evalCase, results []evalResult) int {
	var docs []string
	for _, r := range results {
		if slices.Contains(docs, r.Doc) {
			continue
		}
		docs = append(docs, r.Doc)
		if slices.ContainsFunc(c.Gold, func(o goldOf) bool { return o.Doc == r.Doc }) {
			return len(docs)
		}
	}
	return 0
}

// covers says whether a passage is the section: at least half of the shorter of the two lies in both.
func (o goldOf) covers(r evalResult) bool {
	shared := min(o.End, r.End) - max(o.Start, r.Start) + 1
	return o.Start > 0 && o.Doc == r.Doc && r.chars <= 4000 && 2*shared >= min(o.End-o.Start, r.End-r.Start)+1
}

// auroc is how often an answerable case of the same scope, kind and language has more confidence than
// an unanswerable one; 0.5 is a coin, 0 means that there is nothing to compare.
func auroc(cases []evalCase, lines []evalLine, like evalCase) float64 {
	same := func(c evalCase) bool { return c.Scope == like.Scope && c.Kind == like.Kind && c.Lang == like.Lang }
	wins, pairs := 0.0, 0.0
	for i, c := range cases {
		if !c.Answerable || !same(c) {
			continue
		}
		for j, d := range cases {
			if d.Answerable || !same(d) {
				continue
			}
			pairs++
			switch {
			case lines[i].Confidence > lines[j].Confidence:
				wins++
			case lines[i].Confidence == lines[j].Confidence:
				wins += 0.5
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	return wins / pairs
}

func evalTable(w io.Writer, groups []evalGroup) {
	t := table{head: []string{"GROUP", "CASES", "R@1", "R@3", "R@5", "OVER BM25F", "MRR", "SECTION R@5", "OVER BM25F", "ABSTAINED", "AUROC"}}
	for _, g := range groups {
		section, sections, area := "-", "-", "-"
		if g.Sections > 0 {
			section, sections = share(g.SectionR5), g.S5Gain.String()
		}
		if g.AUROC > 0 {
			area = share(g.AUROC)
		}
		t.add(g.Group, fmt.Sprint(g.Cases), share(g.R1), share(g.R3), share(g.R5), g.R5Gain.String(), share(g.MRR), section, sections, fmt.Sprint(g.Abstained), area)
	}
	t.print(w, narrow+60)
}

func share(v float64) string { return fmt.Sprintf("%.3f", v) }
