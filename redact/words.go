package redact

import (
	"bytes"
	"maps"
	"math/bits"
	"regexp"
	"slices"
)

// automaton finds words in one pass and without regard to ASCII case (Aho and Corasick, 1975).
type automaton struct {
	next [][256]uint16
	hits [][]wordHit // by state: the words that end there
}

type wordHit struct {
	length int
	shapes uint64
}

// newAutomaton builds the machine with all its failure moves filled in.
func newAutomaton(words map[string]uint64) automaton {
	a := automaton{next: make([][256]uint16, 1), hits: make([][]wordHit, 1)}
	for _, w := range slices.Sorted(maps.Keys(words)) {
		state := uint16(0)
		for _, c := range []byte(w) {
			if a.next[state][c] == 0 {
				a.next = append(a.next, [256]uint16{})
				a.hits = append(a.hits, nil)
				a.next[state][c] = uint16(len(a.next) - 1)
			}
			state = a.next[state][c]
		}
		a.hits[state] = append(a.hits[state], wordHit{length: len(w), shapes: words[w]})
	}
	a.fill()
	for s := range a.next {
		for c := 'A'; c <= 'Z'; c++ {
			a.next[s][c] = a.next[s][c+'a'-'A']
		}
	}
	return a
}

func (a *automaton) fill() {
	fail := make([]uint16, len(a.next))
	var queue []uint16
	for c := range 256 {
		if s := a.next[0][c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		a.hits[s] = append(a.hits[s], a.hits[fail[s]]...)
		for c := range 256 {
			if to := a.next[s][c]; to != 0 {
				fail[to] = a.next[fail[s]][c]
				queue = append(queue, to)
			} else {
				a.next[s][c] = a.next[fail[s]][c]
			}
		}
	}
}

func lowest(set uint64) int { return bits.TrailingZeros64(set) }

// lowerASCII keeps every other byte as it is, and so the length.
func lowerASCII(line []byte) []byte {
	out := bytes.Clone(line)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// wordStart wants no letter, digit or underscore before a word.
func wordStart(line []byte, at int) bool { return at == 0 || !wordByte(line[at-1]) }

// flagStart wants the word to stand in the name of an option: -…word, at the start of an argument.
func flagStart(line []byte, at int) bool {
	for at > 0 && (line[at-1] == '-' || wordByte(line[at-1]) && line[at-1] != '_') {
		at--
	}
	return line[at] == '-' && (at == 0 || bytes.IndexByte([]byte(" \t\"'[,="), line[at-1]) >= 0)
}

// dsnPasswords finds user:password@tcp(host), the form of Go's MySQL driver.
func dsnPasswords(line []byte) [][2]int {
	var out [][2]int
	for at := 0; at < len(line); {
		i := bytes.Index(line[at:], []byte("@tcp("))
		if i < 0 {
			i = bytes.Index(line[at:], []byte("@unix("))
		}
		if i < 0 {
			break
		}
		end := at + i
		user := bytes.LastIndexAny(line[at:end], " \t\"'=/") + 1 + at
		if colon := bytes.IndexByte(line[user:end], ':'); colon > 0 && secretWord(line[user+colon+1:end]) {
			out = append(out, [2]int{user + colon + 1, end})
		}
		at = end + 1
	}
	return out
}

var pgpass = regexp.MustCompile(`^[\w.*/-]+:(?:\d{4,5}|\*):[\w.*-]+:[\w.*-]+:([^\s:]{4,})\s*$`)

// pgpassLine finds host:port:database:user:password, alone on its line.
func pgpassLine(line []byte) [][2]int {
	if len(line) > defaultLook || bytes.Count(line, []byte(":")) != 4 {
		return nil
	}
	loc := pgpass.FindSubmatchIndex(line)
	if loc == nil || !secretWord(line[loc[2]:loc[3]]) {
		return nil
	}
	return [][2]int{{loc[2], loc[3]}}
}

// manyDigits reports whether a line has a stretch of digits long enough for a card.
func manyDigits(line []byte) bool {
	n := 0
	for _, c := range line {
		switch {
		case c >= '0' && c <= '9':
			if n++; n >= 13 {
				return true
			}
		case c != ' ' && c != '-':
			n = 0
		}
	}
	return false
}

// harmless are words that follow "password:" in ordinary logs.
var harmless = regexp.MustCompile(`(?i)^(?:null|nil|none|true|false|yes|no|on|off|ok|set|unset|empty|missing|required|optional|expired|expires|incorrect|invalid|wrong|changed|unchanged|rotated|updated|accepted|rejected|denied|failed|failure|must|should|cannot|too|not|is|was|has|will|ask|see|kept|stored|it|this|that|in|at|by|with|and|or|the|a|an|for|of|from|file|env|prompt|disabled|enabled|md5|scram-sha-256|plain|hidden|masked|redacted|string|text|value|default|unknown|undefined|n/a|-+|\*+|x{3,}|\.{2,}|…|\d{1,2}|\[\]|\{\}|\[|\{|\()[.,;:!?)}\]]*$`)

// reference is a value that names a secret instead of being one.
var reference = regexp.MustCompile(`^(?:secret:[\w./-]+|file:\S+|env:\w+|\$\(.*|\$\{.*|\$[A-Z_][A-Z0-9_]*|%\w+%|[A-Z][A-Z0-9_]*_(?:PASSWORD|PASSWD|PASS|PW|SECRET|TOKEN|KEY)|<[^<>]*>?|\{\{.*|/(?:run|etc|var|dev|proc)/\S*|\*+)$`)

// secretWord refuses values that are words of an ordinary sentence or references.
func secretWord(v []byte) bool {
	v = bytes.TrimSpace(v)
	return len(v) > 0 && v[len(v)-1] != ':' && !marked(v) && !harmless.Match(v) && !reference.Match(v)
}

func flagValue(v []byte) bool { return v[0] != '-' && secretWord(v) }

// credentials wants something behind the name of the scheme.
func credentials(v []byte) bool {
	f := bytes.Fields(v)
	switch len(f) {
	case 0:
		return false
	case 1:
		return secretWord(f[0])
	}
	return !marked(f[1]) && (mixed(f[1]) || schemes.Match(f[0]))
}

var schemes = regexp.MustCompile(`(?i)^(?:basic|bearer|digest|negotiate|ntlm|token|apikey|aws4-hmac-sha256|sso-key|hoba)$`)

// mixed wants a digit, a sign or great length: "bearer authentication" is no token.
func mixed(v []byte) bool {
	return len(v) >= 20 || bytes.ContainsAny(v, "0123456789_~+/=")
}

// codeShape wants separators or at least a digit, so that no word beginning with "drc" is taken.
func codeShape(v []byte) bool { return bytes.ContainsAny(v, "-0123456789") }
