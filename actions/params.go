package actions

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchman-dr/switchman/dr"
)

const (
	maxText  = 1 << 20 // bytes in one value
	maxItems = 1000    // elements of a list, entries of a map
)

// form is a spec made ready to check calls against.
type form struct {
	spec     dr.ActionSpec
	params   map[string]dr.ParamSpec
	patterns map[string]*regexp.Regexp
	secrets  []string // parameters in which secret:NAME stands for a secret
}

// newForm takes the names of parameters that may hold secrets; anywhere else a reference is refused, so
// that none is ever resolved into an argument list or a notice.
func newForm(spec dr.ActionSpec, secrets ...string) form {
	f := form{spec: spec, secrets: secrets, params: map[string]dr.ParamSpec{}, patterns: map[string]*regexp.Regexp{}}
	for _, p := range spec.Params {
		f.params[p.Name] = p
		if p.Pattern != "" {
			f.patterns[p.Name] = regexp.MustCompile(`\A(?:` + p.Pattern + `)\z`)
		}
	}
	return f
}

// Spec makes a form half an Action.
func (f form) Spec() dr.ActionSpec {
	s := f.spec
	s.Params = slices.Clone(s.Params)
	return s
}

// params are the checked parameters of one call: string, int64, bool, time.Duration, []string,
// map[string]string or dr.Call by the type of their spec.
type params map[string]any

func (p params) has(name string) bool                { _, ok := p[name]; return ok }
func (p params) text(name string) string             { s, _ := p[name].(string); return s }
func (p params) num(name string) int64               { n, _ := p[name].(int64); return n }
func (p params) yes(name string) bool                { b, _ := p[name].(bool); return b }
func (p params) span(name string) time.Duration      { d, _ := p[name].(time.Duration); return d }
func (p params) list(name string) []string           { l, _ := p[name].([]string); return l }
func (p params) pairs(name string) map[string]string { m, _ := p[name].(map[string]string); return m }
func (p params) call(name string) (dr.Call, bool)    { c, ok := p[name].(dr.Call); return c, ok }
func (p params) textOr(name, otherwise string) string {
	if s := p.text(name); s != "" {
		return s
	}
	return otherwise
}

// decode checks a call against the form and fills {run}. It accepts what the catalog compiles and what
// becomes of it on the way through JSON. Errors never quote values: they may be secrets.
func (f form) decode(job Job) (params, error) {
	out := params{}
	for _, name := range slices.Sorted(maps.Keys(job.Call.Params)) {
		spec, ok := f.params[name]
		if !ok {
			return nil, fmt.Errorf("%s takes no parameter %s", f.spec.Name, quote(name))
		}
		v, err := value(spec.Type, job.Call.Params[name], job.Run)
		if err == nil {
			err = f.check(spec, v)
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %s of %s: %w", name, f.spec.Name, err)
		}
		out[name] = v
	}
	for _, spec := range f.spec.Params {
		if spec.Required && !out.has(spec.Name) {
			return nil, fmt.Errorf("%s needs the parameter %s", f.spec.Name, spec.Name)
		}
	}
	return out, nil
}

func (f form) check(spec dr.ParamSpec, v any) error {
	if holdsSecret(v) && !slices.Contains(f.secrets, spec.Name) {
		return errors.New("takes no secret")
	}
	s, isText := v.(string)
	switch {
	case !isText:
		return nil
	case spec.Required && s == "":
		return errors.New("must not be empty")
	case isSecret(s):
		return nil // its value is checked where it is used
	case spec.Secret:
		return errors.New("must be a reference such as secret:NAME, never the secret itself")
	case len(spec.Enum) > 0 && !slices.Contains(spec.Enum, s):
		return fmt.Errorf("must be one of %s", strings.Join(spec.Enum, ", "))
	}
	if re := f.patterns[spec.Name]; re != nil && !re.MatchString(s) {
		return fmt.Errorf("must match %s", spec.Pattern)
	}
	return nil
}

func holdsSecret(v any) bool {
	switch x := v.(type) {
	case string:
		return isSecret(x)
	case []string:
		return slices.ContainsFunc(x, isSecret)
	case map[string]string:
		for _, s := range x {
			if isSecret(s) {
				return true
			}
		}
	}
	return false
}

