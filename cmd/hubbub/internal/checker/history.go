package checker

import (
	"hash/maphash"
	"time"
)

// History is what happened in a run, as its clients saw it. All times are of one
// clock, and count from the run's beginning.
type History struct {
	Publishes []Publish
	Tracks    []Track
	Reads     []Read
	Final     map[string]Final // by room: what was read back when all had settled

	Stays   []Stay  // who was in which room, as they know it themselves
	Watches []Watch // who was shown there
}

// Position is a place in a room's order.
type Position struct {
	Epoch string
	Seq   uint64
}

// Entry is an event, as somebody was given it.
type Entry struct {
	Seq  uint64
	User string
	ID   string // the publisher's id for it
	Text uint64 // Hash of the text
	Sum  uint64 // Hash of the event as a whole, byte by byte
}

var hashSeed = maphash.MakeSeed()

// Hash stands for content in an Entry and a Publish. It differs from process to
// process.
func Hash[T string | []byte](content T) uint64 { return maphash.String(hashSeed, string(content)) }

// Outcome is how an attempt to publish ended.
type Outcome uint8

// The outcomes.
const (
	Unknown Outcome = iota // no answer, or one that leaves it open
	Acked                  // acknowledged, at Publish.At
	Refused                // the hub said that it will not store it
)

// Publish is one attempt to publish a message. A message that was sent again has
// several, with the same Room, User and ID. They are recorded in the order of
// sending, as seen by each connection.
type Publish struct {
	Conn string // the connection that it went over; empty: not known
	Room string
	User string
	ID   string
	Text uint64 // Hash of the text

	Sent      time.Duration
	Done      time.Duration // when the answer came; 0: none did
	Outcome   Outcome
	At        Position
	Duplicate bool // the hub said that it had been stored before
}

// Track is what one subscriber saw of one room, in the order in which it saw it.
type Track struct {
	Who   string
	Room  string
	Steps []Step
}

// StepKind is the kind of a Step.
type StepKind uint8

// The kinds of steps.
const (
	Event  StepKind = iota // an event was pushed
	Joined                 // a join was answered
	Reset                  // a reset was pushed
	Left                   // the room was left, or the connection lost
)

// Step is one thing that a subscriber saw.
type Step struct {
	Kind  StepKind
	Entry Entry // of an Event
	Join  *Join // of a Joined; of a Reset its At and Reset
}

// Join is the answer to a join, and what was asked.
type Join struct {
	Since   *Position // nil: not a resume
	History int       // how many of the newest were asked for

	At      Position
	Live    bool
	More    bool
	Reset   string // its reason, or empty
	Entries []Entry

	// Anywhere: of a Reset, that its place is not known: what comes next begins
	// where it begins.
	Anywhere bool
}

// Read is one page of history that was read during the run.
type Read struct {
	Who  string
	Room string
	Sent time.Duration
	Done time.Duration

	After, Before uint64 // bounds that were asked for, places that the reader knew; 0: none
	FromStart     bool   // with After 0: from the beginning, not the newest
	Limit         int

	Epoch                 string
	Entries               []Entry
	MoreBefore, MoreAfter bool
}

// Final is the whole of a room, as it was read back at the end.
type Final struct {
	Epoch   string
	Entries []Entry
	Trimmed bool // by plan: its beginning is not expected to be there
}
