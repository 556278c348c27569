package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, in Input) *Config {
	t.Helper()
	cfg, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaults(t *testing.T) {
	cfg := load(t, Input{})
	if cfg.StateDir != "./var" || cfg.Addr != "127.0.0.1:8080" || cfg.BackupEvery != 24*time.Hour || !slices.Equal(cfg.Anchors, []string{"stdout"}) {
		t.Errorf("unexpected defaults: %+v", cfg)
	}
	if got := cfg.Origin("state_dir"); got != "default" {
		t.Errorf("origin %q", got)
	}
}

// TestPrecedence lays all four sources over one setting and takes them away again, strongest first.
func TestPrecedence(t *testing.T) {
	file := write(t, "switchman.yaml", "state_dir: from-file\n")
	in := Input{
		Environ: []string{"SWITCHMAN_STATE_DIR=from-env", "SWITCHMAN_CONFIG=" + file},
		Flags:   map[string]string{"state_dir": "from-flag"},
	}
	want := func(value, origin string) {
		t.Helper()
		cfg := load(t, in)
		if cfg.StateDir != value || cfg.Origin("state_dir") != origin {
			t.Errorf("got %q from %q, want %q from %q", cfg.StateDir, cfg.Origin("state_dir"), value, origin)
		}
	}
	want("from-flag", "command line")
	in.Flags = nil
	want("from-env", "SWITCHMAN_STATE_DIR")
	in.Environ = in.Environ[1:]
	want("from-file", file+":1:1")
	in.Environ = nil
	want("./var", "default")
}

func TestEmptyVariableIsNotSet(t *testing.T) {
	cfg := load(t, Input{Environ: []string{"SWITCHMAN_ADDR=", "SWITCHMAN_TOKEN=", "SWITCHMAN_TOKEN_FILE="}})
	if cfg.Addr != "127.0.0.1:8080" || !cfg.Token.Empty() {
		t.Errorf("addr %q", cfg.Addr)
	}
}

func TestSecretFiles(t *testing.T) {
	secret := write(t, "token", "s3cret\n")
	file := write(t, "switchman.yaml", "token_file: "+secret+"\nsmtp_user: bot\nsmtp_password: open\n")
	cfg := load(t, Input{File: file})
	if cfg.Token.Reveal() != "s3cret" {
		t.Errorf("token %q", cfg.Token.Reveal())
	}
	if got := cfg.SecretFiles(); !slices.Equal(got, []string{secret}) {
		t.Errorf("remembered %q", got)
	}
	if !slices.Equal(cfg.exposed, []string{"smtp_password"}) {
		t.Errorf("exposed %v", cfg.exposed)
	}
	other := write(t, "other", "another")
	cfg = load(t, Input{File: file, Environ: []string{"SWITCHMAN_TOKEN_FILE=" + other}})
	if cfg.Token.Reveal() != "another" || cfg.files["token"] != other {
		t.Errorf("the environment's file does not win: %q", cfg.Token.Reveal())
	}
}

// TestEverySettingFromEverySource shows that no setting is forgotten by one of the loaders.
func TestEverySettingFromEverySource(t *testing.T) {
	values := map[string]string{
		"org": "bank", "state_dir": "/s", "database_url": "postgres://db/x", "addr": "off", "server": "unix:/s",
		"token": "t", "lang": "zh", "log_level": "debug", "log_format": "json", "pepper": strings.Repeat("p", 32),
		"log_key": "k", "secrets_dir": "/c", "allow_http": "a:1,b:2", "exec_env": "PATH", "max_parallel": "7",
		"ssh_user": "switchman", "ssh_keys": "/k", "ssh_certificates": "/k-cert.pub", "ssh_known_hosts": "/h",
		"notify": "{r: [{command: [call, now]}]}", "smtp_addr": "m:25", "smtp_from": "a@b", "smtp_user": "u",
		"smtp_password": "p", "smtp_tls": "tls", "anchors": "syslog", "retention_days": "30", "channel_days": "30",
		"backup_path": "/b", "ship_path": "/s", "site": "east", "backup_every": "2h", "demo_dir": "/d",
		"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1", "slack_channel": "C0123456789", "slack_url": "https://slack.bank.example/api/",
		"runbooks": "{name: dba, dir: /srv/dba, audience: [team:database], only: ['*.md'], foreign: true}", "runbook_age": "24h", "model_dir": "/m", "slack_room": "ops",
		"llm_url": "https://models.bank.example/v1", "llm_key": "k", "llm_model": "m", "llm_embed_url": "http://127.0.0.1:8081/v1", "llm_embed_model": "e", "llm_budget": "1000",
		"hook_alertmanager": "0123456789abcdef", "hook_grafana": "0123456789abcdef", "hook_generic": "0123456789abcdef", "hook_change": "0123456789abcdef",
		"hooks":            "{kind: alertmanager, name: north, secret: 0123456789abcdef, pull: 'https://alerts.bank.example', user: s, password: p}",
		"alertmanager_url": "http://127.0.0.1:9093", "alertmanager_user": "s", "alertmanager_password": "p",
		"llm_deadline": "20s", "llm_azure_version": "2024-10-21", "llm_limit_field": "max_tokens",
		"phone_addr": "10.1.2.3:8443", "console_url": "https://dr.bank.example", "trusted_proxies": "10.1.0.0/16,192.0.2.1",
	}
	var environ, lines []string
	for _, s := range settings() {
		text, ok := values[s.Name]
		if !ok {
			t.Fatalf("no value for %s", s.Name)
		}
		if s.Name == "runbooks" || s.Name == "hooks" {
			text = "[" + text + "]"
		}
		environ = append(environ, s.Env+"="+text)
		if reflect.TypeFor[Config]().Field(s.index).Type == reflect.TypeFor[[]string]() {
			text = "[" + text + "]"
		}
		lines = append(lines, s.Name+": "+text)
	}
	byEnv := load(t, Input{Environ: environ})
	byFile := load(t, Input{File: write(t, "all.yaml", strings.Join(lines, "\n"))})
	for _, s := range settings() {
		env := reflect.ValueOf(byEnv).Elem().Field(s.index).Interface()
		file := reflect.ValueOf(byFile).Elem().Field(s.index).Interface()
		if !reflect.DeepEqual(env, file) {
			t.Errorf("%s: %v from the environment, %v from the file", s.Name, env, file)
		}
		if reflect.ValueOf(env).IsZero() {
			t.Errorf("%s did not arrive", s.Name)
		}
	}
	if byFile.LogLevel.Level() != slog.LevelDebug {
		t.Error("level")
	}
}

func TestTags(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings() {
		if !strings.HasPrefix(s.Env, prefix) || s.Doc == "" || s.Group == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: tags are incomplete", s.Env)
		}
		if seen[s.Name] || seen[s.Name+"_file"] {
			t.Errorf("%s: name taken", s.Name)
		}
		seen[s.Name] = true
		switch reflect.TypeFor[Config]().Field(s.index).Type {
		case reflect.TypeFor[int]():
			for _, text := range []string{s.Min, s.Max} {
				if _, err := strconv.Atoi(text); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
			}
		case reflect.TypeFor[time.Duration]():
			for _, text := range []string{s.Min, s.Max} {
				if _, err := time.ParseDuration(text); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				}
			}
		}
	}
}

