//go:build !race

package report

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/cast"
	"github.com/switchman-dr/switchman/locale"
)

// browser is a headless Chromium, spoken to through its debugging pipe; it can reach nothing but files.
type browser struct {
	t       *testing.T
	to      *os.File
	from    *bufio.Reader
	session string
	last    int
	wrong   []string // errors on the console, exceptions, breaches of the policy
	asked   []string // addresses asked for
}

type browserMessage struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "switchman-browser-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", "--user-data-dir="+dir, "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, answers}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting chromium (.ci/prepare installs it): %v", err)
	}
	theirs.Close()
	answers.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		b.session = ""
		b.say("Browser.close", nil)
		to.Close()
		if err := cmd.Wait(); err != nil && ctx.Err() != nil {
			t.Errorf("chromium did not end: %v", err)
		}
		from.Close()
		cancel()
		for range 1000 { // its last children may still be writing
			if os.RemoveAll(dir) == nil {
				return
			}
		}
	})
	var target struct{ TargetID string }
	b.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.ask("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.ask(domain+".enable", nil, nil)
	}
	return b
}

// say sends without waiting.
func (b *browser) say(method string, params any) {
	b.t.Helper()
	b.last++
	message := map[string]any{"id": b.last, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	raw, err := json.Marshal(message)
	if err == nil {
		_, err = b.to.Write(append(raw, 0))
	}
	if err != nil {
		b.t.Errorf("%s: %v", method, err)
	}
}

// ask sends and waits for the answer, noting what is told meanwhile.
func (b *browser) ask(method string, params, into any) {
	b.t.Helper()
	b.say(method, params)
	for {
		m := b.next()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

func (b *browser) next() browserMessage {
	b.t.Helper()
	raw, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("listening to chromium: %v", err)
	}
	var m browserMessage
	if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
		b.t.Fatalf("listening to chromium: %v", err)
	}
	var p struct {
		Type    string
		Entry   struct{ Level, Text string }
		Request struct{ URL string }
	}
	if len(m.Params) > 0 {
		_ = json.Unmarshal(m.Params, &p) // other messages have other shapes
	}
	switch m.Method {
	case "Runtime.exceptionThrown":
		b.wrong = append(b.wrong, string(m.Params))
	case "Runtime.consoleAPICalled":
		if p.Type == "error" || p.Type == "assert" {
			b.wrong = append(b.wrong, string(m.Params))
		}
	case "Log.entryAdded":
		if p.Entry.Level == "error" || p.Entry.Level == "warning" {
			b.wrong = append(b.wrong, p.Entry.Text)
		}
	case "Network.requestWillBeSent":
		b.asked = append(b.asked, p.Request.URL)
	}
	return m
}

// open shows a file and waits until it is there.
func (b *browser) open(file string) {
	b.t.Helper()
	b.say("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: file}).String()})
	for b.next().Method != "Page.loadEventFired" {
	}
}

// run evaluates an expression in the page; a promise is awaited.
func (b *browser) run(expression string, into any) {
	b.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.ask("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s %s", expression, out.ExceptionDetails.Text, out.ExceptionDetails.Exception.Description)
	}
	if into != nil {
		if err := json.Unmarshal(out.Result.Value, into); err != nil {
			b.t.Fatalf("%s: %v", expression, err)
		}
	}
}

// until waits for a condition in the page.
func (b *browser) until(condition string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`new Promise((ok, no) => {
		const began = Date.now();
		const look = () => { if (%s) ok(true); else if (Date.now() - began > 20000) no(new Error("never came to be")); else setTimeout(look, 20); };
		look();
	})`, condition), nil)
}

func pageFile(t *testing.T, lang string) string {
	t.Helper()
	m, s := pageModel(t)
	played := s.put("recording", cast.Media, "tell.cast", recordingOf(t, "played inside the page"))
	m.Runs[0].Steps[0].Attempts[0].Evidence = []Evidence{played}
	file := filepath.Join(t.TempDir(), "report."+lang+".html")
	if err := os.WriteFile(file, page0(t, m, lang, s), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestARecordingPlaysInTheBrowser(t *testing.T) {
	b := openBrowser(t)
	for _, lang := range []string{locale.English, locale.Chinese} {
		b.open(pageFile(t, lang))
		var made bool
		b.run(`document.querySelector("#r1-s1 .ap-player") !== null`, &made)
		if made {
			t.Fatal("a player is made before its step is opened")
		}
		b.run(`document.querySelector("#r1-s1 > summary").click()`, nil)
		b.until(`document.querySelector("#r1-s1 .ap-overlay-start, #r1-s1 .ap-play-button, #r1-s1 .ap-playback-button")`)
		b.run(`document.querySelector("#r1-s1 .ap-overlay-start").click()`, nil)
		b.until(`/[1-9]/.test(document.querySelector("#r1-s1 .ap-time-elapsed").textContent) && document.querySelector("#r1-s1 .ap-term-text").textContent.includes("played inside the page")`)
		var text string
		b.run(`document.querySelector("#r1-s1 .ap-term-text").textContent`, &text)
		if !strings.Contains(text, "promote") {
			t.Errorf("the player shows %q", text)
		}
		b.run(`document.querySelector("button[data-open]").click()`, nil)
		b.until(`document.querySelectorAll("#r1-s2 .ap-player").length === 1 && [...document.querySelectorAll("#r1-steps details")].every(d => d.open)`)
	}
	if len(b.wrong) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(b.wrong, "\n"))
	}
	for _, address := range b.asked {
		if !strings.HasPrefix(address, "file:///") && !strings.HasPrefix(address, "data:") {
			t.Errorf("the page asked for %s", address)
		}
	}
}

// Page 1 is one sheet of A4, and nothing runs out of a phone's or a sheet's width.
func TestThePageFits(t *testing.T) {
	b := openBrowser(t)
	const mm = 96 / 25.4
	for _, lang := range []string{locale.English, locale.Chinese} {
		b.open(pageFile(t, lang))
		for _, c := range []struct {
			media string
			width int
		}{{"screen", 390}, {"screen", 1440}, {"print", 687}} {
			b.ask("Emulation.setDeviceMetricsOverride", map[string]any{"width": c.width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
			b.ask("Emulation.setEmulatedMedia", map[string]any{"media": c.media}, nil)
			var wide, cover float64
			b.run(`document.documentElement.scrollWidth`, &wide)
			b.run(`document.getElementById("cover").getBoundingClientRect().height`, &cover)
			if wide > float64(c.width) {
				t.Errorf("%s at %d px: the page is %.0f px wide", c.media, c.width, wide)
			}
			if sheet := (297 - 33) * mm; c.media == "print" && cover > sheet {
				t.Errorf("page 1 is %.0f px high, a sheet has %.0f", cover, sheet)
			}
		}
	}
}

func TestItReadsWithoutScripts(t *testing.T) {
	b := openBrowser(t)
	b.ask("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open(pageFile(t, locale.English))
	var root struct{ Root struct{ NodeID int } }
	b.ask("DOM.getDocument", nil, &root)
	var html struct{ OuterHTML string }
	b.ask("DOM.getOuterHTML", map[string]any{"nodeId": root.Root.NodeID}, &html)
	if !strings.Contains(html.OuterHTML, "played inside the page</pre>") {
		t.Error("without scripts the recording's text is not there")
	}
	if strings.Contains(html.OuterHTML, `class="js"`) {
		t.Error("scripts ran")
	}
}
