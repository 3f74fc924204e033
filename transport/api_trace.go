package transport

import (
	"context"
	"net/http"
	"strconv"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
)

// trace tells what became of an event: GET /api/rooms/{room}/trace/{id}, where the id is
// a sequence with ?by=seq.
func (a *api) trace(w http.ResponseWriter, r *http.Request) {
	answer, err := a.traceEvent(r)
	if err != nil {
		a.srv.writeError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, encodeAnswer(answer))
}

func (a *api) traceEvent(r *http.Request) (any, error) {
	who, err := a.identify(r)
	if err != nil {
		return nil, err
	}
	if !who.server {
		return nil, room.Errorf(room.CodeForbidden, "trace: takes an API key, not a user's token")
	}
	req, err := traceRequest(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	return a.srv.cfg.Hub.Trace(ctx, req)
}

// traceRequest reads which event is meant.
func traceRequest(r *http.Request) (hub.TraceRequest, error) {
	req := hub.TraceRequest{Room: r.PathValue("room"), ID: r.PathValue("id")}
	q := r.URL.Query()
	switch by := q.Get("by"); by {
	case "", "id":
		if len(req.ID) > room.MaxID {
			return req, room.Errorf(room.CodeBadRequest, "id: is %d bytes long; an event's id has 1 to %d", len(req.ID), room.MaxID)
		}
		if req.User = q.Get("user"); req.User != "" {
			return req, checkUser(req.User)
		}
		return req, nil
	case "seq":
		seq, err := strconv.ParseUint(req.ID, 10, 64)
		if err != nil || seq == 0 {
			return req, room.Errorf(room.CodeBadRequest, "id: is %.20q; with by=seq give a sequence, a whole number from 1 on", req.ID)
		}
		if q.Has("user") {
			return req, room.Errorf(room.CodeBadRequest, "user: is for ids, which are unique for each user; a sequence is the room's")
		}
		req.ID, req.Seq = "", seq
		return req, nil
	default:
		return req, room.Errorf(room.CodeBadRequest, "by: is %.20q; give id or seq", by)
	}
}
