package catalog

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// secretRef is how a secret is written: by name. Its value is looked up at the moment of use and
// never enters a file, a slice or the journal.
var secretRef = regexp.MustCompile(`^secret:[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)

const secretHint = "write secret:NAME and keep the value in Switchman's configuration"

// secretWords end the names of things that are secret.
var secretWords = map[string]bool{"password": true, "passwd": true, "passphrase": true, "pwd": true, "token": true, "secret": true,
	"key": true, "apikey": true, "credential": true, "credentials": true, "authorization": true}

// secretShapes are values that are secret whatever they are called.
var secretShapes = []struct {
	name    string
	needle  string // without it, the pattern need not be tried
	pattern *regexp.Regexp
}{
	{"a private key", "-----BEGIN", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"an AWS access key", "IA", regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a Slack token", "x", regexp.MustCompile(`\bx(?:ox[abeprs]|app)-[0-9A-Za-z-]{10,}`)},
	{"a GitHub token", "_", regexp.MustCompile(`\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{22,})`)},
	{"a GitLab token", "glpat-", regexp.MustCompile(`\bglpat-[0-9A-Za-z_-]{20,}`)},
	{"an API key", "", regexp.MustCompile(`\b(?:sk-[0-9A-Za-z_-]{20,}|AIza[0-9A-Za-z_-]{35})`)},
	{"a signed token (JWT)", "eyJ", regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}`)},
	{"a password in a URL", "://", regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^/\s:@{}]+:[^/\s@{}]+@`)},
	{"a bearer token", " ", regexp.MustCompile(`(?i)\b(?:bearer|basic) [0-9a-z._~+/-]{16,}`)},
	{"a password", "=", regexp.MustCompile(`(?i)(?:^|[\s&?;-])(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key)=[^\s{}]+`)},
}

// secrets reports a value whose name says that it is secret, and whether it did.
func (r *reporter) secrets(file string, key, value *yaml.Node) bool {
	key, value = deref(key), deref(value)
	if value.Kind != yaml.ScalarNode || value.ShortTag() == "!!null" || value.ShortTag() == "!!bool" {
		return false
	}
	name := strings.ToLower(key.Value)
	if i := strings.LastIndexAny(name, "_-."); i >= 0 {
		name = name[i+1:]
	}
	if !secretWords[name] || secretRef.MatchString(value.Value) || wholeHole.MatchString(value.Value) {
		return false
	}
	r.err(pos{file, value.Line, value.Column}, secretHint, "%s holds a secret in plain text", key.Value)
	return true
}

// secretShape reports a value that looks like a secret. The value itself is not repeated.
func (r *reporter) secretShape(at pos, value string) {
	if len(value) < 8 || secretRef.MatchString(value) {
		return
	}
	for _, s := range secretShapes {
		if strings.Contains(value, s.needle) && s.pattern.MatchString(value) {
			r.err(at, secretHint, "this looks like %s in plain text", s.name)
			return
		}
	}
}
