package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// victimMain is the process that gets killed: the real app and the people of a drill, who go on
// from whatever state they find. It dies by its own kill -9 at the point DIE_AT names, such as
// after_intent:17, or after DIE_AFTER. It ends 0 when the run stands at the standby.
func victimMain() int {
	dir := os.Args[1]
	begun := time.Now()
	var once sync.Once
	var sent time.Duration
	if level := os.Getenv("VICTIM_BARE"); level != "" {
		return bareVictim(dir, level)
	}
	death := deathAt(os.Getenv("DIE_AT"))
	var told atomic.Pointer[app.App] // tells how much a reader could know by now
	point := func(name string) {
		tell(told.Load())
		if name == "before_dispatch" {
			once.Do(func() { sent = time.Since(begun) })
		}
		death(name)
	}
	// On PostgreSQL whoever comes after has the name of whoever was killed, as a container has that is started again.
	a, err := opening{dir: dir, path: os.Getenv("PATH"), clock: app.SystemClock(), url: os.Getenv("VICTIM_URL"), instance: "victim", more: strings.Fields(os.Getenv("VICTIM_MORE")),
		log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), point: point}.start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv("VICTIM_TELLS") != "" {
		told.Store(a)
	}
	if d, err := time.ParseDuration(os.Getenv("DIE_AFTER")); err == nil {
		time.AfterFunc(d, die)
	}
	p := people{app: a, dir: dir, plan: os.Getenv("VICTIM_PLAN")}
	if err := p.drill(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := a.Stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if path := os.Getenv("VICTIM_FIGURES"); path != "" {
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(path, append(status, fmt.Sprintf("resume_ms: %d\n", sent.Milliseconds())...), 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// deathAt dies when the named point is passed for the n-th time.
func deathAt(spec string) func(string) {
	name, count, _ := strings.Cut(spec, ":")
	n, _ := strconv.Atoi(count)
	var passed atomic.Int64
	return func(point string) {
		if point == name && passed.Add(1) == int64(n) {
			die()
		}
	}
}

// people carry a drill from wherever it stands to the standby site.
type people struct {
	app  *app.App
	dir  string
	plan string
}

func (p people) drill(ctx context.Context) error {
	for {
		v, err := p.newest(ctx)
		if err != nil {
			return err
		}
		done, err := p.act(ctx, v)
		if err != nil || done {
			return err
		}
		pace := 20 * time.Millisecond
		if v.State.Moving() {
			pace = 200 * time.Millisecond // looking costs too, on a plan of thousands of steps
		}
		<-time.After(pace)
	}
}

func (p people) newest(ctx context.Context) (fsm.View, error) {
	runs, err := p.app.Engine.List(ctx, dr.Actor{}, fsm.Filter{Limit: 1})
	if err != nil || len(runs) == 0 {
		return fsm.View{}, err
	}
	return p.app.Engine.View(ctx, dr.Actor{}, runs[0].ID)
}

func (p people) do(ctx context.Context, who string, run string, verb dr.Verb, a fsm.Args) error {
	_, err := p.app.Engine.Do(ctx, dr.Actor{Person: who, Surface: "cli"}, run, verb, a)
	if err == nil {
		fmt.Println(who, verb) // acknowledged: from here on it must never be lost
	}
	return err
}

func (p people) act(ctx context.Context, v fsm.View) (done bool, err error) {
	switch v.State {
	case "":
		_, err = p.app.Engine.Request(ctx, dr.Actor{Person: "ann"}, fsm.Request{Plan: p.plan, Mode: dr.Drill, Reason: "kill test"})
	case dr.AwaitingApproval:
		for _, who := range []string{"bob", "cat"} {
			if voted(v, who) {
				continue
			}
			if err := p.do(ctx, who, v.ID, dr.VerbApprove, fsm.Args{Confirmed: true, Nonce: v.Round.Nonce}); err != nil {
				return false, err
			}
		}
	case dr.AwaitingCode:
		issued, err := p.app.Engine.IssueCode(ctx, dr.Actor{Person: "dan"}, v.ID)
		if err != nil {
			return false, err
		}
		return false, p.do(ctx, "ann", v.ID, dr.VerbStart, fsm.Args{Code: issued.Code.Reveal(), Nonce: v.Round.Nonce})
	case dr.Paused:
		return false, p.unblock(ctx, v)
	case dr.AtStandby:
		return true, nil
	case dr.Draft, dr.Preflight, dr.Running, dr.Verifying:
	default:
		err = fmt.Errorf("the run ended as %s", v.State)
	}
	return false, err
}

func voted(v fsm.View, who string) bool {
	for _, vote := range v.Round.Votes {
		if vote.Person == who && vote.Verdict == "approve" {
			return true
		}
	}
	return false
}

// unblock is the person who is asked about an unknown step: they look at the target, after making
// sure that no command of the dead process is still under way there.
func (p people) unblock(ctx context.Context, v fsm.View) error {
	if v.Pause == dr.Restarted {
		return p.do(ctx, "ann", v.ID, dr.VerbResume, fsm.Args{})
	}
	for _, s := range v.Steps {
		if s.State != dr.StepUnknown {
			continue
		}
		for underWay(s.Node) {
			<-time.After(5 * time.Millisecond) // another process, in real time: nothing here could wake us
		}
		verdict := "again"
		if len(effects(p.dir, s.Node)) > 0 {
			verdict = "done"
		}
		err := p.do(ctx, "bob", v.ID, dr.VerbDecide, fsm.Args{Step: s.ID, Verdict: verdict, Reason: "looked at the target"})
		if err != nil && dr.KindOf(err) != dr.Refused {
			return err
		}
	}
	return nil
}

// underWay reports whether a tool command for the node still runs.
func underWay(node string) bool {
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range procs {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), "tool\x00set\x00"+node+"\x00") {
			return true
		}
	}
	return false
}

// effects are the tokens a node's commands left, one per effect.
func effects(dir, node string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "facts", node+".*"))
	var out []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			out = append(out, strings.Fields(string(b))...)
		}
	}
	return out
}

