package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/switchman-dr/switchman/dr"
)

// SignIn is the same server asked by a browser in which somebody has signed in; demo servers only, where the
// name is enough. Like a page of the server's own it says where its requests come from.
func (c *Client) SignIn(ctx context.Context, person string) (*Client, error) {
	other := *c
	other.opts.Token, other.opts.As = "", ""
	raw, err := json.Marshal(map[string]string{"person": person})
	if err != nil {
		return nil, fmt.Errorf("writing a request: %w", err)
	}
	res, err := other.send(ctx, http.MethodPost, "/api/session", bytes.NewReader(raw), http.Header{"Origin": {c.base}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read: what was wrong came up while reading
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	if res.StatusCode >= 300 {
		return nil, problem(res.StatusCode, answer)
	}
	for _, cookie := range res.Cookies() {
		if cookie.Value != "" {
			other.cookie = cookie.Name + "=" + cookie.Value
			return &other, nil
		}
	}
	return nil, dr.Errorf(dr.Unverified, "the server at %s signs nobody in", c.opts.Server)
}
