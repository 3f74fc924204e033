package transport

import (
	"context"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

func (a *api) publish(ctx context.Context, req *request) (any, error) {
	body, err := req.decode("publish")
	if err != nil {
		return nil, err
	}
	if err := req.author(); err != nil {
		return nil, err
	}
	cmd := body.(*wire.Publish)
	req.identifyEvents(&cmd.Event)
	return a.srv.answer(ctx, req.caller, cmd)
}

// batch answers each event for itself. When the log took none of them the whole
// request failed, and a client that looks at the status alone must see that.
func (a *api) batch(ctx context.Context, req *request) (any, error) {
	body, err := req.decode("batch")
	if err != nil {
		return nil, err
	}
	if err := req.author(); err != nil {
		return nil, err
	}
	cmd := body.(*wire.Batch)
	events := make([]*room.Command, len(cmd.Events))
	for i := range cmd.Events {
		events[i] = &cmd.Events[i]
	}
	req.identifyEvents(events...)
	if err := req.pay(len(cmd.Events) / 10); err != nil {
		return nil, err
	}
	outcomes, err := a.srv.publish(ctx, req.caller, cmd.Room, cmd.Events)
	if err != nil {
		return nil, err
	}
	if err := noneTaken(outcomes); err != nil {
		return nil, err
	}
	return acksFrame(cmd.Room, outcomes), nil
}

// noneTaken gives the error of a batch that could not be stored at all.
func noneTaken(outcomes []hub.Outcome) error {
	for _, o := range outcomes {
		if o.Err == nil || !o.Err.Code.Retryable() {
			return nil
		}
	}
	return outcomes[0].Err
}

func (a *api) broadcast(ctx context.Context, req *request) (any, error) {
	body, err := req.decode("broadcast")
	if err != nil {
		return nil, err
	}
	if req.key != "" {
		return nil, room.Errorf(room.CodeBadRequest, "Idempotency-Key: a broadcast is not stored, so that a repeat cannot be told; leave it out")
	}
	if err := req.author(); err != nil {
		return nil, err
	}
	return a.srv.answer(ctx, req.caller, body)
}

func (a *api) history(ctx context.Context, req *request) (any, error) {
	body, err := req.decode("history")
	if err != nil {
		return nil, err
	}
	return a.srv.answer(ctx, req.caller, body)
}

const (
	defaultRooms = 100
	maxRooms     = 1000
)

type roomsRequest struct {
	Prefix string `json:"prefix"`
	After  string `json:"after"`
	Limit  *int   `json:"limit"`
}

type roomsAnswer struct {
	Rooms      []roomAnswer `json:"rooms"`
	More       bool         `json:"more"`
	Incomplete bool         `json:"incomplete,omitempty"`
}

type roomAnswer struct {
	Room        string       `json:"room"`
	Users       int          `json:"users"`
	Connections int          `json:"connections"`
	Instances   []room.Share `json:"instances"`
	Epoch       string       `json:"epoch"`
	Seq         uint64       `json:"seq"`
}

// rooms lists the rooms that have members on any instance, by name.
func (a *api) rooms(ctx context.Context, req *request) (any, error) {
	var ask roomsRequest
	if err := req.envelope(&ask); err != nil {
		return nil, err
	}
	limit := defaultRooms
	if ask.Limit != nil {
		limit = *ask.Limit
	}
	if limit < 1 || limit > maxRooms {
		return nil, room.Errorf(room.CodeBadRequest, "limit: is %d; give 1 to %d", limit, maxRooms)
	}
	page := a.srv.cfg.Hub.RoomPage(ctx, ask.Prefix, ask.After, limit)
	answer := roomsAnswer{Rooms: []roomAnswer{}, More: page.More, Incomplete: page.Incomplete}
	for _, i := range page.Rooms {
		answer.Rooms = append(answer.Rooms, roomAnswer{i.Room, i.Users, i.Sessions, i.Shares, i.At.Epoch, i.At.Seq})
	}
	return answer, nil
}
