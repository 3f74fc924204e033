package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hubbub-im/hubbub/hub/bridge"
)

// ordersFile says, in the data folder, that the bans and revocations were there.
const ordersFile = "orders.created"

// orders are the bans and revocations, and the connection that they come over.
type orders struct {
	*bridge.Orders
	nc *nats.Conn
}

// openOrders opens the bans and revocations, or creates them if the file that marks them
// is not there.
func openOrders(ctx context.Context, e *engine, data string) (*orders, error) {
	mark := filepath.Join(data, ordersFile)
	_, err := os.Stat(mark)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	existing := err == nil
	nc, err := e.server.Connect("hubbub-orders")
	if err != nil {
		return nil, err
	}
	kept, err := bridge.OpenOrders(ctx, nc, bridge.OrdersConfig{Existing: existing})
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("data folder %s: %w", data, err)
	}
	if _, err := dataFile(mark, func() []byte { return []byte(time.Now().UTC().Format(time.RFC3339) + "\n") }); err != nil {
		nc.Close()
		return nil, err
	}
	return &orders{kept, nc}, nil
}

func (o *orders) close() { o.nc.Close() }
