package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/app"
	"github.com/switchman-dr/switchman/config"
)

var update = flag.Bool("update", false, "rewrite golden files")

const pier = "../../web/testdata/org"

// golden compares a text with the file people reviewed.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at it and run the test with -update\ngot:\n%s", file, got)
	}
}

// output collects what a command writes, also while it is still running.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// desk is a person's terminal in a test.
type desk struct {
	t       *testing.T
	environ []string
	state   string
	tty     bool
	typed   string // what the person types where it is not shown
}

// said is how a command ended.
type said struct {
	code     int
	out, err string
}

func (d *desk) run(args ...string) said { return d.with("", args...) }

// with runs a command with something on its standard input.
func (d *desk) with(in string, args ...string) said {
	d.t.Helper()
	return d.within(context.Background(), strings.NewReader(in), args...)
}

func (d *desk) within(ctx context.Context, in io.Reader, args ...string) said {
	d.t.Helper()
	var out, errs output
	term := &terminal{in: in, out: &out, err: &errs, clock: app.SystemClock(), inTTY: d.tty, outTTY: d.tty,
		environ: append([]string{"SWITCHMAN_ORG=" + pier, "SWITCHMAN_STATE_DIR=" + d.state}, d.environ...),
		size:    func() (int, int) { return 80, 40 }, hidden: func() (string, error) { return d.typed, nil }}
	code := run(ctx, term, args)
	return said{code, out.String(), errs.String()}
}

// must ends the test when a command did not do what it should.
func (d *desk) must(args ...string) said {
	d.t.Helper()
	s := d.run(args...)
	if s.code != 0 {
		d.t.Fatalf("switchman %s: exit %d\n%s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	return s
}

func (s said) into(t *testing.T, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.out), out); err != nil {
		t.Fatalf("exit %d, not one JSON document: %v\n%s%s", s.code, err, s.out, s.err)
	}
}

// short gives a directory whose path leaves room for a socket.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// serve runs the real server on the small bank; the people need no passwords when demo is set.
func serve(t *testing.T, demo bool) *desk {
	t.Helper()
	d := &desk{t: t, state: filepath.Join(short(t), "var")}
	stop := d.start(demo)
	t.Cleanup(stop)
	return d
}

func (d *desk) start(demo bool) (stop func()) {
	d.t.Helper()
	cfg, err := config.Load(config.Input{Flags: map[string]string{"org": pier, "state_dir": d.state, "addr": "off", "ship_path": d.t.TempDir(), "anchors": "notify:witness",
		"notify": `{"witness": [{"command": ["/bin/cat"]}]}`}})
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := app.New(context.Background(), app.Options{Config: cfg, Version: version(), Log: slog.New(slog.DiscardHandler), Demo: demo})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		d.t.Fatal(err)
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := a.Stop(ctx); err != nil {
				d.t.Error(err)
			}
		})
	}
}
