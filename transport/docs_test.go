package transport

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// docClient is a client of y-websocket or Hocuspocus that speaks frame by frame.
type docClient struct {
	t  *testing.T
	ws *websocket.Conn
}

func (e *edge) dialDoc(path string) *docClient {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+e.addr+path, nil)
	require.NoError(e.t, err)
	ws.SetReadLimit(-1)
	e.t.Cleanup(func() { _ = ws.CloseNow() })
	return &docClient{e.t.(*testing.T), ws}
}

func (c *docClient) send(frame []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	require.NoError(c.t, c.ws.Write(ctx, websocket.MessageBinary, frame))
}

// next gives the next frame, or how the connection was closed.
func (c *docClient) next() ([]byte, *websocket.CloseError) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if closed := (websocket.CloseError{}); errors.As(err, &closed) {
		return nil, &closed
	}
	require.NoError(c.t, err)
	return data, nil
}

// yjs gives the next message of y-websocket.
func (c *docClient) yjs() yjs.Message {
	c.t.Helper()
	data, closed := c.next()
	require.Nil(c.t, closed)
	m, err := yjs.DecodeMessage(data, yjs.Limits{})
	require.NoError(c.t, err)
	return m
}

// closed passes by what comes, and gives how the connection ends.
func (c *docClient) closed() (code int, reason string, denied string) {
	c.t.Helper()
	for {
		data, closed := c.next()
		if closed != nil {
			return int(closed.Code), closed.Reason, denied
		}
		if m, err := yjs.DecodeMessage(data, yjs.Limits{}); err == nil && m.Type == yjs.MessageAuth {
			denied = string(m.Data)
		}
	}
}

func syncing(t yjs.SyncType, data []byte) []byte {
	return yjs.Message{Type: yjs.MessageSync, Sync: t, Data: data}.Encode()
}

// writes is an update in which a client begins with a text.
func writes(client byte, text string) []byte {
	return append(append([]byte{1, 1, client, 0, 4, 1, 1, 't', byte(len(text))}, text...), 0)
}

func awareness(client, clock uint64, state string) []byte {
	return yjs.Message{Type: yjs.MessageAwareness, Data: yjs.EncodeAwareness([]yjs.AwarenessState{{Client: client, Clock: clock, State: []byte(state)}})}.Encode()
}

func TestYWebsocket(t *testing.T) {
	e := newEdge(t)
	a, b := e.dialDoc("/yjs/room/doc"), e.dialDoc("/yjs/room%2Fdoc?token="+e.token("bo", room.Everything()))
	for _, c := range []*docClient{a, b} {
		m := c.yjs()
		require.Equal(t, yjs.SyncStep1, m.Sync, "the hub asks first")
		require.Equal(t, []byte{0}, m.Data)
		c.send(syncing(yjs.SyncStep1, []byte{0}))
		m = c.yjs()
		require.Equal(t, yjs.SyncStep2, m.Sync)
		require.Equal(t, []byte{0, 0}, m.Data)
	}
	a.send(syncing(yjs.SyncUpdate, writes(1, "hello")))
	for _, c := range []*docClient{a, b} {
		m := c.yjs()
		require.Equal(t, yjs.SyncUpdate, m.Sync, "for the other at once, for the writer when it is saved")
		require.Equal(t, writes(1, "hello"), m.Data)
	}
	a.send(awareness(1, 1, `{"name":"a"}`))
	for _, c := range []*docClient{a, b} {
		require.Equal(t, yjs.MessageAwareness, c.yjs().Type)
	}
	late := e.dialDoc("/yjs/room/doc")
	require.Equal(t, yjs.MessageSync, late.yjs().Type)
	require.Equal(t, yjs.MessageAwareness, late.yjs().Type, "who is here already")
	require.NoError(t, a.ws.Close(websocket.StatusNormalClosure, ""))
	states, err := yjs.DecodeAwareness(b.yjs().Data, yjs.Limits{})
	require.NoError(t, err)
	require.True(t, states[0].Gone())
	require.Equal(t, 1, e.docs.Stats().Documents, "both ways to write a name are one")
}

