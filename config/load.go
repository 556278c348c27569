package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
	"go.yaml.in/yaml/v3"
)

// Input is where settings may come from.
type Input struct {
	Environ []string          // as os.Environ gives it
	File    string            // settings file named by a flag; empty: the one named by SWITCHMAN_CONFIG, if any
	Flags   map[string]string // settings named by flags, by their name in the file
}

// Load fills a Config and checks it. The error is a [dr.Invalid] one whose message has a line for
// each mistake, with its place.
func Load(in Input) (*Config, error) {
	l := &loader{
		known: settings(),
		cfg: &Config{
			environ: slices.Clone(in.Environ),
			origins: map[string]string{},
			files:   map[string]string{},
		},
	}
	l.defaults()
	env := ours(in.Environ)
	file := in.File
	if file == "" {
		file = env[fileVariable]
	}
	if file != "" {
		l.file(file)
	}
	l.environment(env)
	l.flags(in.Flags)
	l.mistakes = append(l.mistakes, l.cfg.check()...)
	if len(l.mistakes) > 0 {
		return nil, dr.Errorf(dr.Invalid, "%s", strings.Join(l.mistakes, "\n")).
			WithHint("Every setting is described in docs/config.md.")
	}
	return l.cfg, nil
}

// loader collects mistakes while the sources are laid over each other, weakest first.
type loader struct {
	known    []setting
	cfg      *Config
	mistakes []string
}

func (l *loader) wrong(place, format string, a ...any) {
	l.mistakes = append(l.mistakes, place+": "+fmt.Sprintf(format, a...))
}

func (l *loader) defaults() {
	for _, s := range l.known {
		if s.Default != "" {
			l.set(s, value{text: s.Default, place: "default of " + s.Name}, "default")
		}
	}
}

// ours picks the variables with our prefix that are not empty; an empty one counts as not set,
// because service managers and compose files cannot leave one out.
func ours(environ []string) map[string]string {
	found := map[string]string{}
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix) && text != "" && !testVariable(name) {
			found[name] = text
		}
	}
	return found
}

func (l *loader) environment(env map[string]string) {
	names := []string{fileVariable}
	for _, s := range l.known {
		names = append(names, s.Env)
		text, direct := env[s.Env]
		path, byFile := "", false
		if s.Secret {
			names = append(names, s.fileEnv())
			path, byFile = env[s.fileEnv()]
		}
		switch {
		case direct && byFile:
			l.wrong(s.Env, "given twice, also as %s; keep one", s.fileEnv())
		case direct:
			l.set(s, value{text: text, place: s.Env}, s.Env)
		case byFile:
			l.secretFile(s, path, s.fileEnv())
		}
	}
	for _, name := range slices.Sorted(keys(env)) {
		if !slices.Contains(names, name) {
			l.unknown(name, "", name, names)
		}
	}
}

func (l *loader) flags(flags map[string]string) {
	for _, name := range slices.Sorted(keys(flags)) {
		at := slices.IndexFunc(l.known, func(s setting) bool { return s.Name == name })
		if at < 0 || l.known[at].Secret {
			l.wrong("flag", "%s cannot be given on the command line", name)
			continue
		}
		l.set(l.known[at], value{text: flags[name], place: "--" + strings.TrimSuffix(name, "_dir")}, "command line")
	}
}

// unknown tells of a name nobody knows, and of the one that was probably meant.
func (l *loader) unknown(place, what, name string, names []string) {
	text := strings.TrimSpace(what + " is not a setting")
	if meant := nearest(name, names); meant != "" {
		text += fmt.Sprintf("; did you mean %s?", meant)
	}
	l.wrong(place, "%s", text)
}

// secretFile reads a secret from a file of its own.
func (l *loader) secretFile(s setting, path, place string) {
	text, err := readSecret(path)
	if err != nil {
		l.wrong(place, "%v", err)
		return
	}
	l.cfg.files[s.Name] = path
	l.set(s, value{text: text, place: place}, place+" ("+path+")")
}

// set puts a value where it belongs and remembers where it came from.
func (l *loader) set(s setting, v value, origin string) {
	field := reflect.ValueOf(l.cfg).Elem().Field(s.index)
	if err := assign(field, s, v); err != nil {
		l.wrong(v.place, "%v", err)
		return
	}
	l.cfg.origins[s.Name] = origin
}

// file lays the settings file over the defaults.
func (l *loader) file(path string) {
	raw, err := readLimited(path, 1<<20)
	if err != nil {
		l.mistakes = append(l.mistakes, err.Error())
		return
	}
	l.document(path, raw)
}

// document reads the bytes of a settings file; path is only for messages.
func (l *loader) document(path string, raw []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		l.wrong(path, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if len(doc.Content) == 0 {
		return
	}
	top := doc.Content[0]
	if place := alias(path, top); place != "" {
		l.wrong(place, "anchors and aliases are not allowed; write the value out")
		return
	}
	if top.Kind != yaml.MappingNode {
		l.wrong(at(path, top), "want settings, one name: value per line")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, node := top.Content[i], top.Content[i+1]
		if seen[key.Value] {
			l.wrong(at(path, key), "%s is given twice", key.Value)
			continue
		}
		seen[key.Value] = true
		l.fileEntry(path, key, node)
	}
	for _, s := range l.known {
		if s.Secret && seen[s.Name] && seen[s.fileKey()] {
			l.wrong(path, "%s is given twice, also as %s; keep one", s.Name, s.fileKey())
		}
	}
}

func (l *loader) fileEntry(path string, key, node *yaml.Node) {
	place := at(path, key)
	var names []string
	for _, s := range l.known {
		names = append(names, s.Name)
		if key.Value == s.Name {
			if s.Secret {
				l.cfg.exposed = append(l.cfg.exposed, s.Name)
			}
			l.set(s, value{node: node, path: path, place: at(path, node)}, place)
			return
		}
		if !s.Secret {
			continue
		}
		names = append(names, s.fileKey())
		if key.Value == s.fileKey() {
			l.secretFile(s, node.Value, place)
			return
		}
	}
	l.unknown(place, key.Value, key.Value, names)
}

// readSecret reads a secret file; the line end that editors add is not part of the secret.
func readSecret(path string) (string, error) {
	raw, err := readLimited(path, maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a file of at most %d KiB", path, limit>>10)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	return raw, nil
}
