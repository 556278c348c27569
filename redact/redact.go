// Package redact keeps secrets out of what Switchman stores and keeps tricks out of what it
// shows.
//
// It owns two things. A [Masker] replaces secrets in a stream by "[redacted:RULE]": values the
// process knows, as they are or as base64, hex, percent or JSON writes them, wherever a write happens
// to cut them; and shapes that look like a secret whoever made them (see [Rules]). In a whole text that
// leaves the house, [Masker.Text] finds more. [Safe] makes text of unknown origin harmless to print: no
// terminal escapes, no control characters, nothing that turns or hides letters.
//
// What comes out of a Masker is what is hashed, recorded and stored; the bytes that went in are
// never kept. A Masker is exact about known values and careful about shapes: it rather hides an
// ordinary word after "password:" than shows one password.
//
// Invariants: at most one window (64 KiB and the longest known value) is ever held back; bytes
// that are no secret pass unchanged, text or not; a character that arrived whole leaves whole, in
// one write; the same bytes give the same output however they were cut, as long as no line is
// longer than the window; patterns are RE2, so no input makes them slow.
//
// It does not see secrets split by terminal escapes, compressed, encrypted or drawn as pictures, nor
// values shorter than [MinSecret].
package redact

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// MinSecret is the shortest known value that can be masked: shorter ones occur in ordinary
// text. Whoever hands out secrets must refuse them.
const MinSecret = 4

// window bounds what a stream holds back; overlap is how much of a line longer than that stays
// behind for a secret that the cut would otherwise split.
const (
	window  = 64 << 10
	overlap = 4 << 10
)

// Masker masks a set of known values and every shape of [Rules]. It is immutable and safe for
// concurrent use. The zero Masker masks shapes only.
type Masker struct{ known *index }

// New makes a masker of known values. Values shorter than [MinSecret] are left out.
func New(values ...string) *Masker { return &Masker{known: newIndex(values)} }

// Report says what was masked, never what it was.
type Report struct {
	Count int      // places masked
	Rules []string // ids of the rules that matched, sorted
}

func (r *Report) add(rule string) {
	r.Count++
	if i, found := slices.BinarySearch(r.Rules, rule); !found {
		r.Rules = slices.Insert(r.Rules, i, rule)
	}
}

// Mark is what stands in the place of a secret that a rule found.
func Mark(rule string) string { return "[redacted:" + rule + "]" }

// String masks a whole text.
func (m *Masker) String(s string) (string, Report) {
	var b strings.Builder
	w := m.Writer(&b)
	io.WriteString(w, s) //nolint:errcheck // a strings.Builder does not fail
	w.Close()            //nolint:errcheck
	return b.String(), w.Report()
}

// Writer masks a stream into w. Close flushes what is held back and does not close w.
func (m *Masker) Writer(w io.Writer) *Writer {
	out := &Writer{w: w, lines: lines{rules: table()}}
	if m != nil {
		out.known = m.known
	}
	return out
}

// Writer masks what is written to it. It is not safe for concurrent use.
type Writer struct {
	w      io.Writer
	known  *index
	raw    []byte // not yet searched for known values to the end
	masked int    // leading bytes of raw that a mark already stands for
	lines  lines
	report Report
	err    error
}

// Write takes any bytes. After an error of the underlying writer every call returns it.
func (w *Writer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), window)
		w.take(rest[:n])
		rest = rest[n:]
	}
	return len(p), w.err
}

// Close flushes; the writer must not be used afterwards.
func (w *Writer) Close() error {
	w.search(true)
	w.emit(w.lines.finish(&w.report))
	return w.err
}

// Report says what was masked so far.
func (w *Writer) Report() Report {
	return Report{Count: w.report.Count, Rules: slices.Clone(w.report.Rules)}
}

func (w *Writer) take(p []byte) {
	if w.known == nil {
		w.emit(w.lines.add(p, &w.report))
		return
	}
	w.raw = append(w.raw, p...)
	w.search(false)
}

// search moves everything that can no longer become a known value from raw to the lines.
func (w *Writer) search(last bool) {
	if w.known == nil || len(w.raw) == 0 {
		return
	}
	end := len(w.raw)
	if !last {
		end = w.known.undecided(w.raw)
	}
	shown := make([]byte, 0, end)
	for pos := w.known.next(w.raw, 0, end); pos < end; pos = w.known.next(w.raw, pos+1, end) {
		n := w.known.at(w.raw[pos:])
		if n == 0 {
			continue
		}
		if pos >= w.masked {
			shown = append(shown, w.raw[w.masked:pos]...)
			shown = append(shown, Mark(Known)...)
			w.report.add(Known)
		}
		w.masked = max(w.masked, pos+n)
	}
	if end > w.masked {
		shown = append(shown, w.raw[w.masked:end]...)
		w.masked = end
	}
	w.masked -= end
	w.raw = append(w.raw[:0], w.raw[end:]...)
	w.emit(w.lines.add(shown, &w.report))
}

