//go:build !race

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bank is a real server on a state directory and a port of its own.
type bank struct {
	*testing.T
	base string
	log  *transcript
	host http.Client // speaks to the socket, as its owner
}

// transcript is what a server says, which may be read while it still talks.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// open starts `switchman serve` or `switchman demo` and waits until it is ready.
func open(t *testing.T, program, command string) *bank {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	b := &bank{T: t, base: "http://" + addr, log: &transcript{}}
	b.host.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(state, "switchman.sock"))
	}}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, command, "--state", state, "--addr", addr)
	cmd.Stdout, cmd.Stderr = b.log, b.log
	cmd.Env = append(os.Environ(), "SWITCHMAN_MODEL_DIR="+filepath.Join(state, "none")) // nothing here asks for meaning
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.host.CloseIdleConnections()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with the sites of a demo
		_ = cmd.Wait()
	})
	b.until("it is ready", func() bool {
		res, err := b.host.Get("http://localhost/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return b
}

func (b *bank) until(what string, f func() bool) {
	b.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if f() {
			return
		}
		select {
		case <-b.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	b.Fatalf("it never came true that %s\n%s", what, b.log)
}

// ask sends a request over the socket, in the name of somebody of the sample roster if the server allows it.
func (b *bank) ask(as, method, path string, body, out any) {
	b.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.Context(), method, "http://localhost"+path, bytes.NewReader(raw))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if as != "" {
		req.Header.Set("X-Switchman-As", as)
	}
	res, err := b.host.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 || out != nil && json.Unmarshal(text, out) != nil {
		b.Fatalf("%s %s as %s: HTTP %d, %v: %s", method, path, as, res.StatusCode, err, text)
	}
}

// view is what the tests read of a run.
type view struct {
	ID, State string
	Round     struct{ Nonce string }
	Words     []struct{ Word string }
	Steps     []struct {
		ID       string
		Evidence []struct{ Digest string }
	}
}

func (b *bank) reaches(run string, states ...string) (v view) {
	b.Helper()
	b.until(fmt.Sprintf("%s is %v", run, states), func() bool {
		b.ask("lin", http.MethodGet, "/api/runs/"+run, nil, &v)
		return slices.Contains(states, v.State)
	})
	return v
}

// shift is who may move something at the sample bank: its people have hours.
type shift struct{ requester, operations, business, issuer string }

// onDuty are those whose hours it is now. Both shifts are there for half an hour around eight.
func onDuty() shift {
	if hour := time.Now().In(time.FixedZone("the bank's", 8*3600)).Hour(); hour >= 8 && hour < 20 {
		return shift{"lin", "chen", "sun", "huang"}
	}
	return shift{"gao", "luo", "song", "deng"}
}

// drill has the people of the sample bank move one of its systems, so that there is evidence to read.
func (b *bank) drill(plan string) view {
	b.Helper()
	run := b.request(plan, "drill")
	v := b.reaches(run, "awaiting_approval")
	words := ""
	for _, w := range v.Words {
		words += w.Word + " "
	}
	by := onDuty()
	for _, who := range []string{by.operations, by.business} {
		b.ask(who, http.MethodPost, "/api/runs/"+run+"/approve", map[string]any{"nonce": v.Round.Nonce, "words": strings.TrimSpace(words), "confirmed": true}, nil)
	}
	var issued struct{ Code string }
	b.ask(by.issuer, http.MethodPost, "/api/runs/"+run+"/issue_code", map[string]any{"confirmed": true}, &issued)
	b.ask(by.requester, http.MethodPost, "/api/runs/"+run+"/start", map[string]any{"code": issued.Code, "confirmed": true}, nil)
	return b.reaches(run, "at_standby")
}

func (b *bank) request(plan, mode string) string {
	b.Helper()
	var v view
	b.ask(onDuty().requester, http.MethodPost, "/api/runs", map[string]any{"plan": plan, "mode": mode, "reason": "so that there is one"}, &v)
	return v.ID
}

// token is a personal one, which the owner of the socket may make for anybody.
func (b *bank) token(person string) string {
	b.Helper()
	var made struct{ Token string }
	b.ask("", http.MethodPost, "/api/tokens", map[string]any{"person": person, "scopes": []string{"read", "act", "issue", "admin"}}, &made)
	return made.Token
}
