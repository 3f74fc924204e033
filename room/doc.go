// Package room holds the rules of a room: what an event is, who may do what
// (Accept), what an event changes (Apply, Fold), who is here (Roster), and the
// error codes that every edge speaks.
//
// It is pure. There is no goroutine, lock, clock or I/O in it: time and identity
// come in as arguments, so that every instance which replays the same events
// arrives at the same state.
package room
