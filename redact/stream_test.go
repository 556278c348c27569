package redact_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/switchman-dr/switchman/redact"
)

// pieces remembers every write, to see what arrives in one piece.
type pieces struct{ list [][]byte }

func (p *pieces) Write(b []byte) (int, error) {
	p.list = append(p.list, bytes.Clone(b))
	return len(b), nil
}

func TestBinaryPassesUnchanged(t *testing.T) {
	in := make([]byte, 300_000)
	for i := range in {
		in[i] = byte(i * 7 % 251)
	}
	var out bytes.Buffer
	w := redact.New("not in there").Writer(&out)
	if _, err := io.Copy(w, bytes.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), in) {
		t.Errorf("%d bytes became %d (%v)", len(in), out.Len(), err)
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x y ", 50_000)
	secret := "PGPASSWORD=" + strings.Repeat("s3cr3t", 30_000)
	text := long + secret + " after " + long + "password=hunter22 end"
	var out pieces
	w := redact.New("known-value").Writer(&out)
	peak := 0
	for i := 0; i < len(text); i += 1000 {
		w.Write([]byte(text[i:min(i+1000, len(text))])) //nolint:errcheck
		fed, shown := i, 0
		for _, p := range out.list {
			shown += len(p)
		}
		if i < len(long) {
			peak = max(peak, fed-shown)
		}
	}
	w.Close() //nolint:errcheck
	got := string(bytes.Join(out.list, nil))
	if strings.Contains(got, "s3cr3t") || strings.Contains(got, "hunter22") {
		t.Error("a secret in a long line is visible")
	}
	if want := long + "PGPASSWORD=[redacted:env_password] after " + long + "password=[redacted:env_password] end"; got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
	if peak > 70<<10 {
		t.Errorf("held back %d bytes", peak)
	}
}

func TestCharactersStayWhole(t *testing.T) {
	text := strings.Repeat("汉字无换行", 40_000)
	var out pieces
	w := redact.New("密码密码").Writer(&out)
	for _, b := range []byte(text) {
		w.Write([]byte{b}) //nolint:errcheck
	}
	w.Close() //nolint:errcheck
	for _, p := range out.list {
		if !utf8.Valid(p) {
			t.Fatalf("a write of %d bytes splits a character", len(p))
		}
	}
	if got := string(bytes.Join(out.list, nil)); got != text {
		t.Error("text changed")
	}
}

func TestPrivateKeys(t *testing.T) {
	key := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n" + strings.Repeat("MIIEpAIBAAKCAQEA\n", 60) + "-----END RSA PRIVATE KEY-----"
	got, r := redact.New().String("before\n" + key + "\nafter\n")
	if want := "before\n[redacted:private_key]\nafter\n"; strings.ReplaceAll(got, "\n\n", "\n") != want {
		t.Errorf("got %q %v", got, r)
	}
	// BEGIN alone, as in a search result, hides nothing but itself.
	got, _ = redact.New().String("id_rsa:-----BEGIN PRIVATE KEY-----\n! all other files are fine\n")
	if !strings.Contains(got, "all other files are fine") {
		t.Errorf("got %q", got)
	}
}

func TestWriterReportsErrors(t *testing.T) {
	r, w := io.Pipe()
	r.CloseWithError(errors.New("gone")) //nolint:errcheck
	m := redact.New("abcdef").Writer(w)
	m.Write([]byte("line\n")) //nolint:errcheck
	if err := m.Close(); err == nil || err.Error() != "gone" {
		t.Errorf("err %v", err)
	}
}

func FuzzMasker(f *testing.F) {
	f.Add([]byte("PGPASSWORD=abc\nx"), []byte("abcd"), 3)
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMI"), []byte("aaaa"), 1)
	f.Add([]byte("DRC-ABCD-EFGH-JKMN-P 4111111111111111 \xff\xfe"), []byte("\xff\xfe\x00\x01"), 2)
	f.Add([]byte(`{"password":"x\"y"} Authorization: Basic QWxhZGRpbjpvcGVu`), []byte("汉字"), 5)
	f.Fuzz(func(t *testing.T, text, secret []byte, cut int) {
		m := redact.New(string(secret))
		whole, report := m.String(string(text))
		if len(secret) >= redact.MinSecret && bytes.Contains([]byte(whole), secret) && !bytes.Contains([]byte("[redacted:secret]"), secret) {
			for _, r := range append(redact.Rules(), redact.Rule{ID: redact.Known}) {
				if strings.Contains(redact.Mark(r.ID), string(secret)) || bytes.ContainsAny(secret, "[]:") {
					return // part of a mark, or joined with one
				}
			}
			if !strings.Contains(whole, "[redacted:") {
				t.Fatalf("%q is in %q", secret, whole)
			}
		}
		if report.Count == 0 && whole != string(text) {
			t.Fatalf("%q became %q without a mark", text, whole)
		}
		n := max(1, cut&15)
		var out bytes.Buffer
		w := m.Writer(&out)
		for rest := text; len(rest) > 0; rest = rest[min(n, len(rest)):] {
			w.Write(rest[:min(n, len(rest))]) //nolint:errcheck
		}
		w.Close() //nolint:errcheck
		if out.String() != whole {
			t.Fatalf("cut by %d: %q, whole: %q", n, out.String(), whole)
		}
	})
}

func BenchmarkMasker(b *testing.B) {
	m := newMaker(3)
	var text bytes.Buffer
	for text.Len() < 4<<20 {
		text.WriteString(ordinaryLines(m) + "\n")
	}
	for name, masker := range map[string]*redact.Masker{"shapes": redact.New(), "known": redact.New("first-secret-value", "another one", strings.Repeat("k", 3000))} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				w := masker.Writer(io.Discard)
				io.Copy(w, bytes.NewReader(text.Bytes())) //nolint:errcheck
				w.Close()                                 //nolint:errcheck
			}
		})
	}
}
