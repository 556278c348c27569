package actions_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
)

// TestPostgresCut: what is cut short ends at the server too.
func TestPostgresCut(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	sql(t, p, "CREATE TABLE locked (id int PRIMARY KEY)", "GRANT SELECT ON locked TO switchman")
	t.Cleanup(func() { sql(t, p, "DROP TABLE locked") })
	c, err := p.Connect(t.Context())
	must(t, c, err)
	defer c.Close(context.Background()) //nolint:errcheck // that ends its lock
	if _, err := c.Exec(t.Context(), "BEGIN; LOCK TABLE locked"); err != nil {
		t.Fatal(err)
	}
	read := map[string]any{"action": "postgres", "params": pgJob(p.Address, "tables", "locked").Call.Params}
	j := job("t", "reconcile", map[string]any{"left": read, "right": read})
	j.Timeout = 1500
	if r := actions.NewSet(pgOptions(p.Address)).Hands().Do(t.Context(), j); r.State != dr.StepFail || !strings.Contains(r.Text, "no end") {
		t.Errorf("%s %q", r.State, r.Text)
	}
	until(t, "nobody waits for the lock", func() bool {
		return value(t, p, "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'switchman' AND state = 'active'") == "0"
	})
}

// TestPostgresFreeze: a transaction that is open is rolled back, an exception refuses it, and whom it cannot end makes
// it unknown.
func TestPostgresFreeze(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	set := actions.NewSet(pgOptions(p.Address))
	sql(t, p, "CREATE TABLE paid (id int)", "CREATE ROLE clerk LOGIN", "GRANT ALL ON paid TO clerk", "ALTER ROLE clerk SET default_transaction_read_only = off")
	t.Cleanup(func() {
		sql(t, p, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
		until(t, "writes are taken again", func() bool { return value(t, p, "SHOW default_transaction_read_only") == "off" })
		sql(t, p, "DROP TABLE paid", "DROP ROLE clerk")
	})
	open := func(who string) *pgx.Conn {
		c, err := pgx.Connect(t.Context(), "postgres://"+who+"@"+p.Address+"/postgres?sslmode=disable")
		must(t, c, err)
		t.Cleanup(func() { c.Close(context.Background()) })
		_, err = c.Exec(t.Context(), "BEGIN; INSERT INTO paid VALUES (1)")
		must(t, c, err)
		return c
	}
	freeze := pgJob(p.Address, "do", "freeze", "for", "2s")
	do := func(want dr.StepState, text string) actions.Result {
		t.Helper()
		r := set.Hands().Do(t.Context(), freeze)
		if r.State != want || !strings.Contains(r.Text, text) {
			t.Fatalf("%s %q, want %s: %s", r.State, r.Text, want, text)
		}
		return r
	}
	do(dr.StepFail, "1 roles or databases")
	sql(t, p, "ALTER ROLE clerk RESET default_transaction_read_only")
	clerk, boss := open("clerk"), open("postgres")
	do(dr.StepUnknown, "superuser")
	if s := set.Eyes().Look(t.Context(), freeze); s.Found != dr.FoundNotDone {
		t.Errorf("%s %q", s.Found, s.Text)
	}
	boss.Close(t.Context()) //nolint:errcheck // that rolls it back
	until(t, "it is gone", func() bool { return set.Eyes().Look(t.Context(), freeze).Facts["writers"] <= 1 })
	do(dr.StepOK, "frozen")
	if _, err := clerk.Exec(t.Context(), "COMMIT"); err == nil {
		t.Error("the clerk's transaction was committed after the freeze")
	}
	if n := value(t, p, "SELECT count(*)::text FROM paid"); n != "0" {
		t.Errorf("%s payments are there", n)
	}
}

// TestPostgresTLS: a certificate is checked unless the plan says otherwise.
func TestPostgresTLS(t *testing.T) {
	p, err := onePostgres()
	must(t, p, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, key, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "db"}, DNSNames: []string{"db.bank.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, der, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, private, err)
	roots := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{"server.crt": roots, "server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := p.Put(name, b); err != nil {
			t.Fatal(err)
		}
	}
	sql(t, p, "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	t.Cleanup(func() { sql(t, p, "ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()") })
	until(t, "it speaks TLS", func() bool { return value(t, p, "SHOW ssl") == "on" })
	for _, c := range []struct {
		mode, name string
		roots      []byte
		want       dr.Found
	}{
		{"", "db.bank.example", roots, dr.FoundDone}, {"verify-full", "other.example", roots, dr.FoundInconclusive},
		{"verify-full", "", roots, dr.FoundInconclusive}, {"verify-full", "db.bank.example", nil, dr.FoundInconclusive},
		{"verify-ca", "other.example", roots, dr.FoundDone}, {"verify-ca", "db.bank.example", nil, dr.FoundInconclusive},
		{"require", "", nil, dr.FoundDone},
	} {
		o := pgOptions(p.Address)
		o.Roots = c.roots
		j := pgJob(p.Address, "is", "primary")
		delete(j.Call.Params, "sslmode")
		for name, v := range map[string]string{"sslmode": c.mode, "server_name": c.name} {
			if v != "" {
				j.Call.Params[name] = v
			}
		}
		if s := actions.NewSet(o).Eyes().Look(t.Context(), j); s.Found != c.want {
			t.Errorf("%q as %q: %s %q, want %s", c.mode, c.name, s.Found, s.Text, c.want)
		}
	}
}
