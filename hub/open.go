package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// errRoomShut: the room was let go of between finding and using it; find it anew.
var errRoomShut = errors.New("the room was let go of")

// openTimeout bounds the reads with which a room is opened.
const openTimeout = 10 * time.Second

// live finds the room, or opens it, and waits until it is open.
func (h *Hub) live(ctx context.Context, name string) (*liveRoom, error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, room.Errorf(room.CodeUnavailable, "the hub is going down")
	}
	r := h.rooms[name]
	if r == nil {
		r = newLiveRoom(h, name)
		h.rooms[name] = r
		h.life.Start(r.open)
	}
	h.mu.Unlock()
	select {
	case <-r.opened:
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// open subscribes, and reads the newest events. What arrives in the meantime
// waits, and joins on to them; if it does not, the first catch-up joins both.
func (r *liveRoom) open() {
	ctx, cancel := context.WithTimeout(r.hub.ctx, openTimeout)
	defer cancel()
	if err := r.subscribe(); err != nil {
		r.fail(err)
		return
	}
	page, err := r.hub.read(ctx, r.name, Range{Limit: r.hub.cfg.Ring, Newest: true})
	if err != nil {
		r.stop()
		r.fail(err)
		return
	}
	r.mu.Lock()
	r.seed(page)
	r.takePending()
	whole := r.whole(r.at.Seq)
	r.catchUp.running = !whole
	r.mu.Unlock()
	close(r.opened)
	if !whole {
		r.runCatchUp()
	}
}

// fail takes the room out of the registry and tells those who wait.
func (r *liveRoom) fail(err error) {
	r.hub.mu.Lock()
	delete(r.hub.rooms, r.name)
	r.hub.mu.Unlock()
	r.mu.Lock()
	r.catchUp.shut = true
	r.mu.Unlock()
	r.err = unavailable(err)
	close(r.opened)
}

func (r *liveRoom) subscribe() error {
	stopLog, err := r.hub.cfg.Log.Watch(r.name, r)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	stopBus, err := r.hub.cfg.Bus.Subscribe(r.name, r.ephemeral)
	if err != nil {
		stopLog()
		return fmt.Errorf("subscribe: %w", err)
	}
	r.stop = func() { stopLog(); stopBus() }
	r.askOthers()
	return nil
}

// seed starts the room's state from its newest page. mu is held.
func (r *liveRoom) seed(page Page) {
	r.at = Position{Epoch: page.Epoch}
	r.state.Reset()
	r.changes.reset()
	r.dropParts(len(r.backlog.parts))
	items := make([]Item, 0, len(page.Entries)) // a quiet room's ring stays as small as this
	for _, e := range page.Entries {
		ev, err := room.DecodeEvent(e.Data)
		it := Item{Seq: e.Seq, Event: e.Data}
		if err != nil {
			ev, it.Event = standIn()
		}
		r.state.Apply(e.Seq, ev)
		items = append(items, it)
		r.at.Seq = e.Seq
	}
	r.ring.reset(items, page.More || page.Floor > 0)
}

// unavailable turns an error of the log into the one that a caller is told.
func unavailable(err error) error {
	if _, ok := errors.AsType[*room.Error](err); ok {
		return err
	}
	switch {
	case errors.Is(err, ErrBusy):
		return &room.Error{Code: room.CodeUnavailable, Message: "the log has too much to do; try again", RetryAfter: time.Second}
	case errors.Is(err, ErrTooLarge):
		return room.Errorf(room.CodeTooLarge, "%v", err)
	}
	return room.Errorf(room.CodeUnavailable, "%v", err)
}
