package llm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxErrorBody = 64 << 10 // bytes of an error that are looked at
	maxStream    = 8 << 20  // bytes of a streamed answer
	maxLine      = 1 << 20  // bytes of one event
	maxBody      = 64 << 20 // bytes of embeddings
	maxWait      = time.Hour
)

// newHTTPClient is the one constructor of this package's client: no proxy, no redirects, no
// connection kept for the next request, since a server may close it just as that one is sent and a POST
// is not sent again by itself.
func newHTTPClient(key Key, azure bool, deadline time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	base := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, DisableKeepAlives: true,
		ResponseHeaderTimeout: deadline, MaxResponseHeaderBytes: 64 << 10}
	return &http.Client{Transport: &wire{base: base, key: key, azure: azure},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// wire stands between go-openai and the network. It puts the key on, and lets through only what is an
// answer: failures become errors of this package here, where status and headers can still be seen, and
// streams are cleaned of what go-openai trips over.
type wire struct {
	base  *http.Transport
	key   Key
	azure bool
}

// RoundTrip sends one request.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", "switchman")
	req.Header.Del("Connection")
	req.Header.Del("Authorization")
	req.Header.Del("Api-Key")
	switch {
	case w.key.text == "":
	case w.azure:
		req.Header.Set("Api-Key", w.key.text)
	default:
		req.Header.Set("Authorization", "Bearer "+w.key.text)
	}
	res, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		return nil, failed(res)
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	streamed := req.Header.Get("Accept") == "text/event-stream"
	switch {
	case streamed && media == "text/event-stream":
		res.Body = &events{body: res.Body, in: bufio.NewReaderSize(io.LimitReader(res.Body, maxStream), 32<<10)}
	case !streamed && media == "application/json":
		res.Body = bounded{io.LimitReader(res.Body, maxBody), res.Body}
	default:
		e := failed(res)
		e.Kind, e.Code = Broken, "not_of_the_api"
		return nil, e
	}
	return res, nil
}

type bounded struct {
	io.Reader
	io.Closer
}

// failed reads a failure and closes its body.
func failed(res *http.Response) *Error {
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // half a body still has a status
	e := serverError(res.StatusCode, body)
	e.After = retryAfter(res.Header)
	return e
}

// retryAfter reads the seconds a server asks for; a date is as good as none, as its clock is not ours.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return min(time.Duration(ms*float64(time.Millisecond)), maxWait)
	}
	if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && s > 0 {
		return min(time.Duration(min(s, maxWait.Seconds())*float64(time.Second)), maxWait)
	}
	return 0
}

// events lets the data lines of an event stream through and nothing else: comments that keep a
// connection alive, names of events and empty lines stay here, an error becomes an error.
type events struct {
	body   io.Closer
	in     *bufio.Reader
	out    []byte
	failed bool // an event of that name was announced
	err    error
}

// Read gives whole data lines.
func (e *events) Read(p []byte) (int, error) {
	for len(e.out) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		e.next()
	}
	n := copy(p, e.out)
	e.out = e.out[n:]
	return n, nil
}

// Close ends the connection, and with it the server's work.
func (e *events) Close() error { return e.body.Close() }

func (e *events) next() {
	var line []byte
	for {
		part, err := e.in.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			e.err = &Error{Kind: Broken, Code: "too_big"}
			return
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		e.err = err
		break
	}
	line = bytes.TrimSpace(line)
	if said, ok := bytes.CutPrefix(line, []byte("error:")); ok {
		e.err = serverError(0, said)
		return
	}
	if name, ok := bytes.CutPrefix(line, []byte("event:")); ok {
		e.failed = strings.TrimSpace(string(name)) == "error"
	}
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return
	}
	data = bytes.TrimSpace(data)
	if e.failed || bytes.HasPrefix(data, []byte(`{"error"`)) || bytes.Contains(data, []byte(`"object":"error"`)) {
		e.err = serverError(0, data)
		return
	}
	e.out = append(append([]byte("data: "), data...), "\n\n"...)
}
