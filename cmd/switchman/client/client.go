// Package client speaks to a Switchman server for the command line: over the unix socket in the
// state directory, or to an address.
//
// It owns the connection and the shape of an exchange; what is asked and how an answer looks on a
// terminal is the command's business. It refuses to send a token in the clear over a network, to
// follow redirects (they would carry the token elsewhere), and to read an answer without end.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// maxAnswer bounds what is read of one answer; a run of 10,000 steps has about 8 MiB.
const maxAnswer = 64 << 20

// ErrNotRunning is wrapped by errors that mean that no server answers.
var ErrNotRunning = errors.New("server not running")

// Options say where the server is and who asks.
type Options struct {
	Server string // http(s)://HOST or unix:PATH
	Token  string
	As     string // person, demo servers only
	Lang   string // en, zh or empty
}

// Client is one way to one server. It may be used by several goroutines.
type Client struct {
	opts   Options
	base   string
	cookie string // of somebody signed in, see SignIn
	http   *http.Client
}

// Problem is an error the server told us. It unwraps to a *dr.Error.
type Problem struct {
	Told *dr.Error
	Ref  string // found in the server's log
}

func (p *Problem) Error() string { return p.Told.Error() }

// Unwrap gives the error the server told us.
func (p *Problem) Unwrap() error { return p.Told }

// New reads the address; nothing is sent yet.
func New(opts Options) (*Client, error) {
	c := &Client{opts: opts, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	transport := &http.Transport{ResponseHeaderTimeout: time.Minute, ForceAttemptHTTP2: true}
	c.http.Transport = transport
	if path, ok := strings.CutPrefix(opts.Server, "unix:"); ok {
		c.base = "http://switchman"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
		return c, nil
	}
	u, err := url.Parse(opts.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, dr.Errorf(dr.Usage, "%q is not the address of a server", opts.Server).
			WithHint("use http://HOST:PORT, https://HOST or unix:PATH")
	}
	if u.Scheme == "http" && !local(u.Hostname()) && opts.Token != "" {
		return nil, dr.Errorf(dr.Usage, "a token is not sent to %s in the clear", u.Host).
			WithHint("use https://, or the unix socket on the server's own machine")
	}
	c.base = strings.TrimSuffix(u.String(), "/")
	return c, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Call sends in as JSON (nil: no body) and reads the answer into out (nil: ignored). Path begins
// with a slash; a *json.RawMessage as out keeps the answer's own bytes.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("writing a request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	res, err := c.send(ctx, method, path, body, nil)
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("reading the server's answer: more than %d MiB", maxAnswer>>20)
	}
	if res.StatusCode >= 300 && !(path == "/readyz" && res.StatusCode == http.StatusServiceUnavailable) {
		return problem(res.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return nil
}

// Download asks for what is not JSON and copies it to w.
func (c *Client) Download(ctx context.Context, path string, w io.Writer) error {
	res, err := c.send(ctx, http.MethodGet, path, nil, http.Header{})
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // only read: what was wrong came up while reading
	if res.StatusCode >= 300 {
		raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		return problem(res.StatusCode, raw)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return nil
}

// As is the same server asked by somebody else; demo servers only.
func (c *Client) As(person string) *Client {
	other := *c
	other.opts.As = person
	return &other
}

// With is the same server asked with another credential.
func (c *Client) With(token string) *Client {
	other := *c
	other.opts.Token, other.opts.As = token, ""
	return &other
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader, header http.Header) (*http.Response, error) {
	if c.opts.Lang != "" {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		path += sep + "lang=" + url.QueryEscape(c.opts.Lang)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("writing a request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.cookie != "":
		req.Header.Set("Cookie", c.cookie)
		req.Header.Set("Origin", c.base)
	case c.opts.As != "":
		req.Header.Set("X-Switchman-As", c.opts.As)
	case c.opts.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.opts.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	return res, nil
}

// unreachable tells "nobody is there" from every other way a connection fails.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := dr.Errorf(dr.Unavailable, "the server at %s does not answer", c.opts.Server)
	e.Err = err
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ECONNREFUSED) {
		e.Message = "no server is running at " + c.opts.Server
		e.Err = errors.Join(ErrNotRunning, err)
		return e.WithHint("start one with: switchman demo (the sample bank) or switchman serve; or say where it is with --server")
	}
	if errors.Is(err, os.ErrPermission) {
		e.Message = "you may not use the socket at " + c.opts.Server
		return e.WithHint("only its owner and root may; others use --server URL and a personal token")
	}
	return e.WithHint("look whether it is up: curl -sf ADDRESS/healthz")
}

// problem reads the server's error.
func problem(code int, raw []byte) error {
	var body struct {
		Error toldError `json:"error"`
	}
	if err := json.Unmarshal(raw, &body); err != nil || body.Error.Kind == "" {
		return dr.Errorf(dr.Unavailable, "what answered with HTTP %d is not a Switchman server", code).WithHint("check --server")
	}
	return body.Error.problem()
}

// toldError is an error as the server writes it.
type toldError struct {
	Kind    dr.ErrKind `json:"kind"`
	Message string     `json:"message"`
	Hint    string     `json:"hint"`
	Ref     string     `json:"ref"`
	ID      string     `json:"id"`
	Args    dr.Args    `json:"args"`
}

func (e toldError) problem() *Problem {
	return &Problem{Told: &dr.Error{Kind: e.Kind, ID: e.ID, Args: e.Args, Message: e.Message, Hint: e.Hint}, Ref: e.Ref}
}
