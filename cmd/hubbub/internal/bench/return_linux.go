package bench

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hubbub-im/hubbub/cmd/hubbub/internal/bench/thin"
)

// Backoff as PROTOCOL.md asks for it: full jitter up to a doubling bound.
const (
	firstBackoff = 300 * time.Millisecond
	lastBackoff  = 20 * time.Second
)

// comeback brings members in again whom the server has sent away for the time
// being, not sooner than it asked for.
type comeback struct {
	crowd   *crowd
	resume  bool // they go on from where they were
	due     []returning
	retries int
	cut     int // members who were in their room when they were sent away
}

type returning struct {
	member *member
	at     time.Duration
}

// closed takes a member back who may come again. It is false if the server has
// ended the connection for good.
func (b *comeback) closed(m *member, err error) bool {
	wait := m.peer.RetryAfter
	refused, httpAnswer := errors.AsType[*thin.RefusedError](err)
	bye, closed := errors.AsType[*thin.CloseError](err)
	switch {
	case httpAnswer && (refused.Status == http.StatusServiceUnavailable || refused.Status == http.StatusTooManyRequests):
		wait = max(wait, refused.RetryAfter)
	case closed && bye.Code >= 3000 && bye.Code < 3500:
	default:
		return false
	}
	if m.entered {
		b.cut++
	}
	b.crowd.absent(m)
	b.retries++
	bound := min(lastBackoff, firstBackoff<<min(m.tries, 10))
	at := b.crowd.loop.Clock() + max(wait, rand.N(bound))
	b.due = append(b.due, returning{m, at})
	return true
}

// dialDue lets those come whose time it is.
func (b *comeback) dialDue(now time.Duration) {
	if len(b.due) == 0 {
		return
	}
	waiting := b.due[:0]
	for _, r := range b.due {
		if r.at > now {
			waiting = append(waiting, r)
			continue
		}
		r.member.peer.RetryAfter = 0
		if b.resume {
			at := r.member.peer.At
			r.member.peer.Since = &at
		}
		if err := b.crowd.dial(r.member); err != nil {
			b.crowd.fail(err)
		}
	}
	b.due = waiting
}
