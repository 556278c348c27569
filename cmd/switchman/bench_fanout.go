package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
	"github.com/switchman-dr/switchman/demo"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/store"
)

const (
	fanNodes    = 39
	ansibleOver = 1.0 / 8 // at most this share of what Ansible takes
)

// fan is 39 machines with sshd on this one, and a place where each leaves a line for every command it was told.
type fan struct {
	daemons *demo.Daemons
	effects string
	orders  int // commands each machine has been told
}

// benchFanout measures one command on each of 39 machines: by a run with everything a run has, and by Ansible, on the
// same machines in turn.
func (sh *shell) benchFanout(ctx context.Context, dir string, want benchWishes) (out []figure, err error) {
	short, err := os.MkdirTemp("", "swfan") // a socket's path has 107 bytes
	if err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(short)) }()
	f := &fan{effects: filepath.Join(short, "effects")}
	if err := os.Mkdir(f.effects, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	if f.daemons, err = demo.StartDaemons(ctx, short, fanNodes); err != nil {
		fmt.Fprintf(sh.term.err, "Fan-out is not measured, it needs sshd and ssh-keygen (Debian packages openssh-server, openssh-client): %v\n", err)
		return nil, nil
	}
	defer func() { err = errors.Join(err, f.daemons.Stop()) }()
	play, err := sh.playbook(ctx, f)
	if err != nil {
		return nil, err
	}
	if play != nil {
		defer play.Hang()
	}
	return sh.fanRounds(ctx, filepath.Join(dir, "fanout"), f, play, want.rounds)
}

// playbook prepares Ansible and has its lines opened; nil where it is not installed.
func (sh *shell) playbook(ctx context.Context, f *fan) (*demo.Play, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("looking for caches: %w", err)
	}
	program := demo.FindAnsible(cache)
	if program == "" {
		fmt.Fprintln(sh.term.err, "Ansible is not installed, so only Switchman is measured. To measure beside it: .ci/ansible in a clone, or pip install ansible-core")
		return nil, nil
	}
	play, err := f.daemons.NewPlay(program, f.effects)
	if err != nil {
		return nil, err
	}
	return play, f.order(func() error { return play.Run(ctx) })
}

// order has every machine told something once, and looks whether each did it once.
func (f *fan) order(do func() error) error {
	f.orders++
	if err := do(); err != nil {
		return err
	}
	for i := range fanNodes {
		b, err := os.ReadFile(filepath.Join(f.effects, fmt.Sprint("n", i)))
		if n := strings.Count(string(b), "\n"); err != nil || n != f.orders {
			return fmt.Errorf("machine %d was told %d times and did it %d times: %w", i, f.orders, n, err)
		}
	}
	return nil
}

func (sh *shell) fanRounds(ctx context.Context, dir string, f *fan, play *demo.Play, rounds int) ([]figure, error) {
	var ours, theirs, share []float64
	for i := range rounds {
		err := f.order(func() error {
			ms, err := sh.fanRun(ctx, filepath.Join(dir, fmt.Sprint(i)), f)
			ours = append(ours, ms)
			return err
		})
		if err != nil {
			return nil, err
		}
		if play == nil {
			continue
		}
		begun := sh.term.clock.Now()
		if err := f.order(func() error { return play.Run(ctx) }); err != nil {
			return nil, err
		}
		theirs = append(theirs, float64(sh.term.clock.Now().Sub(begun))/float64(time.Millisecond))
		share = append(share, ours[i]/theirs[i])
	}
	out := []figure{figureOf(fmt.Sprintf("one command on %d machines, by a run", fanNodes), "ms", 0, ours...)}
	if play != nil {
		out = append(out, figureOf("the same by ansible-playbook, forks=50, warm", "ms", 0, theirs...), figureOf("a run in ansible-playbooks", "×", ansibleOver, share...))
	}
	return out, nil
}

// fanRun has a run tell every machine its command, and answers how long it took from the start, which somebody gave with
// a security code, to the moment the last outcome was durable.
func (sh *shell) fanRun(ctx context.Context, dir string, f *fan) (ms float64, err error) {
	if err := writeFanOrg(filepath.Join(dir, "org"), f); err != nil {
		return 0, err
	}
	cfg, err := config.Load(config.Input{Environ: []string{"SWITCHMAN_ORG=" + filepath.Join(dir, "org"), "SWITCHMAN_STATE_DIR=" + filepath.Join(dir, "state"),
		"SWITCHMAN_ADDR=off", "SWITCHMAN_ANCHORS=", "SWITCHMAN_MODEL_DIR=", "SWITCHMAN_SSH_USER=" + f.daemons.User, "SWITCHMAN_SSH_KEYS=" + f.daemons.Key,
		"SWITCHMAN_SSH_KNOWN_HOSTS=" + f.daemons.Known}})
	if err != nil {
		return 0, err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Log: sh.logger(cfg), Stdout: io.Discard})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stopWithin(ctx, a.Stop)) }()
	if err := a.Start(ctx); err != nil {
		return 0, err
	}
	run, err := sh.drill(ctx, a)
	if err != nil {
		return 0, err
	}
	return sinceStart(ctx, a.Store, run)
}

// sinceStart is the time from a run's start to its last outcome in ms.
func sinceStart(ctx context.Context, st *store.Store, run string) (ms float64, err error) {
	var begun, last dr.Time
	err = st.Read(ctx, func(r *store.Reader) error {
		rows, err := r.RowsOf(ctx, run)
		for _, row := range rows {
			switch row.Kind {
			case dr.RowStarted:
				begun = row.At
			case dr.RowOutcome:
				last = row.At
			}
		}
		return err
	})
	return float64(last.Sub(begun.Time)) / float64(time.Millisecond), err
}

// writeFanOrg writes an organisation of one system with 39 nodes at each site, those of the west being the machines.
func writeFanOrg(dir string, f *fan) error {
	var b strings.Builder
	b.WriteString("system: wide\nname: Wide\nrto: 10m\nrpo: 0s\nlimit: 30m\nhome: east\nnodes:\n")
	for i, address := range f.daemons.Addresses {
		fmt.Fprintf(&b, "  - {id: e%[1]d, site: east, role: app, peer: n%[1]d}\n  - {id: n%[1]d, site: west, role: app, peer: e%[1]d, address: \"%[2]s\"}\n", i, address)
	}
	step := fmt.Sprintf(`  - id: tell
    title: Tell {node}
    on: {role: app, site: to}
    action: ssh
    with: {address: "{address}", argv: [sh, -c, 'echo $1 >> "$2"/$1', sh, "{node}", "%[1]s"]}
    class: once
    timeout: 30s
    evidence: [recording]
    probe: {action: ssh, with: {address: "{address}", argv: [sh, -c, 'test -s "$2"/$1', sh, "{node}", "%[1]s"]}}
`, f.effects)
	back := "  - {id: rest, title: Rest, on: {role: app, site: to}, action: wait, with: {for: 1ms}, class: read}\n"
	head := fmt.Sprintf("systems: [wide]\nmax_in_flight: %d\ncriteria: [{id: rto, metric: rto}]\nsteps:\n", fanNodes)
	return writeFiles(dir, map[string]string{"organisation.yaml": benchOrganisation, "roster.yaml": benchRoster, "policy.yaml": benchPolicy, "systems/wide.yaml": b.String(),
		"plans/wide.yaml":      "plan: wide\ntitle: Tell every machine\nkind: switchover\npair: wide-back\n" + head + step,
		"plans/wide-back.yaml": "plan: wide-back\ntitle: Rest\nkind: switchback\n" + head + back})
}
