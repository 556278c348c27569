package catalog

import (
	"maps"
	"slices"
)

// rawAlerts is alerts.yaml, which an organisation may have: how monitoring speaks that is neither
// Alertmanager nor Grafana.
type rawAlerts struct {
	At      pos          `noun:"alerts.yaml"`
	Generic []rawMapping `yaml:"generic" doc:"one for each source that posts to /hooks/generic/NAME"`
}

type rawMapping struct {
	At          pos    `noun:"a mapping"`
	Source      word   `yaml:"source" req:"1" format:"id" doc:"NAME in /hooks/generic/NAME; generic is /hooks/generic itself"`
	List        word   `yaml:"list" doc:"path of the list of alerts; the body is one, or a list of them, where nothing is said"`
	Name        word   `yaml:"name" req:"1" doc:"path of the alert's name. A path is names with dots between, such as event.host.name; a number is a place in a list; =critical is that text itself"`
	Status      word   `yaml:"status" doc:"path of what tells whether it fires; everything fires where nothing is said"`
	Resolved    []word `yaml:"resolved" one:"1" doc:"words that end an alert; ok, resolved, closed and the like where nothing is said"`
	Severity    word   `yaml:"severity" doc:"path of the severity"`
	StartsAt    word   `yaml:"starts_at" doc:"path of when it began; needed where the same problem comes back"`
	EndsAt      word   `yaml:"ends_at" doc:"path of when it ended"`
	Fingerprint word   `yaml:"fingerprint" doc:"path of what the sender calls the same problem by; its name and labels where nothing is said"`
	URL         word   `yaml:"url" doc:"path of the sender's page about it"`
	Labels      labels `yaml:"labels" req:"1" doc:"labels and their paths; node, instance, system and site name what the alert is about"`
	Annotations labels `yaml:"annotations" doc:"texts for people and their paths, such as summary"`
}

// AlertMapping says where a sender that speaks neither Alertmanager nor Grafana keeps what.
type AlertMapping struct {
	List        string
	Name        string
	Status      string
	Resolved    []string
	Severity    string
	StartsAt    string
	EndsAt      string
	Fingerprint string
	URL         string
	Labels      map[string]string
	Annotations map[string]string
}

// AlertMapping finds the mapping of a source; an empty name is the one called generic.
func (c *Catalog) AlertMapping(source string) (AlertMapping, bool) {
	if source == "" {
		source = "generic"
	}
	m, ok := c.mappings[source]
	return m, ok
}

// AlertMappings are the sources that have one, by name.
func (c *Catalog) AlertMappings() []string { return slices.Sorted(maps.Keys(c.mappings)) }

// alerts checks alerts.yaml. What stands at a path only a payload can tell.
func (k *checker) alerts() {
	raw := k.c.files.alerts
	if raw == nil {
		return
	}
	ids := map[string]pos{}
	for _, m := range raw.Generic {
		k.unique(ids, "source", m.Source)
		if len(m.Labels.M) == 0 {
			k.warn(m.At, "add node, instance, system or site with the path of each", "no label says what alerts of %s are about; they stay unresolved", m.Source.S)
		}
		for _, label := range slices.Sorted(maps.Keys(m.Labels.M)) {
			if m.Labels.M[label] == "" {
				k.err(m.Labels.At, "write the path of the value", "label %s has no path", label)
			}
		}
		k.c.mappings[m.Source.S] = AlertMapping{List: m.List.S, Name: m.Name.S, Status: m.Status.S, Resolved: as[string](m.Resolved), Severity: m.Severity.S, StartsAt: m.StartsAt.S,
			EndsAt: m.EndsAt.S, Fingerprint: m.Fingerprint.S, URL: m.URL.S, Labels: m.Labels.M, Annotations: m.Annotations.M}
	}
}
