package config

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// value is what one source says about one setting: a text, or a node of the settings file.
type value struct {
	text  string
	node  *yaml.Node
	path  string // of the file the node is in
	place string // for messages
}

// scalar is the value as one text.
func (v value) scalar() (string, error) {
	if v.node == nil {
		return v.text, nil
	}
	if v.node.Kind != yaml.ScalarNode || v.node.Tag == "!!null" {
		return "", errors.New("want one value")
	}
	return v.node.Value, nil
}

// list is the value as several texts: a YAML list, or words between commas.
func (v value) list() ([]string, error) {
	if v.node == nil {
		var words []string
		for word := range strings.SplitSeq(v.text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
		return words, nil
	}
	return texts(v.node)
}

// texts reads a list of plain values.
func texts(node *yaml.Node) ([]string, error) {
	if node.Kind != yaml.SequenceNode {
		return nil, errors.New("want a list such as [one, two]")
	}
	words := make([]string, 0, len(node.Content))
	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" || item.Value == "" {
			return nil, errors.New("want a list of plain values")
		}
		words = append(words, item.Value)
	}
	return words, nil
}

// assign parses a value into a field of Config. An error never repeats a secret.
func assign(field reflect.Value, s setting, v value) error {
	switch field.Interface().(type) {
	case []string:
		words, err := v.list()
		if err == nil {
			field.Set(reflect.ValueOf(words))
		}
		return err
	case []RunbookSource:
		sources, err := v.sources()
		if err == nil {
			field.Set(reflect.ValueOf(sources))
		}
		return err
	case []Hook:
		hooks, err := v.hooks()
		if err == nil {
			field.Set(reflect.ValueOf(hooks))
		}
		return err
	case map[string][]Target:
		targets, err := v.targets()
		if err == nil {
			field.Set(reflect.ValueOf(targets))
		}
		return err
	}
	text, err := v.scalar()
	if err != nil {
		return err
	}
	switch field.Interface().(type) {
	case Secret:
		field.Set(reflect.ValueOf(NewSecret(text)))
		return nil
	case time.Duration:
		return assignDuration(field, s, text)
	case int:
		return assignInt(field, s, text)
	}
	if s.OneOf != nil && !slices.Contains(s.OneOf, text) {
		return fmt.Errorf("%s is %q, want one of %s", s.Name, text, strings.Join(named(s.OneOf), ", "))
	}
	field.SetString(text)
	return nil
}

func assignInt(field reflect.Value, s setting, text string) error {
	least, most := bound(strconv.Atoi, s.Min), bound(strconv.Atoi, s.Max)
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s is %q, want a whole number from %s to %s", s.Name, text, s.Min, s.Max)
	}
	field.SetInt(int64(n))
	return nil
}

func assignDuration(field reflect.Value, s setting, text string) error {
	least, most := bound(time.ParseDuration, s.Min), bound(time.ParseDuration, s.Max)
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		return fmt.Errorf("%s is %q, want a time such as 90s, 15m or 24h, from %s to %s", s.Name, text, s.Min, s.Max)
	}
	field.SetInt(int64(d))
	return nil
}

// bound reads a limit out of a tag; that every tag can be read is tested.
func bound[T any](parse func(string) (T, error), text string) T {
	v, _ := parse(text)
	return v
}

// named leaves the empty choice out of a list of choices.
func named(choices []string) []string {
	return slices.DeleteFunc(slices.Clone(choices), func(c string) bool { return c == "" })
}

// tree is the value as YAML, which in the environment stands in one line.
func (v value) tree(example string) (*yaml.Node, error) {
	if v.node != nil {
		return v.node, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(v.text), &doc); err != nil || len(doc.Content) == 0 {
		return nil, errors.New("want YAML such as " + example)
	}
	if alias("", doc.Content[0]) != "" {
		return nil, errors.New("anchors and aliases are not allowed; write the value out")
	}
	return doc.Content[0], nil
}

// targets reads notify: {CLASS: [{command: …}, {webhook: …}, {mail: …}]}.
func (v value) targets() (map[string][]Target, error) {
	node, err := v.tree("{regulator: [{mail: [desk@regulator.example]}]}")
	if err != nil {
		return nil, err
	}
	if node.Kind != yaml.MappingNode {
		return nil, errors.New("want recipient classes, each with a list of targets")
	}
	all := map[string][]Target{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		class, list := node.Content[i].Value, node.Content[i+1]
		if _, twice := all[class]; twice {
			return nil, fmt.Errorf("class %s is given twice", class)
		}
		if class == "" || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
			return nil, fmt.Errorf("class %q: want a list of targets", class)
		}
		for n, item := range list.Content {
			target, err := readTarget(item)
			if err != nil {
				return nil, fmt.Errorf("target %d of class %s: %w", n+1, class, err)
			}
			all[class] = append(all[class], target)
		}
	}
	return all, nil
}

// readTarget reads one way of reaching people.
func readTarget(node *yaml.Node) (Target, error) {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return Target{}, errors.New("want exactly one of command, webhook, webhook_file, mail, file or stdout")
	}
	key, v := node.Content[0].Value, value{node: node.Content[1]}
	var t Target
	var err error
	switch key {
	case "command":
		t.Command, err = v.list()
	case "mail":
		t.Mail, err = v.list()
	case "file":
		t.File, err = v.scalar()
	case "stdout":
		var text string
		text, err = v.scalar()
		t.Stdout = text == "true"
	case "webhook", "webhook_file":
		var text string
		if text, err = v.scalar(); err == nil && key == "webhook_file" {
			text, err = readSecret(text)
		}
		t.Webhook = NewSecret(text)
	default:
		names := []string{"command", "webhook", "webhook_file", "mail", "file", "stdout"}
		err = fmt.Errorf("%s is not a way to reach people", key)
		if meant := nearest(key, names); meant != "" {
			err = fmt.Errorf("%w; did you mean %s?", err, meant)
		}
	}
	if err == nil && len(t.Command) == 0 && len(t.Mail) == 0 && t.Webhook.Empty() && t.File == "" && !t.Stdout {
		err = fmt.Errorf("%s says nothing", key)
	}
	return t, err
}

// alias finds an anchor or alias below a node; a few of them can stand for gigabytes.
func alias(path string, node *yaml.Node) string {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return at(path, node)
	}
	for _, child := range node.Content {
		if place := alias(path, child); place != "" {
			return place
		}
	}
	return ""
}

// at is the place of a node.
func at(path string, node *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", path, node.Line, node.Column)
}

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }
