package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/hubbub-im/hubbub/room"
)

// DecodeCommand reads a frame from a client. Its error is a *room.Error (perhaps
// wrapped: see Malformed) with code bad_request, too_large or unknown_command,
// and the command then still holds the ID if that could be read, so that the
// error can be answered under it. The command keeps none of data's memory.
//
// It costs time and memory in proportion to the frame, whatever the frame holds;
// bounding the frame is the caller's.
func DecodeCommand(data []byte) (Command, error) {
	if err := checkFrame(data); err != nil {
		return Command{}, &malformedError{err}
	}
	var o object
	o.read("", data)
	id := o.whole(fID, 1, MaxID)
	kind := o.required(fType, 0)
	if o.err != nil {
		return Command{ID: id}, &malformedError{o.err}
	}
	body := o.command(kind)
	if o.err != nil {
		return Command{ID: id}, o.err
	}
	return Command{ID: id, Body: body}, nil
}

// Malformed reports whether an error of DecodeCommand means that the frame was no
// command at all: not one JSON object in UTF-8, or without a type or a usable id.
// Such a frame is answered even though no id is known, and a few in a row end the
// connection.
func Malformed(err error) bool {
	_, ok := errors.AsType[*malformedError](err)
	return ok
}

type malformedError struct{ err *room.Error }

func (e *malformedError) Error() string { return e.err.Error() }
func (e *malformedError) Unwrap() error { return e.err }

// checkFrame makes sure that data is one JSON object in UTF-8, so that everything
// behind it can rely on that. encoding/json gives up at 10,000 levels of nesting.
func checkFrame(data []byte) *room.Error {
	if !utf8.Valid(data) {
		return room.Errorf(room.CodeBadRequest, "frame: is not valid UTF-8; send JSON in UTF-8")
	}
	if !json.Valid(data) {
		var discard json.RawMessage
		err := json.Unmarshal(data, &discard)
		at := int64(len(data))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset
		}
		return room.Errorf(room.CodeBadRequest, "frame: is not JSON: %v at byte %d; send one JSON object", err, at)
	}
	if start := data[skipSpace(data, 0):]; start[0] != '{' {
		return room.Errorf(room.CodeBadRequest, "frame: is %s; send one JSON object", describe(start))
	}
	return nil
}

// command reads the body of the command called kind.
func (o *object) command(kind string) Body {
	switch kind {
	case typeConnect:
		return &Connect{Token: o.text(fToken, MaxToken), Name: o.text(fName, room.MaxInfo), Client: o.text(fClient, 0)}
	case typeRefresh:
		return &Refresh{Token: o.required(fToken, MaxToken)}
	case typeJoin:
		return o.join()
	case typeLeave:
		return &Leave{Room: o.room()}
	case typePublish:
		return o.publish()
	case typeBatch:
		return o.batch()
	case typeHistory:
		return o.history()
	case typePresence:
		return &Presence{Room: o.room()}
	case typeTyping:
		return o.typing()
	case typeBroadcast:
		return o.broadcast()
	case typePositions:
		return o.positions()
	case typePing:
		return &Ping{}
	case typePong:
		return &Pong{}
	}
	if body := o.docCommand(kind); body != nil {
		return body
	}
	o.err = room.Errorf(room.CodeUnknownCommand, "type: there is no command %.32q; known are %s", kind, strings.Join(CommandTypes, ", "))
	return nil
}

func (o *object) join() Body {
	j := &Join{Room: o.room(), Presence: o.boolean(fPresence)}
	if o.has(fHistory) {
		j.History = new(int(o.whole(fHistory, 0, MaxJoinHistory)))
	}
	var since object
	if o.object(fSince, "since.", &since) {
		j.Since = since.position()
		o.check(since.error())
	}
	return j
}

func (o *object) position() *Position {
	if !o.has(fEpoch) {
		o.wrong(fEpoch, `the epoch of the last joined reply, or "" with seq 0 for the whole room`)
	}
	if !o.has(fSeq) {
		o.wrong(fSeq, "the highest sequence that was processed")
	}
	return &Position{Epoch: o.text(fEpoch, 0), Seq: o.whole(fSeq, 0, MaxID)}
}