func TestDatabaseOnASocket(t *testing.T) {
	url := "postgres://switchman@/switchman?host=/var/run/postgresql"
	if got := load(t, Input{Environ: []string{"SWITCHMAN_DATABASE_URL=" + url}}).DatabaseURL.Reveal(); got != url {
		t.Errorf("got %q", got)
	}
}

func TestMistakes(t *testing.T) {
	empty := write(t, "empty", "\n")
	secret := write(t, "secret", "x")
	for _, c := range []struct {
		name, file string
		env        []string
		flags      map[string]string
		want       string
	}{
		{name: "misspelt variable", env: []string{"SWITCHMAN_STAT_DIR=x"}, want: "SWITCHMAN_STAT_DIR: is not a setting; did you mean SWITCHMAN_STATE_DIR?"},
		{name: "far from everything", env: []string{"SWITCHMAN_BANANA=x"}, want: "SWITCHMAN_BANANA: is not a setting"},
		{name: "misspelt key", file: "adr: off", want: "FILE:1:1: adr is not a setting; did you mean addr?"},
		{name: "file twin of what is no secret", env: []string{"SWITCHMAN_ORG_FILE=x"}, want: "SWITCHMAN_ORG_FILE: is not a setting"},
		{name: "given twice", file: "org: a\norg: b", want: "FILE:2:1: org is given twice"},
		{name: "secret twice in the environment", env: []string{"SWITCHMAN_TOKEN=a", "SWITCHMAN_TOKEN_FILE=" + secret}, want: "SWITCHMAN_TOKEN: given twice, also as SWITCHMAN_TOKEN_FILE; keep one"},
		{name: "secret twice in the file", file: "token: a\ntoken_file: " + secret, want: "FILE: token is given twice, also as token_file; keep one"},
		{name: "empty secret", env: []string{"SWITCHMAN_TOKEN_FILE=" + empty}, want: "SWITCHMAN_TOKEN_FILE: " + empty + " is empty"},
		{name: "missing secret", env: []string{"SWITCHMAN_TOKEN_FILE=/no/such"}, want: "SWITCHMAN_TOKEN_FILE: reading settings: stat /no/such: no such file or directory"},
		{name: "secret by flag", flags: map[string]string{"token": "x"}, want: "flag: token cannot be given on the command line"},
		{name: "not a mapping", file: "- org", want: "FILE:1:1: want settings, one name: value per line"},
		{name: "alias", file: "org: &a x\nserver: *a", want: "FILE:1:6: anchors and aliases are not allowed; write the value out"},
		{name: "null", file: "org:", want: "FILE:1:5: want one value"},
		{name: "list for one value", file: "org: [a]", want: "FILE:1:6: want one value"},
		{name: "one value for a list", file: "anchors: stdout", want: "FILE:1:10: want a list such as [one, two]"},
		{name: "number", env: []string{"SWITCHMAN_MAX_PARALLEL=many"}, want: `SWITCHMAN_MAX_PARALLEL: max_parallel is "many", want a whole number from 1 to 1024`},
		{name: "number too small", env: []string{"SWITCHMAN_MAX_PARALLEL=0"}, want: `SWITCHMAN_MAX_PARALLEL: max_parallel is "0", want a whole number from 1 to 1024`},
		{name: "duration", file: "backup_every: 3 days", want: `FILE:1:15: backup_every is "3 days", want a time such as 90s, 15m or 24h, from 1m to 8760h`},
		{name: "choice", env: []string{"SWITCHMAN_LANG=de"}, want: `SWITCHMAN_LANG: lang is "de", want one of en, zh`},
		{name: "database", env: []string{"SWITCHMAN_DATABASE_URL=mysql://x/y"}, want: "database_url: want postgres://USER@HOST/DATABASE"},
		{name: "address", file: "addr: '8080'", want: `addr: is "8080", want host:port or off`},
		{name: "server", file: "server: ftp://x", want: `server: is "ftp://x", want http(s)://HOST:PORT or unix:PATH`},
		{name: "pepper", env: []string{"SWITCHMAN_PEPPER=salt"}, want: "pepper: is shorter than 32 characters"},
		{name: "everything allowed", file: "allow_http: ['*:*']", want: `allow_http: is "*:*", want host:port`},
		{name: "own variables to commands", file: "exec_env: [SWITCHMAN_TOKEN]", want: `exec_env: "SWITCHMAN_TOKEN" cannot be passed on; want the name of a variable that does not begin with SWITCHMAN_`},
		{name: "way to reach people", file: "notify: {r: [{comand: [x]}]}", want: "FILE:1:9: target 1 of class r: comand is not a way to reach people; did you mean command?"},
		{name: "two ways in one", file: "notify: {r: [{command: [x], mail: [y]}]}", want: "FILE:1:9: target 1 of class r: want exactly one of command, webhook, webhook_file, mail, file or stdout"},
		{name: "class without target", file: "notify: {r: []}", want: `FILE:1:9: class "r": want a list of targets`},
		{name: "webhook", file: "notify: {r: [{webhook: 'file:///x'}]}", want: "notify: the webhook of class r is not an http(s) address without a password"},
		{name: "password in a webhook", file: "notify: {r: [{webhook: 'https://u:p@h/x'}]}", want: "notify: the webhook of class r is not an http(s) address without a password"},
		{name: "said no to", file: "notify: {r: [{stdout: false}]}", want: "FILE:1:9: target 1 of class r: stdout says nothing"},
		{name: "mail without server", file: "notify: {r: [{mail: [a@b]}]}", want: "notify: targets with mail need smtp_addr and smtp_from"},
		{name: "mail address", file: "smtp_from: 'Bot <a@b>'", want: `smtp_from: "Bot <a@b>" is not a mail address`},
		{name: "password in the open", file: "{smtp_user: a, smtp_password: b, smtp_tls: none}", want: "smtp_tls: none would send the password in the open; use starttls or tls"},
		{name: "runbooks in a word", env: []string{"SWITCHMAN_RUNBOOKS=/srv/dba"}, want: "SWITCHMAN_RUNBOOKS: want a list of folders, each with name and dir"},
		{name: "runbooks without a place", file: "runbooks: [{name: dba}]", want: "FILE:1:11: folder 1: dir is missing"},
		{name: "runbooks under a taken name", file: "runbooks: [{name: runbooks, dir: /srv}]", want: "FILE:1:11: folder 1: the name runbooks is taken"},
		{name: "runbooks under a path", file: "runbooks: [{name: ../dba, dir: /srv}]", want: `FILE:1:11: folder 1: name is "../dba", want lower-case letters, digits and dashes`},
		{name: "runbooks for nobody known", file: "runbooks: [{name: dba, dir: /srv, audiense: public}]", want: "FILE:1:11: folder 1: audiense is not known; did you mean audience?"},
		{name: "runbooks by no pattern", file: "runbooks: [{name: dba, dir: /srv, only: ['[']}]", want: `FILE:1:11: folder 1: only: "[" is no pattern`},
		{name: "half a Slack", file: "slack_channel: C01", want: "slack_bot_token: slack_bot_token, slack_app_token and slack_channel go together; give all three or none"},
		{name: "the wrong token", file: "{slack_channel: C01, slack_bot_token: xoxp-1, slack_app_token: xapp-1}", want: "slack_bot_token: does not begin with xoxb-; it is the token of the app's bot user"},
		{name: "a channel by name", file: "{slack_channel: '#ops', slack_bot_token: xoxb-1, slack_app_token: xapp-1}", want: `slack_channel: is "#ops", want the channel's id, such as C0123456789`},
		{name: "model without server", file: "llm_model: m", want: "llm_model: needs llm_url"},
		{name: "server without model", file: "llm_url: https://h/v1", want: "llm_url: needs llm_model, or llm_embed_model for embeddings alone"},
		{name: "embeddings from nowhere", file: "llm_embed_model: m", want: "llm_embed_model: needs llm_embed_url or llm_url"},
		{name: "embeddings by no model", file: "llm_embed_url: https://h/v1", want: "llm_embed_url: needs llm_embed_model"},
		{name: "address of a method", file: "{llm_model: m, llm_url: 'https://h/v1/chat/completions'}", want: `llm_url: is "https://h/v1/chat/completions", want https://HOST/v1 without user, query or the name of a method`},
		{name: "half an account", file: "smtp_user: a", want: "smtp_user: user and smtp_password go together; give both or neither"},
		{name: "anchor", env: []string{"SWITCHMAN_ANCHORS=paper"}, want: `anchors: "paper" is not one of stdout, syslog, notify:CLASS`},
		{name: "anchor without target", env: []string{"SWITCHMAN_ANCHORS=notify:audit"}, want: `anchors: class "audit" has no target in notify`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := Input{Environ: c.env, Flags: c.flags}
			if c.file != "" {
				in.File = write(t, "switchman.yaml", c.file)
			}
			_, err := Load(in)
			if err == nil {
				t.Fatal("accepted")
			}
			if dr.KindOf(err) != dr.Invalid {
				t.Errorf("kind %s", dr.KindOf(err))
			}
			got := err.Error()
			if in.File != "" {
				got = strings.ReplaceAll(got, in.File, "FILE")
			}
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestAllMistakesAtOnce spares people the round trip per mistake.
func TestAllMistakesAtOnce(t *testing.T) {
	file := write(t, "switchman.yaml", "adr: x\nlang: de\n")
	_, err := Load(Input{File: file, Environ: []string{"SWITCHMAN_X=1", "SWITCHMAN_ADDR=nowhere"}})
	if got := strings.Count(err.Error(), "\n") + 1; got != 4 {
		t.Errorf("%d lines, want 4:\n%v", got, err)
	}
}

func TestSettingsFileLimits(t *testing.T) {
	big := write(t, "big.yaml", "org: "+strings.Repeat("x", 1<<20))
	for _, path := range []string{big, t.TempDir(), "/no/such.yaml"} {
		if _, err := Load(Input{File: path}); err == nil {
			t.Errorf("%s accepted", path)
		}
	}
}

// TestSecretsStayHidden prints a configuration in every way somebody might.
func TestSecretsStayHidden(t *testing.T) {
	cfg := load(t, Input{Environ: []string{
		"SWITCHMAN_TOKEN=hunter2", "SWITCHMAN_DATABASE_URL=postgres://u:hunter2@h/d",
		"SWITCHMAN_NOTIFY={r: [{webhook: 'https://h/hunter2'}]}",
	}})
	shown := new(bytes.Buffer)
	slog.New(slog.NewJSONHandler(shown, nil)).Info("start", "token", cfg.Token, "targets", cfg.Notify)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(shown, verb, cfg.Token)
		fmt.Fprintf(shown, verb, cfg.Notify)
	}
	if err := json.NewEncoder(shown).Encode(cfg.Notify); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown.String(), "hunter2") || strings.Contains(shown.String(), "68756e74657232") {
		t.Errorf("a secret shows: %s", shown)
	}
	if cfg.Token.Reveal() != "hunter2" {
		t.Error("Reveal")
	}
	if (Secret{}).String() != "" {
		t.Error("an empty secret claims to be there")
	}
}

// TestMistakeHidesSecret checks that a refused secret is not repeated in the message.
func TestMistakeHidesSecret(t *testing.T) {
	_, err := Load(Input{Environ: []string{"SWITCHMAN_DATABASE_URL=hunter2", "SWITCHMAN_PEPPER=hunter2", "SWITCHMAN_NOTIFY={r: [{webhook: hunter2}]}"}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestPlanSecrets(t *testing.T) {
	dir := t.TempDir()
	outside := write(t, "outside", "not yours")
	for name, text := range map[string]string{"ledger": "opensesame\n", "blank": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "escape")); err != nil {
		t.Fatal(err)
	}
	cfg := load(t, Input{Environ: []string{"SWITCHMAN_SECRETS_DIR=" + dir}})
	if got, err := cfg.Secret("ledger"); err != nil || got != "opensesame" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, ref := range []string{"", "secret:ledger", "a/../../outside", "../outside", ".hidden", "blank", "none", "escape"} {
		if got, err := cfg.Secret(ref); err == nil || got != "" {
			t.Errorf("%s gave %q", ref, got)
		}
	}
	if _, err := new(Config).Secret("ledger"); dr.KindOf(err) != dr.Unavailable {
		t.Errorf("without a directory: %v", err)
	}
}

func TestCommandEnv(t *testing.T) {
	cfg := load(t, Input{Environ: []string{"PATH=/bin", "HOME=/root", "SECRET_OF_MINE=x", "SWITCHMAN_LANG=en"}})
	if got := cfg.CommandEnv(); !slices.Equal(got, []string{"PATH=/bin", "HOME=/root"}) {
		t.Errorf("got %v", got)
	}
	cfg = load(t, Input{Environ: []string{"SWITCHMAN_DEMO_DIR=/d"}})
	if got := cfg.CommandEnv(); !slices.Equal(got, []string{"SWITCHMAN_DEMO_DIR=/d"}) {
		t.Errorf("got %v", got)
	}
}

func TestTestVariablesAreNotSettings(t *testing.T) {
	load(t, Input{Environ: []string{"SWITCHMAN_SOAK=1", "SWITCHMAN_SOAK_KILLS=500", "SWITCHMAN_TEST_SEED=7"}})
}

func FuzzSettingsFile(f *testing.F) {
	for _, seed := range []string{
		"", "org: a", "adr: off", "notify: {r: [{mail: [a@b]}]}", "org: &a x", "- 1", "a: [b, {c: d}]", "backup_every: 1e9h",
		"\xff", "? [a]\n: b", "token: x\ntoken_file: y", "max_parallel: 99999999999999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := &loader{known: settings(), cfg: &Config{origins: map[string]string{}, files: map[string]string{}}}
		l.defaults()
		l.document("f.yaml", []byte(text))
		for _, line := range append(l.mistakes, l.cfg.check()...) {
			if line == "" {
				t.Error("a mistake without words")
			}
		}
	})
}

func FuzzNotifyVariable(f *testing.F) {
	for _, seed := range []string{"{r: [{command: [a, b]}]}", "{r: [{webhook: 'https://x'}]}", "x", "{", "{r: &a [], s: *a}", "[]", "{'': []}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		targets, err := value{text: text}.targets()
		for class, list := range targets {
			if err != nil || class == "" || len(list) == 0 {
				t.Errorf("half-read targets: %q %v %v", class, list, err)
			}
		}
	})
}
