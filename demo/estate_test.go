package demo

import (
	"context"
	"encoding/json"
	"fmt"
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

// TestMain lets the test binary play the children, as the real binary does.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "demo-node" {
		os.Exit(NodeMain(os.Args[1:], os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "demo-site":
			os.Exit(SiteMain(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
		case "demo-parent": // starts an estate and waits to be killed
			e, err := Start(context.Background(), os.Args[2])
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println(e.sites[East].proc.Pid, e.sites[West].proc.Pid)
			select {}
		}
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *Estate {
	t.Helper()
	e, err := Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Stop)
	return e
}

// must runs demo-node verbs and wants exit 0.
func must(t *testing.T, e *Estate, line string) string {
	t.Helper()
	out, exit := e.Command(t.Context(), strings.Fields(line)...)
	if exit != 0 {
		t.Fatalf("demo-node %s: exit %d\n%s", line, exit, out)
	}
	return out
}

func refuse(t *testing.T, e *Estate, line string, want int) string {
	t.Helper()
	out, exit := e.Command(t.Context(), strings.Fields(line)...)
	if exit != want {
		t.Fatalf("demo-node %s: exit %d, want %d\n%s", line, exit, want, out)
	}
	return out
}

// eventually waits for something another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if ok() {
			return
		}
		pause(t.Context(), 10*time.Millisecond)
	}
	t.Fatalf("never came true: %s", what)
}

func served(c *Customers, more int) func() bool {
	from := c.Seen().Acknowledged
	return func() bool { return c.Seen().Acknowledged >= from+more }
}

