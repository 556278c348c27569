package actions

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/switchman-dr/switchman/dr"
)

const (
	pgAddress  = `(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?`
	pgName     = `[^\x00]{1,63}`
	pgConnect  = 10 * time.Second // to be let in
	pgCancel   = 2 * time.Second  // for a cancel request and what answers it
	pgLongest  = time.Hour        // of one statement when the step has no timeout
	pgOldest   = 130000           // primary_conninfo can be reloaded since
	pgIdentity = "switchman"      // application_name, and the user when none is given
)

func pgConnParams() []dr.ParamSpec {
	return []dr.ParamSpec{
		{Name: "address", Type: "string", Pattern: pgAddress, Doc: "host or host:port of a node of the plan or of the allow-list; without it the step's node. Port 5432 when not given."},
		{Name: "dbname", Type: "string", Pattern: pgName, Doc: "database to connect to; postgres when not given"},
		{Name: "user", Type: "string", Pattern: pgName, Doc: "who to be; switchman when not given"},
		{Name: "password", Type: "string", Secret: true, Doc: "secret:NAME"},
		{Name: "sslmode", Type: "string", Enum: []string{"verify-full", "verify-ca", "require", "disable"}, Doc: "verify-full when not given: TLS, and the certificate must be for this server. require does not look at the certificate, disable speaks in plain text."},
		{Name: "server_name", Type: "string", Pattern: `[A-Za-z0-9][A-Za-z0-9.-]*`, Doc: "name in the certificate when address is a number"},
	}
}

// pgConn is one connection.
type pgConn struct{ *pgx.Conn }

// hangUp says goodbye, or just leaves when the server does not listen.
func (c *pgConn) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), pgCancel)
	defer cancel()
	c.Close(ctx) //nolint:errcheck // nothing more is asked of it
}

// postgres connects to a server of the plan, as the call's parameters say.
func (s *scene) postgres(ctx context.Context, named string) (*pgConn, error) {
	c, err := s.pgConfig(ctx, named)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", pgPlain(err))
	}
	out := &pgConn{conn}
	version := 0
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		out.hangUp()
		return nil, fmt.Errorf("asking for the version: %w", err)
	}
	if version < pgOldest {
		out.hangUp()
		return nil, fmt.Errorf("the server is PostgreSQL %d; 13 or newer is needed", version/10000)
	}
	return out, nil
}

// pgConfig is everything said by the call. Of what libpq would take from the environment and from the home
// directory nothing is left: every key that could be there is given, then the connection is set.
func (s *scene) pgConfig(ctx context.Context, named string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig("host=localhost port=1 user=nobody database=postgres password=none sslmode=disable target_session_attrs=any sslnegotiation=postgres connect_timeout=10")
	if err != nil {
		return nil, errors.New("the environment's PostgreSQL settings are broken")
	}
	host, port, allow, err := s.pgMayCall(cmp.Or(named, s.job.Node.Address))
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.Fallbacks, c.TLSConfig = host, port, nil, s.pgTLS(host)
	c.Database, c.User = s.params.textOr("dbname", "postgres"), s.params.textOr("user", pgIdentity)
	c.Password, c.ConnectTimeout = s.params.text("password"), pgConnect
	c.RuntimeParams = s.pgSession(ctx)
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	dialer := net.Dialer{Timeout: pgConnect, KeepAlive: 5 * time.Second, Control: func(_, to string, _ syscall.RawConn) error { return s.mayCall(to, allow) }}
	c.DialFunc = dialer.DialContext
	c.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: pgCancel}
	}
	return c, nil
}

// pgMayCall takes an address apart, if it may be called: it is the one of a node, or in the allow-list.
func (s *scene) pgMayCall(address string) (host string, port uint16, allow []string, err error) {
	allow = slices.Concat(s.AllowHTTP, s.job.Addresses, []string{s.job.Node.Address})
	for _, a := range allow { // a node may be named without its port
		if h, p, err := pgHostPort(a); err == nil {
			allow = append(allow, net.JoinHostPort(h, p))
		}
	}
	host, text, err := pgHostPort(address)
	if err != nil {
		return "", 0, nil, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil || n == 0:
		return "", 0, nil, fmt.Errorf("%s is no port", quote(text))
	case !slices.Contains(allow, net.JoinHostPort(host, text)):
		return "", 0, nil, fmt.Errorf("%s is neither a node of the plan nor in the allow-list", address)
	}
	return host, uint16(n), allow, nil
}

func pgHostPort(address string) (host, port string, err error) {
	if address == "" {
		return "", "", errors.New("the node has no address; give it one, or the step")
	}
	if host, port, err = net.SplitHostPort(address); err == nil {
		return host, port, nil
	}
	return strings.Trim(address, "[]"), "5432", nil
}

// pgSession makes answers the same wherever they are asked for, and ends at the server what nobody
// waits for any more.
func (s *scene) pgSession(ctx context.Context) map[string]string {
	limit := pgLongest
	if end, ok := ctx.Deadline(); ok {
		limit = max(end.Sub(s.Clock.Now()), time.Millisecond)
	}
	return map[string]string{
		"application_name": pgIdentity, "statement_timeout": strconv.FormatInt(limit.Milliseconds()+1, 10), "client_encoding": "UTF8",
		"search_path": "pg_catalog", "standard_conforming_strings": "on", "datestyle": "ISO, YMD", "intervalstyle": "iso_8601",
		"timezone": "UTC", "extra_float_digits": "1", "bytea_output": "hex", "default_transaction_isolation": "read committed",
	}
}

// pgTLS is what sslmode asks for.
func (s *scene) pgTLS(host string) *tls.Config {
	c := s.tls(cmp.Or(s.params.text("server_name"), host))
	switch s.params.text("sslmode") {
	case "disable":
		return nil
	case "require":
		c.InsecureSkipVerify = true //nolint:gosec // that is what the plan says
	case "verify-ca":
		roots := c.RootCAs
		c.InsecureSkipVerify = true //nolint:gosec // the chain is checked below, the name is not
		c.VerifyConnection = func(state tls.ConnectionState) error {
			o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range state.PeerCertificates[1:] {
				o.Intermediates.AddCert(cert)
			}
			_, err := state.PeerCertificates[0].Verify(o)
			return err
		}
	}
	return c
}

// pgPlain leaves out the settings that pgx puts into a failed connection.
func pgPlain(err error) error {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}

// pgRefused reports whether the server itself has said no to a statement, so that nothing came of it. A
// cancelled statement, a server that goes down and an inner error of the server are no such answer.
func pgRefused(err error) bool {
	var said *pgconn.PgError
	if !errors.As(err, &said) || len(said.Code) != 5 {
		return false
	}
	switch said.Code[:2] {
	case "57", "08", "58", "XX":
		return false
	}
	return cmp.Or(said.SeverityUnlocalized, said.Severity) == "ERROR"
}

// change sends one statement that changes the server. said is how it is told when the statement holds
// what nobody should read.
func (s *pgScene) change(ctx context.Context, sql, said string, args ...any) error {
	fmt.Fprintln(&s.said, cmp.Or(said, sql))
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.conn.Exec(ctx, sql, args...)
	s.changed = s.changed || err == nil || !pgRefused(err) && !pgconn.SafeToRetry(err)
	return err
}

// ask reads one row.
func (s *pgScene) ask(ctx context.Context, sql string, into ...any) error {
	return s.conn.QueryRow(ctx, sql).Scan(into...)
}

func pgLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
