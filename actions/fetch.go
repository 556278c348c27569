package actions

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

// answer is what came back.
type answer struct {
	sent   bool // something may have left
	status int
	reason string
	header http.Header
	body   []byte
	cut    bool // there was more body than is looked at
	err    error
}

// fetch sends one request over a connection of its own.
func (h *host) fetch(ctx context.Context, q *request, limit int64) answer {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }, // from here on bytes may be on their way
	})
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, q.url.String(), body)
	if err != nil {
		return answer{err: errors.New("the request cannot be written")}
	}
	req.Header = q.header
	resp, err := h.client(q).Do(req)
	if err != nil {
		return answer{sent: sent.Load(), err: bare(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // the connection is not used again
	a := answer{sent: true, status: resp.StatusCode, reason: http.StatusText(resp.StatusCode), header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if int64(len(a.body)) > limit {
		a.body, a.cut = a.body[:limit], true
	}
	if err != nil && (q.pattern != nil || !q.statusFits(a.status)) {
		a.err = bare(err)
	}
	return a
}

// client is the one place where an HTTP client of this package is made: no proxy, no redirects, no
// reuse (a reused connection would make net/http send a request twice), HTTP/1.1, bounded headers.
func (h *host) client(q *request) *http.Client {
	dialer := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return h.mayCall(address, q.allow) }}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        h.tls(q.server),
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

func (h *host) tls(server string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: server}
	if len(h.Roots) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM(h.Roots)
		c.RootCAs = pool
	}
	return c
}

// mayCall judges an address after names were resolved, so that a name cannot lead elsewhere: this
// machine, link-local addresses (cloud metadata among them) and the like are called only when the
// allow-list names them by number.
func (h *host) mayCall(address string, allow []string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", quote(address))
	}
	ip := ap.Addr().Unmap().WithZone("")
	plain := netip.AddrPortFrom(ip, ap.Port()).String()
	if slices.Contains(h.Refuse, plain) {
		return fmt.Errorf("%s is Switchman itself", plain)
	}
	special := ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{100, 100, 100, 200})
	if ap.Port() == 0 || special && !slices.Contains(allow, plain) {
		return fmt.Errorf("%s may not be called unless the allow-list names it by number", plain)
	}
	return nil
}

// bare leaves out the URL, which net/http puts into every error.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (a answer) code() int {
	if a.err != nil && a.status == 0 {
		return -1
	}
	return a.status
}

// line is the answer in one line.
func (a answer) line() string {
	first, _, _ := bytes.Cut(bytes.TrimSpace(a.body), []byte("\n"))
	text := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, a.reason))
	if len(first) > maxLineText {
		first = first[:maxLineText]
	}
	if len(first) > 0 {
		text += ": " + string(first)
	}
	return text
}

// dump writes an answer down as evidence.
func (a answer) dump() []byte {
	if a.status == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, a.reason)
	a.header.Write(&b) //nolint:errcheck // a buffer does not fail
	b.WriteString("\r\n")
	b.Write(a.body)
	if a.cut {
		fmt.Fprintf(&b, "\n[cut after %d bytes]\n", len(a.body))
	}
	return b.Bytes()
}
