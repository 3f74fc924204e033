package room

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// askPause is how long an instance that was asked for its users has to answer.
	askPause = 300 * time.Millisecond
	// peerSilence is after how long an instance is asked that has users in the room
	// and says nothing: it may have let go of the room unheard. One that has said that
	// it will speak seldom is given more than twice that time, but never more than
	// peerSilenceMost.
	peerSilence     = 25 * time.Second
	peerSilenceMost = 15 * time.Minute
)

// away is a user's connections to another instance.
type away struct {
	instance, name string
	conns          int
}

// peer is what is known of another instance's users.
type peer struct {
	gen, version uint64
	known        bool // what it last said has been taken in
	hash         uint64
	named        int // users in the roster who are with it
	users, conns int // as it says
	counted      bool
	sample       []Member
	heard, asked time.Time
	silence      time.Duration // for how long it may say nothing
}

// Share is how many of a room's users and connections are with one instance.
type Share struct {
	Instance string `json:"instance"`
	Users    int    `json:"users"`
	Conns    int    `json:"connections"`
}

// Take takes in what another instance reports. Users who are gone by it stay until
// the time given. ask is true if the instance should be asked for all its users.
func (r *Roster) Take(rep Report, now, until time.Time) (ask bool) {
	p := r.peer(rep.Instance)
	p.heard = now
	p.silence = min(max(peerSilence, time.Duration(max(rep.Rest, 0))*time.Second*5/2), peerSilenceMost)
	older := cmp.Or(cmp.Compare(rep.Gen, p.gen), cmp.Compare(rep.Version, p.version))
	switch {
	case older < 0:
		return false
	case older == 0 && p.known && rep.Counted == p.counted && !rep.Full:
		return false
	case rep.Counted:
		r.clear(rep.Instance, p, nil, time.Time{}) // they are among those who are counted
		r.count(p, rep)
	case rep.Full || rep.Users == 0 || rep.From == 0 && len(rep.Changes) > 0:
		r.count(p, rep)
		r.replace(p, rep, until)
	case p.known && !p.counted && rep.Gen == p.gen && rep.From <= p.version:
		r.apply(p, rep, until)
	default:
		p.known = false
	}
	if p.gen, p.version = rep.Gen, rep.Version; p.known {
		p.users, p.conns = rep.Users, rep.Conns
		return false
	}
	return r.mayAsk(p, now)
}

func (r *Roster) mayAsk(p *peer, now time.Time) bool {
	if now.Sub(p.asked) < askPause {
		return false
	}
	p.asked = now
	return true
}

func (r *Roster) peer(instance string) *peer {
	p := r.peers[instance]
	if p == nil {
		if r.peers == nil {
			r.peers = make(map[string]*peer)
		}
		p = &peer{}
		r.peers[instance] = p
	}
	return p
}

// count takes over whether a peer only counts its users, and their number.
func (r *Roster) count(p *peer, rep Report) {
	if p.counted {
		r.crowd, r.crowds = r.crowd-p.users, r.crowds-1
	}
	if p.counted, p.known = rep.Counted, true; !rep.Counted {
		p.sample = nil
		return
	}
	r.crowd, r.crowds = r.crowd+rep.Users, r.crowds+1
	p.users, p.conns, p.hash = rep.Users, rep.Conns, 0
	if rep.Full {
		p.sample = rep.Changes
	}
}

// replace takes the report's users in the place of all that were known.
func (r *Roster) replace(p *peer, rep Report, until time.Time) {
	stays := make(map[string]bool, len(rep.Changes))
	for _, m := range rep.Changes {
		stays[m.User] = m.Conns > 0
	}
	r.clear(rep.Instance, p, stays, until)
	r.apply(p, rep, until)
}

// apply brings single users up to date, and checks the whole.
func (r *Roster) apply(p *peer, rep Report, until time.Time) {
	for _, m := range rep.Changes {
		r.set(rep.Instance, p, m, until)
	}
	p.known = p.hash == rep.Hash
}

