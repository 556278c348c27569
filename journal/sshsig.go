package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signatures in the form of OpenSSH (PROTOCOL.sshsig), so that a file signed with the log key can be
// checked by ssh-keygen alone. What is signed begins with a preamble that no checkpoint begins with:
// neither signature can be taken for the other.

const (
	sshsigPEM     = "SSH SIGNATURE"
	sshKeyType    = "ssh-ed25519"
	sshsigMagic   = "SSHSIG"
	sshsigVersion = "\x00\x00\x00\x01"
	sshsigHash    = "sha512"
)

// sshString writes a string the way SSH does: its length in four bytes, and its bytes.
func sshString(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return string(b)
}

// sshsigMessage is what is signed.
func sshsigMessage(namespace string, message []byte) []byte {
	digest := sha512.Sum512(message)
	return []byte(sshsigMagic + sshString(namespace, "", sshsigHash, string(digest[:])))
}

// sshsigHead is all of a signature's blob but the signature itself, which is the same for every message.
func sshsigHead(public ed25519.PublicKey, namespace string) []byte {
	sig := sshString(sshKeyType) + "\x00\x00\x00\x40" // 64 bytes follow
	return append([]byte(sshsigMagic+sshsigVersion+sshString(sshPublic(public), namespace, "", sshsigHash)),
		append(binary.BigEndian.AppendUint32(nil, uint32(len(sig)+ed25519.SignatureSize)), sig...)...)
}

func sshPublic(public ed25519.PublicKey) string { return sshString(sshKeyType, string(public)) }

// SignFile signs a message in the form ssh-keygen -Y verify reads. The same message gives the same
// bytes.
func (s *Signer) SignFile(namespace string, message []byte) ([]byte, error) {
	parts := strings.SplitN(s.secret, "+", 5)
	if len(parts) != 5 {
		return nil, errNotKey
	}
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errNotKey
	}
	public, err := rawKey(s.public)
	if err != nil {
		return nil, err
	}
	sig := ed25519.Sign(ed25519.NewKeyFromSeed(seed[1:]), sshsigMessage(namespace, message))
	return armour(append(sshsigHead(public, namespace), sig...)), nil
}

// armour writes lines of 70 characters, as OpenSSH does.
func armour(raw []byte) []byte {
	text := base64.StdEncoding.EncodeToString(raw)
	var b bytes.Buffer
	b.WriteString("-----BEGIN " + sshsigPEM + "-----\n")
	for len(text) > 70 {
		b.WriteString(text[:70] + "\n")
		text = text[70:]
	}
	b.WriteString(text + "\n-----END " + sshsigPEM + "-----\n")
	return b.Bytes()
}

// VerifyFile checks a signature made by [Signer.SignFile] under one of the verifier keys and returns the
// key it is by. Only the one form SignFile writes is taken.
func VerifyFile(armoured []byte, namespace string, message []byte, keys ...string) (string, error) {
	block, rest := pem.Decode(armoured)
	if len(armoured) > maxNote || block == nil || block.Type != sshsigPEM || len(rest) > 0 || !bytes.Equal(armour(block.Bytes), armoured) {
		return "", errors.New("this is not a signature as ssh-keygen -Y sign writes it")
	}
	for _, key := range keys {
		public, err := rawKey(key)
		if err != nil {
			return "", err
		}
		sig, ok := bytes.CutPrefix(block.Bytes, sshsigHead(public, namespace))
		if !ok {
			continue
		}
		if !ed25519.Verify(public, sshsigMessage(namespace, message), sig) {
			return "", errors.New("the signature does not fit the file")
		}
		return key, nil
	}
	return "", fmt.Errorf("the signature is by another key, or not for %q", namespace)
}

// AllowedSigner is a verifier key as a line of the file ssh-keygen -Y verify wants, good for one
// namespace.
func AllowedSigner(key, namespace string) (string, error) {
	public, err := rawKey(key)
	if err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(key, "+")
	return fmt.Sprintf("%s namespaces=%q %s %s\n", name, namespace, sshKeyType, base64.StdEncoding.EncodeToString([]byte(sshPublic(public)))), nil
}

// rawKey is the Ed25519 key in a verifier key (name+hash+base64 of algorithm and key).
func rawKey(key string) (ed25519.PublicKey, error) {
	if _, err := note.NewVerifier(key); err != nil {
		return nil, errNotPublic
	}
	parts := strings.SplitN(key, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return nil, errNotPublic
	}
	return raw[1:], nil
}

var errNotPublic = errors.New("this is not a public log key (name+hash+key)")
