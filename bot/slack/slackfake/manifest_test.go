package slackfake

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// What is wrong with a manifest is said with its place.
func TestReadManifest(t *testing.T) {
	const sound = "display_information: {name: Bot}\nfeatures: {slash_commands: [{command: /bot, description: Speaks}]}\n" +
		"oauth_config: {scopes: {bot: [commands, app_mentions:read]}}\nsettings: {event_subscriptions: {bot_events: [app_mention, app_home_opened]}}\n"
	m, err := ReadManifest([]byte(sound))
	if err != nil || m.Display.Name != "Bot" || len(m.OAuth.Scopes.Bot) != 2 {
		t.Fatalf("%+v: %v", m, err)
	}
	for change, want := range map[string]string{
		"name: Bot>name: " + strings.Repeat("b", 36): "/display_information/name",
		"/bot,>bot,":                      "/features/slash_commands",
		"[commands, >[":                   "needs the scope commands",
		", app_mentions:read>":            "needs the scope app_mentions:read",
		"app_home_opened>app_home_closed": "Unknown event app_home_closed",
		"display_information: {name: Bot}>\t- no: yaml: {": "reading a manifest",
	} {
		before, after, _ := strings.Cut(change, ">")
		if _, err := ReadManifest([]byte(strings.Replace(sound, before, after, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
}

// A plain app acknowledges a click, and needs nothing but its tokens for it.
func TestPlain(t *testing.T) {
	s := New(Sample())
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	t.Cleanup(s.Close)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- Plain(ctx, h.URL+"/api/", s.App(), "C0DRROOM1") }()
	lin := s.Person("U0HB10041")
	var seen []Seen
	if err := s.Await(ctx, func() bool { seen, _ = lin.Messages("C0DRROOM1"); return len(seen) > 0 && s.Stats().Sockets > 0 }); err != nil {
		t.Fatal(err)
	}
	if act := lin.Click(ctx, Press{Channel: "C0DRROOM1", TS: seen[0].TS, Action: "press"}); act.Error != "" {
		t.Errorf("the click: %+v", act)
	}
	stop()
	<-ended
}

// JudgeMessage and JudgeView say what the methods would.
func TestJudge(t *testing.T) {
	if wrong := JudgeMessage([]byte(`[{"type":"header","text":{"type":"plain_text","text":"` + strings.Repeat("x", 151) + `"}}]`)); len(wrong) != 1 || !strings.Contains(wrong[0], "/blocks/0/text/text") {
		t.Error(wrong)
	}
	if wrong := JudgeMessage([]byte(`[{"type":"divider"}]`)); wrong != nil {
		t.Error(wrong)
	}
	if wrong := JudgeView([]byte(`{"type":"modal","title":{"type":"plain_text","text":"Hello"},"blocks":[{"type":"table","rows":[]}]}`), "modal"); len(wrong) == 0 {
		t.Error("a table in a modal is let through")
	}
}
