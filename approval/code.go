package approval

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"golang.org/x/crypto/argon2"
)

// A security code is DRC-XXXX-XXXX-XXXX-C: twelve random symbols of Crockford's base32 (60 bits) and
// a check symbol. The prefix makes a code that leaked into a message or a recording findable; the
// check symbol tells a slip of the finger from a guess.
const (
	codePrefix  = "DRC"
	codeSymbols = 12
	alphabet    = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

	// maxTyped bounds what is looked at of a typed code; two codes with generous blanks fit.
	maxTyped = 128
)

// Lifetimes a policy may shorten but not lengthen (NIST SP 800-63B-4, section 3.1.3.2: an
// out-of-band secret lives ten minutes at most).
const (
	MaxCodeLife  = dr.Millis(10 * 60 * 1000)
	MaxSheetLife = dr.Millis(30 * 60 * 1000)
	MaxCodeTries = 5
)

// Secret is a code in the clear. It prints as a mask wherever it strays; only Reveal gives it out.
type Secret struct{ text string }

const mask = "DRC-****-****-****-*"

// Reveal gives the code out, to the issuer's screen and nowhere else.
func (s Secret) Reveal() string { return s.text }

// String masks.
func (s Secret) String() string { return mask }

// GoString masks.
func (s Secret) GoString() string { return mask }

// Format masks under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// MarshalJSON masks.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText masks.
func (s Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue masks in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(mask) }

// NewCode draws a code; rand is crypto/rand.Reader outside of tests.
func NewCode(rand io.Reader) (Secret, error) {
	var raw [codeSymbols]byte
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		return Secret{}, fmt.Errorf("drawing a security code: %w", err)
	}
	var symbols [codeSymbols]byte
	for i, b := range raw {
		symbols[i] = b & 31 // 256 is a multiple of 32: no symbol is likelier than another
	}
	return Secret{written(symbols)}, nil
}

func written(symbols [codeSymbols]byte) string {
	var b strings.Builder
	b.WriteString(codePrefix)
	for i, s := range symbols {
		if i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[s])
	}
	b.WriteByte('-')
	b.WriteByte(alphabet[checkSymbol(symbols)])
	return b.String()
}

// checkSymbol is a weighted sum over the field of 32 elements (x^5+x^2+1), the weights being
// distinct powers of x. Any one wrong symbol and any two symbols swapped change it, and it needs no
// symbols outside the alphabet, unlike Crockford's own check modulo 37.
func checkSymbol(symbols [codeSymbols]byte) byte {
	var sum byte
	for i := codeSymbols - 1; i >= 0; i-- { // Horner: the last symbol has weight x, the first x^12
		sum = timesX(sum ^ symbols[i])
	}
	return sum
}

func timesX(b byte) byte {
	b <<= 1
	if b&32 != 0 {
		b ^= 0b100101
	}
	return b
}

// ParseCode reads a code the way people write them down: any case, O for 0, I and L for 1, with or
// without blanks, dashes and prefix, full-width or not. What is not well formed was mistyped, which
// is not a guess.
func ParseCode(s string) (canonical string, wellFormed bool) {
	if len(s) > maxTyped {
		return "", false
	}
	text, ok := plain(s)
	if !ok {
		return "", false
	}
	if len(text) == len(codePrefix)+codeSymbols+1 && strings.HasPrefix(text, codePrefix) {
		text = text[len(codePrefix):]
	}
	if len(text) != codeSymbols+1 {
		return "", false
	}
	var symbols [codeSymbols]byte
	for i := range codeSymbols {
		symbols[i] = byte(strings.IndexByte(alphabet, text[i]))
	}
	if alphabet[checkSymbol(symbols)] != text[codeSymbols] {
		return "", false
	}
	return written(symbols), true
}

