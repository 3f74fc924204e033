package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// patientTry is how long one request may take that can be repeated. A stream that
	// has no leader at the moment never answers it.
	patientTry = 2 * time.Second
	// patientWait is the time before a request is repeated that was refused.
	patientWait = 100 * time.Millisecond
	// codeNotAvailable: there is no leader of the whole at the moment. codeNoPeers:
	// there are too few servers for a stream; others may be starting.
	codeNotAvailable, codeNoPeers = 10008, 10005
)

// patient asks again until there is an answer, or ctx ends. What it asks for must be
// the same when it is asked twice.
func patient[T any](ctx context.Context, l *Log, ask func(context.Context) (T, error)) (T, error) {
	var before error
	for {
		try, cancel := context.WithTimeout(ctx, patientTry)
		answer, err := ask(try)
		cancel()
		if err == nil || !passing(err) {
			return answer, err
		}
		if no := l.refused(); no != nil {
			return answer, no
		}
		if before == nil || !silence(err) {
			before = err // a refusal says more than that nothing came
		}
		if !pause(ctx, patientWait) {
			return answer, before
		}
	}
}

// pause waits, and is false if ctx has ended.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// silence reports whether there was no answer.
func silence(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// passing reports whether an error may be gone the next time.
func passing(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.ErrorCode == codeNotAvailable || api.ErrorCode == codeNoPeers
	}
	return silence(err) || errors.Is(err, nats.ErrDisconnected)
}
