package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/switchman-dr/switchman/catalog"
)

// TestAlertMappings: alerts.yaml is read strictly, and mistakes are told with their line.
func TestAlertMappings(t *testing.T) {
	files := good(t)
	files["alerts.yaml"] = &fstest.MapFile{Data: []byte("generic:\n  - source: zabbix\n    list: events\n    name: event.name\n    resolved: [OK]\n    labels: {node: host.name}\n    annotations: {summary: event.text}\n  - source: generic\n    name: title\n    labels: {instance: host}\n")}
	c := load(t, files)
	m, ok := c.AlertMapping("zabbix")
	if !ok || m.List != "events" || m.Name != "event.name" || m.Labels["node"] != "host.name" || m.Resolved[0] != "OK" || m.Annotations["summary"] != "event.text" {
		t.Errorf("%+v", m)
	}
	if m, ok = c.AlertMapping(""); !ok || m.Name != "title" {
		t.Errorf("%+v", m)
	}
	if _, ok = c.AlertMapping("nagios"); ok {
		t.Error("a mapping nobody wrote")
	}
	files["alerts.yaml"] = &fstest.MapFile{Data: []byte("generic:\n  - source: zabbix\n    name: event.name\n    lables: {node: host}\n  - source: zabbix\n    name: n\n    labels: {node: \"\"}\n  - source: \"no good\"\n    labels: {}\n")}
	_, problems := catalog.Load(files, specs(), "test", now())
	text := catalog.FormatProblems(problems)
	for _, want := range []string{"alerts.yaml:4:5", "lables", "alerts.yaml:5", "zabbix", "label node has no path", "alerts.yaml:8"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
}
