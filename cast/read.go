package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLine bounds a line: a write of 64 KiB, each byte as \u00XX, and room to spare.
const maxLine = 1 << 20

// maxSeconds bounds a recording to a year, far from where a float or a duration gives way.
const maxSeconds = 366 * 24 * 3600

// Reader reads a recording event by event.
type Reader struct {
	Header Header
	lines  *bufio.Scanner
	line   int
	last   time.Duration
}

// NewReader reads the header. Errors name the line.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{lines: bufio.NewScanner(r)}
	in.lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	in.lines.Split(wholeLines)
	if !in.lines.Scan() {
		return nil, in.fail(noEOF(in.lines.Err()), "no header")
	}
	in.line++
	line := in.lines.Bytes()
	if !utf8.Valid(line) {
		return nil, in.fail(nil, "no UTF-8")
	}
	if err := oneEach(line); err != nil {
		return nil, in.fail(err, "header")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in.Header); err != nil {
		return nil, in.fail(err, "header")
	}
	h := in.Header
	switch {
	case h.Version != 2:
		return nil, in.fail(nil, fmt.Sprintf("version %d, want 2", h.Version))
	case h.Width <= 0 || h.Height <= 0 || h.Width > 10000 || h.Height > 10000:
		return nil, in.fail(nil, fmt.Sprintf("size %d by %d", h.Width, h.Height))
	case h.Timestamp < 0 || h.Duration < 0 || h.Duration > maxSeconds || h.IdleTimeLimit < 0:
		return nil, in.fail(nil, "negative or absurd time in header")
	}
	return in, nil
}

// Next returns the next event, or io.EOF after the last.
func (r *Reader) Next() (Event, error) {
	if !r.lines.Scan() {
		if err := r.lines.Err(); err != nil {
			return Event{}, r.fail(err, "reading")
		}
		return Event{}, io.EOF
	}
	r.line++
	line := r.lines.Bytes()
	var fields []json.RawMessage
	if !utf8.Valid(line) {
		return Event{}, r.fail(nil, "no UTF-8")
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return Event{}, r.fail(err, "event")
	}
	if len(fields) != 3 {
		return Event{}, r.fail(nil, fmt.Sprintf("%d fields, want time, kind and data", len(fields)))
	}
	return r.event(fields)
}

func (r *Reader) event(fields []json.RawMessage) (Event, error) {
	var seconds *float64
	var kind, data *string
	err := errors.Join(json.Unmarshal(fields[0], &seconds), json.Unmarshal(fields[1], &kind), json.Unmarshal(fields[2], &data))
	switch {
	case err != nil:
		return Event{}, r.fail(err, "event")
	case seconds == nil || kind == nil || data == nil:
		return Event{}, r.fail(nil, "null in event")
	case *seconds < 0 || *seconds > maxSeconds:
		return Event{}, r.fail(nil, "time out of range")
	case !strings.Contains("oimr", *kind) || len(*kind) != 1:
		return Event{}, r.fail(nil, fmt.Sprintf("kind %q, want o, i, m or r", *kind))
	}
	at := time.Duration(*seconds*1e6+0.5) * time.Microsecond
	if at < r.last {
		return Event{}, r.fail(nil, "time runs backwards")
	}
	r.last = at
	return Event{At: at, Kind: Kind(*kind), Data: *data}, nil
}

func (r *Reader) fail(err error, what string) error {
	if err != nil {
		return fmt.Errorf("recording, line %d: %s: %w", r.line, what, err)
	}
	return fmt.Errorf("recording, line %d: %s", r.line, what)
}

func noEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// wholeLines is like bufio.ScanLines but refuses a last line without line feed: a recording that
// was cut must not look complete.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// oneEach refuses a JSON object that names a field twice or in another case, at any depth:
// encoding/json would silently take the last.
func oneEach(line []byte) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	if err := object(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something after the object")
	}
	return nil
}

func object(dec *json.Decoder, depth int) error {
	open, err := dec.Token()
	if err != nil {
		return noEOF(err)
	}
	if open != json.Delim('{') || depth > 2 {
		return errors.New("want a flat JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return noEOF(err)
		}
		name, _ := key.(string)
		if seen[name] || depth == 0 && name != strings.ToLower(name) {
			return fmt.Errorf("field %q twice or in capitals", name)
		}
		seen[name] = true
		if name == "env" || name == "theme" {
			if err := object(dec, depth+1); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}
