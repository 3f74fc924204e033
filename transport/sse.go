package transport

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// maxStreamRooms is how many rooms one stream carries: their positions go with
// every event.
const maxStreamRooms = 20

// maxStreamFrames is how many frames may wait for one stream.
const maxStreamFrames = 4096

// streamRequest is what GET /sse asks for.
type streamRequest struct {
	rooms    []string
	history  int
	presence bool
	name     string
	since    positions
}

// serveSSE is GET /sse: the frames of a WebSocket, in one direction. What can be
// refused is refused before the stream begins, with a status that EventSource
// understands.
func (s *Server) serveSSE(w http.ResponseWriter, r *http.Request) {
	st, err := s.openStream(w, r)
	if err != nil {
		s.writeFrameError(w, r, 0, err)
		return
	}
	defer s.conns.end(st)
	defer st.session.Close(hub.ReasonGone)
	s.conns.start(st)
	st.run(r.Context())
}

// openStream makes the caller known and joins the first room.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) (*stream, error) {
	if r.Method == http.MethodHead {
		return nil, room.Errorf(room.CodeBadRequest, "method: is HEAD; a stream is opened with GET")
	}
	if err := s.refuseNew(); err != nil {
		return nil, err
	}
	req, err := parseStream(r)
	if err != nil {
		return nil, err
	}
	tok, err := bearer(r)
	if err != nil {
		return nil, err
	}
	if err := s.welcome(r.Context()); err != nil {
		return nil, err
	}
	who, err := s.introduce(r.RemoteAddr, tok, req.name)
	if err != nil {
		return nil, err
	}
	caller := who.Caller()
	for _, name := range req.rooms {
		if err := mayWatch(caller, name, req); err != nil {
			return nil, err
		}
	}
	queue := hub.NewQueue(s.cfg.Limits.QueueBytes, maxStreamFrames)
	session, err := s.cfg.Hub.Connect(caller, queue)
	if err != nil {
		return nil, err
	}
	st := &stream{
		srv: s, w: w, out: http.NewResponseController(w), session: session, queue: queue,
		req: req, at: req.since.of(req.rooms), ends: who.Expires.Add(s.cfg.Identity.Grace),
	}
	st.first = []hub.Frame{{Data: wire.Encode(0, wire.Connected{
		User: who.User, Name: who.Name, Conn: session.ID(),
		PingMS: s.cfg.Limits.Ping.Milliseconds(), ExpiresAt: who.Expires.UnixMilli(), Token: who.issued,
		Server: "hubbub " + s.cfg.Version, Version: wire.Version,
	})}}
	if err := st.join(r.Context(), req.rooms[0]); err != nil {
		session.Close(hub.ReasonGone)
		return nil, err
	}
	if !s.conns.begin(st) {
		session.Close(hub.ReasonGone)
		return nil, s.refusedLate()
	}
	return st, nil
}

// mayWatch checks the grants for all of it up front: a stream that begins has all
// of its rooms.
func mayWatch(caller room.Caller, name string, req *streamRequest) error {
	verbs := []room.Verb{room.VerbJoin}
	if _, resumes := req.since[name]; resumes || req.history > 0 {
		verbs = append(verbs, room.VerbHistory)
	}
	if req.presence {
		verbs = append(verbs, room.VerbPresence)
	}
	for _, v := range verbs {
		if !caller.Grants.Allow(name, v) {
			return room.Errorf(room.CodeForbidden, "room %q: the grants do not cover %q", name, v)
		}
	}
	return nil
}

func parseStream(r *http.Request) (*streamRequest, error) {
	q := r.URL.Query()
	req := &streamRequest{name: q.Get("name")}
	seen := map[string]bool{}
	for _, name := range q["room"] {
		if err := room.CheckName(name); err != nil {
			return nil, err
		}
		if !seen[name] {
			seen[name] = true
			req.rooms = append(req.rooms, name)
		}
	}
	if n := len(req.rooms); n == 0 || n > maxStreamRooms {
		return nil, room.Errorf(room.CodeBadRequest, "room: %d are given; give 1 to %d, as ?room=a&room=b", n, maxStreamRooms)
	}
	var err error
	if req.history, err = streamHistory(q); err != nil {
		return nil, err
	}
	switch v := q.Get("presence"); v {
	case "", "0", "false":
	case "1", "true":
		req.presence = true
	default:
		return nil, room.Errorf(room.CodeBadRequest, "presence: is %.20q; give 1, or leave it out", v)
	}
	req.since, err = parsePositions(r.Header.Get("Last-Event-ID"))
	return req, err
}

func streamHistory(q url.Values) (int, error) {
	if !q.Has("history") {
		return 0, nil
	}
	n, err := strconv.Atoi(q.Get("history"))
	if err != nil || n < 0 || n > wire.MaxJoinHistory {
		return 0, room.Errorf(room.CodeBadRequest, "history: is %.20q; give a whole number from 0 to %d", q.Get("history"), wire.MaxJoinHistory)
	}
	return n, nil
}
