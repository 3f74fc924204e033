package transport

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hubbub-im/hubbub/room"
)

// What those may do who are not, or not yet, known: guests being made, and tokens
// and keys that do not verify. An address can be a whole school.
const (
	strangerRate  = 20
	strangerBurst = 500

	// An API key speaks for a back end, with all its users.
	keyFactor = 50

	maxLimited = 16 << 10 // keys that one rateLimits remembers
)

// rateLimits is a rate limit for each of many keys. It remembers the keys used
// last, in bounded memory; one that was forgotten starts anew.
type rateLimits struct {
	rate  rate.Limit
	burst int
	most  int

	mu     sync.Mutex // guards what follows
	byKey  map[string]*list.Element
	recent *list.List // of *limitOf, the one used last in front
}

type limitOf struct {
	key    string
	tokens *rate.Limiter
}

func newRateLimits(perSecond float64, burst, most int) *rateLimits {
	return &rateLimits{
		rate: rate.Limit(perSecond), burst: burst, most: most,
		byKey: make(map[string]*list.Element), recent: list.New(),
	}
}

// take pays cost for the key at a time, or says after how long it can.
func (l *rateLimits) take(key string, cost int, now time.Time) error {
	r := l.of(key).ReserveN(now, min(cost, l.burst))
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return &room.Error{Code: room.CodeRateLimited, Message: "too many requests; wait before the next", RetryAfter: wait}
	}
	return nil
}

func (l *rateLimits) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*limitOf).tokens
	}
	if oldest := l.recent.Back(); oldest != nil && len(l.byKey) >= l.most {
		l.recent.Remove(oldest)
		delete(l.byKey, oldest.Value.(*limitOf).key)
	}
	limit := &limitOf{key, rate.NewLimiter(l.rate, l.burst)}
	l.byKey[key] = l.recent.PushFront(limit)
	return limit.tokens
}

// strange charges a request of somebody unknown to where it came from. Requests
// over loopback come from a proxy on this machine, or from its owner, and are not
// charged: one visitor must not shut out all others behind the same proxy.
func (s *Server) strange(remote string) error {
	from, local := remoteKey(remote)
	if local {
		return nil
	}
	return s.api.strangers.take(from, 1, time.Now())
}

// remoteKey gives what of a peer's address is rated: all of an IPv4 address, and of
// an IPv6 one the /64 that its owner has to themselves.
func remoteKey(remote string) (key string, local bool) {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote, false // not TCP; what it is, it is one thing
	}
	addr := ap.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String(), addr.IsLoopback()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String(), addr.IsLoopback()
	}
	return prefix.String(), addr.IsLoopback()
}