// clear takes out the users who are with the instance, but for those who stay.
func (r *Roster) clear(instance string, p *peer, stays map[string]bool, until time.Time) {
	if p.named == 0 {
		return
	}
	for user, s := range r.users {
		if !stays[user] && s.find(instance) >= 0 {
			r.set(instance, p, Member{User: user}, until)
		}
	}
}

// set says what is true of a user at an instance.
func (r *Roster) set(instance string, p *peer, m Member, until time.Time) {
	s := r.users[m.User]
	if m.Conns == 0 && (s == nil || s.find(instance) < 0) {
		return // as it was before
	}
	if m.Conns > 0 {
		s = r.stay(m.User, m.Name)
	}
	if i := s.find(instance); i >= 0 {
		old := s.away[i]
		p.hash -= hashMember(Member{User: m.User, Name: old.name, Conns: old.conns})
		p.named--
		s.away = slices.Delete(s.away, i, i+1)
	}
	if m.Conns > 0 {
		p.hash += hashMember(m)
		p.named++
		s.away = append(s.away, away{instance, m.Name, m.Conns})
		slices.SortFunc(s.away, func(a, b away) int { return strings.Compare(a.instance, b.instance) })
	}
	r.settle(m.User, s, until)
}

func (s *stay) find(instance string) int {
	return slices.IndexFunc(s.away, func(a away) bool { return a.instance == instance })
}

// Drop forgets an instance that is gone. Its users stay until the time given.
func (r *Roster) Drop(instance string, until time.Time) {
	p := r.peers[instance]
	if p == nil {
		return
	}
	r.clear(instance, p, nil, until)
	r.count(p, Report{})
	delete(r.peers, instance)
}

// Silent gives the instances that should be asked: those that were and have not
// answered, and those that have users here by what is known, and have not been heard of
// for long.
func (r *Roster) Silent(now time.Time) (ask []string) {
	for id, p := range r.peers {
		if (!p.known || p.users > 0 && now.Sub(p.heard) > p.silence) && r.mayAsk(p, now) {
			ask = append(ask, id)
		}
	}
	return ask
}

// Alone reports whether no other instance has users here, as far as is known.
func (r *Roster) Alone() bool {
	for _, p := range r.peers {
		if p.users > 0 || !p.known {
			return false
		}
	}
	return true
}

// Unsure reports whether an instance was asked for its users and has not answered.
func (r *Roster) Unsure() bool {
	for _, p := range r.peers {
		if !p.known {
			return true
		}
	}
	return false
}

// Shares gives how many are with each instance that has any; self is this one.
func (r *Roster) Shares(self string) []Share {
	shares := make([]Share, 0, 1+len(r.peers))
	if r.own.conns > 0 {
		shares = append(shares, Share{self, r.own.users, r.own.conns})
	}
	for id, p := range r.peers {
		if p.conns > 0 {
			shares = append(shares, Share{id, p.users, p.conns})
		}
	}
	slices.SortFunc(shares, func(a, b Share) int { return strings.Compare(a.Instance, b.Instance) })
	return shares
}

// Where gives the instances that a user is with, as far as is known; self is this one.
func (r *Roster) Where(user, self string) (instances []string) {
	if s := r.users[user]; s != nil {
		if len(s.conns) > 0 {
			instances = append(instances, self)
		}
		for _, a := range s.away {
			instances = append(instances, a.instance)
		}
	}
	for id, p := range r.peers {
		if slices.ContainsFunc(p.sample, func(m Member) bool { return m.User == user }) {
			instances = append(instances, id)
		}
	}
	slices.Sort(instances)
	return instances
}

// sampled adds those whom peers name that only count theirs, each once.
func (r *Roster) sampled(members []Member) []Member {
	var have map[string]bool
	for _, p := range r.peers {
		for _, m := range p.sample {
			if have == nil {
				have = make(map[string]bool)
			}
			if r.users[m.User] == nil && !have[m.User] {
				have[m.User] = true
				members = append(members, m)
			}
		}
	}
	return members
}
