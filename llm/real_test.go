//go:build llm

package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/llm"
	"github.com/switchman-dr/switchman/prompts"
)

// real is a llama-server with a tiny model. It shows that wire and shapes hold; what such a model says is
// of no interest.
type real struct {
	url string
	cmd *exec.Cmd
	log string
}

func startReal(t *testing.T, args ...string) *real {
	t.Helper()
	program, weights := os.Getenv("SWITCHMAN_TEST_LLAMA_SERVER"), os.Getenv("SWITCHMAN_TEST_GGUF")
	if program == "" || weights == "" {
		t.Fatal("SWITCHMAN_TEST_LLAMA_SERVER and SWITCHMAN_TEST_GGUF name no server and model; run: make test-llm")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	r := &real{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: filepath.Join(t.TempDir(), "log")}
	out, err := os.Create(r.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r.cmd = exec.Command(program, append([]string{"-m", weights, "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--offline", "--api-key", "k",
		"--alias", "tiny", "--parallel", "2", "--threads", "1", "--temp", "0", "--seed", "1", "--cache-ram", "0"}, args...)...)
	r.cmd.Stdout, r.cmd.Stderr = out, out
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.kill()
		if b, err := os.ReadFile(r.log); err == nil && t.Failed() {
			t.Logf("its log ends: %s", b[max(0, len(b)-3000):])
		}
	})
	r.wait(t)
	return r
}

// wait polls until the model is loaded.
func (r *real) wait(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if res, err := http.Get(r.url + "/health"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		<-tick.C
	}
	t.Fatal("the server did not get ready within a minute")
}

