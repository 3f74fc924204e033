package bridge

import (
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub"
)

// busQueue is how many signals may wait for one room; what comes beyond is lost,
// as a Bus may.
const busQueue = 1024

// Bus is a hub.Bus on core NATS.
type Bus struct {
	nc     *nats.Conn
	prefix string
}

// NewBus makes a Bus on a connection, which stays the caller's.
func NewBus(nc *nats.Conn, prefix string) *Bus {
	orDefault(&prefix, "hubbub")
	return &Bus{nc: nc, prefix: prefix + ".bus."}
}

// Publish sends to all subscribers of the room.
func (b *Bus) Publish(room string, data []byte) error {
	if err := b.nc.Publish(b.prefix+escape(room), data); err != nil {
		return fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	return nil
}

// Subscribe calls fn with what is published from now on.
func (b *Bus) Subscribe(room string, fn func([]byte)) (stop func(), err error) {
	sub, err := b.nc.Subscribe(b.prefix+escape(room), func(msg *nats.Msg) { fn(msg.Data) })
	if err != nil {
		return nil, fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	if err := sub.SetPendingLimits(busQueue, -1); err != nil {
		return nil, fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	if err := b.nc.FlushTimeout(flushTimeout); err != nil {
		return nil, fmt.Errorf("%w: %w", hub.ErrUnavailable, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}
