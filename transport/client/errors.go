package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Error is what the hub answered to a command that it refused. errors.Is matches
// it with the Err constant of its code.
type Error struct {
	Op         string // the command, and the room if it has one: "publish in lobby"
	Code       room.Code
	Message    string        // what was wrong, and what would be right
	RetryAfter time.Duration // when to try again; zero: the hub did not say
}

// Error gives the command, the code and the message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Op, e.Code, e.Message) }

// Is reports whether target is the constant of the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && string(code) == string(e.Code)
}

type codeError string

func (c codeError) Error() string { return string(c) }

// The hub's error codes, for errors.Is. PROTOCOL.md says what each means.
const (
	ErrBadRequest     = codeError(room.CodeBadRequest)
	ErrUnknownCommand = codeError(room.CodeUnknownCommand)
	ErrUnauthorized   = codeError(room.CodeUnauthorized)
	ErrTokenExpired   = codeError(room.CodeTokenExpired)
	ErrForbidden      = codeError(room.CodeForbidden)
	ErrNotJoined      = codeError(room.CodeNotJoined)
	ErrNotFound       = codeError(room.CodeNotFound)
	ErrConflict       = codeError(room.CodeConflict)
	ErrTooLarge       = codeError(room.CodeTooLarge)
	ErrRateLimited    = codeError(room.CodeRateLimited)
	ErrLimitReached   = codeError(room.CodeLimitReached)
	ErrUnavailable    = codeError(room.CodeUnavailable)
	ErrInternal       = codeError(room.CodeInternal)
)

// Errors that do not come from the hub.
var (
	// ErrClosed: Close was called.
	ErrClosed = errors.New("the client is closed")
	// ErrNotConnected: there is no connection at this moment.
	ErrNotConnected = errors.New("not connected")
	// ErrUnknownOutcome: the message may or may not be stored, and it cannot be
	// found out; sending it again could double it.
	ErrUnknownOutcome = errors.New("it is not known whether the message is stored")
	// ErrNotMember: the room is not joined, or was left.
	ErrNotMember = errors.New("the room is not joined")
)

// CloseError says why a connection ended.
type CloseError struct {
	Code       wire.CloseCode
	Reason     string
	RetryAfter time.Duration
}

// Error gives the code and its name.
func (e *CloseError) Error() string {
	return fmt.Sprintf("the hub closed the connection: %d %s", e.Code, e.Reason)
}

// answered turns an error frame into an Error.
func answered(op string, e *wire.Error) *Error {
	return &Error{Op: op, Code: e.Code, Message: e.Message, RetryAfter: time.Duration(e.RetryAfterMS) * time.Millisecond}
}

// refused turns an error of package room into an Error, for what is refused here.
func refused(op string, err error) *Error {
	e := room.AsError(err)
	return &Error{Op: op, Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}
}

// retryable reports whether the same command may succeed later, and when the hub
// wants it again.
func retryable(err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*Error](err); ok && e.Code.Retryable() {
		return e.RetryAfter, true
	}
	return 0, false
}

// sleep waits, or gives ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
