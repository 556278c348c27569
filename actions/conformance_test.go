package actions_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// action makes one action of a set.
func action(name string) func(actions.Options) actions.Action {
	return func(o actions.Options) actions.Action {
		a, _ := actions.NewSet(o).Action(name)
		return a
	}
}

func job(token, name string, params map[string]any) actions.Job {
	return actions.Job{Token: token, Run: "run-7", Step: "step@n1", Attempt: 1, Call: dr.Call{Action: name, Params: params}}
}

func ptr(j actions.Job) *actions.Job { return &j }

// targetScript is a node that can be told things: it takes a token once, says no, hangs, is loud, and repeats
// what it was told in confidence.
const targetScript = `#!/bin/sh
case "$2" in
do)	if [ -e "$1/$SWITCHMAN_STEP_TOKEN" ]; then echo "already done"; exit 0; fi
	: > "$1/$SWITCHMAN_STEP_TOKEN"; echo x >> "$1/effects"; echo "did it" ;;
is)	[ -s "$1/effects" ] ;;
no)	echo "cannot: \033[31mred\033[0m" >&2; exit 7 ;;
slow)	trap '' TERM INT HUP; sleep 300 & (trap '' TERM HUP; sleep 300) & wait; wait; wait ;;
loud)	head -c 600000 /dev/zero | tr '\0' 'x' ;;
leak)	cat; echo; echo "$PW"; printf %s "$PW" | base64 ; echo "it is $PW" >&2 ;;
esac
`

func script(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func lines(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return strings.Count(string(b), "\n")
}

func names(dir string) string {
	entries, err := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return fmt.Sprint(out, err)
}

func TestExec(t *testing.T) {
	for name, pty := range map[string]bool{"pipe": false, "terminal": true} {
		t.Run(name, func(t *testing.T) {
			actionstest.Exercise(t, action("exec"), func(t *testing.T) actionstest.World {
				target, dir := script(t, targetScript), t.TempDir()
				tell := func(verb string) actions.Job {
					return job("token-"+name+"-"+verb, "exec", map[string]any{"argv": []string{target, dir, verb}, "pty": pty})
				}
				leak := tell("leak")
				leak.Call.Params["env"] = map[string]string{"PW": "secret:leak"}
				leak.Call.Params["stdin"] = "secret:leak"
				return actionstest.World{
					Options: actions.Options{SpoolDir: t.TempDir(), Dir: dir, Env: []string{"PATH=" + os.Getenv("PATH")}, Grace: 200},
					Do:      tell("do"), Probe: ptr(tell("is")), No: ptr(tell("no")), Slow: ptr(tell("slow")), Loud: ptr(tell("loud")), Leak: &leak,
					Unsent:  ptr(job("t", "exec", map[string]any{"argv": []any{"no-such-program-anywhere"}})),
					Effects: func() int { return lines(filepath.Join(dir, "effects")) },
					State:   func() string { return names(dir) },
					ByToken: true,
					Secret:  "k3y-für-tür/+?",
				}
			})
		})
	}
}

// site is a real HTTP server that takes an Idempotency-Key once.
type site struct {
	sync.Mutex
	seen    map[string]bool
	effects int
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) //nolint:errcheck // only then does the server notice that a client has gone
	switch r.URL.Path {
	case "/do":
		s.Lock()
		defer s.Unlock()
		if r.Method == http.MethodPost && !s.seen[r.Header.Get("Idempotency-Key")] {
			s.seen[r.Header.Get("Idempotency-Key")] = true
			s.effects++
		}
		fmt.Fprintln(w, `{"moved": true, "lag_ms": 12}`)
	case "/is":
		s.Lock()
		defer s.Unlock()
		fmt.Fprintf(w, `{"moved": %t}`, s.effects > 0)
	case "/no":
		http.Error(w, "not in this\x1b[2J state", http.StatusConflict)
	case "/slow":
		<-r.Context().Done()
	case "/loud":
		w.Write(make([]byte, 2<<20)) //nolint:errcheck // the reader may go away
	case "/leak":
		fmt.Fprintln(w, r.Header.Get("Authorization"), r.URL.RawQuery)
	}
}

