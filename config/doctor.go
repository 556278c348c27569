package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// Level is how much a finding matters.
type Level string

// The levels, worst first.
const (
	Problem Level = "problem" // something needed does not work
	Warning Level = "warning" // it works, but something you would want is missing
	Note    Level = "note"    // a choice and what it means
	Fine    Level = "fine"
)

// Finding is one thing doctor has to say. Next is empty where nothing need be done.
type Finding struct {
	Area  string `json:"area"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Next  string `json:"next,omitempty"`
}

// Doctor says what is configured, what is missing and what each choice means, in a fixed order.
func Doctor(c *Config, f Facts) []Finding {
	d := &doctor{cfg: c, facts: f}
	d.organisation()
	d.state()
	d.store()
	d.replicas()
	d.server()
	d.secrets()
	d.steps()
	d.notices()
	d.model()
	d.runbooks()
	d.alerts()
	d.keeping()
	return d.found
}

// Worst is the level of the worst finding, Fine when there is none.
func Worst(findings []Finding) Level {
	order := []Level{Problem, Warning, Note}
	for _, level := range order {
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == level }) {
			return level
		}
	}
	return Fine
}

type doctor struct {
	cfg   *Config
	facts Facts
	found []Finding
}

func (d *doctor) say(area string, level Level, next, format string, a ...any) {
	d.found = append(d.found, Finding{Area: area, Level: level, Text: fmt.Sprintf(format, a...), Next: next})
}

func (d *doctor) organisation() {
	const area = "organisation"
	if d.cfg.Org == "" {
		d.say(area, Note, "Copy the sample with its own files and set "+prefix+"ORG to the copy.",
			"No organisation is set, so the embedded sample bank is used. Nothing of yours can be moved.")
	} else {
		d.say(area, Fine, "", "The organisation is read from %s (%s).", d.cfg.Org, d.cfg.Origin("org"))
	}
	o := d.facts.Organisation
	if o == nil {
		return
	}
	check := "Run: switchman check " + d.cfg.Org
	switch {
	case o.Mistakes > 0:
		d.say(area, Problem, check, "The files of %s have %s; nothing can be requested.", o.ID, count(o.Mistakes, "mistake"))
	case o.Runnable != nil:
		d.say(area, Problem, check, "Nothing can run in %s: %v.", o.ID, o.Runnable)
	case o.Warnings > 0:
		d.say(area, Warning, check, "The files of %s are usable, with %s.", o.ID, count(o.Warnings, "warning"))
	default:
		d.say(area, Fine, "", "The files of %s are sound.", o.ID)
	}
	if o.Environment != dr.Production && d.cfg.Org != "" {
		d.say(area, Note, "", "The environment is %q, so everything shown about it is watermarked.", o.Environment)
	}
	if o.OnlyHome != "" {
		d.say(area, Warning, "Run Switchman at the other site too and list both under switchman.sites.",
			"Switchman lives at site %s only, and a plan moves away from there: if that site is lost, so is Switchman.", o.OnlyHome)
	}
}

func (d *doctor) state() {
	const area = "state"
	dir := d.cfg.StateDir
	d.say(area, Fine, "", "State is kept in %s (%s).", dir, d.cfg.Origin("state_dir"))
	s := d.facts.State
	switch {
	case s == nil:
	case !s.Exists:
		d.say(area, Note, "", "%s does not exist yet; the first start makes it.", dir)
	default:
		if !s.Writable {
			d.say(area, Problem, "Give the directory to the account that runs Switchman.", "%s cannot be written.", dir)
		}
		if s.Mode.Perm()&0o077 != 0 {
			d.say(area, Warning, "chmod 700 "+dir, "Other accounts of this machine can look into %s (mode %04o).", dir, s.Mode.Perm())
		}
		if s.Network != "" && d.cfg.DatabaseURL.Empty() {
			d.say(area, Problem, "Move it to a local disk, or set "+prefix+"DATABASE_URL to use PostgreSQL.",
				"%s is on a network file system (%s), where SQLite's locks cannot be trusted.", dir, s.Network)
		}
		if s.FreeBytes < 1<<30 {
			d.say(area, Warning, "Free some space; with none left no step is sent.",
				"%s has %d MiB left.", dir, s.FreeBytes>>20)
		}
	}
}

func (d *doctor) store() {
	const area = "store"
	if d.cfg.DatabaseURL.Empty() {
		d.say(area, Note, "", "The store is SQLite: one server at a time, nothing else to run. A second server needs PostgreSQL.")
	} else {
		d.say(area, Note, "", "The store is PostgreSQL; several servers may share it, and one of them runs each run.")
	}
	s := d.facts.Store
	if s == nil {
		return
	}
	if s.Err != nil {
		d.say(area, Problem, "", "The store cannot be opened: %v", s.Err)
		return
	}
	d.say(area, Fine, "", "The journal has %s; %s going on.", count(int(s.Rows), "row"), count(s.ActiveRuns, "run"))
	if s.Enrolled < s.Approvers {
		d.say(area, Warning, "Run: switchman person enrol PERSON",
			"%d of %s can sign in here; the others cannot vote from console or command line.", s.Enrolled, count(s.Approvers, "approver"))
	}
}

// replicas lists the servers of a shared store, and says what a failover of the database would cost.
func (d *doctor) replicas() {
	const area = "replicas"
	s := d.facts.Store
	if s == nil || s.Err != nil || d.cfg.DatabaseURL.Empty() {
		return
	}
	if s.Lacks != "" {
		d.say(area, Warning, "Set up a standby and synchronous_standby_names; docs/replicas.md has both.", "%s.", upper(s.Lacks))
	} else {
		d.say(area, Fine, "", "Commits wait for a standby of the database.")
	}
	if len(s.Replicas) == 0 {
		d.say(area, Note, "Run: switchman serve", "No server of this database was seen within the last minute.")
	}
	for _, r := range s.Replicas {
		does := "nothing alone"
		if len(r.Leases) > 0 {
			does = strings.Join(r.Leases, ", ")
		}
		level, next := Fine, ""
		if r.Version != d.facts.Version {
			level, next = Warning, "Use the same build on every server."
		}
		d.say(area, level, next, "%s (%s, version %s) does: %s.", r.ID, siteText(r.Site), r.Version, does)
	}
	switch site := d.cfg.Site; {
	case s.ActiveSite == "":
	case site == "":
		d.say(area, Problem, "Set "+prefix+"SITE to the site of this server.", "Work is taken at %s, and this server does not know where it is.", s.ActiveSite)
	case site == s.ActiveSite:
		d.say(area, Fine, "", "Work is taken here, at %s.", site)
	default:
		d.say(area, Note, "If "+s.ActiveSite+" is lost: switchman site take "+site+" --reason …", "Work is taken at %s; a server here, at %s, shows and carries nothing out.", s.ActiveSite, site)
	}
}

func siteText(site string) string {
	if site == "" {
		return "no site told"
	}
	return "at " + site
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func (d *doctor) server() {
	const area = "server"
	host, _, _ := strings.Cut(d.cfg.Addr, ":")
	switch {
	case !d.cfg.Listens():
		d.say(area, Note, "", "The server is reached through the unix socket in the state directory only.")
	case host == "127.0.0.1" || host == "localhost" || strings.HasPrefix(d.cfg.Addr, "[::1]"):
		d.say(area, Fine, "", "The server is set to listen on %s, for this machine only.", d.cfg.Addr)
	case len(d.cfg.TrustedProxies) == 0:
		d.say(area, Warning, "Put a proxy with TLS in front, let only it reach the port, and name it in "+prefix+"TRUSTED_PROXIES.",
			"The server is set to listen on %s, beyond this machine, but answers other machines over HTTPS only, and no proxy is trusted to say so.", d.cfg.Addr)
	default:
		d.say(area, Note, "Let only the proxy reach the port.",
			"The server is set to listen on %s, beyond this machine, and does not speak TLS itself.", d.cfg.Addr)
	}
	s := d.facts.Server
	switch {
	case s == nil:
	case s.Err != nil:
		d.say(area, Warning, "Run: switchman serve", "The server does not answer: %v", s.Err)
	case !s.Ready:
		d.say(area, Warning, "Look at the server's log.", "The server is alive but does not take work yet.")
	case s.Version != d.facts.Version:
		d.say(area, Warning, "Use the same build for both.", "The server is version %s, this command is %s.", s.Version, d.facts.Version)
	default:
		d.say(area, Fine, "", "The server answers and takes work.")
	}
}

func (d *doctor) secrets() {
	const area = "secrets"
	c, s := d.cfg, d.facts.State
	if c.Pepper.Empty() {
		d.say(area, Note, "Set "+prefix+"PEPPER_FILE to a file outside the state directory.",
			"The pepper of security codes %s: whoever copies the directory has the codes' hashes and the pepper too.", kept(s != nil && s.PepperKey))
	}
	if c.LogKey.Empty() {
		d.say(area, Note, "Set "+prefix+"LOG_KEY_FILE to a file outside the state directory.",
			"The key that signs the journal %s: whoever may write there can rewrite the journal and sign it anew; only outside anchors would tell.", kept(s != nil && s.LogKey))
	}
	for _, name := range c.exposed {
		d.say(area, Warning, fmt.Sprintf("Put it into a file of its own and write %s_file: PATH.", name),
			"%s stands in plain text in the settings file.", name)
	}
	for _, path := range slices.Compact(c.SecretFiles()) {
		if mode := d.facts.FileModes[path]; mode.Perm()&0o077 != 0 {
			d.say(area, Warning, "chmod 600 "+path, "The secret in %s can be read by other accounts (mode %04o).", path, mode.Perm())
		}
	}
	if o := d.facts.Organisation; o != nil && len(o.Secrets) > 0 {
		d.planSecrets(o.Secrets)
	}
}

// planSecrets tries every reference of the plans now, so that a missing file is not found in a crisis.
func (d *doctor) planSecrets(names []string) {
	for _, name := range names {
		if _, err := d.cfg.Secret(name); err != nil {
			d.say("secrets", Problem, "Put the file "+name+" into the directory of "+prefix+"SECRETS_DIR.", "A plan needs secret %s: %v.", name, err)
		}
	}
}

func (d *doctor) steps() {
	const area = "steps"
	if len(d.cfg.AllowHTTP) == 0 {
		d.say(area, Fine, "", "The http action may reach the nodes of the plan and nothing else.")
	} else {
		d.say(area, Note, "", "The http action may reach the nodes of the plan and %s.", strings.Join(d.cfg.AllowHTTP, ", "))
	}
	d.say(area, Fine, "", "At most %s in flight at once.", count(d.cfg.MaxParallel, "step"))
	for _, program := range d.facts.Missing {
		d.say(area, Problem, "Install it, or correct the plan.", "A plan calls %s, which is not on this machine's PATH.", program)
	}
}

func (d *doctor) notices() {
	const area = "notices"
	if len(d.cfg.Notify) == 0 {
		d.say(area, Warning, "Describe them in "+prefix+"NOTIFY.",
			"No recipients are set: plans cannot tell anybody outside, and nobody is called when a run waits.")
	}
	if o := d.facts.Organisation; o != nil {
		for _, class := range o.Recipients {
			if len(d.cfg.Notify[class]) == 0 {
				d.say(area, Warning, "Add the class to "+prefix+"NOTIFY.", "A plan tells %s, but nobody is set for it.", class)
			}
		}
	}
	switch {
	case len(d.cfg.Anchors) == 0:
		d.say(area, Warning, "Add syslog or notify:CLASS to "+prefix+"ANCHORS.",
			"The journal's root is written nowhere outside: who may write the state directory can rewrite the journal unnoticed.")
	case slices.Equal(d.cfg.Anchors, []string{"stdout"}):
		d.say(area, Note, "Add syslog or notify:CLASS to "+prefix+"ANCHORS.",
			"The journal's root goes to standard output only. Make sure that output is kept on another machine, or a rewritten journal goes unnoticed.")
	default:
		d.say(area, Fine, "", "The journal's root is anchored to %s.", strings.Join(d.cfg.Anchors, ", "))
	}
}

func (d *doctor) keeping() {
	const area = "keeping"
	if d.cfg.RetentionDays == 0 {
		d.say(area, Note, "", "Evidence is kept for ever.")
	} else {
		d.say(area, Note, "", "Evidence of an ended run is erased after %s; the journal keeps its digest.", count(d.cfg.RetentionDays, "day"))
	}
	if d.cfg.BackupPath == "" {
		d.say(area, Warning, "Set "+prefix+"BACKUP_PATH to a directory on another machine or disk.", "No scheduled copy of the store is made.")
		return
	}
	d.say(area, Fine, "", "The store is copied to %s every %s.", d.cfg.BackupPath, dr.MillisOf(d.cfg.BackupEvery))
	if s := d.facts.Store; s != nil && s.Err == nil && !d.facts.Now.IsZero() {
		switch late := dr.MillisOf(2 * d.cfg.BackupEvery); {
		case s.LastBackup.IsZero():
			d.say(area, Note, "Run: switchman backup FILE", "No copy has been made yet.")
		case d.facts.Now.Since(s.LastBackup) > late:
			d.say(area, Warning, "Look at the server's log, or run: switchman backup FILE", "The last copy is from %s.", s.LastBackup)
		}
	}
}

// kept says where a key that is not configured lives.
func kept(there bool) string {
	if there {
		return "is kept in the state directory"
	}
	return "will be made at the first start and kept in the state directory"
}

// count says "1 row" and "2 rows".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
