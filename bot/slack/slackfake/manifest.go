package slackfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest is what an app asks for when it is made from a manifest; members it does not name are let through,
// as Slack adds some now and then. https://docs.slack.dev/reference/app-manifest
type Manifest struct {
	Display struct {
		Name string `json:"name" yaml:"name"`
	} `json:"display_information" yaml:"display_information"`
	Features struct {
		Bot struct {
			Name string `json:"display_name" yaml:"display_name"`
		} `json:"bot_user" yaml:"bot_user"`
		Commands []struct {
			Command     string `json:"command" yaml:"command"`
			Description string `json:"description" yaml:"description"`
		} `json:"slash_commands" yaml:"slash_commands"`
	} `json:"features" yaml:"features"`
	OAuth struct {
		Scopes struct {
			Bot []string `json:"bot" yaml:"bot"`
		} `json:"scopes" yaml:"scopes"`
	} `json:"oauth_config" yaml:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `json:"bot_events" yaml:"bot_events"`
		} `json:"event_subscriptions" yaml:"event_subscriptions"`
		Interactivity struct {
			On bool `json:"is_enabled" yaml:"is_enabled"`
		} `json:"interactivity" yaml:"interactivity"`
		Sockets bool `json:"socket_mode_enabled" yaml:"socket_mode_enabled"`
	} `json:"settings" yaml:"settings"`
}

// ReadManifest reads a manifest as people paste it, and refuses one that Slack would refuse.
func ReadManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&m); err != nil {
		return m, fmt.Errorf("reading a manifest: %w", err)
	}
	if wrong := m.wrong(); len(wrong) > 0 {
		return m, fmt.Errorf("reading a manifest: %v", wrong)
	}
	return m, nil
}

// eventScopes is what an app must be allowed so that it may hear of something.
var eventScopes = map[string]string{"app_mention": "app_mentions:read", "message.channels": "channels:history", "message.groups": "groups:history",
	"message.im": "im:history", "message.mpim": "mpim:history", "member_joined_channel": "channels:read", "reaction_added": "reactions:read", "app_home_opened": ""}

// wrong lists the parts that people get wrong.
func (m Manifest) wrong() []obj {
	list := []obj{}
	blame := func(pointer, message string) { list = append(list, obj{"pointer": pointer, "message": message}) }
	if m.Display.Name == "" || len(m.Display.Name) > 35 {
		blame("/display_information/name", "Must be between 1 and 35 characters")
	}
	for _, one := range m.Features.Commands {
		if len(one.Command) < 2 || one.Command[0] != '/' || len(one.Command) > 32 || one.Description == "" {
			blame("/features/slash_commands", "Each command needs a name that begins with / and a description")
		}
	}
	scopes := m.OAuth.Scopes.Bot
	if len(m.Features.Commands) > 0 && !slices.Contains(scopes, "commands") {
		blame("/oauth_config/scopes/bot", "A slash command needs the scope commands")
	}
	for _, one := range m.Settings.Events.Bot {
		need, known := eventScopes[one]
		switch {
		case !known:
			blame("/settings/event_subscriptions/bot_events", "Unknown event "+one)
		case need != "" && !slices.Contains(scopes, need):
			blame("/settings/event_subscriptions/bot_events", "The event "+one+" needs the scope "+need)
		}
	}
	return list
}

// EventScope is the scope without which an app does not hear of an event; empty: none is needed.
func EventScope(event string) (scope string, known bool) {
	scope, known = eventScopes[event]
	return scope, known
}

// MethodScopes are the scopes of which a method of the Web API wants one; none: it wants no scope.
func MethodScopes(name string) (oneOf []string, known bool) {
	m, ok := methods[name]
	return slices.Clone(m.scopes), ok
}

func validateManifest(_ *Server, c *call) (obj, error) {
	var m Manifest
	if json.Unmarshal([]byte(strings.TrimSpace(c.str("manifest"))), &m) != nil {
		return nil, fail("invalid_manifest")
	}
	if wrong := m.wrong(); len(wrong) > 0 {
		return nil, &failure{code: "invalid_manifest", with: obj{"errors": wrong}}
	}
	return obj{"errors": []obj{}}, nil
}