// error gives err as an interface that is nil when there is none.
func (o *object) error() error {
	if o.err == nil {
		return nil
	}
	return o.err
}

func (o *object) publish() Body {
	p := &Publish{Room: o.room()}
	if !o.has(fEvent) {
		o.wrong(fEvent, "an object")
	}
	var event object
	if o.object(fEvent, "event.", &event) {
		p.Event = event.event()
		o.check(event.error())
	}
	return p
}

func (o *object) batch() Body {
	b := &Batch{Room: o.room()}
	list := o.array(fEvents, MaxBatch)
	b.Events = make([]room.Command, 0, len(list))
	for _, raw := range list {
		if raw[0] != '{' {
			o.fail(fEvents, "holds "+describe(raw)+"; each event is an object")
			return nil
		}
		var event object
		event.read("events.", raw)
		b.Events = append(b.Events, event.event())
		if o.check(event.error()); o.err != nil {
			return nil
		}
	}
	return b
}

// event reads what is to be published. Its bounds are those of room.Accept.
func (o *object) event() room.Command {
	c := room.Command{
		Kind: room.Kind(o.text(fKind, 0)), ID: o.text(fID, 0), Text: o.text(fText, 0), Data: o.value(fData),
		ReplyTo: o.whole(fReplyTo, 1, MaxID), Target: o.whole(fTarget, 1, MaxID),
		Emoji: o.text(fEmoji, 0), Type: o.text(fType, 0),
	}
	if !o.has(fKind) {
		c.Kind = room.KindMessage
	}
	return c
}

func (o *object) history() Body {
	h := &History{Room: o.room(), Changes: o.boolean(fChanges), Limit: DefaultHistory}
	if o.has(fLimit) {
		h.Limit = int(o.whole(fLimit, 1, MaxHistory))
	}
	for _, a := range []struct {
		field  field
		anchor Anchor
		lowest uint64
	}{{fBefore, AnchorBefore, 1}, {fAfter, AnchorAfter, 0}, {fAround, AnchorAround, 1}} {
		if !o.has(a.field) {
			continue
		}
		if h.Anchor != AnchorNewest {
			o.fail(a.field, "stands beside "+string(h.Anchor)+"; give at most one of before, after and around")
		}
		h.Anchor, h.Seq = a.anchor, o.whole(a.field, a.lowest, MaxID)
	}
	return h
}

func (o *object) typing() Body {
	if !o.has(fTyping) {
		o.wrong(fTyping, "true or false")
	}
	return &Typing{Room: o.room(), Typing: o.boolean(fTyping)}
}

// broadcast holds data to the bounds that it would have in an event: nothing
// behind this looks into it again.
func (o *object) broadcast() Body {
	b := &Broadcast{Room: o.room(), Data: o.value(fData)}
	switch {
	case b.Data == nil:
		o.wrong(fData, "any JSON value")
	case len(b.Data) > room.MaxData && o.err == nil:
		o.err = room.Errorf(room.CodeTooLarge, "data: is %d bytes long; at most %d", len(b.Data), room.MaxData)
	case depth(b.Data) > room.MaxDepth && o.err == nil:
		o.err = room.Errorf(room.CodeBadRequest, "data: is nested deeper than %d levels", room.MaxDepth)
	}
	return b
}

func (o *object) positions() Body {
	list := o.array(fRooms, MaxPositions)
	p := &Positions{Rooms: make([]string, 0, len(list))}
	for _, raw := range list {
		if raw[0] != '"' {
			o.fail(fRooms, "holds "+describe(raw)+"; each room is a string")
			return nil
		}
		name := string(unquote(raw))
		if o.check(room.CheckName(name)); o.err != nil {
			return nil
		}
		p.Rooms = append(p.Rooms, name)
	}
	return p
}
