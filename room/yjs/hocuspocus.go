package yjs

// HocuspocusFrame is a frame of Hocuspocus 2 to 4: a message about a document.
type HocuspocusFrame struct {
	// Document is the name, empty in a ping or pong.
	Document string
	// Session tells apart the providers of one document on one socket; usually empty.
	Session string
	Message
}

// DecodeHocuspocus decodes a frame of Hocuspocus. The error is an *Error.
func DecodeHocuspocus(frame []byte, limits Limits) (HocuspocusFrame, error) {
	if len(frame) == 1 && (frame[0] == byte(MessagePing) || frame[0] == byte(MessagePong)) {
		return HocuspocusFrame{Message: Message{Type: MessageType(frame[0])}}, nil
	}
	r := limits.withDefaults().reader(frame)
	f := HocuspocusFrame{}
	f.Document, f.Session = cutName(r.string())
	f.Type = r.messageType(MessagePong)
	switch f.Type {
	case MessageAuth:
		r.auth(&f.Message)
	case MessageStateless, MessageBroadcastStateless:
		f.Data = r.string()
	case MessageClose:
		f.Data = r.optional()
	case MessageSyncStatus:
		f.Saved = r.uvarint() == 1
	default:
		r.body(&f.Message)
	}
	if r.err != nil {
		return HocuspocusFrame{}, r.err
	}
	return f, nil
}

// cutName parts the name of a document from that of a session.
func cutName(key []byte) (document, session string) {
	for i, b := range key {
		if b == 0 {
			return string(key[:i]), string(key[i+1:])
		}
	}
	return string(key), ""
}

func (r *reader) auth(m *Message) {
	t := r.uvarint()
	if t > uint64(AuthGranted) {
		r.failf(Malformed, "an auth message of type %d; it should be 0 to 2", t)
	}
	m.Auth = AuthType(t)
	if m.Auth == AuthToken {
		m.Data = r.optional() // a server that asks for one has none
		m.Version = r.optional()
		return
	}
	m.Data = r.string()
}

// optional reads a string that may be missing at the end.
func (r *reader) optional() []byte {
	if r.remaining() == 0 {
		return nil
	}
	return r.string()
}

// Encode gives the frame. An AuthToken without Data is a server's question, and a
// MessageClose without Data a client's.
func (f HocuspocusFrame) Encode() []byte { return f.Append(nil) }

// Append is Encode at the end of dst.
func (f HocuspocusFrame) Append(dst []byte) []byte {
	if f.Type == MessagePing || f.Type == MessagePong {
		return append(dst, byte(f.Type))
	}
	key := f.Document
	if f.Session != "" {
		key += "\x00" + f.Session
	}
	dst = append(appendBytes(dst, []byte(key)), byte(f.Type))
	switch f.Type {
	case MessageAuth:
		return f.appendAuth(append(dst, byte(f.Auth)))
	case MessageStateless, MessageBroadcastStateless:
		return appendBytes(dst, f.Data)
	case MessageClose:
		if f.Data == nil {
			return dst
		}
		return appendBytes(dst, f.Data)
	case MessageSyncStatus:
		if f.Saved {
			return append(dst, 1)
		}
		return append(dst, 0)
	}
	return f.appendBody(dst)
}

func (m Message) appendAuth(dst []byte) []byte {
	if m.Auth == AuthToken && m.Data == nil {
		return dst
	}
	dst = appendBytes(dst, m.Data)
	if m.Auth == AuthToken && m.Version != nil {
		dst = appendBytes(dst, m.Version)
	}
	return dst
}
