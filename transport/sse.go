package transport

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// maxStreamRooms is how many rooms one stream carries: their positions go with
// every event.
const maxStreamRooms = 20

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
	defer st.session.Close(hub.ReasonGone)
	st.run(r.Context())
}

// openStream makes the caller known and joins the first room.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) (*stream, error) {
	if r.Method == http.MethodHead {
		return nil, room.Errorf(room.CodeBadRequest, "method: is HEAD; a stream is opened with GET")
	}
	req, err := parseStream(r)
	if err != nil {
		return nil, err
	}
	who, err := s.identifyStream(r, req.name)
	if err != nil {
		return nil, err
	}
	caller := who.Caller()
	for _, name := range req.rooms {
		if err := mayWatch(caller, name, req); err != nil {
			return nil, err
		}
	}
	session, err := s.cfg.Hub.Connect(caller)
	if err != nil {
		return nil, err
	}
	st := &stream{
		srv: s, w: w, out: http.NewResponseController(w), session: session,
		req: req, at: req.since.of(req.rooms), ends: who.Expires.Add(s.cfg.Identity.Grace),
	}
	st.session.Send(hub.Frame{Data: wire.Encode(0, wire.Connected{
		User: who.User, Name: who.Name, Conn: session.ID(),
		PingMS: s.cfg.Limits.Ping.Milliseconds(), ExpiresAt: who.Expires.UnixMilli(), Token: who.issued,
		Server: "hubbub " + s.cfg.Version, Version: wire.Version,
	})})
	if err := st.join(r.Context(), req.rooms[0]); err != nil {
		session.Close(hub.ReasonGone)
		return nil, err
	}
	return st, nil
}

// identifyStream charges those who have no token, or a bad one, to their address.
func (s *Server) identifyStream(r *http.Request, name string) (identified, error) {
	tok, err := bearer(r)
	if err != nil {
		return identified{}, err
	}
	if tok == "" {
		if err := s.strange(r); err != nil {
			return identified{}, err
		}
	}
	who, err := s.cfg.Identity.identify(tok, name)
	if err != nil && tok != "" {
		if limited := s.strange(r); limited != nil {
			return identified{}, limited
		}
	}
	return who, err
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

// stream is one open GET /sse. The goroutine of its request owns it.
type stream struct {
	srv     *Server
	w       http.ResponseWriter
	out     *http.ResponseController
	session *hub.Session
	req     *streamRequest
	at      positions // where the peer stands, room by room
	live    bool      // the room joined last is live
	ends    time.Time // when the token is over
	frames  []hub.Frame
	buf     []byte
}

// run sends what is queued, joins the rooms that are left, and then sends what
// happens, until either side is gone.
func (st *stream) run(ctx context.Context) {
	if err := st.out.SetReadDeadline(time.Time{}); err != nil { // the server's own ends here
		return
	}
	h := st.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for proxies that would wait for more
	st.w.WriteHeader(http.StatusOK)
	// Peers that lose one instance come back over some time, not all at once.
	st.buf = append(st.buf, "retry: "+strconv.Itoa(300+rand.IntN(2700))+"\n\n"...)
	st.end(st.serve(ctx))
}

func (st *stream) serve(ctx context.Context) error {
	if err := st.catchUp(ctx); err != nil {
		return err
	}
	for {
		if err := st.pass(ctx); err != nil {
			return err
		}
	}
}

// catchUp joins every room and sends all that the peer has missed, one part after
// the other, so that no more than a part waits at any time. The first join was made
// before the stream began.
func (st *stream) catchUp(ctx context.Context) error {
	for i, name := range st.req.rooms {
		for first := i == 0; ; first = false {
			if !first {
				if err := st.join(ctx, name); err != nil {
					return err
				}
			}
			if err := st.pass(ctx); err != nil {
				return err
			}
			if st.live {
				break
			}
		}
	}
	return nil
}

// join asks for a room, or for the next part of what was missed of it.
func (st *stream) join(ctx context.Context, name string) error {
	req := hub.JoinRequest{Room: name, History: st.req.history, Presence: st.req.presence}
	if at, known := st.at[name]; known {
		req.Since = &at
	}
	return st.session.Join(ctx, req, func(j hub.Joined) {
		st.live = j.Live
		st.session.Send(hub.Frame{Data: wire.Encode(0, joinedFrame(name, j)), Room: name, At: j.At})
	})
}

// pass waits for what is queued, and sends it.
func (st *stream) pass(ctx context.Context) error {
	if !time.Now().Before(st.ends) {
		return errTokenOver
	}
	idle, cancel := context.WithTimeout(ctx, min(st.srv.cfg.Limits.Ping, time.Until(st.ends)))
	defer cancel()
	frames, err := st.session.Next(idle, st.frames)
	switch {
	case err == nil:
		st.frames = frames
		return st.write(frames)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		if !time.Now().Before(st.ends) {
			return errTokenOver
		}
		return st.write([]hub.Frame{{Data: pingFrame}})
	}
	return err
}

var errTokenOver = errors.New("the token is over")

// write sends frames, each as one message. Those that move a room carry the
// positions of all, for the peer to come back with.
func (st *stream) write(frames []hub.Frame) error {
	for _, f := range frames {
		if f.Room != "" && f.At.Epoch != "" {
			st.at[f.Room] = f.At
			st.buf = append(st.buf, "id: "...)
			st.buf = st.at.appendTo(st.buf)
			st.buf = append(st.buf, '\n')
		}
		// JSON breaks lines only between its parts, where a line end more or less
		// means nothing.
		for line := range bytes.Lines(f.Data) {
			st.buf = append(st.buf, "data: "...)
			st.buf = append(st.buf, bytes.TrimRight(line, "\r\n")...)
			st.buf = append(st.buf, '\n')
		}
		st.buf = append(st.buf, '\n')
	}
	return st.flush()
}

func (st *stream) flush() error {
	err := st.out.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		_, err = st.w.Write(st.buf)
	}
	if err == nil {
		err = st.out.Flush()
	}
	st.buf = st.buf[:0]
	if cap(st.buf) > maxKeptBuffer {
		st.buf = nil
	}
	return err
}

// maxKeptBuffer is what a stream may keep between two writes: a long catch-up must
// not stay in memory for as long as the stream does.
const maxKeptBuffer = 16 << 10

// end says goodbye. A peer that is gone does not hear it.
func (st *stream) end(why error) {
	code, retryAfter := wire.CloseInternal, time.Duration(0)
	reason, closed := errors.AsType[hub.Reason](why)
	failed, refused := errors.AsType[*room.Error](why)
	switch {
	case errors.Is(why, errTokenOver):
		code = wire.CloseTokenExpired
	case closed:
		code = closeCode(reason)
	case refused:
		retryAfter = failed.RetryAfter
	default:
		return // the peer went away
	}
	_ = st.write([]hub.Frame{{Data: wire.Encode(0, wire.DisconnectPush{
		Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds(),
	})}})
}
