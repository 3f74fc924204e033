package document

import "github.com/hubbub-im/hubbub/room"

// Access is what a caller may do with a document. Each covers the ones before it.
type Access uint8

// What a caller may do.
const (
	NoAccess Access = iota
	MayRead
	MayComment
	MayWrite
)

// AccessOf says what grants allow with a document. What is granted in a room is granted
// for the documents of the room, and patterns can also name documents.
func AccessOf(grants room.Grants, doc string) Access {
	of, _ := room.DocRoom(doc)
	if grants.Denied(of) || grants.Denied(doc) {
		return NoAccess // whatever is granted for the other
	}
	may := func(verb room.Verb) bool { return grants.Allow(of, verb) || grants.Allow(doc, verb) }
	switch {
	case may(room.VerbDocWrite):
		return MayWrite
	case may(room.VerbDocComment):
		return MayComment
	case may(room.VerbDocRead):
		return MayRead
	}
	return NoAccess
}

// Require is nil if the access covers what is wanted, and else says what is missing.
func (a Access) Require(want Access) error {
	if a >= want {
		return nil
	}
	verb := room.VerbDocRead
	switch want {
	case MayComment:
		verb = room.VerbDocComment
	case MayWrite:
		verb = room.VerbDocWrite
	}
	return room.Errorf(room.CodeForbidden, "the grants do not cover %q for this document", verb)
}
