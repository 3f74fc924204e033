package room

import (
	"cmp"
	"slices"
)

// Sample is how many users of a large room are named in place of all.
const Sample = 50

// Member is a user who is in a room, with one connection or several.
type Member struct {
	User  string `json:"user"`
	Name  string `json:"name,omitempty"`
	Conns int    `json:"conns"`
}

// News is what observers of a room are told: exactly one Joined and one Left for
// each stay, however many connections it was made of, and one more Joined for a user
// who takes another name meanwhile. While the room is large it is the number alone.
type News struct {
	Joined, Left []Member
	// Members, if it is not nil, takes the place of all that was told before: a
	// sample, if Partial, as a room becomes large, and the whole list as it becomes
	// small again.
	Members []Member
	Partial bool // the room is large
	Count   int
}

// Roster tracks who is in a room. What observers are told is the difference
// between what they were told last and what is true now, so that someone who
// leaves and is back before the next News was never away.
type Roster struct {
	users     map[string]*stay
	announced map[string]Member // nil while the room is large
	dirty     []string          // users who may differ from what was announced, oldest first
	isDirty   map[string]bool
	large     bool
	told      int // the number that observers know
}

// stay is a user's: its connections are few.
type stay struct {
	name  string
	conns []string
}

// Join adds a connection of user. A connection that is in already changes nothing.
func (r *Roster) Join(user, name, conn string) {
	if r.users == nil {
		r.users = make(map[string]*stay)
	}
	s := r.users[user]
	if s == nil {
		s = &stay{}
		r.users[user] = s
		r.touch(user)
	} else if s.name != name {
		r.touch(user)
	}
	s.name = name
	if !slices.Contains(s.conns, conn) {
		s.conns = append(s.conns, conn)
	}
}

// Leave takes a connection away; the user is gone with the last one.
func (r *Roster) Leave(user, conn string) {
	s := r.users[user]
	if s == nil {
		return
	}
	if i := slices.Index(s.conns, conn); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
	}
	if len(s.conns) == 0 {
		delete(r.users, user)
		r.touch(user)
	}
}

func (r *Roster) touch(user string) {
	if r.large || r.isDirty[user] {
		return
	}
	if r.isDirty == nil {
		r.isDirty = make(map[string]bool)
	}
	r.isDirty[user] = true
	r.dirty = append(r.dirty, user)
}

// Dirty reports whether News may have something to tell.
func (r *Roster) Dirty() bool { return len(r.dirty) > 0 || r.large && r.told != len(r.users) }

// News gives what observers have not been told yet, in the order in which it began,
// and takes it as told; ok is false if that is nothing. A room is large from more
// than most users on, until they are fewer than three quarters of that.
func (r *Roster) News(most int) (n News, ok bool) {
	count := len(r.users)
	switch {
	case r.large && count >= most*3/4:
		n, ok = News{Partial: true}, count != r.told
	case r.large:
		n, ok = r.shrink(), true
	case count > most:
		r.large, r.announced = true, nil
		n, ok = News{Partial: true, Members: r.Members(Sample)}, true
	default:
		n = r.changes()
		ok = len(n.Joined)+len(n.Left) > 0
	}
	r.dirty, r.isDirty = nil, nil
	n.Count, r.told = count, count
	return n, ok
}

// shrink makes a large room one whose users are told by name.
func (r *Roster) shrink() News {
	r.large, r.announced = false, make(map[string]Member, len(r.users))
	n := News{Members: r.Members(len(r.users))}
	for _, m := range n.Members {
		r.announced[m.User] = m
	}
	return n
}

func (r *Roster) changes() (n News) {
	if r.announced == nil {
		r.announced = make(map[string]Member)
	}
	for _, user := range r.dirty {
		s := r.users[user]
		was, told := r.announced[user]
		switch {
		case s != nil && (!told || was.Name != s.name):
			m := s.member(user)
			r.announced[user] = m
			n.Joined = append(n.Joined, m)
		case s == nil && told:
			delete(r.announced, user)
			was.Conns = 0
			n.Left = append(n.Left, was)
		}
	}
	return n
}

// Count is the number of users who are in the room.
func (r *Roster) Count() int { return len(r.users) }

// Large reports whether observers are told the number alone.
func (r *Roster) Large() bool { return r.large }

// Members gives at most limit users who are in the room, sorted by id: the first
// ones of a list that is not much longer, else some.
func (r *Roster) Members(limit int) []Member {
	members := make([]Member, 0, min(len(r.users), 2*limit))
	for id, s := range r.users {
		if len(members) == cap(members) {
			break // sorting them all would cost each who asks
		}
		members = append(members, s.member(id))
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.User, b.User) })
	return members[:min(limit, len(members))]
}

func (s *stay) member(user string) Member {
	return Member{User: user, Name: s.name, Conns: len(s.conns)}
}
