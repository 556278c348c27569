package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
)

// Postgres gives the URL of a fresh, empty database on a real PostgreSQL server. The server is started
// once for each test process, runs as an unprivileged user on a unix socket in a directory of its own,
// and ends with the process, however that ends. Where PostgreSQL is not installed the test fails and
// names the package.
func Postgres(t testing.TB) string {
	t.Helper()
	srv, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name, err := srv.create()
	if err != nil {
		t.Fatalf("making a test database: %v\n%s", err, srv.log())
	}
	t.Cleanup(func() {
		if err := srv.exec(`DROP DATABASE IF EXISTS "` + name + `" WITH (FORCE)`); err != nil {
			t.Errorf("dropping a test database: %v", err)
		}
	})
	return srv.url(name)
}

// pgServer is the one server of this process.
type pgServer struct {
	dir string
	mu  sync.Mutex
	n   int
}

// server starts it at the first call.
var server = sync.OnceValues(startServer)

func startServer() (*pgServer, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "swpg") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, fmt.Errorf("making a directory for PostgreSQL: %w", err)
	}
	if who != nil {
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			return nil, fmt.Errorf("giving %s away: %w", dir, err)
		}
	}
	s := &pgServer{dir: dir}
	if err := s.start(bin, who); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.log())
	}
	return s, s.ready()
}

// findPostgres looks in the places where distributions put the server's programs.
func findPostgres() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("looking for PostgreSQL: %w", err)
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return majorOf(a) - majorOf(b) })
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", errors.New("PostgreSQL is not installed, and these tests need a real one: install the package `postgresql` (apt-get install postgresql), then run them again")
}

func majorOf(path string) int {
	n, _ := strconv.Atoi(strings.Split(strings.TrimPrefix(path, "/usr/lib/postgresql/"), "/")[0])
	return n
}

// unprivileged finds somebody to be, since PostgreSQL refuses to run as root; nil when we are nobody
// special already.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// The keeper makes the cluster, runs the server, and waits for the end of its standard input, which
// comes when the test process ends; then it stops the server and removes everything.
const keeper = `
set -e
"$1/initdb" -D "$2/data" -A trust -U switchman -E UTF8 --locale=C --no-sync >"$2/initdb.log" 2>&1 || { touch "$2/failed"; exit 1; }
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=16MB \
  -c max_connections=120 -c log_min_messages=warning >"$2/server.log" 2>&1 &
pid=$!
cat >/dev/null || true
kill -QUIT $pid 2>/dev/null || true
wait $pid || true
cd / && rm -rf "$2"
`

func (s *pgServer) start(bin string, who *syscall.Credential) error {
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", bin, s.dir)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	keepOpen(stdin)
	go func() { _ = cmd.Wait() }()
	return nil
}

// keepOpen keeps the keeper's standard input open until this process ends.
func keepOpen(w io.Closer) { go func() { defer w.Close(); select {} }() }

// ready waits until the server answers.
func (s *pgServer) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		if _, failed := os.Stat(filepath.Join(s.dir, "failed")); failed == nil {
			return fmt.Errorf("making a PostgreSQL cluster failed:\n%s", s.log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *pgServer) url(db string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("switchman"), Path: "/" + db, RawQuery: url.Values{"host": {s.dir}, "sslmode": {"disable"}}.Encode()}).String()
}

func (s *pgServer) exec(query string) error {
	db, err := sql.Open("pgx", s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = db.Exec(query)
	return errors.Join(err, db.Close())
}

func (s *pgServer) create() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	name := "t" + strconv.Itoa(s.n)
	return name, s.exec(`CREATE DATABASE "` + name + `" TEMPLATE template0`)
}

// log is what the server had to say.
func (s *pgServer) log() string {
	var all []string
	for _, name := range []string{"initdb.log", "server.log"} {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err == nil {
			all = append(all, string(bytes.TrimSpace(b)))
		}
	}
	return strings.Join(all, "\n")
}