func TestYWebsocketRefuses(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.docs.Limits.Update = 1 << 10 })
	reads := "?token=" + e.token("eve", room.Grants{"doc": {room.VerbDocRead}})
	for name, row := range map[string]struct {
		path   string
		frames [][]byte
		code   int
		reason string
	}{
		"a token that is none":      {"/yjs/doc?token=nonsense", nil, 4401, "not a JWT"},
		"a token without the grant": {"/yjs/other" + reads, nil, 4403, "doc:read"},
		"a name with a space":       {"/yjs/a%20b", nil, 4400, "document: holds ' '"},
		"a name of 10 KB":           {"/yjs/" + strings.Repeat("x", 10<<10), nil, 4400, "at most 128"},
		"a name of nothing":         {"/yjs/", nil, 4400, "document: is empty"},
		"a name without a title":    {"/yjs/a%2F", nil, 4400, "last slash"},
		"a message of no type":      {"/yjs/doc", [][]byte{{77}}, 4400, "message of type 77"},
		"an empty message":          {"/yjs/doc", [][]byte{{}}, 4400, "message"},
		"text that is none":         {"/yjs/doc", [][]byte{syncing(yjs.SyncUpdate, []byte{1, 2, 3})}, 4400, "nothing of it was taken"},
		"a length beyond the frame": {"/yjs/doc", [][]byte{{0, 2, 0xff, 0xff, 0xff, 0x7f}}, 4400, "message"},
		"too much at once":          {"/yjs/doc", [][]byte{syncing(yjs.SyncUpdate, make([]byte, 1100))}, 4413, "at most 1024"},
		"a state vector cut off":    {"/yjs/doc", [][]byte{syncing(yjs.SyncStep1, []byte{9})}, 4400, "update"},
		"awareness cut off":         {"/yjs/doc", [][]byte{{1, 3, 9, 1, 1}}, 4400, "awareness"},
	} {
		c := e.dialDoc(row.path)
		for _, f := range row.frames {
			c.send(f)
		}
		code, reason, denied := c.closed()
		require.Equal(t, row.code, code, "%s: %s", name, reason)
		require.Contains(t, reason, row.reason, name)
		require.Contains(t, denied, row.reason, "%s: said in the protocol too", name)
	}
	c := e.dialDoc("/yjs/doc" + reads)
	require.Equal(t, yjs.MessageSync, c.yjs().Type)
	require.Contains(t, string(c.yjs().Data), "doc:write", "who may only read is told at once")
	c.send(syncing(yjs.SyncUpdate, writes(7, "no")))
	require.Contains(t, string(c.yjs().Data), "doc:write", "and when they write")
	c.send(syncing(yjs.SyncStep1, []byte{0}))
	require.Equal(t, []byte{0, 0}, c.yjs().Data, "and goes on reading")
}

// hocus is a client of Hocuspocus on one document.
type hocus struct {
	*docClient
	name string
}

func (h hocus) say(m yjs.Message) {
	h.t.Helper()
	h.send(yjs.HocuspocusFrame{Document: h.name, Message: m}.Encode())
}

func (h hocus) auth(token string) {
	h.t.Helper()
	h.say(yjs.Message{Type: yjs.MessageAuth, Auth: yjs.AuthToken, Data: []byte(token), Version: []byte("4.8.0")})
}

func (h hocus) hear() yjs.Message {
	h.t.Helper()
	data, closed := h.next()
	require.Nil(h.t, closed)
	f, err := yjs.DecodeHocuspocus(data, yjs.Limits{})
	require.NoError(h.t, err)
	require.Equal(h.t, h.name, f.Document)
	return f.Message
}

func (h hocus) wantDenied(reason string) {
	h.t.Helper()
	m := h.hear()
	require.Equal(h.t, yjs.MessageAuth, m.Type)
	require.Equal(h.t, yjs.AuthDenied, m.Auth)
	require.Contains(h.t, string(m.Data), reason)
}

func (h hocus) wantGranted(scope string) {
	h.t.Helper()
	m := h.hear()
	require.Equal(h.t, yjs.MessageAuth, m.Type, "%v", m)
	require.Equal(h.t, yjs.AuthGranted, m.Auth)
	require.Equal(h.t, scope, string(m.Data))
}

