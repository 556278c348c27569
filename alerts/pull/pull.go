// Package pull asks an Alertmanager what fires. Webhooks sent while Switchman was down are lost; what fires
// still stands in the list.
//
// It owns the one connection to an Alertmanager. It refuses to follow redirects (credentials would travel
// along), to use a proxy from the environment, and answers without a bound. What comes back is the body as
// it was sent: package alerts reads it, bounded and safe, like everything foreign.
package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

const (
	// Most is the largest answer that is read: tens of thousands of alerts.
	Most = 32 << 20
	// deadline is for the whole of one question.
	deadline = 15 * time.Second
	// path is of Alertmanager's API v2, what is silenced left out as a webhook leaves it out:
	// https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
	path = "/api/v2/alerts?active=true&inhibited=true&silenced=false&unprocessed=true"
)

// Options say where an Alertmanager is and who asks.
type Options struct {
	URL      string // http(s)://HOST:PORT, with a prefix of a path where it has one
	User     string // empty: Password is a bearer token
	Password string // empty: nobody is named
}

// Client asks one Alertmanager.
type Client struct {
	http *http.Client
	o    Options
}

// New makes a client; nothing is sent.
func New(o Options) *Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &Client{o: o, http: &http.Client{
		Timeout:       deadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: deadline, MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives: true}, // a minute lies between two questions
	}}
}

// Alerts is the list of what fires, as Alertmanager sends it. Errors name no secret.
func (c *Client) Alerts(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.o.URL, "/")+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking Alertmanager: %w", err)
	}
	switch {
	case c.o.User != "":
		req.SetBasicAuth(c.o.User, c.o.Password)
	case c.o.Password != "":
		req.Header.Set("Authorization", "Bearer "+c.o.Password)
	}
	req.Header.Set("Accept", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, dr.Errorf(dr.Unavailable, "Alertmanager does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, dr.Errorf(dr.Unavailable, "Alertmanager answers %s", res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, Most+1))
	if err != nil {
		return nil, dr.Errorf(dr.Unavailable, "Alertmanager broke off its answer: %w", err)
	}
	if len(body) > Most {
		return nil, errors.New("Alertmanager's answer is larger than 32 MiB")
	}
	return body, nil
}
