package room

import (
	"errors"
	"fmt"
	"time"
)

// Code names a kind of failure. The codes are part of the protocol: every edge
// (WebSocket, SSE, HTTP) sends the same ones, and clients branch on them.
type Code string

// The error codes, in the order in which PROTOCOL.md lists them.
const (
	// CodeBadRequest: the command is malformed or a field of it is out of bounds.
	CodeBadRequest Code = "bad_request"
	// CodeUnknownCommand: the command's type is none that this hub knows.
	CodeUnknownCommand Code = "unknown_command"
	// CodeUnauthorized: there is no token, or it does not verify.
	CodeUnauthorized Code = "unauthorized"
	// CodeTokenExpired: the token was good and is past its time; get a new one.
	CodeTokenExpired Code = "token_expired"
	// CodeForbidden: the caller's grants do not cover this verb in this room.
	// A room that does not exist answers the same, so names cannot be probed.
	CodeForbidden Code = "forbidden"
	// CodeNotJoined: the command needs the connection to have joined the room.
	CodeNotJoined Code = "not_joined"
	// CodeNotFound: the message that the command names is not in the room.
	CodeNotFound Code = "not_found"
	// CodeConflict: the message is in a state in which this cannot be done, as
	// editing one that was deleted.
	CodeConflict Code = "conflict"
	// CodeTooLarge: a frame, body or field is larger than its bound.
	CodeTooLarge Code = "too_large"
	// CodeRateLimited: too many commands; try again after RetryAfter.
	CodeRateLimited Code = "rate_limited"
	// CodeLimitReached: a bound on a count (rooms per connection, connections) is met.
	CodeLimitReached Code = "limit_reached"
	// CodeUnavailable: the log cannot take or give this now. What was being
	// published may or may not be stored: retry with the same message id.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: a fault of the hub itself.
	CodeInternal Code = "internal"
)

// Codes lists every code, for the tests that hold the documents to the code.
var Codes = []Code{
	CodeBadRequest, CodeUnknownCommand, CodeUnauthorized, CodeTokenExpired, CodeForbidden,
	CodeNotJoined, CodeNotFound, CodeConflict, CodeTooLarge, CodeRateLimited, CodeLimitReached,
	CodeUnavailable, CodeInternal,
}

// Retryable reports whether the same command may succeed later, unchanged.
func (c Code) Retryable() bool {
	switch c {
	case CodeRateLimited, CodeUnavailable, CodeInternal:
		return true
	}
	return false
}

// Error is a failure that is told to the caller: what was wrong, and what would
// be right.
type Error struct {
	Code       Code
	Message    string
	RetryAfter time.Duration // zero: the client's own backoff
}

// Error gives the code and the message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Errorf builds an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError turns any error into the one that a caller is told. An error that is
// not already an *Error becomes CodeInternal without its text, which could hold
// what the caller should not see.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: "the hub failed; the operator's log says why"}
}
