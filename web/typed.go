package web

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// typed is a password, a TOTP code or an enrolment as somebody typed it. However it is printed, logged
// or encoded, it shows only whether it is there.
type typed struct{ text string }

func (t typed) reveal() string { return t.text }

// String is "[typed]", or nothing when empty.
func (t typed) String() string {
	if t.text == "" {
		return ""
	}
	return "[typed]"
}

// GoString answers %#v.
func (t typed) GoString() string { return t.String() }

// Format answers every verb.
func (t typed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue answers slog.
func (t typed) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON masks.
func (t typed) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads a plain string.
func (t *typed) UnmarshalJSON(raw []byte) error { return json.Unmarshal(raw, &t.text) }
