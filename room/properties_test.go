package room

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever comes and goes, an observer who adds up the changes knows who is here,
// sees one leave for each join, and hears of nobody twice.
func TestRosterTellsOneLeaveForEachJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var roster Roster
		conns := map[string]map[string]bool{}
		observed := map[string]bool{}
		observe := func() {
			news, _ := roster.News(10)
			for _, m := range news.Joined {
				if observed[m.User] || m.Conns == 0 {
					t.Fatalf("user %s joined, with %d connections, and was here: %v", m.User, m.Conns, observed[m.User])
				}
				observed[m.User] = true
			}
			for _, m := range news.Left {
				if !observed[m.User] || m.Conns != 0 {
					t.Fatalf("user %s left, with %d connections, and was here: %v", m.User, m.Conns, observed[m.User])
				}
				observed[m.User] = false
			}
			if roster.Dirty() {
				t.Fatal("something is left to tell after News")
			}
		}
		users := rapid.SampledFrom([]string{"ann", "bo", "cy"})
		ids := rapid.SampledFrom([]string{"1", "2", "3"})
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				user, id := users.Draw(t, "user"), ids.Draw(t, "conn")
				roster.Join(user, "N", id)
				if conns[user] == nil {
					conns[user] = map[string]bool{}
				}
				conns[user][id] = true
			},
			"leave": func(t *rapid.T) {
				user, id := users.Draw(t, "user"), ids.Draw(t, "conn")
				roster.Leave(user, id)
				delete(conns[user], id)
			},
			"observe": func(*rapid.T) { observe() },
			"": func(t *rapid.T) {
				var want []Member
				for user, of := range conns {
					if len(of) > 0 {
						want = append(want, Member{User: user, Name: "N", Conns: len(of)})
					}
				}
				slices.SortFunc(want, func(a, b Member) int { return slices.Compare([]byte(a.User), []byte(b.User)) })
				if got := roster.Members(100); !slices.Equal(want, got) {
					t.Fatalf("members %v, want %v", got, want)
				}
				if roster.Count() != len(want) {
					t.Fatalf("count %d, want %d", roster.Count(), len(want))
				}
			},
		})
		observe()
		for user := range conns {
			if observed[user] != (len(conns[user]) > 0) {
				t.Fatalf("user %s: the observer thinks %v", user, observed[user])
			}
		}
	})
}

func TestRosterForgetsWhoCameAndWentUnseen(t *testing.T) {
	var r Roster
	r.Leave("ann", "1")
	r.Join("ann", "Ann", "1")
	r.Leave("ann", "1")
	nothing := func(why string) {
		_, ok := r.News(10)
		require.False(t, ok, why)
	}
	told := func() News {
		n, ok := r.News(10)
		require.True(t, ok)
		return n
	}
	nothing("came and went between two news")
	r.Join("ann", "Ann", "1")
	require.Equal(t, News{Joined: []Member{{"ann", "Ann", 1}}, Count: 1}, told())
	r.Leave("ann", "1")
	r.Join("ann", "Ann", "2")
	nothing("back before it was told is never away")
	r.Join("ann", "Ann B.", "2")
	require.Equal(t, News{Joined: []Member{{"ann", "Ann B.", 1}}, Count: 1}, told(), "a new name is told")
	r.Leave("ann", "2")
	require.Equal(t, News{Left: []Member{{"ann", "Ann B.", 0}}}, told())
	require.Empty(t, r.Members(1))
}

func TestALargeRosterIsTheNumberAlone(t *testing.T) {
	var r Roster
	user := func(i int) string { return fmt.Sprintf("u%03d", i) }
	come := func(from, to int) {
		for i := from; i < to; i++ {
			r.Join(user(i), "", "c")
		}
	}
	const most = 100
	come(0, most)
	n, ok := r.News(most)
	require.True(t, ok)
	require.Len(t, n.Joined, most)

	come(most, most+20)
	n, ok = r.News(most)
	require.True(t, ok)
	require.Len(t, n.Members, Sample)
	n.Members = nil
	require.Equal(t, News{Partial: true, Count: most + 20}, n)

	r.Leave(user(0), "c")
	r.Join(user(0), "", "d")
	require.False(t, r.Dirty(), "the number is the same")
	r.Leave(user(0), "d")
	require.True(t, r.Dirty())
	n, ok = r.News(most)
	require.True(t, ok)
	require.Equal(t, News{Partial: true, Count: most + 19}, n)
	_, ok = r.News(most)
	require.False(t, ok)

	for i := 1; i <= 45; i++ {
		r.Leave(user(i), "c")
	}
	n, ok = r.News(most)
	require.True(t, ok)
	require.False(t, n.Partial)
	require.Len(t, n.Members, 74)
	require.Equal(t, user(46), n.Members[0].User)
	r.Leave(user(46), "c")
	n, ok = r.News(most)
	require.True(t, ok)
	require.Equal(t, News{Left: []Member{{User: user(46)}}, Count: 73}, n, "from here on by name")
}

