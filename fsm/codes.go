package fsm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/redact"
)

// A code that was typed into a message, a reason or any other field that is kept has been seen by
// everybody who may read there, and counts as lost (invariant C10).

// grouped is how a code is written without its prefix: four, four, four and one symbol.
var grouped = regexp.MustCompile(`^[0-9A-Za-z]{4}[-_.‐‑–— ][0-9A-Za-z]{4}[-_.‐‑–— ][0-9A-Za-z]{4}[-_.‐‑–— ][0-9A-Za-z]$`)

// bare is a code run together.
var bare = regexp.MustCompile(`^[0-9A-Za-z]{13}$`)

const mostPieces = 8 // a prefix and symbols by fours or by threes, with blanks between

// FindCodes finds security codes in text, as people write them down. Prefix or grouping together with the
// check symbol make a code hard to mistake for anything else; what is mistyped is not found, and opens
// nothing either.
func FindCodes(s string) []string {
	var found []string
	words := strings.FieldsFunc(strings.Map(narrow, redact.Safe(s)), func(r rune) bool {
		return strings.ContainsRune(" \t\n\r,;:!?，。；：！？、()（）[]{}<>《》「」\"'`“”‘’=|/", r)
	})
	for i := range words { // pieces may stand apart, so each beginning is tried
		joined := ""
		for n := 0; n < mostPieces && i+n < len(words) && len(joined)+len(words[i+n]) < 40; n++ {
			joined = strings.TrimSpace(joined + " " + words[i+n])
			if code, ok := codeIn(joined); ok && !slices.Contains(found, code) {
				found = append(found, code)
			}
		}
	}
	return found
}

// codeIn reads one candidate: words with blanks between them.
func codeIn(s string) (string, bool) {
	prefixed := len(s) > 3 && strings.EqualFold(s[:3], "drc")
	digits := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	if !prefixed && !grouped.MatchString(s) && !(bare.MatchString(s) && digits >= 2) {
		return "", false
	}
	return approval.ParseCode(s)
}

// narrow turns full-width forms, which Chinese keyboards give, into plain ones.
func narrow(r rune) rune {
	switch {
	case r == '\u3000':
		return ' '
	case r >= '\uff01' && r <= '\uff5e':
		return r - '\uff01' + '!'
	}
	return r
}

// nearly is a code with a slip in it: no use to anybody who guesses, but it gives most of the code away.
// Words after the prefix alone are none: the letters mean other things too.
var nearly = regexp.MustCompile(`(?i)(?:^|[^0-9a-z])drc(?:[-_.\s]*[0-9a-z]{11,14}|[-_.\s]*[0-9a-z]{3,5}[-_.]+[0-9a-z]{3,5}[-_.]+[0-9a-z]{3,5}(?:[-_.\s]*[0-9a-z])?` +
	`|\s+[0-9a-z]{3,5}\s+[0-9a-z]{3,5}\s+[0-9a-z]{3,5}\s+[0-9a-z])(?:$|[^0-9a-z])`)

// NearlyCode says whether text holds a code or one with a slip in it.
func NearlyCode(s string) bool {
	if len(FindCodes(s)) > 0 {
		return true
	}
	for _, m := range nearly.FindAllString(strings.Map(narrow, redact.Safe(s)), -1) {
		if strings.ContainsAny(m, "0123456789") {
			return true
		}
	}
	return false
}
