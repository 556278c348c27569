package knowledge

import (
	"cmp"
	"slices"
)

// mix gives each candidate its score: words and meaning, each as a share of the best there is, and the
// document as a whole. What is written in the other script steps back by how much of the question its own
// documents hold, and a name that was searched for goes first.
func (w *view) mix(a ask, all []candidate) {
	var words, whole float64
	var cosine [2]float64
	for _, c := range all {
		words, whole = max(words, c.words), max(whole, c.whole)
		s := w.passages[c.passage].script
		cosine[s] = max(cosine[s], c.cosine)
	}
	document, shares := wholeShare(a.kind), w.shares(a, all)
	for i := range all {
		c := &all[i]
		s := w.passages[c.passage].script
		c.share = (1-document)*part(c.words, words) + document*part(c.whole, whole)
		c.score = (1-shares[s])*c.share + shares[s]*part(c.cosine, cosine[s])
	}
	back := w.stepBack(a, all)
	for i := range all {
		c := &all[i]
		if w.passages[c.passage].script != a.script {
			c.score *= back
		}
		if c.named {
			c.score += namedBonus
		}
		if a.system != "" && slices.Contains(w.docs[w.docOf[c.passage]].Systems, a.system) {
			c.score += systemBonus
		}
	}
	if a.byName() >= onlyName {
		w.fromTheTop(all)
	} else if a.kind == Question {
		w.within(a, all)
	}
}

// within puts the passages of each document in an order of its own, and leaves the documents where they are:
// what comes after the deed, its proof, whom to call, what not to do, is rarely what was asked for, unless it
// was. Between documents that tells nothing.
func (w *view) within(a ask, all []candidate) {
	of, wanted := map[uint32][]int{}, make([]float64, len(all))
	for i, c := range all {
		d := w.docOf[c.passage]
		of[d] = append(of[d], i)
		wanted[i] = c.score
		if p := w.passages[c.passage]; p.aside && !w.askedFor(a, p) {
			wanted[i] -= asideStep
		}
	}
	for _, members := range of {
		scores := make([]float64, len(members))
		for n, i := range members {
			scores[n] = all[i].score
		}
		slices.Sort(scores)
		slices.SortStableFunc(members, func(x, y int) int { return cmp.Compare(wanted[x], wanted[y]) })
		for n, i := range members {
			all[i].score = scores[n]
		}
	}
}

// askedFor says whether a question holds a word of the innermost heading.
func (w *view) askedFor(a ask, p *Passage) bool {
	has := map[term]bool{}
	wordsOf(p.Headings[len(p.Headings)-1], func(word string) {
		for _, form := range formsOf(word) {
			if t, ok := w.known(form); ok {
				has[t] = true
			}
		}
	})
	return slices.ContainsFunc(a.needs, func(n need) bool { return n.metBy(has) })
}

// fromTheTop has the passages of documents that carry the name come in the order in which they are read: who
// says nothing but a name has not asked about a part.
func (w *view) fromTheTop(all []candidate) {
	top := map[uint32]float64{}
	for _, c := range all {
		d := w.docOf[c.passage]
		top[d] = max(top[d], c.score)
	}
	for i := range all {
		if c := &all[i]; c.named {
			d := w.docOf[c.passage]
			c.score = top[d] - stepDown*float64(c.passage-w.firstOf[d])
		}
	}
}

// What counts beside the passage itself. Measured on labelled cases, and coarse on purpose: the figures
// near them do as well.
const (
	namedBonus  = 1 // a document of the very name comes before any other
	systemBonus = 0.1
	onlyName    = 0.66 // of a question, by rarity: it is nothing but a name
	asideStep   = 0.1
	stepDown    = 1e-3 // from a passage to the next, read from the top
	lookedAt    = 3    // passages whose words tell how much of the question words find
	swing       = 0.2  // what the share of the vectors is moved by, between words that find all and none
	acrossShare = 0.6  // of the vectors where question and passage are of two scripts
	acrossMost  = 1.15 // of its score, what such a passage keeps when own documents hold nothing of the question
	acrossWords = 1    // the same, where words alone decide
	acrossStep  = 0.3  // and what it loses of that when the best of them holds all
	acrossMore  = 0.6  // and what it wins where documents of the other script hold all, those of the own nothing
)

// wholeShare is how much of the words' part goes by the whole document, so that a good page lifts its
// passages. A question is spread over a page more often than what an alert says.
func wholeShare(k Kind) float64 {
	if k == Alert {
		return 0.2
	}
	return 0.35
}

// shares is what the vectors count for on each side. Somebody who asks in the runbooks' own words is
// better served by these, somebody who describes what they see by meaning; how much of the question the
// best passages hold tells the two apart. What an alert says is a text of its own and crosses scripts by
// its names.
func (w *view) shares(a ask, all []candidate) (out [2]float64) {
	for s, side := range a.sides {
		switch {
		case side == nil:
		case a.kind == Alert:
			out[s] = cmp.Or(side.e.AlertShare, side.e.Share)
		case script(s) != a.script:
			out[s] = acrossShare
		default:
			out[s] = min(1, max(0, side.e.Share+swing*(0.5-w.coverage(a, all))))
		}
	}
	return out
}

// coverage is how much of the question, by rarity, one of the first passages by words holds in its very
// words.
func (w *view) coverage(a ask, all []candidate) float64 {
	var first [lookedAt]candidate
	for _, c := range all {
		for i := range first {
			if c.words > first[i].words {
				first[i], c = c, first[i]
			}
		}
	}
	most := 0.0
	for _, c := range first {
		if c.words > 0 {
			most = max(most, a.literally(w.passages[c.passage]))
		}
	}
	return most
}

// stepBack is what passages in the other script than the question's keep of their score. Nothing tells
// for sure in which language the answer is; what the documents of either hold of the question, in its own
// words or by others that mean the same, speaks for them.
func (w *view) stepBack(a ask, all []candidate) float64 {
	keeps := acrossMost
	switch {
	case a.kind == Alert || w.scripts[latin] == 0 || w.scripts[han] == 0:
		return 1
	case a.sides[latin] == nil || a.sides[han] == nil:
		keeps = acrossWords
	}
	var first candidate
	var most [2]float64
	for _, c := range all {
		s := w.passages[c.passage].script
		most[s] = max(most[s], a.holds[w.docOf[c.passage]])
		if s == a.script && c.score > first.score {
			first = c
		}
	}
	return keeps - acrossStep*a.holds[w.docOf[first.passage]] + acrossMore*(most[1-a.script]-most[a.script])
}

func part(of, most float64) float64 {
	if most <= 0 {
		return 0
	}
	return of / most
}
