package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/switchman-dr/switchman/dr"
)

// The work of one password: Argon2id with 19 MiB, two passes and one lane, as the OWASP Password
// Storage Cheat Sheet names it. hashers bounds how much of it strangers can ask for at a time.
const (
	hashPasses = 2
	hashMemory = 19 << 10 // KiB
	hashLanes  = 1
	hashBytes  = 32
	saltBytes  = 16
	hashMark   = "a2id-19m-2-1" // names the parameters, so that they can be raised later

	hashers = 2
	waiters = 32

	passwordLeast = 12 // characters
	passwordMost  = 128
	lettersLeast  = 5 // different characters
)

// hasher turns passwords into what is kept, a few at a time.
type hasher struct {
	key   []byte // mixed in, so that a copied database alone cannot be searched
	queue chan struct{}
	slots chan struct{}
}

func newHasher(key []byte) *hasher {
	return &hasher{key: key, queue: make(chan struct{}, waiters), slots: make(chan struct{}, hashers)}
}

// enter waits for a turn; too many waiting is refused instead of piling up.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.queue <- struct{}{}:
	default:
		return nil, &dr.Error{Kind: dr.Unavailable, ID: "sign_in_busy"}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.queue }, nil
	case <-ctx.Done():
		<-h.queue
		return nil, ctx.Err()
	}
}

// make hashes a new password.
func (h *hasher) make(ctx context.Context, random io.Reader, password typed) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("drawing a salt: %w", err)
	}
	return joinHash(salt, h.stretch(password, salt)), nil
}

func joinHash(salt, hash []byte) string {
	b64 := base64.RawStdEncoding
	return strings.Join([]string{hashMark, b64.EncodeToString(salt), b64.EncodeToString(hash)}, "$")
}

// fits compares a password with what is kept. It takes the same time for what is not kept at all.
func (h *hasher) fits(ctx context.Context, password typed, kept string) (bool, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	salt, want, ok := splitHash(kept)
	got := h.stretch(password, salt)
	return subtle.ConstantTimeCompare(got, want) == 1 && ok, nil
}

func (h *hasher) stretch(password typed, salt []byte) []byte {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(password.reveal()))
	return argon2.IDKey(mac.Sum(nil), salt, hashPasses, hashMemory, hashLanes, hashBytes)
}

// splitHash reads what is kept; what cannot be read is compared all the same, with nothing.
func splitHash(kept string) (salt, hash []byte, ok bool) {
	parts := strings.Split(kept, "$")
	if len(parts) == 3 && parts[0] == hashMark {
		var err, err2 error
		salt, err = base64.RawStdEncoding.DecodeString(parts[1])
		hash, err2 = base64.RawStdEncoding.DecodeString(parts[2])
		if err == nil && err2 == nil && len(salt) == saltBytes && len(hash) == hashBytes && joinHash(salt, hash) == kept {
			return salt, hash, true
		}
	}
	return make([]byte, saltBytes), make([]byte, hashBytes), false
}

// stems are beginnings of what people choose first (after the lists of leaked passwords). Whoever
// builds on one adds a year and a mark to it, and those are what guessers try next.
var stems = [...]string{"password", "passw0rd", "qwerty", "asdfgh", "zxcvbn", "123456", "654321", "abc123", "abcdef", "letmein", "welcome",
	"iloveyou", "admin", "changeme", "monkey", "dragon", "woaini", "mima", "switchman", "switchover"}

// goodPassword holds a new password against the rule: long enough, not one character over and over, and
// not built on a common one or on the person's own name.
func goodPassword(password typed, p dr.Person, organisation string) error {
	text := password.reveal()
	n := utf8.RuneCountInString(text)
	if !utf8.ValidString(text) || n < passwordLeast || n > passwordMost {
		return &dr.Error{Kind: dr.Invalid, ID: "password_length", Args: dr.Args{"least": fmt.Sprint(passwordLeast), "most": fmt.Sprint(passwordMost)}}
	}
	different := map[rune]bool{}
	for _, c := range text {
		different[unicode.ToLower(c)] = true
	}
	plain := strings.ToLower(text)
	common := len(different) < lettersLeast
	for _, stem := range stems {
		// What is left without the stem has to be a password by itself.
		common = common || strings.Contains(plain, stem) && n-len(stem) < passwordLeast
	}
	for _, own := range append(strings.Fields(strings.ToLower(p.Name+" "+organisation)), strings.ToLower(p.ID)) {
		common = common || len(own) > 3 && strings.Contains(plain, own) && n-utf8.RuneCountInString(own) < passwordLeast
	}
	if common {
		return &dr.Error{Kind: dr.Invalid, ID: "password_common"}
	}
	return nil
}
