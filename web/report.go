package web

import (
	"bytes"
	"context"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/report"
	"github.com/switchman-dr/switchman/store"
)

// mediaOf says what a report is, by format; empty for a format there is not.
func mediaOf(format string) string {
	return map[string]string{"html": "text/html; charset=utf-8", "md": "text/markdown; charset=utf-8", "json": "application/json", "zip": "application/zip"}[format]
}

// readReport sends the report of a run, made from the journal as it is now. It is made as a whole
// before the first byte leaves, so that a reader never holds half of one.
func (s *Server) readReport(w http.ResponseWriter, r *http.Request, _ caller) error {
	format := r.URL.Query().Get("format")
	if _, named, ok := strings.Cut(path.Base(r.URL.Path), "."); ok {
		format = named // report.html and its like, for links that are kept
	}
	if format == "" {
		format = "html"
	}
	if mediaOf(format) == "" {
		return &dr.Error{Kind: dr.Usage, ID: "report_format_wrong", Args: dr.Args{"format": printable(format)}}
	}
	var sizes []int64
	for _, text := range r.URL.Query()["anchor"] {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil || len(sizes) == maxAnchors {
			return &dr.Error{Kind: dr.Usage, ID: "report_anchor_wrong", Args: dr.Args{"anchor": printable(text)}}
		}
		sizes = append(sizes, size)
	}
	run := r.PathValue("run")
	body, err := s.makeReport(r.Context(), run, format, s.language(r), sizes)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mediaOf(format))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if format == "html" {
		// The page carries a policy of its own, which names its scripts by digest. It is shown on an origin
		// of its own, so that nothing in it could act for whoever reads it.
		h.Set("Content-Security-Policy", "sandbox allow-scripts allow-popups; frame-ancestors 'self'")
		h.Set("X-Frame-Options", "SAMEORIGIN")
	} else {
		h.Set("Content-Disposition", `attachment; filename="report-`+run+"."+format+`"`)
	}
	_, err = w.Write(body)
	return err
}

// maxAnchors bounds how many roots one bundle is asked to prove.
const maxAnchors = 100

func (s *Server) makeReport(ctx context.Context, run, format, lang string, sizes []int64) ([]byte, error) {
	var b bytes.Buffer
	err := s.cfg.Store.Read(ctx, func(rd *store.Reader) error {
		b.Reset()
		src, err := report.Gather(ctx, rd, run, s.cfg.Version, sizes...)
		if err != nil {
			return err
		}
		return report.Write(&b, src, format, lang, s.cfg.Store.SignFile)
	})
	return b.Bytes(), err
}
