package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
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
	if !ok || !compact(data) {
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

// compact reports whether data is one JSON value as [Encode] writes it: no blanks between its parts, and
// keys in plain letters, of which no two of one object are alike in any case. Rare escapes are left to the slow way.
func compact(data []byte) bool {
	v := values{data: data}
	return v.value(0, 0) == len(data)
}

// values walks through JSON. Each method takes the place where something begins and answers the place
// after it, or -1.
type values struct {
	data []byte
	keys [64][]byte // of all open objects
	held int
}

func (v *values) value(i, depth int) int {
	if i < 0 || i >= len(v.data) || depth >= maxDepth-1 { // the row itself is one level
		return -1
	}
	switch v.data[i] {
	case '"':
		return v.text(i)
	case '{':
		return v.object(i, depth)
	case '[':
		return v.list(i, depth)
	case 't':
		return v.literal(i, "true")
	case 'f':
		return v.literal(i, "false")
	case 'n':
		return v.literal(i, "null")
	}
	return v.number(i)
}

func (v *values) object(i, depth int) int {
	if i++; v.is(i, '}') {
		return i + 1
	}
	for from := v.held; ; i++ {
		end := v.key(i, from)
		if end < 0 || !v.is(end, ':') {
			return -1
		}
		if i = v.value(end+1, depth+1); i < 0 {
			return -1
		}
		if v.is(i, '}') {
			v.held = from
			return i + 1
		}
		if !v.is(i, ',') {
			return -1
		}
	}
}

func (v *values) list(i, depth int) int {
	if i++; v.is(i, ']') {
		return i + 1
	}
	for ; ; i++ {
		if i = v.value(i, depth+1); i < 0 {
			return -1
		}
		if v.is(i, ']') {
			return i + 1
		}
		if !v.is(i, ',') {
			return -1
		}
	}
}

// key takes a name in plain letters that the object's keys, from that index on, do not have yet.
func (v *values) key(i, from int) int {
	if !v.is(i, '"') || v.held == len(v.keys) {
		return -1
	}
	end := i + 1
	for ; !v.is(end, '"'); end++ {
		if end >= len(v.data) || v.data[end] < ' ' || v.data[end] == '\\' || v.data[end] >= utf8.RuneSelf {
			return -1
		}
	}
	key := v.data[i+1 : end]
	for _, k := range v.keys[from:v.held] {
		if bytes.EqualFold(k, key) {
			return -1
		}
	}
	v.keys[v.held] = key
	v.held++
	return end + 1
}

func (v *values) text(i int) int {
	for i++; i < len(v.data); i++ {
		switch c := v.data[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i++; i >= len(v.data) || !strings.ContainsRune(`"\/bfnrt`, rune(v.data[i])) {
				return -1
			}
		case c < ' ':
			return -1
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(v.data[i:])
			if r == utf8.RuneError && size == 1 {
				return -1
			}
			i += size - 1
		}
	}
	return -1
}

func (v *values) number(i int) int {
	if v.is(i, '-') {
		i++
	}
	if v.is(i, '0') {
		i++
	} else if i = v.digits(i); i < 0 {
		return -1
	}
	if v.is(i, '.') {
		if i = v.digits(i + 1); i < 0 {
			return -1
		}
	}
	if v.is(i, 'e') || v.is(i, 'E') {
		if i++; v.is(i, '+') || v.is(i, '-') {
			i++
		}
		return v.digits(i)
	}
	return i
}

// digits takes one or more.
func (v *values) digits(i int) int {
	end := i
	for end < len(v.data) && v.data[end] >= '0' && v.data[end] <= '9' {
		end++
	}
	if end == i {
		return -1
	}
	return end
}

func (v *values) literal(i int, word string) int {
	if !bytes.HasPrefix(v.data[i:], []byte(word)) {
		return -1
	}
	return i + len(word)
}

func (v *values) is(i int, c byte) bool { return i < len(v.data) && v.data[i] == c }
