package docs_test

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// plain is a dialect in which an update is itself.
type plain struct{}

func (plain) Append(dst []byte, m *docs.Message) []byte {
	dst = binary.AppendUvarint(append(dst, byte(m.Kind)), uint64(len(m.Data)))
	return append(dst, m.Data...)
}

// editor is a client of Yjs as far as the server sees one: it has a copy of the
// document, writes into it whether it is connected or not, and meets the server's copy
// whenever it is.
type editor struct {
	t    *testing.T
	who  room.Caller
	name string

	mu      sync.Mutex
	store   *yjs.Store
	client  uint64
	clock   uint64 // of the next unit that it writes
	saved   uint64 // all below it was acknowledged
	seat    *docs.Seat
	lost    []*room.Error
	refused []*room.Error
	aware   []yjs.AwarenessState
	notes   int
}

func newEditor(t *testing.T, user, name string, client uint64) *editor {
	return &editor{t: t, who: room.Caller{User: user, Grants: room.Everything()}, name: name, store: yjs.New(), client: client}
}

// connect opens the document and meets it. It is false where the hub could not.
func (e *editor) connect(ctx context.Context, d *docs.Docs) bool {
	on := &link{editor: e}
	seat, err := d.Open(ctx, e.who, e.name, on)
	if err != nil {
		e.mu.Lock()
		e.refused = append(e.refused, room.AsError(err))
		e.mu.Unlock()
		return false
	}
	e.mu.Lock()
	if on.lost {
		e.mu.Unlock()
		return false
	}
	e.seat = seat
	own := e.store.StateVector()
	e.mu.Unlock()
	diff, err := seat.Diff(own)
	require.NoError(e.t, err)
	e.take(diff)
	e.mu.Lock()
	missing, err := e.store.Diff(seat.StateVector())
	end := e.clock
	e.mu.Unlock()
	require.NoError(e.t, err)
	e.send(seat, missing, end)
	return true
}

func (e *editor) take(update []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.store.Apply(update)
	require.NoError(e.t, err)
}

func (e *editor) send(seat *docs.Seat, update []byte, end uint64) {
	seat.Apply(update, func(err *room.Error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.refused = append(e.refused, err)
			return
		}
		e.saved = max(e.saved, end)
	})
}

// write inserts a text behind what it has written before.
func (e *editor) write(text string) {
	e.mu.Lock()
	u := []byte{1, 1}
	u = binary.AppendUvarint(u, e.client)
	u = binary.AppendUvarint(u, e.clock)
	if e.clock == 0 {
		u = append(u, 4, 1, 1, 't')
	} else {
		u = binary.AppendUvarint(append(u, 0x84), e.client)
		u = binary.AppendUvarint(u, e.clock-1)
	}
	u = binary.AppendUvarint(u, uint64(len(text)))
	u = append(append(u, text...), 0)
	_, err := e.store.Apply(u)
	e.clock += uint64(len(text))
	seat, end := e.seat, e.clock
	e.mu.Unlock()
	require.NoError(e.t, err)
	if seat != nil {
		e.send(seat, u, end)
	}
}

// erase deletes a unit that it has written.
func (e *editor) erase(clock uint64) {
	e.mu.Lock()
	u := binary.AppendUvarint([]byte{0, 1}, e.client)
	u = append(binary.AppendUvarint(append(u, 1), clock), 1)
	_, err := e.store.Apply(u)
	seat := e.seat
	e.mu.Unlock()
	require.NoError(e.t, err)
	if seat != nil {
		e.send(seat, u, 0)
	}
}

func (e *editor) leave() {
	e.mu.Lock()
	seat := e.seat
	e.seat = nil
	e.mu.Unlock()
	if seat != nil {
		seat.Close()
	}
}

func (e *editor) online() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seat != nil
}

func (e *editor) isSaved() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.saved == e.clock
}

func (e *editor) snapshot() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.store.Snapshot()
}

func (e *editor) Dialect() docs.Dialect { return plain{} }

func (e *editor) Deliver(f docs.Frames) {
	for i := range f.Len() {
		frame, _ := f.Frame(i)
		kind := docs.MessageKind(frame[0])
		n, size := binary.Uvarint(frame[1:])
		data := frame[1+size:][:n]
		switch kind {
		case docs.MessageUpdate:
			e.take(data)
		case docs.MessageAwareness:
			states, err := yjs.DecodeAwareness(data, yjs.Limits{})
			require.NoError(e.t, err)
			e.mu.Lock()
			for _, s := range states {
				s.State = append([]byte(nil), s.State...)
				e.aware = append(e.aware, s)
			}
			e.mu.Unlock()
		case docs.MessageNotes:
			e.mu.Lock()
			e.notes++
			e.mu.Unlock()
		}
	}
}

// link is one connection of an editor.
type link struct {
	*editor
	lost bool // guarded by the editor's mu
}

func (l *link) Lost(why *room.Error) {
	l.mu.Lock()
	l.editor.lost, l.seat, l.lost = append(l.editor.lost, why), nil, true
	l.mu.Unlock()
}

// clockOf is how much of a client the editor has.
func (e *editor) clockOf(client uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	sv, err := yjs.DecodeStateVector(e.store.StateVector(), yjs.Limits{})
	require.NoError(e.t, err)
	return sv[client]
}
