package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/hubbub-im/hubbub/room"
)

// MaxBatch is how many commands one Publish takes.
const MaxBatch = 500

// Outcome is the answer to one command: its place in the room's order, or why it
// has none.
type Outcome struct {
	At        Position
	Duplicate bool // it was stored before, under the same id; At is that place
	Err       *room.Error
}

// Publish judges commands and appends the events of those that are accepted, in
// their order. done is called once with an outcome for each, on a goroutine of
// the log: it must not block. Publish itself waits for the log only if a command
// refers to a message that is not at hand; ctx bounds that.
func (h *Hub) Publish(ctx context.Context, caller room.Caller, name string, cmds []room.Command, done func([]Outcome)) {
	outcomes := make([]Outcome, len(cmds))
	records := make([]Record, 0, len(cmds))
	places := make([]int, 0, len(cmds)) // places[i] is the command of records[i]
	for i, cmd := range cmds {
		rec, err := h.judge(ctx, caller, name, cmd)
		if err != nil {
			outcomes[i].Err = room.AsError(err)
			continue
		}
		records, places = append(records, rec), append(places, i)
	}
	finish := func() {
		for i := range outcomes {
			switch o := &outcomes[i]; {
			case o.Err != nil:
				h.counter.refused.Add(1)
			case !o.Duplicate:
				h.counter.published.Add(1)
			}
		}
		done(outcomes)
	}
	if len(records) == 0 {
		finish()
		return
	}
	err := h.cfg.Log.Append(name, records, func(acks []Ack) {
		for i, ack := range acks {
			outcomes[places[i]] = h.outcome(ack)
		}
		h.noteAcks(name, acks)
		finish()
	})
	if err != nil {
		for _, i := range places {
			outcomes[i].Err = room.AsError(h.cannot(err))
		}
		finish()
	}
}

// noteAcks tells the live room, if there is one, of the highest ack, and keeps all of
// them in mind for a while.
func (h *Hub) noteAcks(name string, acks []Ack) {
	var highest Position
	for _, ack := range acks {
		if ack.Err == nil && ack.Seq > highest.Seq {
			highest = ack.Position
		}
	}
	if highest.Seq == 0 {
		return
	}
	if r := h.known(name); r != nil {
		name = r.name
		r.wasAcked(highest)
	} else {
		name = strings.Clone(name) // which may be a part of something larger
	}
	h.past.acked(name, acks)
}

// judge turns a command into the record to store.
func (h *Hub) judge(ctx context.Context, caller room.Caller, name string, cmd room.Command) (Record, error) {
	target, err := h.target(ctx, caller, name, &cmd)
	if err != nil {
		return Record{}, err
	}
	ev, err := room.Accept(caller, name, cmd, target, time.Now())
	if err != nil {
		return Record{}, err
	}
	data, err := ev.Encode()
	if err != nil {
		return Record{}, err
	}
	return Record{ID: recordID(caller.User, cmd.ID), Data: data}, nil
}

func (h *Hub) outcome(ack Ack) Outcome {
	if ack.Err != nil {
		return Outcome{Err: room.AsError(h.cannot(ack.Err))}
	}
	return Outcome{At: ack.Position, Duplicate: ack.Duplicate}
}

// cannot turns an error of the log into what a publisher is told, with the
// engine's own reason if it has one.
func (h *Hub) cannot(err error) error {
	if reason := h.cfg.Log.Health(); reason != nil {
		err = fmt.Errorf("%w (%w)", err, reason)
	}
	return unavailable(err)
}

// recordID makes a publisher's id one that no other user can repeat.
func recordID(user, id string) string {
	if id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(user + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
