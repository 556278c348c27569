// Package config holds every setting of Switchman in one struct and is, with the command line, the
// only reader of the environment.
//
// It owns names, defaults, precedence and the check that a value makes sense. A value comes from
// the first of these that gives it: a flag, the environment, the file named by SWITCHMAN_CONFIG,
// the default. A setting is called SWITCHMAN_STATE_DIR in the environment and state_dir in the file;
// a secret can also be read from a file, named by the same setting with _FILE or _file behind it.
// docs/config.md is made from the struct below.
//
// It refuses to guess: an unknown key, an unknown variable that begins with SWITCHMAN_, a setting
// given twice in one place, or a value out of range stops the start, and all such mistakes are told
// at once with the place and the nearest known name.
//
// Invariants: a [Secret] shows its content only through Reveal, whatever prints it; the struct is
// complete when [Load] returns without error, and nobody changes it afterwards. What is not here is
// not a setting: rules for people belong into policy.yaml, knowledge of nodes into systems.
package config

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Config is every setting. The tags are what the loader, the documentation and doctor read:
// env is the name, default what counts when nobody says anything, and doc what it means.
type Config struct {
	Org         string `env:"SWITCHMAN_ORG" group:"Organisation and state" doc:"Directory with the organisation's files. Empty: the embedded sample bank."`
	StateDir    string `env:"SWITCHMAN_STATE_DIR" default:"./var" doc:"Directory for everything Switchman must not lose: database, journal head, keys, socket. It must be on a local disk."`
	DatabaseURL Secret `env:"SWITCHMAN_DATABASE_URL" doc:"postgres://… keeps the store in PostgreSQL instead of SQLite. The state directory still holds keys, socket and journal head."`
	Site        string `env:"SWITCHMAN_SITE" doc:"Site of organisation.yaml this server is at. Of several servers on one PostgreSQL database only those at the active site take work; docs/replicas.md says how it moves. Empty: the organisation has one place for Switchman, or the store is SQLite."`

	Addr           string   `env:"SWITCHMAN_ADDR" group:"Server" default:"127.0.0.1:8080" doc:"Where the server listens for HTTP, as host:port; off leaves only the unix socket in the state directory. There is no TLS here: put a proxy in front before you listen beyond this machine."`
	PhoneAddr      string   `env:"SWITCHMAN_PHONE_ADDR" doc:"A second place to listen, as host:port, for a network of telephones: only signing in, approving and security codes can be reached there. Empty: none."`
	ConsoleURL     string   `env:"SWITCHMAN_CONSOLE_URL" doc:"Address people open the web console at, as https://HOST; links in chat and enrolment links begin with it. Empty: the address the server listens on."`
	TrustedProxies []string `env:"SWITCHMAN_TRUSTED_PROXIES" doc:"Addresses or networks of the proxies in front of the server. Only they are believed about who asks and that it came over HTTPS; without them, requests from other machines are refused, because passwords and codes could be read on their way."`
	Server         string   `env:"SWITCHMAN_SERVER" doc:"Server the command line talks to, as http(s)://… or unix:PATH. Empty: the socket in the state directory."`
	Token          Secret   `env:"SWITCHMAN_TOKEN" doc:"Personal token of whoever uses the command line."`
	Lang           string   `env:"SWITCHMAN_LANG" one_of:",en,zh" doc:"Language of answers on the command line. Empty: your own as the roster has it, else that of LANG, else the organisation's first."`
	LogLevel       LogLevel `env:"SWITCHMAN_LOG_LEVEL" default:"info" one_of:"debug,info,warn,error" doc:"Least severe line that is logged."`
	LogFormat      string   `env:"SWITCHMAN_LOG_FORMAT" default:"text" one_of:"text,json" doc:"Shape of log lines on standard error."`

	Pepper     Secret `env:"SWITCHMAN_PEPPER" group:"Secrets" doc:"At least 32 characters mixed into the hash of every security code and password, and into the key that seals second factors, so that a copied database alone is no use. With another pepper everybody has to enrol again. Empty: made at the first start and kept in the state directory."`
	LogKey     Secret `env:"SWITCHMAN_LOG_KEY" doc:"Private key that signs the journal's checkpoints. Empty: made at the first start and kept in the state directory as log.key."`
	SecretsDir string `env:"SWITCHMAN_SECRETS_DIR" doc:"Directory with one file per secret; a plan's secret:NAME is read from the file NAME when a step needs it."`

	AllowHTTP   []string `env:"SWITCHMAN_ALLOW_HTTP" group:"Steps" doc:"Addresses the http action may reach besides the nodes of the plan, as host:port."`
	ExecEnv     []string `env:"SWITCHMAN_EXEC_ENV" default:"PATH,HOME,LANG,TZ" doc:"Names of variables that commands started by the exec action may see. Of our own variables only SWITCHMAN_DEMO_DIR is passed on."`
	MaxParallel int      `env:"SWITCHMAN_MAX_PARALLEL" default:"64" min:"1" max:"1024" doc:"Most steps in flight at once over all runs; a plan may ask for fewer."`

	SSHUser         string   `env:"SWITCHMAN_SSH_USER" doc:"Who the ssh action is on other machines unless a step names somebody."`
	SSHKeys         []string `env:"SWITCHMAN_SSH_KEYS" doc:"Files with the private keys it signs in with. Without any, nothing is reached by ssh."`
	SSHCertificates []string `env:"SWITCHMAN_SSH_CERTIFICATES" doc:"Files with certificates of those keys, where the machines trust an authority."`
	SSHKnownHosts   []string `env:"SWITCHMAN_SSH_KNOWN_HOSTS" doc:"Files with the host keys of the machines, as ssh keeps them. A machine that is not listed is not spoken to: nothing is taken on trust."`

	Notify       map[string][]Target `env:"SWITCHMAN_NOTIFY" group:"Notices" doc:"Ways to reach each class of recipients that plans name; see below."`
	SMTPAddr     string              `env:"SWITCHMAN_SMTP_ADDR" doc:"Mail server, as host:port. Needed for targets with mail."`
	SMTPFrom     string              `env:"SWITCHMAN_SMTP_FROM" doc:"Sender address of mail."`
	SMTPUser     string              `env:"SWITCHMAN_SMTP_USER" doc:"Account at the mail server. Empty: mail is sent without signing in."`
	SMTPPassword Secret              `env:"SWITCHMAN_SMTP_PASSWORD" doc:"Password of that account."`
	SMTPTLS      string              `env:"SWITCHMAN_SMTP_TLS" default:"starttls" one_of:"starttls,tls,none" doc:"How the connection to the mail server is protected. none is for a relay on this machine; a password is never sent over it."`
	Anchors      []string            `env:"SWITCHMAN_ANCHORS" default:"stdout" doc:"Where the journal's signed root is written outside this machine's reach at freeze, start and end of a run: stdout, syslog, notify:CLASS."`

	SlackBotToken Secret `env:"SWITCHMAN_SLACK_BOT_TOKEN" group:"Slack" doc:"Token of the Slack app, which begins with xoxb-. With it, the app's token and the channel, Switchman speaks in Slack too; docs/slack.md has the steps. Empty: it does not."`
	SlackAppToken Secret `env:"SWITCHMAN_SLACK_APP_TOKEN" doc:"App-level token with the scope connections:write, which begins with xapp-. It opens the connections to Slack, so that nothing here has to be reachable from outside."`
	SlackChannel  string `env:"SWITCHMAN_SLACK_CHANNEL" doc:"Id of the channel where runs are told and asked about, such as C0123456789. The app has to be a member."`
	SlackRoom     string `env:"SWITCHMAN_SLACK_ROOM" doc:"Name under which organisation.yaml lists the channel of SWITCHMAN_SLACK_CHANNEL; its audience decides which runbooks are quoted there. Empty: the channel that has its id under slack; if none has, only public runbooks are quoted."`
	SlackURL      string `env:"SWITCHMAN_SLACK_URL" doc:"Address of another Slack Web API, as https://HOST/api/; for rehearsals against a fake one. Empty: Slack's own."`

	HookAlertmanager     Secret `env:"SWITCHMAN_HOOK_ALERTMANAGER" group:"Alerts" doc:"Secret of whoever posts to /hooks/alertmanager, at least 16 characters: Alertmanager sends it as a bearer token or as the password of basic authentication. docs/alerts.md has its three lines. Empty: the path is closed."`
	HookGrafana          Secret `env:"SWITCHMAN_HOOK_GRAFANA" doc:"The same for /hooks/grafana."`
	HookGeneric          Secret `env:"SWITCHMAN_HOOK_GENERIC" doc:"The same for /hooks/generic, whose mapping stands in the organisation's alerts.yaml."`
	HookChange           Secret `env:"SWITCHMAN_HOOK_CHANGE" doc:"The same for /hooks/change, where pipelines tell what they change."`
	Hooks                []Hook `env:"SWITCHMAN_HOOKS" doc:"Further sources, each with a path and a secret of its own; see below."`
	AlertmanagerURL      string `env:"SWITCHMAN_ALERTMANAGER_URL" doc:"Base address of the Alertmanager that posts to /hooks/alertmanager, as http(s)://HOST:PORT. Given: it is asked at the start and every minute what fires, so that nothing is missed while Switchman is down. Empty: it is not."`
	AlertmanagerUser     string `env:"SWITCHMAN_ALERTMANAGER_USER" doc:"Account there, for basic authentication. Empty: none; with a password and no account, the password is sent as a bearer token."`
	AlertmanagerPassword Secret `env:"SWITCHMAN_ALERTMANAGER_PASSWORD" doc:"Password of that account, or the token."`

	Runbooks   []RunbookSource `env:"SWITCHMAN_RUNBOOKS" group:"Runbooks" doc:"Further folders of runbooks besides the organisation's own folder runbooks/; see below."`
	RunbookAge time.Duration   `env:"SWITCHMAN_RUNBOOK_AGE" default:"8760h" min:"0s" max:"87600h" doc:"A runbook whose last review is longer ago is called stale wherever it is quoted. 0s: age does not matter."`
	ModelDir   string          `env:"SWITCHMAN_MODEL_DIR" doc:"Directory with the weights of the built-in encoder, which finds passages by meaning besides words. Empty: where make model puts them. Without weights words alone decide."`

	LLMURL        string        `env:"SWITCHMAN_LLM_URL" group:"Language model" doc:"Base address of a server that speaks OpenAI's chat API, with its path, such as https://api.openai.com/v1 or http://127.0.0.1:11434/v1 (OpenAI, Azure, Ollama, vLLM, llama.cpp). Empty: answers are the runbooks' own passages."`
	LLMKey        Secret        `env:"SWITCHMAN_LLM_KEY" doc:"Key of that server. Empty: none is sent."`
	LLMModel      string        `env:"SWITCHMAN_LLM_MODEL" doc:"Model that words answers; with Azure the name of the deployment."`
	LLMEmbedURL   string        `env:"SWITCHMAN_LLM_EMBED_URL" doc:"Base address of the server that makes embeddings, when it is another one. Empty: the same."`
	LLMEmbedModel string        `env:"SWITCHMAN_LLM_EMBED_MODEL" doc:"Model that makes embeddings of runbooks and questions. Empty: the built-in encoder. With another model everything is embedded anew."`
	LLMBudget     int           `env:"SWITCHMAN_LLM_BUDGET" default:"2000000" min:"0" max:"1000000000" doc:"Most tokens sent and received in one day; when they are used up, answers are passages until midnight. 0: no limit."`
	LLMDeadline   time.Duration `env:"SWITCHMAN_LLM_DEADLINE" default:"1m" min:"1s" max:"10m" doc:"Longest wait for an answer, all attempts together; after it the passages are shown."`
	LLMAzure      string        `env:"SWITCHMAN_LLM_AZURE_VERSION" doc:"Version of Azure's API, such as 2024-10-21. Given: the address is an Azure resource, https://NAME.openai.azure.com. Empty: it is not."`
	LLMLimitField string        `env:"SWITCHMAN_LLM_LIMIT_FIELD" default:"max_completion_tokens" one_of:"max_completion_tokens,max_tokens" doc:"Field that tells the server how long an answer may be; old servers know only the second."`

	RetentionDays int           `env:"SWITCHMAN_RETENTION_DAYS" group:"Keeping" default:"0" min:"0" max:"36500" doc:"Days after which evidence of an ended run is erased; the journal keeps its digest. 0: kept for ever."`
	ChannelDays   int           `env:"SWITCHMAN_CHANNEL_DAYS" default:"90" min:"0" max:"36500" doc:"Days after which the channel lets go of what was said: cards of a run that ended and has been quiet that long, and what people typed; at most the newest 50000 stay. The journal keeps every decision. 0: kept for ever."`
	BackupPath    string        `env:"SWITCHMAN_BACKUP_PATH" doc:"Directory that receives a verified copy of the store. Empty: no scheduled copy."`
	BackupEvery   time.Duration `env:"SWITCHMAN_BACKUP_EVERY" default:"24h" min:"1m" max:"8760h" doc:"Time between two scheduled copies."`
	ShipPath      string        `env:"SWITCHMAN_SHIP_PATH" doc:"Directory at another site, mounted here, that receives a verified copy of the store and its checkpoint before a run that leaves a site where Switchman itself runs, when it starts and when it has arrived. Empty: such a run is blocked, unless the store is PostgreSQL."`

	DemoDir string `env:"SWITCHMAN_DEMO_DIR" group:"Demo" doc:"Where demo-node finds the control sockets of the sample sites. The demo sets it for its own child processes."`

	environ []string          // what Load was given
	origins map[string]string // setting → where its value came from
	exposed []string          // settings whose secret stands in plain text in the file
	files   map[string]string // secret setting → the file it was read from
}