func lagOf(t *testing.T, e *Estate, node string) Lag {
	t.Helper()
	var l Lag
	if err := json.Unmarshal([]byte(must(t, e, node+" lag")), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// switchOver moves the bank the graceful way, by hand, from one site to the other.
func switchOver(t *testing.T, e *Estate, from, to string) {
	t.Helper()
	all := func(site, verb string, roles ...string) {
		t.Helper()
		var wg sync.WaitGroup
		for _, n := range Nodes() {
			if n.Site == site && slices.Contains(roles, n.Role) {
				wg.Go(func() {
					if out, exit := e.Command(t.Context(), n.ID, verb); exit != 0 {
						t.Errorf("demo-node %s %s: exit %d\n%s", n.ID, verb, exit, out)
					}
				})
			}
		}
		wg.Wait()
	}
	all(from, "drain", "frontdoor", "gateway", "batch", "transfer", "queue")
	all(from, "freeze", "db")
	for _, db := range []string{"identity", "ledger", "payments"} {
		node := fmt.Sprintf("%s-db-%c1", db, to[0])
		eventually(t, node+" caught up", func() bool {
			_, exit := e.Command(t.Context(), node, "is", "caught-up")
			return exit == 0
		})
	}
	all(to, "promote", "db")
	all(from, "demote", "db")
	all(to, "activate", "app", "cache", "queue", "batch", "transfer", "gateway", "dns", "frontdoor")
	all(from, "deactivate", "app", "cache", "queue", "batch", "transfer", "gateway", "frontdoor")
	must(t, e, to+" can pay")
}

func TestTheEstateStartsFastAndLagsReally(t *testing.T) {
	begin := time.Now()
	e := start(t)
	t.Logf("both sites up after %v", time.Since(begin))
	if got := len(e.Addresses()); got != 2*NodesPerSite {
		t.Fatalf("%d addresses", got)
	}
	c := e.Customers(t.Context(), 50*time.Millisecond)
	defer c.Stop()
	eventually(t, "customers are served", served(c, 50))
	worst := Lag{}
	eventually(t, "replication lags and the lag is measured", func() bool {
		if l := lagOf(t, e, "ledger-db-e1"); l.Known && l.Rows > worst.Rows {
			worst = l
		}
		return worst.Rows > 0 && worst.Millis > 0
	})
	t.Logf("worst lag seen: %+v", worst)
	must(t, e, "ledger-db-e1 freeze")
	eventually(t, "a frozen primary has shipped all it has", func() bool {
		l := lagOf(t, e, "ledger-db-w1")
		return l.Known && l.Rows == 0
	})
	if a, b := must(t, e, "ledger-db-e1 count"), must(t, e, "ledger-db-w1 count"); digestOf(t, a) != digestOf(t, b) {
		t.Errorf("the copy differs:\n%s%s", a, b)
	}
}

func digestOf(t *testing.T, line string) string {
	t.Helper()
	var c Count
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(c.Count, c.Amount, c.Digest)
}

func TestAGracefulMoveAndBackLosesNothing(t *testing.T) {
	e := start(t)
	c := e.Customers(t.Context(), 50*time.Millisecond)
	defer c.Stop()
	eventually(t, "customers are served in east", served(c, 50))
	switchOver(t, e, East, West)
	eventually(t, "customers are served in west", served(c, 50))
	switchOver(t, e, West, East)
	eventually(t, "customers are served in east again", served(c, 50))
	c.Stop()
	traffic, err := c.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", traffic)
	if traffic.Lost != 0 || traffic.ServedAtStandby < 50 || traffic.LongestGap <= 0 || traffic.Source != "ledger-db-e1" {
		t.Errorf("after a graceful move: %+v", traffic)
	}
}

func TestAKilledSiteLosesItsLagAndListsIt(t *testing.T) {
	e := start(t)
	c := e.Customers(t.Context(), 20*time.Millisecond)
	defer c.Stop()
	eventually(t, "customers are served", served(c, 100))
	must(t, e, "east kill")
	if e.Alive(East) {
		t.Fatal("east is still alive")
	}
	refuse(t, e, "ledger-db-e1 is primary", 2)
	var point struct {
		RPO int64 `json:"rpo_ms"`
	}
	eventually(t, "the silence is noticed and the recovery point measured", func() bool {
		err := json.Unmarshal([]byte(must(t, e, "ledger-db-w1 rpo")), &point)
		return err == nil && point.RPO > 0
	})
	if point.RPO > 2000 {
		t.Errorf("a recovery point of %d ms", point.RPO)
	}
	refuse(t, e, "ledger-db-w1 promote", 1) // nobody knows what the dead primary has: only by force
	for _, db := range []string{"identity", "ledger", "payments"} {
		must(t, e, db+"-db-w1 promote --force")
		refuse(t, e, db+"-db-w1 promote --force", 1) // never twice
	}
	for _, n := range Nodes() {
		if n.Site == West && n.Role != "db" {
			go e.Command(t.Context(), n.ID, "activate")
		}
	}
	eventually(t, "customers are served in west", served(c, 50))
	c.Stop()
	traffic, err := c.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d acknowledged, %d lost, gap %d ms", traffic.Acknowledged, traffic.Lost, traffic.LongestGap)
	must(t, e, "east power-on")
	must(t, e, "ledger-db-e1 is frozen") // fenced before it opened its port
	lost := 0
	for _, db := range []string{"identity-db-e1", "ledger-db-e1"} {
		must(t, e, db+" rejoin")
		must(t, e, db+" rejoin") // idempotent
		lost += cutOf(t, e, db, traffic)
	}
	if lost < traffic.Lost || traffic.Lost == 0 {
		t.Errorf("customers miss %d transactions, the databases list %d for re-entry", traffic.Lost, lost)
	}
	eventually(t, "the old primary follows", func() bool { l := lagOf(t, e, "ledger-db-e1"); return l.Known && l.Rows == 0 })
	if a, b := must(t, e, "ledger-db-e1 count"), must(t, e, "ledger-db-w1 count"); digestOf(t, a) != digestOf(t, b) {
		t.Errorf("after rejoining:\n%s%s", a, b)
	}
}

// cutOf counts the listed rows and checks that each lost transaction of that database is among them.
func cutOf(t *testing.T, e *Estate, db string, traffic Traffic) int {
	t.Helper()
	var cut struct {
		Rows    int   `json:"rows"`
		Reentry []Row `json:"for_reentry"`
	}
	if err := json.Unmarshal([]byte(must(t, e, db+" cut")), &cut); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, r := range cut.Reentry {
		listed[r.ID] = true
	}
	for _, id := range traffic.LostIDs {
		if strings.HasPrefix(db, "ledger") && !listed[id] && !isLogin(id) {
			t.Errorf("%s lost %s without listing it", db, id)
		}
	}
	return cut.Rows
}

func isLogin(id string) bool {
	n := 0
	fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &n)
	return kindFor(n) == "login"
}

func TestFaultsOfSingleNodes(t *testing.T) {
	e := start(t)
	c := e.Customers(t.Context(), 20*time.Millisecond)
	defer c.Stop()
	eventually(t, "customers are served", served(c, 20))
	for _, fault := range []string{"stop", "hang", "slow", "bad-deploy"} {
		must(t, e, "channels-gateway-e1 "+fault)
		eventually(t, "customers are served although a gateway has the fault "+fault, served(c, 20))
		must(t, e, "channels-gateway-e1 heal")
		must(t, e, "channels-gateway-e1 start")
	}
	must(t, e, "ledger-db-w1 partition")
	eventually(t, "the lag grows across a partition", func() bool { return !lagOf(t, e, "ledger-db-e1").Known })
	must(t, e, "ledger-db-w1 heal")
	eventually(t, "and shrinks after it", func() bool { return lagOf(t, e, "ledger-db-e1").Known })

	must(t, e, "ledger-app-e1 hang")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if out, exit := e.Command(ctx, "ledger-app-e1", "drain"); exit != 2 {
		t.Errorf("a verb at a hanging node ended with %d: %s", exit, out)
	}
	must(t, e, "ledger-app-e1 heal")
	refuse(t, e, "ledger-app-e1 promote", 2)
	refuse(t, e, "no-such-node stop", 2)
}

func TestVerbsAreIdempotent(t *testing.T) {
	e := start(t)
	for _, verb := range []string{"stop", "stop", "start", "start", "drain", "drain", "undrain", "undrain", "deactivate", "deactivate", "activate", "activate"} {
		must(t, e, "payments-gateway-e2 "+verb)
	}
	refuse(t, e, "ledger-db-e1 promote", 1)
	refuse(t, e, "ledger-db-w1 promote", 1) // the primary still takes writes
	refuse(t, e, "ledger-db-e1 demote", 1)
	for _, verb := range []string{"freeze", "freeze", "unfreeze", "unfreeze", "freeze"} {
		must(t, e, "ledger-db-e1 "+verb)
	}
	must(t, e, "ledger-db-w1 is caught-up")
	must(t, e, "ledger-db-w1 promote")
	must(t, e, "ledger-db-e1 demote")
	must(t, e, "ledger-db-e1 demote")
	must(t, e, "ledger-db-e1 rejoin")
	refuse(t, e, "ledger-db-w1 rejoin", 1)
	out := must(t, e, "ledger-db-e1 status")
	if !strings.Contains(out, "SAMPLE") || !strings.Contains(out, "standby") {
		t.Errorf("status: %s", out)
	}
}

func TestASecondStartGoesOn(t *testing.T) {
	dir := t.TempDir()
	e, err := Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(shortly(t), dir); err == nil {
		t.Error("two demos share a directory")
	}
	other := start(t)
	if other.base == e.base {
		t.Error("two demos share ports")
	}
	c := e.Customers(t.Context(), 20*time.Millisecond)
	eventually(t, "customers are served", served(c, 20))
	c.Stop()
	must(t, e, "ledger-db-e1 freeze") // what customers had sent when they left may still be on its way
	before := must(t, e, "ledger-db-e1 count")
	e.Stop()
	if e, err = Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	if after := must(t, e, "ledger-db-e1 count"); after != before {
		t.Errorf("the ledger changed over a restart:\n%s%s", before, after)
	}
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestNoProcessSurvivesItsParent(t *testing.T) {
	cmd := exec.Command(os.Args[0], "demo-parent", t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [2]int
	if _, err := fmt.Fscan(out, &pids[0], &pids[1]); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return gone(pid) })
	}
}

// gone is true for a process that does not exist or is a corpse nobody has buried yet.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}
