package room

import (
	"cmp"
	"slices"
	"time"
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

// Roster tracks who is in a room, by connections of this instance and by what other
// instances report. What observers are told is the difference between what they were
// told last and what is true now, so that someone who leaves and is back before the
// next News was never away.
type Roster struct {
	users     map[string]*stay
	fading    map[string]time.Time // users without a connection, and until when they stay
	announced map[string]Member    // nil while the room is large
	dirty     []string             // users who may differ from what was announced, oldest first
	isDirty   map[string]bool
	large     bool
	told      int // the number that observers know

	own     own
	peers   map[string]*peer
	crowd   int // users of the peers that only count theirs
	crowds  int // how many peers those are
	counted bool
}

// stay is a user's: its connections are few.
type stay struct {
	name  string
	conns []string // of this instance
	away  []away   // of others, sorted
}

// Join adds a connection of user. A connection that is in already changes nothing.
func (r *Roster) Join(user, name, conn string) {
	s := r.stay(user, name)
	was := s.here(user)
	if s.name != name {
		r.touch(user)
	}
	s.name = name
	if !slices.Contains(s.conns, conn) {
		s.conns = append(s.conns, conn)
	}
	r.own.change(was, s.here(user))
}

// Leave takes a connection away; the user is gone with the last one.
func (r *Roster) Leave(user, conn string) { r.LeaveBy(user, conn, time.Time{}) }

// LeaveBy is Leave for a user who may be on the way to another instance: whose last
// connection it was stays until then.
func (r *Roster) LeaveBy(user, conn string, until time.Time) {
	s := r.users[user]
	if s == nil {
		return
	}
	was := s.here(user)
	if i := slices.Index(s.conns, conn); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
		r.own.change(was, s.here(user))
		r.settle(user, s, until)
	}
}

// stay finds a user's, or begins it.
func (r *Roster) stay(user, name string) *stay {
	s := r.users[user]
	if s == nil {
		s = &stay{name: name}
		if r.users == nil {
			r.users = make(map[string]*stay)
		}
		r.users[user] = s
		r.touch(user)
	}
	delete(r.fading, user)
	return s
}

// settle looks what became of a stay after something of it has ended.
func (r *Roster) settle(user string, s *stay, until time.Time) {
	switch {
	case len(s.conns) > 0:
	case len(s.away) > 0:
		if s.name != s.away[0].name {
			s.name = s.away[0].name
			r.touch(user)
		}
	case until.IsZero() || r.large:
		delete(r.users, user)
		r.touch(user)
	default:
		if r.fading == nil {
			r.fading = make(map[string]time.Time)
		}
		r.fading[user] = until
	}
}

// Fade ends the stays whose time is over.
func (r *Roster) Fade(now time.Time) {
	for user, until := range r.fading {
		if !now.Before(until) {
			delete(r.fading, user)
			delete(r.users, user)
			r.touch(user)
		}
	}
}

// Fades gives when Fade has something to do, or false.
func (r *Roster) Fades() (next time.Time, ok bool) {
	for _, until := range r.fading {
		if !ok || until.Before(next) {
			next, ok = until, true
		}
	}
	return next, ok
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
func (r *Roster) Dirty() bool {
	return len(r.dirty) > 0 || r.large && (r.told != r.Count() || r.crowds == 0 && !r.counted) || !r.large && r.crowds > 0
}

// measure decides whether names are told: not from more than most users on, until
// they are fewer than three quarters of that.
func (r *Roster) measure(most int) {
	switch count := r.Count(); {
	case count > most:
		r.counted = true
	case count < most*3/4:
		r.counted = false
	}
}

// News gives what observers have not been told yet, in the order in which it began,
// and takes it as told; ok is false if that is nothing. A room is large from more
// than most users on, until they are fewer than three quarters of that, and as long
// as another instance only counts its own.
func (r *Roster) News(most int) (n News, ok bool) {
	r.measure(most)
	count, large := r.Count(), r.counted || r.crowds > 0
	switch {
	case r.large && large:
		n, ok = News{Partial: true}, count != r.told
	case r.large:
		n, ok = r.shrink(), true
	case large:
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

// Count is the number of users who are in the room. A user who is on several
// instances that only count theirs is in it several times.
func (r *Roster) Count() int { return len(r.users) + r.crowd }

// Large reports whether observers are told the number alone.
func (r *Roster) Large() bool { return r.large }

// Members gives at most limit users who are in the room, sorted by id: the first
// ones of a list that is not much longer, else some.
func (r *Roster) Members(limit int) []Member {
	members := make([]Member, 0, min(r.Count(), 2*limit))
	for id, s := range r.users {
		if len(members) == cap(members) {
			break // sorting them all would cost each who asks
		}
		members = append(members, s.member(id))
	}
	members = r.sampled(members)
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.User, b.User) })
	return members[:min(limit, len(members))]
}

// member gives the user with all connections. One who has none at the moment is on
// the way from one instance to another.
func (s *stay) member(user string) Member {
	n := len(s.conns)
	for _, a := range s.away {
		n += a.conns
	}
	return Member{User: user, Name: s.name, Conns: max(n, 1)}
}

// here gives the user with the connections of this instance alone.
func (s *stay) here(user string) Member {
	return Member{User: user, Name: s.name, Conns: len(s.conns)}
}
