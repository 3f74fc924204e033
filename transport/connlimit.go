package transport

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Limits bounds what one connection may cost. A zero means the default.
type Limits struct {
	Frame    int           // bytes of a frame from the client, after inflation; 256 KiB
	Rate     float64       // commands a second; 100
	Burst    int           // commands at once; 200
	InFlight int           // events being published; 1,024
	Ping     time.Duration // silence after which a client is pinged; 25 s
	PongWait time.Duration // further silence after which it is cut; 10 s

	ConnectRate float64 // connections a second that are served as they come; 5,000; below 0: without a pace
	Connections int     // at the same time; 0: no bound

	QueueBytes int           // bytes that may wait for it; 1 MiB
	QueueAge   time.Duration // how long one of them may; 10 s

	// CompressFrom is from how many bytes on a message goes compressed to peers who
	// take that; 0: DefaultCompressFrom; below 0: compression is never agreed on.
	CompressFrom int
}

func (l *Limits) setDefaults() {
	orDefault(&l.Frame, 256<<10)
	orDefault(&l.ConnectRate, 5000)
	orDefault(&l.Rate, 100)
	orDefault(&l.Burst, 200)
	orDefault(&l.InFlight, 1024)
	orDefault(&l.Ping, 25*time.Second)
	orDefault(&l.PongWait, 10*time.Second)
	orDefault(&l.QueueBytes, 1<<20)
	orDefault(&l.QueueAge, 10*time.Second)
}

func orDefault[T int | float64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// limiter weighs the commands of one connection. It is used by its reader alone.
type limiter struct {
	tokens   *rate.Limiter
	refusals *rate.Limiter // of what is answered though it was not paid for; nil: nothing was yet
}

func newLimiter(l Limits) limiter {
	return limiter{tokens: rate.NewLimiter(rate.Limit(l.Rate), l.Burst)}
}

// take pays for a command; if it is not ok, nothing was paid, and wait says after
// how long it can be. A command that costs more than the whole burst costs that.
func (l *limiter) take(cost int) (wait time.Duration, ok bool) {
	r := l.tokens.ReserveN(time.Now(), min(cost, l.tokens.Burst()))
	if wait = r.Delay(); wait > 0 {
		r.Cancel()
		return wait, false
	}
	return 0, true
}

// refuse waits until a frame that was refused may be answered. Refusing costs the
// hub too, so a peer that goes on regardless is read at the pace of the limit.
func (l *limiter) refuse(ctx context.Context) {
	if l.refusals == nil {
		l.refusals = rate.NewLimiter(l.tokens.Limit(), l.tokens.Burst())
	}
	_ = l.refusals.Wait(ctx)
}