func address(s *httptest.Server) string { return s.Listener.Addr().String() }

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // that is the point
	return l.Addr().String()
}

func TestHTTP(t *testing.T) {
	actionstest.Exercise(t, action("http"), func(t *testing.T) actionstest.World {
		s := &site{seen: map[string]bool{}}
		server := httptest.NewServer(s)
		t.Cleanup(server.Close)
		gone := nobody(t)
		call := func(method, path string, more ...any) actions.Job {
			p := map[string]any{"method": method, "address": address(server), "path": path}
			for i := 0; i < len(more); i += 2 {
				p[more[i].(string)] = more[i+1]
			}
			return job("token"+path, "http", p)
		}
		unsent := call("POST", "/do")
		unsent.Call.Params["address"] = gone
		return actionstest.World{
			Options: actions.Options{AllowHTTP: []string{address(server), gone}, SpoolDir: t.TempDir()},
			Do:      call("POST", "/do", "body", `{"go":1}`, "expect_status", int64(200)),
			Probe:   ptr(call("GET", "/is", "expect_body", `"moved": true`)),
			No:      ptr(call("POST", "/no")), Slow: ptr(call("POST", "/slow")), Loud: ptr(call("GET", "/loud")),
			Unsent: &unsent, ByToken: true, Secret: "s3cret-t0ken&value",
			Leak:    ptr(call("GET", "/leak", "bearer", "secret:leak", "query", map[string]any{"q": "secret:leak"})),
			Effects: func() int { s.Lock(); defer s.Unlock(); return s.effects },
			State:   func() string { s.Lock(); defer s.Unlock(); return fmt.Sprint(s.effects) },
		}
	})
}

func TestWait(t *testing.T) {
	actionstest.Exercise(t, action("wait"), func(*testing.T) actionstest.World {
		return actionstest.World{
			Do:   job("t", "wait", map[string]any{"for": "1ms"}),
			Slow: ptr(job("t", "wait", map[string]any{"for": "1h"})), SlowState: dr.StepFail,
		}
	})
}

func TestManual(t *testing.T) {
	actionstest.Exercise(t, action("manual"), func(*testing.T) actionstest.World {
		return actionstest.World{Do: job("t", "manual", map[string]any{"text": "Call the branches", "role": "operator"}), DoState: actions.Pending}
	})
}

func TestCheck(t *testing.T) {
	actionstest.Exercise(t, action("check"), func(t *testing.T) actionstest.World {
		target, dir := script(t, targetScript), t.TempDir()
		ask := func(verb, long string) actions.Job {
			return job("check-"+verb, "check", map[string]any{"for": long, "every": "100ms",
				"call": map[string]any{"action": "exec", "params": map[string]any{"argv": []any{target, dir, verb}}}})
		}
		leak := ask("leak", "0s")
		leak.Call.Params["call"] = dr.Call{Action: "exec", Params: map[string]any{"argv": []string{target, dir, "leak"}, "env": map[string]any{"PW": "secret:leak"}}}
		if err := os.WriteFile(filepath.Join(dir, "effects"), []byte("x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return actionstest.World{
			Options: actions.Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Grace: 200},
			Do:      ask("is", "1s"), No: ptr(ask("no", "200ms")), Slow: ptr(ask("slow", "1h")), SlowState: dr.StepFail,
			State: func() string { return names(dir) },
		}
	})
}

