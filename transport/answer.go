package transport

import (
	"context"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// answer runs a command that needs no connection, for whichever edge it came in
// at, and gives its reply.
func (s *Server) answer(ctx context.Context, caller room.Caller, body wire.Body) (wire.Message, error) {
	switch cmd := body.(type) {
	case *wire.Publish:
		o, err := s.publish(ctx, caller, cmd.Room, []room.Command{cmd.Event})
		if err != nil {
			return nil, err
		}
		if o[0].Err != nil {
			return nil, o[0].Err
		}
		return ackFrame(cmd.Room, o[0]), nil
	case *wire.Batch:
		o, err := s.publish(ctx, caller, cmd.Room, cmd.Events)
		if err != nil {
			return nil, err
		}
		return acksFrame(cmd.Room, o), nil
	case *wire.History:
		page, err := s.cfg.Hub.History(ctx, caller, historyRequest(cmd))
		if err != nil {
			return nil, err
		}
		return historyFrame(cmd.Room, page), nil
	case *wire.Presence:
		return s.members(ctx, caller, cmd.Room)
	case *wire.Broadcast:
		if err := s.cfg.Hub.Broadcast(caller, cmd.Room, cmd.Data); err != nil {
			return nil, err
		}
		return wire.Ack{Room: cmd.Room}, nil
	case *wire.Typing:
		if err := s.cfg.Hub.Typing(caller, cmd.Room, cmd.Typing); err != nil {
			return nil, err
		}
		return wire.Ack{Room: cmd.Room}, nil
	case *wire.Positions:
		return s.positions(ctx, caller, cmd.Rooms)
	case *wire.Ping:
		return wire.PongReply{}, nil
	}
	return nil, room.Errorf(room.CodeBadRequest, "%s: needs an open WebSocket", body.Type())
}

// publish waits for the log's answer.
func (s *Server) publish(ctx context.Context, caller room.Caller, name string, cmds []room.Command) ([]hub.Outcome, error) {
	answered := make(chan []hub.Outcome, 1)
	s.cfg.Hub.Publish(ctx, caller, name, cmds, func(o []hub.Outcome) { answered <- o })
	select {
	case o := <-answered:
		return o, nil
	case <-ctx.Done():
		return nil, room.Errorf(room.CodeUnavailable, "the log gave no answer in time; repeat with the same id to find out")
	}
}

func (s *Server) members(ctx context.Context, caller room.Caller, name string) (wire.Message, error) {
	if err := room.CheckName(name); err != nil {
		return nil, err
	}
	if !caller.Grants.Allow(name, room.VerbPresence) {
		return nil, room.Errorf(room.CodeForbidden, "the grants do not cover %q in this room", room.VerbPresence)
	}
	w := s.cfg.Hub.Whereabouts(ctx, name, wire.MaxMembers)
	return wire.Members{Room: name, Count: w.Users, Members: w.Members, Incomplete: w.Incomplete}, nil
}

// positions tells where those of the rooms stand that the caller may see.
func (s *Server) positions(ctx context.Context, caller room.Caller, rooms []string) (wire.Message, error) {
	seen := make([]string, 0, len(rooms))
	for _, name := range rooms {
		if caller.Grants.Allow(name, room.VerbJoin) || caller.Grants.Allow(name, room.VerbHistory) {
			seen = append(seen, name)
		}
	}
	tails, err := s.cfg.Hub.Positions(ctx, seen)
	if err != nil {
		return nil, err
	}
	reply := wire.PositionsReply{Positions: make(map[string]wire.Position, len(seen))}
	for i, name := range seen {
		reply.Positions[name] = wire.Position{Epoch: tails[i].Epoch, Seq: tails[i].Seq}
	}
	return reply, nil
}
