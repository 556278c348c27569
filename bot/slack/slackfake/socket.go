package slackfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	mostSockets = 10      // of one app; an eleventh is turned away
	largestAck  = 20_000  // bytes; larger answers vanish without a word
	largestRead = 1 << 20 // bytes of one frame
	lifetime    = 360 * time.Second
	patience    = 10 * time.Second // with a socket that was told to go
)

// socket is one Socket Mode connection of an app.
type socket struct {
	app   *app
	conn  *websocket.Conn
	out   chan []byte // nil drops the connection
	ready bool        // has said hello and was not told to go
	once  sync.Once
	gone  chan struct{}
}

// drop cuts the connection without a closing frame, as a dying network does.
func (k *socket) drop() {
	k.once.Do(func() {
		close(k.gone)
		_ = k.conn.UnderlyingConn().Close()
	})
}

// send queues one frame. A client that does not read loses its connection.
func (k *socket) send(frame []byte) {
	select {
	case k.out <- frame:
	default:
		k.drop()
	}
}

// tell queues one JSON frame.
func (k *socket) tell(v any) {
	frame, err := json.Marshal(v)
	if err == nil {
		k.send(frame)
	}
}

func openConnection(s *Server, c *call) (obj, error) {
	ticket := s.secret()
	c.app.tickets[ticket] = true
	url := "ws" + c.origin[len("http"):] + "/link/?ticket=" + ticket + "&app_id=" + c.app.ID
	return obj{"url": url}, nil
}

// serveLink turns a ticket into a socket.
func (s *Server) serveLink(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	var a *app
	for _, one := range s.apps {
		if one.ID == q.Get("app_id") && one.tickets[q.Get("ticket")] {
			a = one
			delete(a.tickets, q.Get("ticket"))
		}
	}
	late := s.faults.take(SlowOpen, "", s.clock.Now())
	s.mu.Unlock()
	if a == nil {
		http.Error(w, "this ticket is used or was never given", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	conn.SetReadLimit(largestRead)
	k := &socket{app: a, conn: conn, out: make(chan []byte, 4096), gone: make(chan struct{})}
	go s.write(k)
	if s.join(k, late, q.Get("debug_reconnects") == "true") {
		s.listen(k)
	}
	s.leave(k)
}

// join greets a socket, or turns it away when the app has too many.
func (s *Server) join(k *socket, late *Fault, short bool) bool {
	if late != nil {
		select {
		case <-s.clock.After(late.delay()):
		case <-k.gone:
			return false
		case <-s.done:
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return false
	default:
	}
	if s.dead() { // it went while the socket was opened
		return false
	}
	if len(k.app.sockets) >= mostSockets {
		k.tell(goodbye("too_many_websockets"))
		k.send(nil)
		<-k.gone
		return false
	}
	k.app.sockets = append(k.app.sockets, k)
	k.ready = true
	s.stats.Opened++
	s.changed("sockets")
	left := 18060
	if short {
		left = int(lifetime.Seconds())
		go s.retire(k)
	}
	k.tell(obj{"type": "hello", "num_connections": len(k.app.sockets), "connection_info": obj{"app_id": k.app.ID},
		"debug_info": obj{"host": "applink-fake", "build_number": 10, "approximate_connection_time": left}})
	return true
}

func goodbye(reason string) obj {
	return obj{"type": "disconnect", "reason": reason, "debug_info": obj{"host": "applink-fake"}}
}

// retire ends a short-lived socket of an app that debugs its reconnects.
func (s *Server) retire(k *socket) {
	select {
	case <-s.clock.After(lifetime):
		s.mu.Lock()
		s.renew(k)
		s.mu.Unlock()
	case <-k.gone:
	}
}

// renew tells a socket to make place for a new one. It gets no further envelopes; what it still
// sends is read for a while.
func (s *Server) renew(k *socket) {
	k.ready = false
	k.tell(goodbye("refresh_requested"))
	go func() {
		select {
		case <-s.clock.After(patience):
			k.drop()
		case <-k.gone:
		}
	}()
}

func (s *Server) refreshAll() {
	for _, a := range s.apps {
		for _, k := range a.sockets {
			s.renew(k)
		}
	}
}

// Refresh tells the sockets of the app under test to reconnect; the reason is "warning",
// "refresh_requested" or "link_disabled". After a warning a socket is served on.
func (s *Server) Refresh(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.app.sockets {
		k.ready = reason == "warning"
		k.tell(goodbye(reason))
	}
}

func (s *Server) refreshOne() {
	for _, k := range s.app.sockets {
		if k.ready {
			s.renew(k)
			return
		}
	}
}

func (s *Server) dropAll() {
	for _, a := range s.apps {
		for _, k := range a.sockets {
			k.ready = false
			k.drop()
		}
	}
}

func (s *Server) leave(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k.drop()
	k.app.sockets = slices.DeleteFunc(k.app.sockets, func(o *socket) bool { return o == k })
	s.changed("sockets")
}

// write sends what is queued, and pings. Pings follow the machine's clock, since it is the client's too.
func (s *Server) write(k *socket) {
	defer k.drop()
	ping := time.NewTicker(s.ping)
	defer ping.Stop()
	for {
		select {
		case frame := <-k.out:
			if frame == nil || k.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				return
			}
		case <-ping.C:
			if k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-fake"), time.Now().Add(time.Second)) != nil {
				return
			}
		case <-k.gone:
			return
		}
	}
}

// listen reads acknowledgements until the connection ends.
func (s *Server) listen(k *socket) {
	for {
		kind, frame, err := k.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.TextMessage {
			continue
		}
		s.mu.Lock()
		s.hear(k.app, frame)
		s.mu.Unlock()
	}
}

// hear takes one frame of a client, which can only be an acknowledgement.
func (s *Server) hear(a *app, frame []byte) {
	var said struct {
		Envelope string          `json:"envelope_id"`
		Payload  json.RawMessage `json:"payload"`
	}
	if len(frame) >= largestAck {
		s.stats.TooLarge++
		return
	}
	if json.Unmarshal(frame, &said) != nil || said.Envelope == "" {
		s.stats.Garbage++
		return
	}
	now := s.clock.Now()
	what := "unknown"
	if e := a.pending[said.Envelope]; e != nil {
		what = e.topic
	}
	if s.faults.take(LostAck, what, now) != nil {
		return
	}
	if f := s.faults.take(LateAck, what, now); f != nil {
		wait := f.delay()
		if wait == 0 {
			wait = ackWithin + time.Second
		}
		go func() {
			select {
			case <-s.clock.After(wait):
			case <-s.done:
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.acked(a, said.Envelope, said.Payload)
		}()
		return
	}
	s.acked(a, said.Envelope, said.Payload)
}
