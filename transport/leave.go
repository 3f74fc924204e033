package transport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

const (
	// leastPace is how many are moved in a second at the least: a hub of few need not
	// take the whole time.
	leastPace = 50
	// returnWithin is when a peer that is moved is back, at the latest: so little that
	// nobody notices, and enough to part those who were told in one moment.
	returnWithin = 200 * time.Millisecond
	// refusedFor is when whoever came while the hub leaves may come to it again, if they
	// know no other address: by then nothing leads there any more.
	refusedFor = time.Second
)

// Leaving says how a server parts from its peers.
type Leaving struct {
	Over  time.Duration // the last is told by then; 0: all at once
	Alone bool          // there is no other instance for them to go to
}

// The stages of a server's life, in their order.
const (
	serving  int32 = iota
	retiring       // it is not ready, but serves all that come
	leaving        // it takes no new connections
)

// Retire makes the server say that it is not ready, so that no more are led to it.
// Those who come all the same are served until Leave.
func (s *Server) Retire() { s.stage.CompareAndSwap(serving, retiring) }

// Leave takes no more connections and sends those that there are elsewhere, one after
// another, each once what it has published is answered. It returns when all have gone,
// or ctx ends. Shutdown is still to be called.
func (s *Server) Leave(ctx context.Context, how Leaving) error {
	s.stage.Store(leaving)
	m := &mover{code: wire.CloseMoved, ctx: ctx, gone: s.conns.gone()}
	if how.Alone {
		m.code = wire.CloseShutdown
	}
	m.empty(&s.conns, how.Over)
	select {
	case <-m.gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d connections have not gone in time: %w", s.conns.count(), ctx.Err())
	}
}

// Connections is how many connections and streams there are.
func (s *Server) Connections() int { return s.conns.count() }

// refuseNew is why no connection may begin, or nil.
func (s *Server) refuseNew() error {
	if s.stage.Load() >= leaving {
		return errLeaving
	}
	if from := s.estranged.Load(); from != nil {
		return from.refusal()
	}
	return nil
}

// refusedLate is why a connection that nothing spoke against may not begin after all.
func (s *Server) refusedLate() error {
	if err := s.refuseNew(); err != nil {
		return err
	}
	return errLeaving
}

var errLeaving = &room.Error{
	Code: room.CodeUnavailable, Message: "this instance is leaving; connect to another one",
	RetryAfter: refusedFor,
}

// parting tells whoever keeps connections open for requests that this is to end.
func (s *Server) parting(w http.ResponseWriter) {
	if s.stage.Load() > serving || s.estranged.Load() != nil {
		w.Header().Set("Connection", "close")
	}
}

// resident is a connection or a stream, as whoever sends it elsewhere sees it.
type resident interface {
	// settle makes the peer publish nothing more. What it gives is closed once all that
	// it has published is answered.
	settle() <-chan struct{}

	// move tells the peer to connect anew after a while, and ends. It may be called
	// more than once.
	move(code wire.CloseCode, after time.Duration)

	// abort ends without a word.
	abort()
}

// mover tells residents to go.
type mover struct {
	ctx      context.Context
	gone     <-chan struct{} // closed when there is nobody left
	code     wire.CloseCode
	patience time.Duration  // with the answers of one that is told; 0: until ctx ends
	waits    sync.WaitGroup // for those who are still to get answers
}

// empty tells all of them, spread over a time, and those who were just coming. It
// returns when each was told.
func (m *mover) empty(all *connections, over time.Duration) {
	m.tell(all.made(), over)
	all.part(m.move)
	m.waits.Wait()
}

// tell moves all of them in any order, spread over a time.
func (m *mover) tell(all []resident, over time.Duration) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	p, began := pace{len(all), over}, time.Now()
	for i, r := range all {
		if wait := p.at(i) - time.Since(began); wait > 0 {
			m.pause(wait)
		}
		m.move(r)
	}
}

// move tells one to go as soon as it has its answers, or patience or ctx ends.
func (m *mover) move(r resident) {
	after := time.Millisecond + rand.N(returnWithin)
	settled := r.settle()
	select {
	case <-settled:
		r.move(m.code, after)
		return
	default:
	}
	m.waits.Go(func() {
		ctx, cancel := m.patient()
		defer cancel()
		select {
		case <-settled:
		case <-ctx.Done():
		}
		r.move(m.code, after)
	})
}

// patient gives the context of one that waits for answers.
func (m *mover) patient() (context.Context, context.CancelFunc) {
	if m.patience == 0 {
		return m.ctx, func() {}
	}
	return context.WithTimeout(m.ctx, m.patience)
}

// pause waits, or less where there is nothing to wait for any more.
func (m *mover) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.gone:
	case <-m.ctx.Done():
	}
}

// pace is when each of n is told: in a stretch of time of its own, and somewhere in it.
type pace struct {
	n    int
	over time.Duration
}

// step is the length of one's stretch.
func (p pace) step() time.Duration {
	if p.n == 0 {
		return 0
	}
	return min(p.over/time.Duration(p.n), time.Second/leastPace)
}

// at gives the time from the beginning to when the ith is told.
func (p pace) at(i int) time.Duration {
	step := p.step()
	if step <= 0 {
		return 0
	}
	return time.Duration(i)*step + rand.N(step)
}

// settle is resident's.
func (c *conn) settle() <-chan struct{} { return c.speaks.settle() }

// move is resident's.
func (c *conn) move(code wire.CloseCode, after time.Duration) { c.end(code, after) }
