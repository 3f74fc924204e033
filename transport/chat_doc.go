package transport

import (
	"github.com/hubbub-im/hubbub/hub/docs"
	"github.com/hubbub-im/hubbub/room"
	"github.com/hubbub-im/hubbub/room/document"
	"github.com/hubbub-im/hubbub/transport/wire"
)

// chatDoc is one document that a peer of the chat has open. It is the docs.Peer of its
// seat.
type chatDoc struct {
	on   *chatDocs
	name string
	seat *docs.Seat // set once it is in on.open
	lost bool       // before that; guarded by on.mu
}

// answer brings what the peer lacks, with the pieces that do not fit into the reply
// right behind it.
func (d *chatDoc) answer(id uint64, diff []byte) {
	piece, rest := diff[:min(len(diff), wire.DocPiece)], diff[min(len(diff), wire.DocPiece):]
	at := d.seat.At()
	frames := d.on.chat.encode(id, wire.DocOpened{
		Doc: d.name, Access: accessName(d.seat.Access()), Epoch: at.Epoch, Seq: at.Seq,
		SV: d.seat.StateVector(), Diff: piece, More: len(rest) > 0, Awareness: d.seat.States(),
	})
	for len(rest) > 0 {
		piece, rest = rest[:min(len(rest), wire.DocPiece)], rest[min(len(rest), wire.DocPiece):]
		frames = append(frames, d.on.chat.encode(0, wire.DocDiffPush{Doc: d.name, Diff: piece, More: len(rest) > 0})...)
	}
	d.on.chat.out.reply(frames)
}

// accessName is what an access is called on the wire.
func accessName(a document.Access) wire.Access {
	switch a {
	case document.MayWrite:
		return wire.AccessWrite
	case document.MayComment:
		return wire.AccessComment
	default:
		return wire.AccessRead
	}
}

// push sends what the peer has not asked for.
func (d *chatDoc) push(m wire.Message) { d.on.chat.out.frame(d.on.chat.encode(0, m)) }

// end closes the document for the peer, and says why.
func (d *chatDoc) end(why *room.Error) {
	if d.on.forget(d) {
		d.seat.Close()
		d.sayLost(why)
	}
}

func (d *chatDoc) sayLost(why *room.Error) {
	d.push(wire.DocLostPush{Doc: d.name, Code: why.Code, Message: why.Message, RetryAfterMS: why.RetryAfter.Milliseconds()})
}

// Dialect is how frames about documents are made; see docs.Peer.
func (d *chatDoc) Dialect() docs.Dialect { return chatDialect{} }

// Deliver sends what happens in the document; see docs.Peer.
func (d *chatDoc) Deliver(f docs.Frames) { d.on.chat.out.round(docFrames{f}, 0) }

// Lost says that the document is no more; see docs.Peer.
func (d *chatDoc) Lost(why *room.Error) {
	d.on.mu.Lock()
	d.lost = true
	d.on.mu.Unlock()
	if d.on.forget(d) {
		d.seat.Close()
		d.sayLost(why)
	}
}

// chatDialect makes frames of hubbub.v1.json, the same for all who have a document open
// there.
type chatDialect struct{}

// Append is docs.Dialect's.
func (chatDialect) Append(dst []byte, m *docs.Message) []byte {
	var push wire.Message
	switch m.Kind {
	case docs.MessageUpdate:
		push = wire.DocUpdatePush{Doc: m.Doc, Update: m.Data}
	case docs.MessageAwareness:
		push = wire.DocAwarenessPush{Doc: m.Doc, Update: m.Data}
	case docs.MessageNotes:
		push = wire.DocNotesPush{Doc: m.Doc}
	default:
		return dst
	}
	start := len(dst)
	dst, _ = sealFrame(wire.Append(openFrame(dst, finText), 0, push), start)
	return dst
}
