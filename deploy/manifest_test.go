package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	api "github.com/slack-go/slack"
	"go.yaml.in/yaml/v3"

	"github.com/switchman-dr/switchman/bot/slack"
	"github.com/switchman-dr/switchman/bot/slack/slackfake"
)

const manifest = "slack-manifest.yaml"

// calls says for each call of the client library what the app has to be allowed for it, in channels public
// and private and in people's own messages, with the method of the Web API behind it.
var calls = map[string]struct {
	methods []string
	scopes  []string
}{
	"AuthTest":               {[]string{"auth.test"}, nil},
	"StartSocketMode":        {[]string{"apps.connections.open"}, nil}, // an app-level token's business
	"PostMessage":            {[]string{"chat.postMessage"}, []string{"chat:write", "im:write"}},
	"PostEphemeral":          {[]string{"chat.postEphemeral"}, []string{"chat:write"}},
	"UpdateMessage":          {[]string{"chat.update"}, []string{"chat:write"}},
	"SendMessage":            {nil, nil}, // to a response_url, which is its own permission
	"OpenView":               {[]string{"views.open"}, nil},
	"UpdateView":             {[]string{"views.update"}, nil},
	"PublishView":            {[]string{"views.publish"}, nil},
	"GetUserInfo":            {[]string{"users.info"}, []string{"users:read"}},
	"GetConversationInfo":    {[]string{"conversations.info"}, []string{"channels:read", "groups:read"}},
	"GetConversationHistory": {[]string{"conversations.history"}, []string{"channels:history", "groups:history"}},
	"GetConversationReplies": {[]string{"conversations.replies"}, []string{"channels:history", "groups:history"}},
	"UploadFile":             {[]string{"files.getUploadURLExternal", "files.completeUploadExternal"}, []string{"files:write"}},
}

var called = regexp.MustCompile(`(?:\bapi|\bclient)\.([A-Z]\w+?)Context\(`)

// TestManifest: whoever pastes the manifest gets an app that may do what the adapter does, and no more.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := slackfake.ReadManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"commands"}
	for _, event := range m.Settings.Events.Bot {
		if scope, _ := slackfake.EventScope(event); scope != "" {
			want = append(want, scope)
		}
	}
	for _, name := range callsOf(t) {
		c, ok := calls[name]
		if !ok {
			t.Errorf("bot/slack calls %sContext, and this test does not say what scope that needs", name)
		}
		for _, method := range c.methods {
			oneOf, known := slackfake.MethodScopes(method)
			if !known {
				t.Errorf("slackfake has no method %s", method)
			}
			if len(oneOf) > 0 && !slices.ContainsFunc(c.scopes, func(s string) bool { return slices.Contains(oneOf, s) }) {
				t.Errorf("%s wants one of %v, and this test says %v", method, oneOf, c.scopes)
			}
		}
		want = append(want, c.scopes...)
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if got := slices.Sorted(slices.Values(m.OAuth.Scopes.Bot)); !slices.Equal(got, want) {
		t.Errorf("the manifest asks for %v\nthe adapter needs     %v", got, want)
	}
	if got := slack.Scopes(); !slices.Equal(got, want) {
		t.Errorf("slack.Scopes says %v\nthe adapter needs %v", got, want)
	}
	if !m.Settings.Sockets || !m.Settings.Interactivity.On || m.Features.Bot.Name == "" || len(m.Features.Commands) != 1 || m.Features.Commands[0].Command != "/dr" {
		t.Errorf("sockets %v, buttons %v, bot %q, commands %v", m.Settings.Sockets, m.Settings.Interactivity.On, m.Features.Bot.Name, m.Features.Commands)
	}
}

// callsOf lists which calls of the client library the adapter makes.
func callsOf(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../bot/slack/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range called.FindAllSubmatch(source, -1) {
			names = append(names, string(found[1]))
		}
	}
	if slices.Sort(names); len(names) < 8 {
		t.Fatalf("found only %v", names)
	}
	return slices.Compact(names)
}

// TestManifestIsUnderstood: no member is misspelt, by the word of Slack's client library.
func TestManifestIsUnderstood(t *testing.T) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var any map[string]any
	if err := yaml.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(any)
	if err != nil {
		t.Fatal(err)
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	var m api.Manifest
	if err := strict.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if m.Display.Name != "Switchman" || !m.Settings.SocketModeEnabled || m.Features.AppHome == (api.AppHome{}) || !m.Features.AppHome.HomeTabEnabled {
		t.Errorf("read as %+v", m)
	}
	if !regexp.MustCompile(`^[\w.-]{1,80}$`).MatchString(m.Features.BotUser.DisplayName) || len(m.Display.Description) > 140 {
		t.Errorf("names Slack does not take: %q, %q", m.Features.BotUser.DisplayName, m.Display.Description)
	}
}
