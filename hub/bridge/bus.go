package bridge

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

// Bus is a hub.Bus on core NATS. It has goroutines only while somebody is
// subscribed.
type Bus struct {
	nc     *nats.Conn
	prefix string
	fan    *fan[*busReceiver]
}

// busReceiver is one Subscribe call.
type busReceiver struct {
	fn func([]byte)
	on atomic.Bool // false after stop
}

// NewBus makes a Bus on a connection, which stays the caller's. The prefix of its
// subjects is that of the Log; empty: "hubbub".
func NewBus(nc *nats.Conn, prefix string) *Bus { return newBus(nc, prefix, "bus") }

// NewDocBus makes a Bus whose names are those of documents: a room and a document of
// one name do not hear each other.
func NewDocBus(nc *nats.Conn, prefix string) *Bus { return newBus(nc, prefix, "docbus") }

func newBus(nc *nats.Conn, prefix, word string) *Bus {
	orDefault(&prefix, "hubbub")
	return &Bus{nc: nc, prefix: prefix + "." + word + ".", fan: newFan(nc, func(r *busReceiver, msg *nats.Msg) {
		if r.on.Load() {
			r.fn(msg.Data)
		}
	}, nil, nil)}
}

// Publish sends to all subscribers of the room; see hub.Bus.
func (b *Bus) Publish(room string, data []byte) error {
	err := b.nc.Publish(b.prefix+escape(room), data)
	switch {
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return unavailable(errors.New("no connection to NATS; it is being made again"))
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// Subscribe calls fn with what is published from now on; see hub.Bus.
func (b *Bus) Subscribe(room string, fn func([]byte)) (stop func(), err error) {
	subject, r := b.prefix+escape(room), &busReceiver{fn: fn}
	r.on.Store(true)
	if err := b.fan.add(subject, r); err != nil {
		return nil, unavailable(err)
	}
	stop = func() {
		r.on.Store(false)
		_ = b.fan.remove(subject, r) // the connection may be gone, and the subscription with it
	}
	if err := b.nc.FlushTimeout(flushTimeout); err != nil {
		stop()
		return nil, unavailable(fmt.Errorf("subscribe: %w", err))
	}
	return stop, nil
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", hub.ErrUnavailable, err) }
