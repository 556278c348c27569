package config

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// alerts says who may tell what goes on.
func (d *doctor) alerts() {
	const area = "alerts"
	hooks := d.cfg.AllHooks()
	if len(hooks) == 0 {
		d.say(area, Warning, "Set "+prefix+"HOOK_ALERTMANAGER_FILE and the three lines of docs/alerts.md.",
			"Nothing tells Switchman what goes on: no situation is seen and no plan is recommended. Plans can be requested all the same.")
		return
	}
	pulled := false
	var paths []string
	for _, h := range hooks {
		path := "/hooks/" + h.Kind
		if h.Name != "" {
			path += "/" + h.Name
		}
		if !h.Secret.Empty() {
			paths = append(paths, path)
		}
		if h.Pull.URL != "" {
			pulled = true
			d.pulled(h)
		}
		if h.Kind == "generic" && d.facts.Organisation != nil && !slices.Contains(d.facts.Organisation.Mappings, cmp.Or(h.Name, "generic")) {
			d.say(area, Problem, "Describe it under generic in alerts.yaml.", "What comes in at %s cannot be read: the organisation has no mapping for it.", path)
		}
	}
	if len(paths) > 0 {
		d.say(area, Fine, "", "Signals are taken at %s.", strings.Join(paths, ", "))
	}
	if !pulled {
		d.say(area, Note, "Set "+prefix+"ALERTMANAGER_URL.", "No Alertmanager is asked what fires: what it sends while Switchman is down comes again only when it repeats it.")
	}
}

func (d *doctor) pulled(h Hook) {
	const area = "alerts"
	u, err := url.Parse(h.Pull.URL)
	if err != nil {
		return // the check of settings has told
	}
	d.say(area, Fine, "", "The Alertmanager at %s is asked every minute what fires.", u.Host)
	if host := u.Hostname(); u.Scheme == "http" && !h.Pull.Password.Empty() && host != "localhost" && !strings.HasPrefix(host, "127.") && host != "::1" {
		d.say(area, Warning, "Use https for "+prefix+"ALERTMANAGER_URL.", "The password for %s is sent in the open.", u.Host)
	}
}
