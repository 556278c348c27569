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
	maxStreams = 200
)

// stream is one reader of the journal as it grows.
type stream struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	lang string
	run  string
	next int64 // row to read next
}

// events sends journal readings as server-sent events (WHATWG HTML, section 9.2). Whoever was cut
// off names the last row seen and misses nothing; the wake-up from the store is a hint only, the
// rows are what counts.
func (s *Server) events(w http.ResponseWriter, r *http.Request, _ caller) error {
	next, err := s.firstRow(r)
	if err != nil {
		return err
	}
	if !s.metrics.enterStream() {
		return &dr.Error{Kind: dr.Unavailable, ID: "too_many_streams"}
	}
	defer s.metrics.leaveStream()
	wake, stop := s.cfg.Store.Watch()
	defer stop()
	rc := http.NewResponseController(w)
	for _, lift := range []func(time.Time) error{rc.SetReadDeadline, rc.SetWriteDeadline} {
		// A writer without deadlines, as in tests, has none to lift.
		_ = lift(time.Time{})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold lines back
	w.WriteHeader(http.StatusOK)
	st := &stream{s: s, w: w, r: r, lang: s.language(r), run: r.URL.Query().Get("run"), next: next}
	for {
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
		case <-wake:
		case <-s.cfg.Clock.After(heartbeat):
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
		if err != nil || n < 0 {
			return 0, &dr.Error{Kind: dr.Usage, ID: "last_event_id", Args: dr.Args{"found": printable(last)}}
		}
		return n + 1, nil
	}
	if from := r.URL.Query().Get("from"); from != "" {
		return number(from, "from", 0, 0, 1<<62)
	}
	var size int64
	err := s.cfg.Store.Read(r.Context(), func(rd *store.Reader) error {
		head, err := rd.Head(r.Context())
		size = head.Size
		return err
	})
	return size, err
}

// send writes every row there is and not yet sent.
func (st *stream) send() error {
	for {
		var rows []dr.Row
		size := int64(0)
		err := st.s.cfg.Store.Read(st.r.Context(), func(rd *store.Reader) error {
			head, err := rd.Head(st.r.Context())
			if err != nil {
				return err
			}
			size = head.Size
			rows, st.next, err = pageOf(st.r, rd, st.run, st.next, size, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			data, err := json.Marshal(ReadingOf(st.lang, row))
			if err != nil {
				return fmt.Errorf("showing row %d: %w", row.Seq, err)
			}
			if _, err := fmt.Fprintf(st.w, "id: %d\nevent: %s\ndata: %s\n\n", row.Seq, row.Kind, data); err != nil {
				return err
			}
		}
		if st.next >= size || len(rows) == 0 {
			return nil
		}
	}
}

// giveUp ends a stream that cannot go on; the reader connects again and resumes.
func (st *stream) giveUp(err error) {
	if st.r.Context().Err() == nil {
		st.s.cfg.Log.ErrorContext(st.r.Context(), "stream of journal readings ended", "next", st.next, "error", err)
	}
}
