//go:build !race

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
)

const peerSecret = "a-secret-of-the-peers"

// TestRealPeers runs Debian's Prometheus, Alertmanager, blackbox and node exporter over the sample bank, with
// rules like anybody's, and breaks it: what is made of it comes about by scrapes, rules and webhooks alone.
func TestRealPeers(t *testing.T) {
	p := startPeers(t)
	t.Run("a database", func(t *testing.T) { p.in(t).database() })
	t.Run("the link", func(t *testing.T) { p.in(t).link() })
	t.Run("a site", func(t *testing.T) { p.in(t).site() })
}

// peers are the bank and the monitoring around it.
type peers struct {
	*testing.T
	estate       *demo.Estate
	dir          string
	addr         string // of Switchman
	prometheus   string
	alertmanager string
	app          *app.App
	run          string // how the run stands
}

func startPeers(t *testing.T) *peers {
	t.Helper()
	dir := t.TempDir()
	estate, err := demo.Start(t.Context(), filepath.Join(dir, "bank"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(estate.Stop)
	customers := estate.Customers(t.Context(), 200*time.Millisecond)
	t.Cleanup(customers.Stop)
	p := &peers{T: t, estate: estate, dir: filepath.Join(dir, "peers"), addr: freeAddr(t), prometheus: freeAddr(t), alertmanager: freeAddr(t)}
	p.monitor()
	return p
}

// monitor writes the peers' files and starts them.
func (p *peers) monitor() {
	p.Helper()
	who := nobody(p.T)
	blackbox, node := freeAddr(p.T), freeAddr(p.T)
	for _, dir := range []string{p.dir, p.dir + "/prometheus", p.dir + "/alertmanager"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			p.Fatal(err)
		}
		if who != nil {
			if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
				p.Fatal(err)
			}
		}
	}
	for parent := p.dir; parent != "/" && parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			p.Fatal(err)
		}
	}
	fill := strings.NewReplacer("ALERTMANAGER", p.alertmanager, "NODEEXPORTER", node, "BLACKBOX", blackbox, "https://switchman.bank.example", "http://"+p.addr,
		"/etc/alertmanager/switchman.secret", p.dir+"/switchman.secret")
	for _, file := range []string{"testdata/peers/prometheus.yml", "testdata/peers/rules.yml", "testdata/peers/blackbox.yml", "../deploy/alertmanager.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			p.Fatal(err)
		}
		p.write(filepath.Base(file), fill.Replace(string(text)))
	}
	p.write("switchman.secret", peerSecret)
	probes := p.targets()
	p.peer(who, "prometheus-node-exporter", "--web.listen-address="+node, "--collector.disable-defaults", "--collector.loadavg")
	p.peer(who, "prometheus-blackbox-exporter", "--web.listen-address="+blackbox, "--config.file="+p.dir+"/blackbox.yml")
	p.peer(who, "prometheus-alertmanager", "--web.listen-address="+p.alertmanager, "--cluster.listen-address=", "--config.file="+p.dir+"/alertmanager.yml", "--storage.path="+p.dir+"/alertmanager")
	p.peer(who, "prometheus", "--web.listen-address="+p.prometheus, "--config.file="+p.dir+"/prometheus.yml", "--storage.tsdb.path="+p.dir+"/prometheus")
	p.eventually(30*time.Second, "every node and probe was scraped", func() bool {
		var out struct{ Data struct{ Result []any } }
		return get("http://"+p.prometheus+"/api/v1/query?query=up==1", &out) == nil && len(out.Data.Result) == len(demo.Nodes())+probes+1
	})
}

