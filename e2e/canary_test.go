package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/approval"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// shapes are the forms in which a secret could lie about.
func shapes(secret string) map[string]string {
	out := map[string]string{"as it is": secret, "in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in hex": hex.EncodeToString([]byte(secret))}
	if canonical, ok := approval.ParseCode(secret); ok {
		out["canonical"] = canonical
		out["without dashes"] = strings.ReplaceAll(secret, "-", "")
		out["without prefix"] = secret[len("DRC-"):]
	}
	return out
}

// hunt looks for secrets in a text, in any letter case.
func hunt(t *testing.T, where string, text []byte, secrets []string) {
	t.Helper()
	lower := bytes.ToLower(text)
	for n, secret := range secrets {
		for shape, s := range shapes(secret) {
			if bytes.Contains(lower, []byte(strings.ToLower(s))) {
				t.Errorf("secret %d is in %s, %s", n, where, shape)
			}
		}
	}
}

// huntFiles looks into every file below a directory and answers how many bytes that were.
func huntFiles(t *testing.T, dir string, secrets []string) (size int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		hunt(t, path, b, secrets)
		size += len(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// huntStore looks into journal rows and evidence, which a file may hold in pieces.
func huntStore(t *testing.T, s *store.Store, runs []string, secrets []string) (rows, blobs, masked int) {
	t.Helper()
	ctx := t.Context()
	err := s.Read(ctx, func(r *store.Reader) error {
		_, raw, err := r.Rows(ctx, 0, 100_000)
		if err != nil {
			return err
		}
		for _, row := range raw {
			hunt(t, "a journal row", row, secrets)
		}
		rows = len(raw)
		for _, run := range runs {
			attempts, err := r.Attempts(ctx, run)
			if err != nil {
				return err
			}
			for _, a := range attempts {
				masked += a.Masked
				hunt(t, "the text of "+a.Step, []byte(a.Text), secrets)
				for _, e := range a.Evidence {
					_, rc, err := r.Blob(ctx, e.Digest)
					if err != nil {
						return err
					}
					b, err := io.ReadAll(rc)
					if err != nil {
						return err
					}
					hunt(t, "evidence "+e.Name, b, secrets)
					blobs++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows, blobs, masked
}

// everything is a log at its most talkative.
type everything struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (e *everything) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.buf.Write(p)
}

func (e *everything) bytes() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.buf.Bytes())
}

const (
	canary  = "c4n4ry-p4ssw0rd-of-the-database"
	printer = `
  - id: leak
    title: Print what must not be seen
    action: exec
    with: {argv: [printenv, DB_PASSWORD], env: {DB_PASSWORD: "secret:db-password"}}
    class: idempotent
    expect: 1s
    timeout: 5s
    evidence: [recording, output]
    probe: {action: exec, with: {argv: [tool, "true"]}}
`
)

// TestSecretsStayOut lets wrong, replaced, refused and used codes pass through the app, and a step
// print a secret of its plan; nothing of them is found in any file of the state, in the log at its
// most talkative, in a journal row, in evidence, in a copy of the store or in what a person is shown.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	s, log := prepareScene(t), &everything{}
	secrets, copies := filepath.Join(s.dir, "secrets"), filepath.Join(s.dir, "copies")
	for _, dir := range []string{secrets, copies} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(secrets, "db-password"), []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(s.dir, "org", "plans", "move.yaml"), func(b string) string { return b + printer })
	a, err := opening{dir: s.dir, path: toolPath(t, s.dir), clock: s.clock.clock(), log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		more: []string{"SWITCHMAN_SECRETS_DIR=" + secrets, "SWITCHMAN_BACKUP_PATH=" + copies, "SWITCHMAN_BACKUP_EVERY=1h", "SWITCHMAN_LOG_LEVEL=debug"}}.start()
	if err != nil {
		t.Fatal(err)
	}
	s.app = a
	run := s.ready("move", "")
	var codes []string
	for range 2 { // the second takes the place of the first
		issued, err := a.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan", Surface: "cli"}, run)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, issued.Code.Reveal())
	}
	wrong, err := approval.NewCode(bytes.NewReader(bytes.Repeat([]byte("wrong"), 16)))
	if err != nil {
		t.Fatal(err)
	}
	codes = append(codes, wrong.Reveal())
	nonce := s.view(run).Round.Nonce
	for _, try := range []struct{ who, code string }{{"ann", codes[0]}, {"ann", codes[2]}, {"ann", codes[1][:len(codes[1])-1]}, {"dan", codes[1]}, {"eve", codes[1]}} {
		if err := s.try(try.who, run, dr.VerbStart, fsm.Args{Code: try.code, Nonce: nonce}); err == nil {
			t.Fatalf("%s started the run", try.who)
		} else {
			hunt(t, "a refusal", []byte(err.Error()), codes)
		}
	}
	s.do("ann", run, dr.VerbStart, fsm.Args{Code: codes[1], Nonce: nonce})
	v := await(t, a, run, dr.AtStandby)
	hunt(t, "what a person is shown", []byte(steps(v)), append(codes, canary))
	s.clock.advance(2 * time.Hour)
	s.eventually("a copy is made", func() bool {
		found, err := filepath.Glob(filepath.Join(copies, "*.db"))
		return err == nil && len(found) > 0
	})
	codes = append(codes, canary)
	size := huntFiles(t, filepath.Join(s.dir, "state"), codes) // with the write-ahead log as a crash leaves it
	rows, blobs, masked := huntStore(t, a.Store, []string{run}, codes)
	if blobs < 2 || masked == 0 || len(log.bytes()) == 0 {
		t.Fatalf("looked at %d pieces of evidence with %d masked places and at %d bytes of log: nothing could have been found", blobs, masked, len(log.bytes()))
	}
	s.stop()
	size += huntFiles(t, filepath.Join(s.dir, "state"), codes) + huntFiles(t, copies, codes)
	hunt(t, "the log", log.bytes(), codes)
	t.Logf("soak: %d secrets, 0 hits in %d bytes of files, %d journal rows, %d pieces of evidence, %d bytes of log", len(codes), size, rows, blobs, len(log.bytes()))
}
