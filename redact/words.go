package redact

import (
	"bytes"
	"regexp"
)

// automaton finds which words a line holds, in one pass and without regard to ASCII case.
type automaton struct {
	next []([256]uint16)
	hits []uint64
}

// newAutomaton builds an Aho-Corasick machine with all its failure moves filled in.
func newAutomaton(words map[string]uint64) automaton {
	a := automaton{next: make([][256]uint16, 1), hits: make([]uint64, 1)}
	for w, bits := range words {
		state := uint16(0)
		for _, c := range []byte(w) {
			if a.next[state][c] == 0 {
				a.next = append(a.next, [256]uint16{})
				a.hits = append(a.hits, 0)
				a.next[state][c] = uint16(len(a.next) - 1)
			}
			state = a.next[state][c]
		}
		a.hits[state] |= bits
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
		a.hits[s] |= a.hits[fail[s]]
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

func (a *automaton) scan(line []byte) uint64 {
	state, hits := uint16(0), uint64(0)
	for _, c := range line {
		state = a.next[state][c]
		hits |= a.hits[state]
	}
	return hits
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
var harmless = regexp.MustCompile(`(?i)^(?:null|nil|none|true|false|yes|no|on|off|ok|set|unset|empty|missing|required|optional|expired|expires|incorrect|invalid|wrong|changed|unchanged|rotated|updated|accepted|rejected|denied|failed|failure|must|should|cannot|too|not|is|was|has|will|the|a|an|for|of|from|file|env|prompt|disabled|enabled|md5|scram-sha-256|plain|hidden|masked|redacted|string|text|value|default|unknown|undefined|n/a|-+|\*+|x{3,}|\.{2,}|…|\d{1,2}|\[\]|\{\}|\[|\{|\()[.,;:!?)}\]]*$`)

// reference is a value that names a secret instead of being one.
var reference = regexp.MustCompile(`^(?:secret:[\w./-]+|file:\S+|env:\w+|\$\(.*|\$\{.*|\$[A-Z_][A-Z0-9_]*|%\w+%|<[^<>]*>?|\{\{.*|/(?:run|etc|var|dev|proc)/\S*|\*+)$`)

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
