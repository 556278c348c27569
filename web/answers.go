package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/bot"
)

// tell answers a question: whole, or as a stream of events for whoever accepts one. Each event "told" holds
// the answer as far as it has come and takes the place of the one before; the last is not "going" any more.
// Whoever hangs up ends the model's work. An error after the first event is an event "error".
func (s *Server) tell(w http.ResponseWriter, r *http.Request, ask func(context.Context, func(bot.Told)) (bot.Told, error)) error {
	patient(w)
	if !strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		told, err := ask(r.Context(), nil)
		if err != nil {
			return err
		}
		answer(w, http.StatusOK, told)
		return nil
	}
	ctx, hangUp := context.WithCancel(r.Context())
	defer hangUp()
	began := false
	send := func(event string, what any) {
		if !began {
			began = true
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("X-Accel-Buffering", "no") // nginx would hold lines back
			w.WriteHeader(http.StatusOK)
		}
		data, err := json.Marshal(what)
		if err == nil {
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, data)
		}
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		if err != nil {
			hangUp() // the reader left
		}
	}
	told, err := ask(ctx, func(told bot.Told) { send("told", told) })
	switch {
	case err == nil:
		send("told", told)
	case !began:
		return err
	case ctx.Err() == nil:
		_, problem := s.problem(r, err)
		send("error", problem)
	}
	return nil
}

// patient lifts the deadline of an answer that a language model may take longer over; the model's own bounds it.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a writer without deadlines, as in tests, has none to lift
}
