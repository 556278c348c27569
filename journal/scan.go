package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nesting; no row of ours comes near it.
const maxDepth = 64

// checkJSON takes one JSON value and nothing after it, in valid UTF-8, without a key that occurs
// twice in one object or differs from another only in the case of its letters. encoding/json would
// let the last such key win in silence.
func checkJSON(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("not valid UTF-8")
	}
	if !json.Valid(raw) {
		return errors.New("not one JSON value")
	}
	return checkTwins(raw)
}

// checkTwins walks valid JSON by its bytes. A string is a key where an object is open and a colon
// follows; everything else but brackets is passed over.
func checkTwins(raw []byte) error {
	var open []map[string]bool // one for each bracket; nil for a list
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '{', '[':
			if len(open) == maxDepth {
				return fmt.Errorf("nested deeper than %d", maxDepth)
			}
			if raw[i] == '{' {
				open = append(open, map[string]bool{})
			} else {
				open = append(open, nil)
			}
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := endOfString(raw, i)
			if len(open) > 0 && open[len(open)-1] != nil && isKey(raw[end:]) {
				key, err := foldKey(raw[i:end])
				if err != nil {
					return err
				}
				if open[len(open)-1][key] {
					return fmt.Errorf("key %s occurs twice", raw[i:end])
				}
				open[len(open)-1][key] = true
			}
			i = end - 1
		}
	}
	return nil
}

// endOfString is the place after the quote that closes the string opened at i.
func endOfString(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// isKey reports whether a colon comes next.
func isKey(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// foldKey makes keys equal that encoding/json would take for one another. Up first: "ſ" and the
// Kelvin sign have plain capitals.
func foldKey(quoted []byte) (string, error) {
	key := string(quoted[1 : len(quoted)-1])
	if bytes.IndexByte(quoted, '\\') >= 0 {
		if err := json.Unmarshal(quoted, &key); err != nil {
			return "", err
		}
	}
	return strings.ToLower(strings.ToUpper(key)), nil
}
