//go:build !race

package actions_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// startPatroni starts a real Patroni of one member, which keeps its state itself, and its PostgreSQL.
func startPatroni(t *testing.T) (api, data string) {
	t.Helper()
	p, err := actionstest.StartPostgres() // its own is not needed, its user and programs are
	must(t, p, err)
	t.Cleanup(func() { p.Stop() })
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	api, data = nobody(t), filepath.Join(p.Dir, "patroni")
	config := filepath.Join(p.Dir, "patroni.yml")
	text := fmt.Sprintf(`scope: bank
name: east
restapi: {listen: %[1]q, connect_address: %[1]q}
raft: {data_dir: %[2]q, self_addr: %[3]q}
bootstrap:
  dcs: {ttl: 20, loop_wait: 1, retry_timeout: 3}
  initdb: [{encoding: UTF8}, {locale: C}, no-sync]
postgresql:
  listen: %[4]q
  connect_address: %[4]q
  data_dir: %[5]q
  bin_dir: %[6]q
  authentication: {superuser: {username: postgres, password: none-here}, replication: {username: repl, password: none-here}}
  parameters: {unix_socket_directories: %[7]q, fsync: "off", shared_buffers: 16MB}
`, api, filepath.Join(p.Dir, "raft"), nobody(t), nobody(t), data, filepath.Dir(p.Argv("postgres")[len(p.Argv("postgres"))-1]), p.Dir)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil { //nolint:gosec // the server's own user reads it
		t.Fatal(err)
	}
	argv := p.Argv("postgres")
	argv = append(argv[:len(argv)-1], "patroni", config)
	cmd := exec.Command(argv[0], argv[1:]...)
	log := &strings.Builder{}
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = log, log, "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		killMaster(t, data)
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // it was killed
		killMaster(t, data)
		if t.Failed() {
			t.Log(log)
		}
	})
	return api, data
}

// killMaster kills PostgreSQL under Patroni.
func killMaster(t *testing.T, data string) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if pid, err := strconv.Atoi(line); err == nil {
		if p, err := os.FindProcess(pid); err == nil {
			p.Kill() //nolint:errcheck // it may have ended
		}
	}
}

type patroniState struct {
	State string `json:"state"`
	Role  string `json:"role"`
	Pause bool   `json:"pause"`
	Seen  int64  `json:"dcs_last_seen"`
}

func askPatroni(t *testing.T, api string) patroniState {
	t.Helper()
	out := patroniState{}
	r, err := http.Get("http://" + api + "/patroni") //nolint:noctx // a test
	if err != nil {
		return out
	}
	defer r.Body.Close() //nolint:errcheck // only read
	b, _ := io.ReadAll(r.Body)
	json.Unmarshal(b, &out) //nolint:errcheck // then it is empty
	return out
}

// TestPatroni: the steps of docs/postgres.md that freeze the automation hold a real Patroni. Paused it leaves a dead
// server alone, and looks after it again once the pause is taken back.
func TestPatroni(t *testing.T) {
	t.Parallel()
	api, data := startPatroni(t)
	set := actions.NewSet(actions.Options{Clock: realClock(), AllowHTTP: []string{api}})
	pause := func(on string) actions.Job {
		return job("token-of-patroni-"+on, "http", map[string]any{"method": "PATCH", "address": api, "path": "/config", "body": `{"pause": ` + on + `}`})
	}
	paused := job("t", "http", map[string]any{"address": api, "path": "/patroni", "expect_status": []string{"200", "503"}, "expect_body": `"pause": *true`})
	configured := job("t", "http", map[string]any{"address": api, "path": "/config"})
	until(t, "Patroni has a primary", func() bool {
		return askPatroni(t, api).State == "running" && set.Eyes().Look(t.Context(), configured).Found == dr.FoundDone
	})
	if s := set.Eyes().Look(t.Context(), paused); s.Found != dr.FoundNotDone {
		t.Fatalf("%s %q", s.Found, s.Text)
	}
	if r := set.Hands().Do(t.Context(), pause("true")); r.State != dr.StepOK {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	until(t, "it is paused", func() bool { return set.Eyes().Look(t.Context(), paused).Found == dr.FoundDone })
	began := time.Now()
	killMaster(t, data)
	until(t, "it has seen that and left it so for three of its rounds", func() bool {
		s := askPatroni(t, api)
		if s.State == "running" && time.Since(began) > 3*time.Second {
			t.Fatal("it was started again in the pause")
		}
		return s.State != "running" && s.Seen > began.Unix()+3
	})
	if r := set.Hands().Do(t.Context(), pause("false")); r.State != dr.StepOK {
		t.Fatalf("%s %q", r.State, r.Text)
	}
	resumed := job("t", "http", map[string]any{"address": api, "path": "/config", "expect_body": `"pause": *false`})
	if s := set.Eyes().Look(t.Context(), resumed); s.Found != dr.FoundDone {
		t.Errorf("%s %q", s.Found, s.Text)
	}
	until(t, "it looks after its server again", func() bool { return askPatroni(t, api).State == "running" })
}
