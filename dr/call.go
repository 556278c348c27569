package dr

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// UnmarshalJSON restores exactly the types Params may hold: what was int64, []string,
// map[string]string or Call before the slice was frozen is the same again afterwards; an object with an
// action is a call inside the call, such as the two looks of a reconciliation.
func (c *Call) UnmarshalJSON(b []byte) error {
	var raw struct {
		Action string                     `json:"action"`
		Params map[string]json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*c = Call{Action: raw.Action}
	if len(raw.Params) > 0 {
		c.Params = make(map[string]any, len(raw.Params))
	}
	for name, value := range raw.Params {
		v, err := paramValue(value)
		if err != nil {
			return fmt.Errorf("parameter %s of %s: %w", name, raw.Action, err)
		}
		c.Params[name] = v
	}
	return nil
}

func paramValue(b json.RawMessage) (any, error) {
	switch b = bytes.TrimSpace(b); b[0] {
	case '"':
		var v string
		err := json.Unmarshal(b, &v)
		return v, err
	case 't', 'f':
		var v bool
		err := json.Unmarshal(b, &v)
		return v, err
	case '[':
		v := []string{}
		err := json.Unmarshal(b, &v)
		return v, err
	case '{':
		var inner struct {
			Action *string `json:"action"`
		}
		if err := json.Unmarshal(b, &inner); err == nil && inner.Action != nil {
			var c Call
			err := json.Unmarshal(b, &c)
			return c, err
		}
		v := map[string]string{}
		err := json.Unmarshal(b, &v)
		return v, err
	case 'n':
		return nil, fmt.Errorf("null is no value")
	}
	var v int64
	err := json.Unmarshal(b, &v)
	return v, err
}

// objectValue tells a table of texts from a call inside a call, which always has parameters.
func objectValue(b json.RawMessage) (any, error) {
	table := map[string]string{}
	if err := json.Unmarshal(b, &table); err == nil {
		return table, nil
	}
	var inner Call
	err := json.Unmarshal(b, &inner)
	if err == nil && inner.Action == "" {
		err = fmt.Errorf("want texts or a call")
	}
	return inner, err
}
