package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	openai "github.com/sashabaranov/go-openai"
)

// Kind sorts what can go wrong by what the caller can do about it. Whatever it is, the answer then
// comes without the model.
type Kind string

// The kinds.
const (
	Off         Kind = "off"         // no such model is set
	Spent       Kind = "spent"       // the day's budget does not allow it; nothing was sent
	Resting     Kind = "resting"     // failures in a row: the server is left alone; nothing was sent
	Cancelled   Kind = "cancelled"   // by the caller
	Late        Kind = "late"        // deadline, or silence in the middle
	Unreachable Kind = "unreachable" // no connection, or 5xx
	Busy        Kind = "busy"        // 408, 429
	Denied      Kind = "denied"      // 401, 403: the key
	Unknown     Kind = "unknown"     // 404, 405, 501, redirects: no such model or method; the address
	Rejected    Kind = "rejected"    // 400, 422: the server does not take the request as it is
	TooLong     Kind = "too_long"    // prompt and answer do not fit the model's context
	Cut         Kind = "cut"         // the answer ran into its limit
	Filtered    Kind = "filtered"    // by the provider
	Declined    Kind = "declined"    // the model refused
	Broken      Kind = "broken"      // what came is no answer: cut off, not of the API, too big, calls of tools
	Malformed   Kind = "malformed"   // an answer, twice not as the schema wants it
	Mismatch    Kind = "mismatch"    // vectors that are not what was asked for, or of other dimensions
)

// Error is why there is no answer. It never holds text of the server, only words such as
// "model_not_found" that name a kind of error.
type Error struct {
	Kind   Kind
	Status int           // of HTTP; 0: none came
	Code   string        // the server's word for it, if it gave one
	After  time.Duration // when the server wants to be asked again; 0: it does not say
	cause  error         // for errors.Is: of contexts
}

// Error is for logs.
func (e *Error) Error() string {
	text := string(e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(", status %d", e.Status)
	}
	if e.Code != "" {
		text += ", " + e.Code
	}
	return text
}

// Unwrap finds the context's error where a call was cancelled or late.
func (e *Error) Unwrap() error { return e.cause }

// KindOf is the kind of an error of this package, "" of others.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

var (
	errDeadline = errors.New("the deadline of the call")
	errSilence  = errors.New("silence in the middle of an answer")
	word        = regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_.-]{0,63}\z`)
)

// fault sorts any error of a call; one that is sorted already stays as it is.
func fault(ctx context.Context, err error) *Error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errDeadline) || errors.Is(cause, errSilence) || errors.Is(cause, context.DeadlineExceeded):
		return &Error{Kind: Late, cause: context.DeadlineExceeded}
	case cause != nil:
		return &Error{Kind: Cancelled, cause: context.Canceled}
	}
	var ours *Error
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &syntax), errors.As(err, &shape), errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF: // a bare EOF is an empty body, inside an url.Error a lost connection
		return &Error{Kind: Broken, Code: "not_json"}
	case errors.Is(err, openai.ErrReasoningModelMaxTokensDeprecated), errors.Is(err, openai.ErrReasoningModelLimitationsOther), errors.Is(err, openai.ErrReasoningSamplingUnsupported):
		return &Error{Kind: Rejected, Code: "old_limit_field"}
	}
	return &Error{Kind: Unreachable}
}

// serverError reads what a server says about a failure: its status, and from the body only the words
// that name the error.
func serverError(status int, body []byte) *Error {
	e := &Error{Status: status, Kind: kindOfStatus(status)}
	var doc struct {
		Error json.RawMessage `json:"error"`
		Type  any             `json:"type"`
		Code  any             `json:"code"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return e
	}
	inner := doc
	if len(doc.Error) > 0 && json.Unmarshal(doc.Error, &inner) != nil {
		inner = doc
	}
	for _, v := range []any{inner.Code, inner.Type} {
		if n, ok := v.(float64); ok && status == 0 && n >= 400 && n < 600 {
			e.Status, e.Kind = int(n), kindOfStatus(int(n))
		}
		if s, ok := v.(string); ok && e.Code == "" && word.MatchString(s) {
			e.Code = s
		}
	}
	switch e.Code {
	case "exceed_context_size_error", "context_length_exceeded", "string_above_max_length", "prompt_too_long":
		e.Kind = TooLong
	case "content_filter", "content_policy_violation":
		e.Kind = Filtered
	case "insufficient_quota", "billing_hard_limit_reached":
		e.Kind = Denied
	}
	return e
}

func kindOfStatus(status int) Kind {
	switch {
	case status == 408 || status == 429:
		return Busy
	case status == 401 || status == 403:
		return Denied
	case status == 404 || status == 405 || status == 501 || status >= 300 && status < 400:
		return Unknown
	case status == 413:
		return TooLong
	case status >= 400 && status < 500:
		return Rejected
	case status >= 500:
		return Unreachable
	}
	return Broken
}