// RunbookSource is a folder of runbooks.
type RunbookSource struct {
	Name     string   // first part of its documents' paths
	Dir      string   //
	Audience []string // who may see documents that don't say
	Only     []string // patterns of files to read
	Foreign  bool     // its front matter belongs to another tool: only titles are taken from it
}

// Hook is a source of signals besides the plain ones.
type Hook struct {
	Kind   string // alertmanager | grafana | generic | change
	Name   string // /hooks/KIND/NAME
	Secret Secret
	Pull   Pull // of an Alertmanager
}

// Pull is an Alertmanager that is asked what fires.
type Pull struct {
	URL      string // empty: it is not asked
	User     string
	Password Secret // or a token, where there is no user
}

// AllHooks are the sources that may send signals, the plain ones first.
func (c *Config) AllHooks() []Hook {
	plain := []Hook{{Kind: "alertmanager", Secret: c.HookAlertmanager, Pull: Pull{c.AlertmanagerURL, c.AlertmanagerUser, c.AlertmanagerPassword}},
		{Kind: "grafana", Secret: c.HookGrafana}, {Kind: "generic", Secret: c.HookGeneric}, {Kind: "change", Secret: c.HookChange}}
	plain = slices.DeleteFunc(plain, func(h Hook) bool { return h.Secret.Empty() && h.Pull.URL == "" })
	return append(plain, c.Hooks...)
}

