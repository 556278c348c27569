package journal

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// checkKeys walks a JSON value beside the type it was read into and refuses object keys that are
// spelled differently from the field's name. encoding/json matches "HOST" to a field named "host".
func checkKeys(raw []byte, into any) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	return walkKeys(v, reflect.TypeOf(into))
}

func walkKeys(v any, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil // reads its own form
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil
		}
		for _, e := range v {
			if err := walkKeys(e, t.Elem()); err != nil {
				return err
			}
		}
	case map[string]any:
		return walkObject(v, t)
	}
	return nil
}

func walkObject(v map[string]any, t reflect.Type) error {
	if t.Kind() == reflect.Map {
		for _, e := range v {
			if err := walkKeys(e, t.Elem()); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	fields := fieldNames(t)
	for key, e := range v {
		ft, ok := fields[key]
		if !ok {
			return fmt.Errorf("unknown key %q", key)
		}
		if err := walkKeys(e, ft); err != nil {
			return err
		}
	}
	return nil
}

// fieldNames lists a struct's JSON names, embedded structs included.
func fieldNames(t reflect.Type) map[string]reflect.Type {
	names := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "", !f.IsExported(), name == "-":
		case name == "":
			names[f.Name] = f.Type
		default:
			names[name] = f.Type
		}
	}
	return names
}
