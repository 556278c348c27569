package actions_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
)

// postOffice is a small SMTP server (RFC 5321) with STARTTLS and AUTH PLAIN. Its mode says how it
// misbehaves: no (refuses the message), mute (takes it and never answers), rcpt (refuses the recipient).
type postOffice struct {
	sync.Mutex
	mode  string
	cert  tls.Certificate
	mails []string
	auth  string
	l     net.Listener
}

func openPostOffice(t *testing.T, mode string) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{mode: mode, l: l, cert: certificate(t)}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close() //nolint:errcheck
		served.Wait()
	})
	return p
}

func (p *postOffice) target() actions.Target {
	return actions.Target{Kind: "mail", Address: p.l.Addr().String(), From: "switchman@bank.example", To: []string{"Duty <duty@regulator.example>", "second@regulator.example"}}
}

func (p *postOffice) serve(conn net.Conn) {
	defer func() { conn.Close() }() //nolint:errcheck
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 post office")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		switch {
		case verb == "EHLO":
			say("250-here\r\n250-AUTH PLAIN\r\n250 STARTTLS")
		case verb == "STARTTLS":
			say("220 go on")
			secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.cert}})
			conn, in = secure, bufio.NewReader(secure)
		case verb == "AUTH":
			p.Lock()
			p.auth = line
			p.Unlock()
			say("235 welcome")
		case verb == "RCPT" && p.mode == "rcpt":
			say("550 nobody of that name")
		case verb == "DATA":
			say("354 go on")
			if !p.data(in, say) {
				return
			}
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (p *postOffice) data(in *bufio.Reader, say func(string)) bool {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	switch p.mode {
	case "no":
		say("554 5.7.1 we do not want this")
		return true
	case "mute":
		in.ReadByte() //nolint:errcheck // until the other side gives up
		return false
	}
	p.Lock()
	p.mails = append(p.mails, b.String())
	p.Unlock()
	say("250 2.0.0 queued as 4711")
	return true
}

func mailTargets(t *testing.T) (good, no, slow, unsent actions.Target, effects func() int) {
	office := openPostOffice(t, "")
	unsent = openPostOffice(t, "rcpt").target()
	return office.target(), openPostOffice(t, "no").target(), openPostOffice(t, "mute").target(), unsent, func() int {
		office.Lock()
		defer office.Unlock()
		return len(office.mails)
	}
}

func TestMailThatArrives(t *testing.T) {
	office := openPostOffice(t, "")
	target := office.target()
	target.User, target.Password = "switchman", "secret:smtp"
	set := actions.NewSet(actions.Options{Clock: realClock(), Roots: rootsOf(t), Notify: map[string][]actions.Target{"regulator": {target}},
		Secrets: func(string) (string, error) { return "hunter2hunter2", nil }})
	j := job("01J-token", "notify", map[string]any{"to": "regulator", "subject": "切换开始", "text": "first line\n.\n第二行 in {run}\n"})
	r := set.Hands().Do(t.Context(), j)
	if r.State != "ok" || !strings.Contains(r.Proof, "<01J-token@bank.example> accepted: 250 2.0.0 queued as 4711") {
		t.Fatalf("%s %q", r.State, r.Proof)
	}
	m, err := mail.ReadMessage(strings.NewReader(office.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 2 || m.Header.Get("Message-Id") != "<01J-token@bank.example>" {
		t.Errorf("header %v, %v", m.Header, err)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	if office.auth == "" || strings.Contains(office.mails[0], "hunter2") {
		t.Errorf("auth %q", office.auth)
	}
}

func TestMailWithoutTLSCarriesNoPassword(t *testing.T) {
	target := openPostOffice(t, "").target()
	target.TLS, target.User, target.Password = "none", "switchman", "secret:smtp"
	target.Address = strings.Replace(target.Address, "127.0.0.1", "127.0.0.2", 1) // PlainAuth trusts 127.0.0.1
	set := actions.NewSet(actions.Options{Clock: realClock(), Notify: map[string][]actions.Target{"x": {target}},
		Secrets: func(string) (string, error) { return "hunter2hunter2", nil }})
	r := set.Hands().Do(t.Context(), job("t", "notify", map[string]any{"to": "x", "text": "y"}))
	if r.State != "failed" {
		t.Errorf("%s %q", r.State, r.Text)
	}
}

// One certificate for all tests of this process would be a package variable; making one takes a millisecond.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	cert, err := tls.X509KeyPair(rootsOf(t), testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

var testCertificate = sync.OnceValues(func() ([]byte, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"node.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
})

func rootsOf(*testing.T) []byte { cert, _ := testCertificate(); return cert }
func testKey(*testing.T) []byte { _, key := testCertificate(); return key }
