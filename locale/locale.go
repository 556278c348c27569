// Package locale holds every sentence people read in chat, console and report, in English and in
// Simplified Chinese.
//
// Code below the edges never words anything: a refusal travels as an id with arguments and is put
// into words here, in the reader's language, by whoever shows it. Command line help, logs and the
// messages of `check` are English and not here.
//
// Sentences live in sentences/AREA.yaml, one entry per id:
//
//	vote_of_requester:
//	  en: "{person} asked for this run, so their vote does not count."
//	  zh: "本次运行由{person}提出，其投票不计入。"
//	  hint: {en: "Ask somebody else with the approver role.", zh: "请另一位审批人投票。"}
//
// A hole in braces takes the argument of that name as it is. Holes named like a word of ours (state,
// verb, mode, role and so on) take the word in the reader's language where terms.yaml has one, except
// between backquotes, which hold what is typed. What is said in one language is said in both, with the
// same holes, and every id that code names exists: tests see to it.
//
// It refuses nothing at run time: a missing sentence reads as its id and a missing argument as its
// hole, so that a slip here never hides a refusal.
package locale

import (
	"embed"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/switchman-dr/switchman/dr"
	"go.yaml.in/yaml/v3"
)

// The languages there are.
const (
	English = "en"
	Chinese = "zh"
)

//go:embed sentences
var files embed.FS

type wording struct {
	EN string `yaml:"en"`
	ZH string `yaml:"zh"`
}

func (w wording) in(lang string) string {
	if lang == Chinese {
		return w.ZH
	}
	return w.EN
}

type sentence struct {
	wording `yaml:",inline"`
	Hint    wording `yaml:"hint"`
}

// sentences reads the embedded files once. A file that cannot be read leaves its ids unworded; the
// test that loads strictly fails on it.
var sentences = sync.OnceValue(func() map[string]sentence {
	all, _ := load(files)
	return all
})

// load reads every file and gathers what is wrong on the way.
func load(from fs.FS) (map[string]sentence, []error) {
	all := map[string]sentence{}
	var problems []error
	names, err := fs.Glob(from, "sentences/*.yaml")
	if err != nil {
		problems = append(problems, err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		area := map[string]sentence{}
		if err := yaml.Unmarshal(raw, &area); err != nil {
			problems = append(problems, errors.New(name+": "+err.Error()))
			continue
		}
		for id, s := range area {
			if _, twice := all[id]; twice {
				problems = append(problems, errors.New(name+": "+id+" stands in another file too"))
			}
			all[id] = s
		}
	}
	return all, problems
}

// IDs lists every sentence there is, sorted.
func IDs() []string { return slices.Sorted(maps.Keys(sentences())) }

// Has says whether there is a sentence.
func Has(id string) bool {
	_, ok := sentences()[id]
	return ok
}

// Language picks the nearest language there is: "zh-CN" reads Chinese, everything unknown English.
func Language(tag string) string {
	main, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	main, _, _ = strings.Cut(main, "_")
	if main == Chinese {
		return Chinese
	}
	return English
}

// Say words a sentence.
func Say(lang, id string, args dr.Args) string {
	s, ok := sentences()[id]
	if !ok {
		return id
	}
	lang = Language(lang)
	return fill(lang, s.in(lang), args)
}

// Hint words the next thing to do, "" where there is none.
func Hint(lang, id string, args dr.Args) string {
	lang = Language(lang)
	return fill(lang, sentences()[id].Hint.in(lang), args)
}

// Error words an error: sentence and hint of its id, else the text it brought along. Anything nobody
// foresaw reads as one neutral sentence; its {ref} takes the argument "ref" of the error and else
// stays for the edge to fill with the reference it logged.
func Error(lang string, err error) (message, hint string) {
	var e *dr.Error
	switch {
	case err == nil:
		return "", ""
	case !errors.As(err, &e), e.ID == "" && e.Message == "", e.ID != "" && !Has(e.ID) && e.Message == "":
		var args dr.Args
		if e != nil {
			args = e.Args
		}
		return Say(lang, "unexpected_ref", args), Hint(lang, "unexpected_ref", args)
	case e.ID == "" || !Has(e.ID):
		return e.Message, e.Hint
	}
	message, hint = Say(lang, e.ID, e.Args), Hint(lang, e.ID, e.Args)
	if e.Hint != "" {
		hint = e.Hint
	}
	return message, hint
}

// Term is one of our words in the reader's language: Term("zh", "state", "running"). Words that have
// no other name read as they are.
func Term(lang, class, value string) string {
	s, ok := sentences()["term_"+class+"_"+value]
	if !ok {
		return value
	}
	return s.in(Language(lang))
}

// classOf names the words a hole takes.
func classOf(hole string) string {
	switch hole {
	case "state", "verb", "mode", "kind", "direction", "role", "environment", "fault", "surface":
		return hole
	case "roles":
		return "role"
	}
	return ""
}

// fill puts arguments into holes.
func fill(lang, text string, args dr.Args) string {
	var b strings.Builder
	typed := false // between backquotes
	for text != "" {
		at := strings.IndexAny(text, "{`")
		if at < 0 {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		if text[0] == '`' {
			typed = !typed
			b.WriteByte('`')
			text = text[1:]
			continue
		}
		end := strings.IndexByte(text, '}')
		if end < 0 {
			break
		}
		hole := text[1:end]
		value, given := args[hole]
		switch {
		case !given:
			value = text[:end+1]
		case !typed:
			value = terms(lang, classOf(hole), value)
		}
		b.WriteString(value)
		text = text[end+1:]
	}
	b.WriteString(text)
	return b.String()
}

// terms translates a word or a list of words with commas.
func terms(lang, class, value string) string {
	if class == "" {
		return value
	}
	words := strings.Split(value, ",")
	for i, w := range words {
		words[i] = Term(lang, class, strings.TrimSpace(w))
	}
	if lang == Chinese {
		return strings.Join(words, "、")
	}
	return strings.Join(words, ", ")
}
