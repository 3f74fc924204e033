package transport

import (
	"context"
	"net/http"

	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// serveSSECommand is POST /sse: one command of a peer that has a stream, or has
// none; any instance answers. The answer is the command's reply, errors included,
// so that a client reads it as it reads what comes over a WebSocket.
func (s *Server) serveSSECommand(w http.ResponseWriter, r *http.Request) {
	cmd, reply, err := s.runCommand(w, r)
	if err != nil {
		s.writeFrameError(w, r, cmd.ID, err)
		return
	}
	writeJSON(w, http.StatusOK, wire.Encode(cmd.ID, reply))
}

func (s *Server) runCommand(w http.ResponseWriter, r *http.Request) (wire.Command, wire.Message, error) {
	who, err := s.api.identify(r)
	if err != nil {
		return wire.Command{}, nil, err
	}
	if who.server {
		return wire.Command{}, nil, room.Errorf(room.CodeForbidden, "X-API-Key: this path takes a user's token; the paths under /api take keys")
	}
	body, err := readBody(w, r, int64(s.cfg.Limits.Frame))
	if err != nil {
		return wire.Command{}, nil, err
	}
	cmd, err := wire.DecodeCommand(body)
	if err != nil {
		return cmd, nil, err
	}
	if err := who.pay(cost(cmd) - 1); err != nil {
		return cmd, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	reply, err := s.answer(ctx, who.caller, cmd.Body)
	return cmd, reply, err
}

// writeFrameError answers with an error frame, under the status of its code.
func (s *Server) writeFrameError(w http.ResponseWriter, r *http.Request, id uint64, err error) {
	e := s.tell(w, r, err)
	writeJSON(w, wire.HTTPStatus(e.Code), wire.Encode(id, wire.ErrorOf(e)))
}
