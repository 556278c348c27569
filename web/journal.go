package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

// page is the most rows one answer or one look of a stream holds.
const page = 200

func (s *Server) readJournal(w http.ResponseWriter, r *http.Request, _ caller) error {
	q := r.URL.Query()
	from, err := number(q.Get("from"), "from", 0, 0, 1<<62)
	if err != nil {
		return err
	}
	limit, err := number(q.Get("limit"), "limit", page, 1, 1000)
	if err != nil {
		return err
	}
	lang, run := s.language(r), q.Get("run")
	out := struct {
		Rows       []Reading `json:"rows"`
		Next       *int64    `json:"next,omitempty"`
		Size       int64     `json:"size"`
		Checkpoint string    `json:"checkpoint,omitempty"`
		Key        string    `json:"key,omitempty"`
	}{Rows: []Reading{}, Key: s.cfg.Store.PublicKey()}
	var found []dr.Row
	err = s.cfg.Store.Read(r.Context(), func(rd *store.Reader) error {
		found = nil
		head, err := rd.Head(r.Context())
		if err != nil {
			return err
		}
		out.Size, out.Checkpoint = head.Size, string(head.Note)
		rows, next, err := pageOf(r, rd, run, from, head.Size, int(limit))
		for _, row := range rows {
			found = append(found, row)
		}
		if next < head.Size {
			out.Next = &next
		}
		return err
	})
	if err != nil {
		return err
	}
	names := s.naming()
	for _, row := range found { // outside of the reading: the names of steps are read as well
		out.Rows = append(out.Rows, names.reading(lang, row))
	}
	answer(w, http.StatusOK, out)
	return nil
}

// pageOf reads up to limit rows below size, of one run or of all, and says where to read on.
func pageOf(r *http.Request, rd *store.Reader, run string, from, size int64, limit int) ([]dr.Row, int64, error) {
	var out []dr.Row
	for from < size && len(out) < limit {
		rows, _, err := rd.Rows(r.Context(), from, limit)
		if err != nil || len(rows) == 0 {
			return out, from, err
		}
		for _, row := range rows {
			if len(out) == limit {
				return out, from, nil
			}
			from = row.Seq + 1
			if run == "" || row.Run == run {
				out = append(out, row)
			}
		}
	}
	return out, from, nil
}

// readBlob hands out kept evidence as a download. Its bytes came from outside, so the browser is
// told neither to guess a type nor to run anything.
func (s *Server) readBlob(w http.ResponseWriter, r *http.Request, _ caller) error {
	digest := r.PathValue("digest")
	if !isDigest(digest) {
		return &dr.Error{Kind: dr.Usage, ID: "digest_wrong", Args: dr.Args{"digest": printable(digest)}}
	}
	blob, content, err := s.cfg.Store.OpenBlob(r.Context(), digest)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(blob.Size, 10))
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", fileName(blob)))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, err = io.Copy(w, content)
	if err = errors.Join(err, content.Close()); err != nil && r.Context().Err() == nil {
		s.cfg.Log.ErrorContext(r.Context(), "sending kept evidence", "digest", digest, "error", err)
	}
	return nil // the answer has begun; an error could not be told any more
}

func isDigest(text string) bool {
	body, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(body) == 64 && strings.Trim(body, "0123456789abcdef") == ""
}

func fileName(b dr.Blob) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, b.Name)
	if name == "" {
		name = strings.TrimPrefix(b.Digest, "sha256:")[:12]
	}
	return name
}