// Target is one way to reach a class of recipients; exactly one of its fields is given.
type Target struct {
	Command []string // argv of a program; the text arrives on its standard input
	Webhook Secret   // http(s) address that is sent a JSON object by POST
	Mail    []string // addresses that are written to
	File    string   // file a JSON line is appended to
	Stdout  bool     // the server's own output
}

// LogLevel is a level by its name.
type LogLevel string

// Level is the level slog knows; the zero value is info.
func (l LogLevel) Level() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// Origin says in words where a setting's value came from, such as "default" or
// "switchman.yaml:3:1". The name is the one used in the file.
func (c *Config) Origin(name string) string {
	if origin, ok := c.origins[name]; ok {
		return origin
	}
	return "default"
}

// SecretFiles are the files that secrets were read from, for whoever checks their modes.
func (c *Config) SecretFiles() []string { return slices.Sorted(maps.Values(c.files)) }

// Listens reports whether the server opens a TCP port besides its unix socket.
func (c *Config) Listens() bool { return c.Addr != "off" }

// Proxies are the networks of TrustedProxies; a single address is a network of one.
func (c *Config) Proxies() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.TrustedProxies {
		if p, err := prefixOf(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

func prefixOf(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// CommandEnv is what commands started by the exec action see, as NAME=VALUE.
func (c *Config) CommandEnv() []string {
	var env []string
	for _, pair := range c.environ {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(c.ExecEnv, name) && !strings.HasPrefix(name, prefix) {
			env = append(env, pair)
		}
	}
	if c.DemoDir != "" {
		env = append(env, prefix+"DEMO_DIR="+c.DemoDir)
	}
	return env
}
