package wire

import (
	"net/http"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// Error answers a command that was refused or failed.
type Error struct {
	Code         room.Code `json:"code"`
	Message      string    `json:"message"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
}

// ErrorOf gives the frame for any error. What is not a *room.Error is told as
// internal, without its text.
func ErrorOf(err error) *Error {
	e := room.AsError(err)
	return &Error{Code: e.Code, Message: e.Message, RetryAfterMS: e.RetryAfter.Milliseconds()}
}

// Err is ErrorOf the other way: what a client gives to its caller.
func (e Error) Err() *room.Error {
	return &room.Error{Code: e.Code, Message: e.Message, RetryAfter: time.Duration(e.RetryAfterMS) * time.Millisecond}
}

// HTTPStatus is the status with which the HTTP API answers a code, as the table
// in PROTOCOL.md has it.
func HTTPStatus(code room.Code) int {
	switch code {
	case room.CodeBadRequest, room.CodeUnknownCommand:
		return http.StatusBadRequest
	case room.CodeUnauthorized, room.CodeTokenExpired:
		return http.StatusUnauthorized
	case room.CodeForbidden:
		return http.StatusForbidden
	case room.CodeNotFound:
		return http.StatusNotFound
	case room.CodeNotJoined, room.CodeConflict, room.CodeLimitReached:
		return http.StatusConflict
	case room.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case room.CodeRateLimited:
		return http.StatusTooManyRequests
	case room.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