// ParseCodes reads one or two codes typed with a comma, a semicolon or a new line between them. Well
// formed means that all of them are.
func ParseCodes(s string) (canonical []string, wellFormed bool) {
	if len(s) > maxTyped {
		return nil, false
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;\n\r，；、", r) })
	for _, p := range parts {
		if strings.TrimSpace(p) == "" {
			continue
		}
		code, ok := ParseCode(p)
		if !ok {
			return nil, false
		}
		if !slices.Contains(canonical, code) { // the same code twice is one code
			canonical = append(canonical, code)
		}
	}
	return canonical, len(canonical) == 1 || len(canonical) == 2
}

// plain leaves only symbols of the alphabet, and says no to anything that is neither a symbol nor
// something people put between symbols.
func plain(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		r = narrow(r)
		switch {
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case strings.ContainsRune(" \t\r\n-‐‑–—_.·", r):
			continue
		}
		switch r {
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if r > 'Z' || strings.IndexByte(alphabet, byte(r)) < 0 {
			return "", false
		}
		b.WriteByte(byte(r))
	}
	return b.String(), true
}

// narrow turns full-width forms, which Chinese keyboards give, into the plain ones.
func narrow(r rune) rune {
	switch {
	case r == '\u3000':
		return ' '
	case r >= '\uff01' && r <= '\uff5e':
		return r - '\uff01' + '!'
	}
	return r
}

// CodeContext is what a code is bound to (C2). A sheet's line is printed before any run exists, so
// it is hashed over Sheet and Number alone and bound by the row the engine stores when it is opened.
type CodeContext struct {
	Run       string
	Digest    string
	Round     int
	Direction dr.Direction
	Mode      dr.Mode
	Sheet     string
	Number    int
}

// SheetContext binds a numbered line of a sealed sheet.
func SheetContext(sheet string, number int) CodeContext {
	return CodeContext{Sheet: sheet, Number: number}
}

// Argon2id cost: 19 MiB, two passes, one lane, the smallest setting OWASP's password storage cheat
// sheet names; 60 random bits and five tries need no more.
const (
	argonTime   = 2
	argonMemory = 19 * 1024
	argonLanes  = 1
	hashSize    = 32
	codeDomain  = "switchman/code/v1"
)

// HashCode is what is stored of a code: Argon2id over an HMAC keyed with the pepper, which is never
// in the database. The code must be canonical, as ParseCode gives it.
func HashCode(pepper, salt []byte, ctx CodeContext, code string) []byte {
	mac := hmac.New(sha256.New, pepper)
	field := func(s string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		mac.Write(n[:])
		mac.Write([]byte(s))
	}
	field(codeDomain)
	field(ctx.Run)
	field(ctx.Digest)
	field(fmt.Sprint(ctx.Round))
	field(string(ctx.Direction))
	field(string(ctx.Mode))
	field(ctx.Sheet)
	field(fmt.Sprint(ctx.Number))
	field(code)
	defer runtime.GC() // the 19 MiB are garbage now; a second hash soon after must not add its own
	return argon2.IDKey(mac.Sum(nil), salt, argonTime, argonMemory, argonLanes, hashSize)
}

// Matches compares in constant time whether a canonical code has the hash.
func Matches(hash, pepper, salt []byte, ctx CodeContext, code string) bool {
	return len(hash) == hashSize && subtle.ConstantTimeCompare(hash, HashCode(pepper, salt, ctx, code)) == 1
}

// CodeLife is how long a code of the source lives under the rule.
func CodeLife(rule dr.Rule, source string) dr.Millis {
	limit := MaxCodeLife
	if source == Sheet {
		return MaxSheetLife
	}
	if rule.CodeExpiry > 0 && rule.CodeExpiry < limit {
		return rule.CodeExpiry
	}
	return limit
}

// Tries says how many wrong codes the run has seen and how many lock it.
func Tries(c Case) (used, limit int) {
	limit = MaxCodeTries
	if c.Slice != nil && c.Slice.Rule.CodeTries > 0 && c.Slice.Rule.CodeTries < limit {
		limit = c.Slice.Rule.CodeTries
	}
	return c.Run.CodeTries, limit
}
