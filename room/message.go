package room

import "slices"

// Message is a message as it stands after the events that changed it.
type Message struct {
	Seq       uint64     `json:"seq"`
	Event     *Event     `json:"event"`               // as posted, with the newest text and data
	EditedAt  int64      `json:"edited_at,omitempty"` // milliseconds since 1970 UTC; 0: never
	Deleted   bool       `json:"deleted,omitempty"`
	Reactions []Reaction `json:"reactions,omitempty"` // in the order of their first use
}

// Reaction is one emoji under a message, with who gave it, in the order given.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Timeline folds a room's events, in ascending order of sequence, into messages.
// It is the meaning of the events: the TypeScript SDK folds the same way, and
// both are held to the golden files in testdata/fold.
//
// Events that change a message which the timeline has not seen are ignored.
// Applying an event again, or events after a delete, changes nothing.
type Timeline struct {
	bySeq map[uint64]*Message
	order []*Message
	last  uint64 // the highest sequence applied
}

// Messages gives the messages in order. They belong to the timeline.
func (t *Timeline) Messages() []*Message { return t.order }

// Message gives the message at seq, or nil.
func (t *Timeline) Message(seq uint64) *Message { return t.bySeq[seq] }

// Apply takes the next event. It is total: whatever the event, the result is
// defined, and the same on every instance.
func (t *Timeline) Apply(seq uint64, e *Event) {
	if seq <= t.last {
		return
	}
	t.last = seq
	if e.Version > EventVersion {
		return
	}
	if e.Kind == KindMessage {
		t.post(seq, e)
		return
	}
	m := t.bySeq[e.Target]
	if m == nil || m.Deleted {
		return
	}
	switch e.Kind {
	case KindEdit:
		m.edit(e)
	case KindDelete:
		m.remove(e)
	case KindReact:
		m.react(e)
	case KindUnreact:
		m.unreact(e)
	}
}

func (t *Timeline) post(seq uint64, e *Event) {
	if t.bySeq == nil {
		t.bySeq = make(map[uint64]*Message)
	}
	posted := *e
	m := &Message{Seq: seq, Event: &posted}
	t.bySeq[seq] = m
	t.order = append(t.order, m)
}

func (m *Message) edit(e *Event) {
	if e.User != m.Event.User {
		return
	}
	m.Event.Text, m.Event.Data, m.EditedAt = e.Text, e.Data, e.At
}

func (m *Message) remove(e *Event) {
	if e.User != m.Event.User {
		return
	}
	m.Deleted, m.Reactions = true, nil
	m.Event.Text, m.Event.Data = "", nil
}

func (m *Message) react(e *Event) {
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji == e.Emoji })
	if i < 0 {
		m.Reactions = append(m.Reactions, Reaction{Emoji: e.Emoji, Users: []string{e.User}})
		return
	}
	if r := &m.Reactions[i]; !slices.Contains(r.Users, e.User) {
		r.Users = append(r.Users, e.User)
	}
}

func (m *Message) unreact(e *Event) {
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return r.Emoji == e.Emoji })
	if i < 0 {
		return
	}
	r := &m.Reactions[i]
	r.Users = slices.DeleteFunc(r.Users, func(u string) bool { return u == e.User })
	if len(r.Users) == 0 {
		m.Reactions = slices.Delete(m.Reactions, i, i+1)
	}
}
