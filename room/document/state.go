package document

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hubbub-im/hubbub/room/yjs"
)

// State is what the records of a document come to.
type State struct {
	Store      *yjs.Store
	Generation int // 1 and more, and one more for each time that the document was deleted
	// Made says that the document is there: it was made, or somebody has written in it.
	Made     bool
	Authors  map[uint64]Author
	Versions []Version // by age
	Comments []Comment // by age
	// Gone is how the document of before ended, if no record of another one came yet.
	Gone *Deleted
	// Former are the clients of the documents of this name that were deleted.
	Former yjs.StateVector
	// Broken are records that could not be taken in, and were passed over. Unreadable is
	// why the newest snapshot is one of them: all that it stands for is missing.
	Broken     []Broken
	Unreadable error
	// Edited is when the last edit came, and Recent who has edited since the last version.
	Edited time.Time
	Recent []string

	// Base is where the snapshot is on which all stands, and Baseless says that there is
	// one that was not read.
	Base     uint64
	Baseless bool

	// Since counts what came after the last snapshot, and BaseBytes is that one's size.
	Since     Tail
	BaseBytes int

	limits yjs.Limits
}

// Tail is the records behind a snapshot.
type Tail struct{ Records, Bytes int }

// Author is who writes under a client id.
type Author struct {
	User string `json:"user"`
	Name string `json:"name,omitempty"`
}

// Broken is a record that was passed over.
type Broken struct {
	Seq uint64
	Why error
}

// Snapshot is what a record of KindSnapshot brings.
type Snapshot struct {
	Meta   Meta
	Update []byte // the whole document, of version 1
}

// Meta is what a snapshot has beside the document.
type Meta struct {
	Generation int               `json:"generation"`
	Made       bool              `json:"made,omitempty"`
	Authors    map[uint64]Author `json:"authors,omitempty"`
	Versions   []Version         `json:"versions,omitempty"`
	Comments   []Comment         `json:"comments,omitempty"`
	Gone       *Deleted          `json:"gone,omitempty"`
	Former     []byte            `json:"former,omitempty"`
	Edited     int64             `json:"edited,omitempty"` // milliseconds since 1970
	Recent     []string          `json:"recent,omitempty"`
}

// New gives the state of a document that has no records. The limits hold for what
// editors bring, which is for the caller to check; what is in the log was checked, and
// may together be more than any of them could bring at once.
func New(limits yjs.Limits) *State {
	stored := limits
	stored.MaxBytes, stored.MaxStructs, stored.MaxDeletes = maxStored, maxStored, maxStored
	return &State{Store: yjs.NewLimited(stored), Generation: 1, limits: stored}
}

// maxStored bounds a snapshot, in bytes, and so also what may be in it.
const maxStored = 1 << 30

// Fresh are the updates of a record that brought something that was not known.
type Fresh struct {
	Updates [][]byte
	// Over says that what was known of the document is no more: it was deleted.
	Over bool
	// Known says that something else is known of it now: its versions, its comments.
	Known bool
}

// Apply takes in the record at a sequence. One that cannot be taken in, as a whole or
// in part, is noted in Broken, and the rest stands: a document always opens.
func (s *State) Apply(seq uint64, size int, rec *Record) (fresh Fresh) {
	s.Stored(size)
	switch rec.Kind {
	case KindEdits:
		s.Baseless = s.Baseless || rec.Edits.Base > s.Base
		if s.Gone == nil { // else it is of the document that was deleted
			s.Edited = rec.Edits.At
			for _, a := range rec.Edits.Authors {
				fresh.Updates = s.edits(fresh.Updates, seq, a.Updates, Author{a.User, a.Name})
			}
		}
	case KindSnapshot:
		s.Replaced(seq, size)
		fresh.Updates = s.replace(seq, &rec.Snapshot)
	case KindNote:
		if c := rec.Note.Created; c != nil {
			s.Gone, s.Made = nil, true
			if len(c.Update) > 0 {
				s.Edited = c.At
				fresh.Updates = s.edits(nil, seq, [][]byte{c.Update}, Author{c.User, c.Name})
			}
		}
		fresh.Known = s.note(&rec.Note)
	case KindDeleted:
		s.delete(&rec.Deleted)
		fresh.Over = true
	case KindElsewhere:
		s.Break(seq, fmt.Errorf("the blob %s was not read", rec.Elsewhere.Blob))
	}
	return fresh
}

// edits takes updates in, and appends those to fresh that have brought something.
func (s *State) edits(fresh [][]byte, seq uint64, updates [][]byte, by Author) [][]byte {
	for _, u := range updates {
		change, err := s.Edit(u, by)
		switch {
		case err != nil:
			s.Break(seq, err)
		case change.Any():
			fresh = append(fresh, u)
		}
	}
	return fresh
}

// Stored counts a record of so many bytes whose edits are known already.
func (s *State) Stored(size int) {
	s.Since.Records++
	s.Since.Bytes += size
}

// Replaced notes that the snapshot at a sequence, of so many bytes, stands in the place
// of all records.
func (s *State) Replaced(seq uint64, size int) {
	s.Since, s.Broken, s.Unreadable = Tail{}, nil, nil
	s.Base, s.BaseBytes, s.Baseless = seq, size, false
}