func (w *Writer) emit(p []byte) {
	if len(p) == 0 || w.err != nil {
		return
	}
	if _, err := w.w.Write(p); err != nil {
		w.err = err
	}
}

// lines applies the rules, line by line: no shape but a private key is longer than one.
type lines struct {
	rules   *rules
	buf     []byte
	key     int  // inside a private key: how many more bytes of it are believed
	swallow bool // inside a value that was longer than the window
}

// add returns what may be shown now. The result is valid until the next call.
func (l *lines) add(p []byte, r *Report) []byte {
	cut := bytes.LastIndexAny(p, "\r\n") + 1
	if cut > 0 {
		cut += len(l.buf)
	}
	l.buf = append(l.buf, p...)
	var out []byte
	if cut > 0 {
		out = l.mask(nil, l.buf[:cut], r)
		l.buf = append(l.buf[:0], l.buf[cut:]...)
	}
	for len(l.buf) > window {
		out = l.long(out, r)
	}
	return out
}

func (l *lines) finish(r *Report) []byte {
	out := l.mask(nil, l.buf, r)
	l.buf = nil
	return out
}

// mask appends the masked form of whole lines.
func (l *lines) mask(out, text []byte, r *Report) []byte {
	if l.swallow {
		n := bytes.IndexAny(text, stops)
		if n < 0 {
			n = len(text)
		} else {
			l.swallow = false
		}
		text = text[n:]
	}
	for len(text) > 0 {
		n := bytes.IndexAny(text, "\r\n") + 1
		if n == 0 {
			n = len(text)
		}
		out = l.line(out, text[:n], r)
		text = text[n:]
	}
	return out
}

func (l *lines) line(out, line []byte, r *Report) []byte {
	if l.key > 0 {
		line = l.keyRest(line)
	}
	spans := l.rules.find(line)
	if n := len(spans); n > 0 {
		l.opened(spans[n-1])
	}
	out, _ = splice(out, line, spans, len(line), r)
	return out
}

// long lets the front of a line go that is longer than the window.
func (l *lines) long(out []byte, r *Report) []byte {
	switch {
	case l.swallow:
		n := bytes.IndexAny(l.buf, stops)
		l.swallow = n < 0
		if n < 0 {
			n = len(l.buf)
		}
		l.drop(n)
		return out
	case l.key > 0:
		l.drop(len(l.buf) - len(l.keyRest(l.buf)))
		return out
	}
	spans := l.rules.find(l.buf)
	out, cut := splice(out, l.buf, spans, runeStart(l.buf, len(l.buf)-overlap), r)
	if n := len(spans); n > 0 && cut == len(l.buf) {
		l.opened(spans[n-1])
		l.swallow = l.key == 0
	}
	l.drop(cut)
	return out
}

func (l *lines) drop(n int) { l.buf = append(l.buf[:0], l.buf[n:]...) }

func (l *lines) opened(s span) {
	if s.open {
		l.key = keyLimit
	}
}

// keyRest returns what is left of a line inside a private key: nothing, what follows its end, or
// the line itself when it cannot belong to a key.
func (l *lines) keyRest(line []byte) []byte {
	if end := keyEnd.FindIndex(line); end != nil {
		l.key = 0
		return line[end[1]:]
	}
	if len(line) > l.key || !keyBody.Match(line) {
		l.key = 0
		return line
	}
	l.key -= len(line)
	return nil
}

// splice appends text up to cut with the spans replaced; a span that crosses the cut is masked
// whole. It returns where the shown part ends.
func splice(out, text []byte, spans []span, cut int, r *Report) ([]byte, int) {
	at := 0
	for _, s := range spans {
		if s.from >= cut && cut < len(text) {
			break
		}
		out = append(out, text[at:s.from]...)
		out = append(out, Mark(s.rule)...)
		r.add(s.rule)
		at = s.to
	}
	if at < cut {
		out = append(out, text[at:cut]...)
		at = cut
	}
	return out, at
}

// runeStart moves a cut back to the first byte of the character it would split.
func runeStart(b []byte, cut int) int {
	for back := 0; back < 3 && cut-back > 0; back++ {
		switch c := b[cut-back]; {
		case c < 0x80 || c >= 0xC0:
			return cut - back
		}
	}
	return cut
}
