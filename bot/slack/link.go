package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// link is one connection to Slack, from its greeting to its end.
//
// Slack takes connections away now and then, and says so on them first. What it sent before still wants to be
// acknowledged, so such a connection is read on until another is open in its place and nothing on it is owed
// any more. The client library closes it at once and opens the next one afterwards; that is why it is not used
// here.
type link struct {
	conn  *websocket.Conn
	going chan struct{} // closed when Slack takes the connection away, and when it ends
	ended chan struct{}
	leave sync.Once

	write sync.Mutex // one frame after the other

	mu       sync.Mutex
	owed     map[string]bool // envelopes not acknowledged yet
	replaced bool            // another is open in its place
	goodbye  bool            // it was said; what still comes is read for a moment
}

// envelope is one frame of Slack's.
type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Reason  string          `json:"reason"`
	Payload json.RawMessage `json:"payload"`
}

const (
	readLimit   = 4 << 20          // bytes of one frame
	writeBuffer = 32 << 10         // Slack wants an acknowledgement in one piece
	silence     = 30 * time.Second // Slack pings every few seconds; without that a connection is dead
	writeWithin = 10 * time.Second
	goodbyes    = time.Second     // Slack says goodbye back, or never
	ackWithin   = 3 * time.Second // after which Slack does not wait for an acknowledgement any more
)

// soon is a deadline by the machine's clock, which the network goes by.
func soon(d time.Duration) time.Time {
	ctx, stop := context.WithTimeout(context.Background(), d)
	defer stop()
	at, _ := ctx.Deadline()
	return at
}

// open makes a connection and waits until Slack greets it.
func (s *Slack) open(ctx context.Context) (*link, error) {
	ctx, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	_, url, err := s.api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking Slack for a connection: %w", err)
	}
	conn, _, err := s.dialer.DialContext(ctx, url, http.Header{"Origin": {"https://api.slack.com"}})
	if err != nil {
		return nil, fmt.Errorf("connecting to Slack: %w", err)
	}
	conn.SetReadLimit(readLimit)
	k := &link{conn: conn, going: make(chan struct{}), ended: make(chan struct{}), owed: map[string]bool{}}
	conn.SetPingHandler(func(data string) error {
		k.listens()
		_ = conn.WriteControl(websocket.PongMessage, []byte(data), soon(writeWithin)) // a dead connection shows when it is read
		return nil
	})
	hangUp := context.AfterFunc(ctx, func() { _ = conn.Close() })
	first, err := k.next()
	if !hangUp() && err == nil {
		err = ctx.Err()
	}
	if err == nil && first.Type != "hello" {
		err = fmt.Errorf("Slack says %s %s in place of a greeting", first.Type, first.Reason)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connecting to Slack: %w", err)
	}
	return k, nil
}

// listens moves the moment on after which the connection counts as dead.
func (k *link) listens() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.goodbye {
		_ = k.conn.SetReadDeadline(soon(silence))
	}
}

// next reads one frame. What is no frame of Slack's is passed over: without an id nobody waits for an answer.
func (k *link) next() (e envelope, err error) {
	for {
		k.listens()
		_, raw, err := k.conn.ReadMessage()
		if err != nil {
			return e, fmt.Errorf("reading what Slack sends: %w", err)
		}
		if json.Unmarshal(raw, &e) == nil && e.Type != "" {
			return e, nil
		}
	}
}

// listen reads a connection until it ends.
func (s *Slack) listen(ctx context.Context, k *link, line *line, later func(func())) {
	defer close(k.ended)
	defer k.goes()
	defer k.conn.Close()
	defer context.AfterFunc(ctx, func() {
		k.sayGoodbye()
		_ = k.conn.Close()
	})()
	for {
		e, err := k.next()
		if err != nil {
			return
		}
		switch {
		case e.Type == "disconnect":
			k.goes()
		case e.ID != "":
			k.owes(e.ID)
			s.take(ctx, e, later, func(answer any) { s.ack(ctx, k, line, e.ID, answer) })
		}
	}
}

// goes has another connection opened in place of this one.
func (k *link) goes() { k.leave.Do(func() { close(k.going) }) }

func (k *link) owes(envelope string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owed[envelope] = true
}

// paid notes that an envelope is acknowledged, and closes a connection that waited for that alone.
func (k *link) paid(envelope string) {
	k.mu.Lock()
	delete(k.owed, envelope)
	done := k.replaced && len(k.owed) == 0
	k.mu.Unlock()
	if done {
		k.sayGoodbye()
	}
}

// retire closes a connection in whose place another is open, once nothing on it is owed any more. What is
// never acknowledged, such as a second copy, is waited for as long as Slack does.
func (s *Slack) retire(ctx context.Context, k *link) {
	k.mu.Lock()
	k.replaced = true
	wait := len(k.owed) > 0
	k.mu.Unlock()
	if wait {
		select {
		case <-ctx.Done():
		case <-k.ended:
		case <-s.cfg.Clock.After(ackWithin):
		}
	}
	k.sayGoodbye()
}

// sayGoodbye begins the end of a connection. What Slack sent before it heard that is still read.
func (k *link) sayGoodbye() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.goodbye {
		return
	}
	k.goodbye = true
	_ = k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), soon(goodbyes))
	_ = k.conn.SetReadDeadline(soon(goodbyes))
}

// send writes one frame.
func (k *link) send(raw []byte) error {
	k.write.Lock()
	defer k.write.Unlock()
	_ = k.conn.SetWriteDeadline(soon(writeWithin))
	return k.conn.WriteMessage(websocket.TextMessage, raw)
}

// ackMost is what Slack takes in an acknowledgement; what is longer is dropped without a word.
const ackMost = 19_000

// ack acknowledges an envelope: on the connection it came by, or else on another, now or when there is one.
func (s *Slack) ack(ctx context.Context, k *link, line *line, envelope string, answer any) {
	if ctx.Err() != nil {
		return
	}
	out := struct {
		ID      string `json:"envelope_id"`
		Payload any    `json:"payload,omitempty"`
	}{envelope, answer}
	raw, err := json.Marshal(out)
	if err != nil || len(raw) > ackMost {
		s.cfg.Log.ErrorContext(ctx, "an answer is too long for Slack and is left out", "bytes", len(raw), "error", err)
		out.Payload = nil
		raw, _ = json.Marshal(out) // an id alone is always written
	}
	if k.send(raw) != nil {
		line.send(raw)
	}
	k.paid(envelope)
}