// journalRows reads all rows of the newest run from the state of a victim.
func journalRows(ctx context.Context, a *app.App, run string) (rows []dr.Row, err error) {
	err = a.Store.Read(ctx, func(r *store.Reader) error {
		rows, err = r.RowsOf(ctx, run)
		return err
	})
	return rows, errors.Join(err)
}

func runVictim(t testing.TB, victim, dir string, env []string, acknowledged map[string]bool) (killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, victim, dir)
	cmd.Env = append(os.Environ(), env...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		acknowledged[line] = true
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL && ctx.Err() == nil {
		return true
	}
	if err != nil {
		t.Fatalf("the app did not come to an end (%v): %v\n%s", env, err, log.String())
	}
	return false
}

func countKind(rows []dr.Row, kind dr.RowKind) (n int) {
	for _, r := range rows {
		if r.Kind == kind {
			n++
		}
	}
	return n
}

// tell says how many journal rows whoever asks is told of. From then on they must survive whatever happens.
func tell(a *app.App) {
	if a == nil {
		return
	}
	_ = a.Store.Read(context.Background(), func(r *store.Reader) error {
		head, err := r.Head(context.Background())
		if err == nil {
			fmt.Printf("ack %d\n", head.Size)
		}
		return err
	})
}

// bareRows is how many rows the bare victim writes, one in a transaction.
const bareRows = 40

// bareVictim writes rows into SQLite by itself and says so after each, at a level of synchronous.
func bareVictim(dir, level string) int {
	path := filepath.Join(dir, "state", "state.db")
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous="+level)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		_, err = db.Exec("CREATE TABLE said (n INTEGER PRIMARY KEY)")
	}
	for n := 1; err == nil && n <= bareRows; n++ {
		if _, err = db.Exec("INSERT INTO said VALUES (?)", n); err == nil {
			fmt.Printf("ack %d\n", n)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
