package knowledge

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// view is the index over what one audience may see, as if nothing else had ever been read.
type view struct {
	docs     []*Document
	passages []*Passage
	docOf    []uint32 // of each passage
	firstOf  []uint32 // passage of each document; one more than there are documents
	words    *lexicon
	parts    *lexical            // over passages
	wholes   *wholes             // over documents
	named    map[string][]int    // name, folded → documents that carry it
	coded    map[string][]uint32 // error code → passages that have it in their heading
	scripts  [2]int              // passages of each
	dense    [2][2]*dense        // by embedder and script: nil until all their vectors are there
	scores   sync.Pool           // *[]float32 as long as there are passages
}

// newView makes it; before is the same view before an edit, nil where there is none.
func newView(books []*book, audience []string, words *lexicon, v *vault, es Embedders, before *view) *view {
	w := &view{words: words, named: map[string][]int{}, coded: map[string][]uint32{}}
	for _, b := range books {
		if !visible(b.doc, audience) {
			continue
		}
		w.firstOf = append(w.firstOf, uint32(len(w.passages)))
		for range b.passages {
			w.docOf = append(w.docOf, uint32(len(w.docs)))
		}
		w.passages = append(w.passages, b.passages...)
		w.docs = append(w.docs, b.doc)
	}
	w.firstOf = append(w.firstOf, uint32(len(w.passages)))
	w.index(words.size(), es, v, before)
	w.scores.New = func() any { s := make([]float32, len(w.passages)); return &s }
	return w
}

// index makes the parts of a view that need nothing of each other, on as many processors as there are. What
// words find is as it was before when nothing but vectors came.
func (w *view) index(terms int, es Embedders, v *vault, before *view) {
	var all sync.WaitGroup
	if before != nil && slices.Equal(w.passages, before.passages) && slices.Equal(w.docs, before.docs) {
		w.parts, w.wholes, w.named, w.coded = before.parts, before.wholes, before.named, before.coded
	} else {
		all.Go(w.nameAll)
		all.Go(func() {
			w.parts = newLexical(terms, w.passages)
			w.wholes = newWholes(w.parts, w.passages, w.docOf, w.firstOf)
		})
	}
	for i, e := range es.list() {
		for s := range w.scripts {
			var was *dense
			if before != nil {
				was = before.dense[i][s]
			}
			if i >= s { // a model for Latin script is never asked about Chinese passages
				all.Go(func() { w.dense[i][s] = newDense(w.passages, script(s), e, v, was) })
			}
		}
	}
	for _, p := range w.passages {
		w.scripts[p.script]++
	}
	all.Wait()
}

// nameAll notes what documents are called: in front matter, by their file, by their title and, for a
// document about many alerts, by its headings; and the error codes in these.
func (w *view) nameAll() {
	for d, doc := range w.docs {
		all := append([]string{doc.Title, strings.TrimSuffix(path.Base(doc.Path), path.Ext(doc.Path))}, doc.Alerts...)
		for p := w.firstOf[d]; p < w.firstOf[d+1]; p++ {
			all = append(all, w.passages[p].Headings...)
			w.code(p)
		}
		for _, n := range all {
			key := fold(n)
			if list := w.named[key]; key != "" && (len(list) == 0 || list[len(list)-1] != d) {
				w.named[key] = append(list, d)
			}
		}
	}
}

// code notes the error codes that a passage is headed by.
func (w *view) code(p uint32) {
	headings := w.passages[p].Headings
	if len(headings) == 0 {
		return
	}
	wordsOf(headings[len(headings)-1], func(word string) {
		if c, ok := codeOf(word); ok {
			if list := w.coded[c]; len(list) == 0 || list[len(list)-1] != p {
				w.coded[c] = append(list, p)
			}
		}
	})
}

// fold makes names comparable however they are written: case, dashes and blanks don't count.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '-', '_', ' ', '`':
			return -1
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}
