package bot

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// talk is what was asked last in one talk.
type talk struct {
	leaning
	at time.Time
}

const (
	talkStays = 10 * time.Minute // how long a question can be a follow-up to the one before
	leansMost = 2                // how many questions back one leans at most
)

// leaning is a question with those it makes no sense without, the newest first; mostly there are none.
type leaning struct {
	question string
	before   []string
}

// lean finds out what a question leans on, and remembers it for the next one of the talk. A question that is
// complete on its own begins a subject of its own: nothing from before it is carried any further.
func (l *Library) lean(q Question) leaning {
	is := leaning{question: q.Text, before: q.before}
	if q.Talk == "" {
		return is
	}
	now := l.cfg.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.talks[q.Talk]
	if known && now.Sub(last.at) <= talkStays && follows(q.Text) {
		is.before = append([]string{last.question}, last.before...)
		is.before = is.before[:min(len(is.before), leansMost)]
	}
	if !q.aside {
		l.goesOn(q.Talk, is, now)
	}
	return is
}

// goesOn remembers what was asked last in a talk. The lock is held.
func (l *Library) goesOn(name string, is leaning, now time.Time) {
	if len(l.talks) > recentMost {
		clear(l.talks)
	}
	l.talks[name] = talk{leaning: is, at: now}
}

// text is what is searched for without a model: the words of the question, and those of the ones before,
// each of which counts half as much as what was asked after it. A name takes the place of those before it: who
// asks about PostgreSQL, "and on MySQL?", wants to hear of MySQL.
func (l leaning) text() string {
	var b strings.Builder
	replaced := len(namesIn(l.question)) > 0
	for i, text := range append([]string{l.question}, l.before...) {
		if i > 0 && replaced {
			for _, name := range namesIn(text) {
				text = strings.ReplaceAll(text, name, " ")
			}
		}
		for range 1 << (len(l.before) - i) {
			b.WriteString(text)
			b.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// namesIn are the words of a text that are names by the way they are written: a capital letter within, or at
// the beginning of a word that does not begin the text; in Chinese every word in Latin script.
func namesIn(text string) []string {
	chinese := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	var out []string
	begins := true
	for _, word := range strings.FieldsFunc(text, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}) {
		capital := strings.IndexFunc(word, unicode.IsUpper)
		if capital > 0 || capital == 0 && !begins && word != "I" || chinese && unicode.IsLetter(rune(word[0])) {
			out = append(out, word)
		}
		begins = false
	}
	return out
}

// whole is the question as a model is asked it where it was not rewritten: after those it leans on.
func (l leaning) whole() string {
	all := slices.Clone(l.before)
	slices.Reverse(all)
	return strings.Join(append(all, l.question), "\n")
}

// follows says whether a question leans on the one before. It goes by how people go on talking: an addition,
// a bare question word, a preposition and what it governs, or a pronoun whose noun is not in the question.
// Where that is not plain, the question is taken as complete: words of another subject do more harm than
// words that are missed.
func follows(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return followsChinese(text)
	}
	clause, _, more := cutFunc(text, func(r rune) bool { return strings.ContainsRune(".?!,;:", r) })
	whole := strings.Fields(text)
	words := strings.Fields(clause)
	if len(words) == 0 {
		return false
	}
	for _, start := range []string{"and ", "and,", "but ", "then ", "also ", "ok, ", "okay, ", "what about ", "how about ", "what if "} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	switch n := len(whole); {
	case more && n > 6: // what a pronoun stands for may be in the sentence before
		return false
	case n <= 2 && in(words[0], "why", "how", "who", "when", "where", "which", "what", "whose", "step"):
		return true
	case in(words[0], "for", "on", "in", "with", "without", "at", "during", "after", "before", "from", "only"):
		return n <= 5
	}
	if last := words[len(words)-1]; len(whole) <= 6 && in(last, "next", "else", "afterwards", "instead") {
		return true
	}
	return len(whole) <= 9 && points(words)
}

// points says whether a pronoun stands for something outside the question.
func points(words []string) bool {
	for i, w := range words {
		last := i == len(words)-1
		switch {
		case in(w, "they", "them", "those", "these", "one", "ones"):
			return true
		case in(w, "that", "this") && (last || i == 1 || i == len(words)-2):
			return true
		case w == "it" && i > 0 && in(words[i-1], "is", "was", "be") && !last: // "is it safe to" points at nothing
			return !slices.Contains(words[i:], "to")
		case w == "it":
			return true
		}
	}
	return false
}

func in(word string, of ...string) bool { return slices.Contains(of, word) }

// cutFunc parts a text at the first sign of a kind; more: something is said after it.
func cutFunc(text string, is func(rune) bool) (before, after string, more bool) {
	at := strings.IndexFunc(text, is)
	if at < 0 {
		return text, "", false
	}
	after = strings.TrimFunc(text[at:], func(r rune) bool { return is(r) || unicode.IsSpace(r) })
	return text[:at], after, after != ""
}

// followsChinese is the same for Chinese.
func followsChinese(text string) bool {
	clause, _, more := cutFunc(text, func(r rune) bool { return strings.ContainsRune("，。？！；：,.?!;:", r) })
	whole := strings.TrimRight(text, "？?。！! ")
	n := utf8.RuneCountInString(whole)
	for _, start := range []string{"那么", "那就", "那要", "那怎", "那如", "那该", "那能", "那谁", "然后", "还有", "接着", "另外", "但是", "不过", "如果", "要是"} {
		if strings.HasPrefix(text, start) {
			return n <= 12 || !in(start, "如果", "要是", "另外") && n <= 20
		}
	}
	switch {
	case strings.HasSuffix(whole, "呢"):
		return n <= 12 && !more
	case more || n > 14:
		return false
	case n <= 5 && containsAny(whole, "为什么", "为何", "多久", "谁", "怎么", "哪", "什么", "几"):
		return !strings.ContainsFunc(whole, func(r rune) bool { return r < unicode.MaxASCII && unicode.IsLetter(r) }) // a name makes it complete
	}
	return containsAny(clause, "它", "这个", "这样", "这些", "这一步", "这步", "那个", "那样", "那些", "上面", "刚才", "前面说")
}

func containsAny(text string, any ...string) bool {
	return slices.ContainsFunc(any, func(s string) bool { return strings.Contains(text, s) })
}
