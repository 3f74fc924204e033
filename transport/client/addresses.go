package client

import (
	"math/rand/v2"
	"strings"
	"time"
)

// nextWithin is how soon the next address is tried, at the latest.
const nextWithin = 100 * time.Millisecond

// addresses are where the instances of the hub are reached. Which is tried when is
// decided by the client alone: no instance has to be asked where the others are.
type addresses struct {
	urls []string    // of the WebSocket
	rest []time.Time // an instance does not want to be asked before
	at   int         // the one that was tried last
}

// newAddresses reads one address or several. They are kept in any order, so that many
// clients with one list are spread over all.
func newAddresses(list string) (*addresses, error) {
	a := new(addresses)
	for raw := range strings.SplitSeq(list, ",") {
		url, err := endpoint(strings.TrimSpace(raw))
		if err != nil {
			return nil, err
		}
		a.urls = append(a.urls, url)
	}
	rand.Shuffle(len(a.urls), func(i, j int) { a.urls[i], a.urls[j] = a.urls[j], a.urls[i] })
	a.rest = make([]time.Time, len(a.urls))
	return a, nil
}

// url is the one to try.
func (a *addresses) url() string { return a.urls[a.at] }

// failed goes on to the next one, and gives how long to wait before it is tried. n is
// how many tries have failed in a row before, and retryAfter what the hub has asked
// for. The others are tried at once; once all have failed there is a wait.
func (a *addresses) failed(n int, retryAfter time.Duration) time.Duration {
	now := time.Now()
	if retryAfter > 0 {
		a.rest[a.at] = now.Add(retryAfter + rand.N(retryAfter/4+1))
	}
	wait := rand.N(nextWithin)
	if (n+1)%len(a.urls) == 0 {
		wait = backoff(n/len(a.urls), 0)
	}
	a.at = a.next(now.Add(wait))
	return max(wait, a.rest[a.at].Sub(now))
}

// next is the first behind the present one that may be asked by then, or the one that
// may soonest.
func (a *addresses) next(then time.Time) int {
	soonest := a.at
	for i := range a.urls {
		j := (a.at + 1 + i) % len(a.urls)
		if !a.rest[j].After(then) {
			return j
		}
		if a.rest[j].Before(a.rest[soonest]) {
			soonest = j
		}
	}
	return soonest
}

// whole reports whether so many tries in a row have tried all of them.
func (a *addresses) whole(n int) bool { return n%len(a.urls) == 0 }