func TestHocuspocus(t *testing.T) {
	e := newEdge(t)
	write := e.token("ada", room.Grants{"doc": {room.VerbDocWrite}})
	read := e.token("eve", room.Grants{"doc": {room.VerbDocRead}, "more": {room.VerbDocWrite}})
	a, b := hocus{e.dialDoc("/hocuspocus"), "doc"}, hocus{e.dialDoc("/hocuspocus"), "doc"}
	a.auth(write)
	a.wantGranted("read-write")
	a.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: []byte{0}})
	require.Equal(t, yjs.SyncStep2, a.hear().Sync)
	require.Equal(t, yjs.SyncStep1, a.hear().Sync, "the hub asks in turn")
	a.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep2, Data: []byte{0, 0}})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus, Saved: true}, a.hear())

	b.auth(read)
	b.wantGranted("readonly")
	a.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: writes(1, "hello")})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus, Saved: true}, a.hear())
	require.Equal(t, writes(1, "hello"), b.hear().Data)

	b.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep2, Data: writes(1, "hello")})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus, Saved: true}, b.hear(), "it is nothing new")
	b.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: writes(2, "mine")})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus}, b.hear())

	more := hocus{b.docClient, "more"}
	more.auth(read)
	more.wantGranted("read-write")
	none := hocus{b.docClient, "none"}
	none.auth(read)
	none.wantDenied("doc:read")
	none.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: []byte{0}}) // as the client does regardless
	b.send([]byte{byte(yjs.MessagePing)})
	data, _ := b.next()
	require.Equal(t, []byte{byte(yjs.MessagePong)}, data, "without a second refusal")

	b.auth(e.token("eve", room.Grants{"doc": {room.VerbDocWrite}}))
	b.wantGranted("read-write")
	b.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: writes(2, "mine")})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus, Saved: true}, b.hear())
	require.Equal(t, writes(2, "mine"), a.hear().Data)

	b.auth(e.token("eve", room.Grants{"elsewhere": {room.VerbJoin}}))
	b.wantDenied("doc:read")
	require.Equal(t, yjs.MessageClose, b.hear().Type, "a token that grants nothing ends it")
	more.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: []byte{0}})
	require.Equal(t, yjs.SyncStep2, more.hear().Sync, "and leaves the other one alone")
	require.Equal(t, yjs.SyncStep1, more.hear().Sync)

	require.Equal(t, 1, e.hub.Disconnect("eve"))
	code, _, _ := b.closed()
	require.Equal(t, 3502, code)
}

func TestHocuspocusRefuses(t *testing.T) {
	e := newEdge(t)
	h := hocus{e.dialDoc("/hocuspocus"), "doc"}
	h.auth("nonsense")
	h.wantDenied("not a JWT")
	h.auth(e.token("ada", room.Everything()))
	h.wantGranted("read-write")
	h.say(yjs.Message{Type: yjs.MessageBroadcastStateless, Data: []byte("all of you")})
	h.wantDenied("type 6")
	require.Equal(t, yjs.MessageClose, h.hear().Type)

	h.auth(e.token("ada", room.Everything()))
	h.wantGranted("read-write")
	h.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: []byte{1, 2}})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus}, h.hear())
	h.wantDenied("nothing of it was taken")
	require.Equal(t, yjs.MessageClose, h.hear().Type)

	long := hocus{h.docClient, strings.Repeat("x", 300)}
	long.auth(e.token("ada", room.Everything()))
	long.wantDenied("at most 128")

	h.send([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	code, reason, _ := h.closed()
	require.Equal(t, 4400, code)
	require.Contains(t, reason, "message")

	big := e.dialDoc("/hocuspocus")
	big.send(make([]byte, maxStranger+1))
	code, _, _ = big.closed()
	require.Equal(t, 1009, code, "strangers are given little")
}

// Clients of Hocuspocus 2 send no token if they have none, and all of them write while
// they wait for theirs.
func TestHocuspocusBeforeTheToken(t *testing.T) {
	e := newEdge(t)
	h := hocus{e.dialDoc("/hocuspocus"), "doc"}
	h.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: writes(1, "early")})
	h.auth(e.token("ada", room.Everything()))
	h.wantGranted("read-write")

	h = hocus{e.dialDoc("/hocuspocus"), "doc"}
	h.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncStep1, Data: []byte{0}})
	h.wantGranted("read-write")
	require.Equal(t, []byte{0, 0}, h.hear().Data, "what came too early is not in the document")
	require.Equal(t, yjs.SyncStep1, h.hear().Sync)
	h.auth(e.token("eve", room.Grants{"doc": {room.VerbDocRead}}))
	h.wantGranted("readonly")
	h.say(yjs.Message{Type: yjs.MessageSync, Sync: yjs.SyncUpdate, Data: writes(1, "late")})
	require.Equal(t, yjs.Message{Type: yjs.MessageSyncStatus}, h.hear(), "a token that comes later is what holds")
}

