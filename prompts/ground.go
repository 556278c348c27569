package prompts

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	token    = regexp.MustCompile(`[A-Za-z0-9_@$%/\\.:=+~#{}<>-]*[A-Za-z0-9_/\\][A-Za-z0-9_@$%/\\.:=+~#{}<>-]*`)
	figure   = regexp.MustCompile(`\A([0-9]+(?:[.:,][0-9]+)*)(?:%|-?[a-zA-Z]{1,8})?\z`)
	choice   = regexp.MustCompile(`\A[A-Za-z]+(?:/[A-Za-z]+)+\z`)
	hyphened = regexp.MustCompile(`\A[A-Za-z]+(?:[-'][A-Za-z]+)*\z`)
)

// numerals are small numbers in words: a passage may say "ten minutes" and an answer "10 minutes".
var numerals = map[string][]string{"10": {"ten", "十"}, "11": {"eleven", "十一"}, "12": {"twelve", "十二"}, "15": {"fifteen", "十五", "quarter of an hour", "一刻"},
	"20": {"twenty", "二十"}, "24": {"twenty-four", "二十四"}, "30": {"thirty", "三十", "half an hour", "半小时", "半个小时"}, "60": {"sixty", "六十", "an hour", "一小时"}, "90": {"ninety", "九十"}, "100": {"hundred", "一百"}}

// invents reports whether a sentence has a name, number, path or option that its passage, in lower case,
// does not have. Words of a language are free; what a tired person would type or compare is not.
func invents(text, passage string) bool {
	for _, t := range token.FindAllString(text, -1) {
		t = strings.TrimRight(t, ".:,-")
		if !technical(t) {
			continue
		}
		if m := figure.FindStringSubmatch(t); m != nil {
			if !hasNumber(passage, m[1]) {
				return true
			}
			continue
		}
		if !strings.Contains(passage, strings.ToLower(strings.Trim(t, "<>{}"))) {
			return true
		}
	}
	return false
}

// technical tells names, numbers and commands from words.
func technical(t string) bool {
	switch {
	case len(t) < 2:
		return false
	case len(t) >= 24:
		return true
	case hyphened.MatchString(t):
		return camel(t)
	case choice.MatchString(t):
		return false
	}
	return true
}

// camel reports capitals inside a word, such as maxConnections; PostgreSQL's kind of name is one too.
func camel(t string) bool {
	lower := false
	for _, r := range t {
		if unicode.IsUpper(r) && lower {
			return true
		}
		lower = unicode.IsLower(r)
	}
	return false
}

// hasNumber looks for a number that is not a part of a longer one.
func hasNumber(text, n string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], n)
		if i < 0 {
			break
		}
		i += at
		end := i + len(n)
		if (i == 0 || !isDigit(text[i-1])) && (end == len(text) || !isDigit(text[end])) {
			return true
		}
		at = i + 1
	}
	for _, word := range numerals[n] {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
