package report

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/cast"
	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/locale"
)

var updatePage = flag.Bool("update", false, "rewrite golden files")

func TestPageGolden(t *testing.T) {
	m, s := pageModel(t)
	for _, lang := range []string{locale.English, locale.Chinese} {
		got := page0(t, m, lang, s)
		if again := page0(t, m, lang, s); !bytes.Equal(got, again) {
			t.Errorf("%s: two pages of one model differ", lang)
		}
		got = withoutPlayer(got)
		if hit := regexp.MustCompile(`page_[a-z_]+`).Find(got); hit != nil {
			t.Errorf("%s: %s has no words", lang, hit)
		}
		file := filepath.Join("testdata", "page."+lang+".html")
		if *updatePage {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the page (%s) changed; look at it and run with -update", lang)
		}
	}
}

func page0(t testing.TB, m *Model, lang string, s pageStore) []byte {
	t.Helper()
	out, err := HTML(m, lang, s.open)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutPlayer leaves out what is vendored, so that a golden file shows what is ours.
func withoutPlayer(page []byte) []byte {
	page = regexp.MustCompile(`(?s)<script>/\* asciinema-player.*?</script>`).ReplaceAll(page, []byte("<script>LICENCE</script>"))
	page = regexp.MustCompile(`(?s)<script>/\* @license.*?</script>`).ReplaceAll(page, []byte("<script>PLAYER</script>"))
	page = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAll(page, []byte("<style>STYLE</style>"))
	return regexp.MustCompile(`'sha256-[^']*'`).ReplaceAll(page, []byte("'sha256-…'"))
}

func TestHostileTextIsShownAsText(t *testing.T) {
	m, s := pageModel(t)
	page := page0(t, m, locale.English, s)
	body, scripts, _ := strings.Cut(string(page[bytes.Index(page, []byte("<body>")):]), `<script type="application/json"`)
	for _, bad := range []string{"<script>alert", "<img src=//", "\u202e", "\u202c", "\u200b", "\x1b"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, shown := range []string{"&lt;script&gt;alert(1)", "⟨U+202E⟩gnp.exe", "zero⟨U+200B⟩width", "{{.M}}"} {
		if !strings.Contains(body, shown) {
			t.Errorf("the page does not show %q", shown)
		}
	}
	if got, want := strings.Count(scripts, "<script"), strings.Count(scripts, "</script"); strings.Contains(body, "<script") || got != 3 || want != 4 {
		t.Errorf("%d scripts begin after the recordings and %d end, want 3 and 4: recordings, licence, player, ours", got, want)
	}
}

// loads finds what makes a browser fetch something.
var loads = regexp.MustCompile(`(?i)(?:\s(?:src|srcset|href|action|data|poster|background|formaction|xlink:href)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?)\s*([a-z+.-]*:?//[^"'\s)>]*|[a-z][a-z+.-]*:[^"'\s)>]{0,40})`)

func TestThePageLoadsNothing(t *testing.T) {
	m, s := pageModel(t)
	page := string(page0(t, m, locale.Chinese, s))
	markup := regexp.MustCompile(`(?s)<script[^>]*>.*?</script>`).ReplaceAllString(page, "")
	tags := strings.Join(regexp.MustCompile(`(?s)<style>.*?</style>|<[a-zA-Z][^>]*>`).FindAllString(markup, -1), "\n")
	for _, hit := range loads.FindAllStringSubmatch(tags, -1) {
		if !strings.HasPrefix(hit[1], "data:") {
			t.Errorf("the page would load %q", hit[0])
		}
	}
	if n := strings.Count(tags, " src="); n != strings.Count(tags, ` src="data:image/`) {
		t.Error("something has a source outside the page")
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("no policy")
	}
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:", "'sha256-"} {
		if !strings.Contains(policy[1], want) {
			t.Errorf("the policy lacks %q: %s", want, policy[1])
		}
	}
	if strings.Contains(policy[1], "'unsafe-inline'") || strings.Contains(policy[1], "'unsafe-eval'") || strings.Contains(policy[1], "http") || strings.Contains(policy[1], "*") {
		t.Errorf("the policy allows too much: %s", policy[1])
	}
	if strings.Contains(tags, " style=") || regexp.MustCompile(`\son[a-z]+=`).MatchString(tags) {
		t.Error("a style or handler inside a tag, which the policy forbids")
	}
}

func TestEveryPageSaysWhatItIs(t *testing.T) {
	m, s := pageModel(t)
	for env, words := range map[dr.Environment][2]string{dr.Sample: {"SAMPLE", "示例"}, dr.Test: {"TEST", "测试"}} {
		m.Environment = env
		for i, lang := range []string{locale.English, locale.Chinese} {
			page := string(page0(t, m, lang, s))
			if !strings.Contains(page, `<b>`+words[i]+`</b>`) || !strings.Contains(page, `class="watermark"`) || !strings.Contains(page, "@top-right{content:") {
				t.Errorf("%s in %s: no watermark", env, lang)
			}
		}
	}
	m.Environment = dr.Production
	page := string(page0(t, m, locale.English, s))
	if strings.Contains(page, "SAMPLE") || !strings.Contains(page, "run r1114-aaaa, as of row 42</span>") {
		t.Error("a page of production carries no run and row, or a watermark")
	}
}

// Every sentence a template names exists, and every sentence of the page is named.
func TestTemplatesAndSentencesAgree(t *testing.T) {
	files, err := fs.Glob(assets, "assets/*.gohtml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	named, families := map[string]bool{}, map[string]bool{}
	sources, err := filepath.Glob("html*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) {
		for _, hit := range regexp.MustCompile(`(?:\bsay "|\bsay\("|\bunit\("|\bwait\(")([a-z_0-9]+)"(\s*\+)?`).FindAllStringSubmatch(text, -1) {
			if hit[2] != "" {
				families[hit[1]] = true
			} else {
				named[hit[1]] = true
			}
		}
		for _, hit := range regexp.MustCompile(`\b(?:word|words)(?:\(| )"([a-z_]+)"`).FindAllStringSubmatch(text, -1) {
			families[hit[1]+"_"] = true
		}
	}
	for _, f := range files {
		raw, err := fs.ReadFile(assets, f)
		if err != nil {
			t.Fatal(err)
		}
		read(string(raw))
	}
	for _, f := range sources {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, "_test.go") {
			read(string(raw))
		}
	}
	families["unit_"] = true
	for id := range named {
		if !locale.Has("page_"+id) && !locale.Has("page_unit_"+id) {
			t.Errorf("page_%s has no sentence", id)
		}
	}
next:
	for _, id := range locale.IDs() {
		short, ours := strings.CutPrefix(id, "page_")
		if !ours || named[short] {
			continue
		}
		for f := range families {
			if strings.HasPrefix(short, f) {
				continue next
			}
		}
		t.Errorf("%s is said nowhere on the page", id)
	}
}

func TestWhatDoesNotFitIsNamed(t *testing.T) {
	m, s := pageModel(t)
	step := &m.Runs[0].Steps[1]
	for i := range 40 {
		raw := recordingOf(t, strings.Repeat(fmt.Sprint(i, " "), 20_000+i*1000))
		step.Attempts[1].Evidence = append(step.Attempts[1].Evidence, s.put("recording", cast.Media, fmt.Sprintf("big-%d.cast", i), raw))
		text := bytes.Repeat([]byte(fmt.Sprint("<", i, ">")), 20_000)
		step.Attempts[1].Evidence = append(step.Attempts[1].Evidence, s.put("output", "text/plain", fmt.Sprintf("big-%d.txt", i), text))
	}
	page := page0(t, m, locale.English, s)
	if len(page) > 3<<20 {
		t.Errorf("the page weighs %d bytes, more than 3 MB", len(page))
	}
	if !bytes.Contains(page, []byte("not shown inside this page")) || !bytes.Contains(page, []byte(`data-cast="`+dr.Digest(recordingOf(t, hostile)))) {
		t.Error("what is left out is not said, or the smallest recording was left out")
	}
}

func TestABrokenRecordingIsNotPlayed(t *testing.T) {
	m, s := pageModel(t)
	bad := s.put("recording", cast.Media, "bad.cast", []byte("{\"version\":2,\"width\":80,\"height\":24}\n[0.1,\"o\",\"cut"))
	m.Runs[0].Steps[1].Attempts[1].Evidence = append(m.Runs[0].Steps[1].Attempts[1].Evidence, bad)
	if page := page0(t, m, locale.English, s); bytes.Contains(page, []byte(`data-cast="`+bad.Digest)) {
		t.Error("a recording that cannot be read is offered to the player")
	}
}

func TestMissingEvidenceIsAnError(t *testing.T) {
	m, _ := pageModel(t)
	if _, err := HTML(m, locale.English, pageStore{}.open); err == nil {
		t.Error("a page was made without the evidence it shows")
	}
	if _, err := HTML(&Model{}, locale.English, nil); err == nil {
		t.Error("a page was made of no run")
	}
}

func TestTerminalText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n":               "plain",
		"a\r\nb\rc":             "a\nb\nc",
		"\x1b[1;31mred\x1b[0m":  "red",
		"\x1b]0;title\x07shell": "shell",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"50%\r100%\r\n": "50%\n100%",
	} {
		if got := terminalText(in); got != want {
			t.Errorf("%q reads as %q, want %q", in, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	p := &page{Lang: locale.English}
	for in, want := range map[dr.Millis]string{-1: "not measured", 0: "0 ms", 999: "999 ms", 1000: "1 s", 2655: "2.6 s", 60_000: "1 min", 61_500: "1 min 1 s", 7_384_000: "2 h 3 min", 90_061_000: "1 d 1 h"} {
		if got := p.dur(in); got != want {
			t.Errorf("%d ms reads as %q, want %q", in, got, want)
		}
	}
}

// The player is what the registry has as asciinema-player 3.18.0, byte for byte.
func TestThePlayerIsTheVendoredOne(t *testing.T) {
	for name, want := range map[string]string{
		"LICENSE":                 "63422284ed65be54ab38d8a94e7518d27e222fbb26c9ae4cd984c63926e91c12",
		"asciinema-player.css":    "981fe7bc6042048b2a373b6da297f747e324e90a8b6264e833e3a92cec22dfb9",
		"asciinema-player.min.js": "752c9b528b664f5b16f27c68ba22fc7973d1d6063a1c3e4795a4c8015943acf6",
	} {
		raw, err := assets.ReadFile("assets/asciinema-player/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := dr.Digest(raw); got != "sha256:"+want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// However a run ended, page 1 says so in words.
func TestEveryEndHasAHeadline(t *testing.T) {
	for _, lang := range []string{locale.English, locale.Chinese} {
		for _, state := range dr.States() {
			for _, verdict := range []string{"", "passed", "failed", "exceptions", "rehearsed"} {
				for _, started := range []dr.Time{{}, pageDay} {
					p := &page{M: &Model{Runs: []Run{{}}}, Lang: lang, zone: time.UTC}
					c := chapter{P: p, Run: Run{State: state, Verdict: verdict, Clocks: dr.Clocks{Started: started}, Criteria: []dr.Outcome{{Result: "failed"}, {Result: "not_measured"}}}}
					text := c.Headline() + " " + c.Lead()
					if strings.Contains(text, "page_") || strings.Contains(text, "{") || c.Headline() == "" {
						t.Errorf("%s, %q, %s: %s", state, verdict, lang, text)
					}
					if state.Ended() && state != dr.Closed && state != dr.ClosedWithExceptions && c.Tone() == "good" && verdict != "passed" {
						t.Errorf("%s, %q looks good", state, verdict)
					}
				}
			}
		}
	}
}
