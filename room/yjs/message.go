package yjs

// MessageType says what a message is about. The numbers are those that Hocuspocus and,
// up to MessageQueryAwareness, y-websocket send.
type MessageType uint8

// The messages, with what Message has of each beside its type.
const (
	// MessageSync has Sync and Data.
	MessageSync MessageType = iota
	// MessageAwareness has Data: what DecodeAwareness reads.
	MessageAwareness
	// MessageAuth has Auth and Data, from a client of Hocuspocus also Version.
	MessageAuth
	// MessageQueryAwareness asks for all awareness states.
	MessageQueryAwareness
	// MessageSyncReply is MessageSync, but nobody answers it with a step 1.
	MessageSyncReply
	// MessageStateless has Data: text of the application's.
	MessageStateless
	// MessageBroadcastStateless has Data. It passes between servers; one that comes
	// from a client has to be refused.
	MessageBroadcastStateless
	// MessageClose ends a document; from a server it has Data, the reason.
	MessageClose
	// MessageSyncStatus has Saved.
	MessageSyncStatus
	// MessagePing is the one byte 9, without a document's name.
	MessagePing
	// MessagePong is the one byte 10, without a document's name.
	MessagePong
)

// SyncType says what a MessageSync brings.
type SyncType uint8

// The messages of y-protocols/sync.
const (
	// SyncStep1 brings a state vector, and asks for what is behind it.
	SyncStep1 SyncType = iota
	// SyncStep2 brings the update that a step 1 asked for.
	SyncStep2
	// SyncUpdate brings an update that was made just now.
	SyncUpdate
)

// AuthType says what a MessageAuth of Hocuspocus brings. y-websocket knows one that
// it numbers 0, the refusal, which here is AuthDenied.
type AuthType uint8

// The messages of Hocuspocus about who may.
const (
	// AuthToken brings the token; from a server it asks for one, and brings nothing.
	AuthToken AuthType = iota
	// AuthDenied brings the reason.
	AuthDenied
	// AuthGranted brings the scope: "read-write" or "readonly".
	AuthGranted
)

// Message is one message of y-websocket, or of Hocuspocus but for the document's name.
// What was decoded aliases the frame.
type Message struct {
	Type    MessageType
	Sync    SyncType
	Auth    AuthType
	Saved   bool // the update before is on disk
	Data    []byte
	Version []byte // of the client's software
}

// DecodeMessage decodes a frame of y-websocket. The error is an *Error.
func DecodeMessage(frame []byte, limits Limits) (Message, error) {
	r := limits.withDefaults().reader(frame)
	m := Message{Type: r.messageType(MessageQueryAwareness)}
	switch m.Type {
	case MessageAuth:
		if auth := r.uvarint(); auth != 0 {
			r.failf(Malformed, "an auth message of type %d; it should be 0, a refusal", auth)
		}
		m.Auth = AuthDenied
		m.Data = r.string()
	default:
		r.body(&m)
	}
	if r.err != nil {
		return Message{}, r.err
	}
	return m, nil
}

// Encode gives the frame of y-websocket, which has the types up to
// MessageQueryAwareness.
func (m Message) Encode() []byte { return m.Append(nil) }

// Append is Encode at the end of dst.
func (m Message) Append(dst []byte) []byte {
	dst = append(dst, byte(m.Type))
	if m.Type == MessageAuth {
		return appendBytes(append(dst, 0), m.Data)
	}
	return m.appendBody(dst)
}

func (r *reader) messageType(most MessageType) MessageType {
	t := r.uvarint()
	if t > uint64(most) {
		r.failf(Malformed, "a message of type %d; it should be 0 to %d", t, most)
		return 0
	}
	return MessageType(t)
}

// body reads what is the same in both protocols. What follows behind it is left for
// versions to come.
func (r *reader) body(m *Message) {
	switch m.Type {
	case MessageSync, MessageSyncReply:
		t := r.uvarint()
		if t > uint64(SyncUpdate) {
			r.failf(Malformed, "a sync message of type %d; it should be 0 to 2", t)
		}
		m.Sync = SyncType(t)
		m.Data = r.bytes()
	case MessageAwareness:
		m.Data = r.bytes()
	}
}

func (m Message) appendBody(dst []byte) []byte {
	switch m.Type {
	case MessageSync, MessageSyncReply:
		return appendBytes(append(dst, byte(m.Sync)), m.Data)
	case MessageAwareness:
		return appendBytes(dst, m.Data)
	}
	return dst
}
