package slackfake

import (
	"embed"
	"net/http"
	"path"
)

//go:embed page
var pageFiles embed.FS

func servePage(w http.ResponseWriter, r *http.Request) { serveEmbedded(w, r, "index.html") }

func servePageFile(w http.ResponseWriter, r *http.Request) { serveEmbedded(w, r, r.PathValue("file")) }

func serveEmbedded(w http.ResponseWriter, r *http.Request, name string) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, pageFiles, path.Join("page", name))
}

// servePageWorkspace lists the people one can be, and the channels that one of them sees.
func (s *Server) servePageWorkspace(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	me := s.users[r.URL.Query().Get("user")]
	people, names, rooms := []obj{}, obj{}, []obj{}
	for _, id := range s.userOrder {
		u := s.users[id]
		names[id] = u.RealName
		if u.app == nil {
			people = append(people, obj{"id": id, "name": u.RealName, "title": u.Title, "locale": u.Locale, "flags": flags(u)})
		}
		if me == nil && u.app == nil {
			me = u
		}
	}
	for _, id := range s.channelOrder {
		c := s.channels[id]
		if me == nil || !c.sees(me) || c.IM && !c.has(me.ID) {
			continue
		}
		rooms = append(rooms, obj{"id": id, "name": c.Name, "kind": c.kind(), "topic": c.Topic, "shared": c.ExtShared, "pending": c.Pending, "archived": c.Archived, "member": c.has(me.ID), "count": len(c.messages)})
	}
	o := obj{"team": s.team.Name, "app": s.app.App.public(), "people": people, "names": names, "channels": rooms, "sockets": len(s.app.sockets)}
	if me != nil {
		o["me"] = me.ID
	}
	reply(w, http.StatusOK, o)
}

func (a App) public() obj { return obj{"id": a.ID, "name": a.Name, "user": a.BotUser} }

func flags(u *User) []string {
	list := []string{}
	for _, f := range []struct {
		on   bool
		word string
	}{{u.Restricted || u.UltraRestricted, "guest"}, {u.Stranger, "other workspace"}, {u.Bot, "bot"}, {u.Workflow, "workflow"}, {u.Deleted, "deactivated"}} {
		if f.on {
			list = append(list, f.word)
		}
	}
	return list
}

// servePageLive tells a page by server-sent events that something changed; the page reads it anew.
func (s *Server) servePageLive(w http.ResponseWriter, r *http.Request) {
	f, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "this connection cannot stream", http.StatusInternalServerError)
		return
	}
	wake := make(chan string, 64)
	s.mu.Lock()
	s.watchers[wake] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, wake)
		s.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write([]byte("retry: 500\ndata: hello\n\n"))
	f.Flush()
	for {
		select {
		case what := <-wake:
			_, _ = w.Write([]byte("data: " + what + "\n\n"))
			f.Flush()
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
}
