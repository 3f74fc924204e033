// Package document holds the rules of a shared document, as package room does those of
// a room: what its log says, what becomes of that, and who may do what. It is pure: no
// goroutine, lock, clock or I/O.
//
// A document's log is a row of records, and State is what they come to: the document
// itself as a yjs.Store, who has written in it, its versions, the comments on it, and
// whether it was deleted. A snapshot is a State as one record, in the place of all
// records before it.
package document
