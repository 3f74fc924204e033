package wire

import (
	"encoding/base64"
	"math"

	"github.com/hubbub-im/hubbub/room"
)

// docCommand reads the body of a command about a document. It is nil for any other.
func (o *object) docCommand(kind string) Body {
	switch kind {
	case typeDocOpen:
		return &DocOpen{Doc: o.doc(), SV: o.bytes(fSV)}
	case typeDocUpdate:
		u := &DocUpdate{Doc: o.doc(), Update: o.content(fUpdate), Offset: int(o.whole(fOffset, 0, math.MaxInt32)), More: o.boolean(fMore)}
		if len(u.Update) > DocPiece && o.err == nil {
			o.err = room.Errorf(room.CodeTooLarge, "update: this piece is %d bytes long; at most %d", len(u.Update), DocPiece)
		}
		return u
	case typeDocAwareness:
		return &DocAwareness{Doc: o.doc(), Update: o.content(fUpdate)}
	case typeDocClose:
		return &DocClose{Doc: o.doc()}
	}
	return nil
}

// doc reads and checks a document's name.
func (o *object) doc() string {
	if !o.has(fDoc) {
		o.wrong(fDoc, "the name of a document, as room/title")
		return ""
	}
	name := o.text(fDoc, 0)
	o.check(room.CheckDocName(name))
	return name
}

// bytes reads a string of base64; nil if it is left out.
func (o *object) bytes(f field) []byte {
	raw := o.raw[f]
	if raw == nil {
		return nil
	}
	const want = "bytes as base64 (RFC 4648, section 4, with padding)"
	if raw[0] != '"' {
		o.wrong(f, want)
		return nil
	}
	text := unquote(raw)
	data := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(data, text)
	if err != nil {
		o.wrong(f, want)
		return nil
	}
	return data[:n]
}

// content is bytes of what must be there.
func (o *object) content(f field) []byte {
	data := o.bytes(f)
	if len(data) == 0 {
		o.wrong(f, "bytes as base64")
	}
	return data
}

func (b *buf) bytes(name string, data []byte) {
	b.key(name)
	*b = append(*b, '"')
	*b = base64.StdEncoding.AppendEncode(*b, data)
	*b = append(*b, '"')
}

func (b *buf) optBytes(name string, data []byte) {
	if data != nil {
		b.bytes(name, data)
	}
}

func (c *DocOpen) appendTo(b *buf) error {
	b.text("doc", c.Doc)
	b.optBytes("sv", c.SV)
	return nil
}

func (c *DocUpdate) appendTo(b *buf) error {
	b.text("doc", c.Doc)
	b.bytes("update", c.Update)
	b.optWhole("offset", uint64(max(0, c.Offset)))
	b.optBoolean("more", c.More)
	return nil
}

func (c *DocAwareness) appendTo(b *buf) error {
	b.text("doc", c.Doc)
	b.bytes("update", c.Update)
	return nil
}

func (c *DocClose) appendTo(b *buf) error {
	b.text("doc", c.Doc)
	return nil
}

func (m DocOpened) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.text("access", string(m.Access))
	b.text("epoch", m.Epoch)
	b.whole("seq", m.Seq)
	b.bytes("sv", m.SV)
	b.bytes("diff", m.Diff)
	b.optBoolean("more", m.More)
	b.optBytes("awareness", m.Awareness)
}

func (m DocSaved) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.text("epoch", m.Epoch)
	b.whole("seq", m.Seq)
}

func (m DocClosed) appendTo(b *buf) { b.text("doc", m.Doc) }

func (m DocDiffPush) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.bytes("diff", m.Diff)
	b.optBoolean("more", m.More)
}

func (m DocUpdatePush) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.bytes("update", m.Update)
}

func (m DocAwarenessPush) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.bytes("update", m.Update)
}

func (m DocNotesPush) appendTo(b *buf) { b.text("doc", m.Doc) }

func (m DocAccessPush) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.text("access", string(m.Access))
}

func (m DocLostPush) appendTo(b *buf) {
	b.text("doc", m.Doc)
	b.text("code", string(m.Code))
	b.text("message", m.Message)
	b.optWhole("retry_after_ms", uint64(m.RetryAfterMS))
}

// newDocBody makes room for a frame about a document, or gives nil.
func newDocBody(kind string) any {
	switch kind {
	case typeDocOpened:
		return new(DocOpened)
	case typeDocSaved:
		return new(DocSaved)
	case typeDocClosed:
		return new(DocClosed)
	case typeDocDiff:
		return new(DocDiffPush)
	case typeDocUpdate:
		return new(DocUpdatePush)
	case typeDocAwareness:
		return new(DocAwarenessPush)
	case typeDocNotes:
		return new(DocNotesPush)
	case typeDocAccess:
		return new(DocAccessPush)
	case typeDocLost:
		return new(DocLostPush)
	}
	return nil
}
