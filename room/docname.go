package room

import "strings"

// DocRoom takes a document's name apart: "room/title", the room being all before the
// last slash. A name without a slash is its room's, and has no title.
func DocRoom(name string) (room, title string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, ""
}
