package journal

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const testSpace = "switchman-report@v1"

func newTestKey(t testing.TB) *Signer {
	t.Helper()
	s, err := NewKey(rand.Reader, Origin("harbor-bank"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ssh-keygen, which knows nothing of us, takes our signature and refuses another file.
func TestSignatureIsGoodForSSHKeygen(t *testing.T) {
	s, dir, message := newTestKey(t), t.TempDir(), []byte("abc  report.md\n")
	sig, err := s.SignFile(testSpace, message)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.SignFile(testSpace, message)
	if err != nil || !bytes.Equal(sig, again) {
		t.Errorf("two signatures of one message differ (%v)", err)
	}
	line, err := AllowedSigner(s.Public(), testSpace)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"sig": sig, "allowed": []byte(line)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(message []byte) (string, error) {
		cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", s.Origin(), "-n", testSpace, "-s", "sig")
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(message)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check(message); err != nil || !strings.Contains(out, "Good") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := check([]byte("abd  report.md\n")); err == nil {
		t.Errorf("another file passes\n%s", out)
	}
}

func TestVerifyFile(t *testing.T) {
	s, other, message := newTestKey(t), newTestKey(t), []byte("what is signed")
	sig, err := s.SignFile(testSpace, message)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := VerifyFile(sig, testSpace, message, other.Public(), s.Public()); err != nil || key != s.Public() {
		t.Errorf("%q, %v", key, err)
	}
	for name, try := range map[string]func() (string, error){
		"another key":       func() (string, error) { return VerifyFile(sig, testSpace, message, other.Public()) },
		"no key":            func() (string, error) { return VerifyFile(sig, testSpace, message) },
		"another message":   func() (string, error) { return VerifyFile(sig, testSpace, []byte("something"), s.Public()) },
		"another namespace": func() (string, error) { return VerifyFile(sig, "file", message, s.Public()) },
		"text behind": func() (string, error) {
			return VerifyFile(append(bytes.Clone(sig), '\n'), testSpace, message, s.Public())
		},
	} {
		if key, err := try(); err == nil {
			t.Errorf("%s: taken as signed by %s", name, key)
		}
	}
	for i := range sig {
		for bit := range 8 {
			bad := bytes.Clone(sig)
			bad[i] ^= 1 << bit
			if _, err := VerifyFile(bad, testSpace, message, s.Public()); err == nil {
				t.Fatalf("bit %d of byte %d was turned and the signature is taken", bit, i)
			}
		}
	}
}

func FuzzVerifyFile(f *testing.F) {
	s := newTestKey(f)
	sig, err := s.SignFile(testSpace, []byte("x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sig)
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := VerifyFile(text, testSpace, []byte("x"), s.Public()); err == nil && !bytes.Equal(text, sig) {
			t.Errorf("%q passes", text)
		}
	})
}
