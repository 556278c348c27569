package actionstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Who the servers of these tests know besides their superuser postgres, who needs no password on loopback.
const (
	PostgresUser     = "switchman"
	PostgresPassword = "k3y-for/the+database?"
)

// Postgres is a real PostgreSQL server on a loopback port, run by an unprivileged user. It ends with the test
// process, however that ends.
type Postgres struct {
	Dir     string // its data directory
	Address string
	bin     string
	who     *syscall.Credential
	keeper  *exec.Cmd
	stdin   io.Closer
}

// StartPostgres makes a primary. The role switchman has what the postgres action needs, and no more.
func StartPostgres() (*Postgres, error) { return StartPostgresAt("127.0.0.1") }

// StartPostgresAt makes one on another address of loopback.
func StartPostgresAt(ip string) (*Postgres, error) {
	p, err := newPostgres(ip)
	if err != nil {
		return nil, err
	}
	if out, err := p.Command("initdb", "-D", p.Dir, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-k").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	hba := "local all all trust\nhost all " + PostgresUser + " 127.0.0.0/8 scram-sha-256\nhost all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n"
	if err := os.WriteFile(filepath.Join(p.Dir, "pg_hba.conf"), []byte(hba), 0o644); err != nil { //nolint:gosec // the server's own user reads it
		return nil, err
	}
	// What a server has that is started by pg_ctl instead of Start.
	if err := p.Put("postgresql.conf", []byte(strings.Join(append(settings(), "unix_socket_directories=''", "listen_addresses='127.0.0.1,127.0.0.2,127.0.0.3'"), "\n"))); err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	return p, p.Exec(context.Background(),
		"CREATE ROLE "+PostgresUser+" LOGIN PASSWORD '"+PostgresPassword+"'",
		"GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO "+PostgresUser,
		"GRANT EXECUTE ON FUNCTION pg_promote, pg_reload_conf TO "+PostgresUser,
		"GRANT ALTER SYSTEM ON PARAMETER default_transaction_read_only, primary_conninfo, primary_slot_name TO "+PostgresUser,
		"ALTER ROLE "+PostgresUser+" REPLICATION", // for slots
	)
}

// Copy makes a streaming standby of a primary, which it reaches at an address.
func (p *Postgres) Copy(at string) (*Postgres, error) { return p.CopyTo("127.0.0.1", at) }

// CopyTo makes one on another address of loopback.
func (p *Postgres) CopyTo(ip, at string) (*Postgres, error) {
	c, err := newPostgres(ip)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	out, err := c.Command("pg_basebackup", "-D", c.Dir, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", host, "-p", port, "-U", "postgres").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w\n%s", err, out)
	}
	return c, c.Start()
}

func newPostgres(ip string) (*Postgres, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return nil, errors.Join(errors.New("PostgreSQL is not installed, and these tests need a real one: install the package postgresql"), err)
	}
	p := &Postgres{bin: filepath.Dir(found[len(found)-1])}
	if os.Geteuid() == 0 {
		if p.who, err = credential("postgres"); err != nil {
			return nil, err
		}
	}
	if p.Dir, err = os.MkdirTemp("", "pg"); err != nil {
		return nil, err
	}
	if p.who != nil {
		err = os.Chown(p.Dir, int(p.who.Uid), int(p.who.Gid))
	}
	l, lerr := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if lerr != nil {
		return nil, errors.Join(err, lerr)
	}
	p.Address = l.Addr().String()
	return p, errors.Join(err, l.Close())
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err, gerr)
}

// Argv is a program of PostgreSQL with its arguments, run as the server's user.
func (p *Postgres) Argv(program string, args ...string) []string {
	argv := append([]string{filepath.Join(p.bin, program)}, args...)
	return append(as(p.who), argv...)
}

// as is the beginning of a command line that another user runs; nil: nobody else.
func as(who *syscall.Credential) []string {
	if who == nil {
		return nil
	}
	return []string{"setpriv", fmt.Sprint("--reuid=", who.Uid), fmt.Sprint("--regid=", who.Gid), "--clear-groups"}
}

