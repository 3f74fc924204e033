package room

import (
	"hash/fnv"
	"slices"
	"strconv"
)

const (
	// reportRepeats is in how many reports, one after the other, a change is told.
	// So several may be lost in a row before somebody has to ask, and a user who has
	// come from another instance is known before they are believed gone.
	reportRepeats = 4
	// reportChanges bounds the users whom a report names. Beyond it whoever hears the
	// report asks for all.
	reportChanges = 256
	// reportSample is how many users are named where they are only counted.
	reportSample = 16
)

// Report is what an instance tells the others of its own members of a room.
type Report struct {
	Instance string `json:"i"`
	Beat     uint64 `json:"b"`           // its newest beat, for its lease
	Gen      uint64 `json:"g"`           // ascends with each time that it opens the room
	Version  uint64 `json:"v"`           // ascends with each change, within Gen
	From     uint64 `json:"f,omitempty"` // Changes lead from this version, or a later one, to Version
	Hash     uint64 `json:"h,omitempty"` // of its users as they are at Version

	Users   int      `json:"u,omitempty"` // its own users
	Conns   int      `json:"k,omitempty"` // and their connections
	Changes []Member `json:"c,omitempty"` // what is true of them now; no Conns: gone
	Full    bool     `json:"w,omitempty"` // Changes are all its users
	Counted bool     `json:"n,omitempty"` // they are only counted; Changes are a few of them
	Ask     bool     `json:"a,omitempty"` // it would hear from the others
	Rest    int      `json:"r,omitempty"` // seconds until it says so again, if nothing changes
}

// own is what an instance has to tell of its own members.
type own struct {
	gen, version uint64
	hash         uint64
	users, conns int

	shared bool       // there are others who may want to hear of changes
	said   [][]string // users of the last reports, oldest first, and last those not told yet
	froms  []uint64   // the version before each
}

// change takes note that a user of this instance was one thing and is another.
func (o *own) change(was, is Member) {
	if was == is {
		return
	}
	o.version++
	if was.Conns > 0 {
		o.hash -= hashMember(was)
		o.users--
	}
	if is.Conns > 0 {
		o.hash += hashMember(is)
		o.users++
	}
	o.conns += is.Conns - was.Conns
	if !o.shared {
		return
	}
	if len(o.said) == 0 {
		o.said, o.froms = [][]string{nil}, []uint64{o.version - 1}
	}
	if last := len(o.said) - 1; len(o.said[last]) <= reportChanges {
		o.said[last] = append(o.said[last], is.User)
	}
}

// hashMember is added up, so that the order does not count.
func hashMember(m Member) uint64 {
	h := fnv.New64a()
	for _, part := range []string{m.User, m.Name, strconv.Itoa(m.Conns)} {
		_, _ = h.Write([]byte(part)) // never fails
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// Open begins a room's reports. gen is higher than at any earlier time.
func (r *Roster) Open(gen uint64) { r.own.gen = gen }

// Share says whether there are other instances, for which changes are remembered.
func (r *Roster) Share(others bool) {
	if r.own.shared = others; !others {
		r.own.said, r.own.froms = nil, nil
	}
}

// Own is how many users and connections this instance has in the room.
func (r *Roster) Own() (users, conns int) { return r.own.users, r.own.conns }

// Report gives what the other instances have not been told yet, or not often enough,
// and takes it as told. The rest of the Report is the caller's to fill in. Once the
// room is large its users are only counted; see News.
func (r *Roster) Report(most int) Report {
	r.measure(most)
	rep := r.report()
	if n := len(r.own.said); n > 0 && !r.counted {
		rep.From, rep.Changes = r.recent()
	}
	r.own.said, r.own.froms = append(r.own.said, nil), append(r.own.froms, r.own.version)
	if extra := len(r.own.said) - reportRepeats; extra > 0 {
		r.own.said, r.own.froms = slices.Delete(r.own.said, 0, extra), slices.Delete(r.own.froms, 0, extra)
	}
	return rep
}

// recent gives the users of the last reports as they are now.
func (r *Roster) recent() (from uint64, changes []Member) {
	from = r.own.version
	named := make(map[string]bool)
	for i := len(r.own.said) - 1; i >= 0; i-- {
		if len(named)+len(r.own.said[i]) > reportChanges {
			break
		}
		from = r.own.froms[i]
		for _, user := range r.own.said[i] {
			if !named[user] {
				named[user] = true
				changes = append(changes, r.ownMember(user))
			}
		}
	}
	return from, changes
}

func (r *Roster) ownMember(user string) Member {
	if s := r.users[user]; s != nil && len(s.conns) > 0 {
		return s.here(user)
	}
	return Member{User: user}
}

// Full gives a report of all users of this instance, or a few of them if they are
// only counted.
func (r *Roster) Full(most int) Report {
	r.measure(most)
	rep := r.report()
	rep.Full = true
	for user, s := range r.users {
		if r.counted && len(rep.Changes) == reportSample {
			break
		}
		if len(s.conns) > 0 {
			rep.Changes = append(rep.Changes, s.here(user))
		}
	}
	return rep
}

func (r *Roster) report() Report {
	return Report{
		Gen: r.own.gen, Version: r.own.version, From: r.own.version, Hash: r.own.hash,
		Users: r.own.users, Conns: r.own.conns, Counted: r.counted,
	}
}
