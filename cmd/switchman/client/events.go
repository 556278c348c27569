package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// maxEvent bounds one event; a journal row is far below it.
const maxEvent = 4 << 20

// Event is one journal row with its words, as it came over the stream.
type Event struct {
	dr.Row
	Text string          `json:"text"`
	Raw  json.RawMessage `json:"-"` // the server's own bytes
}

// Events reads the journal as it grows, from row from on (negative: from now on), until ctx ends
// or the connection does. It does not connect again by itself: the caller knows the last row.
func (c *Client) Events(ctx context.Context, run string, from int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		q := url.Values{}
		if run != "" {
			q.Set("run", run)
		}
		if from >= 0 {
			q.Set("from", strconv.FormatInt(from, 10))
		}
		path := "/api/events"
		if len(q) > 0 {
			path += "?" + q.Encode()
		}
		res, err := c.send(ctx, http.MethodGet, path, nil, http.Header{"Accept": {"text/event-stream"}})
		if err != nil {
			yield(Event{}, err)
			return
		}
		if err := readStream(res, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

var errStopped = errors.New("reader stopped")

// Watch posts in as JSON and gives each the answer as often as the server has more of it: every one takes
// the place of the one before. An error the server tells on the way ends it.
func (c *Client) Watch(ctx context.Context, path string, in any, each func(raw []byte) error) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing a request: %w", err)
	}
	res, err := c.send(ctx, http.MethodPost, path, bytes.NewReader(body), http.Header{"Accept": {"text/event-stream"}})
	if err != nil {
		return err
	}
	return readData(res, func(data []byte) error {
		var failed toldError // no answer has a kind
		if json.Unmarshal(data, &failed) == nil && failed.Kind != "" {
			return failed.problem()
		}
		return each(data)
	})
}

func readStream(res *http.Response, yield func(Event, error) bool) error {
	err := readData(res, func(data []byte) error {
		var ev Event
		if err := json.Unmarshal(data, &ev); err != nil {
			return fmt.Errorf("reading an event: %w", err)
		}
		ev.Raw = data
		if !yield(ev, nil) {
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

// readData gives each the data of every event of a stream.
func readData(res *http.Response, each func([]byte) error) error {
	defer func() {
		// Closing a stream somebody else ended says nothing new.
		_ = res.Body.Close()
	}()
	if res.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return fmt.Errorf("reading the server's answer: %w", err)
		}
		return problem(res.StatusCode, raw)
	}
	return parse(res.Body, each)
}

// parse reads server-sent events and hands on the data of each. Comments and fields we don't use
// are passed over, as the format wants.
func parse(r io.Reader, each func([]byte) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), maxEvent)
	var data []string
	for in.Scan() {
		line := in.Text()
		if line != "" {
			name, value, _ := strings.Cut(line, ":")
			if name == "data" {
				data = append(data, strings.TrimPrefix(value, " "))
			}
			continue
		}
		if len(data) == 0 {
			continue
		}
		if err := each([]byte(strings.Join(data, "\n"))); err != nil {
			return err
		}
		data = data[:0]
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("reading the stream: %w", err)
	}
	return nil
}
