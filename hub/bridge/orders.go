package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hubbub-im/hubbub/hub"
)

// Orders is a hub.Orders in a bucket of JetStream's key-value store.
type Orders struct {
	kv jetstream.KeyValue
}

var _ hub.Orders = (*Orders)(nil)

// OrdersConfig says where orders are kept. A zero in any field but Existing means its
// default.
type OrdersConfig struct {
	Prefix   string // as of the logs; "hubbub"
	Replicas int    // 1
	Existing bool   // the bucket was there: that it is gone is an error, since whom it banned would be let in
}

// OpenOrders opens the bucket of orders, or creates it. The connection stays the
// caller's.
func OpenOrders(ctx context.Context, nc *nats.Conn, cfg OrdersConfig) (*Orders, error) {
	orDefault(&cfg.Prefix, "hubbub")
	orDefault(&cfg.Replicas, 1)
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	bucket := strings.ToUpper(cfg.Prefix) + "_ORDERS"
	kv, err := js.KeyValue(ctx, bucket)
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound) && cfg.Existing:
		return nil, fmt.Errorf("the bucket %s, with all bans and revocations, is gone: restore it from a backup, or let the hub forget that it was there", bucket)
	case errors.Is(err, jetstream.ErrBucketNotFound):
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: bucket, Description: "bans and revocations", History: 1,
			Storage: jetstream.FileStorage, Replicas: cfg.Replicas,
		})
		if errors.Is(err, jetstream.ErrBucketExists) { // another instance was faster
			kv, err = js.KeyValue(ctx, bucket)
		}
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("bucket %s: %w", bucket, err))
	}
	return &Orders{kv}, nil
}

// Put stores data; see hub.Orders.
func (o *Orders) Put(ctx context.Context, key string, data []byte) error {
	if key == "" || len(key) > hub.MaxOrderKey {
		return fmt.Errorf("key: is %d bytes long; give 1 to %d", len(key), hub.MaxOrderKey)
	}
	if _, err := o.kv.Put(ctx, key, data); err != nil {
		return unavailable(fmt.Errorf("put: %w", err))
	}
	return nil
}

// Delete removes what is stored; see hub.Orders.
func (o *Orders) Delete(ctx context.Context, key string) error {
	if err := o.kv.Purge(ctx, key); err != nil {
		return unavailable(fmt.Errorf("delete: %w", err))
	}
	return nil
}

// Watch brings what is stored and what changes; see hub.Orders. The client makes a
// watch anew after a lost connection, where it stopped.
func (o *Orders) Watch(fn func(hub.OrderChange)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	w, err := o.kv.WatchAll(ctx)
	if err != nil {
		cancel()
		return nil, unavailable(fmt.Errorf("watch: %w", err))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range w.Updates() {
			fn(changeOf(e))
		}
	}()
	return func() {
		_ = w.Stop() // the connection may be gone, and the watch with it
		cancel()
		<-done
	}, nil
}

func changeOf(e jetstream.KeyValueEntry) hub.OrderChange {
	switch {
	case e == nil:
		return hub.OrderChange{Whole: true}
	case e.Operation() != jetstream.KeyValuePut:
		return hub.OrderChange{Key: e.Key()}
	}
	data := e.Value()
	if data == nil {
		data = []byte{}
	}
	return hub.OrderChange{Key: e.Key(), Data: data}
}
