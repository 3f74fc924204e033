package room

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestRostersAgree: two instances report to a third one, over a way that loses,
// doubles and reorders. As soon as it is asked for and given, the third one's roster is
// what it should be, whatever came before; and observers have been told one join and
// one leave for each stay.
func TestRostersAgree(t *testing.T) {
	for seed := range uint64(2000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		a, b, c := &Roster{}, &Roster{}, &Roster{}
		a.Open(1)
		b.Open(1)
		a.Share(true)
		b.Share(true)
		var way []Report
		now := time.Unix(0, 0)
		present := map[string]bool{}
		tell := func() {
			news, _ := c.News(1000)
			for _, m := range news.Left {
				if !present[m.User] {
					t.Fatalf("seed %d: %s left twice", seed, m.User)
				}
				delete(present, m.User)
			}
			for _, m := range news.Joined {
				if present[m.User] {
					t.Fatalf("seed %d: %s joined twice", seed, m.User)
				}
				present[m.User] = true
			}
		}
		for range 60 {
			for id, r := range map[string]*Roster{"a": a, "b": b} {
				user, conn := fmt.Sprint("u", dice.IntN(5)), fmt.Sprint(dice.IntN(3))
				if dice.IntN(2) == 0 {
					r.Join(user, "N", conn)
				} else {
					r.Leave(user, conn)
				}
				rep := r.Report(1000)
				rep.Instance = id
				for range dice.IntN(3) { // 0: lost, 2: doubled
					way = append(way, rep)
				}
			}
			for len(way) > 4 {
				i := dice.IntN(len(way))
				c.Take(way[i], now, time.Time{})
				way = append(way[:i], way[i+1:]...)
			}
			if dice.IntN(4) == 0 {
				tell()
			}
		}
		for id, r := range map[string]*Roster{"a": a, "b": b} {
			rep := r.Full(1000)
			rep.Instance = id
			c.Take(rep, now, time.Time{})
		}
		for _, late := range way {
			c.Take(late, now, time.Time{})
		}
		tell()
		if got, want := c.Members(100), union(a, b); !reflect.DeepEqual(got, want) || c.Unsure() {
			t.Fatalf("seed %d: %v, want %v", seed, got, want)
		}
		if len(present) != c.Count() {
			t.Fatalf("seed %d: observers know %v of %v", seed, present, c.Members(100))
		}
	}
}

// union gives who is in one of the rosters, with the sum of the connections.
func union(rosters ...*Roster) []Member {
	var all Roster
	for i, r := range rosters {
		for user, s := range r.users {
			for _, conn := range s.conns {
				all.Join(user, s.name, fmt.Sprint(i, conn))
			}
		}
	}
	return all.Members(100)
}

// pair are two instances: what one reports the other one takes.
type pair struct {
	t        *testing.T
	from, to *Roster
	now      time.Time
}

func newPair(t *testing.T) *pair {
	p := &pair{t, &Roster{}, &Roster{}, time.Unix(0, 0)}
	p.from.Open(1)
	p.from.Share(true)
	return p
}

func (p *pair) take(rep Report) bool {
	rep.Instance = "a"
	return p.to.Take(rep, p.now, p.now.Add(time.Second))
}

func TestALostChangeIsFound(t *testing.T) {
	p := newPair(t)
	p.from.Join("ann", "Ann", "1")
	p.take(p.from.Report(1000))
	p.from.Join("bob", "Bob", "2")
	for range reportRepeats {
		p.from.Report(1000) // lost
	}
	p.now = p.now.Add(time.Minute)
	if !p.take(p.from.Report(1000)) {
		t.Fatal("the report shows that something is missing")
	}
	if p.take(p.from.Report(1000)) {
		t.Fatal("who was asked has a moment to answer")
	}
	if !p.to.Unsure() {
		t.Fatal("until then nothing is sure")
	}
	p.take(p.from.Full(1000))
	if p.to.Count() != 2 || p.to.Unsure() {
		t.Fatalf("members: %v", p.to.Members(9))
	}
}