// Command is the same as a command.
func (p *Postgres) Command(program string, args ...string) *exec.Cmd {
	argv := p.Argv(program, args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	return cmd
}

// Start starts it with settings and waits until it answers.
func (p *Postgres) Start(more ...string) error {
	log, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has its own
	if p.who != nil { // whoever starts it as its user writes on there
		if err := log.Chown(int(p.who.Uid), int(p.who.Gid)); err != nil {
			return err
		}
	}
	host, port, err := net.SplitHostPort(p.Address)
	if err != nil {
		return err
	}
	args := []string{"-D", p.Dir, "-k", "", "-h", host, "-p", port}
	for _, s := range append(settings(), more...) {
		args = append(args, "-c", s)
	}
	p.keeper = exec.Command("/bin/sh", append([]string{"-c", `"$@" & pid=$!; cat >/dev/null; kill -QUIT $pid 2>/dev/null; wait $pid`, "keeper"}, p.Argv("postgres", args...)...)...)
	p.keeper.Stdout, p.keeper.Stderr, p.keeper.Dir = log, log, "/"
	if p.stdin, err = p.keeper.StdinPipe(); err != nil {
		return err
	}
	if err := p.keeper.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		if err = p.Exec(ctx, "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-time.After(30 * time.Millisecond):
		case <-ctx.Done():
			text, _ := os.ReadFile(p.log()) //nolint:errcheck // it only explains
			return fmt.Errorf("PostgreSQL did not start: %w\n%s", err, text)
		}
	}
}

func settings() []string {
	return []string{"fsync=off", "shared_buffers=16MB", "max_connections=40", "wal_keep_size=256MB", "max_replication_slots=4", "wal_receiver_timeout=20s", "wal_retrieve_retry_interval=100ms", "logging_collector=off"}
}

func (p *Postgres) log() string { return p.Dir + ".log" }

// Put writes a file of the server's own into its data directory.
func (p *Postgres) Put(name string, content []byte) error {
	file := filepath.Join(p.Dir, name)
	err := os.WriteFile(file, content, 0o600)
	if err == nil && p.who != nil {
		err = os.Chown(file, int(p.who.Uid), int(p.who.Gid))
	}
	return err
}

// Log is what the server had to say.
func (p *Postgres) Log() string {
	b, _ := os.ReadFile(p.log()) //nolint:errcheck // it only explains
	return string(b)
}

// Exec runs statements as its superuser.
func (p *Postgres) Exec(ctx context.Context, statements ...string) error {
	c, err := p.Connect(ctx)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err = c.Exec(ctx, s); err != nil {
			err = fmt.Errorf("%s: %w", s, err)
			break
		}
	}
	return errors.Join(err, c.Close(ctx))
}

// Connect connects as its superuser.
func (p *Postgres) Connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, "postgres://postgres@"+p.Address+"/postgres?sslmode=disable&connect_timeout=5")
}

// Kill ends all its processes at once, as a machine that loses its power does.
func (p *Postgres) Kill() error {
	b, err := os.ReadFile(filepath.Join(p.Dir, "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(line)))
	if err != nil {
		return err
	}
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output() //nolint:errcheck // there may be none
	for _, child := range append([]string{strconv.Itoa(pid)}, strings.Fields(string(children))...) {
		if n, err := strconv.Atoi(child); err == nil {
			syscall.Kill(n, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
	}
	return p.Rest()
}

// Rest waits for the end of a server that somebody else has stopped, or stops it.
func (p *Postgres) Rest() error {
	if p.keeper == nil {
		return nil
	}
	err := p.stdin.Close()
	p.keeper.Wait() //nolint:errcheck // it ends as it was told
	p.keeper = nil
	return err
}

// Stop ends it and removes everything.
func (p *Postgres) Stop() error {
	return errors.Join(p.Rest(), os.RemoveAll(p.Dir), os.Remove(p.log()))
}
