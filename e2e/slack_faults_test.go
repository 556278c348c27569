package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/bot/slack/slackfake"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

// TestSlackFaults has people ask for a run, vote and cancel it while Slack, the network and the server fail
// by a schedule of chance. Whoever pressed something and saw no error gets an answer, no vote is lost or
// counted twice, and everything that is told is on the wall once.
//
// SWITCHMAN_SOAK=1 makes it 300 schedules.
func TestSlackFaults(t *testing.T) {
	t.Parallel()
	schedules := 8
	if os.Getenv("SWITCHMAN_SOAK") == "1" {
		schedules = 300
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	var sum tally
	for left := schedules; left > 0; left -= 20 { // a channel that does not grow for ever
		t.Run("", func(t *testing.T) {
			o := newOrdeal(t, rnd)
			defer o.pace()()
			for range min(left, 20) {
				o.schedule()
			}
			sum.add(o.tally)
		})
	}
	t.Logf("soak: %d schedules, %d faults, %d crashes: %d presses and commands acknowledged, all answered; %d failed before the person's eyes; %d votes, each counted once",
		schedules, sum.faults, sum.crashes, sum.acked, sum.failed, sum.votes)
}

type tally struct{ faults, crashes, acked, failed, votes int }

func (t *tally) add(o tally) {
	t.faults += o.faults
	t.crashes += o.crashes
	t.acked += o.acked
	t.failed += o.failed
	t.votes += o.votes
}

// ordeal is a workspace whose app may die at any point, and is started again.
type ordeal struct {
	*workspace
	tally
	rnd    *rand.Rand
	trail  []string       // what happened in this schedule
	owed   map[string]int // answers somebody has to get
	before map[string]int // whispers they had

	mu   sync.Mutex
	at   string // where the app dies
	left int    // after how many more passes
	dead bool
}

func newOrdeal(t *testing.T, rnd *rand.Rand) *ordeal {
	t.Helper()
	o := &ordeal{rnd: rnd}
	o.workspace = openWorkspace(t, slackfake.Options{NoRates: true, Seed: rnd.Uint64(), Channels: []slackfake.Channel{{ID: room, Name: "ops"}}}, o.point, nil)
	return o
}

// pace has time pass faster than it does.
func (o *ordeal) pace() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				o.clock.advance(90 * time.Millisecond)
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// point is passed by the app's own goroutines; where it is armed the app dies, as by kill -9: its store is
// shut under it, and whatever it still does goes nowhere.
func (o *ordeal) point(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dead || o.at != name {
		return
	}
	if o.left--; o.left > 0 {
		return
	}
	o.at, o.dead = "", true
	o.crash()
}

func (o *ordeal) arm(name string, passes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at, o.left = name, passes
}

// revive starts the app again if it is dead.
func (o *ordeal) revive() {
	o.Helper()
	o.mu.Lock()
	dead := o.dead
	o.dead = false
	o.mu.Unlock()
	if !dead {
		return
	}
	o.crashes++
	o.trail = append(o.trail, "starts again")
	o.open(o.point, o.more...)
}

// until waits; ok may be asked while the app is being started again.
func (o *ordeal) until(what string, ok func() bool) {
	o.Helper()
	o.eventually(what, func() bool {
		o.revive()
		return ok()
	})
}

// within waits for something that may not come.
func (o *ordeal) within(d time.Duration, ok func() bool) bool {
	o.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for late := time.After(d); ; {
		o.revive()
		if ok() {
			return true
		}
		select {
		case <-look.C:
		case <-late:
			return false
		}
	}
}

// newest is the run asked for last.
func (o *ordeal) newest() (v fsm.View, ok bool) {
	all, err := o.app.Engine.List(o.Context(), dr.Actor{}, fsm.Filter{Limit: 1})
	if err != nil || len(all) == 0 {
		return v, false
	}
	v, err = o.app.Engine.View(o.Context(), dr.Actor{}, all[0].ID)
	return v, err == nil
}

// misfortune is one thing that goes wrong.
func (o *ordeal) misfortune() slackfake.Fault {
	some := func(names ...string) string { return names[o.rnd.IntN(len(names))] }
	f := slackfake.Fault{Count: 1 + o.rnd.IntN(3)}
	f.Kind = some(slackfake.Duplicate, slackfake.Duplicate, slackfake.Reorder, slackfake.LateAck, slackfake.LostAck, slackfake.DropSocket, slackfake.RateLimited,
		slackfake.Unavailable, slackfake.LostAnswer, slackfake.LostAnswer, slackfake.APIError, slackfake.Slow, slackfake.SlowOpen, slackfake.Refresh, slackfake.RefreshOne,
		slackfake.Disconnect, slackfake.Outage)
	switch f.Kind {
	case slackfake.LostAnswer, slackfake.RateLimited, slackfake.Unavailable, slackfake.APIError:
		f.Method = some("chat.postMessage", "chat.update", "chat.postEphemeral", "users.info", "conversations.history", "")
	case slackfake.Slow, slackfake.SlowOpen, slackfake.LateAck:
		f.MS = 500 + o.rnd.IntN(4000)
	case slackfake.Outage:
		f.Count, f.MS = 0, 1000+o.rnd.IntN(5000)
	}
	return f
}

// troubles lets some of it happen, and may choose a place for the app to die.
func (o *ordeal) troubles() {
	o.Helper()
	for range o.rnd.IntN(3) {
		o.faults++
		f := o.misfortune()
		o.trail = append(o.trail, fmt.Sprintf("%+v", f))
		if err := o.slack.Break(f); err != nil {
			o.Fatal(err)
		}
	}
	if o.rnd.IntN(4) == 0 {
		points := []string{"stored", "worked", "sent", "marked", "read", "before_decision", "after_decision"}
		name, passes := points[o.rnd.IntN(len(points))], 1+o.rnd.IntN(3)
		o.trail = append(o.trail, fmt.Sprintf("dies at %s, pass %d", name, passes))
		o.arm(name, passes)
	}
}

// achieves has somebody press a button until it has done what it should: an answer may say that Slack could
// not tell who they are.
func (o *ordeal) achieves(who, run, name string, done func(fsm.View) bool) {
	o.Helper()
	o.troubles()
	is := func() bool {
		v, ok := o.newest()
		return ok && v.ID == run && done(v)
	}
	o.until(name+" by "+who, func() bool {
		if is() {
			return true
		}
		b, ok := o.onBoard(run, name)
		if !ok {
			return false
		}
		act := o.slack.Person(account(who)).Click(o.Context(), slackfake.Press{Channel: room, TS: b.ts, Action: b.action, Block: b.block})
		o.trail = append(o.trail, who+" "+name+": "+act.Error)
		if act.Error != "" {
			o.failed++
			return false
		}
		o.acked++
		o.owed[who]++
		o.within(5*time.Second, func() bool { return is() || o.whispers(who)-o.before[who] >= o.owed[who] })
		return is()
	})
}

func (o *ordeal) board(run string) (m slackfake.Seen, ok bool) {
	for _, m := range o.seen("eve") {
		if strings.Contains(string(m.Metadata), "board/"+run) {
			return m, true
		}
	}
	return m, false
}

func (o *ordeal) onBoard(run, name string) (button, bool) {
	m, ok := o.board(run)
	if !ok {
		return button{}, false
	}
	return buttonOf(room, m, name)
}

// whispers counts what somebody was told alone.
func (o *ordeal) whispers(who string) (n int) {
	for _, m := range o.seen(who) {
		if m.App && m.Ephemeral {
			n++
		}
	}
	return n
}

// schedule is one run's life.
func (o *ordeal) schedule() {
	o.Helper()
	o.trail, o.owed, o.before = []string{"a new run"}, map[string]int{}, map[string]int{}
	defer o.tell()
	for who := range accounts {
		o.before[who] = o.whispers(who)
	}
	last, _ := o.newest()
	o.troubles()
	var run string
	o.until("a run is asked for", func() bool {
		act := o.slack.Person(account("ann")).Slash(o.Context(), room, "/dr", `request move drill "a bad day"`)
		if act.Error == "" {
			o.acked++
			o.owed["ann"]++
		}
		return o.within(200*time.Millisecond, func() bool { // she looks whether it is there before she asks again
			v, ok := o.newest()
			run = v.ID
			return ok && v.ID != last.ID
		})
	})
	first, second := "bob", "cat"
	if o.rnd.IntN(2) == 0 {
		first, second = second, first
	}
	for _, who := range []string{first, second} {
		o.achieves(who, run, "approve", func(v fsm.View) bool { return voted(v, who) })
	}
	o.mend(run, dr.AwaitingCode)
	o.achieves("ann", run, "cancel", func(v fsm.View) bool { return v.State == dr.Cancelled })
	o.mend(run, dr.Cancelled)
	o.accounts(run)
}

// tell prints what a schedule that failed was made of.
func (o *ordeal) tell() {
	if o.Failed() {
		o.Logf("%s", strings.Join(o.trail, "\n"))
	}
}

// mend ends what is wrong and waits until all is done and told.
func (o *ordeal) mend(run string, want dr.State) {
	o.Helper()
	o.arm("", 0)
	o.slack.Mend()
	o.until(run+" is "+string(want), func() bool {
		v, ok := o.newest()
		return ok && v.State == want
	})
	o.until("all is told", func() bool {
		if o.slack.Stats().Waiting > 0 {
			return false
		}
		var in []store.InboxEvent
		var out []store.Outgoing
		err := o.app.Store.Read(o.Context(), func(r *store.Reader) (err error) {
			if in, err = r.OpenInbox(o.Context(), 10); err != nil {
				return err
			}
			out, err = r.DueOutbox(o.Context(), "slack/"+room, dr.At(time.Now().Add(1000*time.Hour)), 100)
			return err
		})
		return err == nil && len(in) == 0 && len(out) == 0
	})
}

// accounts compares what everybody saw with what the journal holds.
func (o *ordeal) accounts(run string) {
	o.Helper()
	for who, owed := range o.owed {
		if got := o.whispers(who) - o.before[who]; got < owed {
			o.Errorf("%s pressed %d times without an error and got %d answers", who, owed, got)
		}
	}
	rows, err := journalRows(o.Context(), o.app, run)
	if err != nil {
		o.Fatal(err)
	}
	for _, who := range []string{"bob", "cat"} {
		n := 0
		for _, row := range rows {
			if row.Kind == dr.RowVote && row.Actor == who {
				n++
			}
		}
		if n != 1 {
			o.Errorf("%d votes of %s in the journal", n, who)
		}
		o.votes += n
	}
	o.until("the end is told", func() bool { // the journal's last row may not have been read yet
		return slices.ContainsFunc(o.seen("eve"), func(m slackfake.Seen) bool {
			board, ok := o.board(run)
			return ok && m.Thread == board.TS && strings.Contains(m.Text, "The run has ended, cancelled")
		})
	})
	board, ok := o.board(run)
	if !ok || !strings.Contains(board.Text, "cancelled") {
		o.Errorf("the board says %q of a run that is cancelled", board.Text)
	}
	o.once(board.TS, "Ann asks for a run", "Bob approves", "Cat approves", "The run has ended, cancelled")
}

// once finds each piece of news in a run's thread exactly once, and no key twice anywhere.
func (o *ordeal) once(thread string, news ...string) {
	o.Helper()
	seen := map[string]int{}
	for _, m := range o.seen("eve") {
		if !m.App || m.Ephemeral {
			continue
		}
		var meta struct {
			Payload struct{ Key string } `json:"event_payload"`
		}
		if json.Unmarshal(m.Metadata, &meta) == nil {
			if seen["key "+meta.Payload.Key]++; seen["key "+meta.Payload.Key] > 1 {
				o.Errorf("posted twice: %s %s", meta.Payload.Key, m.Text)
			}
		}
		for _, one := range news {
			if m.Thread == thread && strings.Contains(m.Text, one) {
				seen[one]++
			}
		}
	}
	for _, one := range news {
		if seen[one] != 1 {
			o.Errorf("%q is told %d times", one, seen[one])
		}
	}
}
