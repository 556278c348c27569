package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// maxBody is far above any request of the API, which is all ids and sentences.
const maxBody = 1 << 20

// maxDepth keeps a hostile body from growing the stack.
const maxDepth = 16

// read fills out from the request's JSON body; an empty body leaves it as it is.
func read(w http.ResponseWriter, r *http.Request, out any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLargeError()
	}
	if err != nil {
		return fmt.Errorf("reading a request: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if kind := r.Header.Get("Content-Type"); !isJSON(kind) {
		return &dr.Error{Kind: dr.Usage, ID: "body_not_json", Args: dr.Args{"found": kind}}
	}
	return decode(body, out)
}

func isJSON(kind string) bool {
	media, _, _ := strings.Cut(kind, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/json")
}

// decode reads one JSON object strictly. encoding/json alone takes the last of doubled keys and
// any spelling of a key, so that two readers of one body could see different requests.
func decode(body []byte, out any) error {
	if err := plainKeys(body); err != nil {
		return &dr.Error{Kind: dr.Invalid, ID: "body_invalid", Args: dr.Args{"problem": err.Error()}}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return &dr.Error{Kind: dr.Invalid, ID: "body_invalid", Args: dr.Args{"problem": problem(err)}}
	}
	return nil
}

// problem says what is wrong without the words of the decoder, which name Go types.
func problem(err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) {
		return fmt.Sprintf("field %q cannot hold a JSON %s", typed.Field, typed.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// level is one open object or array.
type level struct {
	keys   map[string]bool // nil for an array
	inside bool            // a key was read, its value comes next
}

// plainKeys walks the body once: one object, keys spelt in lower case, none twice, nothing after.
func plainKeys(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	var open []level
	for started := false; !started || len(open) > 0; started = true {
		tok, err := d.Token()
		if err != nil {
			return fmt.Errorf("not JSON at byte %d", d.InputOffset())
		}
		if !started && tok != json.Delim('{') {
			return errors.New("want one JSON object")
		}
		if open, err = step(open, tok); err != nil {
			return err
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more text after the object, at byte %d", d.InputOffset())
	}
	return nil
}

func step(open []level, tok json.Token) ([]level, error) {
	top := len(open) - 1
	if key, ok := tok.(string); ok && top >= 0 && open[top].keys != nil && !open[top].inside {
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return nil, fmt.Errorf("field %q is not spelt in lower case", key)
		}
		if open[top].keys[key] {
			return nil, fmt.Errorf("field %q stands there twice", key)
		}
		open[top].keys[key] = true
		open[top].inside = true
		return open, nil
	}
	switch tok {
	case json.Delim('{'), json.Delim('['):
		if len(open) == maxDepth {
			return nil, errors.New("nested too deeply")
		}
		next := level{}
		if tok == json.Delim('{') {
			next.keys = map[string]bool{}
		}
		return append(open, next), nil
	case json.Delim('}'), json.Delim(']'):
		open = open[:top]
		top--
	}
	if top >= 0 {
		open[top].inside = false
	}
	return open, nil
}

func tooLargeError() error {
	return &dr.Error{Kind: dr.Usage, ID: "body_too_large", Args: dr.Args{"limit": "1 MiB"}}
}
