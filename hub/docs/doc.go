// Package docs keeps shared documents: it opens them from the log, takes in what their
// editors send, relays that to the others at once, and says that it is saved when the
// log has it. Package hub does the same for rooms.
//
// One edit: Seat.Apply -> State.Edit (valid? new?) -> a Round to the other peers, and
// the queue -> Log.Append -> the ack, which is told to the editor. Other instances hear
// it from the log.
package docs
