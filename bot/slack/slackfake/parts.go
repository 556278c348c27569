package slackfake

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/url"
)

// parts reads the fields of a multipart form, files included.
func parts(body []byte, boundary string) (url.Values, error) {
	form := url.Values{}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextPart()
		if err == io.EOF {
			return form, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		form.Set(p.FormName(), string(text))
	}
}
