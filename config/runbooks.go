package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// sourceName is what a source may be called: it begins the paths of its documents.
var sourceName = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,30}\z`)

// sources reads runbooks: [{name: …, dir: …, audience: […], only: […], foreign: true}].
func (v value) sources() ([]RunbookSource, error) {
	node, err := v.tree("[{name: dba, dir: /srv/runbooks, audience: [team:database]}]")
	if err != nil {
		return nil, err
	}
	if node.Kind != yaml.SequenceNode {
		return nil, errors.New("want a list of folders, each with name and dir")
	}
	seen := map[string]bool{"runbooks": true}
	var all []RunbookSource
	for n, item := range node.Content {
		s, err := readSource(item)
		switch {
		case err != nil:
			return nil, fmt.Errorf("folder %d: %w", n+1, err)
		case s.Dir == "":
			return nil, fmt.Errorf("folder %d: dir is missing", n+1)
		case !sourceName.MatchString(s.Name):
			return nil, fmt.Errorf("folder %d: name is %q, want lower-case letters, digits and dashes", n+1, s.Name)
		case seen[s.Name]:
			return nil, fmt.Errorf("folder %d: the name %s is taken", n+1, s.Name)
		}
		seen[s.Name] = true
		all = append(all, s)
	}
	return all, nil
}

func readSource(node *yaml.Node) (s RunbookSource, err error) {
	if node.Kind != yaml.MappingNode {
		return s, errors.New("want name and dir")
	}
	names := []string{"name", "dir", "audience", "only", "foreign"}
	for i := 0; i+1 < len(node.Content) && err == nil; i += 2 {
		v := value{node: node.Content[i+1]}
		switch key := node.Content[i].Value; key {
		case "name":
			s.Name, err = v.scalar()
		case "dir":
			s.Dir, err = v.scalar()
		case "audience":
			s.Audience, err = v.list()
		case "only":
			s.Only, err = v.list()
		case "foreign":
			var text string
			text, err = v.scalar()
			s.Foreign = text == "true"
		default:
			err = fmt.Errorf("%s is not known", key)
			if meant := nearest(key, names); meant != "" {
				err = fmt.Errorf("%w; did you mean %s?", err, meant)
			}
		}
	}
	for _, pattern := range s.Only {
		if _, bad := path.Match(pattern, ""); bad != nil && err == nil {
			err = fmt.Errorf("only: %q is no pattern", pattern)
		}
	}
	return s, err
}
