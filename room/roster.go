package room

import "slices"

// Member is a user who is in a room, with one connection or several.
type Member struct {
	User  string `json:"user"`
	Name  string `json:"name,omitempty"`
	Conns int    `json:"conns"`
}

// Change is a user coming or going, as all observers are told: exactly one Join
// and one Leave for each stay, however many connections it was made of; and one
// more Join for a user who takes another name meanwhile.
type Change struct {
	Join   bool
	Member Member
}

// Roster tracks who is in a room. What observers are told is the difference
// between what they were told last and what is true now, so that someone who
// leaves and is back before the next Changes was never away.
type Roster struct {
	users     map[string]*stay
	announced map[string]Member
	dirty     []string // users who may differ from what was announced, oldest first
	isDirty   map[string]bool
}

type stay struct {
	name  string
	conns map[string]struct{}
}

// Join adds a connection of user. A connection that is in already changes nothing.
func (r *Roster) Join(user, name, conn string) {
	if r.users == nil {
		r.users, r.announced, r.isDirty = make(map[string]*stay), make(map[string]Member), make(map[string]bool)
	}
	s := r.users[user]
	if s == nil {
		s = &stay{conns: make(map[string]struct{}, 1)}
		r.users[user] = s
		r.touch(user)
	} else if s.name != name {
		r.touch(user)
	}
	s.name = name
	s.conns[conn] = struct{}{}
}

// Leave takes a connection away; the user is gone with the last one.
func (r *Roster) Leave(user, conn string) {
	s := r.users[user]
	if s == nil {
		return
	}
	delete(s.conns, conn)
	if len(s.conns) == 0 {
		delete(r.users, user)
		r.touch(user)
	}
}

func (r *Roster) touch(user string) {
	if !r.isDirty[user] {
		r.isDirty[user] = true
		r.dirty = append(r.dirty, user)
	}
}

// Dirty reports whether Changes may have something to tell.
func (r *Roster) Dirty() bool { return len(r.dirty) > 0 }

// Changes gives what observers have not been told yet, in the order in which it
// began, and takes it as told.
func (r *Roster) Changes() []Change {
	var changes []Change
	for _, user := range r.dirty {
		s := r.users[user]
		was, told := r.announced[user]
		switch {
		case s != nil && (!told || was.Name != s.name):
			m := s.member(user)
			r.announced[user] = m
			changes = append(changes, Change{Join: true, Member: m})
		case s == nil && told:
			delete(r.announced, user)
			was.Conns = 0
			changes = append(changes, Change{Member: was})
		}
	}
	r.dirty = nil
	clear(r.isDirty)
	return changes
}

// Count is the number of users who are in the room.
func (r *Roster) Count() int { return len(r.users) }

// Members gives at most limit users who are in the room, sorted by id.
func (r *Roster) Members(limit int) []Member {
	ids := make([]string, 0, len(r.users))
	for id := range r.users {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = ids[:min(limit, len(ids))]
	members := make([]Member, len(ids))
	for i, id := range ids {
		members[i] = r.users[id].member(id)
	}
	return members
}

func (s *stay) member(user string) Member {
	return Member{User: user, Name: s.name, Conns: len(s.conns)}
}
