package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

// Line is a way to a machine: who to be there, and where its sshd listens.
type Line struct{ User, Address string }

func (l Line) key() string { return l.User + "@" + l.Address }

// Greeting is what a machine told of itself when its line was dialled.
type Greeting struct {
	Shell  bool          // it has a POSIX shell; without one it can be looked at, and nothing can be done there
	Boot   string        // id of its last start
	Offset time.Duration // its clock minus ours
}

// Line is the way a call goes to a machine; false where it goes by no line.
func (h Hands) Line(node dr.Node, call dr.Call) (Line, bool) {
	if call.Action != "ssh" || h.lines == nil {
		return Line{}, false
	}
	named, _ := call.Params["address"].(string)
	user, _ := call.Params["user"].(string)
	port, _ := call.Params["port"].(int64)
	address, err := sshAddress(named, node.Address, port)
	return Line{User: cmp.Or(user, h.lines.ssh.User), Address: address}, err == nil
}

// Greet says who is at the other end of a line, dialling it where it is not open, or why nobody is.
func (h Hands) Greet(ctx context.Context, l Line) (Greeting, error) {
	w, err := h.lines.to(ctx, l.User, l.Address)
	if err != nil {
		return Greeting{}, err
	}
	return w.greeting(), nil
}

// Keep holds lines open until the next call, dialling those that are not, and hangs up those that nobody wants or has used
// for some seconds. It waits for nothing.
func (h Hands) Keep(wanted []Line) {
	if h.lines != nil {
		h.lines.keep(wanted)
	}
}

// Dial says that lines are about to be used, and begins to dial those that are not open. It waits for nothing; Keep does
// not hang them up for some seconds.
func (h Hands) Dial(lines []Line) {
	if h.lines == nil {
		return
	}
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	now := h.lines.clock.Now()
	for _, l := range lines {
		if w := h.lines.lines[l.key()]; w != nil {
			w.touch(now)
		} else {
			h.lines.begin(l)
		}
	}
}

// Stands tells how a line that is kept stands, without waiting: who is there, or that nobody is; known is false while it is
// being dialled.
func (h Hands) Stands(l Line) (g Greeting, open, known bool) {
	h.lines.mu.Lock()
	defer h.lines.mu.Unlock()
	w, ok := h.lines.lines[l.key()]
	if !ok {
		return g, false, !h.lines.tried[l.key()].IsZero()
	}
	select {
	case <-w.ready:
		return w.greeting(), w.err == nil, true
	default:
		return g, false, false
	}
}

func (l *wire) greeting() Greeting {
	return Greeting{Shell: l.target.shell, Boot: l.target.boot, Offset: l.target.offset.Truncate(time.Millisecond)}
}

// Words tell a greeting in one line. acts is whether anything is to be done there.
func (g Greeting) Words(acts bool) (text string, ok bool) {
	switch {
	case g.Shell:
		return fmt.Sprintf("the line is open; its clock is off by %s, its last start was %s", g.Offset, g.Boot), true
	case acts:
		return errNoShell.Error(), false
	}
	return "the line is open; it has no shell and is only looked at", true
}

var errNoShell = errors.New("the target has no POSIX shell, so nothing can be done there once and only once; it can be looked at")

// keep brings the lines that are held open in line with what is wanted.
func (w *wires) keep(wanted []Line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, want := w.clock.Now(), make(map[string]bool, len(wanted))
	for _, l := range wanted {
		key := l.key()
		want[key] = true
		if w.lines[key] == nil && (w.tried[key].IsZero() || now.Sub(w.tried[key]) >= keepAlive) {
			w.begin(l)
		}
	}
	for key := range w.tried {
		if !want[key] {
			delete(w.tried, key)
		}
	}
	for key, l := range w.lines {
		if l.kept.Store(want[key]); !want[key] && l.quiet(now) {
			l.hangUp()
		}
	}
}

// quiet reports whether nobody uses a line that is open, or did a moment ago.
func (l *wire) quiet(now time.Time) bool {
	select {
	case <-l.ready:
	default:
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.room) == 0 && now.Sub(l.used) >= keepAlive
}

// hangUp ends a line that is open.
func (l *wire) hangUp() {
	select {
	case <-l.ready:
		if l.err == nil {
			l.client.Close() //nolint:errcheck // it is given up
		}
	default: // its dialling ends by itself
	}
}

// hello is what every machine is asked first. A target that cannot answer has no shell and may only be probed.
const hello = `echo switchman; cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none; date +%s.%N; command -v script >/dev/null && command -v setsid >/dev/null && echo script`

func (l *wire) greet(clock dr.Clock) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	var out, errs tail
	before := clock.Now()
	end := l.run(ctx, "exec sh -c "+shellWord(hello), nil, &out, &errs)
	after := clock.Now()
	if !end.started {
		return end.err
	}
	lines := strings.Split(strings.TrimSpace(string(out.b)), "\n")
	if len(lines) < 3 || strings.TrimSpace(lines[0]) != "switchman" {
		return nil
	}
	l.target = target{shell: true, boot: strings.TrimSpace(lines[1]), script: len(lines) > 3}
	if at, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(lines[2]), ".N"), 64); err == nil {
		l.target.offset = apart(time.UnixMicro(int64(at*1e6)), before, after)
	}
	return nil
}

// apart is how far a clock is off that was read at some moment between two of ours: at least so much, however slow the answer was.
func apart(there, before, after time.Time) time.Duration {
	return max(there.Sub(after), 0) + min(there.Sub(before), 0)
}
