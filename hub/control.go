package hub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	// maxOrders bounds what is held in memory; a thousand take about 300 KB.
	maxOrders = 100_000
	// orderRetry is how long the hub waits before it tries again to read the orders.
	orderRetry = time.Second
	// orderLook is how often somebody who has given an order looks whether it holds.
	orderLook = 5 * time.Millisecond
	// orderSweep is how often those whose time is over are taken out.
	orderSweep = time.Minute
)

// control is the orders in force.
type control struct {
	mu    sync.Mutex // guards what follows; taken last
	whole bool       // all that is stored was read
	all   room.Orders
}

// Admit holds a caller against bans and revocations: it gives what is left of the
// caller's grants, or why the caller is not let in. Until the orders have been read
// nobody is.
func (h *Hub) Admit(caller room.Caller) (room.Caller, error) {
	if h.cfg.Orders == nil {
		return caller, nil
	}
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	if !h.control.whole {
		return caller, errOrdersUnread
	}
	return h.control.all.Admit(caller, time.Now())
}

var errOrdersUnread = &room.Error{
	Code: room.CodeUnavailable, Message: "the bans and revocations have not been read yet; try again", RetryAfter: time.Second,
}

// Ready is nil once the hub knows whom it must not let in.
func (h *Hub) Ready() error {
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	if h.cfg.Orders != nil && !h.control.whole {
		return errOrdersUnread
	}
	return nil
}

// AwaitReady waits until Ready is nil, or ctx ends.
func (h *Hub) AwaitReady(ctx context.Context) error {
	tick := time.NewTicker(orderLook)
	defer tick.Stop()
	for {
		err := h.Ready()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// Order stores an order. When it returns nil the order is durable and holds on this
// instance; it reaches the others at once.
func (h *Hub) Order(ctx context.Context, o room.Order) error {
	now := time.Now()
	if o.At == 0 {
		o.At = now.UnixMilli()
	}
	if err := o.Check(now); err != nil {
		return err
	}
	if err := h.mayOrder(); err != nil {
		return err
	}
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("encode an order: %w", err)
	}
	if err := h.cfg.Orders.Put(ctx, orderKey(o), data); err != nil {
		return unavailable(fmt.Errorf("store the order: %w", err))
	}
	h.awaitOrder(ctx, o)
	return nil
}

// awaitOrder waits until the watch has brought the order, so that it takes its place
// among the changes of its key. A watch that is late is not waited for.
func (h *Hub) awaitOrder(ctx context.Context, o room.Order) {
	late := time.NewTimer(orderRetry)
	defer late.Stop()
	look := time.NewTicker(orderLook)
	defer look.Stop()
	for !h.holds(o) {
		select {
		case <-look.C:
			continue
		case <-late.C:
		case <-ctx.Done():
		case <-h.ctx.Done():
		}
		h.obey(o)
	}
}

func (h *Hub) holds(o room.Order) bool {
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	held, had := h.control.all.Get(o)
	return had && held.At >= o.At
}

func (h *Hub) mayOrder() error {
	if h.cfg.Orders == nil {
		return room.Errorf(room.CodeUnavailable, "this hub keeps no bans and revocations")
	}
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	if h.control.all.Len() >= maxOrders {
		return room.Errorf(room.CodeLimitReached, "there are %d bans and revocations, which is the limit; give them an end, or take some back", maxOrders)
	}
	return nil
}

// Withdraw takes an order back, and reports whether there was one. Who was banned is let
// in with the next connection.
func (h *Hub) Withdraw(ctx context.Context, o room.Order) (had bool, err error) {
	if h.cfg.Orders == nil {
		return false, h.mayOrder()
	}
	h.control.mu.Lock()
	_, had = h.control.all.Get(o)
	h.control.mu.Unlock()
	if err := h.cfg.Orders.Delete(ctx, orderKey(o)); err != nil {
		return false, unavailable(fmt.Errorf("take the order back: %w", err))
	}
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	h.control.all.Remove(o)
	return had, nil
}

// Ordered lists the orders in force, sorted by user.
func (h *Hub) Ordered() []room.Order {
	h.control.mu.Lock()
	defer h.control.mu.Unlock()
	return h.control.all.All()
}

// orderKey is an order's key as every Orders takes it.
func orderKey(o room.Order) string { return base64.RawURLEncoding.EncodeToString([]byte(o.Key())) }

// heed reads the orders and follows them, and takes out those that are over. It runs
// until the hub is closed.
func (h *Hub) heed() {
	var stop func()
	for stop == nil {
		var err error
		if stop, err = h.cfg.Orders.Watch(h.takeOrder); err == nil {
			break
		}
		h.cfg.Fault("", fmt.Errorf("read the bans and revocations: %w", err))
		select {
		case <-time.After(orderRetry):
		case <-h.ctx.Done():
			return
		}
	}
	defer stop()
	tick := time.NewTicker(orderSweep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.sweepOrders()
		case <-h.ctx.Done():
			return
		}
	}
}

