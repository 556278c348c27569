package prompts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/redact"
)

// Shorten asks for the reasons of an advice in fewer words. A model may leave words out and do nothing else:
// what comes back is made of the facts alone, or it is not shown.
type Shorten struct {
	Lang  string
	Facts []string // sentences of ours, the most important first; at most [MaxFacts] are offered
	Own   []string // as in [Answer]
}

// MaxFacts is how many facts are offered to a model at most.
const MaxFacts = 8

// longestShort bounds a shortened text, in characters.
const longestShort = 240

// shortened is the shape of a reply.
type shortened struct {
	Facts []string `json:"facts"`
	Text  string   `json:"text"`
}

// Render fills the prompt.
func (s Shorten) Render(nonce string) (Request, error) {
	type fact struct{ ID, Text string }
	data := struct {
		IDs, Nonce string
		Facts      []fact
	}{Nonce: nonce}
	var ids []string
	for i, text := range s.offered() {
		ids = append(ids, factID(i))
		data.Facts = append(data.Facts, fact{factID(i), harmless(text, nonce, longestQuestion)})
	}
	if len(ids) == 0 {
		return Request{}, fmt.Errorf("rendering the prompt to shorten: no facts")
	}
	data.IDs = strings.Join(ids, ", ")
	r, err := fill("shorten", s.Lang, data)
	if err != nil {
		return Request{}, err
	}
	list, err := json.Marshal(ids)
	r.Schema = json.RawMessage(strings.Replace(string(r.Schema), `["ids"]`, string(list), 1))
	r.MaxTokens = 200
	return r, err
}

func (s Shorten) offered() []string { return s.Facts[:min(len(s.Facts), MaxFacts)] }

func factID(i int) string { return "F" + strconv.Itoa(i+1) }

// Read takes a model's reply. An error wraps [ErrReply] and means that our own words stay.
func (s Shorten) Read(text string) (string, error) {
	reply, err := parse[shortened](text)
	if err != nil {
		return "", err
	}
	var named []string
	for i, fact := range s.offered() {
		if slices.Contains(reply.Facts, factID(i)) {
			named = append(named, redact.Safe(fact))
		}
	}
	if len(named) == 0 || len(named) != len(reply.Facts) {
		return "", fmt.Errorf("%w: %s", ErrReply, NotOffered)
	}
	short := plain(reply.Text)
	if why := s.against(short, reply.Text, named); why != "" {
		return "", fmt.Errorf("%w: %s", ErrReply, why)
	}
	return short, nil
}

// against says what speaks against a shortened text.
func (s Shorten) against(short, raw string, named []string) Reason {
	long := 0
	for _, f := range s.offered() {
		long += utf8.RuneCountInString(f)
	}
	n := utf8.RuneCountInString(short)
	switch {
	case n == 0, n > longestShort, n >= long:
		return Shapeless
	case markedUp(raw):
		return MarkedUp
	case linked(raw, s.Own), linked(short, s.Own):
		return Linked
	case claims(short):
		return Claims
	case harvests(short):
		return Harvests
	}
	var mask *redact.Masker
	if _, found := mask.Text(short); found.Count > 0 {
		return Secret
	}
	if !speaks(s.Lang, short) {
		return OtherWords
	}
	return leftOut(short, named)
}

// leftOut says that a text is something other than facts with words left out: each of its clauses must be
// made of the words of one fact or one clause of it, in their order, with every word that turns its meaning.
func leftOut(short string, facts []string) Reason {
	var whole [][]string
	for _, f := range facts {
		whole = append(whole, wordsOf(f))
		for _, c := range parts(f) {
			whole = append(whole, wordsOf(c))
		}
	}
	said := false
	for _, clause := range parts(short) {
		words := wordsOf(clause)
		if len(words) == 0 {
			continue
		}
		said = true
		if !slices.ContainsFunc(whole, func(fact []string) bool { return follows(words, fact) && turns(fact, words) }) {
			return Invented
		}
	}
	if !said {
		return Shapeless
	}
	return ""
}

// parts are the clauses of a text; a sign inside a word or a number parts nothing.
func parts(text string) []string {
	var out []string
	begun := 0
	runes := []rune(text)
	for i, r := range runes {
		inside := i > 0 && i+1 < len(runes) && !unicode.IsSpace(runes[i-1]) && !unicode.IsSpace(runes[i+1]) && r < utf8.RuneSelf
		if strings.ContainsRune("，。；！？：、（）", r) || strings.ContainsRune(",.;!?:()", r) && !inside {
			out = append(out, string(runes[begun:i]))
			begun = i + 1
		}
	}
	return append(out, string(runes[begun:]))
}

// wordsOf are the words of a text in lower case: a run of letters, digits and what stands inside names, or one
// Chinese character.
func wordsOf(text string) []string {
	var out []string
	for _, field := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;!?()\"'`“”‘’（），。；！？：、", r)
	}) {
		var word []rune
		end := func() {
			if w := strings.Trim(string(word), ".:"); w != "" {
				out = append(out, w)
			}
			word = word[:0]
		}
		for _, r := range field {
			if unicode.Is(unicode.Han, r) {
				end()
				out = append(out, string(r))
				continue
			}
			word = append(word, r)
		}
		end()
	}
	return out
}

// small are words a sentence needs and that say nothing by themselves.
var small = []string{"a", "an", "the", "is", "are", "was", "were", "has", "have", "and", "of", "on", "in", "at", "to", "with", "since", "it", "its", "that", "和", "与", "的", "已", "在", "于", "自", "起", "了", "中"}

// turning are words that turn what a sentence says.
var turning = []string{"not", "no", "nor", "never", "none", "nothing", "nobody", "cannot", "can't", "don't", "may", "might", "could", "if", "unless", "until", "without", "except", "only", "不", "无", "未", "没", "非", "禁", "可", "若", "如", "除", "仅", "只"}

// follows reports whether words stand in a fact in this order; small ones are free.
func follows(words, fact []string) bool {
	at, own := 0, 0
	for _, w := range words {
		i := slices.Index(fact[at:], w)
		switch {
		case i >= 0:
			at += i + 1
			own++
		case !slices.Contains(small, w):
			return false
		}
	}
	return own > 0
}

// turns reports whether words keep all of a fact's words that turn its meaning.
func turns(fact, words []string) bool {
	for _, w := range fact {
		if slices.Contains(turning, w) && !slices.Contains(words, w) {
			return false
		}
	}
	return true
}
