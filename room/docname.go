package room

import "strings"

// DocRoom parts a document's name into the room that it belongs to, which is all before
// the last slash, and its title in that room. A name without a slash is that of a room,
// and its title empty.
func DocRoom(doc string) (room, title string) {
	if i := strings.LastIndexByte(doc, '/'); i >= 0 {
		return doc[:i], doc[i+1:]
	}
	return doc, ""
}

// CheckDocName reports what is wrong with a document's name, or nil: it has the form of
// a room's name, and both its room and its title are there.
func CheckDocName(doc string) error {
	if err := CheckName(doc); err != nil {
		e := AsError(err)
		return &Error{Code: e.Code, Message: "document" + strings.TrimPrefix(e.Message, "room")}
	}
	if of, title := DocRoom(doc); of == "" || (title == "" && of != doc) {
		return Errorf(CodeBadRequest, "document: %q has nothing before or behind its last slash; name it room/title, or after its room alone", doc)
	}
	return nil
}
