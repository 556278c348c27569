package journal

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Origin is the name of an organisation's journal; it opens every checkpoint and names the keys.
func Origin(organisation string) string { return "switchman/" + organisation }

// Signer holds the log key. It prints as its public half, so that it cannot reach a log by accident.
type Signer struct {
	secret, public string
	signer         note.Signer
}

// NewKey makes a log key for an origin.
func NewKey(rand io.Reader, origin string) (*Signer, error) {
	secret, _, err := note.GenerateKey(rand, origin)
	if err != nil {
		return nil, fmt.Errorf("making a log key: %w", err)
	}
	return ParseKey(secret)
}

// ParseKey reads a log key as [Signer.Secret] gives it. Errors never quote it.
func ParseKey(secret string) (*Signer, error) {
	secret = strings.TrimSpace(secret)
	s, err := note.NewSigner(secret)
	if err != nil {
		return nil, errNotKey
	}
	public, err := publicKey(secret, s.Name())
	if err != nil {
		return nil, err
	}
	return &Signer{secret: secret, public: public, signer: s}, nil
}

// Origin is the name the key signs under.
func (s *Signer) Origin() string { return s.signer.Name() }

// Public is the verifier key (name+hash+key) an auditor is given out of band.
func (s *Signer) Public() string { return s.public }

// Secret is the private key in the form [ParseKey] reads. It belongs into a file of mode 0600.
func (s *Signer) Secret() string { return s.secret }

// String is the public half.
func (s *Signer) String() string { return s.public }

// GoString is the public half.
func (s *Signer) GoString() string { return s.public }

// LogValue is the public half.
func (s *Signer) LogValue() slog.Value { return slog.StringValue(s.public) }

// MarshalJSON is the public half.
func (s *Signer) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(s.public)), nil }

// registerLine opens the line of a checkpoint that names the register of runs.
const registerLine = "register "

// Sign writes the checkpoint of a tree and of the register that goes with it.
func (s *Signer) Sign(h Head, root tlog.Hash) ([]byte, error) {
	text := s.Origin() + "\n" + strconv.FormatInt(h.Size, 10) + "\n" + root.String() + "\n" + registerLine + h.Register.String() + "\n"
	b, err := note.Sign(&note.Note{Text: text}, s.signer)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint of %d rows: %w", h.Size, err)
	}
	return b, nil
}

// SignText signs any text of ours that is not a checkpoint, such as a key rotation.
func (s *Signer) SignText(text string) (string, error) {
	b, err := note.Sign(&note.Note{Text: text}, s.signer)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return string(b), nil
}

// VerifyText checks a text signed by [Signer.SignText] and returns it.
func VerifyText(signed, key string) (string, error) {
	n, err := open([]byte(signed), key)
	if err != nil {
		return "", err
	}
	return n.Text, nil
}

// Checkpoint is what a signed note says.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash

	Register tlog.Hash // digest of the register of runs, see [Register.Digest]
	Key      string    // the verifier key, one of those given, whose signature was found good
}

// maxNote bounds a note; ours are about 250 bytes, cosignatures may be added outside.
const maxNote = 64 << 10

// Verify opens a checkpoint and requires a good signature by one of the keys under the origin the
// checkpoint names.
func Verify(msg []byte, keys ...string) (Checkpoint, error) {
	n, err := open(msg, keys...)
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := parseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, sig := range n.Sigs {
		for _, key := range keys {
			v, err := note.NewVerifier(key)
			if err == nil && v.Name() == sig.Name && v.KeyHash() == sig.Hash && v.Name() == cp.Origin {
				cp.Key = key
				return cp, nil
			}
		}
	}
	return Checkpoint{}, fmt.Errorf("checkpoint of %q is not signed under its own name", cp.Origin)
}

// Peek reads a checkpoint without trusting it, to say in an error what was found.
func Peek(msg []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(msg), "\n\n")
	if !ok || len(msg) > maxNote {
		return Checkpoint{}, errNotCheckpoint
	}
	return parseCheckpoint(text + "\n")
}

var errNotKey = errors.New("this is not a log key (PRIVATE+KEY+name+hash+key)")

var errNotCheckpoint = errors.New("this is not a checkpoint (origin, size, root, register, signature)")

// canonical reports whether every signature is spelt in the one way base64 allows when its unused bits
// must be zero; otherwise one checkpoint would have several spellings, all of them verifying.
func canonical(msg []byte) bool {
	_, sigs, _ := strings.Cut(string(msg), "\n\n")
	for line := range strings.Lines(sigs) {
		spelt := strings.TrimSuffix(line[strings.LastIndexByte(line, ' ')+1:], "\n")
		if _, err := base64.StdEncoding.Strict().DecodeString(spelt); err != nil {
			return false
		}
	}
	return true
}

func open(msg []byte, keys ...string) (*note.Note, error) {
	if !canonical(msg) {
		return nil, errors.New("a signature is not written the one way it can be written")
	}
	if len(msg) > maxNote {
		return nil, errNotCheckpoint
	}
	if len(keys) == 0 {
		return nil, errors.New("no key to verify a checkpoint with")
	}
	var known []note.Verifier
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("verifier key %q: %w", key, err)
		}
		known = append(known, v)
	}
	n, err := note.Open(msg, note.VerifierList(known...))
	if err != nil {
		return nil, fmt.Errorf("signature of the checkpoint: %w", err)
	}
	return n, nil
}

// parseCheckpoint reads the three lines every checkpoint of the format has and the one of ours.
// Further lines are allowed by the format and ignored.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 5 || lines[0] == "" {
		return Checkpoint{}, errNotCheckpoint
	}
	size, err := parseNumber(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("size of a checkpoint: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("root of a checkpoint: %w", err)
	}
	digest, ok := strings.CutPrefix(lines[3], registerLine)
	if !ok {
		return Checkpoint{}, errNotCheckpoint
	}
	register, err := parseHash(digest)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("register of a checkpoint: %w", err)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root, Register: register}, nil
}

// parseNumber takes a decimal in its one form.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.20q is not a plain number", s)
	}
	return n, nil
}

// parseHash takes base64 in its one form; the decoder alone lets stray bits and line breaks pass.
func parseHash(s string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != tlog.HashSize || base64.StdEncoding.EncodeToString(b) != s {
		return tlog.Hash{}, fmt.Errorf("%.60q is not a hash", s)
	}
	return tlog.Hash(b), nil
}

// publicKey finds the verifier key of a secret. x/mod tells both only when it makes them, so we
// derive it from the seed: PRIVATE+KEY+name+hash+base64(algorithm, seed).
func publicKey(secret, origin string) (string, error) {
	parts := strings.SplitN(secret, "+", 5) // base64 may hold a "+" itself
	if len(parts) != 5 {
		return "", errNotKey
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", errNotKey
	}
	public, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errNotKey
	}
	return note.NewEd25519VerifierKey(origin, public)
}
