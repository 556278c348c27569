package actions

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
)

// maxFacts bounds what one look may tell.
const maxFacts = 64

var factLine = regexp.MustCompile(`\A([a-z][a-z0-9_]{0,63})=(-?[0-9]{1,18})\z`)

// facts reads numbers out of an answer: the whole-number fields of a JSON object on the last
// line, and lines of the form name=number.
func facts(answer []byte) map[string]int64 {
	out := map[string]int64{}
	answer = bytes.TrimSpace(answer)
	for line := range bytes.Lines(answer) {
		if m := factLine.FindSubmatch(bytes.TrimSpace(line)); m != nil && len(out) < maxFacts {
			if n, err := strconv.ParseInt(string(m[2]), 10, 64); err == nil {
				out[string(m[1])] = n
			}
		}
	}
	object := answer[bytes.LastIndexByte(answer, '\n')+1:]
	if json.Valid(answer) {
		object = answer
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) == nil {
		for name, raw := range fields {
			if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil && len(out) < maxFacts && len(name) <= 64 {
				out[name] = n
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
