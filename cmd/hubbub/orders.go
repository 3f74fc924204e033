package main

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/bridge"
)

// orders are the bans and revocations, and the connection that they come over.
type orders struct {
	*bridge.Orders
	nc *nats.Conn
}

// openOrders opens the bans and revocations, or creates them if the file that marks them
// is not there. There are as many copies of them as of the log.
func (e *engine) openOrders(ctx context.Context, prefix, mark string) error {
	nc, err := e.base.Connect("hubbub-orders")
	if err != nil {
		return err
	}
	cfg := bridge.OrdersConfig{Prefix: prefix, Replicas: e.log.Replicas(), Existing: exists(mark)}
	kept, err := bridge.OpenOrders(ctx, nc, cfg)
	if err != nil {
		nc.Close()
		return err
	}
	e.orders = &orders{kept, nc}
	return markFile(mark)
}

func (e *engine) closeOrders() {
	if e.orders != nil {
		e.orders.nc.Close()
	}
}

// ordersTime is how long the hub waits for the orders before it serves: nobody is let in
// without them.
const ordersTime = 10 * time.Second

// awaitOrders waits for them, so that whoever comes first is let in at once.
func awaitOrders(ctx context.Context, h *hub.Hub, log zerolog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, ordersTime)
	defer cancel()
	if err := h.AwaitReady(ctx); err != nil {
		log.Warn().Err(err).Msg("nobody is let in yet")
	}
}
