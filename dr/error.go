package dr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrKind sorts errors by what the reader should do about them; edges turn it into exit codes
// and HTTP states.
type ErrKind string

const (
	Unexpected  ErrKind = "unexpected"  // exit 1, HTTP 500: shown as a reference, details in the log
	Usage       ErrKind = "usage"       // exit 2, HTTP 400
	Refused     ErrKind = "refused"     // exit 3, HTTP 403: a rule says no; a journal row tells
	Invalid     ErrKind = "invalid"     // exit 4, HTTP 422: input with file, line or field
	NotFound    ErrKind = "not_found"   // exit 5, HTTP 404
	Conflict    ErrKind = "conflict"    // exit 6, HTTP 409: something changed meanwhile
	Unavailable ErrKind = "unavailable" // exit 7, HTTP 503: a needed service is down
	Unverified  ErrKind = "unverified"  // exit 8: a proof failed
	SignIn      ErrKind = "sign_in"     // exit 3, HTTP 401: nobody known is asking
)

// Args fill the named holes of a sentence, such as {person}.
type Args map[string]string

// Error is an error a person may read. ID names a sentence of package locale together with its
// Args; edges render it in the reader's language, and the hint under ID+".hint". Message and Hint
// hold the English text where no sentence exists (command line, check, files).
type Error struct {
	Kind    ErrKind
	ID      string
	Args    Args
	Message string
	Hint    string
	Err     error
}

// Refuse makes a refusal by a rule.
func Refuse(id string, args Args) *Error { return &Error{Kind: Refused, ID: id, Args: args} }

// Errorf makes an error with an English sentence for files and command line.
func Errorf(kind ErrKind, format string, a ...any) *Error {
	err := fmt.Errorf(format, a...)
	return &Error{Kind: kind, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint adds the next thing to do.
func (e *Error) WithHint(format string, a ...any) *Error {
	e.Hint = fmt.Sprintf(format, a...)
	return e
}

// Error is for logs; people read the rendered sentence.
func (e *Error) Error() string {
	if e.Message != "" {
		return e.Message
	}
	parts := make([]string, 0, len(e.Args))
	for k, v := range e.Args {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return strings.TrimSpace(e.ID + " " + strings.Join(parts, " "))
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind of any error; what nobody classified is Unexpected.
func KindOf(err error) ErrKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unexpected
}
