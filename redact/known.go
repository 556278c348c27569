package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Known is the rule id of values the process knew.
const Known = "secret"

// minEncoded is the shortest encoded form searched for: fewer symbols occur in ordinary text.
const minEncoded = 8

// index finds known values by the hash of their first four bytes: one look per byte of text
// whatever their number, and no table that grows with their length.
type index struct {
	heads   [1 << 12]uint64 // bit set: some value's head hashes there
	byHead  map[uint32][][]byte
	all     [][]byte
	longest int
}

// newIndex returns nil when there is nothing to look for.
func newIndex(values []string) *index {
	seen := map[string]bool{}
	for _, v := range values {
		for _, form := range forms(v) {
			seen[form] = len(form) >= MinSecret
		}
	}
	var x *index
	for form, use := range seen {
		if use && x == nil {
			x = &index{byHead: map[uint32][][]byte{}}
		}
		if use {
			x.put([]byte(form))
		}
	}
	if x == nil {
		return nil
	}
	for _, list := range x.byHead {
		slices.SortFunc(list, func(a, b []byte) int { return len(b) - len(a) })
	}
	return x
}

func (x *index) put(p []byte) {
	head := binary.LittleEndian.Uint32(p)
	h := hash(head)
	x.heads[h>>6] |= 1 << (h & 63)
	x.byHead[head] = append(x.byHead[head], p)
	x.all = append(x.all, p)
	x.longest = max(x.longest, len(p))
}

func hash(head uint32) uint32 { return head * 2654435761 >> 14 }

// next finds the first position from pos on, before end, where a value could begin.
func (x *index) next(b []byte, pos, end int) int {
	for last := min(end, len(b)-3); pos < last; pos++ {
		h := hash(binary.LittleEndian.Uint32(b[pos:]))
		if x.heads[h>>6]&(1<<(h&63)) != 0 {
			return pos
		}
	}
	return end
}

// at returns the length of the longest value that b begins with, or 0.
func (x *index) at(b []byte) int {
	for _, p := range x.byHead[binary.LittleEndian.Uint32(b)] {
		if bytes.HasPrefix(b, p) {
			return len(p)
		}
	}
	return 0
}

// undecided finds the first position whose rest might still grow into a value.
func (x *index) undecided(b []byte) int {
	for pos := max(0, len(b)-x.longest+1); pos < len(b); pos++ {
		rest := b[pos:]
		list := x.all
		if len(rest) >= 4 {
			list = x.byHead[binary.LittleEndian.Uint32(rest)]
		}
		for _, p := range list {
			if len(p) > len(rest) && bytes.HasPrefix(p, rest) {
				return pos
			}
		}
	}
	return len(b)
}

// forms lists the ways a value may be written.
func forms(v string) []string {
	if len(v) < MinSecret {
		return nil
	}
	out := []string{v}
	if strings.Contains(v, "\n") {
		out = append(out, strings.ReplaceAll(v, "\n", "\r\n")) // as a terminal prints it
		for line := range strings.Lines(v) {
			if line = strings.TrimRight(line, "\r\n"); len(line) >= 16 {
				out = append(out, line)
			}
		}
	}
	long := func(forms ...string) {
		for _, f := range forms {
			if len(f) >= minEncoded {
				out = append(out, f)
			}
		}
	}
	query, path := url.QueryEscape(v), url.PathEscape(v)
	out = append(out, query, path, lowerEscapes(query), lowerEscapes(path), percentAll(v))
	out = append(out, inJSON(v, true), inJSON(v, false))
	digits := hex.EncodeToString([]byte(v))
	long(digits, strings.ToUpper(digits))
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for offset := range 3 {
			long(core(enc, v, offset))
		}
		whole := enc.EncodeToString([]byte(v))
		long(wrap(whole, 76, "\n"), wrap(whole, 76, "\r\n"), wrap(whole, 64, "\n"))
	}
	return out
}

// inJSON writes a value as JSON text does, with or without the escapes of & < > that Go adds.
func inJSON(v string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

// core is the part of the base64 form that does not depend on the bytes around the value, which
// begins offset bytes after a group of three.
func core(enc *base64.Encoding, v string, offset int) string {
	s := enc.EncodeToString(append(make([]byte, offset), v...))
	from := (offset*8 + 5) / 6
	to := (offset + len(v)) * 8 / 6
	if to <= from {
		return ""
	}
	return s[from:to]
}

func wrap(s string, width int, nl string) string {
	if len(s) <= width {
		return ""
	}
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + nl)
		s = s[width:]
	}
	return b.String() + s
}

// percentAll writes every byte that is not a letter or digit as %XX, as strict encoders do.
func percentAll(v string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(v) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
			continue
		}
		b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
	}
	return b.String()
}

func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}
