package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"go.yaml.in/yaml/v3"
)

// shortestHookSecret keeps guessing over the network out of reach.
const shortestHookSecret = 16

var hookKinds = []string{"alertmanager", "grafana", "generic", "change"}

// hooks reads hooks: [{kind: alertmanager, name: north, secret_file: …, pull: http://…}].
func (v value) hooks() ([]Hook, error) {
	node, err := v.tree("[{kind: alertmanager, name: north, secret_file: /etc/switchman/north}]")
	if err != nil {
		return nil, err
	}
	if node.Kind != yaml.SequenceNode {
		return nil, errors.New("want a list of sources, each with kind, name and secret_file")
	}
	seen := map[string]bool{}
	var all []Hook
	for n, item := range node.Content {
		h, err := readHook(item)
		switch {
		case err != nil:
			return nil, fmt.Errorf("source %d: %w", n+1, err)
		case !slices.Contains(hookKinds, h.Kind):
			return nil, fmt.Errorf("source %d: kind is %q, want alertmanager, grafana, generic or change", n+1, h.Kind)
		case !sourceName.MatchString(h.Name):
			return nil, fmt.Errorf("source %d: name is %q, want lower-case letters, digits and dashes", n+1, h.Name)
		case seen[h.Kind+"/"+h.Name]:
			return nil, fmt.Errorf("source %d: %s/%s is given twice", n+1, h.Kind, h.Name)
		case h.Pull.URL != "" && h.Kind != "alertmanager":
			return nil, fmt.Errorf("source %d: only an alertmanager can be pulled", n+1)
		}
		seen[h.Kind+"/"+h.Name] = true
		all = append(all, h)
	}
	return all, nil
}

func readHook(node *yaml.Node) (h Hook, err error) {
	if node.Kind != yaml.MappingNode {
		return h, errors.New("want kind, name and secret_file")
	}
	names := []string{"kind", "name", "secret", "secret_file", "pull", "user", "password", "password_file"}
	for i := 0; i+1 < len(node.Content) && err == nil; i += 2 {
		var text string
		if text, err = (value{node: node.Content[i+1]}).scalar(); err != nil {
			break
		}
		switch key := node.Content[i].Value; key {
		case "kind":
			h.Kind = text
		case "name":
			h.Name = text
		case "secret":
			h.Secret = NewSecret(text)
		case "pull":
			h.Pull.URL = text
		case "user":
			h.Pull.User = text
		case "password":
			h.Pull.Password = NewSecret(text)
		case "secret_file", "password_file":
			if text, err = readSecret(text); key == "secret_file" {
				h.Secret = NewSecret(text)
			} else {
				h.Pull.Password = NewSecret(text)
			}
		default:
			err = fmt.Errorf("%s is not known", key)
			if meant := nearest(key, names); meant != "" {
				err = fmt.Errorf("%w; did you mean %s?", err, meant)
			}
		}
	}
	return h, err
}

// checkHooks looks at secrets and addresses of all sources.
func (c *Config) checkHooks() []string {
	var wrong []string
	must := func(ok bool, format string, a ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, a...))
		}
	}
	must(c.AlertmanagerURL == "" || isAlertmanager(c.AlertmanagerURL), "alertmanager_url: is %q, want http(s)://HOST:PORT without user, query or the path of a method", c.AlertmanagerURL)
	must(c.AlertmanagerUser == "" || !c.AlertmanagerPassword.Empty(), "alertmanager_user: needs alertmanager_password")
	must(c.AlertmanagerPassword.Empty() || c.AlertmanagerURL != "", "alertmanager_password: needs alertmanager_url")
	for name, s := range map[string]Secret{"hook_alertmanager": c.HookAlertmanager, "hook_change": c.HookChange, "hook_generic": c.HookGeneric, "hook_grafana": c.HookGrafana} {
		must(s.Empty() || len(s.Reveal()) >= shortestHookSecret, "%s: is shorter than %d characters", name, shortestHookSecret)
	}
	slices.Sort(wrong)
	for _, h := range c.Hooks {
		must(!h.Secret.Empty() || h.Pull.URL != "", "hooks: %s/%s has no secret; give secret_file", h.Kind, h.Name)
		must(h.Secret.Empty() || len(h.Secret.Reveal()) >= shortestHookSecret, "hooks: the secret of %s/%s is shorter than %d characters", h.Kind, h.Name, shortestHookSecret)
		must(h.Pull.URL == "" || isAlertmanager(h.Pull.URL), "hooks: pull of %s/%s is %q, want http(s)://HOST:PORT", h.Kind, h.Name, h.Pull.URL)
		must(h.Pull.User == "" || !h.Pull.Password.Empty(), "hooks: %s/%s has a user and no password_file", h.Kind, h.Name)
	}
	return wrong
}

// isAlertmanager is a base address; a prefix of a path is allowed, as behind a proxy.
func isAlertmanager(text string) bool {
	u, err := url.Parse(text)
	return err == nil && isURL(text, "http", "https") && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}
