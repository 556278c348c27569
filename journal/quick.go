package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/dr"
)

// quick reads a row as [Encode] mostly writes it: known fields in order, plain letters in them. It says
// no to whatever it does not know at sight, and then [Decode] takes its time; it never takes what the slow
// way would refuse. A journal of a million rows is read through several times as fast this way.
func quick(raw []byte) (row dr.Row, ok bool) {
	s := scanner{rest: raw}
	if !s.skip(`{"seq":`) || !s.number(&row.Seq) || !s.skip(`,"at":"`) || !s.moment(&row.At) {
		return row, false
	}
	var kind string
	if s.skip(`,"run":"`) && !s.word(&row.Run) ||
		s.skip(`,"prev":`) && (!s.number(&row.Prev) || row.Prev == 0) ||
		!s.skip(`,"kind":"`) || !s.word(&kind) ||
		s.skip(`,"actor":"`) && !s.word(&row.Actor) ||
		s.skip(`,"surface":"`) && !s.word(&row.Surface) ||
		!s.skip(`,"data":`) {
		return row, false
	}
	row.Kind = dr.RowKind(kind)
	data, ok := bytes.CutSuffix(s.rest, []byte("}"))
	if !ok || !utf8.Valid(data) || !json.Valid(data) || !sparse(data) {
		return row, false
	}
	row.Data = json.RawMessage(data)
	return row, true
}

// scanner goes through a row from its front.
type scanner struct{ rest []byte }

func (s *scanner) skip(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

// number reads a plain decimal.
func (s *scanner) number(into *int64) bool {
	end := 0
	for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' {
		end++
	}
	if end == 0 || end > 18 || end > 1 && s.rest[0] == '0' {
		return false
	}
	n, err := strconv.ParseInt(string(s.rest[:end]), 10, 64)
	*into, s.rest = n, s.rest[end:]
	return err == nil
}

// word reads up to the closing quote, over letters that JSON writes as they are.
func (s *scanner) word(into *string) bool {
	for i, c := range s.rest {
		if c == '"' {
			*into, s.rest = string(s.rest[:i]), s.rest[i+1:]
			return i > 0
		}
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return false
}

// moment reads "2006-01-02T15:04:05.000Z" and the quote after it.
func (s *scanner) moment(into *dr.Time) bool {
	const form = "dddd-dd-ddTdd:dd:dd.dddZ\""
	if len(s.rest) < len(form) {
		return false
	}
	var n [7]int
	part := -1
	for i := range len(form) {
		c := s.rest[i]
		if form[i] != 'd' {
			if c != form[i] {
				return false
			}
			continue
		}
		if c < '0' || c > '9' {
			return false
		}
		if i == 0 || form[i-1] != 'd' {
			part++
		}
		n[part] = n[part]*10 + int(c-'0')
	}
	if n[1] < 1 || n[1] > 12 || n[2] < 1 || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return false
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*int(time.Millisecond), time.UTC)
	*into = dr.Time{Time: t}
	s.rest = s.rest[len(form):]
	return t.Day() == n[2] && !t.IsZero() // a day the month does not have runs over; the zero moment is written otherwise
}

// sparse reports whether valid JSON has no blanks between its parts and no object with more than a few
// keys, none of them written with anything but plain letters and no two alike in any case.
func sparse(data []byte) bool {
	type level struct{ from int } // index in keys; -1: a list
	var levels [maxDepth]level
	var keys [64][]byte
	depth, held := 0, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case ' ', '\t', '\r', '\n':
			return false
		case '{', '[':
			if depth == maxDepth {
				return false
			}
			levels[depth].from = held
			if c == '[' {
				levels[depth].from = -1
			}
			depth++
		case '}', ']':
			if depth--; levels[depth].from >= 0 {
				held = levels[depth].from
			}
		case '"':
			end := endOfString(data, i)
			if depth > 0 && levels[depth-1].from >= 0 && end < len(data) && data[end] == ':' {
				key := data[i+1 : end-1]
				if held == len(keys) || !plainKey(key) {
					return false
				}
				for _, k := range keys[levels[depth-1].from:held] {
					if bytes.EqualFold(k, key) {
						return false
					}
				}
				keys[held] = key
				held++
			}
			i = end - 1
		}
	}
	return true
}

func plainKey(key []byte) bool {
	for _, c := range key {
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
