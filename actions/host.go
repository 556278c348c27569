package actions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/redact"
)

// maxLineText is how much of an answer is said in one line.
const maxLineText = 300

// host is what all actions share: options with their defaults.
type host struct {
	Options
	env  map[string]string
	path []string
	base *redact.Masker // of the known values
}

func newHost(o Options) *host {
	if o.MaxOutput <= 0 {
		o.MaxOutput = DefaultMaxOutput
	}
	if o.Grace <= 0 {
		o.Grace = dr.MillisOf(2 * time.Second)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &host{Options: o, base: redact.New(o.Known...), env: map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME": "/",
		"LANG": "C.UTF-8",
	}}
	for _, e := range o.Env {
		if name, v, ok := strings.Cut(e, "="); ok {
			h.env[name] = v
		}
	}
	h.path = filepath.SplitList(h.env["PATH"])
	return h
}

// AllowedEnv cuts an environment to what commands may inherit: PATH, HOME, LANG, TZ and the names
// given.
func AllowedEnv(environ []string, names ...string) []string {
	var out []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case name == "PATH", name == "HOME", name == "LANG", name == "TZ", slices.Contains(names, name):
			out = append(out, e)
		}
	}
	return out
}

var secretRef = regexp.MustCompile(`\Asecret:[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}\z`)

func isSecret(s string) bool { return secretRef.MatchString(s) }

// scene is one job with its parameters, its secrets and its masker.
type scene struct {
	*host
	job    Job
	params params
	values []string // secrets of this job
	mask   *redact.Masker
	count  redact.Report
}

// scene decodes a call and resolves the secrets in its parameters, so that everything said from
// here on can be masked.
func (h *host) scene(f form, job Job) (*scene, error) {
	s := &scene{host: h, job: job, mask: h.base}
	p, err := f.decode(job)
	if err != nil {
		return s, err
	}
	s.params = p
	var values []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		resolved, found, err := h.resolve(p[name])
		if err != nil {
			return s, fmt.Errorf("parameter %s of %s: %w", name, f.spec.Name, err)
		}
		p[name] = resolved
		values = append(values, found...)
	}
	s.learn(values)
	return s, nil
}

// learn adds secrets to what is masked from here on.
func (s *scene) learn(values []string) {
	if len(values) > 0 {
		s.values = append(s.values, values...)
		s.mask = redact.New(slices.Concat(s.Known, s.values)...)
	}
}

// resolve replaces references by values. decode has refused them where none may be.
func (h *host) resolve(v any) (any, []string, error) {
	switch x := v.(type) {
	case string:
		if !isSecret(x) {
			return x, nil, nil
		}
		secret, err := h.secret(x)
		return secret, []string{secret}, err
	case map[string]string:
		out, found := make(map[string]string, len(x)), []string(nil)
		for _, k := range slices.Sorted(maps.Keys(x)) {
			out[k] = x[k]
			if !isSecret(x[k]) {
				continue
			}
			secret, err := h.secret(x[k])
			if err != nil {
				return nil, nil, err
			}
			out[k] = secret
			found = append(found, secret)
		}
		return out, found, nil
	}
	return v, nil, nil
}

func (h *host) secret(ref string) (string, error) {
	name := strings.TrimPrefix(ref, "secret:")
	if h.Secrets == nil {
		return "", fmt.Errorf("secret %s: no secrets are configured", name)
	}
	v, err := h.Secrets(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("secret %s: %w", name, err)
	case len(v) < redact.MinSecret:
		return "", fmt.Errorf("secret %s is shorter than %d bytes and could not be masked", name, redact.MinSecret)
	}
	return v, nil
}

// say makes one safe, masked line of text from anywhere.
func (s *scene) say(text string) string {
	masked, report := s.mask.String(text)
	s.add(report)
	return redact.Line(masked, maxLineText)
}

func (s *scene) add(r redact.Report) {
	s.count.Count += r.Count
	for _, rule := range r.Rules {
		if !slices.Contains(s.count.Rules, rule) {
			s.count.Rules = append(s.count.Rules, rule)
		}
	}
	slices.Sort(s.count.Rules)
}

// result ends a Do.
func (s *scene) result(state dr.StepState, code int, format string, a ...any) Result {
	r := Result{State: state, Code: code, Text: s.say(fmt.Sprintf(format, a...))}
	r.Masked, r.MaskRules = s.count.Count, s.count.Rules
	return r
}

// refused ends a Do before anything was sent.
func (s *scene) refused(err error) Result {
	return s.result(dr.StepFail, -1, "nothing was sent: %v", err)
}

// sight ends a Look.
func (s *scene) sight(found dr.Found, facts map[string]int64, format string, a ...any) Sight {
	return Sight{Found: found, Text: s.say(fmt.Sprintf(format, a...)), Facts: facts}
}

func (s *scene) wants(evidence string) bool { return slices.Contains(s.job.Evidence, evidence) }

// why says what cut an act short, in words.
func why(ctx context.Context, limit dr.Millis) string {
	switch {
	case !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "cancelled"
	case limit > 0:
		return "no end within " + limit.String()
	}
	return "no end in time"
}
