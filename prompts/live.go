package prompts

import (
	"encoding/json"
	"strings"
)

// Live hands out the statements of a reply while it still comes, each only when it is complete and has
// come through the same door as all others. What [Answer.Read] says of the whole reply is the answer; a
// second attempt begins with a new Live.
type Live struct {
	door   *door
	text   strings.Builder
	read   int  // bytes looked at
	inList bool // behind "statements": [
	depth  int
	start  int
	quoted bool
	escape bool
	given  int
}

// Live prepares to read a reply to this prompt.
func (a Answer) Live() *Live { return &Live{door: a.door()} }

// Feed takes the next piece of the reply and gives the statements it completes.
func (l *Live) Feed(piece string) []Statement {
	if l.text.Len()+len(piece) > 1<<20 {
		return nil
	}
	l.text.WriteString(piece)
	text := l.text.String()
	if !l.inList {
		i := strings.Index(text, `"statements"`)
		if i < 0 {
			return nil
		}
		list := strings.IndexByte(text[i:], '[')
		if list < 0 {
			return nil
		}
		l.inList, l.read = true, i+list+1
	}
	var out []Statement
	for ; l.read < len(text); l.read++ {
		if l.step(text[l.read]) && l.given < mostStatements {
			var draft Draft
			if json.Unmarshal([]byte(text[l.start:l.read+1]), &draft) != nil {
				continue
			}
			if s, why := l.door.judge(draft); why == "" {
				out = append(out, s)
				l.given++
			}
		}
	}
	return out
}

// step follows the nesting and reports the end of an object of the list.
func (l *Live) step(c byte) bool {
	switch {
	case l.escape:
		l.escape = false
	case l.quoted:
		l.escape = c == '\\'
		l.quoted = c != '"'
	case c == '"':
		l.quoted = true
	case c == '{':
		if l.depth == 0 {
			l.start = l.read
		}
		l.depth++
	case c == '}' && l.depth > 0:
		l.depth--
		return l.depth == 0
	}
	return false
}
