package report

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/cast"
)

// What one page may carry, so that the report of a whole bank stays below 3 MB. What does not fit is
// named with its place in the bundle.
const (
	roomRecordings = 900 << 10 // before base64
	roomImages     = 300 << 10
	roomTexts      = 400 << 10
	textShown      = 8 << 10 // of one output
)

// kept is the evidence shown inside the page, by digest.
type kept struct {
	casts  map[string][]byte
	texts  map[string]string
	cut    map[string]int64 // bytes of a text not shown
	images map[string]template.URL
}

// keep reads the evidence that fits, smallest first.
func keep(m *Model, blob func(digest string) (io.ReadCloser, error)) (kept, error) {
	k := kept{map[string][]byte{}, map[string]string{}, map[string]int64{}, map[string]template.URL{}}
	room := map[string]int64{"recording": roomRecordings, "image": roomImages, "text": roomTexts}
	for _, e := range evidenceBySize(m) {
		what := sortOf(e)
		need := e.Size
		if what == "text" {
			need = min(need, textShown)
		}
		if what == "" || blob == nil || need > room[what] {
			continue
		}
		raw, err := readBlob(blob, e.Digest, need)
		if err != nil {
			return k, err
		}
		room[what] -= need
		k.take(what, e, raw)
	}
	return k, nil
}

// sortOf says how a page can show evidence, "" for not at all.
func sortOf(e Evidence) string {
	switch {
	case e.Erased || e.Size < 0:
		return ""
	case e.Media == cast.Media:
		return "recording"
	case slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "image/webp"}, e.Media):
		return "image"
	case strings.HasPrefix(e.Media, "text/") || e.Media == "application/json":
		return "text"
	}
	return ""
}

func (k kept) take(what string, e Evidence, raw []byte) {
	switch what {
	case "recording":
		text, err := castText(raw)
		if err != nil {
			return // kept in the bundle as it is, but no player would show it
		}
		k.casts[e.Digest] = raw
		k.setText(e.Digest, text)
	case "image":
		k.images[e.Digest] = template.URL("data:" + e.Media + ";base64," + base64.StdEncoding.EncodeToString(raw))
	case "text":
		k.setText(e.Digest, terminalText(string(raw)))
		k.cut[e.Digest] = e.Size - int64(len(raw))
	}
}

func (k kept) setText(digest, text string) {
	if len(text) > textShown {
		end := textShown
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		k.cut[digest] = int64(len(text) - end)
		text = text[:end]
	}
	k.texts[digest] = text
}

// evidenceBySize lists what the attempts left, each once.
func evidenceBySize(m *Model) []Evidence {
	var out []Evidence
	seen := map[string]bool{}
	for _, r := range m.Runs {
		for _, s := range r.Steps {
			for _, a := range s.Attempts {
				for _, e := range a.Evidence {
					if !seen[e.Digest] {
						seen[e.Digest] = true
						out = append(out, e)
					}
				}
			}
		}
	}
	slices.SortFunc(out, func(x, y Evidence) int { return cmp.Or(cmp.Compare(x.Size, y.Size), cmp.Compare(x.Digest, y.Digest)) })
	return out
}

func readBlob(blob func(digest string) (io.ReadCloser, error), digest string, most int64) ([]byte, error) {
	r, err := blob(digest)
	if err != nil {
		return nil, fmt.Errorf("reading evidence %s: %w", digest, err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, most))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("reading evidence %s: %w", digest, err)
	}
	return raw, nil
}

// castText is what a recording printed.
func castText(raw []byte) (string, error) {
	in, err := cast.NewReader(bytes.NewReader(raw))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return terminalText(b.String()), nil
		}
		if err != nil {
			return "", err
		}
		if e.Kind == cast.Output {
			b.WriteString(e.Data)
		}
	}
}

// control finds what a terminal would obey instead of show.
var control = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[()][0-9A-B]|\x1b[=>78cDEHMNOZ]")
})

// terminalText is printed text without orders to a terminal, lines ended by line feeds.
func terminalText(s string) string {
	s = control().ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.Trim(s, "\n")
}

// visible shows by their number the characters nobody sees and those that turn the order of others,
// so that a page cannot be made to read otherwise than it was written.
func visible(b []byte) []byte {
	if !bytes.ContainsFunc(b, hidden) && utf8.Valid(b) {
		return b
	}
	var out bytes.Buffer
	out.Grow(len(b) + len(b)/8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case hidden(r):
			fmt.Fprintf(&out, "⟨U+%04X⟩", r)
		case r == utf8.RuneError && n == 1:
			out.WriteRune(r)
		default:
			out.Write(b[:n])
		}
		b = b[n:]
	}
	return out.Bytes()
}

func hidden(r rune) bool {
	switch {
	case r >= ' ' && r < 0x7f || r == '\n' || r == '\t' || r >= 0x4e00 && r <= 0x9fff: // most of all text
		return false
	case r == '\u2028' || r == '\u2029' || r == '\u115f' || r == '\u1160' || r == '\u3164' || r == '\uffa0':
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector)
}