// value brings one value into the type of its spec.
func value(kind string, v any, run string) (any, error) {
	switch kind {
	case "string":
		return text(v, run)
	case "int":
		return integer(v)
	case "bool":
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case "duration":
		return duration(v)
	case "list":
		return list(v, run)
	case "map":
		return pairs(v, run)
	case "call":
		return call(v)
	}
	return nil, fmt.Errorf("must be of type %s", kind)
}

var unfilled = regexp.MustCompile(`\A\{[a-z_]+\}\z`)

func text(v any, run string) (string, error) {
	s, ok := v.(string)
	switch {
	case !ok:
		return "", errors.New("must be of type string")
	case len(s) > maxText:
		return "", fmt.Errorf("longer than %d bytes", maxText)
	case strings.ContainsRune(s, 0):
		return "", errors.New("holds a NUL byte")
	case s == "{run}":
		return run, nil
	case unfilled.MatchString(s):
		return "", fmt.Errorf("the placeholder %s was not filled", s)
	}
	return s, nil
}

func integer(v any) (int64, error) {
	switch n := v.(type) {
	case int64:
		return n, nil
	case int:
		return int64(n), nil
	case float64:
		if n == math.Trunc(n) && math.Abs(n) <= 1<<53 {
			return int64(n), nil
		}
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i, nil
		}
	}
	return 0, errors.New("must be a whole number")
}

// duration takes Go's form ("1m30s"), or whole milliseconds.
func duration(v any) (time.Duration, error) {
	var d time.Duration
	switch n := v.(type) {
	case string:
		parsed, err := time.ParseDuration(n)
		if err != nil {
			return 0, errors.New("must be a duration such as 30s")
		}
		d = parsed
	case dr.Millis:
		d = n.Duration()
	case time.Duration:
		d = n
	default:
		ms, err := integer(v)
		if err != nil || ms > math.MaxInt64/int64(time.Millisecond) {
			return 0, errors.New("must be a duration such as 30s")
		}
		d = time.Duration(ms) * time.Millisecond
	}
	if d < 0 || d > 366*24*time.Hour {
		return 0, errors.New("must be between 0 and a year")
	}
	return d, nil
}

// list takes a single value for a list of one.
func list(v any, run string) ([]string, error) {
	var items []any
	switch l := v.(type) {
	case []string:
		for _, s := range l {
			items = append(items, s)
		}
	case []any:
		items = l
	default:
		items = []any{v}
	}
	if len(items) > maxItems {
		return nil, fmt.Errorf("more than %d elements", maxItems)
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		s, err := scalar(item, run)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func pairs(v any, run string) (map[string]string, error) {
	entries := map[string]any{}
	switch m := v.(type) {
	case map[string]string:
		for k, s := range m {
			entries[k] = s
		}
	case map[string]any:
		entries = m
	default:
		return nil, errors.New("must be of type map")
	}
	if len(entries) > maxItems {
		return nil, fmt.Errorf("more than %d entries", maxItems)
	}
	out := make(map[string]string, len(entries))
	for k, item := range entries {
		s, err := scalar(item, run)
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", quote(k), err)
		}
		out[k] = s
	}
	return out, nil
}

// scalar writes numbers and switches as text: an argument is text whatever YAML takes it for.
func scalar(v any, run string) (string, error) {
	switch x := v.(type) {
	case string:
		return text(x, run)
	case bool:
		return strconv.FormatBool(x), nil
	}
	n, err := integer(v)
	if err != nil {
		return "", errors.New("must be text, a whole number, true or false")
	}
	return strconv.FormatInt(n, 10), nil
}

// call takes a dr.Call, or {action, params} (or with, as plans write it).
func call(v any) (dr.Call, error) {
	switch c := v.(type) {
	case dr.Call:
		return c, nil
	case *dr.Call:
		if c != nil {
			return *c, nil
		}
	case map[string]any:
		var out dr.Call
		for k, item := range c {
			switch k {
			case "action":
				out.Action, _ = item.(string)
			case "params", "with":
				m, ok := item.(map[string]any)
				if !ok || out.Params != nil {
					return dr.Call{}, errors.New("params must be one map")
				}
				out.Params = m
			default:
				return dr.Call{}, fmt.Errorf("a call has no field %s", quote(k))
			}
		}
		if out.Action != "" {
			return out, nil
		}
	}
	return dr.Call{}, errors.New("must be a call: {action: NAME, with: {…}}")
}

// quote names something foreign in a text: bounded, safe, in quotation marks.
func quote(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strconv.Quote(s)
}
