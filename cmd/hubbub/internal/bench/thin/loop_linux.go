package thin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a loop.
const (
	// DefaultAtOnce is how many connections are being opened at a time: fewer than a
	// listener's usual backlog of 4,096, beyond which the kernel lets them wait a
	// second.
	DefaultAtOnce = 2000

	eventsAtOnce = 512
	dialsARound  = 64                     // so that what comes in meanwhile does not wait
	longestWait  = 100 * time.Millisecond // between two calls of step
	timerSlot    = -1

	// Where a server writes to one connection after the other, each write would wake
	// this thread anew, at a cost to both. If it was woken less than briefly ago, it
	// naps first and then reads what has gathered: an arrival is noted that much too
	// late at most.
	briefly = 60 * time.Microsecond
	nap     = 30 * time.Microsecond
)

// Loop is one thread of connections.
type Loop struct {
	// AtOnce bounds the connections that are being opened at a time.
	AtOnce int

	// static after NewLoop
	epoll, timer int
	start        time.Time
	buf          []byte

	// owned by Run
	slots
	events  []unix.EpollEvent
	dirty   []*Conn // those with something to write
	queued  []*Conn // those to be opened
	opening int
	opened  int           // how many have been opened so far, for their source addresses
	now     time.Duration // as of the last read
	woken   time.Duration // when it last had to wait and something came
	armed   time.Duration // what the timer is set to
}

// slots are how an event finds its connection.
type slots struct {
	conns []*Conn // by slot
	spare []int32 // slots that are free
	freed []int32 // those that are as soon as the round is over
}

// NewLoop makes a loop; Close ends it.
func NewLoop() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err == nil {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: timerSlot})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("timer: %w", err), unix.Close(epoll))
	}
	return &Loop{
		AtOnce: DefaultAtOnce, epoll: epoll, timer: timer, start: time.Now(),
		buf: make([]byte, MaxMessage+64), events: make([]unix.EpollEvent, eventsAtOnce),
	}, nil
}

// Close drops every connection, without telling their handlers.
func (l *Loop) Close() error {
	for _, c := range l.conns {
		if c != nil {
			c.Drop()
		}
	}
	l.queued = nil
	return errors.Join(unix.Close(l.timer), unix.Close(l.epoll))
}

// Now is the time since the loop was made: the clock of stamps. Within
// Handler.Message it is the time at which the message was read.
func (l *Loop) Now() time.Duration { return l.now }

// Clock reads the clock itself.
func (l *Loop) Clock() time.Duration {
	l.now = time.Since(l.start)
	return l.now
}

// Opening tells how many connections are queued or on the way to be open.
func (l *Loop) Opening() int { return l.opening + len(l.queued) }

// Dial opens a connection as soon as it is its turn; h is told. A receive buffer
// of so many bytes is asked of the kernel; 0 leaves it to the kernel.
func (l *Loop) Dial(t *Target, h Handler, receiveBuffer int) *Conn {
	c := &Conn{Handler: h, loop: l, target: t, buffer: receiveBuffer, fd: -1, slot: -1}
	l.queued = append(l.queued, c)
	return c
}

// Run hands out what happens until step says that it is over or ctx ends. step is
// called after every round, at the latest at the time that it named (by Now), and
// ten times a second anyway.
func (l *Loop) Run(ctx context.Context, step func(now time.Duration) (next time.Duration, over bool)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := sharpTimers(true); err != nil {
		return err
	}
	defer func() { _ = sharpTimers(false) }()
	for ctx.Err() == nil {
		l.dialSome()
		next, over := step(l.Clock())
		l.flush()
		if over {
			return nil
		}
		if err := l.round(next); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// round waits for events and handles those that there are.
func (l *Loop) round(next time.Duration) error {
	n, err := l.wait(next)
	if err != nil {
		return err
	}
	for _, ev := range l.events[:n] {
		if ev.Fd == timerSlot {
			_, _ = Read(l.timer, l.buf[:8])
			l.armed = 0
			continue
		}
		c := l.conns[ev.Fd]
		if c != nil && ev.Events&unix.EPOLLOUT != 0 {
			c.writable()
		}
		if c != nil && ev.Events&^unix.EPOLLOUT != 0 && c.state != stateClosed {
			c.readable(ev.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0)
		}
	}
	l.spare, l.freed = append(l.spare, l.freed...), l.freed[:0]
	return nil
}

// wait looks without waiting first: under load there is something, and the costs of
// going to sleep are saved.
func (l *Loop) wait(next time.Duration) (int, error) {
	n, err := pollEpoll(l.epoll, l.events)
	if n > 0 || err != nil || next <= l.now && next > 0 || len(l.queued) > 0 && l.opening < l.AtOnce {
		return n, err
	}
	now := l.Clock()
	if now-l.woken < briefly && (next == 0 || next-now > nap) {
		sleepShort(nap)
		if n, err = pollEpoll(l.epoll, l.events); n > 0 || err != nil {
			l.woken = l.Clock()
			return n, err
		}
	}
	if err := l.arm(next); err != nil {
		return 0, err
	}
	n, err = unix.EpollWait(l.epoll, l.events, int(longestWait.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	l.woken = l.Clock()
	return n, err
}

// arm sets the timer, which is finer than epoll's own milliseconds.
func (l *Loop) arm(next time.Duration) error {
	if next == l.armed || next == 0 {
		return nil
	}
	l.armed = next
	left := max(next-l.Clock(), time.Nanosecond)
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(left.Nanoseconds())}
	return unix.TimerfdSettime(l.timer, 0, &spec, nil)
}

// flush writes what was queued in the round.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // a handler that is told of a failure may queue more
		l.dirty[i].flush()
	}
	l.dirty = l.dirty[:0]
}

// dialSome starts some of the connections whose turn it is.
func (l *Loop) dialSome() {
	for i := 0; i < dialsARound && len(l.queued) > 0 && l.opening < l.AtOnce; i++ {
		c := l.queued[0]
		l.queued = l.queued[1:]
		if c.state == stateClosed { // dropped before its turn
			continue
		}
		l.opening++
		c.state = stateOpening
		if err := c.connect(l.opened); err != nil {
			c.fail(err)
			continue
		}
		l.opened++
	}
}

// place gives a connection its slot.
func (l *Loop) place(c *Conn) {
	if n := len(l.spare); n > 0 {
		c.slot, l.spare = l.spare[n-1], l.spare[:n-1]
		l.conns[c.slot] = c
		return
	}
	c.slot = int32(len(l.conns))
	l.conns = append(l.conns, c)
}

// free takes the slot back, for use after the round: events of the old connection
// may still be in it.
func (l *Loop) free(c *Conn) {
	if c.slot >= 0 {
		l.conns[c.slot] = nil
		l.freed = append(l.freed, c.slot)
	}
}

// settled is told when a connection is no longer on its way.
func (l *Loop) settled(was state) {
	if was == stateOpening {
		l.opening--
	}
}

// key makes a masking key. It need not be hard to guess: there is no proxy to be
// fooled between a generator of load and its server.
func (l *Loop) key() (k [4]byte) {
	binary.LittleEndian.PutUint32(k[:], rand.Uint32()|1)
	return k
}