func TestRosterBoundsItsList(t *testing.T) {
	var r Roster
	for i := range 600 {
		r.Join(fmt.Sprintf("u%03d", i), "", "c")
	}
	require.Len(t, r.Members(500), 500)
	require.Equal(t, "u000", r.Members(500)[0].User)
	require.Equal(t, 600, r.Count())
}

// world is a room with its log, as an instance and a reader see it.
type world struct {
	state    State
	timeline Timeline
	seq      uint64
}

func (w *world) target(c *Command) *Target {
	if f, ok := w.state.Target(c.Refers()); ok {
		return &f
	}
	return nil
}

// drawCommand gives commands of which most fit their kind; the rest has a stray or
// a missing field.
func drawCommand(t *rapid.T, highest uint64) Command {
	c := Command{Kind: rapid.SampledFrom([]Kind{KindMessage, KindMessage, KindEdit, KindDelete, KindReact, KindUnreact, KindCustom}).Draw(t, "kind")}
	wild := rapid.IntRange(0, 9).Draw(t, "wild") == 0
	changes := (&Event{Kind: c.Kind}).Changes()
	if changes != wild {
		c.Target = rapid.Uint64Range(1, highest+1).Draw(t, "target")
	}
	switch c.Kind {
	case KindMessage, KindEdit:
		c.Text = rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "text")
		c.Data = json.RawMessage(rapid.SampledFrom([]string{"", "1"}).Draw(t, "data"))
	case KindReact, KindUnreact:
		c.Emoji = rapid.SampledFrom([]string{"👍", "🎉"}).Draw(t, "emoji")
	case KindCustom:
		c.Type = "t"
	}
	if !changes {
		c.ReplyTo = rapid.SampledFrom([]uint64{0, 0, highest}).Draw(t, "reply_to")
	}
	return c
}

// What Accept lets in has the effect that it names, and what the State knows of a
// message is what the Timeline shows.
func TestAcceptStateAndTimelineAgree(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		var w world
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			caller := Caller{User: rapid.SampledFrom([]string{"ann", "bo"}).Draw(t, "user"), Grants: Everything()}
			c := drawCommand(t, w.seq)
			e, err := Accept(caller, "lobby", c, w.target(&c), now)
			if err != nil {
				continue
			}
			accepted++
			w.seq += rapid.Uint64Range(1, 3).Draw(t, "hole")
			w.state.Apply(w.seq, e)
			w.timeline.Apply(w.seq, e)
			w.checkEffect(t, e)
		}
		for _, m := range w.timeline.Messages() {
			f, ok := w.state.Target(m.Seq)
			if !ok || f != (Target{Kind: KindMessage, User: m.Event.User, Deleted: m.Deleted}) {
				t.Fatalf("message %d: the state says %+v, %v; the timeline %+v", m.Seq, f, ok, m)
			}
		}
	})
	least := 500
	if testing.Short() {
		least = 100 // rapid draws a fifth
	}
	require.Greater(t, accepted, least, "the commands that are drawn must not all be refused")
}

func (w *world) checkEffect(t *rapid.T, e *Event) {
	m := w.timeline.Message(e.Target)
	switch e.Kind {
	case KindMessage:
		if w.timeline.Message(w.seq) == nil {
			t.Fatal("a message is not in the timeline")
		}
	case KindEdit:
		if m.Event.Text != e.Text || string(m.Event.Data) != string(e.Data) || m.EditedAt != e.At {
			t.Fatalf("an accepted edit has no effect: %+v", m)
		}
	case KindDelete:
		if !m.Deleted || m.Event.Text != "" || m.Event.Data != nil || m.Reactions != nil {
			t.Fatalf("an accepted delete has left something: %+v", m)
		}
	case KindReact, KindUnreact:
		i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji == e.Emoji })
		there := i >= 0 && slices.Contains(m.Reactions[i].Users, e.User)
		if there != (e.Kind == KindReact) {
			t.Fatalf("after %s by %s: %+v", e.Kind, e.User, m.Reactions)
		}
	}
}

func TestStateKnowsTheNewestWindow(t *testing.T) {
	var s State
	for seq := uint64(1); seq <= 3*Window; seq++ {
		s.Apply(seq, &Event{Version: 1, Kind: KindMessage, User: fmt.Sprint(seq)})
		_, known := s.Target(seq - Window)
		require.False(t, known)
		oldest := max(1, int64(seq)-Window+1)
		f, known := s.Target(uint64(oldest))
		require.True(t, known)
		require.Equal(t, fmt.Sprint(oldest), f.User)
	}
	require.Len(t, s.bySeq, Window)
	s.Reset()
	_, known := s.Target(3 * Window)
	require.False(t, known)
}

func TestStateTakesNoOrdersFromTheFuture(t *testing.T) {
	var s State
	s.Apply(1, &Event{Version: 1, Kind: KindMessage, User: "ann"})
	s.Apply(2, &Event{Version: 2, Kind: KindDelete, User: "ann", Target: 1})
	s.Apply(3, &Event{Version: 2, Kind: KindMessage, User: "ann"})
	f, _ := s.Target(1)
	require.False(t, f.Deleted)
	f, known := s.Target(3)
	require.True(t, known)
	require.NotEqual(t, KindMessage, f.Kind)
}
