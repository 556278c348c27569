package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// consolePolicy is what the console's page may do: run its own scripts, talk to its own server, and
// nothing else. Recordings are played by a module in WebAssembly; styles are set on elements by the
// drawing of the board.
const consolePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; frame-src 'self'; manifest-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"

// console serves the files of the web console: the page at /, everything else below it. Files with
// their content's hash in the name never change, so a browser keeps them.
func (s *Server) console(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	file, err := s.fromShelf(name)
	if err != nil || strings.HasSuffix(r.URL.Path, "/") && r.URL.Path != "/" {
		s.noRoute(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	if path.Ext(name) == ".js" {
		h.Set("Content-Type", "text/javascript; charset=utf-8") // whatever the machine's own table says
	}
	body, tag := file.plain, file.tag
	if file.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body, tag = file.packed, tag+"-gz"
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", s.began, bytes.NewReader(body))
}

// shelf keeps the console's files as they are sent; they never change while the server runs.
type shelf struct {
	mu    sync.Mutex
	files map[string]*consoleFile
}

// consoleFile is one file, and the same packed where that makes it smaller.
type consoleFile struct {
	plain, packed []byte
	tag           string
}

// fromShelf reads and packs a file the first time it is asked for. Names that are no files leave nothing.
func (s *Server) fromShelf(name string) (*consoleFile, error) {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	if f := s.shelf.files[name]; f != nil {
		return f, nil
	}
	body, err := s.consoleFile(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	f := &consoleFile{plain: body, tag: hex.EncodeToString(sum[:8])}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(body)
	if err = errors.Join(err, z.Close()); err != nil {
		return nil, err
	}
	if b.Len() < len(body)*9/10 {
		f.packed = b.Bytes()
	}
	if s.shelf.files == nil {
		s.shelf.files = map[string]*consoleFile{}
	}
	s.shelf.files[name] = f
	return f, nil
}

// consoleFile reads one file; directories are none.
func (s *Server) consoleFile(name string) ([]byte, error) {
	if s.cfg.Console == nil || !fs.ValidPath(name) {
		return nil, fs.ErrNotExist
	}
	f, err := s.cfg.Console.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return nil, errors.Join(fs.ErrNotExist, err, f.Close())
	}
	body, err := io.ReadAll(f)
	return body, errors.Join(err, f.Close())
}
