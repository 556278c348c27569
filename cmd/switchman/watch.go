package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/cmd/switchman/client"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/web"
)

const (
	redraw    = 500 * time.Millisecond
	reconnect = time.Second
	patience  = 5 * time.Minute // without any answer before watch gives up
)

func runWatchCommand(sh *shell) *cobra.Command {
	var until string
	c := &cobra.Command{
		Use:   "watch RUN",
		Short: "Follow a run on a live board until it ends",
		Long: `Follow a run until it ends: systems, steps in flight, whom it waits for, time left of RTO and limit.

On a terminal the board redraws itself; otherwise every journal row is one line, with --json one
JSON object, and the run as it ended comes last. A lost connection is taken up again by itself.
Ends with 0 when the run closed, 3 when it was denied, expired or cancelled, 8 when it failed or
was rolled back.`,
		Example: "  switchman run watch r1125-x7kq\n  switchman run watch r1125-x7kq --until at_standby && echo moved\n  switchman run watch r1125-x7kq --json",
		Args:    exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if until != "" && !slices.Contains(dr.States(), dr.State(until)) {
				return dr.Errorf(dr.Usage, "there is no state %q", until).WithHint("such as at_standby or awaiting_code")
			}
			return sh.watch(cmd.Context(), args[0], dr.State(until))
		},
		ValidArgsFunction: sh.completeRuns,
	}
	c.Flags().StringVar(&until, "until", "", "end with 0 as soon as the run is, or has been, in this `STATE`")
	return c
}

// watcher follows one run.
type watcher struct {
	sh     *shell
	client *client.Client
	id     string
	until  dr.State
	been   map[dr.State]bool // states the stream has told of
	next   int64             // journal row to read next
	view   fsm.View
	rule   string
	voice  voice
	more   details
	recent []string
	drawn  int // lines on the screen that the next picture replaces
	lost   dr.Time
	why    string
}

func (sh *shell) watch(ctx context.Context, id string, until dr.State) error {
	c, err := sh.client()
	if err != nil {
		return err
	}
	w := &watcher{sh: sh, client: c, id: id, until: until, been: map[dr.State]bool{}}
	if err := w.look(ctx); err != nil {
		return err
	}
	if !sh.json {
		w.voice = sh.voice(ctx)
		if w.client, err = sh.client(); err != nil { // once more, now that it is known in which language
			return err
		}
	}
	w.rule = w.rtoFrom(ctx)
	switch {
	case w.live():
		w.more = sh.details(ctx, w.view)
		w.draw()
	case !sh.json:
		sh.note("%s", w.voice.say("cli_times_in", dr.Args{"zone": w.voice.zone.String()}))
	}
	for !w.over() {
		err := w.follow(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := w.cutOff(err); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sh.term.clock.After(reconnect):
		}
		if err := w.look(ctx); err == nil {
			w.lost, w.why = dr.Time{}, ""
		}
	}
	return w.end()
}

// live reports whether there is a screen to redraw.
func (w *watcher) live() bool { return w.sh.term.outTTY && !w.sh.json }

func (w *watcher) look(ctx context.Context) error {
	var v fsm.View
	if err := w.client.Call(ctx, "GET", "/api/runs/"+url.PathEscape(w.id), nil, &v); err != nil {
		return err
	}
	w.view = v
	if w.live() && w.sh.speaks != nil {
		w.more = w.sh.details(ctx, v)
	}
	return nil
}

// rtoFrom asks which clock the policy counts from; the request is the fallback.
func (w *watcher) rtoFrom(ctx context.Context) string {
	var plan web.PlanView
	path := "/api/plans/" + url.PathEscape(w.view.Plan) + "?mode=" + url.QueryEscape(string(w.view.Mode))
	if err := w.client.Call(ctx, "GET", path, nil, &plan); err != nil {
		return ""
	}
	return plan.Rule.RTOFrom
}

// over reports whether there is nothing left to follow. Where rows are printed one by one, all of
// them shall be printed first; so the stream itself has to tell of the end.
func (w *watcher) over() bool {
	if w.been[w.until] {
		return true
	}
	if w.live() {
		return w.view.State.Ended() || w.view.State == w.until
	}
	return slices.ContainsFunc(dr.States(), func(s dr.State) bool { return s.Ended() && w.been[s] })
}

