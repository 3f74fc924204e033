package docs

import (
	"time"

	"github.com/hubbub-im/hubbub/hub"
	"github.com/hubbub-im/hubbub/room/yjs"
	"github.com/hubbub-im/hubbub/room/yjs/view"
)

// Config is what Docs is built from. Log and Blobs are required; a zero in any other
// field means its default.
type Config struct {
	Log   hub.DocLog
	Blobs hub.Blobs
	// Bus carries cursors between instances; nil: there is no other instance.
	Bus hub.Bus

	Limits   Limits
	Versions VersionPolicy

	EmptyLinger  time.Duration // how long a document without peers is kept; 5 s
	CompactEvery int           // records after which a document is compacted; 500
	Compactions  int           // that are made at once; 2
	Openings     int           // documents that are read from the log at once; 8
	OpenWait     time.Duration // how long opening may take; 20 s
	SilentAfter  time.Duration // after which a cursor that was not renewed is gone; 30 s
	AnnounceWait time.Duration // Announce is told when nothing has changed for so long; 3 s
	AnnounceMost time.Duration // or when the first change is so long ago; 1 min

	// Announce, if set, is told that a document has changed, once for all changes that
	// have gathered. It may block.
	Announce func(Changed)
	// Fault, if set, is told of what went wrong inside and was survived. It must not
	// block.
	Fault func(doc string, err error)
}

// Limits bound what documents and their editors may cost.
type Limits struct {
	Update    int // bytes of one update; 8 MiB
	Document  int // bytes that a document holds in memory; 64 MiB
	Awareness int // bytes of the state of one client: its cursor, its name; 16 KiB
	Clients   int // clients with a state in one document; 2,000
	Peers     int // peers that have a document open; 10,000
}

// VersionPolicy says when versions are made without being asked for, and how long they
// are kept.
type VersionPolicy struct {
	Every time.Duration // after so long a version is made of what has changed; 10 min; below 0: none is
	Keep  time.Duration // how long one without a name is kept; 90 days
	Most  int           // versions without a name that are kept; 200
}

// Changed says that a document has changed.
type Changed struct {
	Doc   string
	At    hub.Position // of the newest change in it
	Users []string     // who has made the changes, by id, sorted
}

func (c *Config) setDefaults() {
	def(&c.Limits.Update, 8<<20)
	def(&c.Limits.Document, 64<<20)
	def(&c.Limits.Awareness, 16<<10)
	def(&c.Limits.Clients, 2000)
	def(&c.Limits.Peers, 10_000)
	def(&c.Versions.Every, 10*time.Minute)
	def(&c.Versions.Keep, 90*24*time.Hour)
	def(&c.Versions.Most, 200)
	def(&c.EmptyLinger, 5*time.Second)
	def(&c.CompactEvery, 500)
	def(&c.Compactions, 2)
	def(&c.Openings, 8)
	def(&c.OpenWait, 20*time.Second)
	def(&c.SilentAfter, 30*time.Second)
	def(&c.AnnounceWait, 3*time.Second)
	def(&c.AnnounceMost, time.Minute)
	if c.Fault == nil {
		c.Fault = func(string, error) {}
	}
}

func def[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// yjs gives the bounds for what is decoded of editors.
func (l *Limits) yjs() yjs.Limits {
	return yjs.Limits{MaxBytes: max(l.Document, l.Update), MaxStates: l.Clients, MaxStateBytes: l.Awareness}
}

// update gives the bounds for one update.
func (l *Limits) view() view.Limits { return view.Limits{} }
