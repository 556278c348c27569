package slackfake

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// blocksJSON says how blocks and views are built. schema/generate.mjs makes it from Slack's own types.
//
//go:embed schema/blocks.json
var blocksJSON []byte

// shapes are the compiled schemas, by the type of block or view.
type shapes map[string]*jsonschema.Schema

// schemas compiles them once; that takes some milliseconds.
var schemas = sync.OnceValue(compile)

func compile() shapes {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(blocksJSON))
	if err != nil {
		panic(fmt.Sprintf("schema/blocks.json: %v", err))
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("blocks.json", doc); err != nil {
		panic(fmt.Sprintf("schema/blocks.json: %v", err))
	}
	found := shapes{}
	var names struct {
		Of map[string]string `json:"x-types"`
	}
	if err := json.Unmarshal(blocksJSON, &names); err != nil {
		panic(fmt.Sprintf("schema/blocks.json: %v", err))
	}
	for kind, definition := range names.Of {
		found[kind] = c.MustCompile("blocks.json#/definitions/" + definition)
	}
	return found
}

// check holds an object against the schema of its type. What the schema does not know is let through.
func (s shapes) check(kind string, o obj, at string) []problem {
	schema := s[kind]
	if schema == nil {
		return nil
	}
	err := schema.Validate(map[string]any(o))
	if err == nil {
		return nil
	}
	in := &inspector{}
	if broken, ok := err.(*jsonschema.ValidationError); ok {
		in.explain(broken, at)
	}
	if len(in.problems) == 0 {
		in.blame(at, "failed to match the schema of %s", kind)
	}
	return in.problems
}

// explain turns the validator's tree into Slack's sentences. Of several allowed shapes it follows
// the one whose type the app named.
func (in *inspector) explain(e *jsonschema.ValidationError, at string) {
	here := at
	if len(e.InstanceLocation) > 0 {
		here += "/" + strings.Join(e.InstanceLocation, "/")
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		var meant []*jsonschema.ValidationError
		for _, c := range e.Causes {
			if !otherType(c, len(e.InstanceLocation)) {
				meant = append(meant, c)
			}
		}
		if len(meant) == 0 {
			in.blame(here+"/type", "unsupported type")
			return
		}
		in.explain(meant[0], at)
		return
	case *kind.Required:
		for _, name := range k.Missing {
			in.blame(here, "missing required field: %s", name)
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			in.blame(here, "invalid additional property: %s", name)
		}
	case *kind.Const:
		in.blame(here, "must be %v", k.Want)
	case *kind.Enum:
		in.blame(here, "must be one of %v", k.Want)
	case *kind.Type:
		in.blame(here, "must be a valid %s", strings.Join(k.Want, " or "))
	}
	for _, c := range e.Causes {
		in.explain(c, at)
	}
}

// otherType says whether a shape failed because the object is of another type.
func otherType(e *jsonschema.ValidationError, depth int) bool {
	loc := e.InstanceLocation
	_, isConst := e.ErrorKind.(*kind.Const)
	_, isEnum := e.ErrorKind.(*kind.Enum)
	if (isConst || isEnum) && len(loc) == depth+1 && loc[depth] == "type" {
		return true
	}
	for _, c := range e.Causes {
		if otherType(c, depth) {
			return true
		}
	}
	return false
}
