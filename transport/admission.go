package transport

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	admissionBurst = time.Second      // of the pace may come at once after a quiet time
	admissionWait  = 3 * time.Second  // the longest wait for a turn; whoever would wait longer is told to come back
	admissionLast  = 60 * time.Second // the longest time after which somebody is told to come back
)

// admission paces those who come. After a deploy or a cut cable everybody is back at
// once, and each of them costs a token to check and rooms to join: served all at
// the same time they would be slow for each other and for those who are here. Who
// comes gets a turn, one after another at the pace; when too many wait the others
// are sent away for a time that grows with their number, and that differs from one
// to the next, so that they do not come back together.
type admission struct {
	every time.Duration // from one turn to the next; 0: there is no pace

	mu   sync.Mutex // guards what follows
	next time.Time  // the next turn
	away time.Time  // when the last of those who were sent away is expected back
}

// fullWait is the least time after which somebody is told to come back who found no
// place; the most is thrice that.
const fullWait = 5 * time.Second

// welcome waits until somebody who has come is to be served. Its error says after how
// long to come back.
func (s *Server) welcome(ctx context.Context) error {
	if most := s.cfg.Limits.Connections; most > 0 && s.cfg.Hub.Sessions() >= most {
		return &room.Error{
			Code: room.CodeUnavailable, Message: "as many are connected as this hub takes; come back later",
			RetryAfter: fullWait + rand.N(2*fullWait),
		}
	}
	return s.pace.enter(ctx)
}

// newAdmission paces to so many a second; 0: not at all.
func newAdmission(perSecond float64) *admission {
	if perSecond <= 0 {
		return &admission{}
	}
	return &admission{every: time.Duration(float64(time.Second) / perSecond)}
}

// enter waits for a turn. Its error says after how long to come back, or is ctx's.
func (a *admission) enter(ctx context.Context) error {
	wait, err := a.turn(time.Now())
	if err != nil || wait <= 0 {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turn gives the time from now to the turn of whoever asks.
func (a *admission) turn(now time.Time) (time.Duration, error) {
	if a.every == 0 {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if earliest := now.Add(-admissionBurst); a.next.Before(earliest) {
		a.next = earliest
	}
	if wait := a.next.Sub(now); wait <= admissionWait {
		a.next = a.next.Add(a.every)
		return wait, nil
	}
	// Those who were sent away come in their turn as well, behind those who wait.
	if a.away.Before(a.next) {
		a.away = a.next
	}
	a.away = a.away.Add(a.every)
	wait := min(a.away.Sub(now), admissionLast)
	return 0, &room.Error{
		Code: room.CodeUnavailable, Message: "too many connect at present; come back later",
		RetryAfter: wait/2 + rand.N(wait),
	}
}
