package deploy_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// stage is one FROM of a Dockerfile with what follows it.
type stage struct {
	from string
	name string
	args map[string]string // ARG with defaults
	env  map[string]string
	run  []string
	copy []copyLine
	user string
	home string // WORKDIR

	volume, healthcheck, entrypoint, cmd []string
}

type copyLine struct {
	from   string // stage, "" for the build context
	source []string
	target string
}

// parse reads the subset of Dockerfile syntax that ours uses and refuses the rest.
func parse(text string) ([]*stage, error) {
	var stages []*stage
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		if word == "FROM" {
			image, name, _ := strings.Cut(rest, " AS ")
			stages = append(stages, &stage{from: image, name: name, args: map[string]string{}, env: map[string]string{}})
			continue
		}
		if len(stages) == 0 {
			return nil, fmt.Errorf("%q stands before the first FROM", line)
		}
		if err := stages[len(stages)-1].add(word, rest); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	return stages, nil
}

func (s *stage) add(word, rest string) error {
	switch word {
	case "WORKDIR":
		s.home = rest
	case "RUN":
		s.run = append(s.run, rest)
	case "ARG":
		name, value, _ := strings.Cut(rest, "=")
		s.args[name] = value
	case "ENV":
		for pair := range strings.FieldsSeq(rest) {
			name, value, _ := strings.Cut(pair, "=")
			s.env[name] = value
		}
	case "USER":
		s.user = rest
	case "VOLUME":
		s.volume = strings.Fields(rest)
	case "EXPOSE", "STOPSIGNAL":
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &s.entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &s.cmd)
	case "HEALTHCHECK":
		_, argv, ok := strings.Cut(rest, "CMD ")
		if !ok {
			return fmt.Errorf("want CMD [...]")
		}
		return json.Unmarshal([]byte(argv), &s.healthcheck)
	case "COPY":
		var c copyLine
		for field := range strings.FieldsSeq(rest) {
			if from, ok := strings.CutPrefix(field, "--from="); ok {
				c.from = from
			} else if !strings.HasPrefix(field, "--") {
				c.source = append(c.source, field)
			}
		}
		c.target = c.source[len(c.source)-1]
		c.source = c.source[:len(c.source)-1]
		s.copy = append(s.copy, c)
	default:
		return fmt.Errorf("this test does not know %s", word)
	}
	return nil
}

// copyContext copies what a build would be sent: the tree without what .dockerignore names.
func copyContext(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(from, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	ignored := func(name string) bool {
		for pattern := range strings.FieldsSeq(string(raw)) {
			anywhere, deep := strings.CutPrefix(pattern, "**/")
			if strings.ContainsAny(anywhere, "!/") {
				t.Fatalf(".dockerignore: this test does not understand %q", pattern)
			}
			subject := name
			if deep {
				subject = path.Base(name)
			}
			if hit, _ := path.Match(anywhere, subject); hit {
				return true
			}
		}
		return false
	}
	err = fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case ignored(name) && d.IsDir():
			return fs.SkipDir
		case ignored(name):
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}
