package actions

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// inMemory is how much of an output is held before it moves to a file.
const inMemory = 64 << 10

// spool keeps what is written to it, first in memory, then in a file that is unlinked as soon as
// it is open, so that a crash leaves nothing behind. It never fails its writer: beyond the limit,
// or once the disk is full, bytes are counted only.
type spool struct {
	dir   string
	limit int64
	buf   bytes.Buffer
	file  *os.File
	kept  int64
	total int64
	err   error // why nothing more is kept
}

func (s *spool) Write(p []byte) (int, error) {
	s.total += int64(len(p))
	take := p
	if room := s.limit - s.kept; int64(len(take)) > room {
		take = take[:max(room, 0)]
	}
	if len(take) > 0 && s.err == nil {
		s.keep(take)
	}
	return len(p), nil
}

func (s *spool) keep(p []byte) {
	if s.file == nil && s.buf.Len()+len(p) > inMemory {
		if s.err = s.toFile(); s.err != nil {
			return
		}
	}
	var n int
	if s.file == nil {
		n, s.err = s.buf.Write(p)
	} else {
		n, s.err = s.file.Write(p)
	}
	s.kept += int64(n)
}

func (s *spool) toFile() error {
	f, err := os.CreateTemp(s.dir, "switchman-output-*")
	if err != nil {
		return fmt.Errorf("opening a file for output: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(fmt.Errorf("unlinking a file for output: %w", err), f.Close())
	}
	if _, err := f.Write(s.buf.Bytes()); err != nil {
		s.kept = 0
		return errors.Join(fmt.Errorf("writing output: %w", err), f.Close())
	}
	s.buf = bytes.Buffer{}
	s.file = f
	return nil
}

// cut says what is missing, or "".
func (s *spool) cut() string {
	switch {
	case s.err != nil:
		return fmt.Sprintf("only %d of %d bytes could be kept", s.kept, s.total)
	case s.kept < s.total:
		return fmt.Sprintf("cut: the first %d of %d bytes were kept", s.kept, s.total)
	}
	return ""
}

// evidence hands the content over; the spool must not be written to afterwards.
func (s *spool) evidence(kind, media, name string) File {
	f := File{Kind: kind, Media: media, Name: name, Size: s.kept}
	if s.file == nil {
		content := s.buf.Bytes()
		f.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
		f.Remove = func() error { return nil }
		return f
	}
	file, size := s.file, s.kept
	f.Open = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, size)), nil }
	f.Remove = file.Close
	return f
}

// drop lets go of what nobody asked for.
func (s *spool) drop() {
	if s.file != nil {
		s.file.Close() //nolint:errcheck // an unlinked file, nothing to lose
	}
}

// tail remembers the last bytes written, for the one line that is said about an output.
type tail struct{ b []byte }

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	if over := len(t.b) + len(p) - tailSize; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	t.b = append(t.b, p...)
	return n, nil
}

// line is the last line that is not blank.
func (t *tail) line() string {
	for rest := t.b; ; {
		rest = bytes.TrimRight(rest, "\r\n \t")
		if len(rest) == 0 {
			return ""
		}
		i := bytes.LastIndexAny(rest, "\r\n")
		if last := bytes.TrimSpace(rest[i+1:]); len(last) > 0 {
			return string(last)
		}
		if i < 0 {
			return ""
		}
		rest = rest[:i]
	}
}

// note appends beyond the limit.
func (s *spool) note(text string) {
	if s.err != nil {
		return // no room for a note either
	}
	s.keep([]byte(text))
}
