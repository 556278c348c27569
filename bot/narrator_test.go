package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
	"github.com/switchman-dr/switchman/store"
)

func (h *house) narrator(w *wall, point func(string)) *Narrator {
	return h.bot.Narrator(Place{Surface: "console", Dest: "ops", Lang: "en", Chat: w, Instance: "here", Point: point})
}

// hush passes until nothing is due any more, moving the clock over every wait.
func (h *house) hush(n *Narrator) {
	h.Helper()
	for range 500 {
		wait, err := n.Pass(context.Background())
		if err != nil {
			h.Fatal(err)
		}
		if h.queued() == 0 && h.behind(n) == 0 {
			return
		}
		h.clock.advance(max(wait, 1).Duration())
	}
	h.Fatalf("%d messages still wait", h.queued())
}

func (h *house) queued() (n int) {
	h.read(func(r *store.Reader) error {
		all, err := r.DueOutbox(context.Background(), "", forever(), 10_000)
		n = len(all)
		return err
	})
	return n
}

func (h *house) behind(n *Narrator) (left int64) {
	h.read(func(r *store.Reader) error {
		head, err := r.Head(context.Background())
		if err != nil {
			return err
		}
		at, err := r.Cursor(context.Background(), n.name)
		left = head.Size - at
		return err
	})
	return left
}

func (h *house) read(f func(*store.Reader) error) {
	h.Helper()
	if err := h.store.Read(context.Background(), f); err != nil {
		h.Fatal(err)
	}
}

// told lists what was posted, in order, as words of their keys.
func (w *wall) told() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range w.keys {
		parts := strings.SplitN(k, "/", 5)
		switch {
		case parts[2] == "board":
			out = append(out, "board")
		case parts[3] == "once":
			out = append(out, strings.TrimPrefix(k[strings.LastIndex(k, "/"):], "/"))
		default:
			out = append(out, strings.SplitN(k, "/", 5)[4])
		}
	}
	return out
}

func TestNarratorTellsAStory(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	run := h.moved()
	h.hush(n)
	got := w.told()
	want := []string{"board", "run.requested", "vote", "vote", "run.state", "code.issued", "run.started", "no-return", "system.state", "run.state"}
	if !slices.Equal(got, want) {
		t.Errorf("told %v\nwant %v", got, want)
	}
	board := w.cards[Ref("console/ops/board/"+run)]
	if !strings.Contains(Text(board, 0), "at the standby site") || button(board, "switchback").Nonce == "" || button(board, "approve").Nonce != "" {
		t.Error(Text(board, 0))
	}
	for _, k := range w.keys[1:] {
		if c := w.cards[Ref(k)]; c.Thread != Ref("console/ops/board/"+run) {
			t.Errorf("%s is not under the board", k)
		}
	}
	if r := h.handle(Intent{Person: "ada", Kind: Press, Args: button(board, "switchback").Nonce, Confirmed: true}); r.Form == nil {
		t.Errorf("the board's button: %s", Text(r.Card, 0))
	}
}

