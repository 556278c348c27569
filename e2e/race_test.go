package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store/storetest"
)

const (
	crowd  = 9  // approvers of each team; all but one of them are needed
	starts = 64 // tries to start with one and the same code

	fewRounds = 2 // with the race detector a code's hash takes a third of a second
)

// TestFault05OneCode lets everybody vote at one instant, each by two surfaces, and then everybody start at
// one instant with the same code: as many approvals are kept as there are people, and one start.
func TestFault05OneCode(t *testing.T) { races(t, fewRounds, starts) }

func races(t *testing.T, rounds, starts int) {
	t.Helper()
	dir := crowdDir(t)
	a, logs := openRacer(t, dir, "state", "")
	race(t, []*app.App{a}, logs, rounds, starts)
}

// TestFault05OneCodePostgres does the same through three servers on one database.
func TestFault05OneCodePostgres(t *testing.T) { racesPostgres(t, fewRounds, starts) }

func racesPostgres(t *testing.T, rounds, starts int) {
	t.Helper()
	apps, logs := replicas(t, crowdDir(t), 3)
	race(t, apps, logs, rounds, starts)
}

// replicas are servers of one organisation on one database.
func replicas(t *testing.T, dir string, n int) (apps []*app.App, logs []*logKeeper) {
	t.Helper()
	url := storetest.Postgres(t)
	for i := range n {
		name := fmt.Sprint("server", i)
		if i > 0 {
			shareKeys(t, dir, "server0", name)
		}
		a, more := openRacer(t, dir, name, url)
		apps, logs = append(apps, a), append(logs, more...)
	}
	return apps, logs
}

