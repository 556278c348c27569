package config

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

var update = flag.Bool("update", false, "write golden files and generated documents")

// golden compares a text with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date; run: make generate\n--- now\n%s", path, got)
	}
}

// TestDoctor shows whole diagnoses, so that a change of a sentence is seen in its neighbourhood.
func TestDoctor(t *testing.T) {
	now := dr.At(time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		name  string
		cfg   Config
		facts Facts
		worst Level
	}{
		{name: "fresh", cfg: Config{StateDir: "./var", Addr: "127.0.0.1:8080", MaxParallel: 32, Anchors: []string{"stdout"}, BackupEvery: 24 * time.Hour},
			facts: Facts{Organisation: &OrganisationFacts{ID: "harbor-bank", Environment: dr.Sample}, State: &StateFacts{}, Encoders: []EncoderFacts{{Model: "all-MiniLM-L6-v2", Missing: fs.ErrNotExist}}}, worst: Warning},
		{name: "sound", cfg: Config{
			Org: "/etc/switchman/org", StateDir: "/var/lib/switchman", DatabaseURL: NewSecret("postgres://db/switchman"), Addr: "off", MaxParallel: 8,
			Pepper: NewSecret(strings.Repeat("p", 32)), LogKey: NewSecret("k"), AllowHTTP: []string{"vault.bank.example:8443"},
			Notify:  map[string][]Target{"regulator": {{Mail: []string{"desk@regulator.example"}}}},
			Anchors: []string{"syslog"}, RetentionDays: 3650, BackupPath: "/backup", BackupEvery: time.Hour,
			LLMURL: "https://models.bank.example/v1", LLMModel: "qwen3-32b", LLMBudget: 2_000_000, LLMDeadline: time.Minute, LLMEmbedModel: "bge-m3",
			HookAlertmanager: NewSecret(strings.Repeat("h", 16)), AlertmanagerURL: "http://127.0.0.1:9093",
		}, facts: Facts{
			Version: "1.0.0", Now: now,
			Organisation: &OrganisationFacts{ID: "bank", Environment: dr.Production, Recipients: []string{"regulator"}},
			State:        &StateFacts{Exists: true, Writable: true, Mode: fs.ModeDir | 0o700, Network: "nfs", FreeBytes: 50 << 30},
			Store:        &StoreFacts{Rows: 1, ActiveRuns: 2, Approvers: 3, Enrolled: 3, LastBackup: now.Plus(-3600_000)},
			Server:       &ServerFacts{Version: "1.0.0", Ready: true},
			Encoders:     []EncoderFacts{{Model: "all-MiniLM-L6-v2"}},
		}, worst: Note},
		{name: "sick", cfg: Config{
			Org: "/bank", StateDir: "/nfs/state", Addr: ":8080", MaxParallel: 1, Anchors: []string{"stdout"},
			BackupPath: "/backup", BackupEvery: time.Hour, exposed: []string{"smtp_password"},
			files: map[string]string{"token": "/etc/token"}, SecretsDir: "/no/such/directory",
			LLMURL: "http://10.9.0.4:8000/v1", LLMModel: "llama", LLMDeadline: time.Minute, LLMEmbedURL: "http://127.0.0.1:8081/v1", LLMEmbedModel: "e5",
			Runbooks: []RunbookSource{{Name: "dba", Dir: "/srv/dba"}},
		}, facts: Facts{
			Version: "1.0.1", Now: now,
			Organisation: &OrganisationFacts{ID: "bank", Environment: dr.Test, Mistakes: 2, Secrets: []string{"ledger"}, Recipients: []string{"branches"}, OnlyHome: "east"},
			State:        &StateFacts{Exists: true, Mode: fs.ModeDir | 0o755, Network: "nfs", FreeBytes: 5 << 20, PepperKey: true, LogKey: true},
			Store:        &StoreFacts{Rows: 7, Approvers: 4, Enrolled: 1, LastBackup: now.Plus(-3 * 3600_000)},
			Server:       &ServerFacts{Version: "1.0.0", Ready: true},
			Missing:      []string{"pg_ctl"},
			FileModes:    map[string]fs.FileMode{"/etc/token": 0o644},
		}, worst: Problem},
		{name: "down", cfg: Config{Org: "/bank", StateDir: "/s", Addr: "127.0.0.1:1", MaxParallel: 1, BackupPath: "/b", BackupEvery: time.Hour}, facts: Facts{
			Now:          now,
			Organisation: &OrganisationFacts{ID: "bank", Environment: dr.Production, Runnable: errors.New("the roster is empty")},
			Store:        &StoreFacts{Err: errors.New("journal head is ahead of the database")},
			Server:       &ServerFacts{Err: errors.New("connection refused")},
		}, worst: Problem},
		{name: "alerts", cfg: Config{Org: "/bank", StateDir: "/s", Addr: "[::1]:1", MaxParallel: 1, BackupPath: "/b", BackupEvery: time.Hour, HookAlertmanager: NewSecret(strings.Repeat("h", 16)),
			AlertmanagerURL: "http://alerts.bank.example:9093", AlertmanagerPassword: NewSecret("p"), Hooks: []Hook{{Kind: "generic", Name: "zabbix", Secret: NewSecret(strings.Repeat("z", 16))}}}, facts: Facts{
			Now:          now,
			Organisation: &OrganisationFacts{ID: "bank", Environment: dr.Production, Mappings: []string{"generic"}},
		}, worst: Problem},
		{name: "waiting", cfg: Config{Org: "/bank", StateDir: "/s", Addr: "[::1]:1", MaxParallel: 1, BackupPath: "/b", BackupEvery: time.Hour}, facts: Facts{
			Now:          now,
			Organisation: &OrganisationFacts{ID: "bank", Environment: dr.Production, Warnings: 1},
			Store:        &StoreFacts{},
			Server:       &ServerFacts{},
		}, worst: Warning},
		{name: "sites", cfg: Config{Org: "/bank", StateDir: "/s", Addr: "[::1]:1", MaxParallel: 1, BackupPath: "/b", BackupEvery: time.Hour, DatabaseURL: NewSecret("postgres://db/switchman"), Site: "west"}, facts: Facts{
			Version: "1.0.1", Now: now,
			Store: &StoreFacts{Lacks: "the database has no synchronous standby: a failover of the database may lose acknowledged votes", ActiveSite: "east", Replicas: []ReplicaFacts{
				{ID: "app-e1/12/AAAA", Site: "east", Version: "1.0.0", Leases: []string{"run:r1120-7k2m", "tender"}}, {ID: "app-w1/7/BBBB", Site: "west", Version: "1.0.1"}, {ID: "lost/9/CCCC", Version: "1.0.1"}}},
			Server: &ServerFacts{Version: "1.0.1"},
		}, worst: Warning},
		{name: "no-site", cfg: Config{Org: "/bank", StateDir: "/s", Addr: "[::1]:1", MaxParallel: 1, BackupPath: "/b", BackupEvery: time.Hour, DatabaseURL: NewSecret("postgres://db/switchman")}, facts: Facts{
			Now: now, Store: &StoreFacts{ActiveSite: "east"},
		}, worst: Problem},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings := Doctor(&c.cfg, c.facts)
			if got := Worst(findings); got != c.worst {
				t.Errorf("worst is %s, want %s", got, c.worst)
			}
			var b strings.Builder
			for _, f := range findings {
				fmt.Fprintf(&b, "%-8s %-12s %s\n", f.Level, f.Area, f.Text)
				if f.Next != "" {
					fmt.Fprintf(&b, "%22s%s\n", "→ ", f.Next)
				}
				if f.Level == Problem && f.Next == "" && f.Area != "store" {
					t.Errorf("a problem without a next step: %s", f.Text)
				}
			}
			golden(t, filepath.Join("testdata", "doctor-"+c.name+".txt"), b.String())
		})
	}
}

