package config

import (
	"strings"
	"testing"
)

// TestHooks: what cannot be meant stops the start, and no message repeats a secret.
func TestHooks(t *testing.T) {
	const secret = "s3cr3t-of-the-hook"
	for text, want := range map[string]string{
		"hooks: {kind: grafana}":                                                                                    "want a list of sources",
		"hooks: [{kind: nagios, name: a, secret: " + secret + "}]":                                                  "kind is",
		"hooks: [{kind: grafana, secret: " + secret + "}]":                                                          "name is",
		"hooks: [{kind: grafana, name: A/b, secret: " + secret + "}]":                                               "name is",
		"hooks: [{kind: grafana, name: a}]":                                                                         "has no secret",
		"hooks: [{kind: grafana, name: a, secret: short}]":                                                          "shorter than 16",
		"hooks: [{kind: grafana, name: a, secret: " + secret + ", pul: x}]":                                         "did you mean pull",
		"hooks: [{kind: grafana, name: a, secret: " + secret + ", pull: 'http://a'}]":                               "only an alertmanager",
		"hooks: [{kind: change, name: a, secret: " + secret + "}, {kind: change, name: a, secret: " + secret + "}]": "given twice",
		"hooks: [{kind: alertmanager, name: a, pull: 'ftp://a'}]":                                                   "want http",
		"hooks: [{kind: alertmanager, name: a, pull: 'http://a', user: u}]":                                         "no password",
		"hooks: [{kind: change, name: a, secret_file: /nowhere/at/all}]":                                            "reading settings",
		"hook_change: short":               "hook_change: is shorter",
		"alertmanager_url: http://u:p@a":   "alertmanager_url: is",
		"alertmanager_user: u":             "needs alertmanager_password",
		"alertmanager_password: " + secret: "needs alertmanager_url",
	} {
		_, err := Load(Input{File: write(t, "hooks.yaml", text)})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	cfg := load(t, Input{Environ: []string{"SWITCHMAN_HOOK_CHANGE=" + secret, "SWITCHMAN_ALERTMANAGER_URL=http://127.0.0.1:9093",
		"SWITCHMAN_HOOKS=[{kind: generic, name: zabbix, secret: " + secret + "}]"}})
	all := cfg.AllHooks()
	if len(all) != 3 || all[0].Pull.URL == "" || !all[0].Secret.Empty() || all[1].Kind != "change" || all[2].Name != "zabbix" {
		t.Errorf("%+v", all)
	}
}
