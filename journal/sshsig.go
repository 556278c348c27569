package journal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Signatures in the form of OpenSSH (PROTOCOL.sshsig), so that a file signed with the log key can be
// checked by ssh-keygen alone. What is signed begins with a preamble that no checkpoint begins with:
// neither signature can be taken for the other.

const (
	sshsigMagic   = "SSHSIG"
	sshsigPEM     = "SSH SIGNATURE"
	sshsigHash    = "sha512"
	sshsigVersion = 1
)

// sshsigBlob is the signature's outer form after magic and version.
type sshsigBlob struct {
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// sshsigSigned is what is signed, after the magic.
type sshsigSigned struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

func sshsigMessage(namespace string, message []byte) []byte {
	digest := sha512.Sum512(message)
	return append([]byte(sshsigMagic), ssh.Marshal(sshsigSigned{Namespace: namespace, Hash: sshsigHash, Digest: digest[:]})...)
}

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
	key := ed25519.NewKeyFromSeed(seed[1:])
	public, err := sshKey(s.public)
	if err != nil {
		return nil, err
	}
	sig := ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: ed25519.Sign(key, sshsigMessage(namespace, message))}
	blob := sshsigBlob{PublicKey: public.Marshal(), Namespace: namespace, Hash: sshsigHash, Signature: ssh.Marshal(sig)}
	var b bytes.Buffer
	b.WriteString(sshsigMagic)
	b.Write([]byte{0, 0, 0, sshsigVersion})
	b.Write(ssh.Marshal(blob))
	return armour(b.Bytes()), nil
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

var errNotSSHSig = errors.New("this is not a signature as ssh-keygen -Y sign writes it")

// VerifyFile checks a signature made by [Signer.SignFile] under one of the verifier keys and returns the
// key it is by. Only the one form SignFile writes is taken.
func VerifyFile(armoured []byte, namespace string, message []byte, keys ...string) (string, error) {
	block, rest := pem.Decode(armoured)
	if block == nil || block.Type != sshsigPEM || len(rest) > 0 || len(armoured) > maxNote {
		return "", errNotSSHSig
	}
	raw, ok := bytes.CutPrefix(block.Bytes, append([]byte(sshsigMagic), 0, 0, 0, sshsigVersion))
	if !ok || !bytes.Equal(armour(block.Bytes), armoured) {
		return "", errNotSSHSig
	}
	var blob sshsigBlob
	var sig ssh.Signature
	if ssh.Unmarshal(raw, &blob) != nil || ssh.Unmarshal(blob.Signature, &sig) != nil || len(sig.Rest) > 0 {
		return "", errNotSSHSig
	}
	if blob.Namespace != namespace || blob.Hash != sshsigHash || blob.Reserved != "" || sig.Format != ssh.KeyAlgoED25519 {
		return "", fmt.Errorf("the signature is for %.60q by %.20q, not for %q", blob.Namespace, sig.Format, namespace)
	}
	for _, key := range keys {
		public, err := sshKey(key)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(public.Marshal(), blob.PublicKey) {
			continue
		}
		if err := public.Verify(sshsigMessage(namespace, message), &sig); err != nil {
			return "", errors.New("the signature does not fit the file")
		}
		return key, nil
	}
	return "", errors.New("the signature is by another key")
}

// AllowedSigner is a verifier key as a line of the file ssh-keygen -Y verify wants, good for one
// namespace.
func AllowedSigner(key, namespace string) (string, error) {
	public, err := sshKey(key)
	if err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(key, "+")
	return fmt.Sprintf("%s namespaces=%q %s", name, namespace, ssh.MarshalAuthorizedKey(public)), nil
}

// sshKey is a verifier key (name+hash+base64 of algorithm and key) as OpenSSH has it.
func sshKey(key string) (ssh.PublicKey, error) {
	parts := strings.SplitN(strings.TrimSpace(key), "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("this is not a public log key (name+hash+key)")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		return nil, errors.New("this is not a public log key (name+hash+key)")
	}
	public, err := ssh.NewPublicKey(ed25519.PublicKey(raw[1:]))
	if err != nil {
		return nil, fmt.Errorf("reading a public log key: %w", err)
	}
	return public, nil
}