// follow reads the stream until it breaks or the run is over. The journal says that something
// changed; what is true now is asked for again.
func (w *watcher) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan client.Event)
	ended := make(chan error, 1)
	go func() { ended <- pump(ctx, w.client, w.id, w.next, events) }()
	changed := true
	tick := w.sh.term.clock.After(redraw) // armed anew only when it has fired: events must not put it off
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case ev := <-events:
			w.lost, w.why = dr.Time{}, ""
			w.next = ev.Seq + 1
			changed = true
			if err := w.tell(ev); err != nil {
				return err
			}
		case <-tick:
			tick = w.sh.term.clock.After(redraw)
			if changed && w.live() {
				if err := w.look(ctx); err != nil {
					return err
				}
				changed = false
			}
			if w.live() {
				w.draw()
			}
		}
		if w.over() && (!changed || !w.live()) {
			return w.look(ctx)
		}
	}
}

func pump(ctx context.Context, c *client.Client, run string, from int64, events chan<- client.Event) error {
	for ev, err := range c.Events(ctx, run, from) {
		if err != nil {
			return err
		}
		select {
		case events <- ev:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return io.ErrUnexpectedEOF
}

// tell shows one row: as a line, or among the news of the board.
func (w *watcher) tell(ev client.Event) error {
	var moved dr.StateData
	if ev.Kind == dr.RowState && json.Unmarshal(ev.Data, &moved) == nil {
		w.been[moved.To] = true
	}
	if w.sh.json {
		_, err := fmt.Fprintf(w.sh.term.out, "%s\n", ev.Raw)
		return err
	}
	line := w.voice.readingLine(ev)
	if w.live() {
		w.recent = append(w.recent, line)
		if len(w.recent) > 20 {
			w.recent = w.recent[1:]
		}
		return nil
	}
	_, err := fmt.Fprintln(w.sh.term.out, line)
	return err
}

func (o voice) readingLine(ev client.Event) string {
	return ev.At.In(o.zone).Format("15:04:05") + "  " + oneLine(strings.Join(strings.Fields(ev.Text), " "))
}

// cutOff remembers a lost connection. Refusals and runs that don't exist end the watch at once, a
// server that stays away ends it after a while.
func (w *watcher) cutOff(err error) error {
	if err == nil || w.over() {
		return nil
	}
	kind := dr.KindOf(err)
	if kind != dr.Unavailable && kind != dr.Unexpected {
		return err
	}
	now := w.sh.term.clock.Time()
	if w.lost.IsZero() {
		w.lost = now
		if !w.live() {
			w.sh.note("%s", w.voice.say("cli_lost", nil))
		}
	}
	w.why = w.voice.say("cli_lost_for", dr.Args{"ago": span(now.Since(w.lost))})
	if w.live() {
		w.draw()
	}
	if now.Since(w.lost) > dr.MillisOf(patience) {
		return errors.Join(dr.Errorf(dr.Unavailable, "the server has not answered for %s", span(dr.MillisOf(patience))).WithHint("the run goes on without you; watch it again when the server is back"), err)
	}
	return nil
}

// draw replaces the picture on the screen.
func (w *watcher) draw() {
	wide, high := w.sh.term.size()
	b := board{view: w.view, rtoFrom: w.rule, now: w.now(), voice: w.voice, more: w.more, wide: wide - 1, high: high, colour: w.sh.term.colour(), recent: w.recent, trouble: w.why}
	lines := b.lines()
	out := strings.Builder{}
	if w.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\r\x1b[J", w.drawn)
	}
	out.WriteString(strings.Join(lines, "\n") + "\n")
	w.drawn = len(lines)
	fmt.Fprint(w.sh.term.out, out.String())
}

// now is the server's time, carried on by our own clock since the last look.
func (w *watcher) now() dr.Time {
	if now := w.sh.term.clock.Time(); now.After(w.view.Now.Time) && now.Since(w.view.Now) < 60_000 {
		return now
	}
	return w.view.Now
}

// end shows how it ended and sets the exit code.
func (w *watcher) end() error {
	switch w.view.State {
	case dr.Denied, dr.Expired, dr.Cancelled:
		w.sh.code = exitCode(dr.Refused)
	case dr.Failed, dr.RolledBack:
		w.sh.code = exitCode(dr.Unverified)
	}
	if w.until != "" && (w.view.State == w.until || w.been[w.until]) {
		w.sh.code = 0
	}
	switch {
	case w.sh.json:
		return w.sh.printJSON(w.view)
	case w.live():
		w.draw()
	default:
		fmt.Fprintln(w.sh.term.out, w.voice.say("cli_is", dr.Args{"run": w.id, "now": w.voice.state(w.view)}))
	}
	return nil
}
