package hub

import (
	"context"
	"errors"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

const (
	catchUpPage  = 500
	catchUpRead  = 10 * time.Second      // bound on one look at the log
	catchUpFirst = 20 * time.Millisecond // wait after the first failure,
	catchUpLast  = 2 * time.Second       // doubled up to this one
	catchUpTries = 12                    // empty reads in a row before an entry counts as lost
)

// errLost: the log named an entry and cannot give it.
var errLost = errors.New("an entry that the log announced cannot be read")

// startCatchUp begins to read from the log what the room has not seen. From then
// on entries wait in pending. mu is held.
func (r *liveRoom) startCatchUp() {
	if r.catchUp.running {
		r.catchUp.again = true
		return
	}
	if !r.catchUp.shut && r.hub.life.Start(r.runCatchUp) {
		r.catchUp.running = true
		r.hub.counter.repairs.Add(1)
	}
}

// runCatchUp reads until the room stands where the log stands, delivers what
// waited, and ends. It goes on for as long as the log does not answer.
func (r *liveRoom) runCatchUp() {
	wait, empty := catchUpFirst, 0
	for {
		moved, done, err := r.catchUpOnce(empty >= catchUpTries)
		r.Flush()
		if done {
			return
		}
		if err != nil {
			r.hub.cfg.Fault(r.name, err)
		}
		if moved {
			wait, empty = catchUpFirst, 0
			continue
		}
		if err == nil {
			empty++
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, catchUpLast)
		case <-r.hub.ctx.Done():
			return
		}
	}
}

// catchUpOnce takes one look at the log. moved: something was gained; done: the
// room is whole, and entries are delivered directly again.
func (r *liveRoom) catchUpOnce(giveUp bool) (moved, done bool, err error) {
	ctx, cancel := context.WithTimeout(r.hub.ctx, catchUpRead)
	defer cancel()
	r.mu.Lock()
	r.catchUp.again = false
	at := r.at
	r.mu.Unlock()

	tail, err := r.hub.cfg.Log.Tail(ctx, r.name)
	if err != nil {
		return false, false, err
	}
	if tail.Epoch != at.Epoch {
		return true, false, r.startOver(ctx, ResetEpoch)
	}
	page, err := r.hub.cfg.Log.Read(ctx, r.name, Range{After: at.Seq, Limit: catchUpPage})
	if err != nil {
		return false, false, err
	}
	if page.Epoch != at.Epoch {
		return true, false, r.startOver(ctx, ResetEpoch)
	}
	if page.Floor > at.Seq {
		return true, false, r.startOver(ctx, ResetTrimmed)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	moved = r.take(page.Entries)
	moved = r.takePending() || moved
	if r.whole(tail.Seq) {
		r.catchUp.running, r.catchUp.pending = false, nil
		return moved, true, nil
	}
	if giveUp && !moved {
		return r.skip(), false, errLost
	}
	return moved, false, nil
}

// whole reports whether nothing is missing that anybody has named. mu is held.
func (r *liveRoom) whole(tail uint64) bool {
	return r.at.Seq >= tail && len(r.catchUp.pending) == 0 && !r.catchUp.again
}

// take delivers a page that was read after r.at. mu is held.
func (r *liveRoom) take(entries []Entry) (moved bool) {
	for _, e := range entries {
		if e.Seq > r.at.Seq {
			r.deliver(e)
			moved = true
		}
	}
	return moved
}

// takePending delivers what waited, as far as it joins on without a hole. mu is
// held.
func (r *liveRoom) takePending() (moved bool) {
	pending := r.catchUp.pending
	for len(pending) > 0 {
		e := pending[0]
		if e.Prev > r.at.Seq && e.Seq > r.at.Seq {
			break
		}
		if e.Seq > r.at.Seq {
			r.deliver(e)
			moved = true
		}
		pending = pending[1:]
	}
	r.catchUp.pending = pending
	return moved
}

// skip goes past an entry that cannot be had, and tells the members so first: what
// they hold from here on has a hole. mu is held.
func (r *liveRoom) skip() bool {
	if len(r.catchUp.pending) == 0 {
		return false
	}
	e := r.catchUp.pending[0]
	r.catchUp.pending = r.catchUp.pending[1:]
	r.hub.counter.resets.Add(1)
	r.tell(ResetPush{Room: r.name, At: r.at, Reason: ResetEpoch}, r.at, "")
	r.deliver(e)
	return true
}

// startOver takes the room's state from the log anew and tells the members that
// what they hold may be wrong.
func (r *liveRoom) startOver(ctx context.Context, why ResetReason) error {
	page, err := r.hub.cfg.Log.Read(ctx, r.name, Range{Limit: r.hub.cfg.Ring, Newest: true})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub.counter.resets.Add(1)
	r.catchUp.pending, r.catchUp.again = nil, true // what waited may be of the old epoch
	r.seed(page)
	r.acked = 0
	r.tell(ResetPush{Room: r.name, At: r.at, Reason: why}, r.at, "")
	return room.Errorf(room.CodeUnavailable, "the room's log was reset: %s", why)
}
