package bot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/actions"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/fsm"
)

// calledAbout lists who was called about a place that does not answer.
func (h *house) calledAbout(run, about string) (to []string) {
	h.Helper()
	for _, row := range h.rows(run) {
		if d, err := read[dr.NoticeData](row); row.Kind == dr.RowNotice && err == nil && d.About == about && d.State == "sent" {
			to = append(to, d.To)
		}
	}
	return to
}

// TestSilentPlaceCallsOut: a run goes on while a place that follows it does not answer; after a while
// whoever leads it is called, once, other places are told, and it is over when the place answers.
func TestSilentPlaceCallsOut(t *testing.T) {
	phone := filepath.Join(t.TempDir(), "phone.jsonl")
	h := &house{TB: t, dir: t.TempDir(), clock: newClock(), logs: &bytes.Buffer{}, ways: map[string][]actions.Target{"contact:phone": {{Kind: "file", Name: "phone", File: phone}}}}
	h.start(h.dir)
	t.Cleanup(h.stop)
	slack, console := newWall(), newWall()
	n := h.bot.Narrator(Place{Surface: "slack", Dest: "C0DR", Chat: slack, Instance: "here"})
	open := h.bot.Narrator(Place{Surface: "console", Dest: "ops", Lang: "en", Chat: console, Instance: "here"})
	h.hushAll(n)
	h.hushAll(open)
	run := h.begun()
	h.handMade(run)
	slack.down = errors.New("connection refused")
	pass := func(d time.Duration) {
		for end := h.clock.Now().Add(d); h.clock.Now().Before(end); h.clock.advance(time.Second) {
			if _, err := n.Pass(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	pass(4 * time.Minute)
	if got := h.calledAbout(run, "chat_down"); len(got) != 0 {
		t.Fatalf("%v were called after four minutes", got)
	}
	pass(2 * time.Minute)
	h.until(run, func(fsm.View) bool { return len(h.calledAbout(run, "chat_down")) == 1 })
	pass(5 * time.Minute)
	if got := h.calledAbout(run, "chat_down"); len(got) != 1 || got[0] != "ada" {
		t.Errorf("called %v", got)
	}
	raw, err := os.ReadFile(phone)
	if text := string(raw); err != nil || !strings.Contains(text, "slack/C0DR has not answered since 03:00") || !strings.Contains(text, run) || strings.Count(text, "\n") != 1 {
		t.Errorf("the call: %v %s", err, raw)
	}
	h.hushAll(open)
	news := ""
	for _, k := range console.keys {
		news += Text(console.cards[Ref(k)], 0)
	}
	if !strings.Contains(news, "a place that follows the run does not answer") {
		t.Errorf("the console was not told:\n%s", news)
	}
	c := h.say("ada", "status "+run) // she is there, and the run goes on
	if got := h.press("ada", c.Card, "done:call"); !got.Done {
		t.Fatal(Text(got.Card, 0))
	}
	h.state(run, dr.AtStandby)
	slack.down = nil
	h.clock.advance(2 * time.Minute)
	h.hushAll(n)
	if !n.Down().IsZero() {
		t.Error("the place answers, and nobody knows")
	}
	if told := strings.Join(slack.told(), " "); !strings.Contains(told, "run.started") || !strings.HasSuffix(told, "run.state") {
		t.Errorf("told afterwards: %s", told)
	}
}

// TestReportIsUploaded: when a run has ended its report is put beside the news where a place takes files:
// the bundle with a card that says what it is, once, whatever fails on the way.
func TestReportIsUploaded(t *testing.T) {
	h := open(t)
	made, trouble := 0, error(nil)
	h.bot.cfg.Report = func(_ context.Context, run string) (File, error) {
		made++
		return File{Name: run + ".zip", Media: "application/zip", Size: 9, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("PK bundle")), trouble }}, trouble
	}
	takes, links := newWall(), newWall()
	takes.caps.Uploads = true
	n := h.bot.Narrator(Place{Surface: "slack", Dest: "C0DR", Lang: "en", Chat: takes, Instance: "here"})
	plain := h.bot.Narrator(Place{Surface: "console", Dest: "ops", Lang: "zh", Chat: links, Instance: "here"})
	h.hushAll(n)
	h.hushAll(plain)
	run := h.moved()
	if _, err := h.engine.Do(context.Background(), dr.Actor{Person: "gus", Surface: "cli"}, run, dr.VerbClose, fsm.Args{Reason: "it stays there", Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	trouble = errors.New("the disk is slow")
	if _, err := n.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(takes.files) != 0 || takes.has("report") || made == 0 || !n.Down().IsZero() {
		t.Errorf("%d files and %v, made %d times; the place is said to be down since %s", len(takes.files), takes.told(), made, n.Down())
	}
	trouble = nil
	h.clock.advance(time.Minute)
	h.hushAll(n)
	h.hushAll(plain)
	if len(takes.files) != 1 || len(links.files) != 0 || made < 2 {
		t.Fatalf("%d and %d files, made %d times", len(takes.files), len(links.files), made)
	}
	f := takes.files[0]
	body, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(body)
	if err != nil || string(raw) != "PK bundle" || f.Name != run+".zip" || f.Media != "application/zip" || !strings.HasPrefix(f.Key, "slack/C0DR/row/") || !strings.HasSuffix(f.Key, "/report/bundle") {
		t.Errorf("%+v %q %v", f, raw, err)
	}
	if f.Comment.Thread != Ref("slack/C0DR/board/"+run) {
		t.Errorf("the file is not under the board but %q", f.Comment.Thread)
	}
	golden(t, "report-upload.txt", strings.ReplaceAll(f.Name+" "+f.Media+"\n"+Text(f.Comment, 0), run, "RUN"))
	h.hushAll(n)
	if len(takes.files) != 1 || !takes.has("report") || !links.has("report") {
		t.Error("the report was uploaded twice, or its card is missing")
	}
}

func (w *wall) has(what string) bool {
	for _, k := range w.told() {
		if k == what {
			return true
		}
	}
	return false
}

// TestReportCardHoldsAFile: a card with a file is drawn with its name, size and address.
func TestReportCardHoldsAFile(t *testing.T) {
	s := stage(t, dr.Drill, dr.Closed)
	s.view.Verdict = "passed"
	for _, lang := range []string{"en", "zh"} {
		c := at(t, lang, "").report(s.view, &FileLink{Name: s.view.ID + ".zip", Media: "application/zip", URL: "https://dr.harbor.example/api/runs/" + s.view.ID + "/report.zip", Size: 1 << 20})
		golden(t, "cards/report-file."+lang+".txt", Text(c, 0))
	}
}
