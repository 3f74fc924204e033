package transport

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// stream is one open GET /sse. The goroutine of its request owns it.
type stream struct {
	srv     *Server
	w       http.ResponseWriter
	out     *http.ResponseController
	session *hub.Session
	queue   *hub.Queue
	req     *streamRequest
	at      positions    // where the peer stands, room by room
	first   []hub.Frame  // go out before what is queued
	live    bool         // the room joined last is live
	ends    time.Time    // when the token is over
	after   atomic.Int64 // how long a peer that is moved is to wait, as a time.Duration
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
// the other, so that no more than a part is held at any time. The first join was
// made before the stream began.
func (st *stream) catchUp(ctx context.Context) error {
	for i, name := range st.req.rooms {
		for joined := i == 0; ; joined = false {
			if !joined {
				if err := st.join(ctx, name); err != nil {
					return err
				}
			}
			if err := st.drain(); err != nil {
				return err
			}
			if st.live {
				break
			}
		}
	}
	return nil
}

// join asks for a room, or for the next part of what was missed of it. The answer
// does not pass through the queue, whose bound is for what comes unasked: a part
// of a long absence can be larger. Whatever is newer in that room is queued, and so
// goes out behind it.
func (st *stream) join(ctx context.Context, name string) error {
	req := hub.JoinRequest{Room: name, History: st.req.history, Presence: st.req.presence}
	if at, known := st.at[name]; known {
		req.Since = &at
	}
	return st.session.Join(ctx, req, func(j hub.Joined) {
		st.live = j.Live
		st.first = append(st.first, hub.Frame{Data: wire.Encode(0, joinedFrame(name, j)), Room: name, At: j.At})
	})
}

// drain sends what goes first, and what is queued by now.
func (st *stream) drain() error {
	if err := st.write(st.first); err != nil {
		return err
	}
	st.first = nil
	over, cancel := context.WithCancel(context.Background())
	cancel()
	frames, err := st.queue.Next(over, st.frames)
	if errors.Is(err, context.Canceled) {
		return nil // there was nothing
	}
	if err != nil {
		return err
	}
	st.frames = frames
	return st.write(frames)
}

// pass waits until something is queued, and sends it.
func (st *stream) pass(ctx context.Context) error {
	if !time.Now().Before(st.ends) {
		return errTokenOver
	}
	idle, cancel := context.WithTimeout(ctx, min(st.srv.cfg.Limits.Ping, time.Until(st.ends)))
	defer cancel()
	frames, err := st.queue.Next(idle, st.frames)
	switch {
	case err == nil:
		st.frames = frames
		return st.write(frames)
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		if !time.Now().Before(st.ends) {
			return errTokenOver
		}
		return st.write([]hub.Frame{{Data: pingMessage}})
	}
	return err
}

var pingMessage = wire.Encode(0, wire.PingPush{})

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
		code, retryAfter = closeCode(reason), time.Duration(st.after.Load())
	case refused:
		retryAfter = failed.RetryAfter
	default:
		return // the peer went away
	}
	if retryAfter > 0 { // for EventSource, which comes back by itself and knows no codes
		st.buf = append(st.buf, "retry: "+strconv.FormatInt(retryAfter.Milliseconds(), 10)+"\n\n"...)
	}
	_ = st.write([]hub.Frame{{Data: wire.Encode(0, wire.DisconnectPush{
		Code: code, Reason: code.Name(), RetryAfterMS: retryAfter.Milliseconds(),
	})}})
}

// settled is closed: a stream has nothing to wait for, since what its peer publishes
// comes as requests of their own.
var settled = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// settle is resident's.
func (st *stream) settle() <-chan struct{} { return settled }

// move is resident's. What is queued is dropped: the peer comes back with its position.
func (st *stream) move(code wire.CloseCode, after time.Duration) {
	st.after.Store(int64(after))
	if code == wire.CloseMoved {
		st.session.Close(hub.ReasonMoved)
		return
	}
	st.session.Close(hub.ReasonShutdown)
}

// abort is resident's.
func (st *stream) abort() { st.session.Close(hub.ReasonGone) }