// shareKeys gives a further server of a database the log key and the pepper of the first.
func shareKeys(t *testing.T, dir, from, to string, names ...string) {
	t.Helper()
	if len(names) == 0 {
		names = []string{"log.key", "pepper"}
	}
	if err := os.MkdirAll(filepath.Join(dir, to), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func openRacer(t *testing.T, dir, name, url string) (*app.App, []*logKeeper) {
	t.Helper()
	logs := &logKeeper{}
	a, err := opening{dir: dir, path: toolPath(t, dir), clock: app.SystemClock(), log: slog.New(logs), url: url, instance: name,
		more: []string{"SWITCHMAN_STATE_DIR=" + filepath.Join(dir, name)}}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a, []*logKeeper{logs}
}

func race(t *testing.T, apps []*app.App, logs []*logKeeper, rounds, starts int) {
	t.Helper()
	began := time.Now()
	for n := range rounds {
		raceOnce(t, apps, n, starts)
	}
	for _, l := range logs {
		if lines := l.unexpected(); len(lines) > 0 {
			t.Errorf("errors were logged:\n%s", strings.Join(lines, "\n"))
		}
	}
	t.Logf("soak: %d rounds of %d votes of %d people and of %d starts on %s with %d servers: one start each (%s)", rounds, 4*crowd+2, 2*crowd, starts,
		apps[0].Store.Dialect(), len(apps), time.Since(began).Round(time.Second))
}

func raceOnce(t *testing.T, apps []*app.App, n, starts int) {
	t.Helper()
	v, err := apps[n%len(apps)].Engine.Request(t.Context(), dr.Actor{Person: "ann"}, fsm.Request{Plan: "move", Mode: dr.Drill, Reason: "race"})
	if err != nil {
		t.Fatal(err)
	}
	v = await(t, apps[0], v.ID, dr.AwaitingApproval)
	if n%4 == 3 {
		oneShort(t, apps, v)
		return
	}
	raceVotes(t, apps, v, crowd)
	v = await(t, apps[0], v.ID, dr.AwaitingCode)
	if v.Round.Have != v.Round.Need || len(v.Round.Votes) != 2*crowd {
		t.Fatalf("%d of %d approvals, %d votes of %d people", v.Round.Have, v.Round.Need, len(v.Round.Votes), 2*crowd)
	}
	issued, err := apps[(n+1)%len(apps)].Engine.IssueCode(t.Context(), dr.Actor{Person: "dan"}, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	raceStarts(t, apps, v, issued.Code.Reveal(), starts)
	v = await(t, apps[0], v.ID, dr.Paused)
	rows, err := journalRows(t.Context(), apps[0], v.ID)
	if err != nil {
		t.Fatal(err)
	}
	if votes, started := countKind(rows, dr.RowVote), countKind(rows, dr.RowStarted); votes != 2*crowd || started != 1 {
		t.Fatalf("%d journal rows of votes for %d people, %d of starts", votes, 2*crowd, started)
	}
	if v.CodeLeft != 5 {
		t.Errorf("the race cost %d tries", 5-v.CodeLeft)
	}
	if _, err := apps[(n+2)%len(apps)].Engine.Do(t.Context(), dr.Actor{Person: "ann"}, v.ID, dr.VerbAbort, fsm.Args{Reason: "seen enough", Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	await(t, apps[0], v.ID, dr.Failed)
}

// oneShort has everybody but two of one team vote at one instant, which is one too few: nothing starts.
func oneShort(t *testing.T, apps []*app.App, v fsm.View) {
	t.Helper()
	raceVotes(t, apps, v, crowd-2)
	for _, a := range apps {
		if _, err := a.Engine.IssueCode(t.Context(), dr.Actor{Person: "dan"}, v.ID); dr.KindOf(err) != dr.Refused && dr.KindOf(err) != dr.Conflict {
			t.Fatalf("a code with one approval too few: %v", err)
		}
	}
	v = await(t, apps[0], v.ID, dr.AwaitingApproval)
	if v.Round.Have != v.Round.Need-1 {
		t.Fatalf("%d of %d approvals", v.Round.Have, v.Round.Need)
	}
	if _, err := apps[0].Engine.Do(t.Context(), dr.Actor{Person: "ann"}, v.ID, dr.VerbCancel, fsm.Args{Reason: "too few"}); err != nil {
		t.Fatal(err)
	}
}

// raceVotes lets every approver approve by two surfaces, of one team only so many, and one human by a second
// account as well.
func raceVotes(t *testing.T, apps []*app.App, v fsm.View, others int) {
	t.Helper()
	var voters []dr.Actor
	for team, n := range map[string]int{"o": crowd, "b": others} {
		for i := range n {
			for _, surface := range []string{"cli", "console"} {
				voters = append(voters, dr.Actor{Person: fmt.Sprintf("%s%d", team, i), Surface: surface})
			}
		}
	}
	voters = append(voters, dr.Actor{Person: "twin", Surface: "cli"}, dr.Actor{Person: "twin", Surface: "console"})
	errs := atOnce(len(voters), func(i int) error {
		_, err := apps[i%len(apps)].Engine.Do(t.Context(), voters[i], v.ID, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce})
		return err
	})
	human := 0 // accounts of the human with two that were let in
	for i, err := range errs {
		who := voters[i].Person
		if err == nil && (who == "twin" || who == "o0") && voters[i].Surface == "cli" {
			human++
		}
		if err != nil && !(dr.KindOf(err) == dr.Refused && (who == "twin" || who == "o0")) {
			t.Fatalf("the vote of %s by %s: %v", who, voters[i].Surface, err)
		}
	}
	if human != 1 {
		t.Fatalf("%d accounts of one human have voted", human)
	}
}

// raceStarts lets those who may submit do so with one code.
func raceStarts(t *testing.T, apps []*app.App, v fsm.View, code string, starts int) {
	t.Helper()
	who := []string{"ann", "fay", "hal"}
	errs := atOnce(starts, func(i int) error {
		_, err := apps[i%len(apps)].Engine.Do(t.Context(), dr.Actor{Person: who[i%len(who)], Surface: "cli"}, v.ID, dr.VerbStart, fsm.Args{Code: code, Nonce: v.Round.Nonce})
		return err
	})
	started := 0
	for i, err := range errs {
		switch {
		case err == nil:
			started++
		case dr.KindOf(err) != dr.Refused && dr.KindOf(err) != dr.Conflict:
			t.Fatalf("start %d: %v", i, err)
		}
	}
	if started != 1 {
		t.Fatalf("%d of %d starts were let through", started, starts)
	}
}

// atOnce runs f n times, all released at one instant.
func atOnce(n int, f func(i int) error) []error {
	errs, gate := make([]error, n), make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = f(i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}

// await waits until a run is in a state; on PostgreSQL another server may have moved it.
func await(t testing.TB, a *app.App, run string, want dr.State) fsm.View {
	t.Helper()
	return awaitView(t, a, run, func(v fsm.View) bool { return v.State == want }, string(want))
}

func awaitView(t testing.TB, a *app.App, run string, ok func(fsm.View) bool, what string) fsm.View {
	t.Helper()
	wake, stop := a.Store.Watch()
	defer stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(3 * patience)
	for {
		v, err := a.Engine.View(t.Context(), dr.Actor{}, run)
		if err != nil {
			t.Fatal(err)
		}
		if ok(v) {
			return v
		}
		select {
		case <-wake:
		case <-look.C:
		case <-deadline:
			t.Fatalf("the run is %s %s, not %s%s", v.State, v.Pause, what, steps(v))
		}
	}
}

// crowdDir holds an organisation of many approvers, whose plan stops at a hold point before anything
// happens.
func crowdDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	org := filepath.Join(dir, "org")
	if err := errors.Join(os.CopyFS(org, os.DirFS("testdata/org")), os.MkdirAll(filepath.Join(dir, "facts"), 0o700)); err != nil {
		t.Fatal(err)
	}
	var people strings.Builder
	for i := range crowd {
		fmt.Fprintf(&people, "  - {id: o%d, name: Operations %d, human: \"o%d\", roles: [approver], teams: [operations]}\n", i, i, i)
		fmt.Fprintf(&people, "  - {id: b%d, name: Business %d, human: \"b%d\", roles: [approver], teams: [business]}\n", i, i, i)
	}
	people.WriteString("  - {id: twin, name: Second account, human: \"o0\", roles: [approver], teams: [operations]}\n")
	rewrite(t, filepath.Join(org, "roster.yaml"), func(s string) string { return s + people.String() })
	rewrite(t, filepath.Join(org, "policy.yaml"), func(s string) string { return strings.ReplaceAll(s, "n: 1}", fmt.Sprintf("n: %d}", crowd-1)) })
	rewrite(t, filepath.Join(org, "plans/move.yaml"), func(s string) string {
		return strings.Replace(s, "    ungraceful: try\n", "    ungraceful: try\n    hold: true\n", 1)
	})
	return dir
}

// rewrite changes a file.
func rewrite(t testing.TB, path string, change func(string) string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(change(string(b))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
