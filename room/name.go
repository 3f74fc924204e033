package room

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest room name, in bytes.
const MaxName = 128

// nameMarks are the characters beside letters, digits and combining marks that a
// room name may hold.
const nameMarks = "-_.:/@+~="

// CheckName reports what is wrong with a room's name, or nil.
func CheckName(name string) error {
	switch {
	case name == "":
		return Errorf(CodeBadRequest, "room: is empty; give a name of 1 to %d bytes", MaxName)
	case len(name) > MaxName:
		return Errorf(CodeBadRequest, "room: is %d bytes long; at most %d", len(name), MaxName)
	case !utf8.ValidString(name):
		return Errorf(CodeBadRequest, "room: is not valid UTF-8")
	}
	for _, r := range name {
		if !nameRune(r) {
			return Errorf(CodeBadRequest, "room: holds %q; allowed are letters, digits and %s", r, nameMarks)
		}
	}
	return nil
}

func nameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || strings.ContainsRune(nameMarks, r)
}
