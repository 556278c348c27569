package slackfake

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

const largestFile = 64 << 20

// file is one upload: promised, then sent, then shared.
type file struct {
	id, name, title, secret, user string
	promised                      int
	data                          []byte
	sent, shared                  bool
	origin                        string
	created                       int64
}

func (f *file) wire() obj {
	kind := strings.TrimPrefix(path.Ext(f.name), ".")
	media := mime.TypeByExtension(path.Ext(f.name))
	if media == "" {
		media = "application/octet-stream"
	}
	link := f.origin + "/files/" + f.id + "/" + f.name
	return obj{"id": f.id, "name": f.name, "title": f.title, "size": len(f.data), "filetype": kind, "pretty_type": strings.ToUpper(kind), "mimetype": media,
		"mode": "hosted", "user": f.user, "created": f.created, "timestamp": f.created, "url_private": link, "url_private_download": link + "?download=1",
		"permalink": link, "is_external": false, "is_public": true, "editable": false}
}

func wires(files []*file) []obj {
	list := []obj{}
	for _, f := range files {
		list = append(list, f.wire())
	}
	return list
}

func fileURL(s *Server, c *call) (obj, error) {
	n, err := strconv.Atoi(c.str("length"))
	switch {
	case !c.has("filename"):
		return nil, refusal("invalid_arguments", []problem{{"missing required field: filename", ""}})
	case err != nil || n <= 0:
		return nil, refusal("invalid_arguments", []problem{{"length must be greater than 0", ""}})
	case n > largestFile:
		return nil, fail("file_too_large")
	}
	f := &file{id: s.next("F"), name: path.Base(c.str("filename")), promised: n, secret: s.secret(), user: c.app.user.ID, origin: c.origin, created: s.clock.Now().Unix()}
	f.title = f.name
	s.files[f.id] = f
	return obj{"upload_url": c.origin + "/upload/" + f.id + "?key=" + f.secret, "file_id": f.id}, nil
}

// serveUpload takes the bytes, as the whole body or as the first file of a form.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request) {
	var from io.Reader = http.MaxBytesReader(w, r.Body, largestFile+1<<16)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		form, err := r.MultipartReader()
		if err == nil {
			from, err = form.NextPart()
		}
		if err != nil {
			http.Error(w, "no file in this form", http.StatusBadRequest)
			return
		}
	}
	data, err := io.ReadAll(from)
	if err != nil {
		http.Error(w, "cut off", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.files[r.PathValue("id")]
	switch {
	case f == nil || f.secret != r.URL.Query().Get("key") || f.sent:
		http.Error(w, "not an upload", http.StatusNotFound)
	case len(data) != f.promised:
		http.Error(w, "promised "+strconv.Itoa(f.promised)+" bytes, got "+strconv.Itoa(len(data)), http.StatusBadRequest)
	default:
		f.data, f.sent = data, true
		s.stats.called("upload", nil)
		_, _ = io.WriteString(w, "OK - "+strconv.Itoa(len(data)))
	}
}

func fileComplete(s *Server, c *call) (obj, error) {
	var want []struct{ ID, Title string }
	if json.Unmarshal([]byte(c.str("files")), &want) != nil || len(want) == 0 {
		return nil, refusal("invalid_arguments", []problem{{"missing required field: files", ""}})
	}
	var files []*file
	for _, one := range want {
		f := s.files[one.ID]
		if f == nil || f.user != c.app.user.ID {
			return nil, fail("file_not_found")
		}
		if !f.sent || f.shared {
			return nil, fail("file_update_failed")
		}
		if one.Title != "" {
			f.title = one.Title
		}
		files = append(files, f)
	}
	places := c.list("channels")
	if c.has("channel_id") {
		places = append(places, c.str("channel_id"))
	}
	posts, err := s.shares(c, files, places)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		f.shared = true
	}
	for _, m := range posts {
		s.put(m)
		s.announce(m)
	}
	return obj{"files": wires(files)}, nil
}

// shares makes the messages that show files in channels.
func (s *Server) shares(c *call, files []*file, places []string) ([]*message, error) {
	var posts []*message
	for _, place := range places {
		c.args["channel"] = place
		ch, err := s.speak(c)
		if err != nil {
			return nil, err
		}
		m := &message{channel: ch, user: c.app.user.ID, app: c.app, files: files, subtype: "file_share", text: escape(c.str("initial_comment"))}
		if c.has("blocks") && m.text == "" {
			text, err := s.content(args{"blocks": c.str("blocks")})
			if err != nil {
				return nil, err
			}
			m.say(text)
		}
		if ts := c.str("thread_ts"); ts != "" {
			if ch.find(ts) == nil {
				return nil, fail("thread_not_found")
			}
			m.thread = ts
		}
		posts = append(posts, m)
	}
	return posts, nil
}

func fileInfo(s *Server, c *call) (obj, error) {
	f := s.files[c.str("file")]
	if f == nil || !f.shared {
		return nil, fail("file_not_found")
	}
	return obj{"file": f.wire(), "comments": []obj{}, "response_metadata": obj{"next_cursor": ""}}, nil
}

// serveFile hands a file to an app by its token, and to the people of the page.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f := s.files[r.PathValue("id")]
	s.mu.Unlock()
	if f == nil || !f.sent {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.wire()["mimetype"].(string))
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.data)
}