func TestReconcile(t *testing.T) {
	actionstest.Exercise(t, action("reconcile"), func(t *testing.T) actionstest.World {
		dir := t.TempDir()
		side := func(file, rows string) map[string]any {
			name := filepath.Join(dir, file)
			if err := os.WriteFile(name, []byte(rows), 0o600); err != nil {
				t.Fatal(err)
			}
			return map[string]any{"action": "exec", "params": map[string]any{"argv": []any{"cat", name}}}
		}
		left := side("left", `{"id":"a","amount":100}`+"\n"+`{"id":"b","amount":250}`)
		right := side("right", `{"id":"b","amount":250}`+"\n"+`{"amount":100,"id":"a"}`)
		short := side("short", `{"id":"b","amount":250}`)
		slow := map[string]any{"action": "exec", "with": map[string]any{"argv": []any{"sleep", "300"}}}
		compare := func(l, r any) actions.Job { return job("rec", "reconcile", map[string]any{"left": l, "right": r}) }
		return actionstest.World{
			Options: actions.Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Grace: 200, SpoolDir: dir},
			Do:      compare(left, right), No: ptr(compare(left, short)), Slow: ptr(compare(left, slow)), SlowState: dr.StepFail,
			Unsent: ptr(compare(left, map[string]any{"action": "wait", "params": map[string]any{"for": "1s"}})),
			State:  func() string { return names(dir) },
		}
	})
}

func TestNotify(t *testing.T) {
	ways := map[string]func(*testing.T) (good, no, slow, unsent actions.Target, effects func() int){
		"command": commandTargets, "webhook": webhookTargets, "mail": mailTargets, "file": fileTargets,
	}
	for name, targets := range ways {
		t.Run(name, func(t *testing.T) {
			actionstest.Exercise(t, action("notify"), func(t *testing.T) actionstest.World {
				good, no, slow, unsent, effects := targets(t)
				tell := func(to string) actions.Job {
					j := job("token-"+name+"-"+to, "notify", map[string]any{"to": to, "text": "Moving in {run} 切换", "due": "30m", "after": "first_effect"})
					j.Watermark = "SAMPLE"
					return j
				}
				w := actionstest.World{
					Options: actions.Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Grace: 200, Roots: rootsOf(t),
						Notify: map[string][]actions.Target{"good": {good}, "no": {no}, "slow": {slow}, "unsent": {unsent}}},
					Do: tell("good"), Unsent: ptr(tell("unsent")), Effects: effects,
					State: func() string { return fmt.Sprint(effects()) },
				}
				if name == "file" {
					w.Probe, w.ByToken = ptr(tell("good")), true
					return w
				}
				w.No, w.Slow = ptr(tell("no")), ptr(tell("slow"))
				return w
			})
		})
	}
}

func commandTargets(t *testing.T) (good, no, slow, unsent actions.Target, effects func() int) {
	said := filepath.Join(t.TempDir(), "said")
	target := script(t, "#!/bin/sh\ncat >> \"$1\"\n[ -z \"$2\" ] || sleep 300\n")
	good = actions.Target{Kind: "command", Argv: []string{target, said}}
	no = actions.Target{Kind: "command", Argv: []string{"sh", "-c", "echo busy; exit 3"}}
	slow = actions.Target{Kind: "command", Argv: []string{target, said, "slow"}}
	unsent = actions.Target{Kind: "command", Argv: []string{"no-such-program-anywhere"}}
	return good, no, slow, unsent, func() int { return lines(said) }
}

func webhookTargets(t *testing.T) (good, no, slow, unsent actions.Target, effects func() int) {
	s := &site{seen: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	to := func(path string) actions.Target {
		return actions.Target{Kind: "webhook", Address: address(server), Path: path}
	}
	return to("/do"), to("/no"), to("/slow"), actions.Target{Kind: "webhook", Address: nobody(t)}, func() int { s.Lock(); defer s.Unlock(); return s.effects }
}

func fileTargets(t *testing.T) (good, no, slow, unsent actions.Target, effects func() int) {
	file := filepath.Join(t.TempDir(), "notices.jsonl")
	good = actions.Target{Kind: "file", File: file}
	unsent = actions.Target{Kind: "file", File: filepath.Join(t.TempDir(), "no", "such", "folder")}
	return good, no, slow, unsent, func() int { return lines(file) }
}