// targets are the nodes as anybody's service discovery would list them, and what is asked of them from
// outside.
func (p *peers) targets() (asked int) {
	type target struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var nodes, probes []target
	at := p.estate.Addresses()
	for i, n := range demo.Nodes() {
		labels := map[string]string{"node": n.ID, "system": n.System, "site": n.Site, "role": n.Role}
		nodes = append(nodes, target{[]string{at[i]}, labels})
		ask := map[string]string{"dns": "linked", "frontdoor": "transfer"}[n.Role]
		if n.Role == "db" && n.Site == demo.West {
			ask = "replicating"
		}
		switch {
		case ask == "transfer" && n.Site == demo.East: // where customers are served
			probes = append(probes, target{[]string{"http://" + at[i] + "/can/" + ask}, map[string]string{"__param_module": "http_2xx", "asks": ask, "system": n.System, "site": n.Site}})
		case ask == "linked" || ask == "replicating":
			probes = append(probes, target{[]string{"http://" + at[i] + "/is/" + ask}, map[string]string{"__param_module": "http_2xx", "asks": ask, "system": n.System, "site": n.Site}})
		}
	}
	p.write("nodes.json", asJSON(p.T, nodes))
	p.write("probes.json", asJSON(p.T, probes))
	return len(probes)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (p *peers) write(name, text string) {
	p.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
}

// peer starts a program of Debian's as somebody without privileges; it ends with the test, however that ends.
func (p *peers) peer(who *syscall.Credential, name string, args ...string) {
	p.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		p.Fatalf("%s is not installed, and this test needs the real one: apt-get install %s", name, name)
	}
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already, and then says why
		_ = cmd.Wait()
		if p.Failed() {
			p.Logf("%s said:\n%.4000s", name, said.String())
		}
	})
}