// Records is how many records there are, the snapshot among them.
func (s *State) Records() int {
	if s.Base > 0 {
		return s.Since.Records + 1
	}
	return s.Since.Records
}

// Break notes that a record could not be taken in.
func (s *State) Break(seq uint64, why error) { s.Broken = append(s.Broken, Broken{seq, why}) }

// Edit takes in an update, and notes under whose name its clients write. On an error,
// which is a *yjs.Error, nothing has changed.
func (s *State) Edit(update []byte, by Author) (yjs.Change, error) {
	change, err := s.Store.Apply(update)
	if err != nil || !change.Any() {
		return change, err
	}
	s.Made = true
	if by.User == "" {
		return change, nil
	}
	if !slices.Contains(s.Recent, by.User) && len(s.Recent) < maxRecent {
		s.Recent = append(s.Recent, by.User)
	}
	if change.Inserted > 0 {
		s.claim(update, by)
	}
	return change, nil
}

// maxRecent bounds whom a version names as its authors.
const maxRecent = 100

// claim notes the clients of an update that nobody was known to write under. It was
// decoded before, so there is no error.
func (s *State) claim(update []byte, by Author) {
	last := ^uint64(0)
	_ = yjs.EachStruct(update, s.limits, func(st *yjs.Struct) {
		if st.ID.Client == last {
			return
		}
		last = st.ID.Client
		if _, known := s.Authors[last]; !known {
			if s.Authors == nil {
				s.Authors = make(map[uint64]Author)
			}
			s.Authors[last] = by
		}
	})
}

// Stray says whether an update has structs of a client of a document that was deleted:
// whoever sends it has a copy of that one.
func (s *State) Stray(clients yjs.StateVector) bool {
	for client := range clients {
		if _, former := s.Former[client]; former {
			return true
		}
	}
	return false
}

// replace takes in a snapshot. What was known already stays, so that a snapshot never
// takes away what came after it.
func (s *State) replace(seq uint64, snap *Snapshot) [][]byte {
	m := &snap.Meta
	former, err := yjs.DecodeStateVector(m.Former, s.limits)
	if err != nil {
		s.Break(seq, err)
	}
	change, err := s.Store.Apply(snap.Update)
	if err != nil {
		s.Break(seq, err)
		s.Unreadable = err
		return nil
	}
	s.Generation, s.Versions, s.Comments, s.Gone = max(m.Generation, 1), m.Versions, m.Comments, m.Gone
	s.Made = m.Made
	s.Recent, s.Edited, s.Former = m.Recent, time.UnixMilli(m.Edited), former
	if len(m.Authors) > 0 {
		s.Authors = m.Authors
	}
	if !change.Any() {
		return nil
	}
	return [][]byte{snap.Update}
}

// Snapshot gives the state as one record. What is done to the state later does not
// change it: it is encoded while editors write on.
func (s *State) Snapshot() Snapshot {
	return Snapshot{Update: s.Store.Snapshot(), Meta: Meta{
		Generation: s.Generation, Made: s.Made, Authors: maps.Clone(s.Authors), Versions: s.Versions, Comments: s.Comments, Gone: s.Gone,
		Former: encodeFormer(s.Former), Edited: s.Edited.UnixMilli(), Recent: s.Recent,
	}}
}

func encodeFormer(sv yjs.StateVector) []byte {
	if len(sv) == 0 {
		return nil
	}
	return sv.Encode()
}

// End gives the record that deletes the document.
func (s *State) End(user string, at time.Time) Deleted {
	former, _ := yjs.DecodeStateVector(s.Store.StateVector(), yjs.Limits{})
	for client, clock := range s.Former {
		former[client] = max(former[client], clock)
	}
	return Deleted{Generation: s.Generation, User: user, At: at, Former: encodeFormer(former)}
}

// delete makes the state that of a new document, of which there is nothing yet.
func (s *State) delete(d *Deleted) {
	former, err := yjs.DecodeStateVector(d.Former, s.limits)
	before := *s
	*s = *New(s.limits)
	s.Generation, s.Gone, s.Former = d.Generation+1, d, former
	s.Since, s.Base, s.BaseBytes, s.Broken = before.Since, before.Base, before.BaseBytes, before.Broken
	if err != nil {
		s.Break(0, err)
	}
}

// note takes in what is said of the document.
func (s *State) note(n *Note) bool {
	switch {
	case n.Version != nil:
		before := len(s.Versions)
		s.Versions = put(s.Versions, *n.Version, func(v Version) string { return v.ID })
		if len(s.Versions) > before {
			s.Recent = nil
		}
	case len(n.Drop) > 0:
		s.Versions = slices.DeleteFunc(slices.Clone(s.Versions), func(v Version) bool { return slices.Contains(n.Drop, v.ID) })
	case n.Comment != nil:
		s.Comments = put(s.Comments, *n.Comment, func(c Comment) string { return c.ID })
	case n.Withdraw != "":
		s.Comments = slices.DeleteFunc(slices.Clone(s.Comments), func(c Comment) bool { return c.ID == n.Withdraw })
	default:
		return false
	}
	return true
}

// put replaces what has the same id, or appends.
func put[T any](list []T, v T, id func(T) string) []T {
	list = slices.Clone(list)
	if i := slices.IndexFunc(list, func(o T) bool { return id(o) == id(v) }); i >= 0 {
		list[i] = v
		return list
	}
	return append(list, v)
}
