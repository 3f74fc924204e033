package document

import (
	"time"

	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// Bounds on what is said of a document.
const (
	MaxVersions    = 1000
	MaxVersionName = 128 // bytes
	MaxComments    = 5000
	MaxQuote       = 512 // bytes
)

// Note is what a record of KindNote brings. One field has something; a note that this
// program does not know changes nothing.
type Note struct {
	Created  *Created `json:"created,omitempty"`  // the document was made, with what it begins with
	Version  *Version `json:"version,omitempty"`  // a new one, or one that has another name
	Drop     []string `json:"drop,omitempty"`     // ids of versions that are no more
	Comment  *Comment `json:"comment,omitempty"`  // a new one, or one that is resolved or opened again
	Withdraw string   `json:"withdraw,omitempty"` // id of a comment that is no more
}

// Created says who has made a document, and when. One that was deleted is there again
// only after it was made anew.
type Created struct {
	User   string    `json:"user,omitempty"`
	Name   string    `json:"name,omitempty"`
	At     time.Time `json:"at"`
	Update []byte    `json:"update,omitempty"` // what it begins with, of version 1
}

// Version is a state that the document had and that is kept.
type Version struct {
	ID    string    `json:"id"`
	Name  string    `json:"name,omitempty"` // given by a person; empty: made by the hub
	At    time.Time `json:"at"`
	Seq   uint64    `json:"seq"`             // the last record that is in it
	User  string    `json:"user,omitempty"`  // who asked for it
	Users []string  `json:"users,omitempty"` // who has edited since the version before it
	Size  int       `json:"size"`            // in bytes, of the update that is the whole document
	Blob  string    `json:"blob"`            // where that is
}

// Comment is a thread of the room's chat that is about a place in the document.
type Comment struct {
	ID       string         `json:"id"`
	Seq      uint64         `json:"seq"` // of the message in the room that begins the thread
	Root     string         `json:"root"`
	Start    view.Position  `json:"start"`
	End      *view.Position `json:"end,omitempty"`
	Quote    string         `json:"quote,omitempty"` // what stood there then
	User     string         `json:"user"`
	At       time.Time      `json:"at"`
	Resolved *Resolved      `json:"resolved,omitempty"`
}

// Resolved says who has settled a comment, and when.
type Resolved struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
}

// Deleted is the end of a document. Copies of it may still be with clients, and must
// not become part of the next one of that name: what is kept of it are the ids under
// which was written.
type Deleted struct {
	Generation int       `json:"generation"` // of the document that ended; the first is 1
	User       string    `json:"user,omitempty"`
	At         time.Time `json:"at"`
	Former     []byte    `json:"former,omitempty"` // state vector: the clients of all that have ended
}
