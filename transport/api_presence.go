package transport

import (
	"context"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// whereAnswer is what an operator is told of who is in a room: a members reply, and
// where they are.
type whereAnswer struct {
	Type        string        `json:"type"`
	Room        string        `json:"room"`
	Count       int           `json:"count"`
	Connections int           `json:"connections"`
	Members     []whereMember `json:"members"`
	Instances   []room.Share  `json:"instances"`
	Incomplete  bool          `json:"incomplete,omitempty"`
}

type whereMember struct {
	room.Member
	On []string `json:"on"`
}

// presence tells a user who is in a room, and a server where they are as well.
func (a *api) presence(ctx context.Context, req *request) (any, error) {
	body, err := req.decode("presence")
	if err != nil {
		return nil, err
	}
	if !req.server {
		return a.srv.answer(ctx, req.caller, body)
	}
	name := body.(*wire.Presence).Room
	if err := room.CheckName(name); err != nil {
		return nil, err
	}
	w := a.srv.cfg.Hub.Whereabouts(ctx, name, wire.MaxMembers)
	answer := whereAnswer{
		Type: wire.Members{}.Type(), Room: name, Count: w.Users, Connections: w.Connections,
		Members: []whereMember{}, Instances: w.Shares, Incomplete: w.Incomplete,
	}
	for i, m := range w.Members {
		answer.Members = append(answer.Members, whereMember{m, w.On[i]})
	}
	return answer, nil
}
