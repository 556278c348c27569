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
	seen, strange := map[term]int{}, map[string]bool{}
	wordsOf(a.text, func(word string) {
		if a.kind == Question && len(partsOf(word)) > 1 {
			a.names = append(a.names, fold(word))
		}
		s := latin
		if cjkWord(word) {
			s = han
		}
		for _, form := range formsOf(word) {
			t, ok := w.words.known(form)
			if units, _ := w.parts.postings(t); !ok || len(units) == 0 {
				if !strange[form] {
					strange[form] = true
					a.unknown[s]++
				}
				continue
			}
			if at, again := seen[t]; again {
				a.terms[at].tf++
				continue
			}
			seen[t] = len(a.terms)
			a.terms, a.of = append(a.terms, entry{t, 1}), append(a.of, s)
		}
	})
	return a
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

// carriers are the documents that carry a name of the query.
func (w *view) carriers(a ask) map[uint32]bool {
	out := map[uint32]bool{}
	for _, name := range a.names {
		if carriers := w.named[name]; len(carriers) <= common {
			for _, d := range carriers {
				out[uint32(d)] = true
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