// sweepOrders removes the orders that are over. Every instance does, which is no harm.
func (h *Hub) sweepOrders() {
	h.control.mu.Lock()
	over := h.control.all.Over(time.Now())
	h.control.mu.Unlock()
	for _, o := range over {
		ctx, cancel := context.WithTimeout(h.ctx, catchUpRead)
		if err := h.cfg.Orders.Delete(ctx, orderKey(o)); err != nil {
			h.cfg.Fault("", fmt.Errorf("remove an order that is over: %w", err))
		}
		cancel()
	}
}

// takeOrder hears of a change.
func (h *Hub) takeOrder(c OrderChange) {
	if c.Whole {
		h.control.mu.Lock()
		h.control.whole = true
		h.control.mu.Unlock()
		return
	}
	o, err := decodeOrder(c)
	if err != nil {
		h.cfg.Fault("", err)
		return
	}
	if c.Data != nil {
		h.obey(o)
		return
	}
	h.control.mu.Lock()
	h.control.all.Remove(o)
	h.control.mu.Unlock()
}

// decodeOrder reads an order, or of one that was deleted what its key says.
func decodeOrder(c OrderChange) (o room.Order, err error) {
	if c.Data != nil {
		if err := json.Unmarshal(c.Data, &o); err != nil {
			return o, fmt.Errorf("an order that cannot be read, and does not hold: %w", err)
		}
		return o, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(c.Key)
	if err != nil {
		return o, fmt.Errorf("the key of an order: %w", err)
	}
	return room.OrderOf(string(key))
}

// obey makes an order hold: for who comes from now on, and for who is here.
func (h *Hub) obey(o room.Order) {
	h.control.mu.Lock()
	h.control.all.Set(o)
	h.control.mu.Unlock()
	h.mu.Lock()
	var found []*Session
	for _, s := range h.sessions {
		if c := s.Caller(); o.User != "" && c.User == o.User || o.Token != "" && c.TokenID == o.Token {
			found = append(found, s)
		}
	}
	h.mu.Unlock()
	for _, s := range found {
		// Not here: this may be called where nothing may wait.
		h.life.Start(s.obey)
	}
}

// obey ends the session, or narrows it, if the orders say so. It may be called at any
// time.
func (s *Session) obey() {
	admitted, err := s.hub.Admit(s.Caller())
	switch e := room.AsError(err); {
	case err == nil:
		s.narrow(admitted)
	case e.Code == room.CodeForbidden:
		s.Close(ReasonBanned)
	case e.Code == room.CodeUnauthorized:
		s.Close(ReasonRevoked)
	}
}

// narrow takes away what the caller may no longer do.
func (s *Session) narrow(caller room.Caller) {
	if err := s.take(caller, "this user is banned from the room"); err != nil {
		return // it was for another user, which it is not
	}
	if o, ok := s.outlet.(Regranter); ok {
		o.Regrant(caller)
	}
}

// Regranter is an Outlet that has more of the peer's than the hub knows, as documents.
type Regranter interface {
	// Regrant says what the peer's caller may do from now on. It must not block.
	Regrant(caller room.Caller)
}