// TestWhoSpeaksSeldomIsGivenTime: an instance says how seldom it speaks, within bounds.
func TestWhoSpeaksSeldomIsGivenTime(t *testing.T) {
	for rest, silence := range map[int]time.Duration{
		0: peerSilence, -5: peerSilence, 10: peerSilence, 100: 250 * time.Second, 1 << 40: peerSilenceMost,
	} {
		p := newPair(t)
		p.from.Join("ann", "Ann", "1")
		rep := p.from.Report(1000)
		rep.Rest = rest
		p.take(rep)
		if silent := p.to.Silent(p.now.Add(silence)); len(silent) != 0 {
			t.Fatalf("rest %d: asked after %v already", rest, silence)
		}
		if silent := p.to.Silent(p.now.Add(silence + time.Second)); len(silent) != 1 {
			t.Fatalf("rest %d: not asked after %v", rest, silence)
		}
	}
}

// TestWhatDoesNotFitIsFound: a peer whose users are not as it says is asked.
func TestWhatDoesNotFitIsFound(t *testing.T) {
	p := newPair(t)
	p.from.Join("ann", "Ann", "1")
	rep := p.from.Report(1000)
	rep.Changes[0].Name = "Bob"
	if !p.take(rep) {
		t.Fatal("the hash says that something is wrong")
	}
}

func TestAMovedUserWasNeverAway(t *testing.T) {
	p := newPair(t)
	p.from.Join("ann", "Ann", "1")
	p.take(p.from.Report(1000))
	p.to.News(1000)
	p.from.Leave("ann", "1")
	p.take(p.from.Report(1000))
	p.to.Fade(p.now.Add(999 * time.Millisecond))
	if news, ok := p.to.News(1000); ok || p.to.Members(9)[0].Conns != 1 {
		t.Fatalf("she may be on her way: %v", news)
	}
	p.to.Join("ann", "Ann", "2")
	p.to.Fade(p.now.Add(time.Minute))
	if news, ok := p.to.News(1000); ok || p.to.Count() != 1 {
		t.Fatalf("she was never away: %v", news)
	}
	p.to.LeaveBy("ann", "2", p.now.Add(time.Second))
	if next, ok := p.to.Fades(); !ok || !next.Equal(p.now.Add(time.Second)) {
		t.Fatal("she fades")
	}
	p.take(p.from.Report(1000)) // says once more that she left, which changes nothing
	p.to.Fade(p.now.Add(time.Second))
	if news, _ := p.to.News(1000); len(news.Left) != 1 || p.to.Count() != 0 {
		t.Fatalf("she left: %v", news)
	}
}

func TestAnInstanceThatIsGoneTakesItsUsers(t *testing.T) {
	p := newPair(t)
	p.from.Join("ann", "Ann", "1")
	p.from.Join("bob", "Bob", "2")
	p.take(p.from.Report(1000))
	p.to.Join("bob", "Bob", "3")
	p.to.News(1000)
	if got := p.to.Members(9)[1]; got.Conns != 2 {
		t.Fatalf("bob has two: %v", got)
	}
	p.to.Drop("a", time.Time{})
	news, _ := p.to.News(1000)
	if len(news.Left) != 1 || news.Left[0].User != "ann" || len(news.Joined) != 0 {
		t.Fatalf("ann is gone, bob is not: %v", news)
	}
	if !p.to.Alone() {
		t.Fatal("nobody else is here")
	}
}

// TestALargeRoomIsReportedByItsNumber: what a change costs does not grow with the room.
func TestALargeRoomIsReportedByItsNumber(t *testing.T) {
	p := newPair(t)
	for i := range 100 {
		p.from.Join(fmt.Sprint("u", i), "N", "1")
		p.take(p.from.Report(50))
	}
	rep := p.from.Report(50)
	if !rep.Counted || rep.Changes != nil {
		t.Fatalf("no names are told: %v", rep)
	}
	p.to.Join("ann", "Ann", "1")
	news, _ := p.to.News(50)
	if !news.Partial || news.Count != 101 || !p.to.Large() {
		t.Fatalf("101 are here: %v", news)
	}
	p.take(p.from.Full(50))
	if n := len(p.to.Members(50)); n != 1+reportSample {
		t.Fatalf("%d are named", n)
	}
	for i := range 80 {
		p.from.Leave(fmt.Sprint("u", i), "1")
	}
	if p.take(p.from.Report(50)) == false {
		t.Fatal("it is small again, and the names are wanted")
	}
	p.take(p.from.Full(50))
	news, _ = p.to.News(50)
	if news.Partial || news.Count != 21 || len(news.Members) != 21 || p.to.crowd != 0 {
		t.Fatalf("21 are here: %v", news)
	}
}
