package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestZZTry(t *testing.T) {
	url, dir := os.Getenv("TRY_URL"), os.Getenv("TRY_DIR")
	if url == "" {
		return
	}
	l, _ := readLayout(dir)
	e := &Estate{dir: dir, base: l.Base}
	c := e.Customers(t.Context(), 200*time.Millisecond)
	defer c.Stop()
	pause(t.Context(), time.Second)
	s := Story{People: sample(t).Organisation().Roster.People, Seen: c.Seen, Audit: c.Audit, Lang: os.Getenv("TRY_LANG"), Plan: os.Getenv("TRY_PLAN"),
		Report: func(context.Context, string) (string, bool, error) { return "x.md", true, nil },
		API: func(ctx context.Context, as, method, path string, in, out any) error {
			b, _ := json.Marshal(in)
			if in == nil {
				b = nil
			}
			req, _ := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader(b))
			req.Header.Set("X-Switchman-As", as)
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode > 299 {
				return fmt.Errorf("%s %s as %s: %d %s", method, path, as, res.StatusCode, body)
			}
			return json.Unmarshal(body, out)
		}}
	s.Zone, _ = time.LoadLocation("Asia/Shanghai")
	r, err := s.Play(t.Context(), os.Stdout)
	b, _ := json.MarshalIndent(r, "", " ")
	fmt.Println(string(b), err)
}