// A board that changes often is drawn at most once a second; the last drawing shows the last state.
func TestBoardIsCoalesced(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	h.hush(n)
	ref := Ref("console/ops/board/" + run)
	drawn, began := w.updates[ref], h.clock.Now()
	for range 200 {
		h.say("oda", "observe "+run+" still fine")
		h.clock.advance(10 * time.Millisecond)
		if _, err := n.Pass(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	h.hush(n)
	if most := int(h.clock.Now().Sub(began)/time.Second) + 1; w.updates[ref]-drawn > most {
		t.Errorf("drawn %d times in %s", w.updates[ref]-drawn, h.clock.Now().Sub(began))
	}
	h.say("ada", "cancel "+run+" enough")
	h.state(run, dr.Cancelled)
	h.hush(n)
	if !strings.Contains(Text(w.cards[ref], 0), "cancelled") || button(w.cards[ref], "approve").Nonce != "" {
		t.Error(Text(w.cards[ref], 0))
	}
}

// While the place does not answer nothing is lost and nobody hammers at it; afterwards everything is told
// once, in order, and the board shows the present.
func TestPlaceIsDown(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	w.down = errors.New("connection refused")
	run := h.moved()
	calls := w.calls
	began := h.clock.Now()
	for range 120 {
		if _, err := n.Pass(context.Background()); err != nil {
			t.Fatal(err)
		}
		h.clock.advance(5 * time.Second)
	}
	if n.Down().IsZero() {
		t.Error("nobody knows that it is down")
	}
	if tries := w.calls - calls; tries < 5 || tries > 20 {
		t.Errorf("%d tries in %s", tries, h.clock.Now().Sub(began))
	}
	w.down = nil
	h.hush(n)
	if got := w.told(); len(got) != 10 || got[0] != "board" || got[9] != "run.state" {
		t.Errorf("told %v", got)
	}
	if !strings.Contains(Text(w.cards[Ref("console/ops/board/"+run)], 0), "at the standby site") || !n.Down().IsZero() {
		t.Error("the board shows the past")
	}
}

// A message the place will never take is given up; the ones after it are told.
func TestPoisonIsGivenUp(t *testing.T) {
	h := open(t)
	w := newWall()
	w.refuse = func(c Card) error {
		if strings.Contains(Text(c, 0), "poison") && c.Kind == "news" {
			return &dr.Error{Kind: dr.Invalid, Message: "invalid_blocks"}
		}
		return nil
	}
	n := h.narrator(w, nil)
	h.hush(n)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	h.say("oda", "observe "+run+" poison")
	h.say("oda", "observe "+run+" fine")
	h.hush(n)
	if got := w.told(); !slices.Equal(got, []string{"board", "run.requested", "observation"}) {
		t.Errorf("told %v", got)
	}
	if !strings.Contains(h.logs.String(), "given up") {
		t.Error("nobody was told that a message was given up")
	}
}

// Somebody who was refused elsewhere is told here; what was refused here was answered here.
func TestRefusalsAreWhispered(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	h.say("ada", "approve "+run)
	if _, err := h.engine.Do(context.Background(), dr.Actor{Person: "cleo", Surface: "cli"}, run, dr.VerbPause, fsm.Args{}); err == nil {
		t.Fatal("a pause before the start")
	}
	h.hush(n)
	if len(w.whispers) != 1 {
		t.Fatalf("%d whispers", len(w.whispers))
	}
	for key, c := range w.whispers {
		if w.to[key] != "cleo" || c.Lang != "zh" || !strings.Contains(Text(c, 0), "在命令行尝试") {
			t.Errorf("to %s: %s", w.to[key], Text(c, 0))
		}
	}
}

// A place told for the first time begins with now: boards of open runs and none of the past.
func TestNewPlaceBeginsNow(t *testing.T) {
	h := open(t)
	done := h.say("ada", "request move rehearsal look").Run
	h.until(done, func(v fsm.View) bool { return v.State == dr.AwaitingApproval || v.State.Ended() })
	if v := h.view(done); !v.State.Ended() {
		c := h.say("ada", "start "+done)
		h.press("ada", c.Card, "start")
		h.until(done, func(v fsm.View) bool { return v.State.Ended() })
	}
	run := h.say("ada", "request move drill why").Run
	h.state(run, dr.AwaitingApproval)
	w := newWall()
	h.hush(h.narrator(w, nil))
	if got := w.told(); !slices.Equal(got, []string{"board"}) || len(w.cards) != 1 {
		t.Errorf("told %v", got)
	}
}

// A second replica says nothing while the first one is at it.
func TestOneNarratorForAPlace(t *testing.T) {
	h := open(t)
	w := newWall()
	n := h.narrator(w, nil)
	h.hush(n)
	other := h.bot.Narrator(Place{Surface: "console", Dest: "ops", Chat: newWall(), Instance: "there"})
	h.say("ada", "request move drill why")
	if _, err := n.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.say("ada", "status")
	if _, err := other.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := other.place.Chat.(*wall).told(); len(got) != 0 {
		t.Errorf("both told %v", got)
	}
}

// Dying after any write and any call loses nothing and says nothing twice: for every such point the story
// is told from the same store with a crash there, and ends as if nothing had been.
func TestNarratorSurvivesEveryCrash(t *testing.T) {
	h := open(t)
	run := h.moved()
	h.say("oda", "observe "+run+" seen")
	if _, err := h.engine.Do(context.Background(), dr.Actor{Person: "cleo", Surface: "cli"}, run, dr.VerbPause, fsm.Args{}); err == nil {
		t.Fatal("pause at the standby")
	}
	h.write(func(tx *store.Tx) error { return tx.SetCursor(context.Background(), "console/ops", 1) })
	h.stop()
	plain, points := h.telling(t, 0)
	if points < 20 {
		t.Fatalf("%d points", points)
	}
	for k := 1; k <= points; k++ {
		if got, _ := h.telling(t, k); got != plain {
			t.Fatalf("after a crash at point %d:\n%s\nwant\n%s", k, got, plain)
		}
	}
	h.start(h.dir)
}

func (h *house) write(f func(*store.Tx) error) {
	h.Helper()
	if err := h.store.Write(context.Background(), f); err != nil {
		h.Fatal(err)
	}
}

// telling tells the story from a copy of the store, dying at one point; it gives what the place shows in
// the end, and how many points there were.
func (h *house) telling(t *testing.T, dieAt int) (shown string, points int) {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(h.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if raw, err := os.ReadFile(f); err == nil && !strings.HasSuffix(f, ".lock") {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(f)), raw, 0o600)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	copied := &house{TB: t, dir: dir, clock: newClock(), logs: &bytes.Buffer{}}
	copied.clock.now = h.clock.Now()
	copied.start(dir)
	defer copied.stop()
	w := newWall()
	point := func(string) {
		if points++; points == dieAt {
			panic(errDead)
		}
	}
	for {
		n := copied.narrator(w, point)
		if died := func() (died bool) {
			defer func() {
				if r := recover(); r != nil {
					if r != errDead {
						panic(r)
					}
					died = true
				}
			}()
			copied.hush(n)
			return false
		}(); !died {
			break
		}
		copied.bot = copied.newBot(slog.New(slog.DiscardHandler))
	}
	for _, k := range w.keys {
		c := w.cards[Ref(k)]
		for i := range c.Parts { // the moment of drawing differs by the waits
			if c.Kind == "board" && (c.Parts[i].Kind == PartContext || c.Parts[i].Kind == PartFacts) {
				c.Parts[i].Texts, c.Parts[i].Facts = nil, nil
			}
		}
		raw, _ := json.Marshal(c)
		shown += k + " " + string(raw) + "\n"
	}
	shown += fmt.Sprintln(len(w.whispers))
	return shown, points
}

var errDead = errors.New("dead")