// TestDocument keeps docs/config.md what the tags say.
func TestDocument(t *testing.T) {
	golden(t, filepath.Join("..", "docs", "config.md"), document())
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Settings

Made from the struct in package config; change it there and run ` + "`make generate`" + `.

A setting's value comes from the first of these that gives it:

1. a flag of the command line (` + "`--org`, `--state`, `--server`, `--lang`" + `),
2. the environment; an empty variable counts as not set,
3. the settings file named by ` + "`--config` or `SWITCHMAN_CONFIG`" + `, YAML with one ` + "`name: value`" + ` per line,
4. the default.

A secret may instead be read from a file: ` + "`SWITCHMAN_TOKEN_FILE` or `token_file`" + ` names it. Unknown names,
names given twice and values out of range stop the start; all of them are told at once.
A list in the environment is written with commas, in the file as a YAML list. Relative paths start at the
directory Switchman is started in. ` + "`switchman doctor`" + ` says what is set and what each choice means.
`)
	group := ""
	for _, s := range settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| in the file | in the environment | default | meaning |\n|---|---|---|---|\n", group)
		}
		env, name := "`"+s.Env+"`", "`"+s.Name+"`"
		if s.Secret {
			env, name = env+", `"+s.fileEnv()+"`", name+", `"+s.fileKey()+"`"
		}
		fallback := ""
		if s.Default != "" {
			fallback = "`" + s.Default + "`"
		}
		doc := s.Doc
		switch {
		case s.OneOf != nil:
			doc += " One of `" + strings.Join(named(s.OneOf), "`, `") + "`."
		case s.Min != "":
			doc += fmt.Sprintf(" From %s to %s.", s.Min, s.Max)
		case s.Secret:
			doc += " Secret."
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, env, fallback, doc)
	}
	b.WriteString(`
## Recipients

Plans name classes of recipients; ` + "`notify`" + ` says how to reach each. A class ` + "`contact:KIND`" + ` says how to
reach a person by a contact of that kind in the roster. Each target is exactly one of:

` + "```yaml" + `
notify:
  regulator:
    - mail: [desk@regulator.example]
    - webhook_file: /etc/switchman/regulator.url   # or webhook: https://…; an address can be a secret
  management:
    - command: [/usr/local/bin/call-out, management]   # the text arrives on standard input
  branches:
    - file: /var/spool/notices/branches.jsonl   # one JSON line per notice
    - stdout: true                              # the server's own output
` + "```" + `

In the environment the same is one line of YAML: ` + "`SWITCHMAN_NOTIFY='{regulator: [{mail: [desk@regulator.example]}]}'`" + `.

## Folders of runbooks

Questions are answered from the folder runbooks/ of the organisation, and from those ` + "`runbooks`" + ` names:

` + "```yaml" + `
runbooks:
  - name: dba                       # first part of its documents' paths
    dir: /srv/runbooks/database     # in a Git work tree its commit is cited, too
    audience: [team:database]       # who may see documents that don't say: internal, public, role:ROLE, team:TEAM
    only: ["*.md"]                  # files to read, by name or by path below the folder
  - {name: vendor, dir: /srv/vendor-docs, foreign: true}    # front matter of another tool: only titles are taken
` + "```" + `

A folder that is read is watched; a change can be asked about seconds later.

## Sources of signals

` + "`hook_alertmanager`, `hook_grafana`, `hook_generic` and `hook_change`" + ` open one path each, which is enough for most.
Further sources have a path and a secret of their own:

` + "```yaml" + `
hooks:
  - {kind: alertmanager, name: north, secret_file: /etc/switchman/north}   # posts to /hooks/alertmanager/north
  - kind: alertmanager
    name: south
    secret_file: /etc/switchman/south
    pull: https://alertmanager.south.example     # asked at the start and every minute what fires
    user: switchman
    password_file: /etc/switchman/south.password # without user: sent as a bearer token
  - {kind: generic, name: zabbix, secret_file: /etc/switchman/zabbix}      # its mapping stands in alerts.yaml
` + "```" + `

docs/alerts.md says what to write at the other end.
`)
	return b.String()
}