func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(url string, out any) error {
	res, err := http.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d", res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// in is one thing that breaks, before a Switchman that has seen nothing yet.
func (p *peers) in(t *testing.T) *peers {
	q := *p
	q.T = t
	q.eventually(40*time.Second, "nothing fires", func() bool {
		var firing []any
		return get("http://"+q.alertmanager+"/api/v2/alerts", &firing) == nil && len(firing) == 0
	})
	cfg, err := config.Load(config.Input{Environ: []string{"SWITCHMAN_ORG=" + q.estate.Organisation(), "SWITCHMAN_STATE_DIR=" + t.TempDir(), "SWITCHMAN_ADDR=" + q.addr,
		"SWITCHMAN_ALLOW_HTTP=" + strings.Join(q.estate.Addresses(), ","), "SWITCHMAN_HOOK_ALERTMANAGER=" + peerSecret, "SWITCHMAN_ALERTMANAGER_URL=http://" + q.alertmanager}})
	if err != nil {
		t.Fatal(err)
	}
	q.app, err = app.New(t.Context(), app.Options{Config: cfg, Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), Demo: true,
		Env: q.estate.Env(), Stdout: io.Discard})
	if err == nil {
		err = q.app.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.app.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &q
}

func (p *peers) eventually(within time.Duration, what string, so func() bool) {
	p.Helper()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for over := time.After(within); !so(); {
		select {
		case <-look.C:
		case <-over:
			p.Fatalf("%s: not within %s; there is\n%s", what, within, p.seen())
		}
	}
}

type peerSituation struct {
	dr.Situation
	Words struct{ Headline string }
}

func (p *peers) open() []peerSituation {
	var out struct{ Situations []peerSituation }
	if p.app == nil || p.call("", "GET", "/api/situations", nil, &out) != nil {
		return nil
	}
	return out.Situations
}

// seen is what there is, for whoever has to find out why something is not.
func (p *peers) seen() string {
	text := p.run + "\n"
	for _, x := range p.open() {
		text += fmt.Sprintf("%s %s %s %s, %d signals: %s %s %.3f %s wants %v looks %v\n", x.ID, x.State, x.Entity, x.Fault, x.Signals, x.Advice.Verdict, x.Advice.Plan, x.Advice.Confidence, x.Words.Headline, x.Wants, x.Looks)
	}
	return text
}

// call asks Switchman as somebody.
func (p *peers) call(as, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		body = strings.NewReader(asJSON(p.T, in))
	}
	req, err := http.NewRequestWithContext(p.Context(), method, "http://"+p.addr+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if as != "" {
		req.Header.Set("X-Switchman-As", as)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s as %s: HTTP %d %s", method, path, as, res.StatusCode, raw)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(raw, out)
	}
	return err
}

// becomes waits until one situation goes on and it is as wanted, and says how long that took. One that is quiet is a
// scrape that was late once on a busy machine; nothing of what is broken is quiet.
func (p *peers) becomes(what string, since time.Time, so func(peerSituation) bool) peerSituation {
	p.Helper()
	var x peerSituation
	p.eventually(60*time.Second, what, func() bool {
		open := slices.DeleteFunc(p.open(), func(x peerSituation) bool { return x.State == "quiet" })
		if len(open) != 1 || !so(open[0]) {
			return false
		}
		x = open[0]
		return true
	})
	p.Logf("%s: %s after %s (%d signals): %s", what, x.Entity, time.Since(since).Round(100*time.Millisecond), x.Signals, x.Words.Headline)
	var journal struct {
		Rows []struct {
			At   dr.Time
			Kind dr.RowKind
			Text string
		}
	}
	if err := p.call("", "GET", "/api/journal", nil, &journal); err != nil {
		p.Fatal(err)
	}
	for _, row := range journal.Rows {
		if row.Kind == dr.RowSituation {
			p.Logf("  after %s: %s", row.At.Sub(since).Round(100*time.Millisecond), row.Text)
		}
	}
	return x
}

func (p *peers) order(node, verb string) {
	p.Helper()
	if out, code := p.estate.Command(p.Context(), node, verb); code != 0 {
		p.Fatalf("%s %s: %s", node, verb, out)
	}
}

// database: the ledger's database ends; its own failover is recommended, in one situation, whatever fires first.
func (p *peers) database() {
	since := time.Now()
	p.order("ledger-db-e1", "stop")
	defer p.order("ledger-db-e1", "start")
	p.becomes("the ledger's failover is recommended", since, func(x peerSituation) bool {
		return x.Entity.String() == "node/ledger-db-e1" && x.Fault == dr.FaultDown && x.Advice.Verdict == dr.Recommend && x.Advice.Plan == "ledger-failover"
	})
}

// link: the sites lose each other; nothing is to be switched.
func (p *peers) link() {
	since := time.Now()
	if err := p.estate.Break(p.Context(), demo.CutLink); err != nil {
		p.Fatal(err)
	}
	defer func() {
		if err := p.estate.Mend(context.WithoutCancel(p.Context()), demo.CutLink); err != nil {
			p.Error(err)
		}
	}()
	p.becomes("no plan fits a cut link", since, func(x peerSituation) bool {
		return x.Fault == dr.FaultPartition && x.Entity.ID == "dci" && x.Advice.Verdict == dr.NoneFits
	})
}

// site: a site is lost; the whole bank's failover is recommended, asked for, approved and run.
func (p *peers) site() {
	since := time.Now()
	if err := p.estate.Kill(demo.East); err != nil {
		p.Fatal(err)
	}
	x := p.becomes("the bank's failover is recommended", since, func(x peerSituation) bool {
		return x.Entity.String() == "site/east" && x.Advice.Verdict == dr.Recommend && x.Advice.Plan == "bank-failover"
	})
	run := p.failover(x)
	p.eventually(90*time.Second, "the bank serves in the west", func() bool {
		v := p.view("", run)
		p.run = fmt.Sprintf("run %s is %s %s %s, %d steps are not through: %s", run, v.State, v.Pause, v.Reason, len(v.open()), strings.Join(v.open(), ", "))
		p.called(v)
		if v.State.Ended() || v.State == dr.Paused {
			p.Fatalf("the run is %s: %s %s", v.State, v.Pause, v.Reason)
		}
		return v.State == dr.AtStandby
	})
	p.Logf("the bank serves in the west %s after the site was lost", time.Since(since).Round(100*time.Millisecond))
}

// called has an operator do what the plan leaves to people.
func (p *peers) called(v peerRun) {
	p.Helper()
	for _, s := range v.Steps {
		if s.State != dr.StepIntent || s.Kind != dr.ManualStep {
			continue
		}
		by := p.offered(v.ID, dr.VerbDone, p.with(dr.Operator))
		if err := p.call(by, "POST", "/api/runs/"+v.ID+"/"+string(dr.VerbDone), map[string]any{"step": s.ID, "reason": "called them"}, nil); err != nil {
			p.Fatal(err)
		}
	}
}

// with lists people who have a role.
func (p *peers) with(role dr.Role) (ids []string) {
	p.Helper()
	var roster struct{ People []dr.Person }
	if err := p.call("", "GET", "/api/people", nil, &roster); err != nil {
		p.Fatal(err)
	}
	for _, one := range roster.People {
		if slices.Contains(one.Roles, role) {
			ids = append(ids, one.ID)
		}
	}
	return ids
}

type peerRun struct {
	ID, Reason string
	State      dr.State
	Pause      dr.PauseReason
	Verbs      []dr.Verb
	Words      []struct{ Word string }
	Round      struct{ Nonce string }
	Steps      []struct {
		ID, Text string
		Kind     dr.StepKind
		State    dr.StepState
	}
}

// open lists the steps that are not through.
func (v peerRun) open() (out []string) {
	for _, s := range v.Steps {
		if s.State != dr.StepOK && s.State != dr.StepSkipped {
			out = append(out, s.ID+" "+string(s.State)+" "+s.Text)
		}
	}
	return out
}

func (p *peers) view(as, run string) (v peerRun) {
	p.Helper()
	if err := p.call(as, "GET", "/api/runs/"+run, nil, &v); err != nil {
		p.Fatal(err)
	}
	return v
}

// failover takes the advice through its people: request, votes with the words typed, code, start.
func (p *peers) failover(x peerSituation) string {
	p.Helper()
	var v peerRun
	requester := p.with(dr.Requester)[0]
	if err := p.call(requester, "POST", "/api/runs", map[string]any{"plan": x.Advice.Plan, "mode": dr.Emergency, "reason": "situation " + x.ID}, &v); err != nil {
		p.Fatal(err)
	}
	run := v.ID
	p.eventually(30*time.Second, "votes are asked for", func() bool { v = p.view(requester, run); return v.State == dr.AwaitingApproval })
	var words []string
	for _, w := range v.Words {
		words = append(words, w.Word)
	}
	for _, id := range p.with(dr.Approver) {
		mine := p.view(id, run)
		if mine.State == dr.AwaitingApproval && slices.Contains(mine.Verbs, dr.VerbApprove) {
			if err := p.call(id, "POST", "/api/runs/"+run+"/approve", map[string]any{"confirmed": true, "nonce": mine.Round.Nonce, "words": strings.Join(words, " ")}, nil); err != nil {
				p.Fatal(err)
			}
		}
	}
	var issued struct{ Code string }
	issuer := p.offered(run, dr.VerbIssue, p.with(dr.CodeIssuer))
	if err := p.call(issuer, "POST", "/api/runs/"+run+"/"+string(dr.VerbIssue), map[string]any{}, &issued); err != nil {
		p.Fatal(err)
	}
	starter := p.offered(run, dr.VerbStart, append(p.with(dr.Operator), requester))
	if err := p.call(starter, "POST", "/api/runs/"+run+"/"+string(dr.VerbStart), map[string]any{"code": issued.Code, "nonce": v.Round.Nonce, "confirmed": true}, nil); err != nil {
		p.Fatal(err)
	}
	return run
}

// offered is the first of some people whom the run offers a verb.
func (p *peers) offered(run string, verb dr.Verb, people []string) string {
	p.Helper()
	for _, id := range people {
		if slices.Contains(p.view(id, run).Verbs, verb) {
			return id
		}
	}
	p.Fatalf("nobody may %s", verb)
	return ""
}
