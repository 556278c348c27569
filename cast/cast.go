// Package cast writes and reads terminal recordings as asciicast v2, the line format of
// asciinema (https://docs.asciinema.org/manual/asciicast/v2/): a JSON header, then one JSON array
// [seconds, kind, data] per event.
//
// It owns the format and nothing else: it knows no clock, no terminal and no secret; what it is
// given has been masked before. The writer streams and holds back at most the three bytes of an
// unfinished character; the reader is strict, because recordings are evidence: one header,
// known fields once each, events in order of time, nothing behind the last line.
//
// JSON knows text only, so bytes that are no UTF-8 become U+FFFD in a recording. The exact bytes are
// in the output kept beside it.
package cast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

// Media is the media type of a recording.
const Media = "application/x-asciicast"

// Header opens a recording.
type Header struct {
	Version       int               `json:"version"`             // always 2
	Width         int               `json:"width"`               // columns
	Height        int               `json:"height"`              // rows
	Timestamp     int64             `json:"timestamp,omitempty"` // Unix seconds of the beginning
	Duration      float64           `json:"duration,omitempty"`  // seconds
	IdleTimeLimit float64           `json:"idle_time_limit,omitempty"`
	Command       string            `json:"command,omitempty"`
	Title         string            `json:"title,omitempty"`
	Env           map[string]string `json:"env,omitempty"`
	Theme         *Theme            `json:"theme,omitempty"`
}

// Theme is the colours of the recorded terminal.
type Theme struct {
	Foreground string `json:"fg"`
	Background string `json:"bg"`
	Palette    string `json:"palette"`
}

// Kind says what an event is.
type Kind string

const (
	Output Kind = "o" // printed by the program
	Input  Kind = "i" // typed
	Marker Kind = "m" // a place with a name
	Resize Kind = "r" // "COLSxROWS"
)

// Event is one line of a recording.
type Event struct {
	At   time.Duration // since the beginning
	Kind Kind
	Data string
}

// Writer streams a recording. It is not safe for concurrent use.
type Writer struct {
	w    io.Writer
	line bytes.Buffer
	json *json.Encoder
	last time.Duration
	half []byte // an unfinished character
	err  error
}

// NewWriter writes the header. Version is set; width and height must be positive.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if h.Width <= 0 || h.Height <= 0 {
		return nil, fmt.Errorf("recording of %d by %d: both must be positive", h.Width, h.Height)
	}
	h.Version = 2
	out := &Writer{w: w}
	out.json = json.NewEncoder(&out.line)
	out.json.SetEscapeHTML(false)
	if err := out.json.Encode(h); err != nil {
		return nil, fmt.Errorf("writing header: %w", err)
	}
	out.flush()
	return out, out.err
}

// Output records what was printed, any bytes. A time before that of the last event counts as the same.
func (w *Writer) Output(at time.Duration, p []byte) error {
	if len(w.half) > 0 {
		p = append(w.half, p...)
		w.half = nil
	}
	cut := len(p) - unfinished(p)
	w.half = append(w.half, p[cut:]...)
	if cut > 0 {
		w.event(at, Output, string(p[:cut]))
	}
	return w.err
}

// Marker names a place.
func (w *Writer) Marker(at time.Duration, label string) error {
	w.event(at, Marker, label)
	return w.err
}

// Resize records a new size of the terminal.
func (w *Writer) Resize(at time.Duration, columns, rows int) error {
	w.event(at, Resize, strconv.Itoa(columns)+"x"+strconv.Itoa(rows))
	return w.err
}

// Close writes what was held back. It does not close the underlying writer.
func (w *Writer) Close() error {
	if len(w.half) > 0 {
		w.event(w.last, Output, string(w.half))
		w.half = nil
	}
	return w.err
}

func (w *Writer) event(at time.Duration, kind Kind, data string) {
	w.last = max(w.last, at)
	w.line.WriteByte('[')
	w.line.WriteString(strconv.FormatFloat(w.last.Seconds(), 'f', 6, 64))
	w.line.WriteString(`, "` + string(kind) + `", `)
	if err := w.json.Encode(data); err != nil { // replaces what is no UTF-8
		w.err = fmt.Errorf("writing event: %w", err)
		return
	}
	w.line.Truncate(w.line.Len() - 1) // the encoder's line feed
	w.line.WriteString("]\n")
	w.flush()
}

func (w *Writer) flush() {
	if w.err == nil {
		_, w.err = w.w.Write(w.line.Bytes())
	}
	w.line.Reset()
}

// unfinished returns how many bytes at the end begin a character without completing it.
func unfinished(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		c := p[len(p)-n]
		if utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
