package client

import (
	"math/rand/v2"
	"time"
)

// The bounds of PROTOCOL.md, section 6.
const (
	backoffBase = 300 * time.Millisecond
	backoffCap  = 20 * time.Second
)

// backoff gives the wait before the nth try, counted from 0: full jitter, and at
// least backoffBase after the first. Never less than atLeast, and up to a quarter
// more: many are told the same.
func backoff(n int, atLeast time.Duration) time.Duration {
	most := backoffCap
	if n < 10 {
		most = min(backoffCap, backoffBase<<n)
	}
	wait := rand.N(most + 1)
	if n > 0 {
		wait = max(wait, backoffBase)
	}
	return max(wait, atLeast+rand.N(atLeast/4+1))
}
