package slackfake

import (
	"io"
	"maps"
	"net/http"
	"time"
)

const (
	answersUses  = 5
	answersLives = 30 * time.Minute
)

// answerURL is a response_url: five answers within half an hour, without a token.
type answerURL struct {
	app     *app
	channel *Channel
	user    *User
	message *message // the one a click was on
	thread  string
	at      time.Time
	uses    int
}

func (s *Server) newAnswerURL(a *app, c *Channel, u *User, m *message) string {
	now := s.clock.Now()
	id := s.next("R") + s.secret()
	r := &answerURL{app: a, channel: c, user: u, message: m, at: now}
	if m != nil {
		r.thread = m.thread
	}
	s.answers[id] = r
	return a.origin + "/respond/" + id
}

// sweep forgets triggers and response_urls that nobody can use any more. It works seldom, so that
// a busy hour does not pay for it at each click.
func (s *Server) sweep(now time.Time) {
	if len(s.triggers)+len(s.answers) < s.sweepAt {
		return
	}
	maps.DeleteFunc(s.triggers, func(_ string, t *trigger) bool { return now.Sub(t.at) > answersLives })
	maps.DeleteFunc(s.answers, func(_ string, u *answerURL) bool { return now.Sub(u.at) > 2*answersLives })
	s.sweepAt = 2*(len(s.triggers)+len(s.answers)) + 4096
}

// serveRespond takes an answer by response_url.
func (s *Server) serveRespond(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if err != nil {
		reply(w, http.StatusRequestEntityTooLarge, obj{"ok": false, "error": "request_too_large"})
		return
	}
	a, err := parse("application/json", body, nil)
	if err != nil {
		reply(w, http.StatusBadRequest, obj{"ok": false, "error": err.Error()})
		return
	}
	s.mu.Lock()
	status, word := s.respond(r.PathValue("id"), a)
	lost := word == "" && s.faults.take(LostAnswer, "response_url", s.clock.Now()) != nil
	s.mu.Unlock()
	switch {
	case lost:
		panic(http.ErrAbortHandler)
	case word != "":
		reply(w, status, obj{"ok": false, "error": word})
	default:
		reply(w, status, obj{"ok": true})
	}
}

func (s *Server) respond(id string, a args) (int, string) {
	u := s.answers[id]
	switch {
	case u == nil:
		return http.StatusNotFound, "no_response_url"
	case s.clock.Now().Sub(u.at) > answersLives:
		return http.StatusNotFound, "expired_url"
	case u.uses >= answersUses:
		return http.StatusNotFound, "used_url"
	}
	s.stats.called("response_url", nil)
	if a.flag("delete_original", false) {
		if u.message == nil {
			return http.StatusBadRequest, "no_original"
		}
		u.uses++
		s.remove(u.message)
		return http.StatusOK, ""
	}
	delete(a, "metadata") // clients send an empty one along, and Slack keeps none here
	text, err := s.content(a)
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	u.uses++
	if u.message != nil && a.flag("replace_original", false) && u.channel.find(u.message.ts) == u.message {
		u.message.say(text)
		if u.message.only == "" {
			u.message.edited = s.stamp()
		}
		s.changed(u.channel.ID)
		return http.StatusOK, ""
	}
	s.answerAnew(u, text, a)
	return http.StatusOK, ""
}

// answerAnew posts an answer of its own, for one person unless it says otherwise.
func (s *Server) answerAnew(u *answerURL, text content, a args) {
	m := &message{channel: u.channel, user: u.app.user.ID, app: u.app, only: u.user.ID, thread: a.str("thread_ts")}
	if a.str("response_type") == "in_channel" {
		m.only = ""
	}
	m.say(text)
	s.put(m)
	if m.only == "" {
		s.announce(m)
	}
}
