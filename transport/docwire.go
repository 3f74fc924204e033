package transport

import (
	"net/http"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// Documents are edited over the protocols of others, as their stock clients speak them:
// y-websocket (yjs.go) and Hocuspocus (hocuspocus.go). Both are binary.

// serveYjs is GET /yjs/{doc...}.
func (s *Server) serveYjs(w http.ResponseWriter, r *http.Request) {
	name, token := r.PathValue("doc"), r.URL.Query().Get("token")
	s.upgrade(w, r, upgrade{compression: noCompression, protocol: func(c *conn) protocol {
		return &yjsPeer{conn: c, window: newWindow(c.srv.cfg.Limits), name: name, token: token}
	}})
}

// serveHocuspocus is GET /hocuspocus.
func (s *Server) serveHocuspocus(w http.ResponseWriter, r *http.Request) {
	s.upgrade(w, r, upgrade{compression: noCompression, protocol: newHocuspocus})
}

// noCompression: what editors send is small, and compact already.
const noCompression compression = -1

// messageRoom is what a message may have beside an update: names, numbers.
const messageRoom = 1 << 10

// docCode is what a connection to a document is closed with. What has 4400 to 4499
// makes y-websocket stay away; anything else makes it come back.
func docCode(err *room.Error) wire.CloseCode {
	switch err.Code {
	case room.CodeUnauthorized:
		return 4401
	case room.CodeTokenExpired:
		return wire.CloseTokenExpired
	case room.CodeForbidden:
		return 4403
	case room.CodeNotFound:
		return 4404
	case room.CodeConflict:
		return 4409
	case room.CodeTooLarge:
		return 4413
	case room.CodeUnavailable, room.CodeRateLimited, room.CodeLimitReached, room.CodeInternal:
		return wire.CloseOverloaded
	default:
		return 4400
	}
}

// stayAway turns a code of the hub's that clients are not to come back after into one
// that y-websocket understands so.
func stayAway(code wire.CloseCode) wire.CloseCode {
	if code < 4000 && !code.Reconnect() {
		return 4403
	}
	return code
}

// documentText is what is said of documents to people: without the code in front.
func documentText(err *room.Error) string { return err.Message }

// docOutlet lets the hub end a connection that has no rooms.
type docOutlet struct {
	*conn
	regrant func(room.Caller)
}

// Regrant takes documents away that the caller is banned from; see hub.Regranter.
func (o docOutlet) Regrant(caller room.Caller) { o.regrant(caller) }

// Deliver has nothing to deliver; see hub.Outlet.
func (docOutlet) Deliver(*hub.Round, int) bool { return true }

// Lag says what waits for the peer; see hub.Outlet.
func (o docOutlet) Lag() hub.Lag { return o.out.behind() }

// End says goodbye for the hub; see hub.Outlet.
func (o docOutlet) End(why hub.Reason) {
	if why != hub.ReasonGone {
		o.conn.endDropping(closeCode(why))
	}
}

// docFrames are frames of a document as a sender takes them.
type docFrames struct{ docs.Frames }

// Compressed gives the frames as they are, which a peer who takes compression takes too.
func (f docFrames) Compressed(from int) []byte { return f.Bytes(from) }

// CompressedFrame is Compressed for one.
func (f docFrames) CompressedFrame(i int) (data []byte, key string) { return f.Frame(i) }

// Waits is noted of rounds in rooms alone.
func (docFrames) Waits() {}
