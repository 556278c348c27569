package llm

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

// FuzzEvents lets anything be streamed: what comes out is whole data lines or an error of a kind.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"data: {\"choices\":[]}\n\ndata: [DONE]\n\n", ": ping\r\n\r\ndata:{}\n", "event: error\ndata: {\"error\":{\"code\":503}}\n", "error: x\n",
		"data: {\"error\":\"str\"}\n", "id: 1\nretry: 5\ndata: ", "data: \xff\x00", "\ufeffdata: {}", "data: {\"object\":\"error\",\"code\":\"no_model\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		e := &events{body: io.NopCloser(nil), in: bufio.NewReaderSize(bytes.NewReader(stream), 32)}
		out, err := io.ReadAll(e)
		if err != nil && KindOf(err) == "" {
			t.Fatalf("an error of no kind: %v", err)
		}
		for line := range bytes.Lines(out) {
			if len(bytes.TrimSpace(line)) > 0 && !bytes.HasPrefix(line, []byte("data: ")) {
				t.Fatalf("let through %q", line)
			}
		}
		_ = serverError(0, stream)
	})
}
