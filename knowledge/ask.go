package knowledge

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// ask reads a query: its terms with how often each is meant, and the names in it. A word that stands only
// where the asker may not look is as unknown as one nobody has ever written.
func (w *view) ask(q Query) ask {
	a := ask{kind: q.Kind, system: q.System}
	if a.kind == "" {
		a.kind = Question
	}
	texts := []string{q.Text}
	if a.kind == Alert {
		texts = append([]string{q.Signal.Name, q.Signal.Name}, q.Signal.Texts...)
		if q.Text != "" {
			texts = append(texts, q.Text)
		}
		if q.Signal.Name != "" {
			a.names = append(a.names, fold(q.Signal.Name))
		}
		if name := pageOf(q.Signal.RunbookURL); name != "" {
			a.names = append(a.names, name)
		}
	}
	a.text = strings.TrimSpace(Safe(shorten(strings.Join(texts, "\n"), longestAsk)))
	a.script = scriptOfAsk(a.text)
	w.needs(&a)
	a.holds = w.holdings(a)
	return a
}

// needs reads what a query needs out of its words.
func (w *view) needs(a *ask) {
	var heard []spot
	var borders map[string]bool
	if a.kind == Question {
		heard, borders = theGlossary().heard(a.text)
	}
	at := map[string]int{} // form → its need
	var all []string
	wordsOf(a.text, func(word string) { all = append(all, word) })
	for i, word := range all {
		name := false
		if a.kind == Question {
			name = w.name(a, word)
		}
		s := latin
		if cjkWord(word) {
			s = han
		}
		for _, form := range formsOf(word) {
			t, ok := w.known(form)
			if !ok && (borders[form] || i > 0 && leansOn(all[i-1], word) || i+1 < len(all) && leansOn(all[i+1], word)) {
				continue
			}
			n, again := at[form]
			if !again {
				n = len(a.needs)
				at[form], a.needs = n, append(a.needs, need{term: t, known: ok, script: s})
			}
			a.needs[n].times++
			a.needs[n].name = a.needs[n].name || name
		}
	}
	for _, n := range a.needs {
		if n.known {
			a.terms = append(a.terms, entry{n.term, n.times})
		}
	}
	a.own = len(a.terms)
	w.widen(a, heard, at)
	for i := range a.needs {
		a.needs[i].worth = w.worth(a.needs[i])
	}
}

// leansOn says whether a pair of Chinese signs stands across the border of a word that says nothing: of 怎么处理 the
// second pair means nothing.
func leansOn(silence, word string) bool {
	if !cjkWord(word) || !silent[silence] {
		return false
	}
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	begins, _ := utf8.DecodeRuneInString(silence)
	ends, _ := utf8.DecodeLastRuneInString(silence)
	return ends == first || begins == last
}

// need is what a question wants to be told of: one of its words, by whatever other words for it.
type need struct {
	term   term
	known  bool // some passage in view holds the very word
	script script
	times  float32
	others [][]term // each of them together says the same
	worth  float64
	name   bool // of something that carries it, or the code of an error
}

// worth is how rare what is needed is. What nobody has ever written is the rarest, unless it is written in
// other words.
func (w *view) worth(n need) float64 {
	if n.known {
		return w.parts.idf(n.term)
	}
	least := rarity(0, len(w.passages))
	for _, other := range n.others {
		sum := 0.0
		for _, t := range other {
			sum += w.parts.idf(t)
		}
		least = min(least, sum/float64(len(other)))
	}
	return least
}

// strange says that nothing in view tells of it.
func (n need) strange() bool { return !n.known && len(n.others) == 0 }

// metBy says whether one of the ways to say what is needed is among these terms.
func (n need) metBy(has map[term]bool) bool {
	if n.known && has[n.term] {
		return true
	}
	return slices.ContainsFunc(n.others, func(other []term) bool {
		return !slices.ContainsFunc(other, func(t term) bool { return !has[t] })
	})
}

// byName is how much of a question, by rarity, are names.
func (a ask) byName() float64 {
	sum := 0.0
	for _, n := range a.needs {
		if n.name {
			sum += n.worth
		}
	}
	return part(sum, a.rarities())
}

// shorten cuts a text at a sign's border.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// pageOf is the name of the page an alert's runbook_url leads to.
func pageOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return ""
	}
	if u.Fragment != "" {
		return fold(u.Fragment)
	}
	base := path.Base(strings.TrimSuffix(u.Path, "/"))
	return fold(strings.TrimSuffix(base, path.Ext(base)))
}

// common is how many documents may carry a name for it still to be one: "Overview" is none.
const common = 10

// name notes a word of a question that is a name or the code of an error, and says whether something in view
// carries it.
func (w *view) name(a *ask, word string) bool {
	if len(partsOf(word)) > 1 {
		a.names = append(a.names, fold(word))
	}
	code, ok := codeOf(word)
	if ok {
		a.codes = append(a.codes, code)
	}
	carried := func(n int) bool { return n > 0 && n <= common }
	return carried(len(w.named[fold(word)])) && len(partsOf(word)) > 1 || ok && carried(len(w.coded[code]))
}

// codeOf is a word as the code of an error, which it is if it has three digits: 1236, ORA-01555.
func codeOf(word string) (string, bool) {
	digits := 0
	for i := range len(word) {
		if digit(word[i]) {
			digits++
		}
	}
	return strings.ToLower(word), digits >= 3
}

// carriers are the passages that carry a name of the query, or that are part of a document that does.
func (w *view) carriers(a ask) map[uint32]bool {
	out := map[uint32]bool{}
	for _, name := range a.names {
		if carriers := w.named[name]; len(carriers) <= common {
			for _, d := range carriers {
				for p := w.firstOf[d]; p < w.firstOf[d+1]; p++ {
					out[p] = true
				}
			}
		}
	}
	for _, code := range a.codes {
		if carriers := w.coded[code]; len(carriers) <= common {
			for _, p := range carriers {
				out[p] = true
			}
		}
	}
	return out
}

// SignalOf reads what an alert says of itself, as Alertmanager and its like send it.
func SignalOf(labels, annotations map[string]string) Signal {
	s := Signal{Name: labels["alertname"], RunbookURL: cmp.Or(annotations["runbook_url"], annotations["runbook"])}
	for _, key := range []string{"summary", "title", "message", "description"} {
		if text := annotations[key]; text != "" && !slices.Contains(s.Texts, text) {
			s.Texts = append(s.Texts, text)
		}
	}
	return s
}
