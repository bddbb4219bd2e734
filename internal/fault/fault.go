package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind is the family of an error; it decides the HTTP status and nothing else.
type Kind uint8

// The kinds. The zero value is Internal, so that a forgotten kind leaks nothing.
const (
	Internal Kind = iota
	Unauthorized
	NotFound
	Forbidden
	TooLarge
	Invalid
	Conflict
	TooMany
	Unavailable
)

var statuses = [...]int{
	Internal:     http.StatusInternalServerError,
	Unauthorized: http.StatusUnauthorized,
	NotFound:     http.StatusNotFound,
	Forbidden:    http.StatusForbidden,
	TooLarge:     http.StatusRequestEntityTooLarge,
	Invalid:      http.StatusUnprocessableEntity,
	Conflict:     http.StatusConflict,
	TooMany:      http.StatusTooManyRequests,
	Unavailable:  http.StatusServiceUnavailable,
}

// Field is one thing wrong with a request, with the path of the field, for
// example "sale.opens_at" or "tiers[2].name".
type Field struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Error is an error that may be told to the outside.
type Error struct {
	Kind Kind
	// Code is stable, lower_snake_case and part of the public contract.
	Code string
	// Message is a sentence for a person: what happened and what to do next.
	Message string
	// Fields lists what is wrong with which field of a request.
	Fields []Field
	// Extra holds further members of the problem document, for example
	// "joinable_at". Keys must not collide with those of RFC 9457.
	Extra map[string]any
	// RetryAfter is how long to wait before trying again; zero for unknown.
	RetryAfter time.Duration
	// Err is the cause. It is logged and never shown.
	Err error
}

// New returns an Error of a kind with a stable code and a sentence.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Wrap is New with a cause.
func Wrap(err error, kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Err: err}
}

// InvalidField returns an Invalid error about fields, code invalid_request.
func InvalidField(fields ...Field) *Error {
	msg := "The request is not valid."
	if len(fields) > 0 {
		msg = fields[0].Message
	}
	return &Error{Kind: Invalid, Code: "invalid_request", Message: msg, Fields: fields}
}

// With returns a copy with one more member of the problem document.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Extra = make(map[string]any, len(e.Extra)+1)
	for k, v := range e.Extra {
		c.Extra[k] = v
	}
	c.Extra[key] = value
	return &c
}

// After returns a copy that asks the caller to wait.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Because returns a copy with a cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Error is for logs; it holds the cause.
func (e *Error) Error() string {
	s := e.Code
	if s == "" {
		s = e.Message
	}
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", s, e.Err)
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is a fault with the same code, so that errors.Is
// works against package-level faults after With, After and Because.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code != "" && t.Code == e.Code
}

// From returns err as a fault. What is no fault becomes Internal with a
// sentence that gives nothing away.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return &Error{
		Kind:    Internal,
		Code:    "internal",
		Message: "This did not work, and it is our fault. Your place and your money are safe. Try again in a moment.",
		Err:     err,
	}
}

// Code returns the stable code of err, "internal" for what is no fault and ""
// for nil.
func Code(err error) string {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Status returns the HTTP status of err.
func Status(err error) int {
	k := From(err).Kind
	if int(k) >= len(statuses) {
		return http.StatusInternalServerError
	}
	return statuses[k]
}