// The token's end is asked about before it is acted on.
func TestHocuspocusTokenEnds(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.grace = 300 * time.Millisecond })
	h := hocus{e.dialDoc("/hocuspocus"), "doc"}
	h.auth(e.tokenUntil("ada", room.Everything(), time.Now().Add(2*time.Second)))
	h.wantGranted("read-write")
	m := h.hear()
	require.Equal(t, yjs.AuthToken, m.Auth, "the hub asks for a new one")
	h.auth(e.tokenUntil("ada", room.Everything(), time.Now().Add(2*time.Second)))
	h.wantGranted("read-write")
	require.Equal(t, yjs.AuthToken, h.hear().Auth)
	h.wantDenied("token is over")
	require.Equal(t, yjs.MessageClose, h.hear().Type)
}

// A document that was deleted is told to those who have it open, and to those who come
// back with a copy.
func TestDeletedDocumentIsToldInEachProtocol(t *testing.T) {
	e := newEdge(t)
	y, h := e.dialDoc("/yjs/doc"), hocus{e.dialDoc("/hocuspocus"), "doc"}
	require.Equal(t, yjs.MessageSync, y.yjs().Type)
	h.auth(e.token("ada", room.Everything()))
	h.wantGranted("read-write")
	y.send(syncing(yjs.SyncUpdate, writes(1, "hello")))
	require.Equal(t, yjs.SyncUpdate, y.yjs().Sync)
	require.Equal(t, yjs.SyncUpdate, h.hear().Sync)
	owner := room.Caller{User: "root", Grants: room.Everything()}
	require.NoError(t, e.docs.Delete(t.Context(), owner, "doc"))
	h.wantDenied("was deleted")
	require.Equal(t, yjs.MessageClose, h.hear().Type)
	code, _, denied := y.closed()
	require.Equal(t, 4404, code)
	require.Contains(t, denied, "was deleted")

	_, err := e.docs.Create(t.Context(), owner, "doc", nil)
	require.NoError(t, err)
	y = e.dialDoc("/yjs/doc")
	require.Equal(t, yjs.MessageSync, y.yjs().Type)
	y.send(syncing(yjs.SyncStep1, yjs.StateVector{1: 5}.Encode()))
	code, _, denied = y.closed()
	require.Equal(t, 4409, code)
	require.Contains(t, denied, "another one has its name")
}

func TestDocumentSocketsLeaveNothing(t *testing.T) {
	e := newEdge(t, func(c *edgeConfig) { c.docs.EmptyLinger = time.Millisecond })
	for range 20 {
		y, h := e.dialDoc("/yjs/doc"), hocus{e.dialDoc("/hocuspocus"), "doc"}
		require.Equal(t, yjs.MessageSync, y.yjs().Type)
		h.auth(e.token("ada", room.Everything()))
		h.wantGranted("read-write")
		require.NoError(t, y.ws.CloseNow())
		require.NoError(t, h.ws.CloseNow())
	}
	require.Eventually(t, func() bool {
		return e.docs.Stats().Documents == 0 && e.hub.Stats().Sessions == 0
	}, patience, 10*time.Millisecond)
}

var _ hub.Outlet = docOutlet{}
