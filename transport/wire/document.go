package wire

import "github.com/hubbub-im/hubbub/room"

// MaxDocs is how many documents one connection may have open.
const MaxDocs = 500

// DocPiece is of how many bytes of an update one frame holds at the most, so that its
// text fits into MaxFrame, and a peer on a slow network hears one before it takes the
// hub for dead. What is larger comes in pieces.
const DocPiece = 128 << 10

// DocOpen opens a document, or brings the client's copy and the hub's together again.
type DocOpen struct {
	Doc string
	SV  []byte // the state vector of the client's copy; nil: it has none
}

// DocUpdate brings an update of version 1, or a piece of one.
type DocUpdate struct {
	Doc    string
	Update []byte
	Offset int  // where in the update this piece begins
	More   bool // the next piece follows, and this one is not answered
}

// DocAwareness tells of the client's cursor, or whatever else it says of itself. It is
// answered only if it is refused.
type DocAwareness struct {
	Doc    string
	Update []byte // an awareness update of y-protocols
}

// DocClose closes a document.
type DocClose struct {
	Doc string
}

// Access names what may be done with a document. Each covers the ones before it.
type Access string

// What may be done with a document.
const (
	AccessRead    Access = "read"
	AccessComment Access = "comment"
	AccessWrite   Access = "write"
)

// DocOpened answers doc_open.
type DocOpened struct {
	Doc       string `json:"doc"`
	Access    Access `json:"access"`
	Epoch     string `json:"epoch"`
	Seq       uint64 `json:"seq"`
	SV        []byte `json:"sv"`                  // the hub's state vector: what the client has beyond it, the hub lacks
	Diff      []byte `json:"diff"`                // an update of what the client lacks, or its first piece
	More      bool   `json:"more,omitempty"`      // the other pieces follow as DocDiffPush
	Awareness []byte `json:"awareness,omitempty"` // what others say of themselves
}

// DocSaved answers doc_update: it is as safe as the log makes it.
type DocSaved struct {
	Doc   string `json:"doc"`
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// DocClosed answers doc_close.
type DocClosed struct {
	Doc string `json:"doc"`
}

// DocDiffPush is the next piece of the diff that doc_opened began.
type DocDiffPush struct {
	Doc  string `json:"doc"`
	Diff []byte `json:"diff"`
	More bool   `json:"more,omitempty"`
}

// DocUpdatePush brings what somebody else has written.
type DocUpdatePush struct {
	Doc    string `json:"doc"`
	Update []byte `json:"update"`
}

// DocAwarenessPush brings what clients say of themselves.
type DocAwarenessPush struct {
	Doc    string `json:"doc"`
	Update []byte `json:"update"`
}

// DocNotesPush tells that versions or comments of a document have changed.
type DocNotesPush struct {
	Doc string `json:"doc"`
}

// DocAccessPush tells that a new token lets the caller do more with the document, or
// less.
type DocAccessPush struct {
	Doc    string `json:"doc"`
	Access Access `json:"access"`
}

// DocLostPush tells that the hub has closed a document.
type DocLostPush struct {
	Doc          string    `json:"doc"`
	Code         room.Code `json:"code"`
	Message      string    `json:"message"`
	RetryAfterMS int64     `json:"retry_after_ms,omitempty"`
}

// The names of the frames about documents. doc_update and doc_awareness are pushes as
// well as commands.
const (
	typeDocOpen      = "doc_open"
	typeDocUpdate    = "doc_update"
	typeDocAwareness = "doc_awareness"
	typeDocClose     = "doc_close"
	typeDocOpened    = "doc_opened"
	typeDocSaved     = "doc_saved"
	typeDocClosed    = "doc_closed"
	typeDocDiff      = "doc_diff"
	typeDocNotes     = "doc_notes"
	typeDocAccess    = "doc_access"
	typeDocLost      = "doc_lost"
)

// Type gives "doc_open".
func (*DocOpen) Type() string { return typeDocOpen }

// Type gives "doc_update".
func (*DocUpdate) Type() string { return typeDocUpdate }

// Type gives "doc_awareness".
func (*DocAwareness) Type() string { return typeDocAwareness }

// Type gives "doc_close".
func (*DocClose) Type() string { return typeDocClose }

// Type gives "doc_opened".
func (DocOpened) Type() string { return typeDocOpened }

// Type gives "doc_saved".
func (DocSaved) Type() string { return typeDocSaved }

// Type gives "doc_closed".
func (DocClosed) Type() string { return typeDocClosed }

// Type gives "doc_diff".
func (DocDiffPush) Type() string { return typeDocDiff }

// Type gives "doc_update".
func (DocUpdatePush) Type() string { return typeDocUpdate }

// Type gives "doc_awareness".
func (DocAwarenessPush) Type() string { return typeDocAwareness }

// Type gives "doc_notes".
func (DocNotesPush) Type() string { return typeDocNotes }

// Type gives "doc_access".
func (DocAccessPush) Type() string { return typeDocAccess }

// Type gives "doc_lost".
func (DocLostPush) Type() string { return typeDocLost }
