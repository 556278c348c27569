package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	heartbeat  = 15 * time.Second
	maxStreams = 400
	mostRow    = 1 << 62 // far beyond any journal, and one more still fits
)

// stream is one reader of the journal as it grows.
type stream struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	lang string
	run  string
	next int64 // row to read next

	person string // reader of cards
	cards  bool   // send cards too
	drawn  int64  // newest drawing sent

	redrawn bool // there may be newer ones
}

// events sends journal readings as server-sent events (WHATWG HTML, section 9.2). Whoever was cut
// off names the last row seen and misses nothing; the wake-up from the store is a hint only, the
// rows are what counts.
func (s *Server) events(w http.ResponseWriter, r *http.Request, c caller) error {
	next, err := s.firstRow(r)
	if err != nil {
		return err
	}
	if !s.metrics.enterStream() {
		return &dr.Error{Kind: dr.Unavailable, ID: "too_many_streams"}
	}
	defer s.metrics.leaveStream()
	s.fanout.join()
	defer s.fanout.leave()
	rc := http.NewResponseController(w)
	for _, lift := range []func(time.Time) error{rc.SetReadDeadline, rc.SetWriteDeadline} {
		// A writer without deadlines, as in tests, has none to lift.
		_ = lift(time.Time{})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold lines back
	w.WriteHeader(http.StatusOK)
	st := &stream{s: s, w: w, r: r, lang: s.language(r), run: r.URL.Query().Get("run"), next: next, person: c.actor.Person}
	if err := st.begin(c); err != nil {
		st.giveUp(err)
		return nil
	}
	looked := s.cfg.Clock.Now()
	for {
		out, drawn, news := s.ended.wait(), s.drawings(), s.fanout.news.wait()
		if now := s.cfg.Clock.Now(); now.Sub(looked) >= heartbeat {
			if looked = now; !s.stands(r.Context(), c) {
				return nil
			}
		}
		if err := st.send(); err != nil {
			st.giveUp(err)
			return nil
		}
		if err := rc.Flush(); err != nil {
			return nil // the reader left
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-s.closing:
			return nil
		case <-news:
		case <-drawn:
			st.redrawn = true
		case <-out:
			looked = time.Time{}
		case <-s.cfg.Clock.After(heartbeat):
			st.redrawn = true // by another server, perhaps
			if _, err := fmt.Fprint(w, ": still here\n\n"); err != nil {
				return nil // the reader left
			}
		}
	}
}

// firstRow is where a stream begins: after the last row the reader saw, at ?from=, or with what
// comes next.
func (s *Server) firstRow(r *http.Request) (int64, error) {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 || n >= mostRow {
			return 0, &dr.Error{Kind: dr.Usage, ID: "last_event_id", Args: dr.Args{"found": printable(last)}}
		}
		return n + 1, nil
	}
	if from := r.URL.Query().Get("from"); from != "" {
		return number(from, "from", 0, 0, mostRow)
	}
	var size int64
	err := s.cfg.Store.Read(r.Context(), func(rd *store.Reader) error {
		head, err := rd.Head(r.Context())
		size = head.Size
		return err
	})
	return size, err
}

// begin notes where the drawings stand. Pages of the console are sent cards: those are people with a
// session, and onlookers of a demo; programs that follow the journal are not.
func (st *stream) begin(c caller) error {
	st.cards = st.s.cfg.Chat != nil && st.run == "" && (c.session != nil || c.actor.Person == "")
	if !st.cards {
		return nil
	}
	return st.s.cfg.Store.Read(st.r.Context(), func(rd *store.Reader) (err error) {
		st.drawn, err = rd.LastCardChange(st.r.Context())
		return err
	})
}

// drawings is closed at the next drawing of a card; nil without a channel.
func (s *Server) drawings() <-chan struct{} {
	if s.cfg.Chat == nil {
		return nil
	}
	return s.cfg.Chat.drawn.wait()
}

// send writes what there is and not yet sent. Cards carry no id: a stream is resumed after a row.
func (st *stream) send() error {
	if err := st.sendRows(); err != nil || !st.cards || !st.redrawn {
		return err
	}
	st.redrawn = false
	cards, last, err := st.s.cards(st.r.Context(), st.person, st.lang, st.drawn)
	if err != nil {
		return err
	}
	for _, card := range cards {
		data, err := json.Marshal(card)
		if err != nil {
			return fmt.Errorf("showing card %s: %w", card.ID, err)
		}
		if _, err := fmt.Fprintf(st.w, "event: card\ndata: %s\n\n", data); err != nil {
			return err
		}
	}
	st.drawn = last
	return nil
}

// sendRows writes every row there is and not yet sent: from what is kept for all, and before that from
// the store for whoever is far behind.
func (st *stream) sendRows() error {
	for {
		events, next, kept, err := st.s.fanout.since(st.next, st.lang, st.run)
		if err != nil {
			return err
		}
		if kept {
			for _, event := range events {
				if _, err := st.w.Write(event); err != nil {
					return err
				}
			}
			st.next = next
			return nil
		}
		if more, err := st.sendStored(); err != nil || !more {
			return err
		}
	}
}

// sendStored writes a page of rows out of the store and says whether there is more.
func (st *stream) sendStored() (more bool, err error) {
	var rows []dr.Row
	size := int64(0)
	err = st.s.cfg.Store.Read(st.r.Context(), func(rd *store.Reader) error {
		head, err := rd.Head(st.r.Context())
		if err != nil {
			return err
		}
		size = head.Size
		rows, st.next, err = pageOf(st.r, rd, st.run, st.next, size, page)
		return err
	})
	for _, row := range rows {
		var text []byte
		if err == nil {
			text, err = event(st.s.naming(), st.lang, row)
		}
		if err == nil {
			_, err = st.w.Write(text)
		}
	}
	return st.next < size && len(rows) > 0, err
}

// giveUp ends a stream that cannot go on; the reader connects again and resumes.
func (st *stream) giveUp(err error) {
	if st.r.Context().Err() == nil {
		st.s.cfg.Log.ErrorContext(st.r.Context(), "stream of journal readings ended", "next", st.next, "error", err)
	}
}
