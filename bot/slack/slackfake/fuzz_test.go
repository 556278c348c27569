package slackfake

import (
	"encoding/json"
	"net/url"
	"testing"
)

// FuzzBody: whatever a client sends is an answer, never a panic, and blocks that pass pass again.
func FuzzBody(f *testing.F) {
	for _, seed := range []struct{ kind, body string }{
		{"application/json", `{"channel":"C1","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"x"}}]}`},
		{"application/x-www-form-urlencoded", `channel=C1&blocks=%5B%7B%22type%22%3A%22actions%22%2C%22elements%22%3A%5B%5D%7D%5D`},
		{"application/json", `{"blocks":[{"type":"table","rows":[[]]},{"type":"image"},{"type":"input"},null,3]}`},
		{"application/json", `{"blocks":[{"type":"actions","elements":[{"type":"static_select","action_id":"a","option_groups":[{}]}]}]}`},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx\r\n--b--\r\n"},
		{"text/plain", "x"}, {"", ""},
	} {
		f.Add(seed.kind, seed.body)
	}
	s := New(Sample())
	f.Fuzz(func(t *testing.T, kind, body string) {
		if len(body) > 4096 {
			return
		}
		a, err := parse(kind, []byte(body), url.Values{})
		if err != nil {
			return
		}
		_ = escape(a.str("text"))
		_ = s.typed(a.str("text"))
		_, _ = s.draft(a.str("view"), "modal", "/view")
		raw, err := a.raw("blocks", "invalid")
		if err != nil || raw == nil {
			return
		}
		kept, err := s.checkBlocks(json.RawMessage(raw), inMessage)
		if err != nil {
			return
		}
		list := blockList(kept)
		for _, e := range elements(list) {
			_, _ = pressed(e, "x", "1.000001")
		}
		_ = values(list, nil)
		if again, err := s.checkBlocks(kept, inMessage); err != nil || string(again) != string(kept) {
			t.Fatalf("passed once, then %v\n%s\n%s", err, kept, again)
		}
	})
}
