package bot

import (
	"context"
	"errors"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/client"
)

// saveEvery is how many events that no handler wanted may lie between the kept
// cursor and the room's.
const saveEvery = 100

// runner follows one room.
type runner struct {
	// static after Run has made it
	bot    *Bot
	hub    *client.Client
	room   *client.Room
	work   context.Context // the handlers'
	slots  chan struct{}   // a token for each handler under way
	handle Handler

	// owned by run
	posted map[string]client.Ack // own events behind the cursor at the start, by id
	until  client.Position       // up to where posted reaches
	skip   client.Position       // events up to it were handled before a reset, or never will be
	last   client.Position       // the newest event that was given
	saved  client.Position
	idle   int // events since the cursor was kept
}

// run follows the room until ctx ends.
func (r *runner) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return ended(ctx, err)
	}
	for {
		in, err := r.room.Next(ctx)
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx) // what came is handled after the restart
		}
		if err != nil {
			return errors.Join(ended(ctx, err), r.save())
		}
		switch in := in.(type) {
		case *client.Gap:
			r.gap(in)
		case *client.Event:
			if err := r.event(ctx, in); err != nil {
				return ended(ctx, err)
			}
		}
	}
}

// ended is nil if an error is only that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// begin joins the room from where the cursor stands, or from now on.
func (r *runner) begin(ctx context.Context) error {
	at, known, err := r.bot.cursor.Load(r.room.Name())
	if err != nil {
		return err
	}
	if !known {
		if err := r.room.Join(ctx); err != nil {
			return err
		}
		r.last = r.room.Position()
		return r.save()
	}
	r.last, r.saved = at, at
	if err := r.findPosted(ctx, at); err != nil {
		return err
	}
	return r.room.Join(ctx, client.Since(at))
}

// findPosted reads what the bot itself has posted behind the cursor: the answers
// of handlers whose end was never noted.
func (r *runner) findPosted(ctx context.Context, at client.Position) error {
	me := r.hub.User().ID
	r.posted = make(map[string]client.Ack)
	for after := at.Seq; ; {
		page, err := r.room.History(ctx, client.After(after), client.Limit(200))
		if err != nil {
			return err
		}
		if page.Epoch != at.Epoch {
			return nil // the join will tell of it
		}
		for _, e := range page.Events {
			after = e.Seq
			r.until = e.Position
			if e.User == me && byBot(e) {
				r.posted[e.ID] = client.Ack{Position: e.Position, Duplicate: true}
			}
		}
		if !page.MoreAfter || len(page.Events) == 0 {
			return nil
		}
	}
}

// gap takes the news that events are missing. Behind a reset of the log come
// events that may have been handled under other sequences: they are not handled
// again.
func (r *runner) gap(g *client.Gap) {
	r.posted = nil
	if g.Reason == client.GapEpoch || g.Reason == client.GapAhead {
		r.skip = g.At
	}
	r.bot.onGap(r.room.Name(), g)
}

// event handles an event, if it is one for a handler, and moves the cursor. An
// error means that the bot cannot go on.
func (r *runner) event(ctx context.Context, e *client.Event) error {
	if e.Epoch != r.until.Epoch || e.Seq >= r.until.Seq {
		r.posted = nil // whatever is posted from here on was not posted before
	}
	c := &Ctx{Context: r.work, runner: r, me: r.hub.User(), event: e}
	if !r.wanted(c) {
		r.last = e.Position
		if r.idle++; r.idle >= saveEvery {
			return r.save()
		}
		return nil
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := r.handle(c); err != nil {
		if r.work.Err() != nil || r.hub.Err() != nil {
			return err // cut short: it is handled again, after the restart
		}
		r.bot.onError(c, err)
	}
	r.last = e.Position
	return r.save()
}

// wanted reports whether there is a handler for the event, and sets it in c.
func (r *runner) wanted(c *Ctx) bool {
	e := c.event
	switch {
	case e.Kind != room.KindMessage || e.User == c.me.ID:
		return false
	case e.Epoch == r.skip.Epoch && e.Seq <= r.skip.Seq:
		return false
	case byBot(e) && !r.bot.includeBots:
		return false
	}
	c.route = r.bot.find(c)
	return c.route != nil
}

// save keeps the cursor.
func (r *runner) save() error {
	r.idle = 0
	if r.last == r.saved {
		return nil
	}
	if err := r.bot.cursor.Save(r.room.Name(), r.last); err != nil {
		return err
	}
	r.saved = r.last
	return nil
}
