//go:build !race

package actions_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

// startPatroni starts a real Patroni of one member, which takes a server over.
func startPatroni(t *testing.T) (api, data string) {
	t.Helper()
	p, err := actionstest.StartPostgres()
	must(t, p, err)
	t.Cleanup(func() { p.Stop() }) //nolint:errcheck // it may have been started by somebody else
	h, err := actionstest.StartPatroni(p)
	must(t, &h, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(h[0].Log())
		}
		h[0].Stop() //nolint:errcheck // it may have ended
		killMaster(t, p.Dir)
	})
	return h[0].API, p.Dir
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
	until(t, "it has heard of it", func() bool { return set.Eyes().Look(t.Context(), resumed).Found == dr.FoundDone })
	until(t, "it looks after its server again", func() bool { return askPatroni(t, api).State == "running" })
}