func (r *real) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *real) client(t *testing.T, key string) *llm.Client {
	t.Helper()
	c, err := llm.New(llm.Config{URL: r.url + "/v1", Key: llm.NewKey(key), Model: "tiny", EmbedModel: "tiny", Deadline: 5 * time.Minute, Idle: time.Minute,
		Clock: dr.Clock{Now: time.Now, After: time.After}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var short = prompts.Answer{Lang: "en", Question: "What comes first?", Passages: []prompts.Passage{{ID: "a", Title: "Ledger", Text: "Stop writes first: ledgerctl freeze."}, {ID: "b", Title: "DNS", Text: "Lower the TTL to 60."}}}

func render(t *testing.T, a prompts.Answer) llm.Request {
	t.Helper()
	r, err := a.Render(prompts.Nonce())
	if err != nil {
		t.Fatal(err)
	}
	// So small a model says what it says to the end of its limits: they are drawn in, to be done in seconds.
	r.Schema = json.RawMessage(strings.NewReplacer(`"maxItems": 6`, `"maxItems": 2`, `"maxLength": 400`, `"maxLength": 40`).Replace(string(r.Schema)))
	r.MaxTokens = 300
	return llm.Request(r)
}

func TestRealModel(t *testing.T) {
	server := startReal(t, "--ctx-size", "4096")
	c := server.client(t, "k")

	t.Run("an answer of the schema's shape", func(t *testing.T) {
		pieces := 0
		reply, err := c.Structured(t.Context(), render(t, short), func(llm.Delta) { pieces++ }, func(text string) error {
			var r prompts.Reply
			if err := json.Unmarshal([]byte(text), &r); err != nil {
				return err
			}
			for _, s := range r.Statements {
				if s.Source != "P1" && s.Source != "P2" {
					t.Errorf("source %q, outside the schema's list", s.Source)
				}
			}
			return nil
		})
		if err != nil || pieces < 3 || reply.Tokens < 100 {
			t.Fatalf("%v after %d pieces, %d tokens: %s", err, pieces, reply.Tokens, reply.Text)
		}
		kept, dropped := prompts.Accept(parsed(t, reply.Text), short.Passages)
		t.Logf("%d tokens in %v, %d pieces; %d statements proven, %d dropped: %s", reply.Tokens, reply.Took, pieces, len(kept), len(dropped), reply.Text)
	})

	t.Run("cancelling in the middle", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		_, err := c.Complete(ctx, llm.Request{Name: "long", System: "You are verbose.", User: "Count from one to one thousand in words.", MaxTokens: 1500}, func(llm.Delta) { cancel() })
		if llm.KindOf(err) != llm.Cancelled || !errors.Is(err, context.Canceled) {
			t.Fatalf("ended %v", err)
		}
		// The slots are free again: two at once are answered.
		done := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.Complete(context.WithoutCancel(ctx), llm.Request{Name: "short", System: "Be short.", User: "Say yes.", MaxTokens: 8}, nil)
				if llm.KindOf(err) == llm.Cut {
					err = nil
				}
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		t.Logf("cancelled, and two more answered after %v", time.Since(began).Round(time.Millisecond))
	})

	t.Run("more than its context", func(t *testing.T) {
		big := short
		big.Passages = nil
		for i := range 8 {
			big.Passages = append(big.Passages, prompts.Passage{ID: fmt.Sprint(i), Text: strings.Repeat("Wait for the replica to catch up. ", 110)})
		}
		began := time.Now()
		_, err := c.Structured(t.Context(), render(t, big), nil, func(string) error { return nil })
		if llm.KindOf(err) != llm.TooLong {
			t.Errorf("ended %v", err)
		}
		t.Logf("%v after %v", err, time.Since(began).Round(time.Millisecond))
	})

	t.Run("an answer that runs into its limit", func(t *testing.T) {
		r := render(t, short)
		r.MaxTokens = 5
		if _, err := c.Structured(t.Context(), r, nil, func(string) error { return nil }); llm.KindOf(err) != llm.Cut {
			t.Errorf("ended %v", err)
		}
	})

	t.Run("the wrong key", func(t *testing.T) {
		if _, err := server.client(t, "wrong").Complete(t.Context(), render(t, short), nil); llm.KindOf(err) != llm.Denied {
			t.Errorf("ended %v", err)
		}
	})

	t.Run("killed in the middle", func(t *testing.T) {
		killed := false
		_, err := c.Structured(t.Context(), llm.Request{Name: "long", System: "You are verbose.", User: "Count from one to one thousand in words.", MaxTokens: 1500}, func(llm.Delta) {
			if !killed {
				killed = true
				server.kill()
			}
		}, func(string) error { return nil })
		if kind := llm.KindOf(err); kind != llm.Broken && kind != llm.Unreachable {
			t.Errorf("ended %v", err)
		}
		for range 6 {
			_, err = c.Complete(t.Context(), render(t, short), nil)
		}
		if llm.KindOf(err) != llm.Resting {
			t.Errorf("a dead server is still asked: %v", err)
		}
		t.Logf("then %v", err)
	})
}

func TestRealModelEmbeds(t *testing.T) {
	server := startReal(t, "--ctx-size", "4096", "--embeddings", "--pooling", "mean", "--ubatch-size", "2048", "--batch-size", "2048")
	c := server.client(t, "k")
	texts := []string{"promote the standby", "lower the TTL", "通知监管部门"}
	all, err := c.Embed(t.Context(), texts, 0)
	if err != nil || len(all) != 3 || len(all[0]) != 576 {
		t.Fatalf("%v, %d vectors", err, len(all))
	}
	for i, text := range texts {
		one, err := c.Embed(t.Context(), []string{text}, 576)
		if err != nil {
			t.Fatal(err)
		}
		dot := 0.0
		for j := range one[0] {
			dot += float64(one[0][j]) * float64(all[i][j])
		}
		if dot < 0.999 {
			t.Errorf("text %d: alone and among others %f apart", i, dot)
		}
	}
	if _, err := c.Embed(t.Context(), texts, 384); llm.KindOf(err) != llm.Mismatch {
		t.Errorf("other dimensions than wanted: %v", err)
	}
	server.kill()
	if got, err := c.Embed(t.Context(), texts, 576); llm.KindOf(err) != llm.Unreachable || got != nil {
		t.Errorf("a dead server: %v", err)
	}
}

func parsed(t *testing.T, text string) prompts.Reply {
	t.Helper()
	var r prompts.Reply
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}
