package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
)

// The prefixes make a leaked credential findable in logs, chats and recordings.
const (
	tokenPrefix     = "swt_"
	enrolmentPrefix = "swe_"
	secretBytes     = 32
)

// newSecret makes a credential with 256 random bits.
func newSecret(random io.Reader, prefix string) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", err
	}
	return prefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

// wellFormed reports whether text could be a credential of a kind; only then is the store asked. The text must be
// the one spelling of its bytes: decoders of base64 pass over line breaks.
func wellFormed(text, prefix string) bool {
	body, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	return err == nil && len(raw) == secretBytes && base64.RawURLEncoding.EncodeToString(raw) == body
}

// fingerprint is what the store keeps. SHA-256 without salt or stretching suffices, because there
// is nothing to guess in 256 random bits.
func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newID names a credential in lists and in the journal.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:10]) }
