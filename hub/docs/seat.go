package docs

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/room/yjs"
)

// Seat is one peer's place at an open document. Its methods may be called by any
// goroutine, but updates of one peer only by one at a time, so that they have an order.
type Seat struct {
	// static after construction
	doc  *liveDoc
	peer Peer

	access atomic.Uint32 // a document.Access
	caller atomic.Pointer[room.Caller]

	order sync.Mutex // guards what follows; held while the peer takes frames
	over  bool       // the peer is told nothing more
}

// openTries is how often a document is looked for that is just being let go of.
const openTries = 5

// Open opens a document for a caller, who must be allowed to read it. ctx bounds the
// wait. The peer hears of what happens from the moment at which Open has returned, and
// perhaps a little before.
func (d *Docs) Open(ctx context.Context, caller room.Caller, name string, peer Peer) (*Seat, error) {
	if err := room.CheckDocName(name); err != nil {
		return nil, err
	}
	access := document.AccessOf(caller.Grants, name)
	if err := access.Require(document.MayRead); err != nil {
		return nil, err
	}
	if reason := d.cfg.Log.Health(); reason != nil && access == document.MayWrite {
		return nil, d.cannot(reason) // what is written now would not be kept
	}
	for range openTries {
		l, err := d.of(ctx, name)
		if errors.Is(err, errLetGo) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := &Seat{doc: l, peer: peer}
		s.access.Store(uint32(access))
		s.caller.Store(&caller)
		if err := l.seat(s); !errors.Is(err, errLetGo) {
			if err != nil {
				return nil, err
			}
			return s, nil
		}
	}
	return nil, errLetGo
}

// Doc is the document's name.
func (s *Seat) Doc() string { return s.doc.name }

// Access is what the peer may do now.
func (s *Seat) Access() document.Access { return document.Access(s.access.Load()) }

// Caller is who the peer speaks for.
func (s *Seat) Caller() room.Caller { return *s.caller.Load() }

// Regrant takes what a new token grants, and gives what the peer may do from now on. If
// that is not even to read, the seat is to be closed.
func (s *Seat) Regrant(caller room.Caller) document.Access {
	access := document.AccessOf(caller.Grants, s.doc.name)
	s.caller.Store(&caller)
	s.access.Store(uint32(access))
	return access
}

// Close gives the seat up, and takes back what the peer has said of itself.
func (s *Seat) Close() {
	s.end()
	s.doc.unseat(s)
}

func (s *Seat) end() (was bool) {
	s.order.Lock()
	defer s.order.Unlock()
	was = !s.over
	s.over = true
	return was
}

// lose tells the peer that the seat is no more.
func (s *Seat) lose(why *room.Error) {
	if s.end() {
		s.peer.Lost(why)
	}
}

// take brings a round to the peer.
func (s *Seat) take(r *round) {
	s.order.Lock()
	defer s.order.Unlock()
	if s.over {
		return
	}
	if f := r.frames(s); f.Len() > 0 {
		s.peer.Deliver(f)
	}
}

// StateVector says what of the document is here: the question to the peer for the rest.
func (s *Seat) StateVector() []byte {
	s.doc.mu.Lock()
	defer s.doc.mu.Unlock()
	return s.doc.state.Store.StateVector()
}

// Diff gives what a peer lacks who has a state vector. A peer whose copy is of a
// document of this name that was deleted is refused: merged, both would be one.
func (s *Seat) Diff(stateVector []byte) ([]byte, error) {
	clients, err := yjs.DecodeStateVector(stateVector, s.doc.docs.cfg.Limits.yjs())
	if err != nil {
		return nil, badUpdate(err)
	}
	l := s.doc
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.Stray(clients) {
		return nil, errStray
	}
	return l.state.Store.Diff(stateVector)
}

var errStray = room.Errorf(room.CodeConflict, "this copy is of a document that was deleted; another one has its name now: drop the copy and open it anew")

// badUpdate is the answer to bytes that do not decode.
func badUpdate(err error) *room.Error {
	if e, ok := errors.AsType[*yjs.Error](err); ok && e.Kind == yjs.TooLarge {
		return room.Errorf(room.CodeTooLarge, "update: %v", e)
	}
	return room.Errorf(room.CodeBadRequest, "update: %v; nothing of it was taken", err)
}

// Apply takes an update of version 1 from the peer. done is called once, by any
// goroutine, and must not block: without an error when the update, and all that was
// taken before it, is as safe as the log makes it. Others are told of it at once.
func (s *Seat) Apply(update []byte, done func(*room.Error)) {
	if err := s.apply(update, done); err != nil {
		s.doc.docs.counter.refused.Add(1)
		done(err)
	}
}

func (s *Seat) apply(update []byte, done func(*room.Error)) *room.Error {
	limits := &s.doc.docs.cfg.Limits
	if len(update) > limits.Update {
		return room.Errorf(room.CodeTooLarge, "update: is %d bytes long; at most %d are taken at once", len(update), limits.Update)
	}
	if s.Access() < document.MayWrite {
		return s.readOnly(update, done)
	}
	caller := s.Caller()
	return s.doc.edit(edit{update: update, user: caller.User, name: caller.Name, from: s, done: done})
}

// readOnly takes an update of somebody who may only read. One that brings nothing new,
// as the answer to a state vector does, is fine.
func (s *Seat) readOnly(update []byte, done func(*room.Error)) *room.Error {
	fresh, err := s.doc.brings(update)
	if err != nil {
		return badUpdate(err)
	}
	if fresh {
		return room.AsError(s.Access().Require(document.MayWrite))
	}
	done(nil)
	return nil
}

// At is where the document stands, what was last stored for this instance included.
func (s *Seat) At() hub.Position {
	s.doc.mu.Lock()
	defer s.doc.mu.Unlock()
	return hub.Position{Epoch: s.doc.at.Epoch, Seq: max(s.doc.at.Seq, s.doc.acked)}
}
