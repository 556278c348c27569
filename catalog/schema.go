package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Schemas are the JSON Schemas of the files, by name (organisation, roster, policy, alerts, system, plan),
// generated from the types the loader decodes into. Editors complete and check with them; what needs
// a look at other files only check finds.
func Schemas() (map[string][]byte, error) {
	out := map[string][]byte{}
	for name, v := range map[string]any{"organisation": rawOrganisation{}, "roster": rawRoster{}, "policy": rawPolicy{}, "alerts": rawAlerts{}, "system": rawSystem{}, "plan": rawPlan{}} {
		s := schemaOf(reflect.TypeOf(v), "")
		s.Schema = "https://json-schema.org/draft/2020-12/schema"
		s.Title = "Switchman: " + name
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(s); err != nil {
			return nil, fmt.Errorf("writing the schema of %s: %w", name, err)
		}
		out[name] = b.Bytes()
	}
	return out, nil
}

// schema is the little of JSON Schema that is needed.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Format      string             `json:"format,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or a schema
}

func schemaOf(t reflect.Type, tag reflect.StructTag) *schema {
	switch reflect.Zero(t).Interface().(type) {
	case word:
		return wordSchema(tag)
	case span:
		return &schema{Type: "string", Pattern: `^([0-9]+d|([0-9]+(\.[0-9]+)?(ms|s|m|h))+|0)$`}
	case number:
		return &schema{Type: "integer"}
	case flag:
		return &schema{Type: "boolean"}
	case moment:
		return &schema{Type: "string", Format: "date-time"}
	case labels:
		return &schema{Type: "object", Additional: &schema{Type: []string{"string", "number"}}}
	case params:
		return &schema{Type: "object"}
	case rawAmount:
		return &schema{AnyOf: []*schema{{Type: "integer"}, schemaOf(reflect.TypeFor[span](), "")}}
	case rawUngraceful:
		return &schema{AnyOf: []*schema{{Type: "string", Enum: []string{"same", "skip", "try"}}, schemaOf(reflect.TypeFor[rawCall](), "")}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), tag)
	case reflect.Slice:
		item := schemaOf(t.Elem(), tag)
		s := &schema{Type: "array", Items: item}
		if tag.Get("one") != "" {
			return &schema{AnyOf: []*schema{item, s}}
		}
		return s
	}
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" {
			continue
		}
		p := schemaOf(f.Type, f.Tag)
		p.Description = f.Tag.Get("doc")
		s.Properties[name] = p
		if f.Tag.Get("req") != "" {
			s.Required = append(s.Required, name)
		}
	}
	return s
}

func wordSchema(tag reflect.StructTag) *schema {
	if enum := tag.Get("enum"); enum != "" {
		return &schema{Type: "string", Enum: strings.Split(enum, "|")}
	}
	switch f := tag.Get("format"); f {
	case "date":
		return &schema{Type: "string", Format: "date"}
	case "":
		return &schema{Type: []string{"string", "number"}}
	default:
		return &schema{Type: []string{"string", "number"}, Pattern: formats[f].pattern}
	}
}
