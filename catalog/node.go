package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?:did not find expected|(.*))`)

// parse reads one YAML document and refuses what could hide something or hurt: a second document,
// nesting without end, and aliases that spell out to more than a file could hold.
func parse(file string, b []byte, rep *reporter) *yaml.Node {
	if !utf8.Valid(b) {
		rep.err(pos{file, 1, 1}, "save the file as UTF-8", "the file is not UTF-8 text")
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || isNull(doc.Content[0])) {
		rep.err(pos{file, 1, 1}, "", "the file is empty")
		return nil
	}
	if err != nil {
		reportSyntax(file, b, err, rep)
		return nil
	}
	var second yaml.Node
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		line, column := 1, 1
		if second.Line > 0 {
			line, column = second.Line, second.Column
		}
		rep.err(pos{file, line, column}, "keep one document in a file, without a second ---", "the file holds more than one YAML document")
		return nil
	}
	root := doc.Content[0]
	w := walker{file: file, rep: rep, open: map[*yaml.Node]bool{}}
	if !w.walk(root, 1) {
		return nil
	}
	return root
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// reportSyntax gives a syntax error its line. The parser counts the line it had reached; a tab at
// the start of a line is the usual cause and worth naming.
func reportSyntax(file string, b []byte, err error, rep *reporter) {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil && m[1] != "" {
		line, _ = strconv.Atoi(m[1])
		_, text, _ = strings.Cut(text, ": ")
	}
	column, hint := 1, ""
	for i, l := range bytes.Split(b, []byte("\n")) {
		trimmed := bytes.TrimLeft(l, " ")
		if bytes.HasPrefix(trimmed, []byte("\t")) {
			line, column, hint = i+1, len(l)-len(trimmed)+1, "YAML is indented with spaces, never with tabs"
			break
		}
	}
	rep.err(pos{file, line, column}, hint, "not readable as YAML: %s", text)
}

// walker looks at every value of a file once, aliases spelled out.
type walker struct {
	file  string
	rep   *reporter
	open  map[*yaml.Node]bool // anchors being spelled out, to find one that holds itself
	nodes int
}

func (w *walker) walk(n *yaml.Node, depth int) bool {
	at := pos{w.file, n.Line, n.Column}
	if w.nodes++; w.nodes > maxNodes {
		w.rep.err(at, "write the values out, or use fewer aliases", "the file spells out to more than %d values", maxNodes)
		return false
	}
	if depth > maxDepth {
		w.rep.err(at, "", "values are nested more than %d deep", maxDepth)
		return false
	}
	if n.Kind == yaml.AliasNode {
		if n.Alias == nil || w.open[n.Alias] {
			w.rep.err(at, "", "the alias *%s holds itself", n.Value)
			return false
		}
		w.open[n.Alias] = true
		defer delete(w.open, n.Alias)
		return w.walk(n.Alias, depth+1)
	}
	if n.Anchor != "" && !w.open[n] {
		w.open[n] = true
		defer delete(w.open, n)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && w.rep.secrets(w.file, n.Content[i-1], child) {
			continue
		}
		if !w.walk(child, depth+1) {
			return false
		}
	}
	if n.Kind == yaml.ScalarNode {
		w.rep.secretShape(at, n.Value)
	}
	return true
}

// deref follows an alias to what it stands for.
func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// describe says what a value is, for "expected …, found …".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping (key: value)"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float", "!!timestamp":
		return n.Value
	}
	return fmt.Sprintf("%q", clip(n.Value, 40))
}

// clip shortens a value for a message.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}
